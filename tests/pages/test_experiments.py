"""A/B tests: the verdict, the window in the address, and the planner."""

from __future__ import annotations

import pytest

from engine.access import COMMAND_LINE
from engine.audience import segments
from engine.clock import DAY
from engine.clock import now as clock_now
from engine.measure import splits
from engine.store import Store
from tests.journeys.worlds import add_contacts, journey, publish, record, runner, tick

from .running import open_page, well, words

SPLIT = {"id": "ab", "type": "split", "arms": {"a": 1, "b": 1}, "salt": "s", "next": "end"}


@pytest.fixture
def told(workspace: Store) -> Store:
    """Forty people passed a split 30 days ago; every second one bought nine days later."""
    began = clock_now() - 30 * DAY
    add_contacts(workspace, 40)
    publish(workspace, journey(SPLIT, {"id": "end", "type": "exit"}, goal={"rule": {"event": "purchase"}, "within": "14d"}),
            now=began)
    for contact in range(1, 41):
        record(workspace, contact, "signup", began)
    tick(runner(workspace), began)
    for contact in range(1, 41, 2):
        record(workspace, contact, "purchase", began + 9 * DAY)
    return workspace


def converted(at: object) -> int:
    return int(at.dataframe[0].value["converted"].sum())  # type: ignore[attr-defined]


def test_nothing_yet_says_what_to_do(workspace: Store) -> None:
    assert "No tests yet" in words(well(open_page("experiments")))


def test_the_declared_window_is_read_first(told: Store) -> None:
    at = well(open_page("experiments"))
    assert converted(at) == 20 and "Exploratory" not in words(at) and "Back to the declared window" not in [
        one.label for one in at.button]


def test_a_moved_window_is_called_exploratory_and_stands_in_the_address(told: Store) -> None:
    at = well(open_page("experiments", test="j/ab", within="7d"))
    assert converted(at) == 0 and "Exploratory" in words(at)
    next(one for one in at.text_input if one.label == "Time to convert").set_value("10d").run()
    assert converted(well(at)) == 20 and at.query_params["within"] in ("10d", ["10d"])
    next(one for one in at.button if one.label == "Back to the declared window").click().run()
    assert "Exploratory" not in words(well(at)) and "within" not in at.query_params


def test_very_many_passages_are_read_on_request(told: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splits, "MANY", 39)
    at = well(open_page("experiments"))
    assert "40 passages" in words(at) and not at.dataframe
    next(one for one in at.button if one.label == "Read the test").click().run()
    assert converted(well(at)) == 20
    at.run()
    assert converted(well(at)) == 20, "asked once in a visit"
    assert "As it stood at " in words(at) and ":00: a test of so many is read once an hour" in words(at)


def test_a_window_that_can_not_be_is_one_sentence(told: Store) -> None:
    at = open_page("experiments", test="j/ab", within="soon")
    assert not at.exception and "is not a duration" in at.error[0].value


def test_the_planner_says_how_many_people_it_takes(workspace: Store) -> None:
    at = well(open_page("experiments", view="planner"))
    assert {one.label for one in at.metric} == {"People per arm", "In all"} and "the test needs" in words(at)


def test_each_group_is_read_by_itself(told: Store) -> None:
    segments.save(told, "Odd", {"tag": "no"}, by=COMMAND_LINE, now=clock_now() - 40 * DAY)
    at = well(open_page("experiments", test="j/ab", by="segment:Odd"))
    table = at.dataframe[1].value
    assert set(table["group"]) == {"not in Odd"} and table["converted"].sum() == 20
    assert "first sent them to an arm" in words(at)
