"""The app: who is there, and the pages of that role. Everything else is in `pages/`."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.widgets import login
from pages.widgets.directory import PLACES, Place, landing, visible
from pages.widgets.state import boundary, store

START = "start"  # Streamlit keeps this word of addresses for the page that opens first


def _navigation(role: str) -> st.Page:
    home = landing(role)
    sections: dict[str, list[st.Page]] = {}
    for place in visible(role):
        first = place.key == home
        sections.setdefault(place.section, []).append(_page(place, START if first else place.key, default=first))
        if first:  # it answers at the bare address; this lets it answer at its own name too
            sections[place.section].append(_page(place, place.key, visibility="hidden"))
    return st.navigation(sections, expanded=True)


def _door() -> st.Page:
    """Whatever the address asks for, the door answers: an unknown page would be a dialog that nobody can get past."""
    doors = [st.Page(login.door, title="Throughline", url_path=place.key) for place in PLACES]
    return st.navigation([st.Page(login.door, title="Throughline", url_path=START, default=True), *doors], position="hidden")


def _page(place: Place, path: str, **how: Any) -> st.Page:
    return st.Page(place.file, title=place.title, icon=place.icon, url_path=path, **how)


def _account(name: str, local: bool) -> None:
    with st.sidebar.container(key="account"):
        st.caption(f"You are {name}.")
        if not local:
            st.button("Log out", icon=":material/logout:", type="tertiary", on_click=st.logout)


def main() -> None:
    """Open the workspace, look who asks, show the page."""
    st.set_page_config("Throughline", page_icon=":material/timeline:", layout="wide")
    with boundary():
        opened = store()
        who = login.logged_in(opened)
        if who is None:
            _door().run()
            return
        page = _navigation(who.role)
        _account(who.name, login.is_local_admin())
        page.run()


main()
