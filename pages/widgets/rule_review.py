"""What there is to know about a segment beside its members: why somebody is in it, overlap, drift, speed, review."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine.audience import comparing, explaining, segments
from engine.clock import DAY
from engine.errors import NotFound

from . import state
from .tables import say_count

VIEWS = {"why": "Why is somebody in it?", "overlap": "Overlap", "drift": "Drift", "speed": "Speed"}


def review_line(found: segments.Segment) -> None:
    """When the rule was last looked at, with the button that says it is still right; what the nightly audit found."""
    now = state.now()
    with st.container(horizontal=True, vertical_alignment="center"):
        if found.due(now):
            st.badge(f"last reviewed {words(found, now)}", icon=":material/schedule:", color="orange")
        else:
            st.badge(f"reviewed {words(found, now)}", icon=":material/check:", color="green")
        if found.differences:
            st.badge(f"the nightly audit put {say_count(found.differences, 'member', 'members')} right", color="orange",
                     icon=":material/build:")
        if state.may("analyze") and found.due(now) and st.button("Still right", icon=":material/done:"):
            segments.review(state.store(), found.name, by=state.actor(), now=now)
            st.rerun()


def words(found: segments.Segment, now: int, *, short: bool = False) -> str:
    """How long ago the rule was looked at, and whether it is time again. short: for a column."""
    days = max(now - found.reviewed_at, 0) // DAY
    ago = f"{say_count(days, 'day', 'days')} ago" if days else "today"
    return f"{ago}{', due' if short else ': is the rule still right?'}" if found.due(now) else ago


@st.fragment
def details(found: segments.Segment) -> None:
    """One view at a time, worked out when it is asked for."""
    view = st.segmented_control("More", list(VIEWS), key=f"more:{found.id}", format_func=VIEWS.__getitem__,
                                label_visibility="collapsed")
    with state.boundary():
        if view == "why":
            _why(found)
        elif view == "overlap":
            _overlap(found)
        elif view == "drift":
            _drift(found)
        elif view == "speed":
            _speed(found)


def _why(found: segments.Segment) -> None:
    who = st.text_input("Email or external id", key=f"why:{found.id}", width=360)
    if not who.strip():
        return
    try:
        told = explaining.explain(state.store(), found.name, who.strip(), now=state.now())
    except NotFound as error:
        st.info(str(error), icon=":material/person_off:")
        return
    st.markdown(f"**{'In' if told.matches else 'Not in'} the segment**, because:")
    with st.container(border=True, gap="xxsmall"):
        for line in told.lines:
            seen = ", ".join(f"{label} {value or 'nothing'}" for label, value in line.observed.items())
            mark = ":green[:material/check_circle:]" if line.matches else ":gray[:material/cancel:]"
            st.markdown("&emsp;" * line.depth + f"{mark} {state.escaped(line.sentence)}"
                        + (f" :gray[({state.escaped(seen)})]" if seen else ""))


def _overlap(found: segments.Segment) -> None:
    rows = comparing.overlap(state.store(), found.name)
    if rows.empty:
        st.info("No other segment has any of its members.", icon=":material/join_inner:")
        return
    st.dataframe(rows, hide_index=True, placeholder="–", column_config={
        "name": "Segment", "members": st.column_config.NumberColumn("Members", format="localized"),
        "both": st.column_config.NumberColumn("In both", format="localized"),
        "share": st.column_config.ProgressColumn("Share of this segment", format="percent", min_value=0, max_value=1)})


def _drift(found: segments.Segment) -> None:
    rows = comparing.drift(state.store(), found.name, now=state.now())
    st.caption(f"Members of now beside those of {comparing.DRIFT_DAYS} days ago, by the population stability index: below "
               f"{comparing.STABLE} the same people, above {comparing.SHIFTED} others.")
    table = pd.DataFrame([{"what": one.what, "index": one.index, "verdict": one.verdict} for one in rows])
    st.dataframe(table, hide_index=True, placeholder="–", column_config={
        "what": "In what", "index": st.column_config.NumberColumn("Index", format="%.3f"), "verdict": "Verdict"})


def _speed(found: segments.Segment) -> None:
    if found.seconds is not None:
        st.caption(f"Everybody was last asked in {found.seconds:.2f} s. Each condition by itself, the dearest first:")
    rows = comparing.timing(state.store(), found.name, now=state.now())
    st.dataframe(pd.DataFrame([{"seconds": one.seconds, "count": one.count, "sentence": one.sentence} for one in rows]),
                 hide_index=True, placeholder="–", column_config={
                     "seconds": st.column_config.NumberColumn("Seconds", format="%.3f"),
                     "count": st.column_config.NumberColumn("Matches", format="localized"), "sentence": "Condition"})
