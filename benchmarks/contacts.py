"""How long it takes to find people, to turn pages of them, and to read one timeline.

    python benchmarks/contacts.py --keep FILE     a workspace that pages.py built: pages.py --million --keep FILE --only NOTHING

Prints a table: median and slowest of 30 in milliseconds, by the clock and of the processor. Nothing is cached between them but
what the database keeps.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from engine.activity.timeline import timeline
from engine.people.contacts import listing
from engine.people.contacts.listing import Wanted
from engine.schema import open_store
from engine.service import finding

TIMES = 30


def main() -> None:
    """Read the arguments and measure."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--keep", metavar="FILE", required=True)
    store = open_store(f"sqlite:///{options.parse_args().keep}")
    people = int(store.one("SELECT MAX(c.id) FROM contact c"))
    dice = random.Random(3)
    words = [f"pia{number}" for number in range(997)] + ["ada", "lane12", "p4711", "ada lane7", "lane 99", "nobody"]
    measured: dict[str, Callable[[], Any]] = {
        "one search box over everything": lambda: finding.search(store, dice.choice(words)),
        "contacts: a search, its first page": lambda: listing.page(store, Wanted(text=dice.choice(words))),
        "contacts: a search within a stage": lambda: listing.page(store, Wanted(text=dice.choice(words), stage="mql")),
        "contacts: one of the first 100 pages": lambda: listing.page(store, Wanted(), offset=dice.randrange(100) * 50),
        "contacts: any page": lambda: listing.page(store, Wanted(), offset=dice.randrange(people // 50) * 50),
        "contacts: a page of a stage": lambda: listing.page(store, Wanted(stage="mql"), offset=dice.randrange(100) * 50),
        "contacts: a page of a tag": lambda: listing.page(store, Wanted(tag="vip"), offset=dice.randrange(100) * 50),
        "contacts: a page of a segment": lambda: listing.page(store, Wanted(segment="Marketing qualified"),
                                                              offset=dice.randrange(100) * 50),
        "the hottest, a page": lambda: listing.page(store, Wanted(with_score=True), order="score",
                                                    offset=dice.randrange(100) * 50),
        "one timeline": lambda: timeline(store, dice.randrange(people) + 1),
    }
    print(f"## {store.backend}: {people:,} contacts (load {os.getloadavg()[0]:.1f})\n\n"
          "| what | median, ms | slowest | CPU median | CPU slowest |\n|---|---:|---:|---:|---:|")
    for name, work in measured.items():
        _row(name, work)


def _row(name: str, work: Callable[[], Any]) -> None:
    taken, busy = [], []
    for _ in range(TIMES):
        began, processor = time.perf_counter(), time.process_time()
        work()
        taken.append(1_000 * (time.perf_counter() - began))
        busy.append(1_000 * (time.process_time() - processor))
    print(f"| {name} | {statistics.median(taken):.0f} | {max(taken):.0f} | {statistics.median(busy):.0f} | {max(busy):.0f} |",
          flush=True)


if __name__ == "__main__":
    main()
