"""Contacts: people, one person, accounts, import."""

from __future__ import annotations

import streamlit as st

from pages.widgets import importing, people, person, quality, state

SECTIONS = {"people": "People", "accounts": "Accounts", "import": "Import", "quality": "Quality", "privacy": "Privacy requests"}


def _later(what: str) -> None:
    st.info(what, icon=":material/schedule:")


def _section(view: str) -> None:
    if view == "people":
        people.browse()
    elif view == "accounts":
        people.accounts_table()
    elif view == "import":
        importing.wizard()
    elif view == "quality":
        quality.section()
    else:
        _later("Requests for access and erasure come with a later release. Until then: `python -m engine contacts show` prints "
               "everything known of a person, and `python -m engine contacts erase` forgets one for good.")


with state.page_frame("Contacts"):
    contact = state.number_param("contact")
    if contact is not None:
        person.show(contact)
    else:
        _section(state.section(SECTIONS))
