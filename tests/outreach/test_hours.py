"""Quiet hours, sending hours, warming up, replacing by priority, and what a journey says for itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import access
from engine.access import COMMAND_LINE, Actor
from engine.clock import DAY, HOUR
from engine.content import templates
from engine.errors import BadInput, Forbidden
from engine.maths.zones import learn_zone
from engine.outreach import limits, messages, policy
from engine.schema import open_memory
from engine.sql import sql
from engine.store import Store
from tests.conftest import NOW

from .conftest import HTML, Cast, contact

Queue = Callable[..., list[int]]


def moment(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def outcome(store: Store, number: int) -> tuple[str, str | None, int]:
    found = messages.get(store, number)
    return found.status, found.reason, found.due_at


def live_in(store: Store, who: int, zone: str) -> None:
    learn_zone(store, zone)
    with store.transaction():
        store.run("UPDATE contact SET time_zone = :zone WHERE id = :who", zone=zone, who=who)


def of_journey(store: Store, number: int, journey: int) -> None:
    with store.transaction():
        store.run("UPDATE message SET journey_id = :journey WHERE id = :id", journey=journey, id=number)


@pytest.mark.parametrize(("zone", "queued", "leaves"), [
    ("UTC", "2026-03-10 20:59", None), ("UTC", "2026-03-10 21:00", "2026-03-11 08:00"),
    ("UTC", "2026-03-11 03:00", "2026-03-11 08:00"), ("UTC", "2026-03-11 08:00", None),
    ("Pacific/Kiritimati", "2026-03-10 23:00", "2026-03-11 08:00"),
    ("Pacific/Pago_Pago", "2026-03-10 23:00", "2026-03-11 08:00"),
    ("UTC", "2028-02-28 23:00", "2028-02-29 08:00"), ("Pacific/Kiritimati", "2028-02-29 21:00", "2028-03-01 08:00"),
    ("Pacific/Pago_Pago", "2026-04-30 23:59", "2026-05-01 08:00"),
    ("Europe/Berlin", "2026-03-28 22:00", "2026-03-29 08:00"), ("Europe/Berlin", "2026-10-24 22:00", "2026-10-25 08:00")])
def test_quiet_hours_run_over_midnight_on_each_contacts_own_clock(store: Store, cast: Cast, queue: Queue, zone: str,
                                                                   queued: str, leaves: str | None) -> None:
    policy.save_hours(store, {"quiet": "21:00-08:00"}, by=COMMAND_LINE, now=NOW)
    live_in(store, cast.ada, zone)
    at = moment(queued, zone)
    marketing, = queue(cast.ada, now=at)
    receipt, = queue(cast.ada, message_class="transactional", now=at)
    limits.admit(store, now=at)
    assert outcome(store, receipt)[:2] == ("admitted", None), "what they ordered comes at any hour"
    if leaves is None:
        assert outcome(store, marketing)[:2] == ("admitted", None)
        return
    assert outcome(store, marketing) == ("queued", "quiet", moment(leaves, zone))
    assert limits.admit(store, now=moment(leaves, zone) - 1) == 0
    assert limits.admit(store, now=moment(leaves, zone)) == 1


def test_messages_leave_in_sending_hours_and_both_windows_must_be_open(store: Store, cast: Cast, queue: Queue) -> None:
    policy.save_hours(store, {"quiet": "12:00-13:00", "hours": "12:30-17:00", "weekdays": ["monday", "friday"]},
                      by=COMMAND_LINE, now=NOW)
    saturday = moment("2026-03-14 10:00")
    number, = queue(cast.ada, now=saturday)
    limits.admit(store, now=saturday)
    assert outcome(store, number) == ("queued", "outside_hours", moment("2026-03-16 12:30"))
    limits.admit(store, now=moment("2026-03-16 12:30"))
    assert outcome(store, number) == ("queued", "quiet", moment("2026-03-16 13:00"))
    assert limits.admit(store, now=moment("2026-03-16 13:00")) == 1


def test_a_message_admitted_before_the_quiet_hours_does_not_leave_in_them(store: Store, cast: Cast, queue: Queue) -> None:
    policy.save_hours(store, {"quiet": "21:00-08:00"}, by=COMMAND_LINE, now=NOW)
    at = moment("2026-03-10 20:59")
    number, = queue(cast.ada, now=at)
    limits.admit(store, now=at)
    with store.transaction():
        store.insert_many("picked", [{"id": number}])
        limits.recheck(store, now=at + 2 * HOUR)
    assert outcome(store, number) == ("queued", "quiet", moment("2026-03-11 08:00"))


def test_a_journey_may_say_something_else_for_itself(store: Store, cast: Cast, queue: Queue) -> None:
    access.set_setting(store, "caps", [{"n": 1, "per": "1d"}])
    policy.save_hours(store, {"quiet": "21:00-08:00"}, by=COMMAND_LINE, now=NOW)
    with store.transaction():
        policy.keep_override(store, 7, {"quiet": "ignore"})
        policy.keep_override(store, 8, {"caps": "ignore", "hours": "22:30-23:30"})
    night = moment("2026-03-10 22:00")
    numbers = queue(cast.ada, cast.ada, cast.ada, now=night)
    for number, journey in zip(numbers, (7, 8, 9), strict=True):
        of_journey(store, number, journey)
    limits.admit(store, now=night)
    assert [outcome(store, one)[:2] for one in numbers] == [("admitted", None), ("queued", "quiet"), ("queued", "quiet")]
    with store.transaction():
        policy.keep_override(store, 8, {"caps": "ignore", "quiet": "ignore", "hours": "22:30-23:30"})
        policy.keep_override(store, 7, None)
        store.run("UPDATE message SET due_at = :night WHERE status = 'queued'", night=night)
    limits.admit(store, now=night)
    assert outcome(store, numbers[1]) == ("queued", "outside_hours", night + HOUR // 2)
    limits.admit(store, now=night + HOUR // 2)
    assert outcome(store, numbers[1])[:2] == ("admitted", None), "the cap is full, and does not hold for it"
    assert access.setting(store, policy.JOURNEYS).keys() == {"8"}


def test_a_more_important_message_takes_the_place_of_one_that_has_not_left(store: Store, cast: Cast, queue: Queue) -> None:
    access.set_setting(store, "caps", [{"n": 2, "per": "1d", "action": "replace"}])
    first, second = queue(cast.ada, cast.ada, priority=1)
    limits.admit(store, now=NOW)
    equal, = queue(cast.ada, priority=1)
    better, = queue(cast.ada, priority=5)
    assert limits.admit(store, now=NOW + 1) == 3, "one goes, one makes room, one finds none"
    assert [outcome(store, one)[:2] for one in (first, second, equal, better)] == [
        ("admitted", None), ("skipped", "replaced"), ("skipped", "capped"), ("admitted", None)]
    told = store.rows("SELECT e.message_id, e.props ->> 'reason' FROM event e WHERE e.name = 'message_skipped' ORDER BY 1")
    assert told == [(second, "replaced"), (equal, "capped")]
    with store.transaction():
        store.run("UPDATE message SET status = 'sent', sent_at = :now WHERE status = 'admitted'", now=NOW + 2)
    best, = queue(cast.ada, priority=9)
    limits.admit(store, now=NOW + 3)
    assert outcome(store, best)[:2] == ("skipped", "capped"), "what has left can not be called back"


def test_warming_up_shares_out_each_day_by_importance(store: Store, cast: Cast, queue: Queue) -> None:
    start = moment("2026-03-10")
    policy.save_ramps(store, [{"domain": "new.example", "from": "2026-03-10", "first": 2, "growth": 1.5, "until": 4}],
                      by=COMMAND_LINE, now=NOW)
    people = [contact(store, f"p{i}@new.example") for i in range(6)]
    numbers = [queue(who, priority=i, now=start + HOUR)[0] for i, who in enumerate(people)]
    other, = queue(cast.ada, now=start + HOUR)
    limits.admit(store, now=start + HOUR)
    assert outcome(store, other)[:2] == ("admitted", None)
    assert [outcome(store, one)[0] for one in numbers] == ["queued"] * 4 + ["admitted"] * 2
    assert outcome(store, numbers[0]) == ("queued", "warming", start + DAY)
    assert limits.admit(store, now=start + DAY) == 3, "2, then 3 a day"
    assert limits.admit(store, now=start + 2 * DAY) == 1, "then it is over: 4.5 is above the goal"


def test_limits_that_can_not_be_used_say_where(store: Store) -> None:
    for wanted, words in (({"quiet": "late"}, "hours.quiet"), ({"quiet": "08:00-08:00"}, "no time at all"),
                          ({"hours": "9-17"}, "time of day"), ({"weekdays": ["someday"]}, "no weekday")):
        with pytest.raises(BadInput, match=words):
            policy.save_hours(store, wanted, by=COMMAND_LINE, now=NOW)
    for ramp, words in (({}, "write domain"),
                        ({"domain": "x", "from": 1, "first": 1, "growth": 2, "until": 9}, "no mail domain"),
                        ({"domain": "a.b", "from": "2026-01-01", "first": 5, "growth": 1, "until": 9}, "growth above 1")):
        with pytest.raises(BadInput, match=words):
            policy.save_ramps(store, [ramp], by=COMMAND_LINE, now=NOW)
    with pytest.raises(Forbidden):
        policy.save_hours(store, {}, by=Actor("Vi", "viewer"), now=NOW)


caps_ = st.lists(st.fixed_dictionaries({
    "n": st.integers(1, 3), "per": st.sampled_from(["1h", "6h", "1d", "3d"]),
    "action": st.sampled_from(["skip", "delay", "replace"])}), min_size=1, max_size=3)
wishes = st.lists(st.tuples(st.integers(0, 5), st.integers(-2, 2), st.sampled_from(["marketing", "transactional"])),
                  min_size=1, max_size=14)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(caps=caps_, asked=wishes, quiet=st.booleans(), send=st.sampled_from([0, HOUR // 2, 5 * HOUR]))
def test_caps_and_quiet_hours_are_never_broken(caps: list[dict[str, object]], asked: list[tuple[int, int, str]], quiet: bool,
                                               send: int) -> None:
    """Whatever is queued, in whatever order: no sliding window ever holds more than it may, nothing leaves at night."""
    store = open_memory()
    who, start = contact(store, "ada@mail.example"), moment("2026-03-10 12:00")
    templates.save(store, "hello", html=HTML, subject="Hi", by=COMMAND_LINE, now=NOW)
    access.set_setting(store, "caps", caps)
    access.set_setting(store, "hours", {"quiet": "21:00-08:00"} if quiet else {})
    visit = 0
    for step in range(60):
        now = start + step * 2 * HOUR
        with store.transaction():
            for at, priority, kind in asked:
                if at * 5 == step:
                    visit += 1
                    store.run("DELETE FROM batch")
                    store.insert_many("batch", [{"id": 64, "enrollment_id": 1, "contact_id": who, "seq": visit}])
                    store.run(messages.queue(sql("batch"), node_id=5, journey_id=None, campaign_id=None, channel="email",
                                             template_id=1, priority=priority, message_class=kind), now=now)
        limits.admit(store, now=now)
        with store.transaction():  # delivery takes its time
            store.run("UPDATE message SET status = 'sent', sent_at = :now WHERE status = 'admitted' AND admitted_at <= :ready",
                      now=now, ready=now - send)
    let_go = [row[0] for row in store.rows("SELECT m.admitted_at FROM message m WHERE m.status IN ('sent', 'admitted') "
                                           "AND m.class = 'marketing' ORDER BY 1")]
    for cap in policy.parse_caps(caps):
        for end in let_go:
            assert sum(end - cap.per_s < at <= end for at in let_go) <= cap.n, (caps, let_go)
    if quiet:
        assert all(8 <= datetime.fromtimestamp(at, ZoneInfo("UTC")).hour < 21 for at in let_go)
    open_or_told = store.rows("SELECT m.status, m.reason FROM message m WHERE m.status IN ('queued', 'skipped')")
    assert all(reason in limits.REASONS for _, reason in open_or_told)
    store.close()
