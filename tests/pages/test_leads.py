"""Leads: the queue by score, stages with counts, the newest points."""

from __future__ import annotations

from engine import clock
from engine.access import COMMAND_LINE
from engine.audience import routing, scoring
from engine.audience.routing import Rep
from engine.clock import HOUR
from engine.people import contacts
from engine.store import Store
from tests.conftest import NOW

from .running import open_page, well, words


def give_points(store: Store, contact_id: int, points: int) -> None:
    with store.transaction():
        store.run("UPDATE contact SET engagement_score = :points WHERE id = :id", points=points, id=contact_id)
        store.run("INSERT INTO score_entry (contact_id, grp, points, reason, at) VALUES (:id, 'engagement', :points, "
                  "'clicked', 1)", points=points, id=contact_id)


def test_the_hottest_come_first(workspace: Store, cast: dict[str, int]) -> None:
    assert "Nobody has a score here yet" in words(well(open_page("leads", view="hot")))
    give_points(workspace, cast["ada"], 5)
    give_points(workspace, cast["bo"], 12)
    assert list(well(open_page("leads", view="hot")).dataframe[0].value["name"]) == ["Bo", "Ada Lovelace"]
    assert list(well(open_page("leads", view="hot", stage="lead")).dataframe[0].value["name"]) == ["Ada Lovelace"]


def test_stages_and_points(workspace: Store, cast: dict[str, int]) -> None:
    give_points(workspace, cast["bo"], 12)
    stages = well(open_page("leads", view="stages")).dataframe[0].value.set_index("stage")["people"]
    assert stages["lead"] == 1 and stages["customer"] == 0
    assert list(well(open_page("leads", view="scoring")).dataframe[0].value["reason"]) == ["clicked"]


def test_a_rep_opens_a_lead_accepts_it_and_the_report_says_so(workspace: Store, cast: dict[str, int]) -> None:
    assert "Nobody takes leads yet" in words(well(open_page("leads")))
    routing.save_rep(workspace, Rep("rita@x.example", "Rita"), by=COMMAND_LINE, now=NOW)
    routing.hand_over(workspace, cast["ada"], "asked for a demo", by=COMMAND_LINE, now=clock.now())
    page = well(open_page("leads"))
    assert list(page.dataframe[0].value["name"]) == ["Ada Lovelace"]
    page = well(open_page("leads", lead=1))
    assert "asked for a demo" in words(page) and "owner" not in words(page)
    well(next(button for button in page.button if button.label == "Calling today").click().run())
    assert workspace.one("SELECT held_until FROM contact WHERE id = :id", id=cast["ada"]) > clock.now() + 20 * HOUR
    page = well(open_page("leads", lead=1))
    well(next(button for button in page.button if button.label == "Accept").click().run())
    assert contacts.get(workspace, cast["ada"]).stage == "sal"
    assert "Leads in 30 days" in [metric.label for metric in well(open_page("leads", view="acceptance")).metric]


def test_routing_can_be_tested_on_somebody(workspace: Store, cast: dict[str, int]) -> None:
    assert "Nobody takes leads yet" in words(well(open_page("leads", view="routing")))
    routing.save_rep(workspace, Rep("rita@x.example", "Rita", capacity=0), by=COMMAND_LINE, now=NOW)
    routing.save_rep(workspace, Rep("sam@x.example", "Sam"), by=COMMAND_LINE, now=NOW)
    page = well(open_page("leads", view="routing"))
    page = well(page.text_input(key="route-test").set_value("ada@x.example").run())
    assert "To **Sam**" in words(page) and "is full with 0 of 0" in words(page)
    assert cast["ada"] and workspace.one("SELECT COUNT(*) FROM task") == 0


def test_score_rules_are_seen_with_their_points(workspace: Store, cast: dict[str, int]) -> None:
    scoring.save_rule(workspace, "Jobs page", {"event": "page_view", "points": -5, "max_per_day": 1}, by=COMMAND_LINE, now=NOW)
    page = well(open_page("leads", view="scoring"))
    assert "Jobs page" in words(page) and "1× a day at most" in words(page)
    page = well(next(button for button in page.button if button.label == "Change").click().run())
    assert cast and "No more points from it" in [button.label for button in page.button]
    assert "Jobs page" in [box.value for box in page.text_input]
