"""Contacts from a file of ten columns, everybody new and created with consent; then the same file again.

    python benchmarks/importing.py                  10,000 and 100,000 rows, on SQLite
    python benchmarks/importing.py --million        1,000,000 rows
    python benchmarks/importing.py --url postgresql://…   10,000 rows into an empty PostgreSQL database instead

Prints a line for each: seconds on the wall and of the processor (on PostgreSQL that of this process only), the most memory
the process ever held, and the load of the machine. Beside it: what a plain loop takes now, because a shared core counts
fewer instructions to the second (10 ms on the machine of RESULTS.md when it is quiet).
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import tempfile
import time
from pathlib import Path

from measuring import loop_ms

from engine.access import COMMAND_LINE
from engine.schema import open_store
from engine.service.importing import Options, import_contacts
from engine.service.importing.contacts import parse_consent

NOW = 1_790_000_000
HEADER = "email,external_id,first_name,last_name,phone,time_zone,Industry,Employees,Signed up,VIP"
FIRST = ["Ada", "Bo", "Cy", "Di", "Eva", "Finn", "Gül", "Hana", "Iván", "José",
         "Kim", "Lea", "Max", "Nora", "Ole", "Pia", "Quinn", "Rosa", "Sven", "Tom"]
LAST = ["Adams", "Berg", "Costa", "Díaz", "Evans", "Fischer",
        "García", "Haas", "Ito", "Jansen", "Kaya", "Lopez", "Meyer", "Novak", "Olsen", "Price"]
PLAIN = str.maketrans("üáéí", "uaei")  # addresses are ASCII nearly everywhere
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "")
TRADES = ("technology", "healthcare", "retail", "")


def write(path: Path, rows: int) -> None:
    """A file of `rows` people who do not repeat, the same for the same number."""
    chance = random.Random(7)
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER + "\n")
        for number in range(rows):
            first, last = chance.choice(FIRST), chance.choice(LAST)
            name = f"{first}.{last}".lower().translate(PLAIN)
            file.write(f"{name}{number}@mail{number % 97}.example.com,X{number:07},{first},{last},"
                       f"+49170{number:07},{chance.choice(ZONES)},{chance.choice(TRADES)},{chance.randrange(1, 5000)},"
                       f"20{chance.randrange(10, 26)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02},"
                       f"{chance.choice(('true', 'false', ''))}\n")


def measure(rows: int, url: str | None) -> None:
    """Print a line for the first import and one for the same file again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        write(path, rows)
        store = open_store(url or f"sqlite:///{folder}/w.db", create=True)
        try:
            for what in ("created", "unchanged"):
                wall, cpu = time.perf_counter(), time.process_time()
                report = import_contacts(store, str(path), by=COMMAND_LINE, now=NOW, options=Options(),
                                         agreed=[parse_consent("email:subscribed:benchmark")])
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                assert getattr(report, what) == rows and not report.errors, report.document()
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
                print(f"{rows:>9,} {what:<10} {wall:7.1f} s wall {rows / wall:8,.0f}/s   {cpu:7.1f} s CPU {rows / cpu:8,.0f}/s"
                      f"   most memory {peak} MB   load {os.getloadavg()[0]:.1f}   plain loop {loop_ms():.0f} ms")
        finally:
            store.close()


def main() -> None:
    """The lines."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--million", action="store_true", help="a million rows instead of ten and a hundred thousand")
    asked.add_argument("--url", help="an empty workspace to fill (default: SQLite in a temporary folder)")
    given = asked.parse_args()
    for rows in [1_000_000] if given.million else [10_000] if given.url else [10_000, 100_000]:
        measure(rows, given.url)


if __name__ == "__main__":
    main()
