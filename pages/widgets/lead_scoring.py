"""Scores: the matrix, the rules that give points, half-lives and lines, and the newest entries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from engine.audience import rules, scoring
from engine.audience.scoring import ScoreRule

from . import rule_editor, state
from .tables import link_table, moment_column, moments


def scoring_view() -> None:
    """The whole section."""
    may = state.may("market")
    left, right = st.columns([3, 2], gap="large")
    with left:
        _rules(may)
    with right:
        _matrix()
        _policy(may)
    _recent()


def _matrix() -> None:
    cells = pd.DataFrame(scoring.matrix(state.store()))
    held = scoring.policy(state.store())
    st.markdown("**Who fits, and who is engaged**")
    base = alt.Chart(cells).encode(
        x=alt.X("engagement:N", title="Engagement", axis=alt.Axis(labelAngle=0, orient="top")), y=alt.Y("fit:N", title="Fit"))
    # The shade grows with the logarithm: most people stand in C3.
    shade = alt.Opacity("people:Q", scale=alt.Scale(type="symlog", range=[0.08, 0.75]), legend=None)
    ink = "white" if st.context.theme.type == "dark" else "black"  # the theme of charts says nothing of marks that are texts
    drawn = base.mark_rect().encode(opacity=shade) + base.mark_text(fontSize=15, color=ink).encode(
        text=alt.Text("people:Q", format=","))
    st.altair_chart(drawn.properties(height=180), width="stretch")
    st.caption(f"A from {held.fit_bands[0]} fit points, B from {held.fit_bands[1]}; 1 from {held.engagement_bands[0]} "
               f"engagement points, 2 from {held.engagement_bands[1]}.")


def _rules(may: bool) -> None:
    found = scoring.list_rules(state.store())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Rules**", width="stretch")
        if may and st.button("Add a rule", icon=":material/add:"):
            rule_editor.forget("score-rule")
            _dialog(None)
    if not found:
        st.info("No rule gives points yet. Journeys may, with the node Score. Start with what buyers do: a visit to the "
                "pricing page, a form, a webinar; and take points off for what tells that somebody will not buy.",
                icon=":material/leaderboard:")
    for one in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.badge(f"{one.points:+d}", color="green" if one.points > 0 else "red")
            when = "while" if one.segment_id else "each time"
            caps = "".join(f", {count}× {words} at most" for count, words in ((one.max_per_contact, "per person"),
                                                                              (one.max_per_day, "a day")) if count)
            st.markdown(f"**{state.escaped(one.name)}** · {one.group}  \n:gray[{when} {state.escaped(one.sentence)}{caps}]",
                        width="stretch")
            if may and st.button("Change", key=f"change-{one.id}", icon=":material/edit:", type="tertiary"):
                rule_editor.forget("score-rule")
                _dialog(one)


@st.dialog("Score rule", width="large")
def _dialog(old: ScoreRule | None) -> None:
    known = rules.known(state.store())
    document: dict[str, Any] = old.document if old else {}
    name = st.text_input("Name", old.name if old else "", disabled=old is not None, placeholder="Visited pricing")
    kind = st.segmented_control("Gives points", ["each time something happens", "while something holds"], required=True,
                                default="while something holds" if "rule" in document else "each time something happens")
    points, group = st.columns(2)
    made: dict[str, Any] = {
        "points": int(points.number_input("Points", -10_000, 10_000, document.get("points", 10), help="Below 0: takes off.")),
        "group": group.selectbox("Group", scoring.GROUPS, list(scoring.GROUPS).index(document.get("group", "engagement")))}
    if kind == "while something holds":
        made["rule"] = rule_editor.editor("score-rule", document.get("rule"), known)
    else:
        given = {key: document[key] for key in ("event", "where") if key in document}
        made |= rule_editor.event_filter("score-rule-event", given or None, known) or {}
        times, daily = st.columns(2)
        made["max_per_contact"] = times.number_input("Times per person at most", 1, None, document.get("max_per_contact"))
        made["max_per_day"] = daily.number_input("Times a day at most", 1, None, document.get("max_per_day"))
    st.caption("It counts from now on; who is in a state already gets its points. Opens never count: machines open mail.")
    save, gone = st.columns(2)
    with state.boundary():
        if save.button("Save", type="primary", disabled=not name.strip()):
            scoring.save_rule(state.store(), name, made, by=state.actor(), now=state.now())
            st.rerun()
        if old and gone.button("No more points from it", icon=":material/archive:"):
            scoring.archive_rule(state.store(), old.name, by=state.actor(), now=state.now())
            st.rerun()


def _policy(may: bool) -> None:
    held = scoring.policy(state.store())
    with st.form("score-policy"):
        st.markdown("**Half-lives and lines**")
        days = {group: st.number_input(f"Half-life of {group}, days", 1, 3_650, held.half_life_days.get(group),
                                       placeholder="Points keep their worth", disabled=not may) for group in scoring.GROUPS}
        lines = {name: int(st.number_input(f"{name.upper()} from a total of", 1, 100_000, line, disabled=not may))
                 for name, line in held.thresholds.items()}
        bands = {name: tuple(int(place.number_input(f"{label} from", -10_000, 100_000, value, disabled=not may))
                             for place, label, value in zip(st.columns(2), labels, getattr(held, name), strict=True))
                 for name, labels in (("fit_bands", ("A", "B")), ("engagement_bands", ("1", "2")))}
        if st.form_submit_button("Save", disabled=not may):
            with state.boundary():
                wanted = replace(held, half_life_days=days, thresholds=lines, **bands)  # type: ignore[arg-type]
                scoring.save_policy(state.store(), wanted, by=state.actor(), now=state.now())
                st.rerun()
    st.caption("Crossing a line is the event score_rose or score_fell, once each time; journeys can start from it.")


def _recent() -> None:
    rows = scoring.recent(state.store())
    if rows.empty:
        return
    st.markdown("**The newest points of everybody.** A score is the sum of such entries and nothing else.")
    link_table(moments(rows, "at"), "who", lambda row: state.go("contacts", contact=int(rows.contact_id[row]), show="score"), {
        "points": st.column_config.NumberColumn("Points", format="%+d"), "group": st.column_config.TextColumn("Group"),
        "reason": st.column_config.TextColumn("Why", width="large"), "at": moment_column("When"),
    }, key="entries", label="Who")
