"""Logging in through an identity provider: roles of the workspace hold, strangers and unverified addresses stay outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.access import COMMAND_LINE
from engine.people import contacts
from engine.schema import open_store
from engine.service import users
from tests.conftest import NOW

from .conftest import ROOT, Serve, free_port, idle
from .identity import CLIENT, SECRET, provider

pytestmark = pytest.mark.browser
PEOPLE = {"Sal": {"email": "Sal@x.example", "email_verified": True, "name": "Sal"},
          "Ann": {"email": "ann@x.example", "email_verified": True, "name": "Ann"},
          "Stranger": {"email": "stranger@x.example", "email_verified": True},
          "Impostor": {"email": "ann@x.example", "email_verified": False}}
SECRETS = """[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "a long random text for tests only"
client_id = "{client}"
client_secret = "{secret}"
server_metadata_url = "{issuer}/.well-known/openid-configuration"
"""


@pytest.fixture(scope="module")
def app(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app as a team runs it: no local administrator, an identity provider in its secrets; Ann and Sal have roles."""
    folder, port = Path(tmp_path_factory.mktemp("login")), free_port()
    url = f"sqlite:///{folder / 'w.db'}"
    store = open_store(url, create=True)
    with store.transaction():
        contacts.upsert_many(store, [{"email": "ada@x.example", "first_name": "Ada", "stage": "lead"}], now=NOW, source="test")
    users.save_user(store, "sal@x.example", "sales", by=COMMAND_LINE, now=NOW)
    users.save_user(store, "ann@x.example", "admin", name="Ann", by=COMMAND_LINE, now=NOW)
    store.close()
    with provider(PEOPLE) as issuer:
        secrets = folder / "secrets.toml"
        secrets.write_text(SECRETS.format(port=port, client=CLIENT, secret=SECRET, issuer=issuer))
        yield serve(ROOT / "app.py", port=port, env={"DATABASE_URL": url, "THROUGHLINE_LOCAL_ADMIN": "",
                                                     "STREAMLIT_SECRETS_FILES": str(secrets)})


def log_in(page: Page, app: str, who: str, to: str = "contacts?contact=1") -> None:
    page.goto(f"{app}/{to}")
    expect(page.get_by_text("Log in to see this workspace").first).to_be_visible()
    expect(page.get_by_text("Ada")).to_have_count(0)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name=who, exact=True).click()
    expect(page.get_by_test_id("stApp")).to_be_visible()


def test_sales_sees_leads_and_nothing_of_the_settings(page: Page, app: str) -> None:
    log_in(page, app, "Sal", to="")
    expect(page.get_by_role("heading", name="Leads", level=1)).to_be_visible()
    idle(page)
    links = page.get_by_test_id("stSidebarNav").get_by_role("link")
    expect(links.filter(has_text="Contacts")).to_have_count(1)
    expect(links.filter(has_text="Settings").or_(links.filter(has_text="Journeys"))).to_have_count(0)
    page.goto(f"{app}/settings?view=keys")
    expect(page.get_by_role("heading", name="Settings", level=1)).to_have_count(0)
    page.goto(f"{app}/contacts?contact=1")
    expect(page.get_by_text("Ada").first).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("Log in to see this workspace").first).to_be_visible()
    page.goto(f"{app}/contacts?contact=1")
    expect(page.get_by_text("Log in to see this workspace").first).to_be_visible()


def test_a_login_leads_on_to_the_address_one_came_for(page: Page, app: str) -> None:
    log_in(page, app, "Sal")
    expect(page.get_by_text("ada@x.example").first).to_be_visible()
    expect(page).to_have_url(f"{app}/contacts?contact=1")


def test_an_administrator_gets_to_the_settings(page: Page, app: str) -> None:
    log_in(page, app, "Ann", to="")
    expect(page.get_by_role("heading", name="Home", level=1)).to_be_visible()
    expect(page.get_by_text("You are Ann.").first).to_be_visible()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Settings").click()
    page.get_by_text("Users and roles").click()
    expect(page.get_by_role("button", name="Add or change")).to_be_enabled()


@pytest.mark.parametrize(("who", "said"), [("Stranger", "stranger@x.example has no role in this workspace"),
                                           ("Impostor", "This login has no verified address")])
def test_whoever_has_no_role_or_no_proof_stays_outside(page: Page, app: str, who: str, said: str) -> None:
    log_in(page, app, who)
    expect(page.get_by_text(said).first).to_be_visible()
    page.goto(f"{app}/contacts?contact=1")
    expect(page.get_by_text(said).first).to_be_visible()
    expect(page.get_by_text("Ada")).to_have_count(0)
