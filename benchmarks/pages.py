"""How long each page takes on a large workspace, and how many rows it puts on the screen.

    python benchmarks/pages.py                  100,000 contacts and 1,000,000 events, on SQLite
    python benchmarks/pages.py --million        1,000,000 contacts and 10,000,000 events
    python benchmarks/pages.py --contacts N     another size
    python benchmarks/pages.py --keep FILE      build it there, or measure what is there already

Prints a table. Seconds are those of the page's script in this process (`streamlit.testing`): `first` with empty caches,
`again` right after, without the browser. `CPU` is the processor's share of `first`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest

from engine import clock
from engine.access import COMMAND_LINE
from engine.audience import segments
from engine.clock import DAY
from engine.content import templates
from engine.journeys import versions
from engine.outreach import campaigns
from engine.schema import TABLES, open_store
from engine.store import Store

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # in the place of this folder, where this file is called `pages` too
from pages.widgets.directory import BY_KEY  # noqa: E402

APP = ROOT / "app.py"
CHUNK = 100_000
VIEWS = (
    "home", "contacts", "contacts?page=1000", "contacts?q=ada", "contacts?stage=mql", "contacts?tag=vip",
    "contacts?segment=Marketing qualified", "contacts?view=accounts", "contacts?view=quality", "contacts?contact=4711",
    "contacts?contact=4711&show=facts",
    "segments", "segments?segment=Marketing qualified", "segments?edit=Marketing qualified", "segments?edit=Pricing twice",
    "segments?view=lists", "leads", "leads?view=hot", "leads?view=hot&stage=mql", "leads?view=hot&page=1000",
    "leads?view=stages", "leads?view=scoring", "leads?view=routing", "leads?view=acceptance",
    "campaigns",
    "campaigns?campaign=Spring", "journeys", "journeys?journey=Welcome", "journeys?journey=Welcome&node=clicked",
    "journeys?journey=Welcome&version=1", "content", "content?template=welcome", "forms", "experiments", "roi",
    "roi?view=credit", "roi?view=campaigns", "roi?view=funnel", "roi?view=costs", "activity", "activity?event=purchase",
    "activity?view=messages", "activity?view=messages&status=skipped", "activity?view=runner", "activity?view=refused",
    "activity?view=audit", "settings", "settings?view=topics", "settings?view=workspace",
)
WELCOME = """name: Welcome
campaign: Spring
goal: {rule: {event: purchase}, within: 30d}
entry: {trigger: {event: subscribed}}
nodes:
- {id: hello, type: send, template: welcome, next: clicked}
- {id: clicked, type: wait_for, event: {event: email_clicked, of: hello}, timeout: 2d, on: {happened: ab, timeout: done}}
- {id: ab, type: split, arms: {a: 1, b: 1}, next: done}
- {id: done, type: exit}
"""
# Arithmetic instead of dice: the same data each time, made by the database itself. :low to :high are the rows of a chunk.
_NUMBERS = """WITH RECURSIVE n(i) AS (SELECT CAST(:low AS BIGINT) UNION ALL SELECT n.i + 1 FROM n WHERE n.i < :high)"""
_ROWS = {  # table: rows per contact, and how they are made
    "account": (0.02, """INSERT INTO account (id, key, name, created_at, updated_at) {numbers}
        SELECT n.i, 'company ' || n.i, 'Company ' || n.i, :now, :now FROM n"""),
    "contact": (1, """INSERT INTO contact (id, email, first_name, last_name, stage, account_id, fit_score, engagement_score,
            hash31, created_at, updated_at) {numbers}
        SELECT n.i, 'p' || n.i || '@example.com', CASE n.i % 500 WHEN 0 THEN 'Ada' ELSE 'Pia' || n.i % 997 END,
            'Lane' || n.i % 9973, CASE n.i % 10 WHEN 0 THEN 'customer' WHEN 1 THEN 'mql' ELSE 'lead' END,
            n.i % CAST(:people * 0.02 AS BIGINT) + 1, n.i * 7919 % 100, n.i * 104729 % 60, n.i * 7919 % 2147483647,
            :now - n.i * 48271 % 31536000, :now FROM n"""),
    "contact_tag": (0.2, """INSERT INTO contact_tag (contact_id, tag_id, at) {numbers}
        SELECT n.i * 5, n.i % 3 + 1, :now FROM n"""),
    "event": (10, """INSERT INTO event (contact_id, name, object, occurred_at, received_at, value_minor, currency, props,
            dedupe_key, source, message_id)
        {numbers}, d(i, who, what, page, age) AS (SELECT n.i, n.i * 48271 % 2147483647 % :people + 1,
            n.i * 69621 % 2147483647 % 20, n.i * 16807 % 2147483647 % 50, n.i * 39373 % 2147483647 % 31536000 FROM n)
        SELECT d.who, CASE WHEN d.what = 0 THEN 'purchase' WHEN d.what < 3 THEN 'email_clicked' WHEN d.what < 6
                THEN 'email_sent' ELSE 'page_view' END,
            CASE WHEN d.what < 6 THEN NULL WHEN d.page = 0 THEN '/pricing' ELSE '/page/' || d.page END, :now - d.age,
            :now - d.age, CASE d.what WHEN 0 THEN d.i % 20000 END, CASE d.what WHEN 0 THEN 'USD' END, '{{}}', 'e' || d.i,
            'bench', CASE WHEN d.what BETWEEN 1 AND 5 THEN d.i % :people + 1 END FROM d"""),
    "message": (1, """INSERT INTO message (id, journey_id, enrollment_id, node_id, token_id, visit, contact_id, channel,
            template_id, template_version_id, campaign_id, status, reason, created_at, due_at, sent_at, told_at) {numbers}
        SELECT n.i, 1, n.i, 1001, n.i * 64, 1, n.i, 'email', 1, 1, 1, CASE n.i % 50 WHEN 0 THEN 'skipped' ELSE 'sent' END,
            CASE n.i % 50 WHEN 0 THEN 'suppressed' END, :now - n.i * 48271 % 31536000, :now, :now - n.i * 48271 % 31536000,
            :now FROM n"""),
    "enrollment": (1, """INSERT INTO enrollment (id, journey_id, version_id, contact_id, props, status, since_event,
            started_at, entered_by) {numbers}
        SELECT n.i, 1, 1, n.i, '{{}}', CASE n.i % 10 WHEN 0 THEN 'active' ELSE 'finished' END, n.i,
            :now - n.i * 48271 % 31536000, 0 FROM n"""),
    "token": (0.1, """INSERT INTO token (id, enrollment_id, contact_id, shard, node_id, due_at, arrived_at, seq, since_event)
        {numbers} SELECT n.i * 640, n.i * 10, n.i * 10, 0, 1002, :now + n.i % 100000, :now, 2, n.i FROM n"""),
    "step": (2, """INSERT INTO step (token_id, node_id, seq, at, port) {numbers}
        SELECT n.i / 2 * 64, CASE n.i % 2 WHEN 0 THEN 1001 ELSE 1003 END, n.i % 2 + 1,
            :now - n.i / 2 * 48271 % 31536000, CASE WHEN n.i % 2 = 0 THEN 'sent' WHEN n.i % 4 = 1 THEN 'a' ELSE 'b' END
        FROM n"""),
    "score_entry": (1, """INSERT INTO score_entry (contact_id, grp, points, reason, at) {numbers}
        SELECT n.i, 'fit', n.i * 7919 % 100, 'made for a benchmark', :now FROM n"""),
    "stage_change": (1, """INSERT INTO stage_change (contact_id, old, new, at, source) {numbers}
        SELECT n.i, NULL, CASE n.i % 10 WHEN 0 THEN 'customer' WHEN 1 THEN 'mql' ELSE 'lead' END,
            :now - n.i * 48271 % 31536000, 'bench' FROM n"""),
    "deal": (0.01, """INSERT INTO deal (id, deal_id, name, stage, amount_minor, currency, created_at, closed_at, won,
            updated_at) {numbers} SELECT n.i, 'd' || n.i, 'Deal ' || n.i, 'won', n.i % 500000, 'USD', :now,
            :now - n.i * 48271 % 31536000, 1, :now FROM n"""),
    "deal_contact": (0.01, "INSERT INTO deal_contact (deal_id, contact_id) {numbers} SELECT n.i, n.i * 100 FROM n"),
}


def build(store: Store, contacts: int, now: int) -> None:
    """A workspace of that many contacts, ten events each, one message, passage, score and stage each."""
    for name in ("vip", "fair", "old"):
        with store.transaction():
            store.insert_many("tag", [{"key": name, "name": name}])
    campaigns.ensure(store, "Spring", by=COMMAND_LINE, now=now)
    templates.save(store, "welcome", html="<p>Hi <a href='https://x.example'>there</a></p>", subject="Hi", by=COMMAND_LINE,
                   now=now)
    versions.publish(store, WELCOME, by=COMMAND_LINE, now=now - 365 * DAY)
    with store.transaction():
        store.insert_many("cost", [{"campaign": "Spring", "channel": "email", "category": "media", "amount_minor": 500_000,
                                    "currency": "USD", "from_at": now - 300 * DAY, "until_at": now, "dedupe_key": "c1",
                                    "created_at": now}])
        store.insert_many("node_stat", [{"node_id": 1001, "port": "sent", "n": contacts},
                                        {"node_id": 1003, "port": "a", "n": contacts // 2},
                                        {"node_id": 1003, "port": "b", "n": contacts // 2}])
    for table, (each, statement) in _ROWS.items():
        _fill(store, table, statement.format(numbers=_NUMBERS), int(contacts * each), contacts, now)
    with store.transaction():
        store.run("ANALYZE") if store.backend == "sqlite" else store.run("ANALYZE event, contact, message")
    segments.save(store, "Marketing qualified", {"stage": ["mql"]}, by=COMMAND_LINE, now=now)
    segments.save(store, "Pricing twice", {"event": "page_view", "where": {"object": {"op": "is", "value": "/pricing"}},
                                           "count": 2, "within": "30d"}, by=COMMAND_LINE, now=now)


def _fill(store: Store, table: str, statement: str, rows: int, contacts: int, now: int) -> None:
    """In chunks; indexes come last: filling them row by row takes many times as long."""
    made = next(one for one in TABLES if one.name == table)
    with store.transaction():
        for index in made.indexes:
            store.run(f"DROP INDEX {index.removeprefix('UNIQUE ').split()[0]}")
    for low in range(1, rows + 1, CHUNK):
        with store.transaction():
            values = {"low": low, "high": min(low + CHUNK - 1, rows), "now": now, "people": contacts}
            store.run(statement, **{name: value for name, value in values.items() if f":{name}" in statement})
    with store.transaction():
        store.script(made.statements)


@contextmanager
def workspace(contacts: int, keep: str | None) -> Iterator[str]:
    """The address of a workspace of that size, opened by the app through DATABASE_URL."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{keep or Path(folder) / 'pages.db'}"
        if not (keep and Path(keep).exists()):
            began = time.perf_counter()
            store = open_store(url, create=True)
            build(store, contacts, clock.now())
            store.close()
            print(f"built in {time.perf_counter() - began:.0f} s")
        os.environ |= {"DATABASE_URL": url, "THROUGHLINE_LOCAL_ADMIN": "1"}
        config.set_option("server.address", "127.0.0.1")
        yield url


