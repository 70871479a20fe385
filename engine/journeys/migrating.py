"""People under way when a new version is published: who stays, who moves, and when they are looked at next.

A move is asked for together with publishing and carried out by the runner at its next tick, in chunks: nobody else
touches a token. Whoever stands on a node that has no counterpart stays on the old version and finishes there; of one
enrollment either every token moves or none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import audit
from ..access import Actor, require
from ..errors import BadInput, listing
from ..outreach import messages
from ..schema import BRANCHES, ROW, watermark
from ..sql import Sql, fold, sql
from ..store import Store
from . import documents, hearing, reading, versions
from .graph import Layout, lay_out
from .live import Live
from .nodes import Join, Node
from .nodes.base import Deadline, numbered
from .versions import Version

CHUNK = 2_000  # enrollments moved in one transaction
MOVED = "moved"  # the port in the step log
WHY_STAYS = {
    "gone": "there is no such step in the new version",
    "asked": "you chose to let them finish where they are",
    "other_branch": "the step stands in another branch of a fork now",
    "limit": "their limit has changed, and their time is to stay what it was",
}


@dataclass(frozen=True)
class Wish:
    """What should become of people under way.

    retime: whoever waits at a step whose settings changed waits by the new ones, counted from when they arrived there; else
    the moment they were promised stays. nodes: old key -> new key where they differ, or None: whoever stands there stays.
    """

    retime: bool = False
    nodes: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Pair:
    """A node of the old version and where its people go. why: a code of WHY_STAYS when `new` is None."""

    old: Node
    new: Node | None
    why: str | None = None

    @property
    def changed(self) -> bool:
        """Whether the settings differ; notes, names and where it leads do not count."""
        return self.new is not None and _settings(self.old) != _settings(self.new)

    @property
    def arrives(self) -> bool:
        """Whether people come to a step of another kind, as if they had walked there."""
        return self.new is not None and self.new.type != self.old.type  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Standing:
    """People at one node of an earlier version. to: where they go, None: they stay, and why. at_once: how many of them go on
    at once because the new time has passed already."""

    version: int
    node: str
    sentence: str
    people: int
    to: str | None
    why: str | None
    changed: bool
    at_once: int


@dataclass(frozen=True)
class Plan:
    """What publishing would do. moving, staying: passages; somebody with two branches, of which one stays, stays."""

    nodes: tuple[Standing, ...]
    moving: int
    staying: int
    targets: tuple[str, ...]  # nodes of the new version, for a mapping


def plan(store: Store, text: str, wish: Wish, *, now: int) -> Plan:
    """Where everybody under way would come to stand. Raises Invalid: the document has errors. BadInput: a bad mapping."""
    journey = reading.read(documents.load(text), reading.known(store))
    layout = lay_out(journey)
    nodes: list[Standing] = []
    keys: set[str] = set()
    moving = staying = 0
    for number, old in _peopled(store, journey.name):
        pairs = _pairs(old, journey.nodes, layout, wish)
        own, stay = _standing(store, number, old, pairs, wish, now)
        nodes += own
        keys |= pairs.keys()
        inside = store.one("SELECT COUNT(*) FROM enrollment r WHERE r.version_id = :id AND r.status = 'active'", id=old.id)
        moving, staying = moving + inside - stay, staying + stay
    _check_names(wish, keys, [node.id for node in journey.nodes])
    return Plan(tuple(nodes), moving, staying, tuple(node.id for node in journey.nodes))


def publish(store: Store, text: str, wish: Wish | None, *, by: Actor, now: int) -> Version:
    """Publish, and ask that people under way move. wish None: they finish the version they entered. Raises as `plan`."""
    if wish is None:
        return versions.publish(store, text, by=by, now=now)
    with store.transaction():
        plan(store, text, wish, now=now)
        made = versions.publish(store, text, by=by, now=now)
        ask(store, made.journey, wish, by=by, now=now)
    return made


def ask(store: Store, name: str, wish: Wish, *, by: Actor, now: int) -> int:
    """Ask that people of earlier versions move to the live one; of how many versions. Raises NotFound."""
    require(by, "market")
    live = versions.get_live(store, name)
    earlier = [old.id for _, old in _peopled(store, name) if old.id != live.id]
    return _ask(store, live, earlier, live.id, wish, by, now)


def let_go(store: Store, name: str, *, by: Actor, now: int) -> int:
    """Archive a journey and ask that everybody in it leaves at the next tick, their queued messages called off; how many."""
    require(by, "market")
    live = versions.get_live(store, name)
    inside = store.one("SELECT COUNT(*) FROM enrollment r WHERE r.journey_id = :id AND r.status = 'active'", id=live.journey_id)
    with store.transaction():
        versions.set_status(store, name, "archived", by=by, now=now, stranding=True)
        _ask(store, live, [old.id for _, old in _peopled(store, name)], None, Wish(), by, now)
    return int(inside)


def _ask(store: Store, live: Version, earlier: list[int], to: int | None, wish: Wish, by: Actor, now: int) -> int:
    with store.transaction():
        on_their_way = store.rows("""SELECT DISTINCT m.to_version FROM journey_move m WHERE m.journey_id = :id
            AND m.done_at IS NULL AND m.to_version IS NOT NULL AND m.to_version <> :live""", id=live.journey_id, live=live.id)
        earlier = sorted({*earlier, *(row[0] for row in on_their_way)})  # who moves there first moves on from there
        rows = [{"journey_id": live.journey_id, "from_version": old, "to_version": to, "shard": shard,
                 "wish": json.dumps({"retime": wish.retime, "nodes": dict(wish.nodes)}), "at": now, "actor": by.name}
                for old in earlier for shard in _shards(store)]
        store.insert_many("journey_move", rows)
        if rows:
            audit.record(store, by, "journey.move" if to else "journey.let_go", live.journey, now=now, versions=earlier,
                         retime=wish.retime, nodes=dict(wish.nodes))
    return len(earlier)


def _peopled(store: Store, name: str) -> Iterator[tuple[int, Live]]:
    """Published versions that people stand in, the oldest first."""
    for number, id_ in store.rows("""SELECT v.number, v.id FROM journey_version v JOIN journey j ON j.id = v.journey_id
            WHERE j.key = :key AND EXISTS (SELECT 1 FROM enrollment r WHERE r.version_id = v.id AND r.status = 'active')
            ORDER BY v.number""", key=fold(name.strip())):
        yield number, versions.load(store, id_)


def _shards(store: Store) -> list[int]:
    most = store.one("SELECT MAX(t.shard) FROM token t") or 0
    return list(range(most + 1))


# ---------------------------------------------------------------- which node becomes which


def _pairs(old: Live, nodes: Sequence[Node], layout: Layout, wish: Wish) -> dict[str, Pair]:
    fresh = {node.id: node for node in nodes}
    return {node.id: _pair(old, node, fresh, layout, wish) for node in old.journey.nodes}


def _pair(old: Live, node: Node, fresh: dict[str, Node], layout: Layout, wish: Wish) -> Pair:
    key = wish.nodes.get(node.id, node.id)
    new = fresh.get(key) if key is not None else None
    if new is None:
        return Pair(node, None, "asked" if node.id in wish.nodes else "gone")
    if not _same_place(old.layout, node, layout, new, wish):
        return Pair(node, None, "other_branch")
    both = isinstance(node, Deadline) and isinstance(new, Deadline) and type(node) is type(new)
    if both and not wish.retime and node.timeout != new.timeout:  # type: ignore[attr-defined]
        return Pair(node, None, "limit")
    return Pair(node, new)


def _same_place(was: Layout, node: Node, layout: Layout, new: Node, wish: Wish) -> bool:
    """Whether a token keeps its branch number: the same arms of the same forks around it; of a join, the same fork."""
    if isinstance(node, Join) or isinstance(new, Join):
        return isinstance(node, Join) and isinstance(new, Join) and \
            was.regions[was.fork_of[node.id]] == layout.regions[layout.fork_of[new.id]]
    path = tuple((wish.nodes.get(fork, fork), arm) for fork, arm in was.paths[node.id])
    return path == layout.paths[new.id] and was.branch(node.id) == layout.branch(new.id)


def _settings(node: Node) -> dict[str, Any]:
    return node.model_dump(mode="json", by_alias=True, exclude={"id", "note", "next", "on"})


def _check_names(wish: Wish, keys: set[str], targets: list[str]) -> None:
    """Raises BadInput: a mapping that names what is not there."""
    for old, new in wish.nodes.items():
        if new is not None and new not in targets:
            raise BadInput(f"people of {old!r} can not move to {new!r}: the new version has {listing(targets)}")
        if keys and old not in keys:
            raise BadInput(f"there is no step {old!r} in an earlier version that people stand in: there are "
                           f"{listing(sorted(keys))}")


# ---------------------------------------------------------------- counted beforehand


def _standing(store: Store, number: int, old: Live, pairs: dict[str, Pair], wish: Wish,
              now: int) -> tuple[list[Standing], int]:
    shards = ", ".join(str(shard) for shard in _shards(store))
    counts: dict[str, int] = dict(store.rows(f"""SELECT n.key, (SELECT COUNT(*) FROM token t WHERE t.shard IN ({shards})
        AND t.node_id = n.id)
        FROM node n WHERE n.version_id = :version""", version=old.id))
    found = []
    for key, pair in pairs.items():
        if not counts.get(key):
            continue
        at_once = _at_once(store, old.ids[key], pair, shards, now) if pair.changed and wish.retime else 0
        found.append(Standing(number, key, pair.old.describe(), counts[key], pair.new.id if pair.new else None, pair.why,
                              pair.changed, at_once))
    left = [str(old.ids[one.node]) for one in found if one.to is None]
    stay = store.one(f"""SELECT COUNT(DISTINCT t.enrollment_id) FROM token t WHERE t.shard IN ({shards})
        AND t.node_id IN ({', '.join(left)})""") if left else 0
    return found, int(stay)


def _at_once(store: Store, node_id: int, pair: Pair, shards: str, now: int) -> int:
    assert pair.new
    due = pair.new.deadline if isinstance(pair.new, Deadline) else pair.new.looks_at()
    return int(store.one(sql(f"""SELECT COUNT(*) FROM token b WHERE b.shard IN ({shards}) AND b.node_id = {node_id}
        AND {{due}} <= :now""", due=due), now=now, upto=watermark(store, hearing.CONSUMER)[0]))


# ---------------------------------------------------------------- carried out by the runner


def advance(store: Store, shards: Sequence[int], shard_count: int, *, now: int, chunk: int = CHUNK) -> int:
    """Carry out every move that was asked for on these shards; how many tokens moved or left. The caller holds the lease."""
    done = 0
    for row in store.records("""SELECT m.id, m.from_version, m.to_version, m.shard, m.wish FROM journey_move m
            WHERE m.done_at IS NULL ORDER BY m.id"""):
        if row["shard"] in shards:
            done += _Move(store, row, shard_count, now, chunk).run()
    return done


class _Move:
    """One move, chunk by chunk; each is one transaction together with how far it came."""

    def __init__(self, store: Store, row: dict[str, Any], shard_count: int, now: int, chunk: int) -> None:
        self.store, self.id, self.now, self.chunk = store, row["id"], now, chunk
        self.old = versions.load(store, row["from_version"], shard_count)
        self.new = versions.load(store, row["to_version"], shard_count) if row["to_version"] else None
        wish = json.loads(row["wish"])
        self.wish = Wish(wish["retime"], wish["nodes"])
        self.pairs = _pairs(self.old, self.new.journey.nodes, self.new.layout, self.wish) if self.new else {}
        self.here = {"old": self.old.id, "shard": row["shard"], "shards": shard_count, "move": self.id, "now": now,
                     "upto": watermark(store, hearing.CONSUMER)[0]}

    def run(self) -> int:
        statements = self._moving() if self.new else hearing.take_away(self.old.layout.branch_count)
        done = 0
        while True:
            with self.store.transaction():
                picked = self._pick()
                moved = self._fill() if picked else 0
                for statement in statements if moved else ():
                    self.store.run(statement, **self.here)
                self._note(picked)
            done += moved
            if picked < self.chunk:
                return done

    def _pick(self) -> int:
        self.store.run("DELETE FROM picked")
        found = self.store.run("""INSERT INTO picked (id, contact_id) SELECT r.id, r.contact_id FROM enrollment r
            WHERE r.version_id = :old AND r.status = 'active' AND r.contact_id % :shards = :shard
            AND r.id > (SELECT m.after_id FROM journey_move m WHERE m.id = :move) ORDER BY r.id LIMIT :chunk""",
                               **self.here, chunk=self.chunk)
        self.store.after_fill("picked")
        return found

    def _fill(self) -> int:
        """Tokens of the picked enrollments into the batch, `seen` = where they stand; without those that stay."""
        self.store.run("DELETE FROM batch")
        if self.new is None:
            filled = self.store.run(f"""INSERT INTO batch ({ROW}, seen, port, reason) SELECT p.id * {BRANCHES}, p.id,
                p.contact_id, :shard, :now, :now, 0, :upto, NULL, :upto, 'exit', 'archived' FROM picked p""", **self.here)
            self.store.after_fill("batch")
            return filled
        self.store.run(sql(f"""INSERT INTO batch ({ROW}, seen) SELECT s.id, s.enrollment_id, s.contact_id, s.shard, s.due_at,
                s.arrived_at, s.seq, s.since_event, s.memo, s.node_id
            FROM picked p CROSS JOIN {{branches}} AS v JOIN token s ON s.id = p.id * {BRANCHES} + v.column1""",
                           branches=numbered(range(self.old.layout.branch_count))))
        mapped = ", ".join(str(self.old.ids[key]) for key, pair in self.pairs.items() if pair.new) or "0"
        self.store.run(f"""DELETE FROM batch WHERE enrollment_id IN (SELECT o.enrollment_id FROM batch o
            WHERE o.seen NOT IN ({mapped}))""")
        self.store.after_fill("batch")
        return int(self.store.one("SELECT COUNT(*) FROM batch"))

    def _note(self, picked: int) -> None:
        """Count, set the mark, and say when there is nobody left."""
        self.store.run("""UPDATE journey_move SET after_id = GREATEST(after_id, COALESCE((SELECT MAX(p.id) FROM picked p), 0)),
            moved = moved + :moved, stayed = stayed + :picked - :moved, done_at = :done WHERE id = :move""",
                       moved=self.store.one("SELECT COUNT(DISTINCT b.enrollment_id) FROM batch b") if picked else 0,
                       picked=picked, done=self.now if picked < self.chunk else None, move=self.id)

    def _moving(self) -> list[Sql]:
        assert self.new
        log = sql("""INSERT INTO step (token_id, node_id, seq, at, port, seen, reason)
            SELECT b.id, b.seen, b.seq, :now, :port, NULL, :reason FROM batch b ORDER BY b.id""", port=MOVED,
                  reason=f"to version {_number(self.store, self.new.id)}")
        moved = [statement for key, pair in self.pairs.items() if pair.new for statement in self._one(key, pair)]
        return [log, *moved, sql("""UPDATE enrollment SET version_id = :version
            WHERE id IN (SELECT b.enrollment_id FROM batch b)""", version=self.new.id)]

    def _one(self, key: str, pair: Pair) -> list[Sql]:
        """The tokens of one node, and the messages that belong to them."""
        assert self.new and pair.new
        old, new = self.old.ids[key], self.new.ids[pair.new.id]
        rows = sql("(SELECT * FROM batch s WHERE s.seen = :old)", old=old)
        moved = sql("""UPDATE token SET node_id = :new, due_at = {due}, arrived_at = {arrived}, memo = {memo}
            FROM {rows} b WHERE token.id = +b.id""", new=new, rows=self._arriving(rows) if pair.arrives else rows,
                    due=self._due(pair), arrived=sql("b.arrived_at"), memo=sql("NULL" if pair.arrives else "b.memo"))
        if pair.arrives:
            off = messages.cancel_for(sql("""SELECT m.id FROM {rows} b CROSS JOIN message m WHERE m.token_id = b.id
                AND m.visit = b.seq""", rows=rows), sql("'moved'"))
            return [off, moved, *pair.new.arrivals(self._arriving(rows), self.new.place(pair.new.id))]
        renamed = [messages.follow(old, new, sql(f"""(SELECT p.enrollment_id * {BRANCHES} + v.column1 AS id
            FROM (SELECT DISTINCT o.enrollment_id FROM batch o) p CROSS JOIN {{branches}} AS v)""",
            branches=numbered(range(self.old.layout.branch_count))), visit=False)] if key != pair.new.id else []
        return [messages.follow(old, new, rows, visit=True), moved, *renamed]

    def _arriving(self, rows: Sql) -> Sql:
        return sql("""(SELECT q.id, q.enrollment_id, q.contact_id, q.shard, q.due_at, :now AS arrived_at, q.seq, q.since_event,
            q.memo FROM {rows} q)""", rows=rows)

    def _due(self, pair: Pair) -> Sql:
        """A step that may keep people is looked at now: it lets them stay when there is nothing to do. Others keep the moment
        that was promised, unless they are timed anew."""
        assert pair.new
        if pair.arrives or (pair.changed and self.wish.retime and not pair.new.may_stay):
            return pair.new.looks_at()
        return sql(":now") if pair.changed and pair.new.may_stay else sql("b.due_at")


def _number(store: Store, version_id: int) -> int:
    return int(store.one("SELECT v.number FROM journey_version v WHERE v.id = :id", id=version_id))
