"""How the databases find what a rule asks for: a few contacts through their own events, everybody through an index once."""

from __future__ import annotations

from typing import Any

import pytest

from engine.audience import watch
from engine.audience.rules import known, parse
from engine.audience.watch import membership, staleness
from engine.sql import sql
from engine.store import Store
from tests.conftest import NOW

PRICING = {"event": "page_view", "where": {"object": {"op": "is", "value": "/pricing"}}}
RULES: list[Any] = [
    PRICING | {"within": "7d"}, PRICING | {"within": "14d", "count": 2}, {"event": "purchase", "within": "30d"},
    {"event": "page_view", "op": "at_most", "count": 0, "within": "30d"}, {"event": "page_view", "op": "exactly", "count": 3},
    {"event": "page_view", "where": {"object": {"op": "contains", "value": "price"}}},
    {"days_since": "purchase", "op": "at_least", "value": 60},
    {"event": "purchase", "where": {"plan": {"op": "is", "value": "gold"}}},
    {"spent": "total", "op": "less_than", "value": 500, "within": "365d"},
    {"last": 3, "of": "email_sent", "all": "email_opened"}, {"time_in_stage": "mql", "op": "at_least", "value": "90d"},
    {"all": [{"tag": "vip"}, {"segment": "Hot"}, {"list": "News"}, {"consent": "email", "is": "subscribed"},
             {"stage": "lead"}, {"account": "industry", "op": "is", "value": "health"}]},
]


@pytest.fixture
def filled(store: Store) -> Store:
    """Enough rows for PostgreSQL to prefer an index; SQLite decides by the shape of the statement alone."""
    number = 5_000 if store.backend == "postgresql" else 10
    with store.transaction():
        store.insert_many("contact", [{"id": at, "hash31": at, "created_at": 1, "updated_at": 1} for at in range(1, number)])
        store.insert_many("event", [
            {"contact_id": at % number + 1, "name": ("page_view", "purchase")[at % 7 == 0], "object": f"/{at % 50}",
             "occurred_at": NOW - at * 900, "received_at": 1, "props": "{}", "dedupe_key": str(at), "source": "s"}
            for at in range(number * 4)])
        store.insert_many("list", [{"key": "news", "name": "News", "created_at": 1}])
        store.insert_many("segment", [{"key": "hot", "name": "Hot", "rule": "{}", "sentence": "", "version": 1,
                                       "created_at": 1, "updated_at": 1}])
        store.insert_many("dirty", [{"contact_id": at, "event_id": 0} for at in range(1, 20)])
        if store.backend == "postgresql":
            store.run("ANALYZE event, contact")
    return store


def scans(plan: str) -> list[str]:
    """Lines of a plan that read a whole table of people or events."""
    tables = ("event", "contact", "segment_member", "contact_tag", "contact_list", "consent")
    sqlite = {f"SCAN {alias}" for alias in ("e", "c", "m", "t", "x")}
    return [line for line in plan.splitlines() if line.strip() in sqlite or "BLOOM" in line
            or any(f"Seq Scan on {table} " in line for table in tables)]


@pytest.mark.parametrize("document", RULES, ids=str)
def test_a_few_contacts_are_asked_without_reading_a_whole_table(filled: Store, document: Any) -> None:
    rule = parse(document, known(filled))
    with filled.transaction():
        filled.insert_many("dirty", [{"contact_id": 1, "event_id": 0}], or_ignore=True)
        filled.after_fill("dirty")
        for find in (membership._ENTERING, membership._LEAVING):
            plan = filled.plan(sql(find, rule=rule.probe(sql(":upto")), segment=1), now=NOW, upto=9)
            assert not [line for line in scans(plan) if "segment_member" not in line], plan
            if filled.backend == "sqlite" and "event" in document:
                assert "event_contact (contact_id=? AND name=?" in plan, plan


@pytest.mark.parametrize("document", RULES[:7], ids=str)
def test_everybody_is_asked_through_an_index_that_holds_the_answer(memory: Store, document: Any) -> None:
    plan = memory.plan(parse(document, known(memory)).members(), now=NOW)  # PostgreSQL decides by its statistics
    name = "event_what" if "where" in document else "event_when"
    assert f"SEARCH e USING COVERING INDEX {name} (name=?" in plan, plan


def test_spending_is_read_off_one_index(memory: Store) -> None:
    plan = memory.plan(parse({"spent": "average", "value": 50, "within": "30d"}, known(memory)).members(), now=NOW)
    assert "SEARCH e USING COVERING INDEX event_when (name=? AND occurred_at>? AND occurred_at<?)" in plan, plan


def test_what_came_of_the_last_few_messages_is_read_off_one_index(memory: Store) -> None:
    rule = parse({"last": 3, "of": "email_sent", "all": "email_opened"}, known(memory))
    open_ = rule.unjudged()
    assert open_
    for statement in (rule.members(), open_):
        plan = memory.plan(statement, now=NOW)
        own = [line.strip() for line in plan.splitlines() if "event_contact" in line]
        probe = "USING COVERING INDEX event_contact (contact_id=? AND name=?"
        assert len(own) >= 3 and all(probe in line for line in own), plan
        assert "SEARCH e USING COVERING INDEX event_" in plan or "event_machine (name=?)" in plan, plan


def test_stale_contacts_are_found_by_index(filled: Store) -> None:
    signals = parse({"all": RULES[:4]}, known(filled)).signals()
    edges = watch.edges(signals)
    assert edges
    for statement in (edges, staleness.turned(list(staleness._turns(signals, rewound=True)), 100)):
        assert not scans(filled.plan(statement, before=NOW - 60, now=NOW))
    plan = filled.plan(staleness.new_events({"page_view": 1, "purchase": 1}), low=9, high=12)
    assert not scans(plan) and "event_w" not in plan, plan
