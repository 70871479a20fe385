"""The people behind the numbers of a journey: who stands where, since when, until when and why; who entered, who left."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from engine.journeys import passengers
from engine.journeys.passengers import MOST_COUNTED, Passenger, Standing, Wanted
from engine.journeys.versions import Version
from engine.outreach import limits

from . import state
from .person import when
from .tables import PER_PAGE, link_table, say_count

WHO = {"inside": "Under way", "left": "Left", "everybody": "Everybody who entered"}


def section(name: str, shown: Version | None, status: str) -> None:
    """The People section of a journey. shown: a version that is looked at alone. status: of the journey."""
    wanted = _wanted(name, shown)
    total = passengers.count(state.store(), name, wanted)
    st.markdown(_headline(total, wanted))
    if not total:
        return
    found = passengers.page(state.store(), name, wanted, offset=state.offset(total, PER_PAGE), limit=PER_PAGE)
    rows = pd.DataFrame([_row(one, status) for one in found])
    rows = rows.loc[:, (rows != "").any()]  # where nobody has left, there is no column for it
    columns = {column: column for column in rows.columns if column != "Person"}
    link_table(rows, "Person", lambda row: state.go("contacts", contact=found[row].contact_id, show="journeys"), columns,
               key="journey-people")
    state.page_numbers(total, PER_PAGE)


def _wanted(name: str, shown: Version | None) -> Wanted:
    """Who is asked for, by the address; a number on the canvas leads to one."""
    steps = passengers.steps(state.store(), name)
    with st.container(horizontal=True, vertical_alignment="center"):
        node = state.choice_param("Any step", "node", list(steps), width=230)
        port = state.choice_param("Stand there", "port", steps[node], width=180) if node in steps else None
        who = "everybody" if port else "inside"
        if not node:
            who = state.section(WHO, "who", keep=("journey", "version", "of", "tab", "stage"))
    number = shown.number if shown else state.number_param("of")
    return Wanted(who, node, port, number, state.param("stage"))


def _headline(total: int, wanted: Wanted) -> str:
    many = f"**{say_count(total, 'person', 'people')}**" + (" or more" if total >= MOST_COUNTED else "")
    of = f" of version {wanted.version}" if wanted.version is not None else ""
    at = f" at the stage {state.escaped(wanted.stage or 'none')}" if wanted.stage is not None else ""
    step = f"“{state.escaped(wanted.node)}”"
    if wanted.port:
        return f"{many}{at} left {step} by “{state.escaped(wanted.port)}”{of}, those who entered last first."
    if wanted.node:
        return f"{many}{at} {'stands' if total == 1 else 'stand'} at {step}{of}, those who came first on top."
    doing = {"inside": "under way", "left": "left", "everybody": "entered"}[wanted.who]
    return f"{many}{at} {'' if wanted.who != 'inside' else 'is ' if total == 1 else 'are '}{doing}{of}."


def _row(one: Passenger, status: str) -> dict[str, str]:
    def said(say: Callable[[Standing], str]) -> str:
        return "; ".join(say(at) for at in one.standing)  # who is in several branches stands in several places

    return {"Person": one.name, "Stands at": said(lambda at: at.node), "Since": said(lambda at: when(at.since)),
            "Why, and until when": said(lambda at: f"{at.sentence} {until(at, status, state.now())}"),
            "Left": f"{when(one.ended_at)}: {one.reason or one.status}" if one.ended_at else "",
            "Entered": f"{when(one.entered_at)} by {one.entered_by or 'an event'}", "Version": str(one.version)}


def until(at: Standing, status: str, now: int) -> str:
    """What keeps somebody at a step, and until when."""
    if status == "paused":
        return "The journey is paused."
    if at.reason:
        said = limits.REASONS.get(at.reason, at.reason)
        return f"{said[0].upper()}{said[1:]}" + (f", {when(at.due_at)} at the earliest." if at.due_at else ".")
    if at.due_at is None:
        return "Until it happens, however long that takes."
    moment = when(at.due_at)
    return f"Due since {moment}, goes on at the next tick." if at.due_at <= now else f"Until {moment} at the latest."
