"""Who of sales gets whom: round robin, weights, room, hours, leave, owners, deadlines, answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from engine.access import COMMAND_LINE, Actor
from engine.activity import events
from engine.audience import lifecycle, routing
from engine.audience.routing import Rep
from engine.clock import DAY, HOUR
from engine.errors import BadInput, Conflict, Forbidden
from engine.maths.working import WorkingHours
from engine.people import contacts
from engine.store import Store
from tests.conftest import NOW

ALWAYS = WorkingHours("UTC", 0, DAY, (0, 1, 2, 3, 4, 5, 6))
RITA = Actor("Rita", "sales")


def rep(store: Store, name: str, **how: object) -> Rep:
    made = Rep(f"{name.lower()}@sales.test", name, **{"hours": ALWAYS} | how)  # type: ignore[arg-type]
    return routing.save_rep(store, made, by=COMMAND_LINE, now=NOW)


def person(store: Store, name: str, **values: object) -> int:
    return contacts.save(store, {"email": f"{name}@example.com", **values}, by=COMMAND_LINE, now=NOW, source="test").id


def becomes(store: Store, who: int, stage: str, now: int = NOW) -> None:
    with store.transaction():
        store.serialize("event")
        contacts.upsert_many(store, [{"contact_id": who, "stage": stage}], now=now, source="test")
        lifecycle.catch_up(store, [who], now=now, source="test", live=True)


def tick(store: Store, now: int = NOW) -> routing.Tally:
    return routing.refresh(store, now=now, upto=events.last_id(store))


def owners(store: Store) -> list[str | None]:
    return [row[0] for row in store.rows("SELECT t.owner FROM task t ORDER BY t.id")]


def test_turns_follow_weights_and_whoever_was_away_is_not_flooded(store: Store) -> None:
    rep(store, "Rita", weight=2)
    sam = rep(store, "Sam", away=(NOW - DAY, NOW + DAY))
    rep(store, "Tom")
    for place in range(12):
        becomes(store, person(store, f"p{place}"), "mql")
    assert tick(store).handed == 12 and tick(store).handed == 0
    assert Counter(owners(store)) == {"rita@sales.test": 8, "tom@sales.test": 4}
    routing.save_rep(store, replace(sam, away=None), by=COMMAND_LINE, now=NOW)
    for place in range(12, 24):
        becomes(store, person(store, f"p{place}"), "mql")
    tick(store)
    later = Counter(owners(store)[12:])
    assert later["rita@sales.test"] in (5, 6, 7) and later["sam@sales.test"] in (3, 4)  # in line, with no catching up


def test_an_owner_is_kept_then_the_company_then_the_first_route(store: Store) -> None:
    rep(store, "Rita")
    rep(store, "Sam", capacity=0)
    rep(store, "Tom")
    with store.transaction():
        store.insert_many("account", [{"id": 7, "key": "acme", "name": "Acme", "created_at": NOW, "updated_at": NOW}])
    person(store, "colleague", owner="Sam", account_id=7)
    ada, cy = person(store, "ada", owner="tom@sales.test"), person(store, "cy", account_id=7)
    bo = person(store, "bo", locale="de")
    routing.save_route(store, "German speakers", {"field": "locale", "op": "is", "value": "de"}, ["tom@sales.test"],
                       by=COMMAND_LINE, now=NOW)
    choices = [routing.choose(store, who, now=NOW) for who in (ada, cy, bo)]
    assert [(one.rep and one.rep.name, one.route) for one in choices] == [
        ("Tom", "owner"), ("Sam", "company"), ("Tom", "German speakers")]
    assert routing.choose(store, person(store, "di"), now=NOW).sentence == "no route matches"
    assert {one.rep.name: one.against for one in choices[2].considered} == {"Rita": "", "Sam": "is full with 0 of 0", "Tom": ""}
    assert owners(store) == []  # asking changes nothing


def test_a_lead_nobody_answers_goes_on_and_ends_in_the_fallback_queue(store: Store) -> None:
    rep(store, "Rita")
    rep(store, "Sam")
    becomes(store, person(store, "ada"), "mql")
    tick(store)
    assert owners(store) == ["rita@sales.test"]
    assert tick(store, NOW + 4 * HOUR - 1).taken_back == 0
    assert tick(store, NOW + 4 * HOUR).taken_back == 1 and owners(store) == ["sam@sales.test"]
    assert tick(store, NOW + 8 * HOUR).taken_back == 1 and owners(store) == [None]
    assert tick(store, NOW + 30 * DAY).taken_back == 0
    assert store.rows("SELECT rep, outcome FROM task_turn ORDER BY id") == [
        ("rita@sales.test", "breached"), ("sam@sales.test", "breached")]
    lead = routing.queue(store, None, now=NOW + 30 * DAY)[0]
    routing.take(store, lead.id, by=RITA, now=NOW + 30 * DAY)
    assert owners(store) == ["rita@sales.test"] and not routing.queue(store, None, now=NOW + 30 * DAY)


def test_the_fallback_queue_is_tried_again_when_somebody_has_room(store: Store) -> None:
    rita = rep(store, "Rita", capacity=1)
    for name in ("ada", "bo"):
        becomes(store, person(store, name), "mql")
    tick(store)
    assert owners(store) == ["rita@sales.test", None]
    routing.save_rep(store, replace(rita, capacity=2), by=COMMAND_LINE, now=NOW)
    tick(store, NOW + HOUR)
    assert owners(store) == ["rita@sales.test"] * 2


def test_what_no_route_can_give_to_anybody_is_tried_once_a_day(store: Store) -> None:
    rep(store, "Rita")
    german = {"field": "locale", "op": "is", "value": "de"}
    routing.save_route(store, "Germans", german, by=COMMAND_LINE, now=NOW)
    with store.transaction():  # a rule that names something that is gone
        store.run("UPDATE routing_rule SET place = 2")
        store.insert_many("routing_rule", [{"key": "gone", "name": "Gone", "place": 1, "rule": '{"segment": "gone"}',
                                            "sentence": "gone", "reps": "[]", "updated_at": NOW}])
    ada, bo = person(store, "ada"), person(store, "bo", locale="de")
    for who in (ada, bo):
        becomes(store, who, "mql")
    tick(store)
    assert dict(zip((ada, bo), owners(store), strict=True)) == {ada: None, bo: "rita@sales.test"}
    assert store.one("SELECT due_at FROM task WHERE contact_id = :ada", ada=ada) == NOW + DAY
    contacts.save(store, {"email": "ada@example.com", "locale": "de"}, by=COMMAND_LINE, now=NOW, source="test")
    tick(store, NOW + DAY)
    assert owners(store)[0] == "rita@sales.test"


def test_accepting_makes_it_sales_accepted_and_rejecting_carries_the_reason_back(store: Store) -> None:
    rep(store, "Rita")
    ada, bo = person(store, "ada"), person(store, "bo")
    for who in (ada, bo):
        becomes(store, who, "mql")
    tick(store)
    first, second = routing.queue(store, "rita@sales.test", now=NOW)
    routing.accept(store, first.id, by=RITA, now=NOW + 60)
    with pytest.raises(BadInput, match="choose one of not_ready"):
        routing.reject(store, second.id, "dull", by=RITA, now=NOW)
    routing.reject(store, second.id, "bad_fit", "a student", by=RITA, now=NOW + 120)
    with pytest.raises(Conflict, match="rejected by Rita"):
        routing.accept(store, second.id, by=RITA, now=NOW)
    assert [contacts.get(store, who).stage for who in (ada, bo)] == ["sal", "other"]
    assert contacts.get(store, ada).owner == "rita@sales.test"
    assert store.rows("SELECT name, object FROM event WHERE name LIKE 'lead_%' ORDER BY id") == [
        ("lead_assigned", "rita@sales.test"), ("lead_assigned", "rita@sales.test"), ("lead_accepted", None),
        ("lead_rejected", "bad_fit")]
    table = routing.acceptance(store, since=NOW, until=NOW + DAY).iloc[0]
    assert (table.leads, table.accepted, table.rejected, table.accepted_rate, table.median_s) == (2, 1, 1, 0.5, 90)
    assert routing.refusals(store, since=NOW, until=NOW + DAY).values.tolist() == [
        ["Will never be a customer", "entered the stage mql", 1]]
    with pytest.raises(Forbidden):
        routing.accept(store, first.id, by=Actor("Ann", "analyst"), now=NOW)


def test_snoozed_leads_stay_away_and_their_deadline_moves(store: Store) -> None:
    rep(store, "Rita")
    becomes(store, person(store, "ada"), "mql")
    tick(store)
    lead = routing.queue(store, "rita@sales.test", now=NOW)[0]
    routing.snooze(store, lead.id, NOW + DAY, by=RITA, now=NOW)
    assert not routing.queue(store, "rita@sales.test", now=NOW + DAY - 1)
    back = routing.queue(store, "rita@sales.test", now=NOW + DAY)[0]
    assert back.due_at == NOW + DAY + 4 * HOUR and tick(store, NOW + DAY).taken_back == 0
    with pytest.raises(BadInput):
        routing.snooze(store, lead.id, NOW + 15 * DAY, by=RITA, now=NOW)


def test_the_queue_is_ordered_by_score_recency_and_value(store: Store) -> None:
    rep(store, "Rita")
    ids = {name: person(store, name) for name in ("cold", "warm", "rich")}
    with store.transaction():
        store.run("UPDATE contact SET engagement_score = 10")
        store.insert_many("deal", [{"id": 1, "deal_id": "d", "amount_minor": 1_000_000, "currency": "EUR", "created_at": NOW,
                                    "updated_at": NOW}])
        store.insert_many("deal_contact", [{"deal_id": 1, "contact_id": ids["rich"]}])
        events.insert_events(store, [
            {"contact_id": ids[name], "name": "page_view", "object": "/pricing", "occurred_at": NOW - age, "received_at": NOW,
             "props": "{}", "dedupe_key": name, "source": "test"} for name, age in (("cold", 21 * DAY), ("warm", HOUR),
                                                                                    ("rich", HOUR))])
    for who in ids.values():
        becomes(store, who, "mql")
    tick(store)
    found = routing.queue(store, "rita@sales.test", now=NOW)
    assert [lead.who for lead in found] == ["rich@example.com", "warm@example.com", "cold@example.com"]
    assert found[2].priority == 1.25 and found[2].action.startswith("Write first")  # 10 points, three weeks: an eighth
    assert [entry.text for entry in routing.brief(store, ids["warm"]).touches] == ["visited /pricing"]


def test_before_anybody_takes_leads_nothing_is_handed_over(store: Store) -> None:
    becomes(store, person(store, "ada"), "mql")
    assert tick(store) == routing.Tally()
    rep(store, "Rita")
    assert tick(store) == routing.Tally() and owners(store) == []


def test_somebody_who_leaves_the_team_leaves_no_lead_behind(store: Store) -> None:
    rep(store, "Rita")
    becomes(store, person(store, "ada"), "mql")
    tick(store)
    rep(store, "Sam")
    routing.remove_rep(store, "rita@sales.test", by=COMMAND_LINE, now=NOW)
    tick(store)
    assert owners(store) == ["sam@sales.test"]
    assert store.one("SELECT outcome FROM task_turn ORDER BY id LIMIT 1") == "left"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_four_hours_of_work_jump_over_nights_weekends_and_the_change_of_clocks() -> None:
    berlin = WorkingHours("Europe/Berlin")
    assert berlin.open_at(at("2026-03-27T15:59:00")) and not berlin.open_at(at("2026-03-27T16:00:00"))
    assert berlin.after(at("2026-03-27T14:00:00"), 4 * HOUR) == at("2026-03-30T09:00:00")  # Friday 15:00 to Monday 11:00
    assert berlin.after(at("2026-03-28T12:00:00"), 4 * HOUR) == at("2026-03-30T11:00:00")
    with pytest.raises(BadInput):
        WorkingHours(opens_s=10, shuts_s=5)
