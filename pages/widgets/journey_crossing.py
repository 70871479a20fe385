"""Journeys beside each other: where they meet in the same people, and which stages they look after."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from engine.audience.lifecycle import STAGES
from engine.journeys import crossing
from engine.journeys.crossing import Cell, Collision, Pressure

from . import state
from .tables import link_table, say_count

ROW_PX = 46


@st.cache_data(max_entries=8, ttl=120, show_spinner="Counting")
def _met(url: str, minute: int, days: int) -> tuple[list[Collision], list[Pressure]]:
    del url
    return (crossing.collisions(state.store(), now=minute, window_s=days * 86_400),
            crossing.pressure(state.store(), now=minute, window_s=days * 86_400))


@st.cache_data(max_entries=4, ttl=120, show_spinner="Counting")
def _cells(url: str, minute: int) -> list[Cell]:
    del url
    return crossing.journey_map(state.store(), now=minute)


def collisions() -> None:
    """Which live journeys write to the same people, and what the caps drop."""
    days = st.segmented_control("Window", [1, 7, 30], default=7, format_func=lambda one: "1 day" if one == 1 else f"{one} days",
                                required=True, label_visibility="collapsed")
    found, load = _met(state.store().url, state.now() // 60 * 60, days)
    several = sum(one.people for one in load if one.messages > 1)
    everybody = sum(one.people for one in load)
    if everybody:
        st.markdown(f"Journeys wrote to **{say_count(everybody, 'person', 'people')}**, to {several:,} of them more than once: "
                    + ", ".join(f"{one.people:,} got {'four or more' if one.messages == 4 else one.messages}"
                                for one in load) + ".")
    if not found:
        st.success("No two live journeys reach the same people.", icon=":material/check_circle:")
        return
    rows = [{"first": one.first, "second": one.second, "inside": one.inside, "mailed": one.mailed, "capped": one.capped}
            for one in found]
    chosen: Any = st.dataframe(rows, hide_index=True, on_select="rerun", selection_mode="single-row", key="collisions",
                               column_config={
        "first": "Journey", "second": "and journey",
        "inside": st.column_config.NumberColumn("In both now", help="People under way in both"),
        "mailed": st.column_config.NumberColumn("Wrote both", help="People who got messages of both within the window"),
        "capped": st.column_config.NumberColumn("Dropped", help="Messages that a cap dropped because of the other")})
    if ticked := chosen.selection.rows:
        _who(found[ticked[0]], days)
    else:
        st.caption("Tick a pair to see the people in whom the two meet.")
    st.caption("Give the more important one a higher priority on its send steps, or an exit rule to the other.")


def _who(pair: Collision, days: int) -> None:
    """The people behind the numbers of a pair."""
    met = crossing.met(state.store(), pair.first, pair.second, now=state.now(), window_s=days * 86_400)
    st.markdown(f"**{state.escaped(pair.first)}** and **{state.escaped(pair.second)}** meet in "
                f"{say_count(len(met), 'person', 'people')}.")
    rows = pd.DataFrame([{"Person": one.name, "In both now": one.inside, "Wrote both": one.mailed, "Dropped": one.capped}
                         for one in met])
    link_table(rows, "Person", lambda row: state.go("contacts", contact=met[row].contact_id, show="journeys"),
               {name: name for name in rows.columns if name != "Person"}, key=f"met:{pair.first}:{pair.second}")


def journey_map() -> None:
    """Stages by journeys, from the first contact to advocacy."""
    cells = _cells(state.store().url, state.now() // 60 * 60)
    if not cells:
        st.info("Nobody is under way in a journey yet.", icon=":material/map:")
        return
    stages = ["no stage", *STAGES]
    rows = pd.DataFrame([{"journey": one.journey, "stage": one.stage or "no stage", "people": one.people, "sent": one.sent,
                          "clicked": one.clicked, "words": f"{one.people:,} in\n{one.sent:,} sent"} for one in cells])
    base = alt.Chart(rows).encode(
        x=alt.X("stage:N", sort=stages, scale=alt.Scale(domain=stages), title=None,
                axis=alt.Axis(orient="top", labelAngle=0, ticks=False, domain=False, labelOverlap=False, labelFontSize=11)),
        y=alt.Y("journey:N", title=None, axis=alt.Axis(labelLimit=220, ticks=False, domain=False)),
        tooltip=[alt.Tooltip("journey", title="Journey"), alt.Tooltip("stage", title="Stage"),
                 alt.Tooltip("people", title="Under way", format=","), alt.Tooltip("sent", title="Sent in 90 days", format=","),
                 alt.Tooltip("clicked", title="Clicked", format=",")])
    boxes = base.mark_rect(cornerRadius=4).encode(opacity=alt.Opacity(
        "sent:Q", scale=alt.Scale(type="sqrt", range=[0.15, 0.5]), legend=None))
    boxes = boxes.add_params(alt.selection_point(name="cell", fields=["journey", "stage"]))
    ink = "#f1f3f9" if st.context.theme.type == "dark" else "#1e2233"
    chart = boxes + base.mark_text(fontSize=11, lineBreak="\n", dy=-7, color=ink).encode(text="words:N")
    pressed: Any = st.altair_chart(chart.properties(height=ROW_PX * rows["journey"].nunique() + 40), width="stretch",
                                   on_select="rerun", key="journey-map")
    for cell in pressed.selection.get("cell") or ():
        stage = "" if cell["stage"] == "no stage" else cell["stage"]
        state.go("journeys", journey=cell["journey"], tab="people", stage=stage)
    if bare := crossing.bare_stages(cells):
        st.warning(f"No journey looks after people at {', '.join(bare)}.", icon=":material/travel_explore:")
    st.caption("People under way now, and messages of the last 90 days to people who are at that stage today. "
               "Press a box to see who is under way.")
