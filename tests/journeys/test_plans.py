"""No statement of the runner reads a table that grows with people from end to end: what a tick costs follows what is due."""

from __future__ import annotations

import re
import sqlite3
from typing import Any

from engine.clock import DAY
from engine.journeys import hearing
from engine.journeys.moves import compile_step
from engine.journeys.runner import DUE, Runner
from engine.journeys.versions import load_live
from engine.store import SqliteStore, Store

from .worlds import START, Document, add_contacts, add_templates, journey, publish, runner, tick

BIG = {"token": "t s token ut", "event": "e x event", "enrollment": "r enrollment", "contact": "c contact k",
       "message": "m message om", "segment_member": "g segment_member", "step": "step"}
FREE: dict[str, Any] = {"now": 5_000, "upto": 900, "low": 800, "high": 900, "shard": 0, "size": 100, "last": 5, "branch": 0,
                        "before": 4_000, "journey": 1, "campaign": None}
A = {"event": "a"}
RECENT = {"event": "a", "where": {"object": {"op": "is", "value": "/x"}}, "op": "at_least", "count": 2, "within": "7d"}


def everything() -> Document:
    """One journey with every kind of node that reads the world."""
    return journey(
        {"id": "w", "type": "wait", "for": "9s", "next": "m"},
        {"id": "m", "type": "send", "template": "hi", "on": {"sent": "o", "skipped": "o", "failed": "out"}},
        {"id": "o", "type": "wait_for", "event": {"event": "email_clicked", "of": "m"}, "timeout": "5s", "next": "u"},
        {"id": "u", "type": "wait_for", "rule": {"all": [RECENT, {"tag": "vip"}]}, "timeout": "5s", "next": "c"},
        {"id": "c", "type": "condition", "rule": {"any": [A, {"stage": ["lead"]}]}, "next": "p"},
        {"id": "p", "type": "score", "points": 1, "next": "f1"},
        {"id": "f1", "type": "set_field", "field": "locale", "value": "x", "next": "g1"},
        {"id": "g1", "type": "tag", "add": ["x"], "remove": ["y"], "next": "st"},
        {"id": "st", "type": "stage", "to": "mql", "next": "sp"},
        {"id": "sp", "type": "split", "arms": {"a": 1, "b": 1}, "next": "f"},
        {"id": "f", "type": "fork", "on": {"p": "j", "q": "k"}},
        {"id": "k", "type": "condition", "rule": A, "on": {"yes": "j", "no": "aside"}},
        {"id": "j", "type": "join", "timeout": "9s", "next": "g"},
        {"id": "g", "type": "goal", "rule": A, "next": "back"},
        {"id": "back", "type": "go_to", "node": "w", "after": "1h"},
        {"id": "out", "type": "exit"}, {"id": "aside", "type": "exit", "ends": "passage"},
        reentry={"policy": "cooldown", "after": "3d", "key": "props.cart"},
        exit=[{"rule": RECENT, "reason": "x"}, {"rule": {"stage": ["customer"]}, "reason": "y"},
              {"rule": RECENT, "scope": "account", "reason": "z"}])


def statements(store: Store) -> list[tuple[str, Any, dict[str, Any]]]:
    add_templates(store, "hi")
    publish(store, everything())
    version = load_live(store)[0]
    ears = hearing.ears(version)
    found: list[tuple[str, Any, dict[str, Any]]] = [("due", DUE, FREE), ("wake", hearing.wake(2), FREE)]
    for key in version.layout.order:
        step = compile_step(version, key)
        found += [(key, text, FREE | step.params) for text in (step.claim, *step.before, *step.after)]
    found += [("interrupt", one.by_event, FREE) for one in ears.interrupts]
    found += [("interrupt by time", one.by_time, FREE) for one in ears.interrupts if one.by_time]
    found += [("wake by time", one, FREE) for one in ears.wakes_by_time]
    found += [("take away", one, FREE) for one in hearing.take_away(2)]
    assert ears.enroll
    return [*found, ("enroll", ears.enroll, FREE), *(("place", one, FREE) for one in ears.place)]


def test_complaint_2_no_big_table_is_scanned(store: Store) -> None:
    found = statements(store)
    with store.transaction():
        if store.backend == "postgresql":
            store.run("SET LOCAL enable_seqscan = off")  # on empty tables a scan is right; an index must be able to do it
        bad = [f"{where}: {plan}" for where, statement, params in found
               if scans(store, plan := store.plan(statement, **params))]
    assert not bad, "\n\n".join(bad)


