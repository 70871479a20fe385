"""Each way into a journey, and the calendar: what comes is heard once, what is past is passed over."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from engine.access import COMMAND_LINE
from engine.audience import scoring, segments, watch
from engine.clock import DAY, HOUR, WEEK
from engine.errors import BadInput
from engine.journeys import canvas, documents, enrolling, moments, reading
from engine.journeys.file_schema import file_schema
from engine.journeys.runner import Runner
from engine.journeys.triggers import Entry, trigger_types
from engine.maths.zones import learn_zone
from engine.people import fields
from engine.store import Store

from .worlds import START, Document, add_contacts, journey, publish, record, runner, tick

STAY = {"id": "w", "type": "wait", "for": "1000d", "next": "e"}
END = {"id": "e", "type": "exit"}
LEADS = {"field": "stage", "op": "is", "value": "lead"}
ZONES = ("Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago")  # +1 or +2, +14, −11


def moment(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def live(store: Store, trigger: Any, *, people: int = 1, now: int = START, nodes: tuple[Document, ...] = (STAY, END),
         zones: tuple[str | None, ...] = (None,), **more: Any) -> Runner:
    for zone in filter(None, zones):
        learn_zone(store, zone)
    if people:
        add_contacts(store, people, zones)
    if "reentry" not in more:
        more["reentry"] = None
    document = journey(*nodes, trigger=trigger, **more)
    if document["entry"]["reentry"] is None:
        del document["entry"]["reentry"]
    publish(store, document, now=now)
    engine = runner(store)
    tick(engine, now)
    return engine


def entered(store: Store) -> list[int]:
    return [row[0] for row in store.rows("SELECT r.contact_id FROM enrollment r ORDER BY r.id")]


def entries(store: Store) -> list[tuple[int, int]]:
    return store.rows("SELECT r.contact_id, r.started_at FROM enrollment r ORDER BY r.id")


def known(store: Store) -> Any:
    segments.save(store, "Leads", LEADS, by=COMMAND_LINE, now=START)
    publish(store, journey(END, name="Welcome"))
    return reading.known(store)


def test_every_kind_of_trigger_can_be_written_read_and_told(store: Store) -> None:
    catalogue, written = known(store), []
    for word, kind in trigger_types().items():
        entry = Entry.model_validate({"trigger": kind.example}, context={"known": catalogue})
        assert entry.check(catalogue) == [], word
        assert entry.sentence().startswith("Starts ") and len(entry.sentence()) > len("Starts "), word
        text = documents.dump({"name": "x", "entry": {"trigger": kind.example}, "nodes": [END]})
        document = documents.load(text)
        assert documents.dump(document) == text
        assert document["entry"]["trigger"] == kind.example
        assert kind.label and kind.icon and (kind.__doc__ or "").strip()
        assert canvas.entry_sentence(document, catalogue) == entry.sentence()
        written.append(kind.example)
    checker = jsonschema.Draft202012Validator(file_schema())
    document = {"name": "x", "entry": {"trigger": written}, "nodes": [END]}
    assert [one.message for one in checker.iter_errors(document)] == []
    assert list(checker.iter_errors({**document, "entry": {"trigger": {"what": 1}}}))


REFUSED: list[tuple[Any, str]] = [
    ({"what": 1}, "a trigger is one of"),
    ({"event": "a", "segment": "Leads"}, "triggers of their own"),
    ({"segment": "Nowhere"}, "no segment 'Nowhere'"),
    ({"score": "boiling"}, "no score threshold 'boiling'"),
    ({"score": "hot", "group": "fit"}, "both groups together"),
    ({"stage": "guru"}, "no stage 'guru'"),
    ({"journey": "Nope"}, "no journey 'Nope'"),
    ({"journey": "j"}, "can not start itself"),
    ({"date": "first_name"}, "no field of dates"),
    ({"date": "created_at", "every": "year", "offset": "5h"}, "whole days"),
    ({"date": "created_at", "at": "25:00"}, "not a time of day"),
    ({"date": "starts_at", "of": "webinar", "every": "year"}, "belongs to a date of the contact"),
    ({"schedule": "weekly", "segment": "Leads"}, "weekly needs it"),
    ({"schedule": "daily", "segment": "Leads", "day": 3}, "belongs to a monthly"),
    ([{"manual": True}] * 21, "1 to 20 triggers"),
]


def test_a_trigger_that_can_not_be_used_says_why(store: Store) -> None:
    catalogue = known(store)
    for trigger, complaint in REFUSED:
        found = [one for one in reading.check(journey(END, trigger=trigger), catalogue) if one.severity == "error"]
        assert any(complaint in one.message for one in found), (trigger, found)
        assert all(one.where.startswith("entry") for one in found)


def test_a_purchase_counts_from_a_value_on_and_a_page_by_the_beginning_of_its_path(store: Store) -> None:
    triggers = [{"purchase": "any", "at_least": 100}, {"page": "/pricing/*"}, {"form": "Newsletter"}]
    engine = live(store, triggers, people=6, nodes=(END,))
    for who, name, thing, minor in (
            (1, "purchase", "mug", 9_999), (2, "purchase", "desk", 10_000), (3, "page_view", "/pric", 0),
            (4, "page_view", "/pricing/teams", 0), (5, "form_submitted", "newsletter", 0), (6, "form_submitted", "contact", 0)):
        record(store, who, name, START + 1)
        with store.transaction():
            store.run("UPDATE event SET object = :thing, value_minor = :minor, currency = 'USD' WHERE contact_id = :who",
                      thing=thing, minor=minor, who=who)
    tick(engine, START + 2)
    assert entered(store) == [2, 4, 5]
    assert [row[0] for row in store.rows("SELECT r.entered_by FROM enrollment r ORDER BY r.id")] == [0, 1, 2]


def test_a_person_who_fits_two_triggers_at_once_enters_once(store: Store) -> None:
    engine = live(store, [{"event": "a"}, {"event": "b"}], reentry={"policy": "after_finish"})
    record(store, 1, "b", START + 1)
    record(store, 1, "a", START + 1)
    tick(engine, START + 2)
    assert entered(store) == [1]


def test_a_stage_takes_in_whoever_comes_to_it(store: Store) -> None:
    engine = live(store, {"stage": ["mql", "sal"]}, people=0)
    raised = {"id": "s", "type": "stage", "to": "mql", "next": "e"}
    publish(store, journey(raised, END, name="raise", trigger={"event": "raise"}))
    add_contacts(store, 2)
    record(store, 2, "raise", START + 1)
    tick(engine, START + 2)
    assert [row[0] for row in store.rows("SELECT r.contact_id FROM enrollment r JOIN journey j ON j.id = r.journey_id "
                                         "WHERE j.key = 'j'")] == [2]


@pytest.mark.parametrize(("trigger", "points", "fits"), [
    ({"score": 40}, (39, 1), True), ({"score": "mql"}, (40, 9), False), ({"score": "mql"}, (40, 10), True),
    ({"score": 30, "on": "fell"}, (40, -15), True), ({"score": 40, "group": "fit"}, (50, 1), False)])
def test_a_score_that_crosses_a_line_starts_a_journey(store: Store, trigger: Document, points: tuple[int, int],
                                                      fits: bool) -> None:
    engine = live(store, trigger)
    for place, some in enumerate(points):
        with store.transaction():
            store.insert_many("score_entry", [{"contact_id": 1, "grp": "engagement", "points": some, "reason": "test",
                                               "at": START, "uncounted": 1}])
        scoring.refresh(store, now=START + place, upto=0)
    tick(engine, START + 2)
    assert entered(store) == ([1] if fits else [])


def test_the_end_of_one_journey_starts_another_with_what_was_known(store: Store) -> None:
    first = journey({"id": "w", "type": "wait", "for": "1h", "next": "e"}, END, name="First", trigger={"event": "go"},
                    exit=[{"rule": {"event": "stop"}, "reason": "stopped"}])
    add_contacts(store, 2)
    publish(store, first, journey(STAY, END, name="Then", trigger={"journey": "First"}),
            journey(STAY, END, name="Else", trigger={"journey": "first", "on": "exited"}))
    engine = runner(store)
    for who in (1, 2):
        record(store, who, "go", START + 1, color="red")
    tick(engine, START + 1)
    record(store, 2, "stop", START + 2)
    tick(engine, START + 2)
    tick(engine, START + 2 * HOUR)
    tick(engine, START + 2 * HOUR)
    assert store.rows("""SELECT j.name, r.contact_id, r.props ->> 'color' FROM enrollment r
        JOIN journey j ON j.id = r.journey_id WHERE j.name <> 'First' ORDER BY j.name""") == [
            ("Else", 2, "red"), ("Then", 1, "red")]


# ------------------------------------------------------------ dates and schedules


def set_date(store: Store, contact: int, column: str, day: str) -> None:
    with store.transaction():
        store.run(f"UPDATE contact SET {column} = :at WHERE id = :id", at=moment(day), id=contact)


def test_a_date_comes_at_a_time_of_each_contacts_own_clock(store: Store) -> None:
    column = fields.define(store, "Renewal", "date", by=COMMAND_LINE, now=START).column
    begin = moment("2026-01-01")
    engine = live(store, {"date": "Renewal", "offset": "-7d", "at": "09:00"}, people=4, now=begin, zones=(*ZONES, None))
    for who in range(1, 5):
        set_date(store, who, column, "2026-03-31")  # a week before, Berlin still has winter time
    for at in range(moment("2026-03-22"), moment("2026-04-02"), 6 * HOUR):
        tick(engine, at)
    homes = {1: ZONES[1], 2: ZONES[2], 3: "UTC", 4: ZONES[0]}
    at_nine = {who: moment("2026-03-24 09:00", zone) for who, zone in homes.items()}
    assert sorted(entered(store)) == [1, 2, 3, 4]
    for who, started in entries(store):
        assert at_nine[who] <= started < at_nine[who] + 6 * HOUR
    assert store.one("SELECT r.props ->> 'date' FROM enrollment r LIMIT 1") == "2026-03-31"


def test_the_29th_of_february_has_its_anniversary_on_the_28th(store: Store) -> None:
    column = fields.define(store, "Birthday", "date", by=COMMAND_LINE, now=START).column
    engine = live(store, {"date": "Birthday", "every": "year", "at": "00:00"}, people=2, now=moment("2026-01-01"), nodes=(END,))
    set_date(store, 1, column, "2000-02-29")
    set_date(store, 2, column, "2000-03-01")
    for year in (2026, 2027, 2028):
        for day in range(moment(f"{year}-02-26"), moment(f"{year}-03-03"), DAY):
            tick(engine, day)
    days = [(who, str(datetime.fromtimestamp(at, ZoneInfo("UTC")).date())) for who, at in entries(store)]
    assert days == [(1, "2026-02-28"), (2, "2026-03-01"), (1, "2027-02-28"), (2, "2027-03-01"), (1, "2028-02-29"),
                    (2, "2028-03-01")]


def test_a_schedule_rings_once_each_week_for_whoever_is_in_the_segment_then(store: Store) -> None:
    segments.save(store, "Leads", LEADS, by=COMMAND_LINE, now=START)
    monday = moment("2026-03-23")
    engine = live(store, {"schedule": "weekly", "weekday": "monday", "at": "02:30", "segment": "Leads"}, people=2, now=monday,
                  zones=("Europe/Berlin",), nodes=(END,))
    with store.transaction():
        store.run("UPDATE contact SET stage = 'lead' WHERE id = 1")
    watch.refresh(store, now=monday, upto=0)
    for at in range(monday, monday + 2 * WEEK, HOUR // 2):
        if at % (7 * HOUR) == 0:
            engine = runner(store)  # a runner that starts anew knows no more than the database
        tick(engine, at)
    assert entries(store) == [(1, moment(f"2026-03-{day} 02:30", "Europe/Berlin")) for day in (23, 30)]


def test_a_month_without_the_31st_has_it_on_its_last_day(store: Store) -> None:
    segments.save(store, "Leads", LEADS, by=COMMAND_LINE, now=START)
    begin = moment("2027-01-30")
    engine = live(store, {"schedule": "monthly", "day": 31, "at": "12:00", "segment": "Leads"}, now=begin, nodes=(END,))
    with store.transaction():
        store.run("UPDATE contact SET stage = 'lead'")
    watch.refresh(store, now=begin, upto=0)
    for at in range(begin, moment("2027-05-02"), 12 * HOUR):
        tick(engine, at)
    assert [at for _, at in entries(store)] == [moment(f"2027-{day} 12:00") for day in ("01-31", "02-28", "03-31", "04-30")]


def test_a_clock_in_a_gap_rings_after_it_and_a_double_hour_once() -> None:
    spans = [(0, moment("2026-03-29 01:00"), HOUR), (moment("2026-03-29 01:00"), moment("2026-10-25 01:00"), 2 * HOUR),
             (moment("2026-10-25 01:00"), 1 << 40, HOUR)]
    assert moments.instant(spans, moment("2026-03-29 02:30")) == moment("2026-03-29 01:00")
    assert moments.instant(spans, moment("2026-10-25 02:30")) == moment("2026-10-25 00:30")


WEBINAR = {"date": "starts_at", "of": "registered", "offset": ["-24h", "-1h"]}
PER_WEBINAR = {"reentry": {"policy": "after_finish", "key": "props.webinar"}, "nodes": (END,)}


def test_a_moment_that_moves_rings_at_its_new_time_only(store: Store) -> None:
    engine = live(store, WEBINAR, **PER_WEBINAR)
    first, moved = START + 10 * DAY, START + 12 * DAY
    words = datetime.fromtimestamp(first, ZoneInfo("UTC")).isoformat()
    record(store, 1, "registered", START + 1, webinar="a", starts_at=words)
    record(store, 1, "registered", START + 1, webinar="b", starts_at=first)
    tick(engine, START + 2)
    record(store, 1, "registered", START + DAY, webinar="a", starts_at=moved)
    for at in range(START + DAY, START + 13 * DAY, HOUR):
        tick(engine, at)
    told = store.rows("SELECT r.key, r.started_at, r.props ->> 'offset' FROM enrollment r ORDER BY r.id")
    assert told == [("b", first - DAY, "-1d"), ("b", first - HOUR, "-1h"),
                    ("a", moved - DAY, "-1d"), ("a", moved - HOUR, "-1h")]
    assert store.one("SELECT COUNT(*) FROM entry_moment") == 0


def test_late_registrants_skip_the_steps_that_are_past(store: Store) -> None:
    engine = live(store, WEBINAR, people=2, **PER_WEBINAR)
    starts = START + 2 * DAY
    record(store, 1, "registered", starts - 2 * HOUR, webinar="a", starts_at=starts)
    record(store, 2, "registered", starts - 60, webinar="a", starts_at=starts)
    for at in (starts - 2 * HOUR, starts - HOUR, starts - 50, starts + HOUR):
        tick(engine, at)
    assert entries(store) == [(1, starts - HOUR)]


# ------------------------------------------------------------ those who match already


def test_publishing_asks_whether_those_who_match_enter(store: Store) -> None:
    add_contacts(store, 3)
    with store.transaction():
        store.run("UPDATE contact SET stage = 'lead' WHERE id <= 2")
        store.run("UPDATE contact SET engagement_score = 60 WHERE id = 3")
    segments.save(store, "Leads", LEADS, by=COMMAND_LINE, now=START)
    watch.refresh(store, now=START, upto=0)
    record(store, 1, "registered", START - 5, starts_at=START + DAY)
    triggers = [{"segment": "Leads"}, {"stage": "lead"}, {"score": 50}, {"date": "starts_at", "of": "registered"},
                {"event": "registered"}]
    text = documents.dump(journey(STAY, END, trigger=triggers, reentry={"policy": "after_finish"}))
    assert enrolling.count_matching(store, text, now=START) == 4
    with pytest.raises(BadInput, match="4 people match now: say whether they enter"):
        enrolling.launch(store, text, by=COMMAND_LINE, now=START)
    assert store.one("SELECT COUNT(*) FROM journey_version") == 0
    done = enrolling.launch(store, text, existing="enter", by=COMMAND_LINE, now=START)
    assert done.entering == 4
    engine = runner(store)
    tick(engine, START)
    assert entered(store) == [1, 2, 3]
    again = enrolling.launch(store, text, by=COMMAND_LINE, now=START + 1)
    assert not again.version.fresh and enrolling.count_matching(store, text, now=START) == 0
    changed = text.replace("1000d", "999d")
    assert enrolling.count_matching(store, changed, now=START) == 1, "who is in it already does not match; the moment does"
    enrolling.launch(store, changed, existing="new-only", by=COMMAND_LINE, now=START + 1)
    tick(engine, START + 2)
    assert entered(store) == [1, 2, 3]
