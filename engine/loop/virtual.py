"""A workspace whose clock jumps: the real loop, fed with what happens and when, and a postman with whom nothing leaves.

Simulation, journey tests and the demo of a template run in one, each in a database of its own in memory.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import groupby
from typing import Any

from ..activity import events
from ..activity.inbox import Waiting
from ..activity.reading import read_event
from ..audience import lifecycle, scoring
from ..clock import HOUR
from ..config import Config
from ..outreach import delivery, messages
from ..outreach.delivery import Sent
from ..people import consent, contacts, dirty
from ..store import CHUNK, Store
from .tick import Loop

Row = dict[str, Any]
Happening = tuple[int, str, Row]  # when, which kind of thing, and what the kind needs to know
Answers = Callable[[Row, int], Iterable[Happening]]  # what somebody does with a message, and when
Kind = Callable[["World", list[tuple[int, Row]]], None]  # makes things of one kind happen, in order
_DUE = f"message m WHERE {messages.WAITING} AND m.status = 'admitted' AND m.due_at <= :now ORDER BY m.due_at, m.id LIMIT :most"
_WAITING = f"SELECT 1 FROM message m WHERE {messages.WAITING} AND m.status = 'admitted' AND m.due_at <= :now LIMIT 1"
_WORK = """SELECT m.id, m.contact_id, m.channel, m.attempts, m.round, m.template_id, t.version_id, t.name AS template,
        m.journey_id, n.key AS node, n.id AS node_id, m.token_id, m.visit, j.name AS journey
    FROM picked p CROSS JOIN message m JOIN template t ON t.id = m.template_id LEFT JOIN node n ON n.id = m.node_id
    LEFT JOIN journey j ON j.id = m.journey_id WHERE m.id = p.id AND m.status = 'sending' ORDER BY m.due_at, m.id"""
_NEXT_TOKEN = """SELECT MIN(q.due_at) FROM (SELECT (SELECT MIN(t.due_at) FROM token t WHERE t.shard = 0 AND t.node_id = n.id
    AND t.due_at > :now) AS due_at FROM node n) q"""
_NEXT_MESSAGE = "SELECT MIN(m.due_at) FROM message m WHERE m.status IN ('queued', 'admitted', 'sending') AND m.due_at > :now"


def _nobody_answers(_: Row, __: int) -> Iterable[Happening]:
    return ()


@dataclass
class World:
    """A store that is all ours, and what is still to happen in it. now: UTC seconds, moved on by `run` alone.

    step_s: the clock never moves by less, so that a long simulation stays short; 0: to the very second. idle_s: nor, where
    nothing is due, by more. first: a kind that nothing of a moment comes before, such as people to whom it happens.
    """

    store: Store
    now: int
    answers: Answers = _nobody_answers
    step_s: int = 0
    idle_s: int = HOUR
    config: Config = field(default_factory=lambda: Config(secret=secrets.token_bytes(16)))
    kinds: dict[str, Kind] = field(default_factory=lambda: dict(KINDS))
    first: str = ""
    ticks: int = 0
    _ahead: list[tuple[int, int, str, Row]] = field(default_factory=list)
    _count: int = 0

    def __post_init__(self) -> None:
        self.loop = Loop(self.store, self.config, carry=self._carry, inside=True)
        self.loop.runner.breathe = lambda: None
        self._salt = secrets.token_hex(4)

    def expect(self, happenings: Iterable[Happening]) -> None:
        """What will happen. Things of one moment happen in the order in which they were told."""
        for at, kind, row in happenings:
            self._count += 1
            heappush(self._ahead, (at, self._count, kind, row))

    def run(self, until: int, progress: Callable[[int], None] | None = None) -> None:
        """Let time pass up to `until`, which is the last moment that counts. progress: told the moment it is."""
        while (at := self._next(until)) is not None:
            self.now = at
            self._feed(at)
            self.loop.settle(at)
            self.ticks += 1
            if progress:
                progress(at)

    # ------------------------------------------------------------ the clock

    def _next(self, until: int) -> int | None:
        """The next moment worth looking at: something happens, a row or a message falls due, or an hour has passed."""
        if self.now >= until:
            return None
        due = [self._ahead[0][0]] if self._ahead else []
        due += [found for query in (_NEXT_TOKEN, _NEXT_MESSAGE)
                if (found := self.store.one(query, now=self.now)) is not None]
        soonest = max(min([*due, self.now + self.idle_s]), self.now + (1 if self.ticks else 0))
        if self.step_s:
            soonest = max(-(-soonest // self.step_s) * self.step_s, self.now + (1 if self.ticks else 0))
        return min(soonest, until)

    def _feed(self, now: int) -> None:
        due = []
        while self._ahead and self._ahead[0][0] <= now:
            due.append(heappop(self._ahead))
        due.sort(key=lambda one: one[2] != self.first)
        for kind, run in groupby(due, key=lambda one: one[2]):
            self.kinds[kind](self, [(at, row) for at, _, _, row in run])

    def number(self) -> int:
        """A number that nothing else in this world has."""
        self._count += 1
        return self._count

    def key(self) -> str:
        """A dedupe key for an event of this world."""
        return f"virtual:{self._salt}:{self.number()}"

    # ------------------------------------------------------------ the postman

    def _carry(self, store: Store, _: Config, *, now: int) -> Sent:
        """Mark what is admitted as sent, tell of it, and let people answer. What was admitted a moment ago needs no second
        look, and our own word no inbox."""
        total = Sent()
        while store.one(_WAITING, now=now):
            with store.transaction():
                store.serialize("event")
                store.run("DELETE FROM picked")
                store.run(f"INSERT INTO picked (id, contact_id) SELECT m.id, m.contact_id FROM {_DUE}", now=now, most=CHUNK)
                store.after_fill("picked")
                messages.claim(store, now=now)
                rows = store.records(_WORK)
                messages.mark(store, [_marked(row, now) for row in rows])
                self._tell(store, now)
            for row in rows:
                self.expect(self.answers(row, now))
            total.sent += len(rows)
        return total

    def _tell(self, store: Store, now: int) -> None:
        while rows := messages.untold(store, CHUNK):
            events.insert_events(store, [
                {"contact_id": row["contact_id"], **read_event(Waiting(0, now, item.kind, item.dedupe_key, item.payload))}
                for row in rows for item in delivery.items_of(row, now)])
            messages.told(store, [row["id"] for row in rows], now=now)


def _marked(row: Row, now: int) -> Row:
    return {"id": row["id"], "status": "sent", "reason": None, "detail": None, "transport": "virtual", "provider_id": None,
            "address": None, "template_version_id": row["version_id"], "sent_at": now, "due_at": None, "untried": 0}


# ------------------------------------------------------------ what can happen


def _events(world: World, happened: list[tuple[int, Row]]) -> None:
    """Rows of the event table; `occurred_at` is when it happens unless told."""
    rows = [{"occurred_at": at, "received_at": at, "props": "{}", "source": "virtual", "dedupe_key": world.key(), **row}
            for at, row in happened]
    with world.store.transaction():
        events.insert_events(world.store, rows)


def _facts(world: World, happened: list[tuple[int, Row]]) -> None:
    """contact_id and what is said of them: fields by folded name (contacts.CLEAR empties one), `stage` among them."""
    from_stage = [row["contact_id"] for _, row in happened if "stage" in row]
    with world.store.transaction():
        world.store.serialize("event")
        contacts.upsert_many(world.store, [row for _, row in happened], now=world.now, source="virtual")
        if from_stage:
            lifecycle.catch_up(world.store, from_stage, now=world.now, source="virtual", live=True)


def _labels(world: World, happened: list[tuple[int, Row]]) -> None:
    """contact_id, what: tag or list, name, add: whether it is given or taken."""
    acts = {("tag", True): lambda ids, name: contacts.add_tags(world.store, ids, [name], now=world.now, source="virtual"),
            ("tag", False): lambda ids, name: contacts.remove_tags(world.store, ids, [name], now=world.now, source="virtual"),
            ("list", True): lambda ids, name: contacts.add_to_list(world.store, ids, name, now=world.now, source="virtual"),
            ("list", False): lambda ids, name: contacts.remove_from_list(world.store, ids, name, now=world.now,
                                                                         source="virtual")}
    with world.store.transaction():
        for _, row in happened:
            acts[row["what"], row["add"]]([row["contact_id"]], row["name"])


def _consents(world: World, happened: list[tuple[int, Row]]) -> None:
    """Rows of the consent ledger."""
    with world.store.transaction():
        consent.load(world.store, [{"topic": "", "purpose": "marketing", "basis": "virtual", "source": "virtual",
                                    "text_shown": None, "ip": None, "actor": "virtual", **row, "at": at}
                                   for at, row in happened])
        dirty.mark(world.store, [row["contact_id"] for _, row in happened])


def _letters(world: World, happened: list[tuple[int, Row]]) -> None:
    """Messages that others sent: whole rows."""
    with world.store.transaction():
        messages.load(world.store, [row for _, row in happened])


def _points(world: World, happened: list[tuple[int, Row]]) -> None:
    """Score entries that others gave: whole rows, counted at the next tick."""
    with world.store.transaction():
        scoring.load_entries(world.store, [row for _, row in happened])


KINDS: dict[str, Kind] = {
    "event": _events, "facts": _facts, "label": _labels, "consent": _consents, "message": _letters, "points": _points}
