"""Windows in SQL against a minute-by-minute look at the wall clock with zoneinfo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.clock import DAY
from engine.errors import BadInput
from engine.maths.zones import KNOWN_FROM, LocalWindow, find_zone, learn_zone, local_instant, next_time, offset_spans
from engine.schema import open_store
from engine.sql import sql
from engine.store import Store
from tests.conftest import ENGINES, NOW, fresh_url

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Apia",
         "Pacific/Pago_Pago", "Asia/Kathmandu", "Africa/Casablanca", "America/St_Johns", "Africa/Cairo", "Asia/Gaza")

World = tuple[Store, dict[str | None, int]]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


TURNS = [at(text) for text in ("2025-03-30 01:00", "2025-10-26 01:00", "2025-03-09 07:00", "2025-11-02 06:00",
                               "2025-04-05 15:00", "2025-10-04 15:30", "2024-02-29 12:00", "2025-12-31 23:59")]


def is_open(window: LocalWindow, zone: ZoneInfo, instant: int) -> bool:
    """The definition: what the wall clock reads, overnight hours belonging to the evening before."""
    local = datetime.fromtimestamp(instant, zone)
    second = local.hour * 3600 + local.minute * 60 + local.second
    started_today = second >= window.start_s and second - window.start_s < window.length_s
    if started_today and local.weekday() in window.weekdays:
        return True
    return second + DAY - window.start_s < window.length_s and (local.weekday() - 1) % 7 in window.weekdays


def first_open(window: LocalWindow, zone: ZoneInfo, now: int) -> int:
    if is_open(window, zone, now):
        return now
    minute = now - now % 60 + 60
    while not is_open(window, zone, minute):
        minute += 60
    return minute


windows = st.builds(
    lambda start, end, days: LocalWindow(start_s=start * 900, end_s=end * 900, weekdays=tuple(sorted(days))),
    st.integers(0, 95), st.integers(0, 95), st.sets(st.integers(0, 6), min_size=1),
)
instants = st.one_of(
    st.integers(at("2024-01-01 00:00"), at("2027-01-01 00:00")),
    st.tuples(st.sampled_from(TURNS), st.integers(-2 * DAY, 2 * DAY)).map(sum),
)


def settle(store: Store, zones: tuple[str | None, ...]) -> dict[str | None, int]:
    """One contact per zone, ids by zone."""
    for zone in zones:
        if zone and find_zone(zone):
            learn_zone(store, zone)
    with store.transaction():
        store.insert_many("contact", [{"email": f"{n}@example.com", "time_zone": zone, "hash31": n + 1, "created_at": NOW,
                                       "updated_at": NOW} for n, zone in enumerate(zones)])
    return dict(store.rows("SELECT time_zone, id FROM contact ORDER BY id"))


@pytest.fixture(scope="module", params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A store with a contact in each zone; nothing in this file changes it."""
    folder: Path = tmp_path_factory.mktemp("zones")
    with fresh_url(request.param, folder) as url:
        store = open_store(url, create=True)
        yield store, settle(store, ZONES)
        store.close()


def opening(store: Store, window: LocalWindow, contact: int, now: int) -> int:
    found: int = store.one(sql("SELECT {open}", open=window.next_open(sql(":contact"))), now=now, contact=contact)
    return found


@settings(max_examples=150, deadline=None)
@given(window=windows, now=instants, zone=st.sampled_from(ZONES))
def test_next_opening_agrees_with_the_wall_clock(world: World, window: LocalWindow, now: int,
                                                 zone: str) -> None:
    store, ids = world
    assert opening(store, window, ids[zone], now) == first_open(window, ZoneInfo(zone), now)


def test_an_hour_that_does_not_exist_opens_the_next_day(world: World) -> None:
    store, ids = world
    window = LocalWindow(start_s=9000, end_s=9900)  # 02:30-02:45
    assert opening(store, window, ids["Europe/Berlin"], at("2025-03-30 00:00")) == at("2025-03-31 00:30")


def test_an_hour_that_happens_twice_opens_the_first_time(world: World) -> None:
    store, ids = world
    window = LocalWindow(start_s=9000, end_s=9900)
    assert opening(store, window, ids["Europe/Berlin"], at("2025-10-25 12:00")) == at("2025-10-26 00:30")


def test_a_contact_without_a_zone_lives_in_the_default_zone(store: Store) -> None:
    ids = settle(store, (None, "Mars/Olympus"))
    window = LocalWindow(start_s=9 * 3600, end_s=10 * 3600, default_zone="Europe/Berlin")
    now = at("2025-07-01 00:00")
    assert opening(store, window, ids[None], now) == at("2025-07-01 09:00"), "a zone never learned counts as UTC"
    learn_zone(store, "Europe/Berlin")
    assert opening(store, window, ids[None], now) == at("2025-07-01 07:00")
    assert opening(store, window, ids["Mars/Olympus"], now) == at("2025-07-01 07:00")


