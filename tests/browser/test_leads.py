"""The desk of a rep by mouse: accept, give back with a reason, put aside, log a call; and the mail that told of the lead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from engine import clock
from engine.access import COMMAND_LINE
from engine.audience import routing
from engine.audience.routing import Rep
from engine.clock import DAY
from engine.config import Config
from engine.loop.tick import tick
from engine.people import contacts
from engine.schema import open_store
from engine.store import Store

from .conftest import ROOT, Serve, settled

pytestmark = pytest.mark.browser
NAMES = ("Ada", "Bo", "Cy")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = f"sqlite:///{tmp_path_factory.mktemp('leads') / 'w.db'}"
    with closing(open_store(made, create=True)) as store:
        now = clock.now()
        routing.save_rep(store, Rep("rita@sales.example", "Rita"), by=COMMAND_LINE, now=now)
        for name in NAMES:
            who = contacts.save(store, {"email": f"{name.lower()}@x.example", "first_name": name, "stage": "mql"},
                                by=COMMAND_LINE, now=now, source="form").id
            routing.hand_over(store, who, "asked for a demo", by=COMMAND_LINE, now=now)
        tick(store, Config(secret=b"s" * 40), now=now)
    return made


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def app(serve: Serve, url: str) -> str:
    return serve(ROOT / "app.py", env={"DATABASE_URL": url, "THROUGHLINE_LOCAL_ADMIN": "1"})


def opened(page: Page, app: str, store: Store, name: str) -> int:
    """The lead of somebody, open beside the queue; its number."""
    lead = int(store.one("SELECT t.id FROM task t JOIN contact c ON c.id = t.contact_id WHERE c.first_name = :name", name=name))
    page.goto(f"{app}/leads?lead={lead}")
    expect(page.get_by_role("heading", name=name).first).to_be_visible()
    expect(page.get_by_text("asked for a demo;").first).to_be_visible()
    settled(page)
    return lead


def test_a_call_is_logged_and_the_lead_accepted(page: Page, app: str, store: Store) -> None:
    lead = opened(page, app, store, "Ada")
    page.get_by_role("button", name="Log a call").click()
    page.get_by_label("What was said").fill("wants a quote")
    page.get_by_label("What was said").press("Tab")
    settled(page)
    page.get_by_role("button", name="Save the call").click()
    expect(page.get_by_text("Noted.").first).to_be_visible()
    assert store.rows("SELECT e.object, JSON_TEXT(e.props, :key) FROM event e WHERE e.name = 'call_logged'", key="note") == [
        ("reached", "wants a quote")]
    opened(page, app, store, "Ada")
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_text("Accepted: the contact is sales-accepted.").first).to_be_visible()
    assert store.row("SELECT t.status, c.stage FROM task t JOIN contact c ON c.id = t.contact_id WHERE t.id = :id",
                     id=lead) == ("accepted", "sal")
    expect(page.get_by_text("1 accepted lead").first).to_be_visible()


def test_a_lead_is_given_back_with_a_reason(page: Page, app: str, store: Store) -> None:
    lead = opened(page, app, store, "Bo")
    page.get_by_role("button", name="Reject").click()
    page.get_by_role("combobox", name="Reason").click()
    page.get_by_role("option", name="No budget").click()
    settled(page)
    page.get_by_role("button", name="Give it back").click()
    expect(page.get_by_text("Given back to marketing.").first).to_be_visible()
    assert store.row("SELECT t.status, t.reason, c.stage FROM task t JOIN contact c ON c.id = t.contact_id WHERE t.id = :id",
                     id=lead) == ("rejected", "no_budget", "lead")


def test_a_lead_is_put_aside_and_the_notices_are_read_in_the_app(page: Page, app: str, store: Store) -> None:
    lead = opened(page, app, store, "Cy")
    page.get_by_role("button", name="Snooze").click()
    page.get_by_role("button", name="1 day").click()
    expect(page.get_by_text("Back 20").first).to_be_visible()
    until = store.one("SELECT t.snoozed_until FROM task t WHERE t.id = :id", id=lead)
    assert until is not None and abs(until - clock.now() - DAY) < 600
    page.goto(f"{app}/leads")
    page.get_by_text("3 notices to the rep").first.click()
    expect(page.get_by_text("New lead: Cy").first).to_be_visible()
    expect(page.get_by_text("shown here only").first).to_be_visible()
