"""Campaigns: the list, one with its money and journeys, and its facts."""

from __future__ import annotations

import pytest

from engine.access import COMMAND_LINE
from engine.errors import BadInput
from engine.journeys import versions
from engine.measure import costs
from engine.outreach import campaigns
from engine.store import Store
from tests.conftest import NOW

from .running import open_page, well, words

JOURNEY = """name: Welcome
campaign: Spring
goal: {rule: {event: purchase}}
entry: {trigger: {manual: true}}
nodes:
- {id: done, type: exit}
"""


@pytest.fixture
def spring(workspace: Store, cast: dict[str, int]) -> Store:
    campaigns.save(workspace, "Spring", owner="Ann", goal="100 demos", budget_minor=500_000, currency="usd",
                   starts_at=NOW, ends_at=NOW + 86_400, by=COMMAND_LINE, now=NOW)
    versions.publish(workspace, JOURNEY, by=COMMAND_LINE, now=NOW)
    return workspace


def test_nothing_yet_says_what_to_do(workspace: Store) -> None:
    assert "No campaigns yet" in words(well(open_page("campaigns")))


def test_a_campaign_shows_its_facts_its_journeys_and_why_there_is_no_roi(spring: Store) -> None:
    assert "100 demos" in words(well(open_page("campaigns")))
    at = well(open_page("campaigns", campaign="Spring"))
    assert "Owner: Ann" in words(at).replace("\\", "") and "1 journey" in words(at)
    assert {one.label: one.value for one in at.metric} == {
        "Budget": "5,000 USD", "Cost so far": "0", "Credited, linear": "0", "ROI": "undefined"}


def test_costs_count_for_the_campaign(spring: Store) -> None:
    spent = costs.Cost(120_000, "USD", NOW, NOW + 86_400, campaign="spring")
    costs.record(spring, [spent], by=COMMAND_LINE, now=NOW)
    at = well(open_page("campaigns", campaign="Spring"))
    shown = {one.label: one.value for one in at.metric}
    assert (shown["Cost so far"], shown["ROI"]) == ("1,200 USD", "-100 %")


def test_facts_that_can_not_be_are_refused(workspace: Store) -> None:
    with pytest.raises(BadInput, match="must end after"):
        campaigns.save(workspace, "Spring", starts_at=NOW, ends_at=NOW, by=COMMAND_LINE, now=NOW)
    with pytest.raises(BadInput, match="in a currency"):
        campaigns.save(workspace, "Spring", budget_minor=5, by=COMMAND_LINE, now=NOW)
    assert campaigns.list_campaigns(workspace) == []


def test_an_unknown_campaign_is_one_sentence(workspace: Store) -> None:
    at = open_page("campaigns", campaign="Nothing")
    assert not at.exception and "there is none" in at.error[0].value
