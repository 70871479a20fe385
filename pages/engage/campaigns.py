"""Campaigns: what belongs together under one goal and one budget, with what it cost and earned."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import streamlit as st

from engine.clock import DAY, parse_moment
from engine.maths.money import from_minor, to_minor
from engine.measure import roi
from engine.measure.roi import Roi
from engine.outreach import campaigns
from engine.outreach.campaigns import Campaign
from pages.widgets import state
from pages.widgets.tables import money, say_count


def listing() -> None:
    """Every campaign with its dates and its mail."""
    found = campaigns.list_campaigns(state.store())
    if state.may("market") and found:
        st.button("New campaign", icon=":material/add:", type="primary", on_click=edit_dialog)
    if not found:
        with st.container(border=True):
            st.markdown("**No campaigns yet.** A campaign holds journeys, messages and costs together, so that you can say "
                        "what it earned.")
            st.button("Make the first one", icon=":material/add:", type="primary", on_click=edit_dialog)
    for one in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            with st.container(width="stretch"):
                state.link_to("campaigns", one.name, campaign=one.name)
                st.caption(state.escaped(one.goal or "no goal written down"))
            st.markdown(state.escaped(one.owner or ""), width="content")
            st.markdown(days(one), width="content")
            st.markdown(f"{one.sent_count:,} of {one.messages_count:,} sent", width=170, text_alignment="right")


def days(one: Campaign) -> str:
    """Its first and last day."""
    if one.starts_at is None and one.ends_at is None:
        return "no dates"
    first = _date(one.starts_at) if one.starts_at is not None else "…"
    return f"{first} to {_date(one.ends_at - 1) if one.ends_at is not None else 'open'}"


def _date(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def amount(minor: float | None, currency: str | None) -> str:
    """Money in words."""
    return "none set" if minor is None else money(minor, currency)


def one_campaign(name: str) -> None:
    """Facts, members, cost against credit."""
    one = campaigns.get(state.store(), name)
    with st.container(horizontal=True, vertical_alignment="center"):
        state.link_to("campaigns", "All campaigns", icon=":material/arrow_back:")
        st.markdown(f"### {state.escaped(one.name)}", width="stretch")
        if state.may("market"):
            st.button("Edit", icon=":material/edit:", on_click=edit_dialog, args=(one,))
    said = [f"Owner: {one.owner or 'nobody'}", f"Goal: {one.goal or 'none written down'}", days(one)]
    st.caption(state.escaped(" · ".join(said)))
    _money(one)
    _members(one)


def _money(one: Campaign) -> None:
    found = _earned(state.store().url, one.name, state.now() // 60 * 60 + 60)
    st.markdown(f"**{state.escaped(found.sentence)}**")
    shown = (("Budget", amount(one.budget_minor, one.currency)), ("Cost so far", amount(found.cost_minor, found.currency)),
             ("Credited, linear", amount(found.credited_minor, found.currency)),
             ("ROI", "undefined" if found.roi_percent is None else f"{found.roi_percent:,.0f} %"))
    for place, (label, value) in zip(st.columns(len(shown)), shown, strict=True):
        place.metric(label, value, border=True, help=found.reasons.get("roi") if label == "ROI" else None)
    state.link_to("roi", "Every figure of this campaign", campaign=one.name)


@st.cache_data(ttl=60, max_entries=32, show_spinner="Adding up")
def _earned(url: str, name: str, until: int) -> Roi:
    del url
    return roi.report(state.store(), since=0, until=until, campaign=name, people=False)


def _members(one: Campaign) -> None:
    found = campaigns.parts(state.store(), one.id)
    st.subheader(say_count(len(found), "journey", "journeys"), anchor=False)
    if not found:
        st.caption("Name this campaign in a journey (Start, Campaign) and publish it: it stands here then.")
    for part in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            with st.container(width="stretch"):
                state.link_to("journeys", part.journey, journey=part.journey)
            st.badge(part.status, color="green" if part.status == "live" else "gray")
            st.markdown(f"{say_count(part.people, 'person', 'people')} entered {part.entered:,} times", width="content")
            st.markdown(f"{part.sent:,} sent", width="content")


@st.dialog("Campaign")
def edit_dialog(one: Campaign | None = None) -> None:
    """Its facts."""
    name = st.text_input("Name", one.name if one else "", disabled=one is not None, max_chars=120)
    owner = st.text_input("Owner", (one and one.owner) or "")
    goal = st.text_input("Goal", (one and one.goal) or "", placeholder="200 demos in the second quarter")
    left, right = st.columns([2, 1])
    held = float(from_minor(one.budget_minor, one.currency or "")) if one and one.budget_minor is not None else None
    budget = left.number_input("Budget", 0.0, None, held, step=100.0)
    currency = right.text_input("Currency", (one and one.currency) or "USD", max_chars=3)
    first = left.date_input("First day", _day(one.starts_at) if one else None)
    last = right.date_input("Last day", _day(one.ends_at - DAY) if one and one.ends_at is not None else None)
    if st.button("Save", type="primary", icon=":material/save:", disabled=not name.strip()):
        with state.boundary():
            saved = campaigns.save(
                state.store(), name.strip(), owner=owner or None, goal=goal or None, currency=currency or None,
                budget_minor=None if budget is None else to_minor(Decimal(str(budget)), currency),
                starts_at=parse_moment(first.isoformat()) if first else None,
                ends_at=parse_moment(last.isoformat()) + DAY if last else None,
                utm_name=one.utm_name if one else None, by=state.actor(), now=state.now())
            state.go("campaigns", campaign=saved.name)


def _day(at: int | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)


with state.page_frame("Campaigns"):
    if chosen := state.param("campaign"):
        one_campaign(chosen)
    else:
        listing()
