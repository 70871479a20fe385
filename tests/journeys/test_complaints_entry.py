"""What users of comparable tools complain about, and that it can not happen here: entering, leaving, dates, limits.

The numbers are those of the list of complaints.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from engine import access
from engine.access import COMMAND_LINE
from engine.audience import segments, watch
from engine.clock import DAY, HOUR, MINUTE
from engine.journeys import reading
from engine.journeys.triggers import Reentry
from engine.loop.explain import explain
from engine.maths.zones import learn_zone
from engine.outreach import limits, policy
from engine.people import consent, fields
from engine.store import Store

from .worlds import START, add_contacts, add_templates, journey, publish, record, runner, tick, trail

STAY = {"id": "w", "type": "wait", "for": "10d", "next": "e"}
END = {"id": "e", "type": "exit"}
SEND = {"id": "m", "type": "send", "template": "t", "next": "e"}
LEADS = {"field": "stage", "op": "is", "value": "lead"}


def moment(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def people(store: Store, count: int = 1, zones: tuple[str | None, ...] = (None,)) -> None:
    """Contacts who agreed to mail."""
    for zone in filter(None, zones):
        learn_zone(store, zone)
    add_contacts(store, count, zones)
    add_templates(store, "t")
    with store.transaction():
        store.insert_many("identifier", [{"kind": "external_id", "value": f"known{who}", "contact_id": who}
                                         for who in range(1, count + 1)])
        consent.record(store, list(range(1, count + 1)), "email", "subscribed", basis="test", source="test", by=COMMAND_LINE,
                       now=START - DAY)


def statuses(store: Store) -> list[tuple[str, str | None]]:
    return store.rows("SELECT m.status, m.reason FROM message m ORDER BY m.id")


def test_complaint_1_one_entry_sends_one_message_however_often_the_runner_comes_round(store: Store) -> None:
    people(store)
    publish(store, journey(SEND, END))
    record(store, 1, "signup", START)
    for _ in range(3):
        runner(store).tick(START)
    assert statuses(store) == [("queued", None)]


def test_complaint_3_a_segment_that_is_rebuilt_owns_nobodys_passage(store: Store) -> None:
    people(store)
    segments.save(store, "Leads", LEADS, by=COMMAND_LINE, now=START)
    publish(store, journey(STAY, END, trigger={"segment": "Leads"}))
    engine = runner(store)
    for step, stage in enumerate(("lead", "mql", "lead")):
        with store.transaction():
            store.run("UPDATE contact SET stage = :stage", stage=stage)
        segments.refresh(store, by=COMMAND_LINE, now=START + step)
        tick(engine, START + step)
    assert store.rows("SELECT r.status, r.started_at FROM enrollment r") == [("active", START)]
    tick(engine, START + 10 * DAY)
    assert trail(store) == ["w.next", "e.end"]


def test_complaint_4_what_is_held_back_or_skipped_says_why(store: Store) -> None:
    people(store, 2)
    policy.save_hours(store, {"quiet": "21:00-08:00"}, by=COMMAND_LINE, now=START)
    publish(store, journey(SEND, END))
    night = moment("2026-03-10 23:00")
    with store.transaction():
        consent.record(store, [2], "email", "unsubscribed", basis="test", source="test", by=COMMAND_LINE, now=night - 1)
    engine = runner(store)
    for who in (1, 2):
        record(store, who, "signup", night)
    engine.tick(night)
    limits.admit(store, now=night)
    engine.tick(night)
    held, = explain(store, "known1")
    assert (held.waiting[0].reason, held.waiting[0].due_at) == ("quiet", moment("2026-03-11 08:00"))
    skipped, = explain(store, "known2")
    assert [step.reason for step in skipped.steps if step.node == "m"] == ["unsubscribed"]
    assert {"quiet", "unsubscribed"} <= limits.REASONS.keys()


def test_complaint_12_who_may_enter_again_is_said_in_words_and_nobody_turns_in_circles(store: Store) -> None:
    people(store)
    publish(store, journey(END, name="A", trigger={"event": "go"}, reentry={"policy": "after_finish"}))
    publish(store, journey(END, name="B", trigger={"journey": "A"}, reentry={"policy": "after_finish"}))
    publish(store, journey(END, name="A", trigger=[{"event": "go"}, {"journey": "B"}], reentry={"policy": "after_finish"}))
    record(store, 1, "go", START)
    tick(runner(store), START)
    assert 2 <= store.one("SELECT COUNT(*) FROM enrollment") <= 100, "two journeys that start each other come to an end"
    assert Reentry(policy="never").sentence() == "Each person enters once, ever."


def test_complaint_13_an_exit_rule_acts_at_once_calls_off_what_waits_and_is_logged(store: Store) -> None:
    people(store)
    segments.save(store, "Leads", LEADS, by=COMMAND_LINE, now=START)
    with store.transaction():
        store.run("UPDATE contact SET stage = 'lead'")
    publish(store, journey(SEND, END, trigger=[{"event": "signup"}, {"segment": "Leads"}],
                           exit=[{"rule": {"event": "purchase"}, "reason": "bought"}]))
    engine = runner(store)
    record(store, 1, "signup", START)
    engine.tick(START)
    with store.transaction():
        store.run("UPDATE contact SET stage = 'other'")
    watch.refresh(store, now=START + 1, upto=0)
    engine.tick(START + 1)
    assert store.one("SELECT r.status FROM enrollment r") == "active", "the entry segment is no exit rule"
    record(store, 1, "purchase", START + 2)
    engine.tick(START + 2)
    assert statuses(store) == [("canceled", "bought")]
    assert store.rows("SELECT r.status, r.reason, r.ended_at FROM enrollment r") == [("exited", "bought", START + 2)]
    assert trail(store) == ["m.exited"]


def test_complaint_14_a_schedule_keeps_its_hour_over_summer_time_and_on_both_sides_of_the_date_line(store: Store) -> None:
    zones = ("Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago")
    people(store, 3, zones)
    segments.save(store, "All", {"consent": "email", "is": "subscribed"}, by=COMMAND_LINE, now=START)
    begin = moment("2026-03-27")
    publish(store, journey(END, trigger={"schedule": "daily", "at": "09:00", "segment": "All"}), now=begin)
    engine = runner(store)
    for at in range(begin, begin + 4 * DAY, 30 * MINUTE):
        tick(engine, at)
    for who, started in store.rows("SELECT r.contact_id, r.started_at FROM enrollment r"):
        zone = zones[who % 3]
        local = datetime.fromtimestamp(started, ZoneInfo(zone))
        assert (local.hour, local.minute) == (9, 0), (zone, local)
    counted = dict(store.rows("SELECT r.contact_id, COUNT(*) FROM enrollment r GROUP BY 1"))
    assert counted == {1: 4, 2: 4, 3: 4}


def test_complaint_17_one_cap_holds_over_all_journeys_also_within_one_pass(store: Store) -> None:
    people(store)
    access.set_setting(store, "caps", [{"n": 2, "per": "1d"}])
    publish(store, *(journey({**SEND, "priority": place}, END, name=f"j{place}") for place in range(4)))
    record(store, 1, "signup", START)
    runner(store).tick(START)
    limits.admit(store, now=START)
    by_priority = store.rows("SELECT m.priority, m.status, m.reason FROM message m ORDER BY m.priority DESC")
    assert by_priority == [(3, "admitted", None), (2, "admitted", None), (1, "skipped", "capped"), (0, "skipped", "capped")]


def test_complaint_17_a_journeys_own_limits_hold_from_its_publication_on_for_it_alone(store: Store) -> None:
    people(store)
    access.set_setting(store, "caps", [{"n": 1, "per": "1d"}])
    free = journey(SEND, END, name="free", limits={"caps": "ignore", "priority": -5})
    publish(store, journey(SEND, END, name="usual"), free)
    record(store, 1, "signup", START)
    runner(store).tick(START)
    limits.admit(store, now=START)
    let_go = store.rows("SELECT m.priority, m.status FROM message m ORDER BY m.priority DESC")
    assert let_go == [(0, "admitted"), (-5, "admitted")]
    publish(store, {**free, "limits": None}, now=START + 1)
    assert access.setting(store, policy.JOURNEYS) == {}
    wrong = {**free, "limits": {"quiet": "late"}}
    found = [one for one in reading.check(wrong, reading.known(store)) if one.where == "limits"]
    assert "are no hours" in found[0].message


def test_complaint_18_a_birthday_is_never_a_day_off_and_past_steps_do_not_fire(store: Store) -> None:
    column = fields.define(store, "Birthday", "date", by=COMMAND_LINE, now=START).column
    zones = ("Pacific/Kiritimati", "Pacific/Pago_Pago")
    people(store, 3, zones)
    publish(store, journey(END, trigger={"date": "Birthday", "every": "year", "at": "00:00", "offset": ["-7d", "0d"]}),
            now=moment("2026-01-01"))
    with store.transaction():
        store.run(f"UPDATE contact SET {column} = :at WHERE id < 3", at=moment("1990-06-15"))
    engine = runner(store)
    for at in range(moment("2026-06-05"), moment("2026-06-18"), HOUR):
        if at == moment("2026-06-12"):  # added late: the step of a week before is past
            with store.transaction():
                store.run(f"UPDATE contact SET {column} = :at WHERE id = 3", at=moment("1990-06-15"))
        tick(engine, at)
    days = [(who, str(datetime.fromtimestamp(at, ZoneInfo(zones[who % 2])).date()))
            for who, at in store.rows("SELECT r.contact_id, r.started_at FROM enrollment r ORDER BY r.contact_id, r.id")]
    assert days == [(1, "2026-06-08"), (1, "2026-06-15"), (2, "2026-06-08"), (2, "2026-06-15"), (3, "2026-06-15")]


def test_complaint_25_an_event_may_start_a_journey_that_waits_for_events(store: Store) -> None:
    people(store)
    same = {"where": {"cart": {"trigger": "cart"}}}
    publish(store, journey({"id": "wait", "type": "wait_for", "event": {"event": "ordered", **same}, "timeout": "4h",
                            "on": {"happened": "e", "timeout": "m"}}, SEND, END,
                           trigger={"event": "cart"}, reentry={"policy": "per_key", "key": "props.cart"}))
    engine = runner(store)
    for cart in ("a", "b"):
        record(store, 1, "cart", START, cart=cart)
    tick(engine, START)
    record(store, 1, "ordered", START + HOUR, cart="a")
    tick(engine, START + HOUR)
    tick(engine, START + 4 * HOUR)
    found = store.rows("SELECT r.key, r.status, (SELECT COUNT(*) FROM message m WHERE m.enrollment_id = r.id) "
                       "FROM enrollment r ORDER BY r.key")
    assert found == [("a", "finished", 0), ("b", "finished", 1)]
