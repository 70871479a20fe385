"""People as a table: search, filters, a page at a time, and what can be done to many at once."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import streamlit as st

from engine.audience import segments
from engine.audience.lifecycle import STAGES
from engine.errors import BadInput
from engine.journeys import versions
from engine.people import accounts
from engine.people.contacts import find, listing
from engine.people.contacts.listing import Wanted
from engine.service import editing, exporting

from . import state
from .tables import PER_PAGE, link_table, moment_column, moments, say_count

MOST_MARKED = editing.MOST_AT_ONCE
COLUMNS = {
    "email": st.column_config.TextColumn("E-mail"), "account": st.column_config.TextColumn("Company"),
    "stage": st.column_config.TextColumn("Stage"), "engagement_score": st.column_config.NumberColumn("Engagement"),
    "fit_score": st.column_config.NumberColumn("Fit"), "created_at": moment_column("Since"),
}


def browse() -> None:
    """Everybody, or whom the filters leave."""
    wanted = _filters()
    total = listing.count(state.store(), wanted)
    if total == 0 and wanted == Wanted():
        _nobody_yet()
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{say_count(total, 'person', 'people')}**" + ("" if wanted == Wanted() else " match"),
                    width="stretch")
        _buttons(wanted, total)
    if not total:
        st.info("Nobody matches these filters.", icon=":material/search_off:")
        return
    marked = people_table(wanted, total, key="people", select=state.may("sell"))
    if marked:
        _bulk(marked, wanted, total)


def people_table(wanted: Wanted, total: int, *, key: str, order: str = "newest", select: bool = False) -> list[int]:
    """A page of people, each row a link to the person; the ids of those that are ticked."""
    rows = listing.page(state.store(), wanted, order=order, offset=state.offset(total, PER_PAGE), limit=PER_PAGE)
    shown = moments(named(rows), "created_at")
    columns = COLUMNS | ({"persona": st.column_config.TextColumn("Persona")} if rows.persona.notna().any() else {})
    ticked = link_table(shown, "name", lambda row: state.go("contacts", contact=int(rows.id[row])), columns, key=key,
                        select=select)
    state.page_numbers(total, PER_PAGE)
    return [int(rows.id[row]) for row in ticked if row < len(rows)]


def named(rows: pd.DataFrame) -> pd.DataFrame:
    """Somebody without a name is called by address or id."""
    names = rows["name"].where(rows["name"].astype(bool), rows["email"]).fillna(rows["external_id"])
    return rows.assign(name=names.fillna("contact " + rows["id"].astype(str))).fillna({"email": "", "account": "", "stage": ""})


def _filters() -> Wanted:
    store = state.store()
    with st.container(horizontal=True, vertical_alignment="center", key="people-filters"):
        text = state.text_param("Search people", "q", icon=":material/person_search:", placeholder="Name, address, id or phone")
        segment = state.choice_param("Segment", "segment", segments.names(store),
                                     width=160)
        tag = state.choice_param("Tag", "tag", listing.label_names(store, "tag"), width=130)
        on_list = state.choice_param("List", "list", listing.label_names(store, "list"), width=130)
        stage = state.choice_param("Stage", "stage", list(STAGES), width=130)
    account = state.number_param("account")
    if account is not None and (company := accounts.find_name(store, account)):
        st.button(f"Company: {state.escaped(company)}", icon=":material/close:", on_click=state.set_param,
                  args=("account", None))
    return Wanted(text=text, segment=segment, tag=tag, list=on_list, stage=stage, account_id=account)


def _nobody_yet() -> None:
    with st.container(border=True, horizontal_alignment="center"):
        st.subheader("Nobody is here yet", anchor=False)
        st.markdown("Bring the people you know: a CSV or a workbook from any tool will do.")
        st.button("Import contacts", icon=":material/upload:", type="primary", on_click=state.set_param,
                  args=("view", "import"))


# ------------------------------------------------------------ buttons


def _buttons(wanted: Wanted, total: int) -> None:
    if state.may("sell") and st.button("Add somebody", icon=":material/person_add:"):
        _add()
    if st.button("Export", icon=":material/download:"):
        _export(wanted, total)


@st.dialog("Add somebody")
def _add() -> None:
    with st.form("add-contact", border=False):
        email = st.text_input("E-mail", type="email", max_chars=254)
        left, right = st.columns(2)
        first, last = left.text_input("First name"), right.text_input("Last name")
        company = st.text_input("Company")
        agreed = st.checkbox("Has agreed to be written to by e-mail")
        where = st.text_input("Where and how they agreed", placeholder="at the fair in Hanover, on paper")
        sent = st.form_submit_button("Add", type="primary")
    if sent:
        with state.boundary():
            _save_new(email.strip(), {"first_name": first, "last_name": last, "account": company}, agreed, where.strip())


def _save_new(email: str, values: dict[str, str], agreed: bool, where: str) -> None:
    if "@" not in email:
        raise BadInput("Write an e-mail address.")
    if agreed and not where:
        raise BadInput("Say where and how they agreed: it is the proof that you may write.")
    if find(state.store(), email) is not None:
        raise BadInput(f"There is a contact {email} already.")
    consents = [("email", "subscribed", where)] if agreed else []
    edit = editing.Edit({key: value.strip() for key, value in values.items() if value.strip()}, consents=consents)
    made = editing.edit_contact(state.store(), email, edit, by=state.actor(), now=state.now())
    state.go("contacts", contact=made.id)


@st.dialog("Export")
def _export(wanted: Wanted, total: int) -> None:
    scope = "everybody" if wanted == Wanted() else f"the {say_count(total, 'person', 'people')} that match the filters"
    st.markdown(f"A CSV of {scope}: every field, tags, lists and consent. Cells that a spreadsheet would run as a formula are "
                "guarded.")
    outside = st.checkbox("It is for a third party: an ad audience, a partner")
    if outside:
        kept_back = listing.kept_back(state.store(), wanted)
        st.caption(f"{say_count(kept_back, 'person is', 'people are')} left out: they said do not sell or share, or their data "
                   "is restricted.")
        wanted = replace(wanted, third_party=True)
    if st.button("Prepare the file", type="primary", icon=":material/table:"):
        with st.spinner("Writing the file"):
            out = io.StringIO()
            count = exporting.export_contacts(state.store(), out, wanted, now=state.now())
        st.download_button(f"Download {say_count(count, 'contact', 'contacts')}", out.getvalue().encode("utf-8-sig"),
                           "contacts.csv", "text/csv", icon=":material/download:")


# ------------------------------------------------------------ many at once


def _bulk(marked: list[int], wanted: Wanted, total: int) -> None:
    """What can be done to the people that are ticked, or to all that match."""
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="bulk"):
        everybody = total > len(marked) and st.toggle(f"All {total:,} that match", key="bulk-all")
        ids = listing.ids(state.store(), wanted, limit=MOST_MARKED) if everybody else marked
        st.markdown(f"**{say_count(len(ids), 'person', 'people')}**:", width="content")
        if len(marked) == 1:
            state.link_to("contacts", "Open", contact=marked[0])
        _labels(ids)
        if state.may("market"):
            _enroll(ids)


def _labels(ids: list[int]) -> None:
    _label("tag", "sell", ids)
    _label("list", "format_list_bulleted", ids)


def _label(what: str, icon: str, ids: list[int]) -> None:
    add, remove = ("tag", "untag") if what == "tag" else ("on_list", "off_list")

    def change(how: str) -> None:
        _apply(lambda: editing.label_many(state.store(), ids, by=state.actor(), now=state.now(), **{how: name}))

    with st.popover(what.capitalize(), icon=f":material/{icon}:"):
        name = st.selectbox(f"The {what}", listing.label_names(state.store(), what), index=None, accept_new_options=True,
                            key=f"bulk-{what}", placeholder="Choose, or type a new one")
        with st.container(horizontal=True):
            if st.button("Add", key=f"bulk-add-{what}", disabled=not name, type="primary"):
                change(add)
            if st.button("Take away", key=f"bulk-remove-{what}", disabled=not name):
                change(remove)


def _enroll(ids: list[int]) -> None:
    with st.popover("Enroll", icon=":material/account_tree:"):
        live = [one.name for one in versions.list_journeys(state.store()) if one.status == "live"]
        journey = st.selectbox("Journey", live, index=None, key="bulk-journey", placeholder="Choose a live journey")
        st.caption("The journey's own policy decides who may enter again. They enter at the next tick of the runner.")
        if st.button("Enroll", key="bulk-enroll", disabled=not journey or len(ids) > editing.MOST_ENROLLED, type="primary"):
            _apply(lambda: editing.enroll_many(state.store(), ids, str(journey), by=state.actor(), now=state.now()))


def _apply(change: Callable[[], int]) -> None:
    with state.boundary():
        changed = change()
        st.toast(f"Done: {say_count(changed, 'change', 'changes')}.", icon=":material/check:")
