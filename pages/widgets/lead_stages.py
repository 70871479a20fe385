"""Stages: how many stand where, how they flow, the rules in and out, and what no journey looks after."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine.audience import lifecycle, rules
from engine.clock import DAY

from . import pictures, rule_editor, state
from .tables import link_table


def stages_view() -> None:
    """The whole section."""
    counts = lifecycle.counts(state.store())
    rows = pd.DataFrame([{"stage": stage or "no stage", "people": count} for stage, count in counts.items()])
    pictures.bars(rows, label="stage", value="people")
    link_table(rows[rows.stage != "no stage"], "stage", lambda row: state.go("contacts", stage=rows.stage[row]), {
        "people": st.column_config.NumberColumn("People", format="localized")}, key="stages")
    _flow()
    _rules()
    _coverage()


def _flow() -> None:
    found = lifecycle.flow(state.store(), since=state.now() - 90 * DAY, until=state.now() + 1)
    st.markdown("**Flow of the last 90 days**")
    if found.empty:
        st.caption("Nobody entered a stage.")
        return
    number = {name: st.column_config.NumberColumn(label, format="localized") for name, label in (
        ("entered", "Entered"), ("moved_on", "Moved on"), ("fell_back", "Fell back"), ("still", "Still there"))}
    st.dataframe(found.assign(rate=100 * found.rate), hide_index=True, placeholder="–", column_config={
        "stage": "Stage", **number, "rate": st.column_config.NumberColumn("Moved on, of those who entered", format="%.0f %%"),
        "median_days": st.column_config.NumberColumn("Median days in it", format="%.1f")})


def _rules() -> None:
    found = {rule.stage: rule for rule in lifecycle.list_rules(state.store())}
    may = state.may("market")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Rules**", width="stretch")
        if may and st.button("Add or change a rule", icon=":material/add:"):
            rule_editor.forget("stage-rule")
            _dialog()
    st.caption("Whoever begins to match enters the stage in the same tick. Rules go forward; back only where they say so. "
               "What a person decided stands: a rule goes beyond it or leaves it alone.")
    for stage in (one for one in lifecycle.STAGES if one in found):
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.badge(stage, color="violet")
            st.markdown(state.escaped(found[stage].sentence) + (" :gray[(also back)]" if found[stage].regress else ""),
                        width="stretch")
            if may and st.button("Remove", key=f"stage-{stage}", icon=":material/delete:", type="tertiary"):
                lifecycle.remove_rule(state.store(), stage, by=state.actor(), now=state.now())
                st.rerun()


@st.dialog("Stage rule", width="large")
def _dialog() -> None:
    known = rules.known(state.store())
    stage = st.selectbox("Enters the stage", list(lifecycle.STAGES), index=2)
    held = next((rule for rule in lifecycle.list_rules(state.store()) if rule.stage == stage), None)
    document = rule_editor.editor(f"stage-rule-{stage}", held.rule if held else None, known)
    good = rule_editor.outcome(document, known, key="stage-rule") if document else None
    regress = st.toggle("May move people back from a later stage", bool(held and held.regress))
    with state.boundary():
        if st.button("Save", type="primary", disabled=good is None):
            lifecycle.save_rule(state.store(), str(stage), document, regress=regress, by=state.actor(), now=state.now())
            st.rerun()


def _coverage() -> None:
    found = lifecycle.coverage(state.store())
    if found.empty:
        return
    st.markdown("**Which journey looks after whom**")
    bare = [row.stage for row in found.itertuples() if row.in_none == row.people]
    if bare:
        st.warning(f"Nobody at {', '.join(bare)} is in a journey.", icon=":material/travel_explore:")
    st.dataframe(found, hide_index=True, placeholder="–",
                 column_config={"stage": "Stage", "people": "People", "in_none": "In no journey"})
