"""The runner as a process: ticks, and delivers beside it, so that a slow mail server never holds a journey up."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from .. import clock
from ..access import moment
from ..activity import inbox
from ..clock import MINUTE
from ..config import Config
from ..errors import Busy
from ..loop.tick import Loop, Tally
from ..outreach import delivery, errand_runs
from ..store import Store
from . import chores
from .health import Heart

INTERVAL_S = 1.0
LOOK_S = 0.05  # while resting: how often the inbox is looked at, so that what arrives is answered at once
LEASE_EVERY_S = MINUTE  # the lease is taken anew this often: one that broke unnoticed is noticed
STANDBY_S = 5.0
CHORES_EVERY_S = 30.0
DELIVER_AT_ONCE = 100  # messages between two looks at the clock and at `stop`
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
Result = TypeVar("Result")
log = logging.getLogger(__name__)


def run_forever(store: Store, config: Config, *, interval_s: float = INTERVAL_S, stop: threading.Event,
                standby_s: float = STANDBY_S) -> None:
    """Tick until `stop` is set. One process of a workspace works, further ones stand by and take over when it dies."""
    loop = Loop(store, config)
    with Heart(store, "runner") as heart, _beside(store, config, stop, interval_s):
        retry = Retry("tick", stop, heart)
        while not stop.is_set():
            with store.lock("runner") as mine:
                heart.say(state="running" if mine else "standing by")
                if mine:
                    _tick_for(LEASE_EVERY_S, loop, interval_s, retry, heart)
            if not mine:
                stop.wait(standby_s)


def _tick_for(seconds: float, loop: Loop, interval_s: float, retry: Retry, heart: Heart) -> None:
    until = clock.monotonic() + seconds
    while clock.monotonic() < until and not retry.stop.is_set():
        began = clock.monotonic()
        done = retry.attempt(lambda: (inbox.newest_id(loop.store),
                                      loop.tick(moment(loop.store, clock.now()), deliver=False)))
        if done is None:
            return  # give the lease back: perhaps it is another machine that can still reach the database
        seen, tally = done
        heart.say(last_tick_s=tally.seconds)
        if not _busy(tally):
            retry.attempt(partial(_rest, loop.store, began + interval_s, seen, retry.stop))


def _rest(store: Store, until: float, seen: int, stop: threading.Event) -> None:
    """Wait until then, or until something has arrived after the item `seen`."""
    while (left := until - clock.monotonic()) > 0 and not stop.wait(min(LOOK_S, left)):
        if inbox.newest_id(store) > seen:
            return


def _busy(tally: Tally) -> bool:
    return bool(tally.events or tally.moved or tally.enrolled)


@contextmanager
def _beside(store: Store, config: Config, stop: threading.Event, interval_s: float) -> Iterator[None]:
    """Threads for what would hold ticks up: handing messages to their channels, carrying errands, and chores (pulls, and what
    is thrown away). A slow receiver holds no mail up."""
    threads = [threading.Thread(target=work, args=(store, config, stop, interval_s), name=name, daemon=True)
               for name, work in (("delivery", _deliver_until), ("errands", _carry_until), ("chores", _chores_until))]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _deliver_until(store: Store, config: Config, stop: threading.Event, interval_s: float) -> None:
    retry = Retry("delivery", stop)
    while not stop.is_set():
        sent = retry.attempt(lambda: delivery.deliver(store, config, now=moment(store, clock.now()), limit=DELIVER_AT_ONCE))
        if sent is not None and not (sent.sent or sent.failed or sent.unknown or sent.skipped):
            stop.wait(interval_s)


def _carry_until(store: Store, config: Config, stop: threading.Event, interval_s: float) -> None:
    retry = Retry("errands", stop)
    while not stop.is_set():
        ran = retry.attempt(lambda: errand_runs.run(store, config, now=moment(store, clock.now()), limit=errand_runs.AT_ONCE))
        if ran is not None and not ran.changed:
            stop.wait(interval_s)


def _chores_until(store: Store, config: Config, stop: threading.Event, interval_s: float) -> None:
    del interval_s  # nothing of it is urgent
    retry = Retry("chores", stop)
    while not stop.wait(CHORES_EVERY_S):
        retry.attempt(lambda: chores.run_due(store, config, now=moment(store, clock.now())))


class Retry:
    """Survives what fails: notes it, waits longer each time in a row, goes on."""

    def __init__(self, name: str, stop: threading.Event, heart: Heart | None = None) -> None:
        self.name, self.stop, self.heart = name, stop, heart
        self.failures = 0

    def attempt(self, work: Callable[[], Result]) -> Result | None:
        """What the work returned; None after a failure and its pause."""
        try:
            result = work()
        except Busy as error:
            self._failed(str(error))
        except Exception as error:  # whatever it is, the process that carries everybody must go on
            log.exception("%s failed", self.name)
            self._failed(f"{type(error).__name__}: {error}")
        else:
            self._worked()
            return result
        return None

    def _worked(self) -> None:
        if self.failures:
            self.failures = 0
            self._say()

    def _failed(self, problem: str) -> None:
        self.failures += 1
        pause_s = min(_FIRST_PAUSE_S * 2 ** (self.failures - 1), _LONGEST_PAUSE_S)
        log.warning("%s failed %s times in a row (%s): next try in %g s", self.name, self.failures, problem, pause_s)
        self._say(problem)
        self.stop.wait(pause_s)

    def _say(self, problem: str | None = None) -> None:
        if self.heart:
            self.heart.say(failures=self.failures, problem=problem)
