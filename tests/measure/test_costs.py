"""The cost ledger: what a line means, once only, spread evenly to the minor unit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access import COMMAND_LINE, Actor
from engine.clock import DAY, parse_moment
from engine.errors import BadInput, Forbidden
from engine.measure import costs
from engine.measure.costs import Cost, Recorded
from engine.store import Store

from .world import NOW, World

MARCH = parse_moment("2026-03-01")


def test_a_line_of_a_file() -> None:
    found = costs.parse({"campaign": "Spring", "channel": "Email", "category": "Media", "amount": "100.50",
                         "currency": "eur", "from": "2026-03-01", "to": "2026-03-31", "note": "ads"})
    assert found == Cost(10_050, "EUR", MARCH, MARCH + 31 * DAY, "media", "Spring", "email", note="ads")


def test_work_is_hours_times_rate() -> None:
    found = costs.parse({"currency": "EUR", "from": "2026-03-01", "hours": "2.5", "rate": "33.33"})
    assert (found.amount_minor, found.category) == (8_333, "labor")
    assert found.until_at == MARCH + DAY


@pytest.mark.parametrize(
    ("cells", "word"),
    [
        ({"currency": ""}, "currency is missing"),
        ({"currency": "euro"}, "three letters"),
        ({"amount": ""}, "amount is missing"),
        ({"amount": "ten"}, "'ten' is not a number"),
        ({"amount": "-1"}, "below 0"),
        ({"from": ""}, "from is missing"),
        ({"from": "spring"}, "not a moment"),
        ({"to": "2026-02-01"}, "lies before"),
        ({"hours": "2"}, "belong together"),
        ({"hours": "x", "rate": "1"}, "hours 'x'"),
        ({"hours": "nan", "rate": "1"}, "hours 'nan'"),
        ({"hours": "2", "rate": "50"}, "not hours times rate"),
    ],
)
def test_bad_lines_say_what_is_wrong(cells: dict[str, str], word: str) -> None:
    with pytest.raises(BadInput, match=word):
        costs.parse({"amount": "5", "currency": "EUR", "from": "2026-03-01", **cells})


def test_the_same_file_twice_changes_nothing(store: Store) -> None:
    lines = [Cost(100, "EUR", 0, DAY, campaign="A"), Cost(100, "EUR", 0, DAY, campaign="A"), Cost(5, "EUR", 0, DAY)]
    assert costs.record(store, lines, by=COMMAND_LINE, now=NOW) == Recorded(3, 0)
    assert costs.record(store, lines, by=COMMAND_LINE, now=NOW + 9) == Recorded(0, 3)
    assert int(costs.list_costs(store)["amount_minor"].sum()) == 205
    assert store.one("SELECT COUNT(*) FROM audit") == 2


def test_a_bad_cost_leaves_nothing_behind(store: Store) -> None:
    with pytest.raises(BadInput):
        costs.record(store, [Cost(1, "EUR", 0, DAY), Cost(1, "EUR", DAY, DAY)], by=COMMAND_LINE, now=NOW)
    assert costs.list_costs(store).empty


def test_a_viewer_may_not(store: Store) -> None:
    with pytest.raises(Forbidden):
        costs.record(store, [], by=Actor("vi", "viewer"), now=NOW)


spans = st.tuples(st.integers(0, 10**10), st.integers(0, 10**6), st.integers(1, 10**6))


@given(spans, st.lists(st.integers(-10, 2 * 10**6 + 10), min_size=1, max_size=8))
def test_adjacent_spans_add_up_to_the_amount(span: tuple[int, int, int], cuts: list[int]) -> None:
    amount, start, length = span
    edges = [-100, *sorted(cuts), 3 * 10**6]
    parts = [costs.spread(amount, start, start + length, low, high) for low, high in zip(edges, edges[1:], strict=False)]
    assert sum(parts) == amount
    assert min(parts) >= 0


def test_statement_and_function_spread_alike(store: Store) -> None:
    lines = [Cost(10_001, "EUR", 0, 7 * DAY), Cost(10**12, "EUR", 3, 10**8), Cost(0, "EUR", 5, 6)]
    costs.record(store, lines, by=COMMAND_LINE, now=NOW)
    for since, until in ((0, DAY), (DAY, 3 * DAY), (-5, 4), (12_345, 10**7), (0, 10**9), (10**9, 10**9 + 1)):
        found = costs.by_campaign(store, since=since, until=until)
        wanted = sum(costs.spread(c.amount_minor, c.from_at, c.until_at, since, until) for c in lines)
        assert int(found["cost_minor"].sum()) == wanted


def test_costs_are_read_under_the_campaigns_own_name(store: Store) -> None:
    World(store).campaign("Spring", utm_name="sp26")
    lines = [Cost(1, "EUR", 0, DAY, campaign=name) for name in ("spring", "SP26", "Other")]
    costs.record(store, lines, by=COMMAND_LINE, now=NOW)
    found = costs.by_campaign(store, since=0, until=DAY)
    assert dict(zip(found["campaign"], found["cost_minor"], strict=True)) == {"Spring": 2, "Other": 1}


def test_platform_cost_follows_the_messages_and_adds_up(store: Store) -> None:
    world = World(store)
    spring, autumn = world.campaign("Spring"), world.campaign("Autumn")
    for campaign in (spring, spring, autumn, None):
        world.message(1, campaign, sent_at=50)
    world.message(1, autumn, sent_at=5_000)
    shares = costs.platform_shares(store, 1_001, since=0, until=100)
    assert sum(shares.values()) == 1_001
    assert shares["Spring"] == pytest.approx(500, abs=1)
    assert shares[None] == pytest.approx(250, abs=1)
    assert costs.platform_shares(store, 1_001, since=200, until=300) == {}