def first_reading(zone: ZoneInfo, wall: int, start: int) -> int:
    """The definition: the first instant of that local day at which the clock reads the time or later."""
    day = wall // DAY
    instant = start
    while True:
        local = datetime.fromtimestamp(instant, zone)
        today = local.toordinal() - datetime(1970, 1, 1).toordinal()
        if (today, local.hour * 3600 + local.minute * 60) >= (day, wall % DAY):
            return instant
        instant += 900


@settings(max_examples=60, deadline=None)
@given(at_s=st.integers(0, 95).map(lambda quarter: quarter * 900), now=instants, zone=st.sampled_from(ZONES),
       days=st.sets(st.integers(0, 6), min_size=1))
def test_the_next_time_of_day_agrees_with_the_wall_clock(world: World, at_s: int, now: int, zone: str, days: set[int]) -> None:
    store, _ = world
    now = now // 900 * 900
    found = store.one(sql("SELECT {at}", at=next_time(sql(str(at_s)), sql(":zone"), weekdays=tuple(sorted(days)))),
                      now=now, zone=zone)
    info = ZoneInfo(zone)
    today = datetime.fromtimestamp(now, info).toordinal() - datetime(1970, 1, 1).toordinal()
    fitting = [day for day in range(today - 1, today + 9) if (day + 3) % 7 in days]
    expected = min(at for day in fitting if (at := first_reading(info, day * DAY + at_s, (day - 1) * DAY)) >= now)
    assert found == expected


@settings(max_examples=40, deadline=None)
@given(moment=instants, zone=st.sampled_from(ZONES))
def test_a_local_moment_is_the_first_at_which_the_clock_reads_it(world: World, moment: int, zone: str) -> None:
    store, _ = world
    wall = moment // 900 * 900
    found = store.one(sql("SELECT {at}", at=local_instant(sql(":wall"), sql(":zone"))), wall=wall, zone=zone)
    assert found == first_reading(ZoneInfo(zone), wall, wall // DAY * DAY - DAY)


def test_a_time_that_a_day_leaves_out_comes_after_the_gap(world: World) -> None:
    store, _ = world
    at_s, zone = sql("9000"), sql("'Europe/Berlin'")
    found = store.one(sql("SELECT {at}", at=next_time(at_s, zone)), now=at("2025-03-29 12:00"))
    assert found == at("2025-03-30 01:00"), "02:30 does not exist: 03:00 summer time"
    twice = store.one(sql("SELECT {at}", at=next_time(at_s, zone)), now=at("2025-10-26 00:31"))
    assert twice == at("2025-10-27 01:30"), "the first 02:30 is over: tomorrow, not the second one"
    assert store.one(sql("SELECT {at}", at=local_instant(sql("CAST(NULL AS BIGINT)"), zone))) is None


@settings(max_examples=100, deadline=None)
@given(window=windows, now=instants)
def test_a_window_and_its_complement_are_never_both_shut(world: World, window: LocalWindow,
                                                         now: int) -> None:
    store, ids = world
    daily = replace(window, weekdays=(0, 1, 2, 3, 4, 5, 6))
    assert now in {opening(store, daily, ids["Asia/Gaza"], now), opening(store, daily.complement(), ids["Asia/Gaza"], now)}


@pytest.mark.parametrize("zone", ZONES)
def test_spans_are_the_zone(zone: str) -> None:
    spans = offset_spans(zone)
    assert spans[0][0] == KNOWN_FROM
    assert all(a[1] == b[0] for a, b in zip(spans, spans[1:], strict=False))
    for start, end, offset in spans:
        for instant in (start, end - 1, (start + end) // 2):
            found = datetime.fromtimestamp(instant, ZoneInfo(zone)).utcoffset()
            assert found is not None and found.total_seconds() == offset


def test_learning_a_zone_twice_changes_nothing(store: Store) -> None:
    learn_zone(store, "Europe/Berlin")
    before = store.one("SELECT COUNT(*) FROM zone_span")
    learn_zone(store, "Europe/Berlin")
    assert store.one("SELECT COUNT(*) FROM zone_span") == before == len(offset_spans("Europe/Berlin"))


@pytest.mark.parametrize("wrong", ["Mars/Olympus", "../etc/passwd", "Europe", "", "europe/berlin"])
def test_an_unknown_zone_raises(memory: Store, wrong: str) -> None:
    with pytest.raises(BadInput, match="is not known"):
        learn_zone(memory, wrong)


def test_a_zone_is_found_in_any_case() -> None:
    assert find_zone(" america/new york ") == "America/New_York"
    assert find_zone("Atlantis") is None


@pytest.mark.parametrize("wrong", [{"start_s": -1}, {"end_s": DAY}, {"weekdays": ()}, {"weekdays": (7,)}])
def test_a_window_that_means_nothing_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadInput, match="a day has|give at least one"):
        LocalWindow(**{"start_s": 0, "end_s": 3600} | wrong)  # type: ignore[arg-type]
