"""The micro-segment of the scenarios, built in the rule editor: its sentence, its count, and that the watch keeps it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.access import COMMAND_LINE
from engine.activity import events
from engine.audience import segments
from engine.clock import DAY, now
from engine.people import accounts, contacts
from engine.schema import open_store
from engine.store import Store

from .conftest import ROOT, Serve, settled
from .test_segments import choose, outcome

pytestmark = pytest.mark.browser
COMPANIES = {"Small Tech": ("technology", 120), "Big Tech": ("technology", 900), "Small Shop": ("retail", 80)}
# What a person writes who knows the tables: nothing of it comes from the rule language.
BY_HAND = """SELECT COUNT(*) FROM contact c JOIN account a ON a.id = c.account_id
    WHERE lower(a.industry) = 'technology' AND a.employees >= 50 AND a.employees <= 200
      AND 2 <= (SELECT COUNT(*) FROM event e WHERE e.contact_id = c.id AND e.name = 'page_view' AND e.object = '/pricing'
                AND e.occurred_at > :now - 604800 AND e.occurred_at <= :now)
      AND 3 = (SELECT COUNT(*) FROM (SELECT s.message_id AS id FROM event s WHERE s.contact_id = c.id AND s.name = 'email_sent'
                ORDER BY s.occurred_at DESC LIMIT 3) m WHERE EXISTS (SELECT 1 FROM event o WHERE o.message_id = m.id
                AND o.name = 'email_opened' AND o.verdict = 'human'))
      AND c.id NOT IN (SELECT e.contact_id FROM event e WHERE e.name = 'demo_booked')"""


def happened(who: int, name: str, ago: int, thing: str | None = None, **more: object) -> dict[str, object]:
    at = now() - ago
    return {"contact_id": who, "name": name, "object": thing, "occurred_at": at, "received_at": at, "props": "{}",
            "dedupe_key": f"{who}-{name}-{ago}", "source": "test"} | more


def fill(store: Store) -> None:
    """Thirty people in three companies. Every second one looked at prices twice; of four mails some opened the last three."""
    with store.transaction():
        ids = accounts.ensure_many(store, list(COMPANIES), now=now())
        accounts.save_facts(store, [{"id": ids[name], "domain": None, "industry": industry, "employees": size}
                                    for name, (industry, size) in COMPANIES.items()], now=now())
        people = contacts.upsert_many(store, [
            {"email": f"p{n}@x.example", "first_name": f"Pia{n}", "account_id": list(ids.values())[n % 3]} for n in range(30)],
            now=now(), source="test")
        rows = []
        for n, person in enumerate(people):
            rows += [happened(person.id, "page_view", at * DAY, "/pricing") for at in ((1, 2) if n % 2 == 0 else (1, 9))]
            for mail in range(4):
                letter, ago = person.id * 10 + mail, (40 - mail) * 3_600
                rows.append(happened(person.id, "email_sent", ago, f"mail {mail}", message_id=letter))
                if mail > 0 and not (n % 5 == 0 and mail == 2):
                    rows.append(happened(person.id, "email_opened", ago - 60, message_id=letter,
                                         verdict="machine" if n % 7 == 0 and mail == 3 else "human"))
            rows += [happened(person.id, "demo_booked", 600)] if n == 12 else []
        events.insert_events(store, rows)


def picture(page: Page, name: str) -> None:
    """For whoever wants to look: PICTURES names a folder."""
    if folder := os.environ.get("PICTURES"):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            settled(page)
            page.screenshot(path=Path(folder) / f"{name}-{scheme}.png", full_page=True)
        page.emulate_media(color_scheme="light")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = f"sqlite:///{tmp_path_factory.mktemp('micro') / 'w.db'}"
    store = open_store(made, create=True)
    fill(store)
    store.close()
    return made


@pytest.fixture(scope="module")
def app(serve: Serve, url: str) -> str:
    return serve(ROOT / "app.py", env={"DATABASE_URL": url, "THROUGHLINE_LOCAL_ADMIN": "1"})


def test_the_micro_segment_is_built_by_mouse_and_keyboard(page: Page, app: str, url: str) -> None:
    page.goto(f"{app}/segments")
    page.get_by_role("button", name="New segment").click()
    add, row = page.get_by_label("Condition", exact=True), page.locator("[class*=st-key-row-]")
    choose(page, add.first, "Facts · Company")
    choose(page, row.nth(0).get_by_label("Comparison", exact=True), "is")
    row.nth(0).get_by_label("a value").press_sequentially("technology")
    choose(page, add.first, "Facts · Company")
    choose(page, row.nth(1).get_by_label("Field", exact=True), "employees")
    choose(page, row.nth(1).get_by_label("Comparison", exact=True), "is between")
    for place, size in enumerate(("50", "200")):
        row.nth(1).get_by_label("a number").nth(place).fill(size)
        row.nth(1).get_by_label("a number").nth(place).press("Tab")
        settled(page)
    expect(outcome(page)).to_contain_text("10 people (33.3% of 30)")
    choose(page, add.first, "Behavior · Did something")
    choose(page, row.nth(2).get_by_label("Where", exact=True), "object")
    choose(page, row.nth(2).get_by_label("a value"), "/pricing")
    for label, number in (("times", "2"), ("In the last", "7")):
        row.nth(2).get_by_label(label, exact=True).fill(number)
        row.nth(2).get_by_label(label, exact=True).press("Enter")
        settled(page)
    add.first.click()
    page.keyboard.type("The last few")  # by keyboard alone
    page.keyboard.press("Enter")
    expect(row.nth(3)).to_contain_text("The last few")
    expect(outcome(page)).to_contain_text("opened all of the last 3 emails")
    choose(page, add.first, "Behavior · Did something")
    choose(page, row.nth(4).get_by_label("Event", exact=True), "demo_booked")
    choose(page, row.nth(4).get_by_label("How often", exact=True), "exactly")
    row.nth(4).get_by_label("times", exact=True).fill("0")
    row.nth(4).get_by_label("times", exact=True).press("Tab")
    expect(outcome(page)).to_contain_text(
        'company industry is "technology" and company employees is between 50 and 200 and did page_view where object is '
        '"/pricing" at least 2 times in the last 7 days and opened all of the last 3 emails and did not do demo_booked so far')
    store = open_store(url)
    expected = store.one(BY_HAND, now=now())
    assert 0 < expected < 5
    expect(outcome(page)).to_contain_text(f"{expected} {'person' if expected == 1 else 'people'} (")
    picture(page, "micro-segment")
    page.get_by_label("Name", exact=True).fill("Free consultation")
    page.get_by_label("Name", exact=True).press("Tab")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Free consultation")).to_be_visible()
    expect(page.get_by_text("reviewed today").first).to_be_visible()
    settled(page)
    page.get_by_role("radio", name="Why is somebody in it?").click()
    for who, said in (("p6@x.example", "In the segment"), ("p12@x.example", "Not in the segment"), ("no@x", "no contact")):
        page.get_by_label("Email or external id").fill(who)
        page.get_by_label("Email or external id").press("Enter")
        expect(page.get_by_text(said).first).to_be_visible()
        if who == "p12@x.example":
            expect(page.get_by_text("did not do demo_booked so far (times 1, last").first).to_be_visible()
            picture(page, "why")
    for view, said in (("Overlap", "No other segment has any of its members."), ("Drift", "population stability index"),
                       ("Speed", "Everybody was last asked in")):
        page.get_by_role("radio", name=view, exact=True).click()
        expect(page.get_by_text(said).first).to_be_visible()
    picture(page, "speed")
    assert segments.get(store, "Free consultation").members == expected
    store.close()


def test_a_sequence_is_built_and_opens_again(page: Page, app: str, url: str) -> None:
    page.goto(f"{app}/segments?edit=new")
    add, row = page.get_by_label("Condition", exact=True), page.locator("[class*=st-key-row-]")
    choose(page, add.first, "Behavior · One after another")
    choose(page, row.nth(0).get_by_label("Step 1", exact=True), "email_sent")
    choose(page, row.nth(0).get_by_label("Step 2", exact=True), "email_opened")
    row.nth(0).get_by_role("button", name="Step", exact=True).click()
    choose(page, row.nth(0).get_by_label("Step 3", exact=True), "demo_booked")
    expect(outcome(page)).to_contain_text(
        "did email_sent and then did email_opened and then did demo_booked within 14 days")
    expect(outcome(page)).to_contain_text("1 person (")
    row.nth(0).get_by_role("button", name="close").nth(1).click()
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Paste").click()
    expect(row).to_have_count(2)  # a group of its own inside
    row.nth(1).get_by_role("button", name="close").last.click()
    expect(row).to_have_count(1)
    choose(page, row.nth(0).get_by_label("Without", exact=True), "page_view")
    expect(outcome(page)).to_contain_text(
        "did email_sent and then did demo_booked within 14 days without page_view in between")
    expect(outcome(page)).to_contain_text("0 people")
    store = open_store(url)
    rule = {"not": {"last": 2, "of": "email_sent", "any": "email_clicked"}}
    segments.save(store, "Silent", rule, by=COMMAND_LINE, now=now())
    store.close()
    page.goto(f"{app}/segments?edit=Silent")
    expect(outcome(page)).to_contain_text("not (clicked in at least one of the last 2 emails)")
    expect(outcome(page)).to_contain_text("30 people")
