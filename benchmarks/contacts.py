"""How long it takes to find people, to turn pages of them, and to read one timeline.

    python benchmarks/contacts.py --keep FILE     what pages.py built (pages.py --million --keep FILE --only NOTHING),
                                                  or rules.py and watch.py, which is about addresses instead of names
    python benchmarks/contacts.py --url postgresql://…   the same, built by rules.py and watch.py

Prints a table: median and slowest of 30 in milliseconds, by the clock and of the processor (on PostgreSQL also of the server's
process). Nothing is cached between them but what the database keeps. Words: of one person up to a million; "a word of
everybody" begins the address of each.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from measuring import busy, loop_ms

from engine.activity.timeline import timeline
from engine.people.contacts import listing
from engine.people.contacts.listing import Wanted
from engine.schema import open_store
from engine.service import finding
from engine.store import Store

TIMES = 30


def main() -> None:
    """Read the arguments and measure."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--keep", metavar="FILE")
    options.add_argument("--url")
    asked = options.parse_args()
    store = open_store(asked.url or f"sqlite:///{asked.keep}")
    people = int(store.one("SELECT MAX(c.id) FROM contact c"))
    dice = random.Random(3)
    words = [f"p{number}" for number in (7, 99, 123, 4711, 98765, 123456, 999999)] + ["nobody"]
    if store.one("SELECT 1 FROM contact c WHERE c.first_name = 'Ada' LIMIT 1"):
        words += [f"pia{number}" for number in range(997)] + ["ada", "lane12", "ada lane7", "lane 99"]
    def people_page(wanted: Wanted, offset: int = 0, order: str = "newest") -> None:
        """What the page of contacts asks: how many, and the rows of one page."""
        listing.count(store, wanted)
        listing.page(store, wanted, order=order, offset=offset)

    tag, segment = listing.label_names(store, "tag")[0], str(store.one("SELECT MIN(s.name) FROM segment s"))
    measured: dict[str, Callable[[], Any]] = {
        "one search box over everything": lambda: finding.search(store, dice.choice(words)),
        "one search box: a word of everybody": lambda: finding.search(store, dice.choice(("p", "exam", "example"))),
        "contacts: a search, its first page": lambda: people_page(Wanted(text=dice.choice(words))),
        "contacts: a word of everybody": lambda: people_page(Wanted(text=dice.choice(("p", "exam", "example")))),
        "contacts: a search within a stage": lambda: people_page(Wanted(text=dice.choice(words), stage="mql")),
        "contacts: one of the first 100 pages": lambda: people_page(Wanted(), offset=dice.randrange(100) * 50),
        "contacts: any page": lambda: people_page(Wanted(), offset=dice.randrange(people // 50) * 50),
        "contacts: a page of a stage": lambda: people_page(Wanted(stage="mql"), offset=dice.randrange(100) * 50),
        "contacts: a page of a tag": lambda: people_page(Wanted(tag=tag), offset=dice.randrange(100) * 50),
        "contacts: a page of a segment": lambda: people_page(Wanted(segment=segment),
                                                              offset=dice.randrange(100) * 50),
        "the hottest, a page": lambda: people_page(Wanted(with_score=True), order="score",
                                                    offset=dice.randrange(100) * 50),
        "one timeline": lambda: timeline(store, dice.randrange(people) + 1),
    }
    print(f"## {store.backend}: {people:,} contacts (load {os.getloadavg()[0]:.1f}, a plain loop {loop_ms():.0f} ms)\n\n"
          "| what | median, ms | slowest | CPU median | CPU slowest |\n|---|---:|---:|---:|---:|")
    for name, work in measured.items():
        _row(store, name, work)


def _row(store: Store, name: str, work: Callable[[], Any]) -> None:
    taken, spent = [], []
    work()  # the first of all loads pandas
    for _ in range(TIMES):
        used, began = busy(store), time.perf_counter()
        work()
        taken.append(1_000 * (time.perf_counter() - began))
        spent.append(1_000 * (busy(store) - used))
    print(f"| {name} | {statistics.median(taken):.0f} | {max(taken):.0f} | {statistics.median(spent):.0f} | {max(spent):.0f} |",
          flush=True)


if __name__ == "__main__":
    main()
