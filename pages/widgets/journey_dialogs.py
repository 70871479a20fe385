"""What is asked when a journey is made or called otherwise."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.journeys import documents, drafts, renaming, versions

from . import state

NEW: dict[str, Any] = {"entry": {"trigger": {"manual": True}}, "nodes": []}


@st.dialog("New journey")
def create_dialog(source: str | None = None) -> None:
    """A name, and what to start from."""
    names = [one.name for one in versions.list_journeys(state.store())]
    name = st.text_input("Name", placeholder="Welcome series", max_chars=renaming.LONGEST_NAME)
    chosen = st.selectbox("Start from", names, index=names.index(source) if source in names else None,
                          placeholder="An empty canvas")
    if st.button("Create", type="primary", icon=":material/add:", disabled=not name.strip()):
        with state.boundary():
            made = _create(name, chosen)
            state.go("journeys", journey=made.name)


def _create(name: str, source: str | None) -> drafts.Draft:
    who = {"by": state.actor(), "now": state.now()}
    if source:
        return renaming.duplicate(state.store(), source, name, **who)
    return renaming.create(state.store(), name, documents.dump({"name": name.strip(), **NEW}), **who)


@st.dialog("Rename")
def rename_dialog(name: str) -> None:
    """Another name for the same journey."""
    new = st.text_input("Name", name, max_chars=renaming.LONGEST_NAME)
    st.caption("People stay where they are. Published versions never change: the new name stands in the draft, and in the "
               "version you publish next.")
    if st.button("Rename", type="primary", icon=":material/edit:", disabled=new.strip() in ("", name)):
        with state.boundary():
            made = renaming.rename(state.store(), name, new, by=state.actor(), now=state.now())
            state.go("journeys", journey=made.name)
