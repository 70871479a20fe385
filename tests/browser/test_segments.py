"""The rule editor by mouse and keyboard: a rule of four conditions in two groups, its count and its sentence."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from engine.access import COMMAND_LINE
from engine.activity import events
from engine.audience import segments
from engine.clock import DAY, now
from engine.people import accounts, contacts
from engine.people.fields import define
from engine.schema import open_store

from .conftest import ROOT, Serve, settled

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Forty people in technology or retail; every fourth has looked at prices twice this week."""
    made = f"sqlite:///{tmp_path_factory.mktemp('segments') / 'w.db'}"
    store = open_store(made, create=True)
    define(store, "industry", "text", by=COMMAND_LINE, now=now())
    with store.transaction():
        acme = accounts.ensure_many(store, ["Acme"], now=now())["Acme"]
        people = contacts.upsert_many(store, [
            {"email": f"p{n}@x.example", "first_name": f"Pia{n}", "industry": "technology" if n % 2 else "retail",
             "account_id": acme, "stage": "mql" if n % 4 == 1 else "lead"} for n in range(40)], now=now(), source="test")
        events.insert_events(store, [
            {"contact_id": people[n].id, "name": "page_view", "object": "/pricing", "occurred_at": now() - at * DAY,
             "received_at": now(), "props": "{}", "dedupe_key": f"{n}-{at}", "source": "test"}
            for n in range(0, 40, 2) for at in (1, 2)] + [
            {"contact_id": people[n].id, "name": "page_view", "object": "/pricing", "occurred_at": now() - at * DAY,
             "received_at": now(), "props": "{}", "dedupe_key": f"x{n}-{at}", "source": "test"}
            for n in range(1, 40, 4) for at in (1, 3)])
    store.close()
    return made


@pytest.fixture(scope="module")
def app(serve: Serve, url: str) -> str:
    return serve(ROOT / "app.py", env={"DATABASE_URL": url, "THROUGHLINE_LOCAL_ADMIN": "1"})


def choose(page: Page, box: Locator, option: str) -> None:
    settled(page)
    box.click()
    page.get_by_role("option", name=option, exact=True).first.click()
    settled(page)


def outcome(page: Page) -> Locator:
    return page.locator(".st-key-rule-outcome")


def test_a_rule_is_built_by_mouse_and_read_as_a_sentence(page: Page, app: str, url: str) -> None:
    page.goto(f"{app}/segments")
    page.get_by_role("button", name="New segment").click()
    add = page.get_by_label("Condition", exact=True)
    choose(page, add.first, "Facts · Field")
    row = page.locator("[class*=st-key-row-]")
    choose(page, row.nth(0).get_by_label("Field", exact=True), "industry")
    choose(page, row.nth(0).get_by_label("Comparison", exact=True), "is")
    row.nth(0).get_by_label("a value").press_sequentially("technology")
    expect(outcome(page)).to_contain_text("20 people (50.0% of 40)")
    choose(page, add.first, "Behavior · Did something")
    choose(page, row.nth(1).get_by_label("Where", exact=True), "object")
    choose(page, row.nth(1).get_by_label("a value"), "/pricing")
    row.nth(1).get_by_label("times", exact=True).fill("2")
    row.nth(1).get_by_label("times", exact=True).press("Tab")
    row.nth(1).get_by_label("In the last", exact=True).fill("7")
    row.nth(1).get_by_label("In the last", exact=True).press("Tab")
    expect(outcome(page)).to_contain_text("10 people (25.0% of 40)")
    page.get_by_role("button", name="Group").first.click()
    expect(add).to_have_count(2)
    choose(page, add.first, "Facts · Tag")
    row.nth(2).get_by_label("tag").press_sequentially("vip")
    choose(page, add.first, "Facts · Lifecycle stage")
    choose(page, row.nth(3).get_by_label("Stages", exact=True), "mql")
    page.keyboard.press("Escape")
    expect(outcome(page)).to_contain_text(
        'industry is "technology" and did page_view where object is "/pricing" at least 2 times in the last 7 days '
        'and (has the tag "vip" or is at the stage mql)')
    expect(outcome(page)).to_contain_text("10 people")
    page.get_by_label("Name", exact=True).fill("Warm technology")
    page.get_by_label("Name", exact=True).press("Tab")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Warm technology")).to_be_visible()
    store = open_store(url)
    assert segments.get(store, "Warm technology").members == 10
    store.close()


def test_what_was_saved_opens_again_and_json_takes_over(page: Page, app: str, url: str) -> None:
    store = open_store(url)
    rule = {"all": [{"field": "industry", "op": "is", "value": "technology"},
                    {"any": [{"tag": "vip"}, {"stage": ["mql"]}]}]}
    segments.save(store, "Saved", rule, by=COMMAND_LINE, now=now())
    page.goto(f"{app}/segments?edit=Saved")
    expect(outcome(page)).to_contain_text('industry is "technology" and (has the tag "vip" or is at the stage mql)')
    expect(outcome(page)).to_contain_text("10 people")
    page.get_by_role("button", name="As JSON").click()
    page.get_by_label("The rule").fill('{"stage": ["lead"]}')
    page.get_by_role("button", name="Take over").click()
    expect(outcome(page)).to_contain_text("30 people")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Saved", exact=True)).to_be_visible()
    assert segments.get(store, "Saved").members == 30
    store.close()
