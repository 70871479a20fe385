"""How long it takes to ask everybody a rule, and to keep segments true when little has happened.

    python benchmarks/rules.py                  10,000 and 100,000 contacts, ten events each, on SQLite
    python benchmarks/rules.py --million        1,000,000 contacts and 10,000,000 events too
    python benchmarks/rules.py --url postgresql://…   on a PostgreSQL database instead, an empty one or the one it filled before
    python benchmarks/rules.py --sizes 1000000 --keep FILE   build it there, or measure what is there already
    python benchmarks/rules.py … --only last    the rules whose name holds this, and no watch
    python benchmarks/rules.py … --times 1      each once instead of three times

Prints a table; figures are the best of three (or `--times`), in seconds. CPU is that of this process and of the server's
process for it; the plain loop says how much too high it is (`measuring.py`).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import best, loop_ms

from engine.access import COMMAND_LINE
from engine.activity import events
from engine.audience import segments, watch
from engine.audience.rules import known, parse
from engine.schema import TABLES, open_store
from engine.store import Store

NOW, CHUNK, NEW = 1_790_000_000, 100_000, 5_000
PRICING = {"event": "page_view", "where": {"object": {"op": "is", "value": "/pricing"}}}
RULES: dict[str, Any] = {
    "one page in 7 days": PRICING | {"within": "7d"},
    "one page twice in 14 days": PRICING | {"within": "14d", "count": 2},
    "any purchase in 30 days": {"event": "purchase", "within": "30d"},
    "no page view in 30 days": {"event": "page_view", "op": "at_most", "count": 0, "within": "30d"},
    "days since purchase 60": {"days_since": "purchase", "op": "at_least", "value": 60},
    "a page of a kind at most 5 times": {"event": "page_view", "op": "at_most", "count": 5, "where": {
        "object": {"op": "contains", "value": "/1"}}},
    "last 3 mails all opened": {"last": 3, "of": "email_sent", "all": "email_opened"},
    "one of the last 2 mails opened": {"last": 2, "of": "email_sent", "any": "email_opened"},
    "purchase after a price page": {"sequence": [PRICING, {"event": "purchase"}], "within": "14d"},
    "price page, no purchase for 7 days": {"sequence": [PRICING], "without": {"event": "purchase"}, "within": "7d"},
    "three steps in 60 days": {"sequence": [PRICING, {"event": "email_opened"}, {"event": "purchase"}], "within": "60d"},
    "anniversary in 7 days": {"anniversary": "created_at", "offset": "-7d"},
    "stage and score": {"all": [{"stage": ["mql"]}, {"score": {"op": "at_least", "value": 50}, "group": "fit"}]},
    "subscribed to mail": {"consent": "email", "is": "subscribed"},
    "tag": {"tag": "vip"},
    "company has over 100 people": {"account": "employees", "op": "more_than", "value": 100},
    "over 90 days at a stage": {"time_in_stage": "mql", "op": "at_least", "value": "90d"},
    "one in ten": {"percent": 10, "salt": "bench"},
    "text contains": {"field": "email", "op": "contains", "value": "77"},
    "nested": {"all": [
        {"any": [{"event": "purchase", "within": "30d"}, PRICING | {"within": "14d", "count": 2}]},
        {"not": {"event": "email_opened", "within": "90d"}}, {"score": {"op": "at_least", "value": 20}, "group": "fit"}]},
}
# Arithmetic instead of dice: the same data each time, made by the database itself.
_CONTACTS = """INSERT INTO contact (id, email, stage, fit_score, hash31, account_id, created_at, updated_at)
    WITH RECURSIVE n(i) AS (SELECT CAST(:low AS BIGINT) UNION ALL SELECT n.i + 1 FROM n WHERE n.i < :high)
    SELECT n.i, 'p' || n.i || '@example.com', CASE n.i % 4 WHEN 0 THEN 'mql' WHEN 1 THEN 'lead' ELSE 'subscriber' END,
           n.i * 7919 % 100, n.i * 7919 % 2147483647, n.i % 20000 + 1, :now - n.i * 48271 % 31536000, :now FROM n"""
_FACTS = """INSERT INTO account (id, key, name, employees, created_at, updated_at)
        SELECT c.id, 'company ' || c.id, 'Company ' || c.id, c.id % 400, :now, :now FROM contact c WHERE c.id <= 20000;
    INSERT INTO tag (id, key, name) VALUES (1, 'vip', 'VIP');
    INSERT INTO contact_tag (contact_id, tag_id, at) SELECT c.id, 1, :now FROM contact c WHERE c.id % 5 = 0;
    INSERT INTO consent (contact_id, channel, topic, purpose, status, basis, source, at, actor)
        SELECT c.id, 'email', '', 'marketing', CASE c.id % 10 WHEN 0 THEN 'unsubscribed' ELSE 'subscribed' END, 'consent',
            'bench', c.created_at, 'bench' FROM contact c;
    INSERT INTO contact_change (contact_id, kind, name, old, new, at, source)
        SELECT c.id, 'stage', 'stage', 'lead', 'mql', c.created_at + 86400, 'bench' FROM contact c WHERE c.id % 4 = 0"""
_EVENTS = """INSERT INTO event (contact_id, name, object, occurred_at, received_at, props, dedupe_key, source, verdict)
    WITH RECURSIVE n(i) AS (SELECT CAST(:low AS BIGINT) UNION ALL SELECT n.i + 1 FROM n WHERE n.i < :high),
    d(i, who, what, page, age) AS (SELECT n.i, n.i * 48271 % 2147483647 % :people + 1, n.i * 69621 % 2147483647 % 10,
        n.i * 16807 % 2147483647 % 50, n.i * 39373 % 2147483647 % 31536000 FROM n)
    SELECT d.who, CASE d.what WHEN 0 THEN 'purchase' WHEN 1 THEN 'email_opened' WHEN 2 THEN 'email_opened'
                      WHEN 3 THEN 'email_sent' ELSE 'page_view' END,
           CASE WHEN d.what < 4 THEN NULL WHEN d.page = 0 THEN '/pricing' ELSE '/page/' || d.page END,
           :now - d.age - CAST(:young AS BIGINT), :now, '{}', 'e' || d.i, 'bench',
           CASE WHEN d.what IN (1, 2) AND d.page % 8 = 0 THEN 'machine' END FROM d"""  # one open in eight is a machine's


def build(store: Store, contacts: int) -> None:
    """Contacts, and ten events each over a year. Indexes come last: filling them row by row takes many times as long."""
    event = next(table for table in TABLES if table.name == "event")
    with store.transaction():
        for index in event.indexes:
            store.run(f"DROP INDEX {index.split()[0]}")
    for statement, rows in ((_CONTACTS, contacts), (_EVENTS, contacts * 10)):
        for low in range(1, rows + 1, CHUNK):
            with store.transaction():
                values = {"low": low, "high": min(low + CHUNK - 1, rows), "now": NOW}
                store.run(statement, **values | ({} if statement is _CONTACTS else {"people": contacts, "young": 1}))
    with store.transaction():
        store.script(event.statements)
        for statement in _FACTS.split(";"):
            store.run(statement, **({"now": NOW} if ":now" in statement else {}))
        if store.backend == "postgresql":
            store.run("ANALYZE event, contact, contact_tag, consent, contact_change, account")


def measure(store: Store, contacts: int, only: str = "", times: int = 3) -> None:
    """One table. The count is what the editor shows while somebody writes: matching, of how many, of whom nothing is known."""
    began = time.perf_counter()
    if not store.one("SELECT 1 FROM contact LIMIT 1"):
        build(store, contacts)
    print(f"\n## {store.backend}: {contacts:,} contacts, {contacts * 10:,} events (built in {time.perf_counter() - began:.1f} "
          f"s, load {os.getloadavg()[0]:.1f})\n\n"
          "| rule | matches | everybody, s | CPU s | live count, s | CPU s | a plain loop, ms |\n"
          "|---|---:|---:|---:|---:|---:|---:|")
    catalogue = known(store)
    for name, document in ((name, document) for name, document in RULES.items() if only in name):
        rule = parse(document, catalogue)
        asked = best(store, lambda rule=rule: sum(len(part) for part in store.stream(rule.members(), now=NOW)), times)
        live = best(store, lambda rule=rule: segments.count(store, rule, now=NOW), times)
        print(f"| {name} | {asked[2]:,} | {asked[0]:.3f} | {asked[1]:.3f} | {live[0]:.3f} | {live[1]:.3f} | {loop_ms():.0f} |",
              flush=True)
    if not only:
        _watch(store, contacts)


def _watch(store: Store, contacts: int) -> None:
    """Segments of all these rules, kept true."""
    rows = [("fill all from nothing, with history", best(store, lambda: _fill(store), times=1))]
    last = events.last_id(store)
    watch.refresh(store, now=NOW, upto=last)
    rows.append(("nothing new", best(store, lambda: watch.refresh(store, now=NOW, upto=last))))
    rows.append(("one minute passes", best(store, lambda: watch.refresh(store, now=NOW + 60, upto=last), times=1)))
    with store.transaction():
        start = contacts * 10 + last + 1
        store.run(_EVENTS, low=start, high=start + NEW - 1, now=NOW + 60, people=contacts, young=0)
    rows.append((f"{NEW:,} new events", best(store, lambda: watch.refresh(store, now=NOW + 120, upto=last + NEW), times=1)))
    print(f"\n| the watch over {len(RULES)} segments | looked at | changed | s | CPU s |\n|---|---:|---:|---:|---:|")
    for name, (seconds, busy, tally) in rows:
        print(f"| {name} | {tally.looked_at:,} | {tally.changed:,} | {seconds:.4f} | {busy:.4f} |", flush=True)


def _fill(store: Store) -> watch.Tally:
    saved = [segments.save(store, name, document, by=COMMAND_LINE, now=NOW) for name, document in RULES.items()]
    return watch.Tally(entered=sum(one.members for one in saved))


def main() -> None:
    """Read the arguments and measure."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    options.add_argument("--million", action="store_true")
    options.add_argument("--url")
    options.add_argument("--keep", metavar="FILE")
    options.add_argument("--only", default="")
    options.add_argument("--times", type=int, default=3)
    asked = options.parse_args()
    for size in asked.sizes + ([1_000_000] if asked.million else []):
        with tempfile.TemporaryDirectory() as folder:
            store = open_store(asked.url or f"sqlite:///{asked.keep or Path(folder) / 'rules.db'}", create=True)
            measure(store, size, asked.only, asked.times)
            store.close()


if __name__ == "__main__":
    main()
