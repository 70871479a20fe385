"""Outcomes of a journey's split, counted from the database and judged in a window that can be moved."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from engine.__main__ import gather
from engine.access import COMMAND_LINE
from engine.audience import personas, segments
from engine.clock import DAY, HOUR
from engine.commands.common import run
from engine.errors import BadInput, NotFound
from engine.maths import stats
from engine.maths.assignment import arm_of, hash31_of
from engine.measure import groups, splits
from engine.store import Store
from tests.journeys.worlds import START, add_contacts, journey, publish, record, runner, tick

PEOPLE = 60
LATER = START + 60 * DAY
SPLIT = {"id": "ab", "type": "split", "arms": {"a": 2, "b": 1}, "salt": "s", "next": "end"}
END = {"id": "end", "type": "exit"}
GOAL = {"rule": {"event": "purchase"}, "within": "7d"}


def arm(contact: int) -> str:
    return arm_of(hash31_of(str(contact)), "s", {"a": 2, "b": 1})


@pytest.fixture
def told(store: Store) -> Store:
    """Sixty people pass the split, ten a day; those of arm b buy a day later, every fifth of arm a after nine days."""
    add_contacts(store, PEOPLE)
    publish(store, journey(SPLIT, END, goal=GOAL))
    engine = runner(store)
    for day in range(6):
        for contact in range(day * 10 + 1, day * 10 + 11):
            record(store, contact, "signup", START + day * DAY)
        tick(engine, START + day * DAY)
    for contact in range(1, PEOPLE + 1):
        passed_at = START + (contact - 1) // 10 * DAY
        if arm(contact) == "b":
            record(store, contact, "purchase", passed_at + DAY)
        elif contact % 5 == 0:
            record(store, contact, "purchase", passed_at + 9 * DAY)
    return store


def counts(read: splits.Reading) -> dict[str, tuple[int | None, int]]:
    return {one.name: (one.successes, one.n) for one in read.analysis.arms}


def people(name: str, upto: int = PEOPLE) -> list[int]:
    return [one for one in range(1, upto + 1) if arm(one) == name]


def test_a_split_of_a_live_journey_is_found_with_the_goal_as_its_window(told: Store) -> None:
    (test,) = splits.list_tests(told)
    assert (test.key, test.arms, test.conversion, test.within_s) == ("j/ab", {"a": 2, "b": 1}, {"event": "purchase"}, 7 * DAY)
    assert splits.get_test(told, "j/ab") == test
    with pytest.raises(NotFound, match="j/ab"):
        splits.get_test(told, "j/other")


def test_conversions_count_inside_the_window_only(told: Store) -> None:
    test = splits.get_test(told, "j/ab")
    window = splits.declared(test, now=LATER)
    read = splits.read(told, test, window, now=LATER)
    assert counts(read) == {"a": (0, len(people("a"))), "b": (len(people("b")), len(people("b")))}
    assert (read.waiting, read.exploratory, read.notes) == (0, False, [])
    longer = splits.read(told, test, replace(window, within_s=10 * DAY), now=LATER)
    assert counts(longer)["a"] == (len([one for one in people("a") if one % 5 == 0]), len(people("a")))
    assert longer.exploratory and "Exploratory" in longer.notes[0]


def test_whoever_still_has_time_is_not_counted(told: Store) -> None:
    """Three days after the last entry, only those who entered in the first days have had their week."""
    test = splits.get_test(told, "j/ab")
    now = START + 8 * DAY + HOUR
    read = splits.read(told, test, splits.declared(test, now=now), now=now)
    assert counts(read) == {"a": (0, len(people("a", 20))), "b": (len(people("b", 20)), len(people("b", 20)))}
    assert read.waiting == 40 and "40 people still have time" in read.notes[0]


def test_a_moved_span_takes_other_people_and_says_so(told: Store) -> None:
    test = splits.get_test(told, "j/ab")
    window = replace(splits.declared(test, now=LATER), until_at=START + 2 * DAY)
    read = splits.read(told, test, window, now=LATER)
    assert sum(one.n for one in read.analysis.arms) == 20 and read.exploratory


def test_daily_looks_end_at_the_verdict(told: Store) -> None:
    test = splits.get_test(told, "j/ab")
    read = splits.read(told, test, splits.declared(test, now=LATER), now=LATER)
    last = read.looks.iloc[-1]
    (found,) = read.analysis.comparisons
    assert last["difference"] == found.difference and (last["low"], last["high"]) == found.ci
    assert list(read.looks["n"]) == [10, 20, 30, 40, 50, 60] and read.looks["at"].is_monotonic_increasing


def test_each_group_is_read_by_itself_as_it_was_at_the_exposure(told: Store) -> None:
    personas.save(told, "Even", {"tag": "no"}, by=COMMAND_LINE, now=START)
    number = told.one("SELECT p.segment_id FROM persona p")
    with told.transaction():
        told.insert_many("segment_change", [
            {"segment_id": number, "contact_id": one, "change": change, "at": START + at} for one in range(2, PEOPLE + 1, 2)
            for change, at in (("entered", 0), ("left", 6 * DAY))])
    test = splits.get_test(told, "j/ab")
    window = splits.declared(test, now=LATER)
    parts = splits.read_parts(told, test, window, groups.read(told, "persona"), now=LATER)
    assert {name: {one.name: one.n for one in part.arms} for name, part in parts.groups.items()} == {
        name: {arm: len([one for one in people(arm) if one % 2 == odd]) for arm in ("a", "b")}
        for name, odd in (("Even", 0), ("no persona", 1))}
    raw = [part.comparisons[0].p_value for part in parts.groups.values()]
    assert [part.comparisons[0].p_adjusted for part in parts.groups.values()] == stats.holm(raw)
    assert "the moment at which the split first sent them to an arm" in parts.notes[0] and "2 comparisons" in parts.notes[1]
    only = splits.read(told, test, replace(window, segment="Persona: Even"), now=LATER)
    assert sum(one.n for one in only.analysis.arms) == PEOPLE // 2 and only.exploratory


def test_the_command_line_reads_it_as_the_page_does(told: Store, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    def ask(*arguments: str) -> Any:
        assert run(gather(), ["--db", url, "--json", "--now", str(LATER), "abtest", *arguments]) == 0
        return json.loads(capsys.readouterr().out)

    (listed,) = ask("list")
    assert (listed["name"], listed["passages"], listed["window"]) == ("j/ab", PEOPLE, "7d")
    shown = ask("show", "j/ab")
    assert [(one["name"], one["successes"], one["n"]) for one in shown["arms"]] == [
        ("a", 0, len(people("a"))), ("b", len(people("b")), len(people("b")))] and not shown["exploratory"]
    segments.save(told, "Hot", {"tag": "no"}, by=COMMAND_LINE, now=START)
    moved = ask("show", "j/ab", "--window", "10d", "--exposed-to", str(START + 2 * DAY), "--by", "segment:Hot")
    assert moved["exploratory"] and list(moved["groups"]) == ["not in Hot"] and moved["by"] == "segment:Hot"
    assert sum(one["n"] for one in moved["groups"]["not in Hot"]["arms"]) == 20
    early = ask("show", "j/ab", "--as-of", str(START + 8 * DAY + HOUR))
    assert early["waiting"] == 40 and sum(one["n"] for one in early["arms"]) == 20
    assert run(gather(), ["--db", url, "abtest", "show", "j/ab", "--by", "color"]) == 2
    assert "write persona, topic, source or segment:NAME" in capsys.readouterr().err


def test_test_people_are_left_out(told: Store) -> None:
    with told.transaction():
        told.run("UPDATE contact SET is_test = 1 WHERE id <= 10")
    test = splits.get_test(told, "j/ab")
    read = splits.read(told, test, splits.declared(test, now=LATER), now=LATER)
    assert sum(one.n for one in read.analysis.arms) == 50


def test_versions_with_the_same_split_are_one_test(told: Store) -> None:
    publish(told, journey(SPLIT, END, goal=GOAL, campaign="Spring"), now=START + 10 * DAY)
    test = splits.get_test(told, "j/ab")
    assert (test.version, len(test.places), test.since_at) == (2, 2, START)
    other = {**SPLIT, "arms": {"a": 1, "b": 1}}
    publish(told, journey(other, END, goal=GOAL), now=START + 11 * DAY)
    assert len(splits.get_test(told, "j/ab").places) == 1


def test_a_goal_that_is_no_event_asks_for_one(store: Store) -> None:
    publish(store, journey(SPLIT, END, goal={"rule": {"stage": ["customer"]}}))
    (test,) = splits.list_tests(store)
    with pytest.raises(BadInput, match="choose what counts"):
        splits.declared(test, now=LATER)
    empty = splits.Window({"event": "purchase"}, LATER, LATER, DAY)
    with pytest.raises(BadInput, match="window is empty"):
        splits.read(store, test, empty, now=LATER)
    nobody = splits.read(store, test, splits.declared(test, now=LATER, conversion={"event": "purchase"}), now=LATER)
    assert "cannot be judged" in nobody.analysis.verdict and nobody.looks.empty
