"""Contacts: people, one person, accounts, import."""

from __future__ import annotations

from pages.widgets import companies, importing, people, person, privacy, quality, state

SECTIONS = {"people": "People", "accounts": "Accounts", "import": "Import", "quality": "Quality", "privacy": "Privacy requests"}


def _section(view: str) -> None:
    if view == "people":
        people.browse()
    elif view == "accounts":
        companies.section()
    elif view == "import":
        importing.wizard()
    elif view == "quality":
        quality.section()
    else:
        privacy.requests(state.may("administer"))
        privacy.hand_out(state.may("administer"))


with state.page_frame("Contacts"):
    contact = state.number_param("contact")
    if contact is not None:
        person.show(contact)
    else:
        _section(state.section(SECTIONS))
