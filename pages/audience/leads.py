"""Leads: who is hot, at which stage, and why."""

from __future__ import annotations

import streamlit as st

from engine.audience import lifecycle, routing
from engine.people.contacts import listing
from engine.people.contacts.listing import Wanted
from pages.widgets import lead_desk, lead_routing, lead_scoring, lead_stages, people, state
from pages.widgets.tables import say_count

SECTIONS = {"queue": "My queue", "hot": "Hottest", "scoring": "Scoring", "stages": "Stages", "routing": "Routing",
            "acceptance": "Acceptance"}


def _queue() -> None:
    reps = routing.list_reps(state.store())
    if reps:
        lead_desk.desk(reps)
        return
    st.info("Nobody takes leads yet: add the people of sales, and whoever becomes an MQL lands here with a deadline.",
            icon=":material/group_add:")
    st.button("Set up routing", type="primary", on_click=state.set_param, args=("view", "routing"))


def _hot() -> None:
    stages = [stage for stage, count in lifecycle.counts(state.store()).items() if stage and count]
    wanted = Wanted(stage=state.choice_param("Stage", "stage", stages), with_score=True)
    total = listing.count(state.store(), wanted)
    if not total:
        st.info("Nobody has a score here yet. Journeys give points with the node Score; the highest stand first.",
                icon=":material/local_fire_department:")
        return
    st.markdown(f"**{say_count(total, 'person', 'people')}** with a score, the hottest first. Open one to see what they did "
                "and which message leaves next.")
    people.people_table(wanted, total, key="queue", order="score")


with state.page_frame("Leads"):
    sections = {"queue": _queue, "hot": _hot, "scoring": lead_scoring.scoring_view, "stages": lead_stages.stages_view,
                "routing": lead_routing.routing_view, "acceptance": lead_desk.report}
    sections[state.section(SECTIONS)]()
