"""Waits of calendar time: dates, fields, hours of the day where people live, and the hour they like best."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from engine.clock import DAY, HOUR
from engine.errors import Invalid
from engine.journeys.runner import Runner
from engine.maths.zones import learn_zone
from engine.people import contacts, fields
from engine.store import Store

from .worlds import ANN, Document, add_contacts, journey, publish, record, runner, tick, trail

END = {"id": "e", "type": "exit"}
ZONES = (None, "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago")  # of contacts 4, 1, 2, 3: none, +1 or +2, +14, -11
MONDAY = int(datetime(2026, 3, 23, 8, 0, tzinfo=UTC).timestamp())


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def wait(**settings: object) -> Document:
    return {"id": "w", "type": "wait", "next": "e", **settings}


def start(store: Store, *nodes: Document, now: int = MONDAY, people: int = 4) -> Runner:
    for zone in ZONES:
        if zone:
            learn_zone(store, zone)
    add_contacts(store, people, ZONES)
    publish(store, journey(*nodes, END))
    for contact in range(1, people + 1):
        record(store, contact, "signup", now)
    engine = runner(store)
    tick(engine, now)
    return engine


def due(store: Store) -> list[str | None]:
    """When each contact is looked at next; None for who has left."""
    found = dict(store.rows("SELECT contact_id, due_at FROM token"))
    return [f"{datetime.fromtimestamp(found[who], UTC):%Y-%m-%d %H:%M}" if who in found else None for who in range(1, 5)]


def test_until_a_weekday_and_hour_is_where_people_live(store: Store) -> None:
    engine = start(store, wait(until={"weekday": "sunday", "time": "02:30"}))
    assert due(store) == ["2026-03-29 01:00", "2026-03-28 12:30", "2026-03-29 13:30", "2026-03-29 02:30"], (
        "Berlin springs forward at that hour: the first instant after the gap")
    tick(engine, at("2026-03-29 01:00"))
    assert [trail(store, who) for who in (1, 2, 3)] == [["w.next", "e.end"], ["w.next", "e.end"], []]


def test_a_window_lets_through_who_is_inside_and_holds_the_others(store: Store) -> None:
    start(store, wait(until={"weekday": ["mon", "tue", "wed", "thu", "fri"], "time": "09:00", "to": "17:00"}))
    assert due(store) == [None, "2026-03-23 19:00", "2026-03-23 20:00", "2026-03-23 09:00"]


def test_an_overnight_window_belongs_to_its_evening(store: Store) -> None:
    start(store, wait(until={"weekday": "monday", "time": "22:00", "to": "06:00", "zone": "Europe/Berlin"}),
          now=at("2026-03-24 04:00"))
    assert due(store)[0] is None, "05:00 on Tuesday is Monday's night"


def test_a_zone_that_a_step_names_holds_for_everybody_and_is_learned_on_publishing(store: Store) -> None:
    start(store, wait(until={"time": "18:00", "zone": "America/New_York"}))
    assert due(store) == ["2026-03-23 22:00"] * 4


def test_until_a_date_on_each_clock_and_late_ones_pass(store: Store) -> None:
    engine = start(store, {"id": "w", "type": "wait", "until_date": "2026-03-29", "time": "09:00",
                           "on": {"next": "e", "passed": "late"}}, {"id": "late", "type": "exit"})
    assert due(store) == ["2026-03-29 07:00", "2026-03-28 19:00", "2026-03-29 20:00", "2026-03-29 09:00"]
    tick(engine, at("2026-03-29 07:00"))
    assert (trail(store, 1), trail(store, 3)) == (["w.next", "e.end"], [])
    record(store, 2, "signup", at("2026-03-29 07:00"))
    tick(engine, at("2026-03-29 07:00"))
    assert trail(store, 2)[-2:] == ["w.passed", "late.end"]
    assert store.one("SELECT reason FROM step WHERE port = 'passed'") == "date_passed"


def test_a_date_with_a_zone_of_its_own_is_one_moment_for_all(store: Store) -> None:
    start(store, wait(until_date="2026-03-29T09:00Z"))
    assert due(store) == ["2026-03-29 09:00"] * 4


def test_a_field_with_an_offset_follows_when_the_date_moves(store: Store) -> None:
    fields.define(store, "Renewal", "date", by=ANN, now=MONDAY)
    day = {"renewal": "2026-04-10"}
    add = [contacts.save(store, {"email": f"c{i}@example.com", **(day if i < 4 else {})}, by=ANN, now=MONDAY, source="t").id
           for i in range(1, 5)]
    assert add == [1, 2, 3, 4]
    publish(store, journey({"id": "w", "type": "wait", "until_field": "renewal", "offset": "-7d", "time": "09:00",
                            "on": {"next": "e", "passed": "late"}}, END, {"id": "late", "type": "exit"}))
    for contact in range(1, 5):
        record(store, contact, "signup", MONDAY)
    engine = runner(store)
    tick(engine, MONDAY)
    assert due(store) == ["2026-04-03 09:00"] * 3 + [None]
    assert store.one("SELECT reason FROM step WHERE port = 'passed'") == "no_date"
    contacts.save(store, {"email": "c1@example.com", "renewal": "2026-03-31"}, by=ANN, now=MONDAY, source="t")
    contacts.save(store, {"email": "c2@example.com", "renewal": "2026-03-01"}, by=ANN, now=MONDAY, source="t")
    for contact in (1, 2):
        record(store, contact, "contact_changed", MONDAY + HOUR)
    tick(engine, MONDAY + HOUR)
    assert due(store) == ["2026-03-24 09:00", None, "2026-04-03 09:00", None]
    assert trail(store, 2) == ["w.passed", "late.end"]
    tick(engine, at("2026-03-24 09:00"))
    assert trail(store, 1) == ["w.next", "e.end"]
    contacts.save(store, {"email": "c3@example.com", "renewal": "1990-03-01"}, by=ANN, now=MONDAY, source="t")
    record(store, 3, "contact_changed", at("2026-03-24 09:00"))
    tick(engine, at("2026-03-24 09:00"))
    assert store.one("SELECT reason FROM step WHERE port = 'passed' ORDER BY id DESC LIMIT 1") == "date_passed"


def test_an_hour_that_comes_twice_is_waited_for_once(store: Store) -> None:
    engine = start(store, wait(until={"time": "02:30"}), now=at("2026-10-24 12:00"))
    assert due(store) == ["2026-10-25 00:30", "2026-10-24 12:30", "2026-10-24 13:30", "2026-10-25 02:30"], (
        "Berlin has it at 00:30 and 01:30 UTC")
    tick(engine, at("2026-10-25 00:30"))
    tick(engine, at("2026-10-25 01:30"))
    assert trail(store, 1) == ["w.next", "e.end"]


def test_a_day_before_the_first_of_a_month_is_its_last_in_leap_years_too(store: Store) -> None:
    fields.define(store, "Renewal", "date", by=ANN, now=MONDAY)
    for number, day in enumerate(("2028-03-01", "2028-02-29", "2027-03-01", "2026-05-01"), start=1):
        contacts.save(store, {"email": f"c{number}@example.com", "renewal": day}, by=ANN, now=MONDAY, source="t")
    publish(store, journey(wait(until_field="renewal", offset="-1d", time="09:00"), END))
    for contact in range(1, 5):
        record(store, contact, "signup", MONDAY)
    tick(runner(store), MONDAY)
    assert due(store) == ["2028-02-29 09:00", "2028-02-28 09:00", "2027-02-28 09:00", "2026-04-30 09:00"]


def test_a_moment_field_counts_in_seconds_unless_an_hour_is_asked_for(store: Store) -> None:
    created = at("2025-10-09 08:53:20")  # the moment at which the cast of worlds was made
    start(store, wait(until_field="created_at", offset="7d"), now=created + DAY)
    assert set(due(store)) == {"2025-10-16 08:53"}
    publish(store, journey(wait(until_field="created_at", offset="7d", time="10:00"), END, name="second"))
    for contact in range(1, 5):
        record(store, contact, "signup", created + DAY)
    tick(runner(store), created + DAY)
    found = store.rows("""SELECT t.contact_id, t.due_at FROM token t JOIN enrollment r ON r.id = t.enrollment_id
        JOIN journey j ON j.id = r.journey_id WHERE j.key = 'second' ORDER BY 1""")
    assert [f"{datetime.fromtimestamp(when, UTC):%d %H:%M}" for _, when in found] == (
        ["16 08:00", "15 20:00", "15 21:00", "16 10:00"])


def test_the_best_hour_is_their_own_or_the_one_that_was_said(store: Store) -> None:
    learn_zone(store, "Europe/Berlin")
    add_contacts(store, 3, ("Europe/Berlin",))
    publish(store, journey({"id": "w", "type": "best_hour", "least": 3, "otherwise": "10:30", "next": "e"}, END))
    for day in range(1, 5):
        record(store, 1, "email_clicked", at("2026-03-10 18:20") + day * DAY)  # 19:20 there
        record(store, 3, "email_opened", at("2026-03-10 03:00") + day * DAY)
    record(store, 1, "page_view", at("2026-03-12 09:00"))
    with store.transaction():
        store.run("UPDATE event SET verdict = 'machine' WHERE contact_id = 3")
    for contact in (1, 2, 3):
        record(store, contact, "signup", MONDAY)
    engine = runner(store)
    tick(engine, MONDAY)
    assert due(store)[:3] == ["2026-03-23 18:00", "2026-03-23 09:30", "2026-03-23 09:30"], "a machine has no hour of its own"
    for day in range(8):
        record(store, 1, "page_view", MONDAY + day)
    tick(engine, MONDAY + 12 * HOUR)
    assert [trail(store, who) for who in (1, 2)] == [["w.next", "e.end"]] * 2
    assert [row[0] for row in store.rows("SELECT reason FROM step WHERE node_id % 1000 = 1 ORDER BY token_id")] == [
        "own_hour", "usual_hour", "usual_hour"]


WRONG = {
    "two ways at once": ({"for": "2d", "until_date": "2026-01-01"}, "one of for, until"),
    "an hour of a while": ({"for": "2d", "time": "09:00"}, "`time` does not go with `for`"),
    "no time of day": ({"until": {"time": "25:00"}}, "'25:00' is not a time of day"),
    "no weekday": ({"until": {"weekday": "someday"}}, "'someday' is not a weekday"),
    "half a weekday": ({"until": {"weekday": "t"}}, "'t' is not a weekday"),
    "an end without a beginning": ({"until": {"weekday": "monday", "to": "17:00"}}, "give both"),
    "no zone": ({"until": {"time": "09:00", "zone": "Mars"}}, "'Mars' is not a time zone"),
    "no date": ({"until_date": "soon"}, "'soon' is not a date"),
    "no date field": ({"until_field": "locale"}, "'locale' is no date field"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wait_that_means_nothing_is_refused_with_the_setting_named(memory: Store, name: str) -> None:
    settings, words = WRONG[name]
    with pytest.raises(Invalid, match=re.escape(words)):
        publish(memory, journey(wait(**settings), END))
