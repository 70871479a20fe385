"""Journeys: the list, and one of them on its canvas."""

from __future__ import annotations

import streamlit as st

from engine.journeys import documents, versions
from engine.journeys.versions import Summary, Version
from pages.widgets import journey_crossing, journey_editor, journey_people, journey_simulation, journey_view, state
from pages.widgets.journey_dialogs import create_dialog, rename_dialog
from pages.widgets.journey_gallery import gallery_dialog
from pages.widgets.journey_menu import comment_box, status_buttons
from pages.widgets.journey_publishing import publish_dialog, version_history

COLORS = {"live": "green", "paused": "orange", "draft": "gray", "draining": "blue", "archived": "gray"}
VIEWS = {"list": ":material/list: Journeys", "collisions": ":material/compare_arrows: Collisions",
         "map": ":material/map: Map"}
TABS = {"canvas": ":material/account_tree: Canvas", "people": ":material/group: People", "text": ":material/code: Text",
        "words": ":material/notes: In words", "simulate": ":material/play_circle: Simulate",
        "history": ":material/history: History"}


def listing() -> None:
    """Every journey with its status and its people."""
    found = versions.list_journeys(state.store())
    if state.may("market") and found:
        with st.container(horizontal=True):
            st.button("New journey", icon=":material/add:", type="primary", on_click=create_dialog)
            st.button("Start from …", icon=":material/dashboard_customize:", on_click=gallery_dialog)
    if not found:
        with st.container(border=True):
            st.markdown("**No journeys yet.** A journey carries people from step to step: a message, a wait, a question.")
            with st.container(horizontal=True):
                st.button("Start from …", icon=":material/dashboard_customize:", type="primary", on_click=gallery_dialog)
                st.button("Draw the first one", icon=":material/add:", on_click=create_dialog)
    for one in (one for one in found if one.status != "archived"):
        _row(one)
    if put_away := [one for one in found if one.status == "archived"]:
        with st.expander(f"{len(put_away)} archived", icon=":material/archive:"):
            for one in put_away:
                _row(one)


def _row(one: Summary) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(width="stretch", horizontal=True, vertical_alignment="center"):
            state.link_to("journeys", one.name, journey=one.name)
            if one.owner:
                st.markdown(f":gray[{state.escaped(one.owner)}]")
        st.badge(one.status, color=COLORS.get(one.status, "gray"))
        # as columns: row below row
        st.markdown(f"version {one.version}" if one.version else "not published", width=110, text_alignment="right")
        for who, count, words in (("everybody", one.entered, "entered"), ("inside", one.waiting, "under way")):
            with st.container(width=150, horizontal=True, horizontal_alignment="right"):
                state.link_to("journeys", f"{count:,} {words}", icon=":material/group:", journey=one.name, tab="people",
                              who=who)


def one_journey(name: str) -> None:
    """The journey of the address: canvas, text or words, of the draft or of a published version."""
    store = state.store()
    published = versions.list_versions(store, name)
    journey_id = versions.find_journey(store, name)
    summary = next((one for one in versions.list_journeys(store) if one.id == journey_id), None)
    live = next((one for one in published if one.status == "live"), None)
    number = state.number_param("version")
    shown = versions.get_version(store, name, number) if number is not None else None
    _head(name, summary, published, shown)
    tab = state.section(TABS, "tab", keep=("journey", "version", "dot"))
    if tab == "canvas":
        journey_view.drawing(name, live, shown, state.number_param("dot"))
        return
    if tab == "people":
        journey_people.section(name, shown, summary.status if summary else "draft")
        return
    known = journey_editor.catalogue()
    held = journey_editor.editor(store, name, known)
    if tab == "history":
        version_history(published, held, known)
    elif tab == "simulate":
        journey_simulation.section(name, shown.document if shown else held.text, known)
    elif tab == "words":
        journey_view.words(documents.load(shown.document) if shown else held.document, known)
    elif shown:
        st.code(shown.document, language="yaml")
    else:
        journey_view.text_form(held, known, readonly=not state.may("market"))


def _head(name: str, summary: Summary | None, published: list[Version], shown: Version | None) -> None:
    status = summary.status if summary else "draft"
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="journey-head"):
        state.link_to("journeys", "All journeys", icon=":material/arrow_back:")
        st.markdown(f"### {state.escaped(name)}", width="content")
        if state.may("market"):
            st.button("", icon=":material/edit:", type="tertiary", key="rename", help="Rename", on_click=rename_dialog,
                      args=(name,))
            st.button("", icon=":material/content_copy:", type="tertiary", key="duplicate", help="Duplicate",
                      on_click=create_dialog, args=(name,))
        st.space("stretch")
        st.badge(status, color=COLORS.get(status, "gray"))
        _versions(published, shown)
        comment_box(name, state.param("node"))
        if state.may("market"):
            if summary:
                status_buttons(summary)
            if shown is None and st.button("Publish", icon=":material/rocket_launch:", type="primary"):
                publish_dialog(name)


def _versions(published: list[Version], shown: Version | None) -> None:
    """The draft, and every version that was published."""
    if not published:
        return
    words = {0: "Draft"} | {one.number: f"Version {one.number}, {one.status}" for one in published}
    st.selectbox("Version", list(words), format_func=words.get, label_visibility="collapsed", width=150,
                 index=list(words).index(shown.number if shown else 0), key="version-choice", on_change=_choose_version)


def _choose_version() -> None:
    state.set_param("version", st.session_state["version-choice"] or None)


with state.page_frame("Journeys"):
    if journey := state.param("journey"):
        one_journey(journey)
    else:
        view = state.section(VIEWS)
        {"list": listing, "collisions": journey_crossing.collisions, "map": journey_crossing.journey_map}[view]()
