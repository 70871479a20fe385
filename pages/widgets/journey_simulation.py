"""Try a journey before it is live: choose a span, and see on the canvas and in a report what would happen."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from engine.clock import DAY
from engine.errors import Invalid
from engine.journeys import canvas, documents, picture
from engine.journeys.nodes import Known
from engine.loop import simulate as simulating
from engine.loop.simulate import Simulation

from . import state
from .canvas import journey_canvas
from .journey_publishing import problem_list
from .tables import say_count

HEIGHT_PX = 520
BACK = {30: "the last month", 90: "the last three months", 180: "the last six months", 365: "the last year"}
AHEAD = {14: "the next two weeks", 30: "the next month", 90: "the next three months"}
SAMPLES = {500: "a sample of 500", 2_000: "a sample of 2,000", 0: "everybody"}


def section(name: str, text: str, known: Known) -> None:
    """The Simulate section of a journey. text: its document, the draft's or a version's."""
    key = f"simulated:{name}"
    with st.container(border=True, key="simulate-controls"), state.boundary():
        _controls(key, text)
    found: tuple[Simulation, str] | None = st.session_state.get(key)
    if found is None:
        st.caption("Nothing is written and nothing leaves: the journey runs on a copy, with the caps and segments of "
                   "the workspace.")
        return
    if found[1] != text:
        st.info("The journey has changed since: these numbers are of the one before.", icon=":material/history:")
    _result(found[0], found[1], known)


def _controls(key: str, text: str) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        ahead = st.segmented_control("Simulate", ["Replay the past", "Go on from now"], default="Replay the past",
                                     required=True, key=f"{key}:mode") == "Go on from now"
        spans = AHEAD if ahead else BACK
        days = st.selectbox("Over", list(spans), format_func=spans.get, index=1, width=195, key=f"{key}:days:{ahead}")
        sample = st.selectbox("With", list(SAMPLES), format_func=SAMPLES.get, index=1, width=175, key=f"{key}:sample")
        seed = st.number_input("Seed", 1, 9_999, 1, width=105, key=f"{key}:seed", help="The same seed gives the same answer")
        pressed = st.button("Simulate", icon=":material/play_arrow:", type="primary")
    if pressed:
        _run(key, text, ahead, int(days), int(sample) or None, int(seed))


def _run(key: str, text: str, ahead: bool, days: int, sample: int | None, seed: int) -> None:
    bar, now = st.progress(0.0, "Copying the workspace into memory"), state.now()
    span: dict[str, Any] = {"forward_days": days} if ahead else {"since": now - days * DAY}
    try:
        found = simulating.simulate(
            state.store(), text, now=now, sample=sample, seed=seed, **span,
            progress=lambda share: bar.progress(min(1.0, share), f"Day {round(share * days):,} of {days:,}"))
    except Invalid as error:
        bar.empty()
        st.error("This journey can not run yet. Mend what the list says, then simulate again.", icon=":material/error:")
        problem_list(error.problems)
        return
    bar.empty()
    st.session_state[key] = (found, text)


# ------------------------------------------------------------ what came of it


def _result(found: Simulation, text: str, known: Known) -> None:
    _headline(found)
    st.markdown("  \n".join(state.escaped(line) for line in found.sentences))
    document = documents.load(text)
    ports = {canvas.START: {"next": found.entered}} | {node: dict(counts) for node, counts in found.by_node.items()}
    journey_canvas(
        key=f"simulation:{found.journey}", rev=f"{hash(text)}:{found.since}:{found.seed}:{found.contacts}",
        graph=canvas.decorated(canvas.to_graph(document, known), document, known), kinds=canvas.kinds(), readonly=True,
        counts=found.waiting_at, port_counts=ports, height=HEIGHT_PX,
        pictures=lambda: picture.files(document, known, ports, name=f"{found.journey} simulated"))
    st.caption("At each way out: how many went there. On a step: who stands there at the end.")
    left, right = st.columns(2, gap="medium")
    with left:
        _per_day(found)
        _table("Why messages were not sent", {_reason(why): count for why, count in found.skipped.items()}, "messages")
        _table("Messages per person", {say_count(n, "message", "messages"): count for n, count in found.per_person.items()},
               "people")
    with right:
        _table("How people leave", found.exits, "people")
        _beside(found)
        _dead(found)
    _words(found)


def _headline(found: Simulation) -> None:
    total, busiest = sum(found.messages.values()), max((day.sent for day in found.per_day), default=0)
    for column, (label, value, note) in zip(st.columns(4), (
            ("Would enter", f"{found.entered:,}", None), ("Messages", f"{total:,}", None),
            ("On the busiest day", f"{busiest:,}", "messages"),
            ("Inside at the end", f"{found.waiting:,}", None)), strict=True):
        column.metric(label, value, border=True, help=note)


def _per_day(found: Simulation) -> None:
    st.markdown("**Each day**")
    frame = pd.DataFrame([{"day": one.day, "what": what, "count": count} for one in found.per_day
                          for what, count in (("enter", one.entered), ("messages", one.sent), ("leave", one.left))])
    chart = alt.Chart(frame).mark_line(interpolate="step-after").encode(
        x=alt.X("day:T", title=None), y=alt.Y("count:Q", title=None), color=alt.Color("what:N", title=None, sort=[
            "enter", "messages", "leave"], legend=alt.Legend(orient="top")), tooltip=["day:T", "what:N", "count:Q"])
    st.altair_chart(chart.properties(height=220), width="stretch")


def _table(title: str, counts: dict[str, int], unit: str) -> None:
    if counts:
        st.markdown(f"**{title}**")
        st.dataframe(pd.DataFrame({"": list(counts), unit: list(counts.values())}), hide_index=True, placeholder="–",
                     width="stretch")


def _reason(code: str) -> str:
    return simulating.REASONS.get(code, code)


def _beside(found: Simulation) -> None:
    if not found.collisions:
        return
    st.markdown("**Other journeys that meet the same people**")
    st.dataframe(pd.DataFrame([{"journey": one.journey, "people in both at once": one.together,
                                "messages within a day": one.near} for one in found.collisions]),
                 hide_index=True, placeholder="–", width="stretch")


def _dead(found: Simulation) -> None:
    if found.dead:
        st.markdown("**Nobody went this way**")
        st.markdown("  \n".join(f":material/block: {state.escaped(one)}" for one in found.dead))


def _words(found: Simulation) -> None:
    if found.walk:
        with st.expander(f"One walk: {state.escaped(found.walk.who)}", icon=":material/directions_walk:"):
            for line in found.walk.lines:
                st.markdown(f"- {state.escaped(line)}")
    with st.expander("What is taken for granted", icon=":material/info:", expanded=True):
        for line in found.assumptions:
            st.markdown(f"- {state.escaped(line)}")
    report = "\n".join(["# " + found.journey, "", *found.sentences, "", *found.assumptions, "",
                        *(found.walk.lines if found.walk else ())])
    st.download_button("Download the report", report, f"{found.journey} simulated.md", "text/markdown",
                       icon=":material/download:")
