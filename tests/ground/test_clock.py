"""The words for time that people type."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import clock
from engine.clock import DAY, HOUR, MINUTE, WEEK, parse_duration, parse_moment, say_duration
from engine.errors import BadInput

LATEST = 253_402_300_799
seconds = st.integers(-62_135_596_800, LATEST)


@pytest.mark.parametrize(("text", "found"), [
    ("30s", 30), ("5m", 5 * MINUTE), ("36h", 36 * HOUR), ("7d", 7 * DAY), ("2w", 2 * WEEK), ("-7d", -7 * DAY), ("1.5h", 5400),
    (" 2 d ", 2 * DAY), ("0d", 0),
])
def test_durations(text: str, found: int) -> None:
    assert parse_duration(text) == found


@pytest.mark.parametrize("text", [
    "", "2", "d", "2 days", "2y", "1d2h", "--1d", "٣d", "1e3s", "∞d", "two d", "2d\n2d", "99999999999d",
])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="is not a duration|is longer than"):
        parse_duration(text)


@given(st.integers(-10**9, 10**9))
def test_a_duration_said_is_the_duration_heard(number: int) -> None:
    assert parse_duration(say_duration(number)) == number


@pytest.mark.parametrize(("number", "text"), [
    (2 * DAY, "2d"), (5400, "90m"), (WEEK, "7d"), (2 * WEEK, "2w"), (0, "0s"), (-7 * DAY, "-7d"), (61, "61s"),
])
def test_durations_are_said_in_the_shortest_form(number: int, text: str) -> None:
    assert say_duration(number) == text


@pytest.mark.parametrize(("number", "text"), [
    (2 * DAY, "2 days"), (HOUR, "1 hour"), (5400, "90 minutes"), (1, "1 second"), (0, "0 seconds"),
])
def test_durations_in_words(number: int, text: str) -> None:
    assert clock.in_words(number) == text


@given(seconds)
def test_a_moment_said_is_the_moment_heard(number: int) -> None:
    text = clock.iso(number)
    assert text is not None
    assert parse_moment(text) == number


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_a_zone_in_the_text_counts(moment: datetime, minutes: int) -> None:
    there = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_moment(there.isoformat()) == int(there.timestamp())
    assert parse_moment(moment.replace(microsecond=0).isoformat()) == int(moment.replace(microsecond=0, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(("text", "found"), [
    (1_790_000_000, 1_790_000_000), ("1790000000", 1_790_000_000), ("1790000000.9", 1_790_000_000), (0, 0), (-5.5, -5),
    ("2026-09-21", 1_789_948_800), ("2026-09-21 13:33:20", 1_789_997_600), ("20260921T133320Z", 1_789_997_600),
    (" 2026-09-21T13:33:20+02:00 ", 1_789_990_400), ("2026-09-21T13:33:20.999Z", 1_789_997_600),
])
def test_moments(text: str | int | float, found: int) -> None:
    assert parse_moment(text) == found


@pytest.mark.parametrize("text", [
    "", "yesterday", "2026-13-01", "2026-02-30", "21.09.2026", "12:00", "12345", "99999999999999", LATEST + 1, float("inf"),
    float("nan"), "0001-01-01T00:00:00+14:00",
])
def test_what_is_no_moment_is_refused(text: str | float) -> None:
    with pytest.raises(BadInput):
        parse_moment(text)


def test_no_moment_is_no_text() -> None:
    assert clock.iso(None) is None
    assert clock.iso(0) == "1970-01-01T00:00:00Z"
