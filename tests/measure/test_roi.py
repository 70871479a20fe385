"""The ROI document: definitions, reasons instead of invented numbers, and sums that close."""

from __future__ import annotations

from typing import Any

import pytest

from engine.access import COMMAND_LINE
from engine.clock import DAY
from engine.errors import BadInput, NotFound, NotYet
from engine.measure import costs, roi
from engine.measure.costs import Cost
from engine.measure.models import MODELS
from engine.measure.roi import Roi
from engine.store import Store

from .world import NOW, World, day

SINCE = day(60)


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def report(world: World, **more: Any) -> Roi:
    return roi.report(world.store, **{"since": SINCE, "until": NOW, **more})


def spend(world: World, amount_minor: int, campaign: str | None = None, **more: Any) -> None:
    cost = Cost(amount_minor, "EUR", day(50), day(49), campaign=campaign, **more)
    costs.record(world.store, [cost], by=COMMAND_LINE, now=NOW)


def click(world: World, contact_id: int, campaign: str, ago: float) -> None:
    world.event(contact_id, "email_clicked", day(ago), campaign=campaign)


def test_textbook_ratios() -> None:
    assert roi.return_on(4_500, 1_000) == 3.5
    assert roi.return_on(4_500, 1_000, margin_rate=0.4) == pytest.approx(0.8)
    assert roi.ratio(1_000, 25) == 40
    assert roi.return_on(4_500, 0) is None


def test_an_empty_workspace_has_reasons_and_no_numbers(world: World) -> None:
    found = report(world)
    assert (found.roi, found.cpl_minor, found.cpmql_minor, found.cac_minor, found.incremental_minor) == (None,) * 5
    assert set(found.reasons) == {"roi", "roi_percent", "cpl_minor", "cpmql_minor", "cac_minor", "incremental_minor"}
    assert found.reasons["roi"] == "undefined: the cost is 0"


def test_everything_together(world: World) -> None:
    ada = world.contact("ada", created_at=day(20), stage="lead")
    click(world, ada, "Spring", 15)
    world.deal([ada], 450_000)
    world.deal([world.contact("bo")], 50_000)
    spend(world, 60_000, "Spring", category="media")
    spend(world, 40_000, category="platform")
    found = report(world)
    assert found.cost_by_category == {"media": 60_000, "platform": 40_000}
    assert (found.cost_minor, found.credited_minor, found.no_touch_minor) == (100_000, 450_000, 50_000)
    assert (found.roi, found.roi_percent) == (3.5, 350)
    assert found.closed_won_minor == 500_000
    assert (found.new_leads, found.cpl_minor) == (1, 100_000)
    assert (found.new_customers, found.cac_minor) == (2, 50_000)
    assert "ROI 350 %" in found.sentence and "4,500.00 EUR" in found.sentence


def test_cost_accrues_in_the_span_only(world: World) -> None:
    costs.record(world.store, [Cost(1_000, "EUR", day(65), day(55))], by=COMMAND_LINE, now=NOW)
    assert report(world).cost_minor == 500


def test_one_campaign(world: World) -> None:
    ada, bo = world.contact("ada"), world.contact("bo")
    world.campaign("Spring", utm_name="sp26")
    click(world, ada, "Spring", 9)
    click(world, ada, "Autumn", 5)
    world.deal([ada], 1_000)
    world.deal([bo], 300)
    spend(world, 200, "sp26")
    found = report(world, campaign="SP26")
    assert (found.campaign, found.cost_minor, found.roi) == ("Spring", 200, 1.5)
    assert (found.credited_minor, found.credited_elsewhere_minor, found.no_touch_minor) == (500, 500, 300)
    assert (found.sourced_minor, found.influenced_minor) == (1_000, 1_000)
    other = report(world, campaign="Autumn")
    assert (other.sourced_minor, other.influenced_minor) == (0, 1_000)


def test_the_source_named_on_the_deal_wins_over_the_first_touch(world: World) -> None:
    ada = world.contact("ada")
    click(world, ada, "Spring", 9)
    world.deal([ada], 1_000, source_campaign="Fair")
    assert report(world, campaign="Spring").sourced_minor == 0
    assert report(world, campaign="Fair").sourced_minor == 1_000
    assert report(world).sourced_minor == 1_000


def test_influence_enters_no_ratio(world: World) -> None:
    ada = world.contact("ada")
    click(world, ada, "Spring", 9)
    click(world, ada, "Autumn", 5)
    world.deal([ada], 1_000)
    spend(world, 100, "Spring")
    assert report(world, campaign="Spring", model="last").roi == -1
    assert report(world, campaign="Spring", model="last").influenced_minor == 1_000