def scans(store: Store, plan: str) -> list[str]:
    if store.backend == "postgresql":
        return re.findall(rf"Seq Scan on ({'|'.join(BIG)})\b", plan)
    aliases = "|".join(alias for names in BIG.values() for alias in names.split())
    if "MATERIALIZE fresh" in plan:  # the events of this tick, read once: a few rows under the same alias
        plan = re.sub(r"SCAN e$", "", plan, flags=re.MULTILINE)
    return re.findall(rf"SCAN (?:{aliases})\b(?! USING COVERING INDEX sqlite_autoindex)", plan) + re.findall("BLOOM", plan)


def test_the_claim_walks_its_index_in_order(memory: Store) -> None:
    plans = [memory.plan(text, **params) for where, text, params in statements(memory) if where == "w"]
    assert "token_due (shard=? AND node_id=? AND due_at<?)" in plans[0]
    assert "TEMP B-TREE" not in plans[0]


def test_whoever_an_event_or_a_moment_may_move_is_found_by_the_contact(memory: Store) -> None:
    plans = [memory.plan(text, **params) for where, text, params in statements(memory)
             if where in ("interrupt", "interrupt by time", "wake by time", "wake")]
    assert len(plans) > 4 and all("enrollment_active (contact_id=?)" in plan for plan in plans), "not all of a version"


def test_siblings_are_found_by_key_range(memory: Store) -> None:
    plans = [memory.plan(text, **params) for where, text, params in statements(memory) if where == "j"]
    assert "SEARCH s USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in plans[0]


def worked(store: Store, engine: Runner, now: int) -> tuple[int, int]:
    """Steps, and what a tick took: instructions of the database's machine on SQLite, statements elsewhere."""
    seen: list[str] = []
    store.on_statement = seen.append
    if not isinstance(store, SqliteStore):
        steps = engine.tick(now).steps
    else:
        with store.transaction(), store._connection() as connection:
            assert isinstance(connection, sqlite3.Connection)
            connection.set_progress_handler(lambda: seen.append("a hundred"), 100)
            steps = engine.tick(now).steps
            connection.set_progress_handler(None, 0)
    store.on_statement = None
    return steps, len(seen)


def test_complaint_2_a_tick_costs_what_is_due_and_not_who_waits_or_has_finished(store: Store) -> None:
    """COMPLAINTS 2: elsewhere a run reads everybody again, also those who left long ago. Here ten are due twice: with nobody
    else, and beside 1,500 who wait and 1,500 who have finished."""
    add_contacts(store, 3_020)
    publish(store, journey({"id": "w", "type": "wait", "for": "30d", "next": "e"}, {"id": "e", "type": "exit"}),
            journey({"id": "gone", "type": "exit"}, name="short", trigger={"event": "glance"}))
    engine = runner(store)

    def begin(people: range, event: str, at: int) -> None:
        with store.transaction():
            store.insert_many("event", [{"contact_id": who, "name": event, "occurred_at": at, "received_at": at, "props": "{}",
                                         "dedupe_key": f"{event}{who}", "source": "test"} for who in people])

    begin(range(1, 11), "signup", START)
    tick(engine, START)
    begin(range(11, 21), "signup", START + DAY)
    tick(engine, START + DAY)
    alone = worked(store, engine, START + 30 * DAY)
    idle = worked(store, engine, START + 30 * DAY + 1)
    begin(range(21, 1_521), "signup", START + 30 * DAY + 2)
    begin(range(1_521, 3_021), "glance", START + 30 * DAY + 2)
    tick(engine, START + 30 * DAY + 2)
    assert store.rows("SELECT r.status, COUNT(*) FROM enrollment r GROUP BY 1 ORDER BY 1") == [("active", 1_510),
                                                                                             ("finished", 1_510)]
    idle_in_a_crowd = worked(store, engine, START + 31 * DAY - 1)
    in_a_crowd = worked(store, engine, START + 31 * DAY)
    assert alone[0] == in_a_crowd[0] == 20 and idle[0] == idle_in_a_crowd[0] == 0
    assert in_a_crowd[1] < 1.25 * alone[1] and idle_in_a_crowd[1] < 1.25 * idle[1], (alone, in_a_crowd, idle, idle_in_a_crowd)
