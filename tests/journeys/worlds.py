"""Random journeys and random lives for the property tests, and the few verbs that all journey tests use."""

from __future__ import annotations

import json
import random
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from engine.access import Actor
from engine.activity import events
from engine.content import templates
from engine.journeys import documents, versions
from engine.journeys.runner import Pace, Runner
from engine.maths.assignment import hash31_of
from engine.outreach import messages
from engine.store import Store

START = 1_760_000_000
ANN = Actor("Ann", "admin")
SIGNUP = {"event": "signup"}
Open = tuple[str, str]  # a port that leads nowhere yet
Document = dict[str, Any]


def add_contacts(store: Store, count: int, zones: tuple[str | None, ...] = (None,)) -> None:
    """Contacts 1..count, straight into the table: these tests are about movement, not about identity."""
    with store.transaction():
        store.insert_many("contact", [
            {"email": f"c{i}@example.com", "time_zone": zones[i % len(zones)], "hash31": hash31_of(str(i)),
             "created_at": START, "updated_at": START} for i in range(1, count + 1)])


def add_templates(store: Store, *names: str) -> None:
    """Plain messages of these names."""
    for name in names:
        templates.save(store, name, html=f"<p>{name}</p>", text=name, subject=name, by=ANN, now=START)


def record(store: Store, contact: int, name: str, at: int, **props: Any) -> None:
    """Somebody did something, as intake would write it."""
    with store.transaction():
        events.insert_events(store, [_event(store, contact, name, at, props)])


def _event(store: Store, contact: int, name: str, at: int, props: Document) -> Document:
    number = store.one("SELECT COUNT(*) FROM event")
    return {"contact_id": contact, "name": name, "occurred_at": at, "received_at": at, "props": json.dumps(props),
            "dedupe_key": f"t:{number}:{contact}:{name}", "source": "test"}


def journey(*nodes: Document, name: str = "j", trigger: Document | None = None, **more: Any) -> Document:
    """A document; the nodes in order, the entry by `signup` unless told."""
    entry = {"trigger": trigger or SIGNUP, "reentry": more.pop("reentry", {"policy": "after_finish"})}
    return {"name": name, "goal": {"rule": {"event": "purchase"}}, "entry": entry, "nodes": list(nodes), **more}


def publish(store: Store, *graphs: Document, now: int = START) -> None:
    """Make documents live."""
    for graph in graphs:
        versions.publish(store, documents.dump(graph), by=ANN, now=now)


def runner(store: Store, size: int = 1_000, chunk: int = 1_000) -> Runner:
    """A runner of a fixed batch size that does not pause."""
    return Runner(store, pace=Pace(size=size, fixed=True), ear=Pace(size=chunk, fixed=True), breathe=lambda: None)


def post(store: Store, now: int) -> int:
    """A postman for tests without a channel: hands over what is queued; every third person's mail is skipped."""
    rows = store.rows("""SELECT m.id, m.contact_id, m.node_id, m.token_id, m.visit FROM message m
        WHERE m.status = 'queued' ORDER BY m.contact_id, m.node_id, m.token_id, m.visit""")
    if not rows:
        return 0
    with store.transaction():
        for id_, contact, node, token, visit in rows:
            skipped = contact % 3 == 0
            store.run("UPDATE message SET status = :status, reason = :reason, sent_at = :now WHERE id = :id", now=now, id=id_,
                      status="skipped" if skipped else "sent", reason="no_consent" if skipped else None)
            events.insert_events(store, [{
                "contact_id": contact, "name": "message_skipped" if skipped else "email_sent", "occurred_at": now,
                "received_at": now, "props": "{}", "dedupe_key": f"post:{node}:{token}:{visit}", "source": "test",
                "message_id": id_}])
    return len(rows)


def tick(engine: Runner, now: int) -> None:
    """The runner and the postman until both are done."""
    while True:
        tally = engine.tick(now)
        if not (tally.steps or tally.heard or post(engine.store, now)):
            return


def trail(store: Store, contact: int = 1) -> list[str]:
    """The walk of one contact in words: node.port, in order."""
    rows = store.rows("""SELECT n.key, s.port, s.reason FROM step s JOIN node n ON n.id = s.node_id
        JOIN enrollment r ON r.id = s.token_id / 64 WHERE r.contact_id = :contact ORDER BY s.id""", contact=contact)
    return [f"{key}.{port or 'held:' + str(reason)}" for key, port, reason in rows]


