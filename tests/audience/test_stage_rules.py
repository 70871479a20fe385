"""Stages by rule: forward, back only where the rule says so, never over a person's verdict; flow and coverage."""

from __future__ import annotations

import pytest

from engine.access import COMMAND_LINE, Actor
from engine.activity import events
from engine.audience import lifecycle, routing, watch
from engine.clock import DAY
from engine.errors import BadInput, NotFound
from engine.people import contacts
from engine.service import editing
from engine.service.editing import Edit
from engine.store import Store
from tests.conftest import NOW


def person(store: Store, name: str, stage: str | None = None) -> int:
    who = contacts.save(store, {"email": f"{name}@example.com", "stage": stage}, by=COMMAND_LINE, now=NOW - 90 * DAY,
                        source="test").id
    with store.transaction():
        lifecycle.catch_up(store, [who], now=NOW - 90 * DAY, source="test", live=False)
    return who


def rule(store: Store, stage: str, tag: str, regress: bool = False) -> None:
    lifecycle.save_rule(store, stage, {"tag": tag}, regress=regress, by=COMMAND_LINE, now=NOW)


def tag(store: Store, who: int, *names: str, now: int = NOW) -> None:
    with store.transaction():
        contacts.add_tags(store, [who], names, now=now, source="test")


def tick(store: Store, now: int = NOW) -> int:
    watch.refresh(store, now=now, upto=events.last_id(store))
    return lifecycle.refresh(store, now=now)


def stage(store: Store, who: int) -> str | None:
    return contacts.get(store, who).stage


def test_rules_go_forward_to_the_furthest_and_back_only_where_they_say_so(store: Store) -> None:
    for name, regress in (("lead", False), ("mql", False), ("customer", False), ("at-risk", False), ("subscriber", True)):
        rule(store, name, f"is {name}", regress)
    ada, bo = person(store, "ada"), person(store, "bo", "customer")
    tick(store)
    tag(store, ada, "is lead", "is mql")
    tag(store, bo, "is mql")
    assert tick(store) == 1 and tick(store) == 0
    assert (stage(store, ada), stage(store, bo)) == ("mql", "customer")
    tag(store, bo, "is at-risk")
    tag(store, ada, "is subscriber")
    assert tick(store) == 2 and (stage(store, ada), stage(store, bo)) == ("subscriber", "at-risk")
    told = store.rows("SELECT object FROM event WHERE name = 'stage_changed' ORDER BY id")
    assert sorted(told) == [("at-risk",), ("mql",), ("subscriber",)]
    assert store.rows("SELECT old, new, source FROM stage_change WHERE contact_id = :id ORDER BY id", id=ada) == [
        (None, "mql", "stage rule"), ("mql", "subscriber", "stage rule")]


def test_a_persons_verdict_stands_until_the_contact_goes_beyond_it(store: Store) -> None:
    routing.save_rep(store, routing.Rep("rita@x.test", "Rita"), by=COMMAND_LINE, now=NOW)
    for name in ("mql", "customer"):
        rule(store, name, f"is {name}")
    rule(store, "lead", "is lead", regress=True)
    ada, bo = person(store, "ada", "mql"), person(store, "bo", "lead")
    tick(store)
    routing.hand_over(store, ada, "x", by=COMMAND_LINE, now=NOW)
    routing.reject(store, routing.queue(store, "rita@x.test", now=NOW)[0].id, "not_ready", by=Actor("Rita", "sales"), now=NOW)
    editing.edit_contact(store, "bo@example.com", Edit({"stage": "other"}), by=COMMAND_LINE, now=NOW)
    tag(store, ada, "is mql")
    tag(store, bo, "is lead", "is customer")
    assert tick(store) == 0 and (stage(store, ada), stage(store, bo)) == ("lead", "other")
    tag(store, ada, "is customer")
    assert tick(store) == 1 and stage(store, ada) == "customer"


def test_who_matches_a_rule_just_saved_enters_and_wakes_no_journey(store: Store) -> None:
    ada = person(store, "ada", "lead")
    tag(store, ada, "is mql")
    rule(store, "mql", "is mql")
    assert tick(store) == 1 and stage(store, ada) == "mql"
    assert store.one("SELECT COUNT(*) FROM event WHERE name = 'stage_changed'") == 0
    lifecycle.remove_rule(store, "mql", by=COMMAND_LINE, now=NOW)
    with pytest.raises(NotFound):
        lifecycle.remove_rule(store, "mql", by=COMMAND_LINE, now=NOW)
    with pytest.raises(BadInput, match="choose one of"):
        rule(store, "boss", "x")


def test_flow_counts_who_moved_on_and_how_long_it_took(store: Store) -> None:
    ada, bo, cy = (person(store, name) for name in ("ada", "bo", "cy"))
    with store.transaction():
        lifecycle.load_history(store, [
            {"contact_id": who, "old": old, "new": new, "at": NOW + day * DAY, "source": "t"} for who, old, new, day in (
                (ada, None, "lead", 0), (bo, None, "lead", 0), (cy, None, "lead", 1), (ada, "lead", "mql", 4),
                (bo, "lead", "mql", 6), (bo, "mql", "lead", 7))])
        store.run("UPDATE contact SET stage = 'lead'")
    found = lifecycle.flow(store, since=NOW, until=NOW + 30 * DAY).set_index("stage")
    assert found.loc["lead", ["entered", "moved_on", "still"]].tolist() == [3, 2, 2]
    assert found.loc["lead", "median_days"] == 5 and found.loc["mql", "fell_back"] == 1
    covered = lifecycle.coverage(store)
    assert covered.values.tolist() == [["lead", 3, 3]]
