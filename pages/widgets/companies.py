"""Companies: all of them with what their people add up to, and one with its people, deals and story."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from engine.activity import timeline
from engine.people import accounts, employers
from engine.people.accounts import Account, Member
from engine.people.fields import Field

from . import facts, state
from .person import STEPS, when
from .tables import PER_PAGE, link_table, moments, money, say_count

ORDERS = {"score": "Score", "name": "Name", "people": "People", "open_deals": "Open deals", "last_activity": "Last activity"}
SECTIONS = {"people": "People", "deals": "Deals", "timeline": "Timeline"}
OUTCOMES = {None: "Open", 1: "Won", 0: "Lost"}


def section() -> None:
    """One company when the address names one, else all of them."""
    company = state.number_param("company")
    if company is None:
        _all()
    else:
        _one(accounts.get(state.store(), company))


# ------------------------------------------------------------ all


def _all() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        text = state.text_param("Search companies", "name", icon=":material/domain:", placeholder="Name or domain")
        order = state.choice_param("Highest score first", "order", list(ORDERS.values()), width=190)
        if state.may("market") and st.button("Link by domain", icon=":material/link:"):
            _link()
    key = next((key for key, label in ORDERS.items() if label == order), "score")
    total = accounts.find_page(state.store(), text, limit=1)[1]
    rows, _ = accounts.find_page(state.store(), text, order=key, offset=state.offset(total, PER_PAGE), limit=PER_PAGE)
    st.markdown(f"**{say_count(total, 'company', 'companies')}**")
    if not total:
        st.info("A company appears when a contact names it: in the column `account` of an import, or by hand. Or let *Link "
                "by domain* make one for each domain that people write from.", icon=":material/domain:")
        return
    link_table(moments(rows, "last_active_at"), "name", _opens(rows), {
        "domain": st.column_config.TextColumn("Domain"), "industry": st.column_config.TextColumn("Industry"),
        "employees": st.column_config.NumberColumn("Employees"), "people": st.column_config.NumberColumn("People"),
        "score": st.column_config.NumberColumn("Score", help="Engagement of everybody there, and the best fit among them"),
        "open_deals": st.column_config.NumberColumn("Open deals"),
        "last_active_at": st.column_config.DatetimeColumn("Last activity", format="YYYY-MM-DD"),
    }, key="accounts", label="Company")
    state.page_numbers(total, PER_PAGE)


def _opens(rows: pd.DataFrame) -> Callable[[int], None]:
    return lambda row: state.go("contacts", view="accounts", company=int(rows.id[row]))


@st.dialog("Link by domain")
def _link() -> None:
    st.markdown("People without a company come to the one that has the domain of their address. Addresses of mailbox providers "
                "(gmail.com and its like) link nobody.")
    create = st.toggle("Make a company for each domain that has none yet")
    least = st.number_input("… with at least so many people", 1, 1_000, 2, disabled=not create)
    if st.button("Link", type="primary", icon=":material/link:"):
        with state.boundary():
            done = employers.link(state.store(), create=create, at_least=int(least), by=state.actor(), now=state.now())
            st.success(f"{say_count(done.people, 'person', 'people')} linked"
                       + (f", {say_count(done.made, 'company', 'companies')} made" if done.made else "") + ".")
            for why, count in done.left.items():
                st.caption(f"{count:,} stay without a company: {why}.")


# ------------------------------------------------------------ one


def _one(found: Account) -> None:
    state.link_to("contacts", "All companies", icon=":material/arrow_back:", view="accounts")
    st.subheader(state.escaped(found.name), anchor=False)
    _headline(found)
    left, right = state.beside(2, 4)
    with left:
        _facts(found)
    with right:
        view = state.section(SECTIONS, "show", keep=("view", "company"))
        {"people": _people, "deals": _deals, "timeline": _timeline}[view](found)


def _headline(found: Account) -> None:
    worth = [one for one in accounts.money(state.store(), found.id) if one.won is None and one.amount_minor]
    with st.container(horizontal=True):
        st.metric("People", f"{found.people:,}", border=True)
        st.metric("Score", f"{found.score:,}", border=True, help=found.score_words)
        st.metric("Open deals", f"{found.open_deals:,}", border=True)
        st.metric("Worth", " + ".join(money(one.amount_minor, one.currency) for one in worth) or "–", border=True)
        st.metric("Last activity", when(found.last_active_at)[:10] or "none", border=True)
    st.caption(f"Score {state.escaped(found.score_words)}.")


def _facts(found: Account) -> None:
    held = found.facts | found.fields
    facts.card({_label(one): "–" if held[one.name] is None else held[one.name] for one in _known()})
    if state.may("sell"):
        with st.popover("Change", icon=":material/edit:"):
            _change(found)


def _known() -> list[Field]:
    return list(accounts.catalogue(state.store()).values())


def _label(field: Field) -> str:
    return field.name if field.made else field.name.capitalize()


def _change(found: Account) -> None:
    with st.form("company", border=False):
        changed = facts.inputs(_known(), found.facts | found.fields, _label)
        if st.form_submit_button("Save", type="primary"):
            with state.boundary():
                came = employers.edit(state.store(), found.id, changed, by=state.actor(), now=state.now()) if changed else 0
                if came:
                    st.toast(f"{say_count(came, 'person', 'people')} with this domain came along.", icon=":material/link:")
                st.rerun()


def _people(found: Account) -> None:
    many = accounts.members(state.store(), found.id, offset=state.offset(found.people, PER_PAGE), limit=PER_PAGE)
    if not many:
        st.info("Nobody belongs to this company yet. Give it a domain: people who write from there are linked by themselves.",
                icon=":material/group_off:")
    for one in many:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            state.link_to("contacts", one.name, icon=":material/person:", contact=one.id)
            for role in one.roles:
                st.badge(role, icon=":material/how_to_reg:", color="violet")
            if one.stage:
                st.badge(one.stage, color="gray")
            st.badge(f"engagement {one.engagement_score}", icon=":material/local_fire_department:", color="orange")
            st.badge(f"fit {one.fit_score}", icon=":material/target:", color="blue")
            if state.may("sell"):
                _roles(one)
    state.page_numbers(found.people, PER_PAGE)


def _roles(one: Member) -> None:
    with st.popover("Role", icon=":material/badge:"):
        chosen = st.multiselect("In the buying decision", list(accounts.ROLES), list(one.roles), key=f"roles-{one.id}",
                                format_func=lambda role: f"{role}: {accounts.ROLES[role]}")
        if st.button("Save", key=f"roles-save-{one.id}", type="primary"):
            employers.set_roles(state.store(), one.id, chosen, by=state.actor(), now=state.now())
            st.rerun()


def _deals(found: Account) -> None:
    rows = accounts.money(state.store(), found.id)
    if not rows:
        st.info("No deal of anybody here. Deals come by import, or over the command line.", icon=":material/handshake:")
        return
    st.dataframe([{"outcome": OUTCOMES[one.won], "deals": one.count, "worth": money(one.amount_minor, one.currency)}
                  for one in rows], hide_index=True,
                 column_config={"outcome": "Outcome", "deals": "Deals", "worth": "Worth"})
    listed = accounts.deals(state.store(), found.id)
    st.dataframe([{"name": one.name or one.deal_id, "stage": one.stage or "", "outcome": OUTCOMES[one.won],
                   "worth": money(one.amount_minor or 0, one.currency) if one.amount_minor is not None else "",
                   "opened": when(one.created_at)[:10], "closed": when(one.closed_at)[:10], "people": one.people}
                  for one in listed], hide_index=True, placeholder="–", width="stretch", column_config={
                      "name": "Deal", "stage": "Stage", "outcome": "Outcome", "worth": "Worth", "opened": "Opened",
                      "closed": "Closed", "people": "With"})


def _timeline(found: Account) -> None:
    entries = timeline.company(state.store(), found.id, limit=STEPS)
    if not entries:
        st.info("Nothing has happened yet.", icon=":material/hourglass_empty:")
    day = ""
    for entry in entries:
        if when(entry.at)[:10] != day:
            day = when(entry.at)[:10]
            st.caption(day)
        with st.container(horizontal=True, gap="small", vertical_alignment="center", wrap=False):
            st.markdown(f":gray[{when(entry.at)[11:]}]", width=50)
            if who := entry.detail.get("contact_id"):
                state.link_to("contacts", entry.detail["who"], icon=":material/person:", contact=who)
            st.text(entry.text, width="stretch")
