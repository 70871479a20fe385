"""One tick: intake, watch, enroll, wake, advance, admit, deliver, again and again until nothing more happens."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .. import clock
from ..activity import events, intake
from ..audience import affinity, lifecycle, routing, scoring, watch
from ..config import Config
from ..errors import Busy
from ..journeys.runner import Runner
from ..outreach import delivery, errand_runs, limits, notices
from ..people import chain
from ..store import Store
from . import watchdog

MOST_ROUNDS = 1_000  # a message sent may wake somebody who is sent a message: each round is one such step
LEASE_WAIT_S = 30.0
# What scores, segments, stages, leads and notices come from while no time passes; last, whether anything lies there undone.
_MARKS = """SELECT (SELECT MAX(e.id) FROM event e), (SELECT MAX(x.id) FROM segment_change x),
    (SELECT MAX(v.id) FROM verdict_change v), EXISTS (SELECT 1 FROM dirty_contact) OR EXISTS (SELECT 1 FROM dirty_account)
    OR EXISTS (SELECT 1 FROM score_entry s WHERE s.uncounted > 0)"""
Carry = Callable[..., delivery.Sent]  # delivery.deliver, or what stands in for it where nothing may leave


@dataclass(frozen=True)
class Tally:
    """What a tick did. events: taken in; enrolled: passages begun; moved: steps logged; sent: messages handed over."""

    events: int
    enrolled: int
    moved: int
    sent: int
    seconds: float


@dataclass
class Loop:
    """A store with its runner, which keeps compiled journeys between ticks.

    carry: hands admitted messages over. inside: a world that is thrown away: nothing leaves the house, webhooks and notices are
    only noted as captured, and nobody audits the segments.
    """

    store: Store
    config: Config
    carry: Carry = delivery.deliver
    inside: bool = False
    runner: Runner = field(init=False)
    _known: tuple[Any, ...] | None = field(init=False, default=None)  # _MARKS as they were when nothing came of them

    def __post_init__(self) -> None:
        self.runner = Runner(self.store, default_zone=self.config.default_zone)

    def tick(self, now: int, *, deliver: bool = True) -> Tally:
        """Everything that is due at `now`. A second tick at the same instant changes nothing.

        deliver: also send; a runner leaves that to a thread of its own. Raises Busy: another process is ticking.
        """
        began, until = clock.monotonic(), clock.monotonic() + LEASE_WAIT_S
        while clock.monotonic() < until:
            with self.store.lock("tick") as free:
                if free:
                    counts = self.settle(now, deliver=deliver)
                    chain.seal(self.store)
                    watchdog.guard(self.store, now=now)
                    return Tally(*counts, seconds=round(clock.monotonic() - began, 3))
            time.sleep(0.05)
        raise Busy(f"another process has been ticking for {LEASE_WAIT_S:g} s: wait for it or stop it")

    def settle(self, now: int, *, deliver: bool = True) -> tuple[int, int, int, int]:
        """Rounds until nothing more happens: events, passages begun, steps, messages handed over. The caller is alone."""
        totals = (0, 0, 0, 0)
        self.runner.finish()  # before anything new is taken in: the rest of a pass must see what it began with
        self._known = None
        for _ in range(MOST_ROUNDS):
            counts, quiet = self._round(now, deliver)
            totals = tuple(map(sum, zip(totals, counts, strict=True)))  # type: ignore[assignment]
            if quiet:
                return totals
        raise RuntimeError(f"a tick took more than {MOST_ROUNDS} rounds")

    def _round(self, now: int, deliver: bool) -> tuple[tuple[int, int, int, int], bool]:
        taken = intake.take(self.store, now=now)
        learned = self._learn(now)
        moved = self.runner.tick(now)
        admitted = limits.admit(self.store, now=now, zone=self.config.default_zone)
        sent = self.carry(self.store, self.config, now=now) if deliver else None
        carried = errand_runs.run(self.store, self.config, now=now, capture=self.inside).changed if deliver else 0
        handed = sent.sent + sent.failed + sent.unknown + sent.skipped if sent else 0
        busy = (taken, learned, moved.steps, moved.enrolled, moved.heard, admitted, handed, carried)
        return (taken, moved.enrolled, moved.steps, sent.sent if sent else 0), not any(busy)

    def _learn(self, now: int) -> int:
        """What the events say of people: scores, segments, stages, leads; how much changed by it. Once nothing is new to any
        of those rooms, within one tick they need not be asked again."""
        store = self.store
        if (before := store.rows(_MARKS)[0]) == self._known:
            return 0
        scored = scoring.refresh(store, now=now, upto=events.last_id(store))
        affinity.refresh(store, now=now, upto=events.last_id(store))
        watched = watch.refresh(store, now=now, upto=events.last_id(store), audit=not self.inside)
        staged = lifecycle.refresh(store, now=now)
        led = routing.refresh(store, now=now, upto=events.last_id(store))
        notices.write(store, now=now, upto=events.last_id(store))
        changed, after = scored.changed + watched.changed + staged + led.changed, store.rows(_MARKS)[0]
        self._known = after if not changed and not after[-1] and after[:-1] == before[:-1] else None
        return changed


def tick(store: Store, config: Config, *, now: int) -> Tally:
    """One pass for the command line and tests."""
    return Loop(store, config).tick(now)
