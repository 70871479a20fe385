"""Reports by groups of people: the choice of groups, ROI, the funnel, and an A/B test in each."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from engine.clock import HOUR
from engine.maths.money import from_minor
from engine.measure import breakdown, groups, splits
from engine.measure.breakdown import Breakdown
from engine.measure.groups import Grouping
from engine.measure.splits import Parts, Test, Window
from engine.trials.results import Analysis

from . import charts, state

WORDS = {"persona": "Persona", "topic": "Topic interest", "source": "Acquisition source"}


def choose(label: str = "Split by") -> Grouping | None:
    """The groups of the address; None: nobody is kept apart."""
    chosen = state.choice_param(label, "by", groups.choices(state.store()), width=260, words=_said)
    return groups.read(state.store(), chosen) if chosen else None


def _said(key: str) -> str:
    return WORDS.get(key) or f"Segment: {key.removeprefix('segment:')}"


# ------------------------------------------------------------ ROI


@st.cache_data(ttl=600, max_entries=16, show_spinner="Adding up by groups")
def _report(url: str, by: str, since: int, until: int, campaign: str | None, model: str) -> Breakdown:
    del url
    return breakdown.report(state.store(), groups.read(state.store(), by), since=since, until=until, campaign=campaign,
                            model=model)


def roi(since: int, until: int, campaign: str | None, model: str) -> None:
    """The figures of a span by groups."""
    grouping = choose("Keep people apart by …")
    if grouping is None:
        st.info("Choose what to keep people apart by: persona, topic interest, where they came from, or a segment.",
                icon=":material/groups:")
        return
    found = _report(state.store().url, grouping.key, since, until, campaign, model)
    currency = found.currency or "units"
    rows = [{"group": one.group, "sent": one.sent, "clicked": one.clicked / one.sent if one.sent else None, "leads": one.leads,
             "mqls": one.mqls, "customers": one.customers, "deals": one.deals, "won": _units(one.closed_won_minor, found),
             "credited": _units(one.credited_minor, found), "no touch": _units(one.no_touch_minor, found)}
            for one in found.parts]
    charts.bars(pd.DataFrame(rows), "group", "credited", titles=("", f"credited, {currency}"),
                order=[one.group for one in found.parts])
    money = {name: st.column_config.NumberColumn(f"{name.capitalize()}, {currency}", format="localized")
             for name in ("won", "credited", "no touch")}
    counts = {name: st.column_config.NumberColumn(label, format="localized")
              for name, label in (("sent", "Messages"), ("leads", "Leads"), ("mqls", "MQLs"))}
    st.dataframe(rows, hide_index=True, placeholder="–", width="stretch", column_config={
        "group": grouping.words.capitalize(), "clicked": st.column_config.NumberColumn("Clicked", format="percent"), **counts,
        "customers": st.column_config.NumberColumn("Customers", format="%.1f"),
        "deals": st.column_config.NumberColumn("Deals", format="%.1f"), **money})
    notes([breakdown.MOMENTS_SENTENCE, *found.notes])


def _units(minor: int, found: Breakdown) -> float:
    return float(from_minor(minor, found.currency or ""))


def funnel(stages: tuple[str, ...]) -> bool:
    """How far each group has come; False when nobody is kept apart."""
    grouping = choose()
    if grouping is None:
        return False
    counts = breakdown.funnel(state.store(), grouping, now=state.now())
    rows: list[dict[str, Any]] = []
    for group in dict.fromkeys(part for part, _, _ in counts):
        reached = 0
        held = {stage: count for part, stage, count in counts if part == group}
        for stage in reversed(stages):
            reached += held.get(stage, 0)
            rows.append({"stage": stage, "group": group, "people": reached})
    frame = pd.DataFrame(rows)
    whole = frame.groupby("group")["people"].transform("max")
    later = frame.assign(share=frame["people"] / whole)[frame["stage"] != stages[0]]
    charts.bars(later, "stage", "share", color="group", titles=("", "share of the group"), order=list(stages[1:]), number=".0%",
                colors=list(dict.fromkeys(frame["group"])))
    table = frame.pivot_table(index="group", columns="stage", values="people", sort=False)[list(stages)]
    st.dataframe(table.reset_index(), hide_index=True, width="stretch", column_config={
        "group": grouping.words.capitalize(), **{stage: st.column_config.NumberColumn(stage, format="localized")
                                                 for stage in stages}})
    notes([f"People who stand at a stage or further on, with the {grouping.words} they have now; above, as a share of "
           "everybody in the group who is at a stage."])
    return True


# ------------------------------------------------------------ A/B tests


@st.cache_data(ttl=HOUR, max_entries=16, show_spinner="Reading each group")
def _parts(url: str, test: Test, window: Window, by: str, now: int) -> tuple[dict[str, Analysis], list[str], str]:
    del url
    found: Parts = splits.read_parts(state.store(), test, window, groups.read(state.store(), by), now=now)
    return found.groups, found.notes, found.grouping.words


def test(test: Test, window: Window, now: int) -> None:
    """A test in each group of the address."""
    st.subheader("In groups of people", anchor=False)
    grouping = choose()
    if grouping is None:
        return
    found, remarks, words = _parts(state.store().url, test, window, grouping.key, now)
    if not found:
        st.info("Nobody's window has closed yet.", icon=":material/hourglass_empty:")
        return
    rows = [{"group": group, "arm": arm.name, "people": arm.n, "converted": arm.successes, "rate": arm.rate,
             "difference": one.difference if one else None, "from": one.ci[0] if one and one.ci else None,
             "to": one.ci[1] if one and one.ci else None, "p": one.p_adjusted if one else None}
            for group, analysis in found.items() for arm in analysis.arms
            for one in [next((one for one in analysis.comparisons if one.b == arm.name), None)]]
    percent = {name: st.column_config.NumberColumn(label, format="percent") for name, label in (
        ("rate", "Rate"), ("difference", "Difference"), ("from", "95 % from"), ("to", "95 % to"))}
    st.dataframe(rows, hide_index=True, width="stretch", placeholder="–", column_config={
        "group": words.capitalize(), "arm": "Arm", "people": "People", "converted": "Converted", **percent,
        "p": st.column_config.NumberColumn("p, adjusted", format="%.4f")})
    for group, analysis in found.items():
        st.markdown(f"**{state.escaped(group)}**: {state.escaped(analysis.verdict)}")
    notes(remarks)


def notes(lines: list[str]) -> None:
    """Remarks below a table."""
    for line in lines:
        st.caption(f":material/info: {state.escaped(line[:1].upper() + line[1:])}")
