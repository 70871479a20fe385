"""The shell in a real browser: deep links on a fresh server, Back, search, roles at the door, both below a base path."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.access import COMMAND_LINE
from engine.audience import segments
from engine.config import load as load_config
from engine.content import templates
from engine.journeys import documents, drafts
from engine.outreach import campaigns, proofs
from engine.people import contacts
from engine.schema import open_store
from tests.conftest import NOW

from .conftest import ROOT, Serve, idle

APP = ROOT / "app.py"
SCRIPT = "<script>window.ran = true</script><img src=x onerror='window.ran = true'>"
EVIL = "<img src=x onerror='window.ran=1'><b>"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A workspace with Ada, and a script for the name of a person, segment, journey, campaign, template and in its mail."""
    made = f"sqlite:///{tmp_path_factory.mktemp('shell') / 'w.db'}"
    store = open_store(made, create=True)
    with store.transaction():
        contacts.upsert_many(store, [
            {"email": "ada@x.example", "first_name": "Ada", "last_name": "Lovelace", "stage": "lead"},
            {"email": "evil@x.example", "first_name": SCRIPT, "last_name": "**bold** [link](javascript:alert(1))"}],
            now=NOW, source="test")
    for name in ("Leads", EVIL):
        segments.save(store, name, {"stage": ["lead"]}, by=COMMAND_LINE, now=NOW)
    drafts.save_draft(store, EVIL, documents.dump({
        "name": EVIL, "entry": {"trigger": {"segment": EVIL}}, "nodes": [
            {"id": EVIL, "type": "send", "template": EVIL, "note": EVIL, "next": "end"}, {"id": "end", "type": "exit"}]}),
        rev=0, by=COMMAND_LINE, now=NOW)
    templates.save(store, EVIL, subject=SCRIPT, html=f"<p>{SCRIPT}</p><a href='https://x.example'>{{{{ contact.first_name }}}}"
                   "</a><form action='javascript:window.ran=true'><input autofocus onfocus='window.ran=true'></form>",
                   by=COMMAND_LINE, now=NOW)
    campaigns.save(store, EVIL, goal=SCRIPT, owner=SCRIPT, by=COMMAND_LINE, now=NOW)
    proofs.capture(store, load_config(made), EVIL, "evil@x.example", by=COMMAND_LINE, now=NOW)
    store.close()
    return made


def start(serve: Serve, url: str, **more: str) -> str:
    return serve(APP, env={"DATABASE_URL": url, "THROUGHLINE_LOCAL_ADMIN": "1"}, **more)


@pytest.fixture(scope="module")
def app(serve: Serve, url: str) -> str:
    return start(serve, url)


def title(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", name=text, exact=True, level=1)).to_be_visible()
    idle(page)


@pytest.mark.parametrize(("path", "heading", "said"), [
    ("segments?segment=Leads", "Segments", "is at the stage lead"), ("", "Home", "Live journeys")])
def test_a_deep_link_on_a_fresh_server_lands_on_its_page(page: Page, serve: Serve, url: str, path: str, heading: str,
                                                         said: str) -> None:
    page.goto(f"{start(serve, url)}/{path}")
    title(page, heading)
    expect(page.get_by_text(said).first).to_be_visible()
    expect(page.get_by_test_id("stSidebarNav").get_by_role("link", name="Settings")).to_be_visible()
    expect(page.get_by_text("Page not found")).to_have_count(0)


def test_a_deep_link_does_not_pass_the_door(page: Page, serve: Serve, url: str) -> None:
    at = serve(APP, env={"DATABASE_URL": url, "THROUGHLINE_LOCAL_ADMIN": ""})
    page.goto(f"{at}/contacts?contact=1")
    expect(page.get_by_text("Nobody can log in yet").first).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("Ada Lovelace")).to_have_count(0)


def test_it_runs_below_a_base_path(page: Page, serve: Serve, url: str) -> None:
    page.goto(f"{start(serve, url, base_path='tools/marketing')}/contacts?contact=1")
    title(page, "Contacts")
    page.get_by_role("link", name="All contacts").click()
    expect(page.get_by_text("2 people").first).to_be_visible()
    assert "/tools/marketing/contacts" in page.url


def test_search_leads_to_people_and_things(page: Page, app: str) -> None:
    page.goto(f"{app}/home")
    title(page, "Home")
    expect(page.get_by_text("Fast-forward")).to_have_count(0)  # this is no demo
    page.goto(f"{app}/settings")
    title(page, "Settings")
    page.get_by_role("searchbox", name="Search", exact=True).press_sequentially("love")
    page.get_by_role("link", name="Ada Lovelace").click()
    title(page, "Contacts")
    assert "contact=1" in page.url
    page.get_by_role("searchbox", name="Search", exact=True).press_sequentially("leads")
    page.get_by_test_id("stMain").get_by_role("link", name="Leads").click()
    title(page, "Segments")


def test_back_goes_where_one_came_from(page: Page, app: str) -> None:
    page.goto(f"{app}/segments")
    title(page, "Segments")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Contacts").click()
    title(page, "Contacts")
    page.get_by_test_id("stMain").get_by_text("Accounts", exact=True).click()
    expect(page.get_by_text("0 companies").first).to_be_visible()
    assert "view=accounts" in page.url
    page.go_back()
    expect(page.get_by_text("2 people").first).to_be_visible()
    page.go_back()
    title(page, "Segments")


def test_no_script_of_anybodys_data_runs(page: Page, app: str) -> None:
    ran: list[str] = []
    page.on("dialog", lambda dialog: ran.append(dialog.message))
    for path, shows in (
            ("contacts", "2 people"), ("contacts?contact=2", "evil@x.example"), ("contacts?contact=2&show=facts", "Save"),
            ("segments", "2 segments"), (f"segments?segment={EVIL}", "1 person"), (f"segments?edit={EVIL}", "1 person"),
            (f"contacts?q={SCRIPT}", "1 person"), ("activity?view=audit", "Audit log"), ("journeys", EVIL),
            (f"journeys?journey={EVIL}", "Click a step"), (f"journeys?journey={EVIL}&tab=words", EVIL),
            (f"journeys?journey={EVIL}&tab=text", "Journey file"), ("campaigns", EVIL), (f"campaigns?campaign={EVIL}", EVIL),
            ("content", EVIL), (f"content?template={EVIL}&contact=evil@x.example", "1 link is tracked"),
            (f"content?template={EVIL}&view=remarks", EVIL), ("activity?view=messages", "1 sent"),
            ("activity?view=messages&message=1", "Tracked links")):
        page.goto(f"{app}/{path}")
        expect(page.get_by_test_id("stMain").get_by_text(shows).first).to_be_attached()
        idle(page)
        for frame in page.frames:  # the page, and the frames that show a mail
            assert frame.evaluate("window.ran") is None, (path, frame.url)
        assert page.locator("a[href^='javascript']").count() == 0
        assert page.locator("img[src='x']").count() == 0, path
    assert not ran
    page.goto(f"{app}/contacts")
    title(page, "Contacts")
    page.get_by_role("searchbox", name="Search", exact=True).press_sequentially("evil")
    expect(page.get_by_test_id("stMain").get_by_role("link", name="onerror")).to_be_visible()
    assert page.evaluate("window.ran") is None


def test_light_and_dark_are_both_served(page: Page, app: str, tmp_path: Path) -> None:
    seen = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(f"{app}/contacts")
        title(page, "Contacts")
        seen.add(page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"))
    assert len(seen) == 2