def state(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that must not depend on how the work was cut up.

    Enrollments are renumbered in order: a sequence of PostgreSQL does not take back what a rollback used. An event counts
    as the number of outside events up to it: a runner that starts again has heard what it wrote itself.
    """
    number = {row[0]: i for i, row in enumerate(store.rows("SELECT id FROM enrollment ORDER BY id"))}
    outside = [row[0] for row in store.rows("SELECT id FROM event WHERE source = 'test' ORDER BY id")]

    def tokens(query: str, *event_columns: int) -> list[tuple[Any, ...]]:
        rows = []
        for row in store.rows(query):
            cells = [(number[row[0] // 64] * 64 + row[0] % 64), *row[1:]]
            for at in event_columns:
                cells[at] = None if cells[at] is None else bisect_right(outside, cells[at])
            rows.append(tuple(cells))
        return sorted(rows, key=str)

    return {
        "token": tokens("SELECT id, contact_id, node_id, due_at, arrived_at, seq, since_event, memo FROM token", 6),
        "enrollment": tokens("""SELECT id * 64, contact_id, key, status, reason, since_event, ended_at, ended_event
            FROM enrollment""", 5, 7),
        "step": tokens("SELECT token_id, node_id, seq, at, port, reason FROM step"),
        "message": tokens("SELECT token_id, node_id, visit, contact_id, created_at, status, reason FROM message"),
        "score": tokens("SELECT token_id, contact_id, points, at, visit FROM score_entry"),
        "contact": store.rows(f"SELECT id, engagement_score, locale{_custom(store)} FROM contact ORDER BY id"),
        "stat": store.rows("SELECT node_id, port, SUM(n) FROM node_stat GROUP BY 1, 2 ORDER BY 1, 2"),
        "tag": store.rows("""SELECT k.contact_id, t.name FROM contact_tag k JOIN tag t ON t.id = k.tag_id ORDER BY 1, 2"""),
    }


def _custom(store: Store) -> str:
    return "".join(f", {row[0]}" for row in store.rows("SELECT f.column_name FROM field f ORDER BY f.id"))


@dataclass
class Builder:
    """Draws a structured graph: sequences of blocks, forks closed by joins, loops closed by a go-to."""

    chance: random.Random
    nodes: list[Document] = field(default_factory=list)
    budget: int = 12

    def add(self, kind: str, **settings: Any) -> Document:
        """A node without its edges."""
        node = {"id": f"n{len(self.nodes)}", "type": kind, **settings}
        self.nodes.append(node)
        return node

    def link(self, ends: list[Open], target: str) -> None:
        """Let open ports lead to the target."""
        for source, port in ends:
            node = next(node for node in self.nodes if node["id"] == source)
            if port == "next":
                node["next"] = target
            else:
                node.setdefault("on", {})[port] = target

    def sequence(self, ends: list[Open], depth: int) -> list[Open]:
        """A few blocks in a row."""
        for _ in range(self.chance.randint(1, 3)):
            ends = self.block(ends, depth)
        return ends

    def block(self, ends: list[Open], depth: int) -> list[Open]:
        """One block of any kind."""
        self.budget -= 1
        simple = ["send", "score", "tag", "wait", "wait_for", "wait_rule", "field", "limit", "nurture", "clock", "emit",
                  "number"]
        nested = ["condition", "split", "fork", "loop"] if depth < 3 and self.budget > 0 else []
        kind = self.chance.choice(simple + nested * 2 + (["goal"] if depth == 0 else []))
        return getattr(self, f"_{kind}")(ends, depth)

    def one(self, ends: list[Open], kind: str, ports: tuple[str, ...] = ("next",), **settings: Any) -> list[Open]:
        """A node with its ports open."""
        node = self.add(kind, **settings)
        self.link(ends, node["id"])
        return [(node["id"], port) for port in ports]

    def _send(self, ends: list[Open], depth: int) -> list[Open]:
        if self.chance.random() < 0.5:
            return self.one(ends, "send", template="t")
        return self.one(ends, "send", ("sent", "skipped", "failed"), template="t")

    def _score(self, ends: list[Open], depth: int) -> list[Open]:
        return self.one(ends, "score", points=self.chance.randint(1, 3))

    def _field(self, ends: list[Open], depth: int) -> list[Open]:
        return self.one(ends, "set_field", field="locale", value=self.chance.choice(["de", "fr"]))

    def _tag(self, ends: list[Open], depth: int) -> list[Open]:
        return self.one(ends, "tag", add=["x"], remove=self.chance.choice([[], ["y"]]))

    def _wait(self, ends: list[Open], depth: int) -> list[Open]:
        return self.one(ends, "wait", **{"for": self.chance.choice(["1s", "60s", "200s"])})

    def _wait_for(self, ends: list[Open], depth: int) -> list[Open]:
        return self.one(ends, "wait_for", ("happened", "timeout"), event={"event": self.chance.choice("ab")},
                        timeout=self.chance.choice(["1s", "100s", "400s"]))

    def _wait_rule(self, ends: list[Open], depth: int) -> list[Open]:
        rule = self.chance.choice([{"score": {"op": "at_least", "value": 3}, "group": "engagement"}, {"event": "b"},
                                   {"event": "a", "op": "at_most", "count": 0, "within": "120s"}])
        return self.one(ends, "wait_for", ("happened", "timeout"), rule=rule, timeout="300s")

    def _limit(self, ends: list[Open], depth: int) -> list[Open]:
        return self.one(ends, "rate_limit", count=self.chance.randint(1, 2), per=self.chance.choice(["60s", "150s"]))

    def _nurture(self, ends: list[Open], depth: int) -> list[Open]:
        return self.one(ends, "nurture", ("sent", "skipped", "failed", "exhausted"), templates=["t", "u"])

    def _clock(self, ends: list[Open], depth: int) -> list[Open]:
        if self.chance.random() < 0.5:
            return self.one(ends, "wait", until={"time": self.chance.choice(["08:55", "09:00"]), "zone": "Europe/Berlin"})
        return self.one(ends, "wait", ("next", "passed"), until_field="created_at", offset=self.chance.choice(["-1d", "90s"]))

    def _emit(self, ends: list[Open], depth: int) -> list[Open]:
        return self.one(ends, "emit", event=self.chance.choice("ab"))

    def _number(self, ends: list[Open], depth: int) -> list[Open]:
        return self.one(ends, "increment_field", field="visits", by=self.chance.randint(1, 3))

    def _goal(self, ends: list[Open], depth: int) -> list[Open]:
        return self.one(ends, "goal", ("reached", "missed"), rule={"event": "goal"})

    def _condition(self, ends: list[Open], depth: int) -> list[Open]:
        rule = self.chance.choice([{"score": {"op": "at_least", "value": 2}, "group": "engagement"}, {"event": "a"}])
        yes, no = self.one(ends, "condition", ("yes", "no"), rule=rule)
        if self.chance.random() < 0.5:
            self.link([no], self.add("exit")["id"])
            return self.sequence([yes], depth + 1)
        return [*self.sequence([yes], depth + 1), no]

    def _split(self, ends: list[Open], depth: int) -> list[Open]:
        arms = self.one(ends, "split", ("x", "y"), arms={"x": 1, "y": 1})
        return [end for arm in arms for end in self.sequence([arm], depth + 1)]

    def _fork(self, ends: list[Open], depth: int) -> list[Open]:
        names = tuple("pqr"[: self.chance.randint(2, 3)])
        ports = self.one(ends, "fork", names)
        self.nodes[-1]["on"] = dict.fromkeys(names, "")  # their order says which branch keeps the token
        tails = [self.sequence([port], depth + 1) for port in ports]
        if self.chance.random() < 0.5:
            ends = {"ends": "passage"} if self.chance.random() < 0.3 else {}
            self.link(tails.pop(), self.add("exit", **ends)["id"])
        return self.one([end for tail in tails for end in tail], "join", ("joined", "timeout"), timeout="250s",
                        mode=self.chance.choice(["all", "any"]))

    def _loop(self, ends: list[Open], depth: int) -> list[Open]:
        head = self.add("score", points=1)
        self.link(ends, head["id"])
        tails = self.sequence([(head["id"], "next")], depth + 1)
        rule = {"score": {"op": "at_least", "value": self.chance.randint(3, 8)}, "group": "engagement"}
        yes, no = self.one(tails, "condition", ("yes", "no"), rule=rule)
        back = self.add("go_to", node=head["id"], after="60s")
        self.link([no], back["id"])
        return [yes]


def build(seed: int) -> Document:
    """The journey of a seed."""
    chance = random.Random(seed)
    builder = Builder(chance)
    ends = builder.sequence([], 0)
    builder.link(ends, builder.add("exit")["id"])
    policy = chance.choice([{"policy": "never"}, {"policy": "after_finish"}, {"policy": "concurrent"},
                            {"policy": "cooldown", "after": "300s"}])
    exits = {"exit": [{"rule": {"event": "stop"}, "reason": "stop"}]} if chance.random() < 0.5 else {}
    return journey(*builder.nodes, reentry=policy, **exits)


def journeys() -> st.SearchStrategy[Document]:
    """From a seed: drawn choice by choice, hypothesis prefers tiny graphs in which nothing happens."""
    return st.integers(0, 10**9).map(build)


Life = list[tuple[int, list[tuple[int, str]]]]  # (seconds since the last tick, what happens before it)


def lives() -> st.SearchStrategy[Life]:
    """What three people do over time; some parts hold a goal and an exit at once on purpose."""
    names = ["signup"] * 4 + ["a", "b"] * 4 + ["goal", "stop"]
    happening = st.tuples(st.integers(1, 3), st.sampled_from(names))
    both = st.sampled_from([[(1, "goal"), (1, "stop")], [(1, "stop"), (1, "goal"), (1, "signup")]])
    doings = st.one_of(*[st.lists(happening, max_size=6)] * 4, both)
    part = st.tuples(st.sampled_from([1, 30, 60, 100, 400, 90_000]), doings)
    first = (1, [(1, "signup"), (2, "signup"), (3, "signup")])
    return st.lists(part, min_size=4, max_size=10).map(lambda rest: [first, *rest])


TERMINAL = messages.TERMINAL
