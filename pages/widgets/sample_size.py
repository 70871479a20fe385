"""The planner of tests: how many people it takes to see a difference."""

from __future__ import annotations

import streamlit as st

from engine.trials import planner

from . import state


def plan() -> None:
    """A form and its answer."""
    left, right = st.columns(2)
    with left:
        rate = st.number_input("Rate today, %", 0.01, 99.0, 5.0, step=0.5)
        lift = st.number_input("Relative lift worth seeing, %", -90.0, 900.0, 20.0, step=5.0)
        arms = st.number_input("Arms", 2, 10, 2)
    with right:
        audience = st.number_input("People each arm can have", 1, 10_000_000, None, placeholder="Not known")
        power = st.number_input("Power, %", 50.0, 99.9, 80.0)
        alpha = st.number_input("Alpha, %", 0.1, 50.0, 5.0)
    made = planner.plan(rate / 100, relative_lift=lift / 100, audience_per_arm=audience, power=power / 100, alpha=alpha / 100,
                        n_arms=int(arms))
    first, second = st.columns(2)
    first.metric("People per arm", f"{made.n_per_arm:,}", border=True)
    second.metric("In all", f"{made.total:,}", border=True)
    st.markdown(state.escaped(made.sentence))
