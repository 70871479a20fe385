"""ROI: figures, words for those that are not there, models side by side, the ledger."""

from __future__ import annotations

import pytest

from engine.access import COMMAND_LINE
from engine.audience import segments
from engine.clock import DAY
from engine.clock import now as clock_now
from engine.measure import attribution
from engine.store import Store
from tests.measure.world import World

from .running import open_page, well, words

VIEWS = ("summary", "credit", "campaigns", "funnel", "groups", "value", "costs")


@pytest.fixture
def world(workspace: Store) -> World:
    """Ann got a mail of Spring and one of Summer, then bought for 1,000.00 USD; Bob bought without any."""
    world, now = World(workspace), clock_now()
    ann, bob = world.contact("ann", stage="customer"), world.contact("bob", stage="lead")
    for name, days in (("Spring", 20), ("Summer", 10)):
        sent = world.message(ann, world.campaign(name), sent_at=now - days * DAY)
        world.event(ann, "email_clicked", now - days * DAY + 60, message_id=sent)
    world.deal([ann], 100_000, closed_at=now - DAY, currency="USD")
    world.deal([bob], 50_000, closed_at=now - DAY, currency="USD")
    world.insert("cost", campaign="Spring", category="media", amount_minor=20_000, currency="USD", from_at=now - 30 * DAY,
                 until_at=now - 29 * DAY, dedupe_key="c1", created_at=now)
    return world


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_works_without_any_data(workspace: Store, view: str) -> None:
    well(open_page("roi", view=view))


def test_what_can_not_be_divided_is_undefined_in_words(workspace: Store) -> None:
    at = well(open_page("roi"))
    shown = {one.label: one.value for one in at.metric}
    assert {shown[name] for name in ("ROI", "Cost per lead", "Cost per MQL", "Cost per customer")} == {"undefined"}
    assert shown["Incremental"] == "unknown" and "no holdout has been kept" in words(at)


def test_cost_and_credit_add_up_on_the_page(world: World) -> None:
    at = well(open_page("roi"))
    shown = {one.label: one.value for one in at.metric}
    assert (shown["Cost"], shown["Credited"], shown["ROI"]) == ("200 USD", "1,000 USD", "400 %")


def test_every_model_shares_out_the_same_sum(world: World) -> None:
    now = clock_now()
    found = attribution.compare_models(world.store, since=now - 30 * DAY, until=now)
    assert set(found.groupby("model")["value_minor"].sum()) == {150_000}
    first = found[found["model"] == "First touch"].set_index("name")["value_minor"]
    assert (first["Spring"], first[attribution.NO_TOUCH]) == (100_000, 50_000)
    assert "opinion" in words(well(open_page("roi", view="credit")))


def test_a_span_and_a_campaign_stand_in_the_address(world: World) -> None:
    at = well(open_page("roi", campaign="Spring", model="first_touch"))
    shown = {one.label: one.value for one in at.metric}
    assert (shown["Cost"], shown["Credited"]) == ("200 USD", "1,000 USD")
    at = well(open_page("roi", **{"from": "2001-01-01", "until": "2001-02-01"}))
    assert {one.label: one.value for one in at.metric}["Cost"] == "0"
    assert "is not a moment" in open_page("roi", **{"from": "yesterday"}).error[0].value


def test_amounts_are_in_units_of_their_currency(workspace: Store) -> None:
    world, now = World(workspace), clock_now()
    ann = world.contact("ann")
    world.message(ann, world.campaign("Spring"), sent_at=now - 2 * DAY)
    world.deal([ann], 50_000, closed_at=now - DAY, currency="JPY")
    world.insert("cost", campaign="Spring", category="media", amount_minor=2_000, currency="JPY", from_at=now - 30 * DAY,
                 until_at=now - 29 * DAY, dedupe_key="c1", created_at=now)
    shown = {one.label: one.value for one in well(open_page("roi")).metric}
    assert (shown["Cost"], shown["Credited"]) == ("2,000 JPY", "0 JPY")
    credit = well(open_page("roi", view="credit")).dataframe[0].value.set_index("name")
    assert set(credit.loc[attribution.NO_TOUCH]) == {50_000}
    table = well(open_page("roi", view="campaigns")).dataframe[0].value
    assert table["value"].sum() == 50_000 and table["cost"].sum() == 2_000
    assert list(well(open_page("roi", view="costs")).dataframe[0].value["amount"]) == [2_000]


def test_groups_of_people_stand_in_the_address(world: World) -> None:
    segments.save(world.store, "Buyers", {"stage": ["customer"]}, by=COMMAND_LINE, now=clock_now() - 100 * DAY)
    at = well(open_page("roi", view="groups", by="segment:Buyers"))
    table = at.dataframe[0].value.set_index("group")
    assert dict(table["credited"]) == {"in Buyers": 1_000, "not in Buyers": 0}
    assert dict(table["no touch"]) == {"in Buyers": 0, "not in Buyers": 500}
    assert "at the moment of each figure" in words(at)
    at = well(open_page("roi", view="funnel", by="segment:Buyers"))
    assert list(at.dataframe[0].value.set_index("group")["lead"]) == [1, 1] and "they have now" in words(at)


def test_customer_value_stands_by_groups_with_little_said_of_few(workspace: Store) -> None:
    world, now = World(workspace), clock_now()
    for number in range(12):
        who = world.contact(f"c{number}", source="Fair" if number < 11 else "Web")
        for _ in range(2 if number < 2 else 1):
            world.event(who, "purchase", now - 9 * DAY, value_minor=10_000, currency="EUR")
    (everybody,) = well(open_page("roi", view="value")).dataframe[0].value.to_dict("records")
    assert (everybody["group"], everybody["buyers"], everybody["revenue"]) == ("everybody", 12, 1_400)
    at = well(open_page("roi", view="value", by="source"))
    fair, web = at.dataframe[0].value.to_dict("records")
    assert (fair["group"], fair["orders"], fair["median"], round(fair["again"], 2)) == ("Fair", 13, 100, 0.18)
    assert web["group"] == "Web" and str(web["mean"]) == "nan" and "a single order would decide it" in words(at)
