"""Why somebody is in a segment: what was observed, now and as it was known at a moment."""

from __future__ import annotations

import pytest

from engine.audience.explaining import explain
from engine.errors import NotFound
from engine.people import contacts
from engine.store import Store
from tests.conftest import NOW

from .test_watch import DAY, did, make, save

HOT = {"all": [{"stage": "mql"}, {"event": "page_view", "where": {"object": "/pricing"}, "count": 2, "within": "7d"},
               {"not": {"any": [{"event": "demo_booked"}, {"tag": "lost"}]}}]}


def test_each_condition_has_its_verdict_and_what_was_observed(store: Store) -> None:
    (ada,) = make(store, "ada@example.com", stage="mql")
    for ago in (5, 100, 9 * DAY):
        did(store, ada, "page_view", NOW - ago, "/pricing")
    save(store, "Hot", HOT)
    found = explain(store, "hot", "ada@example.com", now=NOW)
    assert found.matches and found.segment == "Hot"
    assert [(one.depth, one.matches, one.sentence) for one in found.lines] == [
        (0, True, "all of these"), (1, True, "is at the stage mql"),
        (1, True, 'did page_view where object is "/pricing" at least 2 times in the last 7 days'),
        (1, True, "none of this"), (2, False, "at least one of these"), (3, False, "did demo_booked"),
        (3, False, 'has the tag "lost"')]
    assert [one.observed for one in found.lines[1:3]] == [
        {"stage": "mql"}, {"times": "2", "last": "2026-09-21T14:13:15Z"}]
    assert found.lines[5].observed == {"times": "0", "last": None}


def test_the_past_is_told_as_it_was_known(store: Store) -> None:
    (ada,) = make(store, "ada@example.com", stage="mql")
    save(store, "Hot", HOT)
    did(store, ada, "page_view", NOW - 50, "/pricing")
    did(store, ada, "page_view", NOW - 40, "/pricing", now=NOW + 1_000)  # it arrived late
    with store.transaction():
        contacts.add_tags(store, [ada], ["lost"], now=NOW + 2_000, source="test")
    assert not explain(store, "Hot", "ada@example.com", now=NOW + 3_000).matches
    between = explain(store, "Hot", "ada@example.com", now=NOW + 1_500, past=True)
    assert between.matches and between.lines[2].observed["times"] == "2"
    early = explain(store, "Hot", "ada@example.com", now=NOW + 500, past=True)
    assert (early.matches, early.lines[2].matches, early.lines[2].observed["times"]) == (False, False, "1")
    assert not explain(store, "Hot", "ada@example.com", now=NOW - 500, past=True).there


def test_who_or_what_is_not_there_is_said(store: Store) -> None:
    make(store, "ada@example.com")
    save(store, "Hot", HOT)
    with pytest.raises(NotFound):
        explain(store, "Cold", "ada@example.com", now=NOW)
    with pytest.raises(NotFound):
        explain(store, "Hot", "bo@example.com", now=NOW)
