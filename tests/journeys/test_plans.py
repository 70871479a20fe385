"""No statement of the runner reads a table that grows with people from end to end."""

from __future__ import annotations

import re
from typing import Any

from engine.journeys import hearing
from engine.journeys.moves import compile_step
from engine.journeys.runner import DUE
from engine.journeys.versions import load_live
from engine.store import Store

from .worlds import Document, add_templates, journey, publish

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


def test_no_big_table_is_scanned(store: Store) -> None:
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


def test_siblings_are_found_by_key_range(memory: Store) -> None:
    plans = [memory.plan(text, **params) for where, text, params in statements(memory) if where == "j"]
    assert "SEARCH s USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in plans[0]
