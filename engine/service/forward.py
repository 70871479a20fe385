"""Fast-forward: moves the demo company on through the real loop, and puts it back to how it began."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import clock, schema
from ..config import Config
from ..errors import BadInput, Busy
from ..loop.tick import Tally
from ..store import SqliteStore, Store
from . import backup, demo

MOST_DAYS = 366
LEASE = "forward"
WAIT_S = 10.0


def fast_forward(store: Store, config: Config, days: int, *, now: int, progress: demo.Progress | None = None) -> Tally:
    """Move the demo `days` on from the moment it is in it; what happened. now: the clock on the wall.

    progress: called after each day with (days done, days in all, tally so far).
    Raises Conflict: no demo. BadInput: no such number of days. Busy: it is being moved already.
    """
    demo.get(store)
    if not 1 <= days <= MOST_DAYS:
        raise BadInput(f"{days} days: fast-forward goes 1 to {MOST_DAYS} days at a time")
    with store.lock(LEASE) as free:
        if not free:
            raise Busy("the demo is being moved on already: wait until that is done")
        return demo.pass_days(store, config, days, since=demo.now(store, now), clock_now=now, progress=progress)


def keep_fresh(store: Store) -> None:
    """Lay a copy of the demo beside it, for starting again. Only a SQLite file has one."""
    copy = fresh_copy(store)
    if copy is not None:
        for old in (copy, Path(f"{copy}-inbox")):
            old.unlink(missing_ok=True)
        backup.backup(store, copy)


def start_again(store: Store, config: Config, *, now: int) -> None:
    """Put the demo back to how it began. From the copy beside it; without one it is made anew, which takes a minute.

    Raises Conflict: no demo. Busy: somebody is at work in it and does not stop.
    """
    known = demo.get(store)
    with _alone(store):
        copy = fresh_copy(store)
        if copy is not None and copy.exists():
            backup.restore(store, copy)
            demo.save(store, clock_offset_s=0)
            return
        schema.start_over(store)
    demo.create(store, config, now=now, small=bool(known["small"]))


def fresh_copy(store: Store) -> Path | None:
    """Where the copy lies; None on PostgreSQL and in memory."""
    return Path(f"{store.path}-fresh") if isinstance(store, SqliteStore) and not store.private else None


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    """While nobody ticks, delivers or moves the demo on."""
    until = clock.monotonic() + WAIT_S
    while clock.monotonic() < until:
        with store.lock(LEASE) as still, store.lock("tick") as ticking, store.lock("delivery") as sending:
            if still and ticking and sending:
                yield
                return
        time.sleep(0.05)
    raise Busy("the demo is being worked on: try again in a moment")
