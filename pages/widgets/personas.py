"""Personas: who the people are, in the order in which the rules are asked."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine.audience import personas, rules
from engine.audience.personas import Persona

from . import rule_editor, state
from .tables import link_table, say_count

NEW = "new persona"


def personas_view() -> None:
    """All of them, or the one that the address names, to change."""
    found = personas.list_personas(state.store())
    chosen = state.param("persona")
    if chosen:
        _edit(found, next((one for one in found if one.name == chosen), None))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("Everybody is the first persona whose conditions they meet, and moves on as soon as they no longer do.",
                    width="stretch")
        if state.may("market"):
            st.button("New persona", icon=":material/add:", type="primary", on_click=state.set_param, args=("persona", NEW))
    if not found:
        st.info("No persona yet. Describe the kinds of people you write to, the narrowest first: "
                "each has conditions, and a note on what they care about.", icon=":material/face:")
        return
    rows = pd.DataFrame([{"name": one.name, "people": one.people, "sentence": one.sentence, "notes": one.notes}
                         for one in found])
    link_table(rows, "name", lambda row: state.set_param("persona", found[row].name), {
        "people": st.column_config.NumberColumn("People", format="localized"),
        "sentence": st.column_config.TextColumn("Who", width="medium"),
        "notes": st.column_config.TextColumn("Notes", width="large")}, key="personas", label="Persona", row_px=64)


def _edit(found: list[Persona], old: Persona | None) -> None:
    state.link_to("segments", "All personas", icon=":material/arrow_back:", view="personas")
    st.subheader(f"Persona {state.escaped(old.name)}" if old else "New persona", anchor=False)
    if old:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{say_count(old.people, 'person', 'people')}** now.", width="content")
            state.link_to("contacts", "See them", icon=":material/group:", segment=f"Persona: {old.name}")
            state.link_to("segments", "Size over time", icon=":material/show_chart:", segment=f"Persona: {old.name}")
    _editing(f"persona:{old.name if old else NEW}", old, len(found))


@st.fragment
def _editing(key: str, old: Persona | None, count: int) -> None:
    known, able = rules.known(state.store()), state.may("market")
    with state.boundary():
        name = st.text_input("Name", old.name if old else "", max_chars=personas.LONGEST_NAME, key=f"{key}:name",
                             disabled=bool(old) or not able)
        notes = st.text_area("Notes: what they care about, what to avoid", old.notes if old else "", key=f"{key}:notes",
                             max_chars=personas.LONGEST_NOTES, disabled=not able)
        places = list(range(1, count + (old is None) + 1))
        place = st.selectbox("Asked as number", places, index=(old.place if old else len(places)) - 1, key=f"{key}:place",
                             width=160, disabled=not able)
        document = rule_editor.editor(key, old.rule if old else None, known)
        whole = rule_editor.outcome(document, known, key="persona")
        if place > 1:
            st.caption("Whoever is a persona asked before this one stays there, and is not among its people.")
        if able:
            with st.container(horizontal=True):
                if st.button("Save", type="primary", icon=":material/save:", disabled=whole is None or not name.strip()):
                    _save(key, name, document, notes, int(place))
                if old and st.button("Remove", icon=":material/delete:"):
                    personas.remove(state.store(), old.name, by=state.actor(), now=state.now())
                    _done(key)


def _save(key: str, name: str, document: object, notes: str, place: int) -> None:
    with st.spinner("Assigning everybody"):
        personas.save(state.store(), name, document, notes, place=place, by=state.actor(), now=state.now())
    _done(key)


def _done(key: str) -> None:
    rule_editor.forget(key)
    for part in ("name", "notes", "place"):
        st.session_state.pop(f"{key}:{part}", None)
    state.set_param("persona", None)
    st.rerun()
