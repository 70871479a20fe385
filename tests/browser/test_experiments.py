"""The window of an A/B test, moved by hand in the served app."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Locator, Page, expect

from engine.clock import DAY
from engine.clock import now as clock_now
from engine.schema import open_store
from tests.journeys.worlds import add_contacts, journey, publish, record, runner, tick

from .conftest import ROOT, Serve, idle

pytestmark = pytest.mark.browser
SPLIT = {"id": "ab", "type": "split", "arms": {"a": 1, "b": 1}, "salt": "s", "next": "end"}


@pytest.fixture(scope="module")
def address(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The app over a workspace in which forty people passed a split 30 days ago, and twenty more 20 days ago."""
    url = f"sqlite:///{Path(tmp_path_factory.mktemp('workspace')) / 'tests.db'}"
    store, began = open_store(url, create=True), clock_now() - 30 * DAY
    add_contacts(store, 60)
    goal = {"rule": {"event": "purchase"}, "within": "14d"}
    publish(store, journey(SPLIT, {"id": "end", "type": "exit"}, goal=goal), now=began)
    for contact in range(1, 41):
        record(store, contact, "signup", began)
    tick(runner(store), began)
    for contact in range(1, 41, 2):
        record(store, contact, "purchase", began + 9 * DAY)
    for contact in range(41, 61):
        record(store, contact, "signup", began + 10 * DAY)
    tick(runner(store), began + 10 * DAY)
    store.close()
    return serve(ROOT / "app.py", env={"DATABASE_URL": url, "THROUGHLINE_LOCAL_ADMIN": "1"})


def test_the_window_moves_with_the_address_and_back_again(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    page.get_by_role("link", name="A/B tests").click()
    verdict = page.locator(".st-key-verdict")
    expect(verdict).to_contain_text("No difference between b and a is shown")
    expect(verdict).not_to_contain_text("Exploratory")
    everybody = interval(verdict)
    move(page, "First exposed until", date.today() - timedelta(days=25))
    expect(verdict).to_contain_text("Exploratory")
    expect(verdict).not_to_contain_text(everybody)
    assert interval(verdict) != everybody and "until" in parse_qs(urlparse(page.url).query)
    page.get_by_role("button", name="Back to the declared window").click()
    expect(verdict).to_contain_text(everybody)
    within = page.get_by_role("textbox", name="Time to convert")
    within.fill("7d")
    within.press("Enter")
    expect(verdict).to_contain_text("Exploratory")
    expect(verdict).to_contain_text("nobody in either arm succeeded")
    assert parse_qs(urlparse(page.url).query)["within"] == ["7d"]
    page.reload()
    expect(verdict).to_contain_text("Exploratory")
    idle(page)
    page.get_by_role("button", name="Back to the declared window").click()
    expect(verdict).not_to_contain_text("Exploratory")
    expect(page.get_by_role("textbox", name="Time to convert")).to_have_value("2w")


def interval(verdict: Locator) -> str:
    """The interval of the difference, as the verdict says it."""
    found = re.search(r"interval .*? points", verdict.inner_text())
    assert found, verdict.inner_text()
    return found.group()


def move(page: Page, label: str, day: date) -> None:
    """Type another day into a date of the window."""
    for part in ("year", "month", "day"):
        field = page.get_by_role("spinbutton", name=f"{part}, {label}")
        field.click()
        field.press_sequentially(f"{getattr(day, part):02d}")
    page.get_by_role("heading", level=1).click()  # a date holds when one leaves it
