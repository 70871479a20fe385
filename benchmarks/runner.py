"""The journey runner: throughput against a SQLAlchemy ORM loop and a plain row loop, idle ticks, few due among many.

    python benchmarks/runner.py [--contacts 10000 100000] [--million] [--url postgresql://…]

The 14-node journey of the first prototype. History (`step`), ledger (`score_entry`), message rows and events are written;
every message is handed over by a stand-in between two ticks, which is not counted. Figures are ratios in one run.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from orm_loop import orm_loop
from row_loop import row_loop

from engine import clock
from engine.access import COMMAND_LINE
from engine.activity import inbox
from engine.activity.inbox import Item
from engine.config import Config
from engine.content import templates
from engine.journeys import documents, versions
from engine.journeys.runner import Runner
from engine.maths.assignment import hash31_of
from engine.schema import open_store, set_watermark
from engine.service.worker import run_forever
from engine.store import Store

NOW, DAY = 1_790_000_000, 86_400
RULE = {"all": [{"any": [{"score": {"op": "at_least", "value": 50}, "group": "fit"},
                         {"field": "locale", "op": "is", "value": "de"}]},
                {"not": {"event": "demo_booked"}}]}
LOCALES = ("de", "en", "fr", "nl")


def fourteen(name: str) -> dict[str, Any]:
    """Fourteen nodes, about twelve steps for each person."""
    return {
        "name": name, "goal": {"rule": {"event": "purchase"}}, "entry": {"trigger": {"event": f"enter {name}"}},
        "nodes": [
            {"id": "m1", "type": "send", "template": "one", "next": "w"},
            {"id": "w", "type": "wait", "for": "1d", "next": "c"},
            {"id": "c", "type": "condition", "rule": RULE, "on": {"yes": "s", "no": "x"}},
            {"id": "s", "type": "score", "points": 10, "next": "x"},
            {"id": "x", "type": "split", "arms": {"a": 1, "b": 1}, "on": {"a": "m2", "b": "o"}},
            {"id": "m2", "type": "send", "template": "two", "next": "o"},
            {"id": "o", "type": "wait_for", "event": {"event": "email_opened"}, "timeout": "3d",
             "on": {"happened": "g", "timeout": "m3"}},
            {"id": "g", "type": "tag", "add": ["engaged"], "next": "f"},
            {"id": "m3", "type": "send", "template": "three", "next": "f"},
            {"id": "f", "type": "fork", "on": {"p": "m4", "q": "st"}},
            {"id": "m4", "type": "send", "template": "four", "next": "j"},
            {"id": "st", "type": "set_field", "field": "owner", "value": "sam", "next": "j"},
            {"id": "j", "type": "join", "timeout": "30d", "next": "e"},
            {"id": "e", "type": "exit"},
        ],
    }


def opened(folder: Path, name: str, url: str | None) -> Store:
    return open_store(url or f"sqlite:///{folder / name}.db", create=True)


def people(store: Store, count: int, history: int, chunk: int = 20_000) -> None:
    """Contacts, and `history` imported events each."""
    for low in range(1, count + 1, chunk):
        with store.transaction():
            store.insert_many("contact", [
                {"email": f"c{i}@example.com", "locale": LOCALES[i % 4], "fit_score": i * 7919 % 100,
                 "hash31": hash31_of(str(i)), "created_at": NOW, "updated_at": NOW}
                for i in range(low, min(low + chunk, count + 1))])
    names = ("page_view", "email_opened", "email_clicked", "download", "page_view")
    for low in range(0, count * history, chunk):
        with store.transaction():
            store.insert_many("event", [
                {"contact_id": i * 7919 % count + 1, "name": "demo_booked" if i % 97 == 0 else names[i % 5],
                 "occurred_at": NOW - 9_000_000 + i % 8_000_000, "received_at": NOW - 1, "props": "{}", "dedupe_key": f"h{i}",
                 "source": "history", "historic": 1} for i in range(low, min(low + chunk, count * history))])
    with store.transaction():
        set_watermark(store, "journeys", store.one("SELECT COALESCE(MAX(id), 0) FROM event"), NOW)


def happen(store: Store, name: str, which: str, at: int, count: int, chunk: int = 20_000) -> None:
    """An event for each contact that `which` says."""
    for low in range(0, count, chunk):
        with store.transaction():
            store.run(f"""INSERT INTO event (contact_id, name, occurred_at, received_at, props, dedupe_key, source)
                SELECT c.id, :name, :at, :at, '{{}}', :name || :at || ':' || c.id, 'bench' FROM contact c
                WHERE c.id > :low AND c.id <= :high AND {which}""", name=name, at=at, low=low, high=low + chunk)


def post(store: Store, at: int, chunk: int = 20_000) -> int:
    """A stand-in for delivery: everything queued is sent, and each send is an event."""
    handed = 0
    while True:
        with store.transaction():
            store.run("DELETE FROM picked")
            store.run("INSERT INTO picked (id, contact_id) SELECT m.id, m.contact_id FROM message m WHERE m.status = 'queued' "
                      "ORDER BY m.id LIMIT :chunk", chunk=chunk)
            store.run("UPDATE message SET status = 'sent', sent_at = :at WHERE id IN (SELECT p.id FROM picked p)", at=at)
            done = store.run("""INSERT INTO event (contact_id, name, occurred_at, received_at, props, dedupe_key, source,
                    message_id)
                SELECT p.contact_id, 'email_sent', :at, :at, '{}', 'sent:' || p.id, 'bench', p.id FROM picked p""", at=at)
        handed += done
        if done < chunk:
            return handed


def furnish(store: Store, journeys: list[str]) -> None:
    """The messages, and live journeys of these names."""
    for name in ("one", "two", "three", "four"):
        templates.save(store, name, html="<p>Hi</p>", subject=name, by=COMMAND_LINE, now=NOW)
    for name in journeys:
        versions.publish(store, documents.dump(fourteen(name)), by=COMMAND_LINE, now=NOW)


def flow(store: Store, count: int, history: int, journeys: int = 1, mixed: bool = False) -> float:
    """Everybody through a journey (through one of several live ones); node-steps per CPU second of the runner.

    mixed: neighbors in the table are in different journeys, so that each batch touches most pages of it.
    """
    share = "c.id % {journeys} = {i}" if mixed else "(c.id - 1) * {journeys} / {count} = {i}"
    people(store, count, history)
    names = ["welcome", *(f"welcome {i}" for i in range(1, journeys))]
    furnish(store, names)
    runner = Runner(store)
    steps, wall, cpu, longest = 0, 0.0, 0.0, 0.0

    def until_quiet(now: int) -> None:
        nonlocal steps, wall, cpu, longest
        while True:
            began, used = time.perf_counter(), time.process_time()
            tally = runner.tick(now)
            wall, cpu = wall + time.perf_counter() - began, cpu + time.process_time() - used
            steps, longest = steps + tally.steps, max(longest, tally.longest_s)
            if not tally.steps and not post(store, now):
                return

    for i, name in enumerate(names):
        happen(store, f"enter {name}", share.format(journeys=journeys, count=count, i=i), NOW, count)
    until_quiet(NOW)
    until_quiet(NOW + DAY)
    happen(store, "email_opened", "c.id % 5 < 2", NOW + DAY + 60, count)
    until_quiet(NOW + DAY + 120)
    until_quiet(NOW + 4 * DAY + 120)
    left = store.one("SELECT COUNT(*) FROM token")
    print(f"{store.backend} {count:,} contacts, {history} events each, {journeys} live: {steps:,} steps in {cpu:,.1f} CPU s, "
          f"{steps / cpu:,.0f} per CPU second, {steps / wall:,.0f} per second, longest batch {longest * 1000:.0f} ms, "
          f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB, {left} left over")
    return steps / cpu


def idle(store: Store, finished: int, waiting: int) -> None:
    """Fifty live journeys, many people through, many waiting: what a tick costs that finds little or nothing to do."""
    people(store, waiting, history=1)
    furnish(store, [f"j{i}" for i in range(50)])
    runner = Runner(store)
    for i in range(50):
        happen(store, f"enter j{i}", f"c.id % 50 = {i}", NOW, waiting)
    runner.tick(NOW)
    post(store, NOW)
    runner.tick(NOW)
    for low in range(0, finished, 20_000):
        with store.transaction():
            store.insert_many("enrollment", [
                {"journey_id": i % 50 + 1, "version_id": i % 50 + 1, "contact_id": i % waiting + 1, "key": "", "props": "{}",
                 "status": "finished", "since_event": -i - 1, "started_at": 0, "ended_at": 1, "ended_event": 1,
                 "entered_by": 0}
                for i in range(low, min(low + 20_000, finished))])
    report(f"idle tick, 50 live journeys, {finished:,} finished, {waiting:,} waiting",
           [clocked(runner, NOW + i) for i in range(1, 101)])
    report("10 due among all who wait", [due(store, runner, NOW + 200 + i) for i in range(20)])


def due(store: Store, runner: Runner, now: int) -> float:
    with store.transaction():
        store.run("""UPDATE token SET due_at = :now WHERE id IN
            (SELECT t.id FROM token t WHERE t.due_at > :now ORDER BY t.id LIMIT 10)""", now=now)
    return clocked(runner, now)


def clocked(runner: Runner, now: int) -> float:
    began = time.perf_counter()
    runner.tick(now)
    return time.perf_counter() - began


def report(label: str, seconds: list[float]) -> None:
    ordered = sorted(seconds)
    late = ordered[int(len(ordered) * 0.95)]
    print(f"  {label}: median {statistics.median(ordered) * 1000:.2f} ms, p95 {late * 1000:.2f} ms")


def beside(store: Store, url: str, count: int) -> None:
    """What a reader and another writer wait while a runner in another process works at full speed."""
    people(store, count, history=1)
    furnish(store, ["welcome"])
    happen(store, "enter welcome", "true", NOW, count)
    store.close()
    child = os.fork()
    if child == 0:
        mine = open_store(url)
        runner = Runner(mine)
        for now in (NOW, NOW + 60, NOW + DAY, NOW + 2 * DAY, NOW + 6 * DAY):
            while runner.tick(now).steps or post(mine, now):
                pass
        os._exit(0)
    mine, reads, writes = open_store(url), [], []
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        who = len(reads) * 7919 % count + 1
        began = time.perf_counter()
        mine.rows("SELECT e.name, e.occurred_at FROM event e WHERE e.contact_id = :who ORDER BY e.id DESC LIMIT 50", who=who)
        reads.append(time.perf_counter() - began)
        began = time.perf_counter()
        with mine.transaction():
            mine.run("UPDATE contact SET locale = 'en', updated_at = :now WHERE id = :who", now=NOW, who=who)
        writes.append(time.perf_counter() - began)
        time.sleep(0.02)
    mine.close()
    report(f"a reader beside the runner ({len(reads)} reads)", reads)
    report(f"another writer beside the runner ({len(writes)} writes)", writes)


def answered(store: Store, count: int, events: int = 100) -> None:
    """From an event in the inbox to the first thing that a journey does about it, with the runner running."""
    people(store, count, history=1)
    furnish(store, [f"j{i}" for i in range(50)])
    stop, chance, waits = threading.Event(), random.Random(1), []
    thread = threading.Thread(target=run_forever, args=(store, Config(secret=b"x" * 32)), kwargs={"stop": stop})
    thread.start()
    for i in range(events):
        time.sleep(chance.uniform(0.0, 1.5))
        began = time.perf_counter()
        said = {"email": f"c{i + 1}@example.com", "event": f"enter j{i % 50}"}
        inbox.put(store, [Item("track", f"t{i}", said)], now=clock.now())
        while store.one("SELECT COUNT(*) FROM message") <= i:
            time.sleep(0.005)
        waits.append(time.perf_counter() - began)
    stop.set()
    thread.join()
    report(f"event to first action, 50 live journeys, {count:,} contacts, {events} events", waits)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--contacts", type=int, nargs="*", default=[10_000, 100_000])
    asked.add_argument("--million", action="store_true")
    asked.add_argument("--url")
    asked.add_argument("--only", choices=("flow", "many", "idle", "beside", "answered"))
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.only in (None, "flow"):
            orm, rows = orm_loop(Path(folder) / "orm.db", 2_000), row_loop(Path(folder) / "row.db", 10_000)
            print(f"The same journey, one at a time: ORM loop {orm:,.0f} steps per CPU second, plain row loop {rows:,.0f}")
            for count in [*given.contacts, *([1_000_000] if given.million else [])]:
                store = opened(Path(folder), f"flow{count}", given.url)
                found = flow(store, count, history=10)
                print(f"  {found / orm:,.0f} times the ORM loop, {found / rows:.1f} times the row loop")
                store.close()
        if given.only in (None, "many"):
            one, blocks, mixed = (
                flow(opened(Path(folder), f"many{live}{mix}", given.url), max(given.contacts), 1, live, mix)
                for live, mix in ((1, False), (24, False), (24, True)))
            print(f"  24 live journeys: {blocks / one:.2f} of the rate of one; neighbors in different ones {mixed / one:.2f}")
        if given.only in (None, "idle"):
            store = opened(Path(folder), "idle", given.url)
            many = 1_000_000 if given.million else max(given.contacts, default=10_000)
            idle(store, finished=many, waiting=many)
            store.close()
        if given.only in (None, "beside"):
            url = given.url or f"sqlite:///{folder}/beside.db"
            beside(open_store(url, create=True), url, max(given.contacts, default=10_000))
        if given.only in (None, "answered"):
            store = opened(Path(folder), "answered", given.url)
            answered(store, max(given.contacts))
            store.close()


if __name__ == "__main__":
    main()
