"""What the pages count is read off indexes that hold the answer: no view walks a whole table of people, events or messages."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from engine.audience import lifecycle
from engine.clock import DAY
from engine.measure import kpis, roi
from engine.outreach import campaigns, messages
from engine.people import contacts
from engine.people.contacts import listing
from engine.store import Store
from tests.conftest import NOW

READS: dict[str, Callable[[Store], Any]] = {
    "headline": lambda store: kpis.headline(store, now=NOW),
    "messages by status": messages.counts,
    "newest messages": lambda store: messages.list_messages(store, limit=200),
    "newest failed messages": lambda store: messages.list_messages(store, status="failed", limit=200),
    "stages": lifecycle.counts,
    "flow": lambda store: lifecycle.flow(store, since=NOW - 90 * DAY, until=NOW),
    "coverage": lifecycle.coverage,
    "people of the ROI": lambda store: roi._entered(store, ("lead", "mql", "customer"), NOW - 90 * DAY, NOW),
    "a page of contacts at a stage": lambda store: listing.page(store, listing.Wanted(stage="mql")),
    "everybody counted": lambda store: store.one("SELECT COUNT(*) FROM contact c WHERE c.anonymous = 0"),
    "names of campaigns": campaigns.names,
}
# What is walked all the same: the newest page, journeys, campaigns, and those whose stage ever changed.
ALLOWED = {"newest messages": ("SCAN m",), "coverage": ("SCAN r", "SCAN j"), "names of campaigns": ("SCAN c",),
           "people of the ROI": ("SCAN s",)}


def asked(store: Store, read: Callable[[Store], Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The plans of everything that is read."""
    plans: list[str] = []
    fetch = type(store)._fetch

    def spy(self: Store, statement: Any, params: dict[str, Any]) -> Any:
        if self is store and not str(statement).startswith("PRAGMA"):
            plans.append(self.plan(statement, **params))
        return fetch(self, statement, params)

    monkeypatch.setattr(type(store), "_fetch", spy)
    read(store)
    monkeypatch.undo()
    return plans


@pytest.mark.parametrize("name", READS)
def test_no_view_walks_a_large_table(memory: Store, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plans = asked(memory, READS[name], monkeypatch)
    walked = [line.strip() for plan in plans for line in plan.splitlines()
              if line.strip() in {f"SCAN {alias}" for alias in "cemrxsnyjd"}]
    assert plans and not [line for line in walked if line not in ALLOWED.get(name, ())], plans


def test_messages_are_counted_as_if_read_one_by_one(store: Store) -> None:
    dice = random.Random(4)
    drawn = [dice.choice(messages.OPEN + messages.TERMINAL) for _ in range(60)]
    with store.transaction():
        store.insert_many("template", [{"key": "t", "name": "t", "channel": "email", "created_at": 0, "updated_at": 0}])
        store.insert_many("message", [{"contact_id": 1, "channel": "email", "template_id": 1, "status": status, "created_at": 0,
                                       "due_at": 0} for status in drawn])
    assert messages.counts(store) == {status: drawn.count(status) for status in sorted(set(drawn))}
    for status in set(drawn):
        found = messages.list_messages(store, status=status, limit=100)
        assert [one.status for one in found] == [status] * drawn.count(status)
    newest = messages.list_messages(store, limit=7)
    assert [one.id for one in newest] == sorted((one.id for one in newest), reverse=True) and newest[0].id == 60


def test_new_people_of_a_span_are_counted_as_if_looked_at_one_by_one(store: Store) -> None:
    dice = random.Random(7)
    stages = [None, "lead", "Lead", "mql", "customer"]
    with store.transaction():
        saved = contacts.upsert_many(store, [{"external_id": f"p{at}"} for at in range(40)], now=NOW, source="test")
        for one in saved:
            store.run("UPDATE contact SET stage = :stage, created_at = :at, is_test = :test WHERE id = :id", id=one.id,
                      stage=dice.choice(stages), at=NOW - dice.randrange(9) * DAY, test=int(dice.random() < 0.1))
            store.insert_many("contact_change", [
                {"contact_id": one.id, "kind": "stage", "name": "stage", "old": dice.choice(stages), "new": dice.choice(stages),
                 "at": NOW - dice.randrange(9) * DAY, "source": "test"} for _ in range(dice.randrange(4))])
    names = ("lead", "mql", "customer")
    for since, until in ((NOW - 6 * DAY, NOW - 2 * DAY), (NOW - 9 * DAY, NOW + 1), (NOW, NOW + 1)):
        counted = tuple(len(store.rows(roi._entries(name, since, until))) for name in names)
        assert roi._entered(store, names, since, until) == counted
    assert sum(counted), "the last span is not empty"