@pytest.mark.parametrize("model", MODELS)
def test_parts_add_up_to_closed_won_under_every_model(model: str, world: World) -> None:
    ada, bo = world.contact("ada"), world.contact("bo")
    for campaign, ago in (("A", 30), ("B", 20), ("C", 10)):
        click(world, ada, campaign, ago)
    world.deal([ada, bo], 1_001)
    world.deal([world.contact("cy")], 7)
    shares = [report(world, campaign=name, model=model) for name in "ABC"]
    assert sum(found.credited_minor for found in shares) == 1_001
    for found in shares:
        assert found.credited_minor + found.credited_elsewhere_minor + found.no_touch_minor == 1_008


def test_models_stand_side_by_side(world: World) -> None:
    ada = world.contact("ada")
    click(world, ada, "A", 30)
    click(world, ada, "B", 10)
    world.deal([ada], 1_000)
    assert report(world, campaign="A").credited_by_model == {
        "first": 1_000, "last": 0, "linear": 500, "position": 500, "time_decay": 121}


def test_a_lead_is_new_once(world: World) -> None:
    old = world.contact("old", created_at=day(100), stage="mql")
    world.stage(old, "lead", "mql", day(30))
    again = world.contact("again", created_at=day(90))
    world.stage(again, None, "lead", day(80))
    world.stage(again, "lead", "subscriber", day(40))
    world.stage(again, "subscriber", "lead", day(20))
    fresh = world.contact("fresh", created_at=day(70), stage="mql")
    world.stage(fresh, "subscriber", "lead", day(30))
    world.stage(fresh, "lead", "mql", day(20))
    world.contact("came", created_at=day(10), stage="Lead")
    world.contact("ghost", created_at=day(10), stage="lead", anonymous=1)
    world.contact("trial", created_at=day(10), stage="lead", is_test=1)
    found = report(world)
    assert (found.new_leads, found.new_mqls) == (2, 2)


def test_a_campaign_counts_the_leads_it_sourced(world: World) -> None:
    ada, bo, cy = (world.contact(name, created_at=day(30)) for name in ("ada", "bo", "cy"))
    for who in (ada, bo, cy):
        world.stage(who, None, "lead", day(10))
    click(world, ada, "Spring", 20)
    click(world, ada, "Autumn", 15)
    click(world, bo, "Autumn", 20)
    click(world, cy, "Spring", 5)
    spend(world, 700, "Spring")
    found = report(world, campaign="Spring")
    assert (found.new_leads, found.cpl_minor) == (1, 700)
    assert report(world).new_leads == 3


def test_customers_are_first_deals_and_stages_without_a_deal(world: World) -> None:
    ada, bo = world.contact("ada"), world.contact("bo")
    world.deal([ada], 1, closed_at=day(40))
    world.deal([ada, bo], 1, closed_at=day(20))
    world.deal([bo], 1, closed_at=day(100))
    both = world.contact("both", stage="customer", created_at=day(30))
    world.deal([both], 1, closed_at=day(25))
    world.contact("shop", stage="customer", created_at=day(30))
    assert report(world).new_customers == 3


def test_platform_cost_reaches_a_campaign_by_messages(world: World) -> None:
    for name, n in (("Spring", 3), ("Autumn", 1)):
        campaign = world.campaign(name)
        for _ in range(n):
            world.message(1, campaign, sent_at=day(40))
    spend(world, 1_000)
    found = report(world, campaign="Spring")
    assert (found.platform_share_minor, found.cost_minor) == (750, 750)
    assert "platform costs are shared by messages sent" in found.notes
    assert report(world).cost_minor == 1_000


def test_platform_cost_without_messages_is_said(world: World) -> None:
    world.campaign("Spring")
    spend(world, 1_000)
    found = report(world, campaign="Spring")
    assert found.cost_minor == 0
    assert found.notes == ["platform costs reach no campaign: nothing was sent in this span"]


def test_unknown_campaign_lists_what_exists(world: World) -> None:
    world.campaign("Spring")
    with pytest.raises(NotFound, match="there are Spring"):
        report(world, campaign="Sprung")


@pytest.mark.parametrize(("model", "error"), [("shapley", NotYet), ("magic", BadInput)])
def test_models_that_are_not_there(model: str, error: type[Exception], world: World) -> None:
    with pytest.raises(error):
        report(world, model=model)


def test_reading_changes_nothing(world: World) -> None:
    spend(world, 5)
    before = world.store.rows("SELECT x.* FROM cost x"), world.store.one("SELECT COUNT(*) FROM audit")
    report(world, until=NOW + DAY)
    assert before == (world.store.rows("SELECT x.* FROM cost x"), world.store.one("SELECT COUNT(*) FROM audit"))
