"""Settings, limits: how often and when one person is written to, and how sending begins at mail domains new to us."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine import access
from engine.clock import iso, say_duration
from engine.loop import watchdog
from engine.outreach import policy
from engine.outreach.policy import ACTIONS, WEEKDAYS
from engine.people.consent import CHANNELS

from . import state

USUAL_QUIET, USUAL_HOURS = "21:00-08:00", "09:00-17:00"


def form(may: bool) -> None:
    """The limits of the workspace. A journey may say something else for itself, at its start."""
    st.markdown("Limits hold marketing messages back, over all journeys together; transactional ones leave at once. Whatever "
                "is held back or skipped says why on the person's page.")
    _often(may)
    _when(may)
    _warm_up(may)
    _watchdog(state.may("administer"))


def _often(may: bool) -> None:
    st.subheader("How often")
    held = [{"n": cap.n, "per": say_duration(cap.per_s), "channels": ", ".join(cap.channels), "action": cap.action}
            for cap in policy.caps(state.store())]
    edited = st.data_editor(held or [{"n": 3, "per": "7d", "channels": "email", "action": "skip"}],
                            num_rows="dynamic", key="caps", disabled=not may, column_config={
        "n": st.column_config.NumberColumn("At most", min_value=1, step=1, required=True),
        "per": st.column_config.TextColumn("In", help="A number and h, d or w; the last so long, sliding", required=True),
        "channels": st.column_config.TextColumn("Over", help=f"{', '.join(CHANNELS)}; empty: all together"),
        "action": st.column_config.SelectboxColumn("Else", options=list(ACTIONS), required=True, help="skip it; delay it until "
                                                   "there is room; replace a less important one that has not left")})
    if st.button("Save", type="primary", disabled=not may):
        caps = [{**row, "channels": _words(row["channels"])} for row in edited]
        policy.save_caps(state.store(), caps, by=state.actor(), now=state.now())
        st.toast("Saved.", icon=":material/check:")


def _when(may: bool) -> None:
    st.subheader("When, on each person's own clock")
    held = access.setting(state.store(), "hours") or {}
    with st.form("hours"):
        quiet_on = st.toggle("Quiet hours", bool(held.get("quiet")), disabled=not may)
        quiet = st.text_input("Nothing leaves from", held.get("quiet") or USUAL_QUIET, disabled=not may,
                              help="Over midnight too. What comes up then leaves when they are over.")
        hours_on = st.toggle("Only in these hours", bool(held.get("hours") or held.get("weekdays")), disabled=not may)
        left, right = st.columns([1, 2])
        hours = left.text_input("Messages leave from", held.get("hours") or USUAL_HOURS, disabled=not may)
        days = right.pills("on", list(WEEKDAYS), default=held.get("weekdays") or list(WEEKDAYS[:5]), disabled=not may,
                           selection_mode="multi", format_func=lambda day: day[:3].capitalize())
        if st.form_submit_button("Save hours", type="primary", disabled=not may):
            wanted = ({"quiet": quiet.strip()} if quiet_on else {}) | (
                {"hours": hours.strip(), "weekdays": days} if hours_on else {})
            policy.save_hours(state.store(), wanted, by=state.actor(), now=state.now())
            st.rerun()
    st.caption(f"People without a time zone live in {state.config().default_zone}.")


def _warm_up(may: bool) -> None:
    st.subheader("Warming up")
    st.markdown("Mail providers mistrust an address that suddenly sends much. A day's share rises until the goal is reached; "
                "the most important messages go first, the others wait for the next day.")
    held: list[dict[str, Any]] = [{"domain": one.domain, "from": str(iso(one.from_at))[:10], "first": one.first,
                                   "growth": one.growth, "until": one.until} for one in policy.ramps(state.store())]
    edited = st.data_editor(held or [dict.fromkeys(("domain", "from", "first", "growth", "until"))], num_rows="dynamic",
                            key="warm-up", disabled=not may, placeholder="", column_config={
        "domain": st.column_config.TextColumn("Mail domain", help="gmail.com"),
        "from": st.column_config.TextColumn("From", help="2026-03-01"),
        "first": st.column_config.NumberColumn("First day", min_value=1, step=1),
        "growth": st.column_config.NumberColumn("Times a day", min_value=1.0, max_value=10.0),
        "until": st.column_config.NumberColumn("Until a day has", min_value=2, step=1)})
    if st.button("Save warm-up", type="primary", disabled=not may):
        wanted = [row for row in edited if row.get("domain")]
        policy.save_ramps(state.store(), wanted, by=state.actor(), now=state.now())
        st.toast("Saved.", icon=":material/check:")


def _watchdog(may: bool) -> None:
    st.subheader("Watchdog")
    st.markdown("A journey is paused when too many of those it wrote to within the window unsubscribe, complain "
                "or bounce. A person resumes it.")
    held = watchdog.thresholds(state.store())
    with st.form("watchdog", border=True):
        rates = (("Unsubscribed", held.unsubscribe_rate), ("Complained", held.complaint_rate), ("Bounced", held.bounce_rate))
        unsubscribed, complained, bounced = (
            place.number_input(f"{label}, % of those sent", 0.01, 100.0, rate * 100, 0.1)
            for place, (label, rate) in zip(st.columns(3), rates, strict=True))
        left, middle, _ = st.columns(3)
        least = left.number_input("When at least so many were sent", 1, 1_000_000, held.least_sent)
        window = middle.text_input("Within", say_duration(held.window_s))
        if st.form_submit_button("Save", type="primary", disabled=not may):
            with state.boundary():
                said = {**watchdog.document(held), "unsubscribe_rate": unsubscribed / 100, "complaint_rate": complained / 100,
                        "bounce_rate": bounced / 100, "least_sent": int(least), "window": window}
                watchdog.save(state.store(), said, by=state.actor(), now=state.now())
                st.toast("Saved.", icon=":material/check:")


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]
