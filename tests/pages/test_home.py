"""Home, and the shell around every page: navigation by role, the door, the boundary."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit import config

from engine.service import finding, health, users
from engine.store import Store
from pages.widgets import login, state
from pages.widgets.directory import PLACES, landing, visible

from .running import APP, AppTest, open_page, well, words


def test_home_says_what_is_to_be_done(workspace: Store) -> None:
    at = well(open_page("home"))
    assert [one.label for one in at.metric] == ["New contacts", "Mails sent", "Clicked of sent", "Revenue"]
    said = words(at)
    assert "Runner has not run yet" in said and "Import a CSV" in said and "No journey is live yet" in said


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.key)
def test_complaint_23_every_page_opens_on_an_empty_workspace_with_the_runners_heartbeat(workspace: Store, place) -> None:
    """COMPLAINTS 23: that nothing moves is seen wherever somebody looks, not in the log of a cron job."""
    at = well(open_page(place.key))
    assert [one.value for one in at.title] == [place.title]
    assert "Runner has not run yet" in words(at)


def test_the_search_box_finds_people(workspace: Store, cast: dict[str, int]) -> None:
    at = open_page("home")
    at.text_input(key="global-search").input("ada").run()
    assert not at.exception and [one.name for one in finding.search(workspace, "ada")] == ["Ada Lovelace"]
    at.text_input(key="global-search").input("nobody").run()
    assert "Nothing is called that" in words(at)


def test_nobody_is_admin_by_accident(workspace: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    config.set_option("server.address", "0.0.0.0")
    at = AppTest.from_file(str(APP), default_timeout=30).run()
    assert "Nobody can log in yet" in words(at) and not at.metric, "an open address needs a login"
    config.set_option("server.address", "127.0.0.1")
    monkeypatch.delenv("THROUGHLINE_LOCAL_ADMIN")
    assert "Nobody can log in yet" in words(AppTest.from_file(str(APP), default_timeout=30).run())


def test_a_login_has_the_role_of_the_workspace(workspace: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THROUGHLINE_LOCAL_ADMIN")
    monkeypatch.setattr(login, "is_configured", lambda: True)
    from engine.access import COMMAND_LINE

    users.save_user(workspace, "sal@x.example", "sales", by=COMMAND_LINE, now=1)
    user = {"email": "Sal@x.example", "email_verified": True}
    monkeypatch.setattr(st, "user", type("User", (dict,), {"is_logged_in": True})(user))
    assert login.logged_in(workspace).role == "sales"
    st.user["email_verified"] = False
    assert login.logged_in(workspace) is None, "an address that nobody vouches for is no login"
    st.user.update(email="stranger@x.example", email_verified=True)
    assert login.logged_in(workspace) is None


def test_sales_begins_with_leads_and_sees_no_settings() -> None:
    assert landing("sales") == "leads" and landing("admin") == "home"
    assert "settings" not in {place.key for place in visible("sales")}


def test_a_workspace_that_is_not_there_is_one_sentence(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'none.db'}")
    monkeypatch.setenv("THROUGHLINE_LOCAL_ADMIN", "1")
    at = AppTest.from_file(str(APP), default_timeout=30).run()
    assert not at.exception and "there is no database" in at.error[0].value.replace("\\", "")


def test_a_fault_of_ours_shows_a_reference_and_no_trace(workspace: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.service.attention.notices", lambda *_, **__: 1 / 0)
    at = open_page("home")
    assert not at.exception and "Something went wrong on our side" in at.error[0].value and "Zero" not in at.error[0].value


def test_the_badge_knows_a_silent_runner(workspace: Store) -> None:
    health.beat(workspace, "runner", now=1, detail={"state": "running"})
    assert "Runner silent" in words(well(open_page("home")))


def test_addresses_hold_below_a_base_path() -> None:
    config.set_option("server.baseUrlPath", "marketing")
    try:
        assert state.address("contacts", contact=7, q=None) == "/marketing/contacts?contact=7"
    finally:
        config.set_option("server.baseUrlPath", "")
    assert state.escaped("a*b_[x](y) :red[z] $1") == r"a\*b\_\[x\]\(y\) \:red\[z\] \$1"
