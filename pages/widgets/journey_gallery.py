"""Start from…: the journeys that come along, by what they are for."""

from __future__ import annotations

import streamlit as st

from engine.journeys import gallery
from engine.journeys.gallery import Entry

from . import state


@st.dialog("Start from a journey that works", width="large")
def gallery_dialog() -> None:
    """Every journey to start from, with what it does and what it needs."""
    st.caption("Each comes as a draft with its messages, and with the fields and segments it asks about. Nothing is live "
               "until you publish it.")
    group = st.segmented_control("For", gallery.GROUPS, default=gallery.GROUPS[0], required=True, key="gallery-group",
                                 label_visibility="collapsed")
    for entry in gallery.entries():
        if entry.group == group:
            _card(entry)


def _card(entry: Entry) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"gallery-{entry.key}"):
        with st.container(width="stretch", gap="xsmall"):
            st.markdown(f"**{state.escaped(entry.title)}**")
            st.markdown(state.escaped(entry.does))
            needs = entry.needs.replace("`", "")  # marks of code, for a terminal
            st.caption(f"Needs: {state.escaped(needs)}")
        if st.button("Start", key=f"start-{entry.key}", icon=":material/arrow_forward:"):
            with state.boundary():
                draft = gallery.start(state.store(), entry.key, _free_name(entry.title), by=state.actor(), now=state.now())
                state.go("journeys", journey=draft.name)


def _free_name(title: str) -> str:
    """The title, with a number where a journey is called so already."""
    taken = gallery.names_taken(state.store())
    return next(name for number in range(1, 1_000) if (name := title if number == 1 else f"{title} {number}").lower()
                not in taken)
