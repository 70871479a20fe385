"""Why somebody is not in a journey: asked on their page."""

from __future__ import annotations

import streamlit as st

from engine.journeys import versions
from engine.loop.why_not import Candidate, WhyNot, why_not

from . import state


def ask_why_not(who: str) -> None:
    """Choose a journey; which condition of its way in failed, with what was observed."""
    names = [one.name for one in versions.list_journeys(state.store()) if one.version is not None]
    if not names:
        return
    chosen = state.choice_param("Why not in …", "absent", names, width=320)
    if chosen:
        _show(why_not(state.store(), who, chosen, now=state.now()))


def _show(found: WhyNot) -> None:
    with st.container(border=True, key="why-not"):
        st.markdown(f"**{state.escaped(found.verdict)}**")
        st.caption(f"{state.escaped(found.trigger)} {state.escaped(found.reentry)}")
        for one in found.candidates:
            _candidate(one)
        for line in found.lines:
            mark = ":green[:material/check:]" if line.matches else ":red[:material/close:]"
            seen = ", ".join(f"{label} {value if value is not None else 'none'}" for label, value in line.observed.items())
            st.markdown(f"{'&nbsp;' * 6 * line.depth}{mark} {state.escaped(line.sentence)}"
                        + (f" :gray[({state.escaped(seen)})]" if seen else ""))


def _candidate(one: Candidate) -> None:
    icon = "check" if one.code == "entered" else "schedule" if one.code == "unheard" else "close"
    seen = ", ".join(f"{name}: {value}" for name, value in one.evidence.items()) if one.code == "no_match" else ""
    st.markdown(f":material/{icon}: {state.escaped(one.sentence)}" + (f" :gray[It was {state.escaped(seen)}.]" if seen else ""))
