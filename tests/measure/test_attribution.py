"""Credit from the database: exact to the minor unit, nothing lost, nothing after the close."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.access import COMMAND_LINE, set_setting
from engine.audience.rules import known, parse_filter
from engine.clock import DAY
from engine.errors import BadInput, NotYet
from engine.measure import attribution, costs
from engine.measure.attribution import NO_TOUCH
from engine.measure.costs import Cost
from engine.measure.models import MODELS
from engine.store import Store

from .world import CLOSE, NOW, World, day

SPAN = {"since": 0, "until": NOW}


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def value(frame: pd.DataFrame) -> dict[Any, int]:
    return {(row.campaign or row.channel): row.value_minor for row in frame.itertuples()}


def five_touches(world: World) -> int:
    """S11: an ebook download, clicks on three nurture mails, a promotional click, then 12,000 won."""
    ada = world.contact("ada")
    world.event(ada, "ebook_downloaded", day(38), campaign="Ebook")
    for name, ago in (("Nurture 1", 33), ("Nurture 2", 26), ("Nurture 3", 8), ("Promo", 0)):
        world.event(ada, "email_clicked", day(ago), message_id=world.message(ada, world.campaign(name)))
    world.deal([ada], 1_200_000)
    return ada


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("first", [1_200_000, 0, 0, 0, 0]),
        ("last", [0, 0, 0, 0, 1_200_000]),
        ("linear", [240_000] * 5),
        ("position", [480_000, 80_000, 80_000, 80_000, 480_000]),
        ("time_decay", [17_519, 28_744, 57_488, 341_704, 754_545]),
    ],
)
def test_deal_of_12000_with_five_touches(model: str, expected: list[int], world: World) -> None:
    five_touches(world)
    found = value(attribution.credit_deals(world.store, **SPAN, model=model))
    assert [found[name] for name in ("Ebook", "Nurture 1", "Nurture 2", "Nurture 3", "Promo")] == expected


def test_received_mails_count_by_switch(world: World) -> None:
    ada = five_touches(world)
    mail = world.message(ada, world.campaign("Silent"))
    world.event(ada, "email_sent", day(20), message_id=mail)
    assert "Silent" not in value(attribution.credit_deals(world.store, **SPAN))
    assert value(attribution.credit_deals(world.store, **SPAN, received=True))["Silent"] == 200_000


def test_credit_goes_over_all_contacts_of_the_deal(world: World) -> None:
    ada, bo, cy = (world.contact(name) for name in ("ada", "bo", "cy"))
    world.event(ada, "email_clicked", day(5), campaign="A")
    world.event(bo, "email_clicked", day(3), campaign="B")
    world.event(cy, "email_clicked", day(1), campaign="C")
    world.deal([ada, bo], 101)
    assert value(attribution.credit_deals(world.store, **SPAN, model="last")) == {"A": 0, "B": 101}
    assert sorted(value(attribution.credit_deals(world.store, **SPAN)).values()) == [50, 51]


def test_after_the_close_and_before_the_look_back_is_ignored(world: World) -> None:
    ada = world.contact("ada")
    world.event(ada, "email_clicked", day(-1), campaign="Late")
    world.event(ada, "email_clicked", day(100), campaign="Early")
    world.deal([ada], 500)
    assert value(attribution.credit_deals(world.store, **SPAN)) == {NO_TOUCH: 500}
    assert value(attribution.credit_deals(world.store, **SPAN, lookback_s=120 * DAY)) == {"Early": 500}


def test_lost_open_and_other_deals_are_not_revenue(world: World) -> None:
    ada = world.contact("ada")
    world.deal([ada], 500, won=0)
    world.deal([ada], 500, closed_at=NOW)
    assert attribution.credit_deals(world.store, **SPAN).empty


def test_cost_and_ratio_stand_beside_the_credit(world: World) -> None:
    ada = world.contact("ada")
    world.event(ada, "email_clicked", day(3), message_id=world.message(ada, world.campaign("Spring")))
    world.deal([ada], 3_000)
    costs.record(world.store, [Cost(1_000, "EUR", day(30), day(29), campaign="spring", channel="email"),
                               Cost(70, "EUR", day(30), day(29))], by=COMMAND_LINE, now=NOW)
    found = attribution.credit_deals(world.store, **SPAN)
    rows = {(row.channel, row.campaign): (row.value_minor, row.cost_minor, row.roi) for row in found.itertuples()}
    assert rows == {("email", "Spring"): (3_000, 1_000, 2.0), (None, None): (0, 70, -1.0)}


def test_no_cost_is_no_ratio(world: World) -> None:
    world.deal([world.contact("ada")], 3_000)
    (row,) = attribution.credit_deals(world.store, **SPAN).itertuples()
    assert (row.channel, row.roi) == (NO_TOUCH, None)


def test_any_event_can_be_the_goal(world: World) -> None:
    ada = world.contact("ada")
    world.event(ada, "sms_clicked", CLOSE - 60)
    world.event(ada, "purchase", CLOSE, value_minor=900, currency="EUR")
    world.event(ada, "purchase", CLOSE + 40 * DAY, value_minor=50, currency="EUR")
    goal = parse_filter({"event": "purchase"}, known(world.store))
    found = attribution.credit(world.store, goal, since=0, until=NOW + 90 * DAY)
    assert {row.channel: (row.conversions, row.value_minor) for row in found.itertuples()} == {
        "sms": (1.0, 900), NO_TOUCH: (1.0, 50)}


def test_a_goal_may_ask_for_properties(world: World) -> None:
    ada = world.contact("ada")
    for plan, amount in (("gold", 5), ("tin", 1)):
        world.event(ada, "purchase", CLOSE, value_minor=amount, currency="EUR", plan=plan)
    goal = parse_filter({"event": "purchase", "where": {"plan": {"op": "is", "value": "gold"}}}, known(world.store))
    assert int(attribution.credit(world.store, goal, **SPAN)["value_minor"].sum()) == 5


def test_two_currencies_are_refused_by_name(world: World) -> None:
    ada = world.contact("ada")
    world.deal([ada], 1, currency="EUR")
    world.deal([ada], 1, currency="USD")
    with pytest.raises(BadInput, match="EUR, USD"):
        attribution.credit_deals(world.store, **SPAN)


def test_a_cost_in_another_currency_is_refused_too(world: World) -> None:
    world.deal([world.contact("ada")], 1, currency="EUR")
    costs.record(world.store, [Cost(1, "CHF", 0, DAY)], by=COMMAND_LINE, now=NOW)
    with pytest.raises(BadInput, match="CHF, EUR"):
        attribution.credit_deals(world.store, **SPAN)


def test_amounts_without_currency_are_said(world: World) -> None:
    ada = world.contact("ada")
    world.deal([ada], 1, currency=None)
    set_setting(world.store, "currency", "SEK")
    ledger = attribution.load_deals(world.store, **SPAN)
    assert ledger.currency == "SEK"
    assert ledger.notes == ["1 amounts name no currency and are taken as SEK"]


def test_a_deal_without_amount_counts_without_value(world: World) -> None:
    ada = world.contact("ada")
    world.event(ada, "email_clicked", day(1))
    world.deal([ada], None)
    (row,) = attribution.credit_deals(world.store, **SPAN).itertuples()
    assert (row.conversions, row.value_minor) == (1.0, 0)


@pytest.mark.parametrize(
    ("more", "error"),
    [({"model": "markov"}, NotYet), ({"model": "magic"}, BadInput), ({"until": 0}, BadInput), ({"lookback_s": 0}, BadInput)],
)
def test_bad_requests(more: dict[str, Any], error: type[Exception], world: World) -> None:
    with pytest.raises(error):
        attribution.credit_deals(world.store, **{**SPAN, **more})


deals = st.lists(
    st.tuples(st.integers(0, 10**9), st.lists(st.tuples(st.integers(0, 2), st.integers(-5, 120), st.sampled_from("abc")),
                                              max_size=6)),
    min_size=1, max_size=4)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(deals=deals)
def test_credit_and_no_touch_are_closed_won_to_the_minor_unit(
    deals: list[tuple[int, list[tuple[int, int, str]]]], memory: Store
) -> None:
    with memory.transaction():
        for name in ("deal", "deal_contact", "event", "contact"):
            memory.run(f"DELETE FROM {name}")
    world = World(memory)
    for number, (amount, touched) in enumerate(deals):
        people = [world.contact(f"{number}-{n}") for n in range(3)]
        for who, ago, campaign in touched:
            world.event(people[who], "email_clicked", day(ago), campaign=campaign)
        world.deal(people, amount)
    for model in MODELS:
        found = attribution.credit_deals(memory, **SPAN, model=model)
        assert int(found["value_minor"].sum()) == sum(amount for amount, _ in deals)
        assert float(found["conversions"].sum()) == pytest.approx(len(deals))
        assert (found["value_minor"] >= 0).all()


@given(st.lists(st.tuples(st.integers(-10**12, 10**12), st.lists(st.floats(0.01, 1), min_size=1, max_size=7)),
                min_size=1, max_size=5))
def test_whole_parts_add_up_and_stay_within_one_unit(paths: list[tuple[int, list[float]]]) -> None:
    path = np.repeat(np.arange(len(paths)), [len(weights) for _, weights in paths])
    part = np.concatenate([np.array(weights) / sum(weights) for _, weights in paths])
    worth = np.array([amount for amount, _ in paths], dtype=np.int64)
    whole = attribution.whole_parts(path, part, worth)
    assert [int(whole[path == n].sum()) for n in range(len(paths))] == [amount for amount, _ in paths]
    assert (np.abs(whole - part * worth[path]) <= 1.01).all()
