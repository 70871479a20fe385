"""Home: what needs attention, how it goes, what is under way, what is still to be set up."""

from __future__ import annotations

import streamlit as st

from engine.journeys import versions
from engine.measure import kpis
from engine.service import attention
from engine.service.attention import Notice, Step
from pages.widgets import demo, pictures, state
from pages.widgets.tables import say_count

DAYS = 30
_LEVELS = {"error": (":material/error:", "red"), "warning": (":material/warning:", "orange"),
           "info": (":material/info:", "blue")}


@st.cache_data(max_entries=8, ttl=60, show_spinner="Counting")
def _headline(url: str, day: int) -> list[kpis.Kpi]:
    del url
    return kpis.headline(state.store(), now=day, days=DAYS)


def _attention(found: list[Notice]) -> None:
    st.subheader("Needs attention", anchor=False)
    if not found:
        st.success("Nothing: everything runs.", icon=":material/check_circle:")
    for place, one in enumerate(found):
        icon, color = _LEVELS[one.level]
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"notice-{place}"):
            st.markdown(f":{color}[{icon}] {state.escaped(one.sentence)}", width="stretch")
            state.link_to(one.page, "Look", icon=":material/arrow_forward:", **one.params)


def _journeys() -> None:
    st.subheader("Live journeys", anchor=False)
    live = [one for one in versions.list_journeys(state.store()) if one.status == "live"]
    if not live:
        st.info("No journey is live yet.", icon=":material/account_tree:")
        state.link_to("journeys", "Draw one")
    for one in live:
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"journey-{one.id}"):
            state.link_to("journeys", one.name, journey=one.name)
            st.markdown(f":gray[{say_count(one.waiting, 'person', 'people')} under way, {one.entered:,} entered]",
                        width="stretch", text_alignment="right")


def _setup(steps: list[Step]) -> None:
    done = sum(step.done for step in steps)
    if done == len(steps):
        return
    st.subheader("Set up", anchor=False)
    st.progress(done / len(steps), text=f"{done} of {len(steps)} done")
    with st.container(border=True):
        for step in steps:
            with st.container(horizontal=True, vertical_alignment="center"):
                mark = ":green[:material/check_circle:]" if step.done else ":gray[:material/circle:]"
                words = f"~~{step.title}~~" if step.done else f"**{step.title}**. {step.sentence}"
                st.markdown(f"{mark} {words}", width="stretch")
                if not step.done:
                    state.link_to(step.page, "Go", icon=":material/arrow_forward:", **step.params)


with state.page_frame("Home"):
    demo.panel()
    day = state.now() // 3_600 * 3_600
    pictures.kpi_row(_headline(state.config().database_url, day), f"vs {DAYS} days before")
    left, right = st.columns(2, gap="large")
    with left:
        _attention(attention.notices(state.store(), now=state.now(), clock_now=state.clock_now()))
        if not demo.is_demo():
            _setup(attention.setup(state.store(), state.config()))
    with right:
        _journeys()
