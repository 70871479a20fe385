"""Contacts by mouse and keyboard: the import wizard with a row in error, somebody added by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.people import consent, contacts
from engine.schema import open_store
from engine.store import Store

from .conftest import ROOT, Serve, settled

pytestmark = pytest.mark.browser
HEADER = "E-Mail,First Name,<img src=x onerror='window.ran=1'>,Company"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = f"sqlite:///{tmp_path_factory.mktemp('contacts') / 'w.db'}"
    open_store(made, create=True).close()
    return made


@pytest.fixture
def store(url: str):
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def app(serve: Serve, url: str) -> str:
    return serve(ROOT / "app.py", env={"DATABASE_URL": url, "THROUGHLINE_LOCAL_ADMIN": "1"})


def test_a_file_goes_through_the_wizard(page: Page, app: str, store: Store, tmp_path: Path) -> None:
    file = tmp_path / "fair <b>.csv"
    rows = [f"p{n}@fair.example,Pia {n},{n},Acme" for n in range(30)]
    file.write_text("\n".join([HEADER, *rows[:10], "not an address,Bad,1,Acme", *rows[10:]]) + "\n")
    page.goto(f"{app}/contacts")
    page.get_by_role("button", name="Import contacts").click()
    page.get_by_test_id("stFileUploaderDropzone").locator("input").set_input_files(str(file))
    expect(page.get_by_text("31 rows, 4 columns").first).to_be_visible()
    assert page.evaluate("window.ran") is None, "a header is text"
    page.get_by_text("All of them agreed").click()
    page.get_by_label("Where and how they agreed").fill("at the fair")
    page.get_by_label("Where and how they agreed").press("Enter")
    settled(page)
    page.get_by_role("button", name="Rehearse").click()
    expect(page.get_by_text("1 row can not be taken").first).to_be_visible()
    assert store.one("SELECT COUNT(*) FROM contact") == 0
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the errors").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 2 and lines[1].startswith("12,E-Mail,")
    page.get_by_role("button", name="Import 30 rows").click()
    expect(page.get_by_text("Imported: 30 created").first).to_be_visible()
    found = contacts.get(store, "p7@fair.example")
    assert found.account == "Acme" and consent.state(store, found.id, "email") == "subscribed"
    page.get_by_role("link", name="See the people").click()
    expect(page.get_by_text("30 people", exact=True).first).to_be_visible()
    assert page.evaluate("window.ran") is None


def test_somebody_is_added_by_hand_with_the_keyboard(page: Page, app: str, store: Store) -> None:
    page.goto(f"{app}/contacts")
    expect(page.get_by_text("30 people", exact=True).first).to_be_visible()
    page.get_by_role("button", name="Add somebody").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("E-mail", exact=True).fill("di@x.example")
    page.keyboard.press("Tab")
    page.keyboard.type("Di")
    dialog.get_by_text("Has agreed").click()
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog.get_by_text("proof that you may write").first).to_be_visible()
    assert contacts.find(store, "di@x.example") is None
    settled(page)
    dialog.get_by_label("Where and how they agreed").fill("on the phone")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("subscribed: email (on the phone)").first).to_be_visible()
    assert contacts.get(store, "di@x.example").first_name == "Di"
