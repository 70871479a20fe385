"""One tick: intake, watch, enroll, wake, advance, admit, deliver, again and again until nothing more happens."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

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
    """A store with its runner, which keeps compiled journeys between ticks. carry: hands admitted messages over."""

    store: Store
    config: Config
    carry: Carry = delivery.deliver
    runner: Runner = field(init=False)

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
        for _ in range(MOST_ROUNDS):
            counts, quiet = self._round(now, deliver)
            totals = tuple(map(sum, zip(totals, counts, strict=True)))  # type: ignore[assignment]
            if quiet:
                return totals
        raise RuntimeError(f"a tick took more than {MOST_ROUNDS} rounds")

    def _round(self, now: int, deliver: bool) -> tuple[tuple[int, int, int, int], bool]:
        taken = intake.take(self.store, now=now)
        scored = scoring.refresh(self.store, now=now, upto=events.last_id(self.store))
        affinity.refresh(self.store, now=now, upto=events.last_id(self.store))
        watched = watch.refresh(self.store, now=now, upto=events.last_id(self.store))
        staged = lifecycle.refresh(self.store, now=now)
        led = routing.refresh(self.store, now=now, upto=events.last_id(self.store))
        notices.write(self.store, now=now, upto=events.last_id(self.store))
        moved = self.runner.tick(now)
        admitted = limits.admit(self.store, now=now, zone=self.config.default_zone)
        sent = self.carry(self.store, self.config, now=now) if deliver else None
        inside = self.carry is not delivery.deliver  # where a stand-in hands messages over, nothing else leaves either
        carried = errand_runs.run(self.store, self.config, now=now, capture=inside).changed if deliver else 0
        handed = sent.sent + sent.failed + sent.unknown + sent.skipped if sent else 0
        busy = (taken, scored.changed, watched.changed, staged, led.changed, moved.steps, moved.enrolled, moved.heard, admitted,
                handed, carried)
        return (taken, moved.enrolled, moved.steps, sent.sent if sent else 0), not any(busy)


def tick(store: Store, config: Config, *, now: int) -> Tally:
    """One pass for the command line and tests."""
    return Loop(store, config).tick(now)
