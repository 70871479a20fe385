"""Days of the demo through the real loop: what people do goes into the inbox, one tick takes it from there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ...clock import DAY
from ...config import Config
from ...loop.tick import Loop, Tally
from ...store import Store
from . import moment
from .behavior import Day

Progress = Callable[[int, int, Tally], None]  # days done, days in all, what has happened so far


def pass_days(store: Store, config: Config, count: int, *, since: int, clock_now: int,
              progress: Progress | None = None) -> Tally:
    """Let `count` days pass from `since` on, each with one tick at its end. Nothing leaves: mail is captured.

    clock_now: what the clock on the wall says meanwhile; the demo's own moment moves ahead of it, before each tick, so
    that a runner beside us never looks back.
    """
    loop, total, known = Loop(store, replace(config, smtp_url=None)), Tally(0, 0, 0, 0, 0.0), moment.get(store)
    scale, answered = 0.1 if known["small"] else 1.0, known["answered_until"]
    for day in range(1, count + 1):
        until = since + day * DAY
        moment.save(store, clock_offset_s=max(0, until - clock_now), answered_until=until - 1)
        Day(store, until - DAY, until, scale, answered).happen()
        total, answered = _sum(total, loop.tick(until)), until - 1
        if progress:
            progress(day, count, total)
    return total


def _sum(one: Tally, other: Tally) -> Tally:
    return Tally(one.events + other.events, one.enrolled + other.enrolled, one.moved + other.moved, one.sent + other.sent,
                 round(one.seconds + other.seconds, 3))
