"""One search box for people, journeys, templates and segments."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from engine.service import finding
from engine.store import Store

_PLACES = {"contact": ("contacts", "contact"), "journey": ("journeys", "journey"), "template": ("content", "template"),
           "segment": ("segments", "segment"), "campaign": ("campaigns", "campaign")}


def box() -> str:
    """The box; what was typed."""
    typed = st.text_input("Search", key="global-search", placeholder="Search people, journeys, segments …", width=320,
                          type="search", icon=":material/search:", label_visibility="collapsed", live="300ms", max_chars=200)
    return (typed or "").strip()


def hits(store: Store, typed: str, link: Callable[..., None]) -> None:
    """What was found, each a link."""
    if not typed:
        return
    found = finding.search(store, typed)
    with st.container(border=True, key="search-results"):
        if not found:
            st.caption("Nothing is called that. People are found by the beginning of a name, an address or an id.")
        for hit in found:
            page, word = _PLACES[hit.kind]
            with st.container(horizontal=True, vertical_alignment="center"):
                link(page, f"{hit.name} · {hit.words}" if hit.words else hit.name, **{word: hit.key})
                if hit.kind == "contact":
                    link(page, "Why, why not, what next", icon=":material/help:", contact=hit.key, show="journeys")
