"""The runner owns every statement that moves a token.

One pass: hear the new events (exits, goals, triggers, wake-ups), then drain every node that has work, in graph order,
until nothing is due. Each batch is one transaction: claim, effects, log, leave. A crash loses the open transaction
and nothing else: whoever ticks next first ends the pass that was cut off, as of its own moment and the events it knew, so that
what the pass itself gave rise to (an event of a journey, a crossed score) is heard after it, crash or no crash.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from .. import clock
from ..activity import events
from ..schema import set_watermark, watermark
from ..sql import Sql
from ..store import Store
from . import hearing, migrating
from .moments import Calendar, bells
from .moves import Step, compile_step
from .versions import load_live

BREATH_S = 0.001  # between two batches, so that another writer gets through the gate
MOST_COUNTS = 10_000  # rows of `node_stat` after which they are summed up
MOST_PASSES = 10_000  # looks at what is due: a pass that takes more is a loop nobody foresaw
HEARING = 0  # the work of hearing, among those of nodes
OPEN_PASS = "pass"  # the watermark of a pass that has begun to change things: the last event it knows, and its moment


@dataclass
class Tally:
    """What one tick did. steps: rows logged; enrolled: passages begun."""

    heard: int = 0
    enrolled: int = 0
    steps: int = 0
    batches: int = 0
    longest_s: float = 0.0


@dataclass
class Pace:
    """How much one transaction takes on, so that others are kept from writing for about the target time.

    Learned for each kind of work (a node by its id) by itself: rows of a message cost many times those of a wait.
    """

    size: int = 2_000  # where nothing has been learned yet
    target_s: float = 0.030
    fixed: bool = False
    _learned: dict[int, int] = field(default_factory=dict)

    def of(self, work: int) -> int:
        """Rows to take on next."""
        return self._learned.get(work, self.size)

    def learn(self, work: int, taken: int, took_s: float) -> None:
        """Grow or shrink towards the target after a full batch."""
        size = self.of(work)
        if not self.fixed and taken == size:
            self._learned[work] = max(100, min(50_000, int(size * min(2.0, max(0.5, self.target_s / max(took_s, 1e-6))))))


@dataclass
class Runner:
    """Moves people. One runner per shard at a time; the caller holds the lease."""

    store: Store
    pace: Pace = field(default_factory=Pace)  # rows of a node
    ear: Pace = field(default_factory=Pace)  # new events
    shards: tuple[int, ...] = (0,)  # those that this runner works on, of shard_count
    shard_count: int = 1
    default_zone: str = "UTC"  # of contacts without one
    breathe: Callable[[], None] = lambda: time.sleep(BREATH_S)

    def __post_init__(self) -> None:
        self._steps: dict[int, Step] = {}
        self._loaded: tuple[tuple[int, str], ...] | None = None
        self._ears: list[hearing.Hearing] = []
        self._calendar = Calendar([])
        self._counted: int | None = None
        self._begun = False

    def tick(self, now: int) -> Tally:
        """Everything that is due at `now`. A second tick at the same instant changes nothing."""
        tally = Tally()
        self._load()
        self.finish(tally)
        tally.steps += self._migrate(now)
        self._fold_counts()
        self._calendar.ring(self.store, now)
        self._pass(now, events.last_id(self.store), tally)
        return tally

    def finish(self, tally: Tally | None = None) -> None:
        """End the pass that a crash cut off, if one was."""
        self._begun = False
        upto, at = watermark(self.store, OPEN_PASS)
        if at:
            self._load()
            self._begun = True
            self._pass(at, upto, tally or Tally())

    def _pass(self, now: int, upto: int, tally: Tally) -> None:
        def begin() -> None:
            self._begin(now, upto)

        before = self._enrolled()
        for low, high, count in hearing.chunks(self.store, upto, lambda: self.ear.of(HEARING)):
            began = clock.monotonic()
            tally.heard += hearing.hear(self.store, self._ears, low, high, now, begin)
            if count:
                self.ear.learn(HEARING, count, clock.monotonic() - began)
                self.breathe()
        tally.enrolled += self._enrolled() - before
        for _ in range(MOST_PASSES):
            if not self._drain_due(now, upto, tally):
                return self._end()
        raise RuntimeError(f"a pass looked more than {MOST_PASSES} times at what is due")

    def _begin(self, now: int, upto: int) -> None:
        """In the first transaction of a pass that changes something: from here on the pass has to be ended."""
        if not self._begun:
            set_watermark(self.store, OPEN_PASS, upto, now)
            self._begun = True

    def _end(self) -> None:
        if self._begun:
            with self.store.transaction():
                set_watermark(self.store, OPEN_PASS, 0, 0)
            self._begun = False

    def _migrate(self, now: int) -> int:
        """Carry out what publishing asked for: people move to another version, or leave. Then see who stands where."""
        moved = migrating.advance(self.store, self.shards, self.shard_count, now=now)
        if moved:
            self._loaded = None
            self._load()
        return moved

    def _enrolled(self) -> int:
        return int(self.store.one("SELECT COALESCE(MAX(r.id), 0) FROM enrollment r"))

    def _load(self) -> None:
        """Compile versions that are new since the last tick."""
        found = tuple(self.store.rows("""SELECT v.id, v.status || j.status FROM journey_version v
            JOIN journey j ON j.id = v.journey_id ORDER BY v.id"""))
        if found == self._loaded:
            return
        live = load_live(self.store, self.shard_count)
        self._ears = [hearing.ears(version) for version in live]
        self._calendar = Calendar(bells(live), self.default_zone)
        steps = (compile_step(version, key) for version in live if version.status != "paused"
                 for key in version.layout.order)
        self._steps = {step.node_id: step for step in steps}
        self._loaded = found

    def _fold_counts(self) -> None:
        """Sum up the counters. Batches only append them, so that no batch waits for another at one row."""
        last = self.store.one("SELECT COALESCE(MAX(s.id), 0) FROM node_stat s")
        if self._counted is None:
            self._counted = self.store.one("SELECT COALESCE(MIN(s.id), 0) FROM node_stat s")
        if last - self._counted <= MOST_COUNTS:
            return
        with self.store.transaction():
            rows = self.store.rows("SELECT s.id, s.node_id, s.port, s.n FROM node_stat s WHERE s.id <= :last", last=last)
            sums: Counter[tuple[int, str]] = Counter()
            for _, node, port, n in rows:
                sums[node, port] += n
            self.store.run_many("DELETE FROM node_stat WHERE id = :id", [{"id": row[0]} for row in rows])
            self.store.insert_many("node_stat", [{"node_id": node, "port": port, "n": n} for (node, port), n in sums.items()])
            self._counted = self.store.one("SELECT MAX(s.id) FROM node_stat s")

    def _drain_due(self, now: int, upto: int, tally: Tally) -> int:
        """One pass over the nodes with work, each emptied before the next: the size of a batch changes no outcome."""
        taken = 0
        for shard in self.shards:
            due = {row[0] for row in self.store.rows(DUE, shard=shard, now=now)}
            for node_id, step in self._steps.items():
                if node_id not in due:
                    continue
                claimed = self._drain(step, shard, now, upto, tally)
                taken += claimed
                due.update(step.feeds if claimed else ())
        return taken

    def _drain(self, step: Step, shard: int, now: int, upto: int, tally: Tally) -> int:
        taken = 0
        while True:
            began = clock.monotonic()
            size = self.pace.of(step.node_id)
            claimed, logged = self._batch(step, shard, now, upto, size)
            took_s = clock.monotonic() - began
            tally.batches += claimed > 0
            tally.steps += logged
            tally.longest_s = max(tally.longest_s, took_s)
            taken += claimed
            self.pace.learn(step.node_id, claimed, took_s)
            if claimed < size:
                return taken
            self.breathe()

    def _batch(self, step: Step, shard: int, now: int, upto: int, size: int) -> tuple[int, int]:
        """One transaction: (rows looked at, rows logged)."""
        params = step.params | {"now": now, "upto": upto, "shard": shard, "size": size}

        def run(statement: Sql | str) -> int:
            return self.store.run(statement, **params)

        with self.store.transaction():
            if step.exclusive:
                self.store.serialize(f"node {step.node_id}")
            run("DELETE FROM batch")
            claimed = run(step.claim)
            if not claimed:
                return 0, 0
            if step.emits:
                self.store.serialize("event")
            self._begin(now, upto)
            self.store.after_fill("batch")
            for statement in step.before:
                run(statement)
            logged = run(LOG)
            run(step.count)
            for statement in step.after:
                run(statement)
        return claimed, logged


DUE = """SELECT n.id FROM node n WHERE EXISTS (SELECT 1 FROM token t WHERE t.shard = :shard AND t.node_id = n.id
    AND t.due_at <= :now)"""
LOG = """INSERT INTO step (token_id, node_id, seq, at, port, seen, reason)
    SELECT b.id, :node, b.seq, :now, b.port, b.seen, b.reason FROM batch b WHERE b.port IS NOT NULL
    OR b.reason IS NOT NULL"""
