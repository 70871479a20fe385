"""What it costs to keep 20 segments true for a minute, against working all of them out anew.

    python benchmarks/watch.py                     100,000 contacts and 1,000,000 events, on SQLite
    python benchmarks/watch.py --contacts N        another size, ten events each
    python benchmarks/watch.py --keep FILE         build it there, or measure what is there already (also of rules.py)
    python benchmarks/watch.py --url postgresql://…   on a PostgreSQL database instead, an empty one or one of rules.py
    python benchmarks/watch.py --new 5000          new events of that minute
    python benchmarks/watch.py --minutes 3         one after another, each with as many new events

Each minute is one `watch.refresh` 60 seconds after the last one. `anew` is the membership of every segment worked out in full
and compared with the kept one, in the same run on the same data; nothing differs, so nothing is written. A file that is kept
grows by the new events of each run.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from measuring import best, loop_ms
from rules import _EVENTS, NOW, RULES, build

from engine.access import COMMAND_LINE
from engine.activity import events
from engine.audience import segments, watch
from engine.audience.rules import known
from engine.schema import open_store, set_watermark, watermark
from engine.store import Store


def prepare(store: Store, contacts: int) -> tuple[int, int]:
    """The segments of `rules.py`, filled once; how many contacts there are, and the moment up to which all is true."""
    if not store.one("SELECT 1 FROM contact LIMIT 1"):
        build(store, contacts)
    have = {one.name for one in segments.list_segments(store)}
    now = max(NOW, watermark(store, watch.CONSUMER)[1])
    for name, document in RULES.items():
        if name not in have:
            segments.save(store, name, document, by=COMMAND_LINE, now=now)
    if have != set(RULES):
        with store.transaction():
            set_watermark(store, watch.CONSUMER, events.last_id(store), now)
    return int(store.one("SELECT MAX(c.id) FROM contact c")), now


def minute(store: Store, contacts: int, new: int, now: int) -> watch.Tally:
    """So many events of the last minute come in; then the watch looks."""
    with store.transaction():
        start = int(store.one("SELECT MAX(e.id) FROM event e")) + 7  # the names of events are made of their numbers
        store.run(_EVENTS, low=start + contacts * 11, high=start + contacts * 11 + new - 1, now=now, people=contacts, young=0)
    upto = events.last_id(store)
    print(f"| {new:,} new events, 60 s later |", end=" ")
    seconds, busy, tally = best(store, lambda: watch.refresh(store, now=now, upto=upto), times=1)
    print(f"{tally.looked_at:,} | {tally.changed:,} | {tally.full} | {seconds:.2f} | {busy:.2f} |", flush=True)
    return tally


def anew(store: Store, now: int) -> None:
    """All of them in full."""
    live = watch.live_segments(store, known(store))
    upto = events.last_id(store)
    seconds, busy, differ = best(store, lambda: sum(len(watch.fill(store, one, now=now, upto=upto).contacts) for one in live),
                                 times=1)
    print(f"| all {len(live)} anew | everybody | {differ:,} | {len(live)} | {seconds:.2f} | {busy:.2f} |", flush=True)


def main() -> None:
    """Read the arguments and measure."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--contacts", type=int, default=100_000)
    options.add_argument("--keep", metavar="FILE")
    options.add_argument("--url")
    options.add_argument("--new", type=int, default=5_000)
    options.add_argument("--minutes", type=int, default=3)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(asked.url or f"sqlite:///{asked.keep or Path(folder) / 'watch.db'}", create=True)
        contacts, now = prepare(store, asked.contacts)
        print(f"## {store.backend}: {contacts:,} contacts, {len(RULES)} segments "
              f"(load {os.getloadavg()[0]:.1f}, a plain loop {loop_ms():.0f} ms)\n\n"
              "| what | looked at | changed | worked out in full | s | CPU s |\n|---|---:|---:|---:|---:|---:|")
        for _ in range(asked.minutes):
            now += 60
            minute(store, contacts, asked.new, now)
        anew(store, now)
        store.close()


if __name__ == "__main__":
    main()
