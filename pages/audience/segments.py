"""Segments: who belongs together, by rule; and lists, by hand."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine.audience import growth, rules, segments
from engine.audience.segments import Segment
from engine.people.contacts import listing
from engine.people.contacts.listing import Wanted
from engine.service import editing
from pages.widgets import people, personas, pictures, rule_editor, rule_review, state, topics
from pages.widgets.tables import link_table, moment_column, moments, say_count

SECTIONS = {"segments": "Segments", "lists": "Lists", "personas": "Personas", "topics": "Topics", "discover": "Discover"}
NEW = "new"


# ------------------------------------------------------------ all of them


def _all() -> None:
    kept, everything = segments.kept_ids(state.store()), segments.list_segments(state.store())
    found, others = ([one for one in everything if (one.id in kept) == theirs] for theirs in (False, True))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{say_count(len(found), 'segment', 'segments')}**", width="stretch")
        if found and state.may("analyze"):
            st.button("New segment", icon=":material/add:", type="primary", on_click=state.set_param, args=("edit", NEW))
    trends = growth.trends(state.store(), now=state.now())
    if found:
        _table(found, trends, key="segments")
    else:
        _none_yet()
    if others:
        with st.expander(f"{len(others)} more, kept by personas, scores and stages", icon=":material/rule_settings:"):
            _table(others, trends, key="segments-others")


def _table(found: list[Segment], trends: dict[int, list[int]], *, key: str) -> None:
    now = state.now()
    rows = pd.DataFrame([{"name": one.name, "members": one.members, "trend": trends[one.id], "sentence": one.sentence,
                          "reviewed": rule_review.words(one, now, short=True), "refreshed_at": one.refreshed_at}
                         for one in found])
    link_table(moments(rows, "refreshed_at"), "name", lambda row: state.go("segments", segment=found[row].name), {
        "members": st.column_config.NumberColumn("Members", format="localized"),
        "trend": st.column_config.LineChartColumn("30 days", width="small"),
        "sentence": st.column_config.TextColumn("Who", width="medium"),
        "reviewed": st.column_config.TextColumn("Reviewed", help="After 30 days it is time to look at the rule again"),
        "refreshed_at": moment_column("Everybody checked"),
    }, key=key, label="Segment", row_px=64)


def _none_yet() -> None:
    with st.container(border=True, horizontal_alignment="center"):
        st.subheader("No segment yet", anchor=False)
        st.markdown("Say in conditions who belongs together; the number moves while you do.")
        if state.may("analyze"):
            st.button("New segment", icon=":material/add:", type="primary", on_click=state.set_param, args=("edit", NEW))


# ------------------------------------------------------------ one


def _one(name: str) -> None:
    found = segments.get(state.store(), name)
    state.link_to("segments", "All segments", icon=":material/arrow_back:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(state.escaped(found.name), anchor=False, width="stretch")
        if state.may("analyze"):
            st.button("Edit", icon=":material/edit:", on_click=state.set_param, args=("edit", found.name))
            if st.button("Check everybody again", icon=":material/refresh:", help="The watch keeps it true by itself"):
                segments.refresh(state.store(), found.name, by=state.actor(), now=state.now())
                st.rerun()
    with st.container(border=True):
        st.markdown(f"**{say_count(found.members, 'person', 'people')}**")
        st.text(found.sentence)
        rule_review.review_line(found)
    rule_review.details(found)
    pictures.size_over_time(growth.sizes(state.store(), found.id, now=state.now()))
    if found.members:
        people.people_table(Wanted(segment=found.name), found.members, key="members")
        state.link_to("contacts", "Do something with them", icon=":material/checklist:", segment=found.name)


# ------------------------------------------------------------ editing


def _edit(name: str) -> None:
    found = None if name == NEW else segments.get(state.store(), name)
    state.link_to("segments", "Back", icon=":material/arrow_back:", segment=found.name if found else None)
    st.subheader(f"Edit {state.escaped(found.name)}" if found else "New segment", anchor=False)
    key = f"segment:{found.id}:{found.version}" if found else "segment:new"
    _editing(key, found.name if found else "", found.rule if found else None)


@st.fragment
def _editing(key: str, name: str, rule: object) -> None:
    known = rules.known(state.store())
    with state.boundary():
        typed = st.text_input("Name", name, max_chars=segments.LONGEST_NAME, key=f"{key}:name", disabled=bool(name))
        document = rule_editor.editor(key, rule, known)
        whole = rule_editor.outcome(document, known)
        with st.container(horizontal=True):
            if st.button("Save", type="primary", icon=":material/save:", disabled=whole is None or not typed.strip()):
                _save(key, typed, document)
            rule_editor.json_view(key, document, known)


def _save(key: str, name: str, document: object) -> None:
    with st.spinner("Working out the members"):
        made = segments.save(state.store(), name, document, by=state.actor(), now=state.now())
    rule_editor.forget(key)
    st.session_state.pop(f"{key}:name", None)
    state.go("segments", segment=made.name)


# ------------------------------------------------------------ lists


def _lists() -> None:
    found = listing.list_labels(state.store(), "list")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{say_count(len(found), 'list', 'lists')}**", width="stretch")
        if state.may("market"):
            with st.popover("New list", icon=":material/add:"):
                name = st.text_input("Name", key="new-list", max_chars=200)
                if st.button("Make it", type="primary", disabled=not name.strip()):
                    with state.boundary():
                        editing.create_list(state.store(), name, by=state.actor(), now=state.now())
                        st.rerun()
    if not found:
        st.info("A list holds people by hand: put them on it on the Contacts page, or with an import.",
                icon=":material/format_list_bulleted:")
        return
    rows = pd.DataFrame([{"name": one.name, "contacts": one.contacts} for one in found])
    link_table(rows, "name", lambda row: state.go("contacts", list=found[row].name), {
        "contacts": st.column_config.NumberColumn("People", format="localized")}, key="lists", label="List")


def _section(view: str) -> None:
    if view == "segments":
        _all()
    elif view == "lists":
        _lists()
    elif view == "personas":
        personas.personas_view()
    elif view == "topics":
        topics.topics_view()
    else:
        st.info("Discover comes with a later release: readable rules that tell who converts, checked on others.",
                icon=":material/schedule:")


with state.page_frame("Segments"):
    if editing_name := state.param("edit"):
        _edit(editing_name)
    elif segment := state.param("segment"):
        _one(segment)
    else:
        _section(state.section(SECTIONS))