def measure(view: str) -> tuple[float, float, float, int, str]:
    """Seconds with empty caches, its CPU seconds, seconds right after, rows of the largest table, and what went wrong."""
    page, _, query = view.partition("?")
    at = AppTest.from_file(str(APP), default_timeout=600).run()
    at.query_params.clear()
    at.query_params.update(dict(part.split("=", 1) for part in query.split("&") if part))
    at.switch_page(BY_KEY[page].file)
    st.cache_data.clear()
    began, busy = time.perf_counter(), time.process_time()
    at.run()
    first, busy = time.perf_counter() - began, time.process_time() - busy
    began = time.perf_counter()
    at.run()
    again = time.perf_counter() - began
    wrong = "; ".join([str(one.message) for one in at.exception] + [str(one.value) for one in at.error])
    return first, busy, again, max((len(one.value) for one in at.dataframe), default=0), wrong


def main() -> None:
    """Read the arguments, build, measure."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--contacts", type=int, default=100_000)
    options.add_argument("--million", action="store_true")
    options.add_argument("--keep", metavar="FILE")
    options.add_argument("--only", default="", help="views whose address holds this")
    asked = options.parse_args()
    contacts = 1_000_000 if asked.million else asked.contacts
    with workspace(contacts, asked.keep):
        load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
        print(f"## sqlite: {contacts:,} contacts, {contacts * 10:,} events ({load})\n\n"
              "| view | first, s | CPU s | again, s | largest table, rows |\n|---|---:|---:|---:|---:|")
        for view in (one for one in VIEWS if asked.only in one):
            first, busy, again, rows, wrong = measure(view)
            print(f"| {view} | {first:.2f} | {busy:.2f} | {again:.2f} | {rows:,} |{' ' + wrong if wrong else ''}", flush=True)


if __name__ == "__main__":
    main()
