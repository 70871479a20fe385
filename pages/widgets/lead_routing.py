"""Who gets whom: reps, routes, the policy, and where somebody would go."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time

import pandas as pd
import streamlit as st

from engine.audience import routing, rules
from engine.audience.lifecycle import STAGES
from engine.audience.routing import Rep
from engine.clock import HOUR
from engine.maths.working import WorkingHours
from engine.people import contacts

from . import rule_editor, state
from .person import when

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def routing_view() -> None:
    """The whole section."""
    reps = routing.list_reps(state.store())
    may = state.may("administer")
    if not reps:
        st.info("Nobody takes leads yet. Add the first rep: from then on whoever enters a stage of the policy is handed over.",
                icon=":material/group_add:")
    left, right = st.columns([3, 2], gap="large")
    with left:
        _reps(reps, may)
        _routes(reps, may)
    with right:
        _test()
        _policy(may)


def _test() -> None:
    with st.container(border=True):
        st.markdown("**Test routing**")
        who = st.text_input("Where would they go?", placeholder="E-mail or external id", key="route-test")
        if who.strip():
            with state.boundary():
                found = routing.choose(state.store(), contacts.must_find(state.store(), who), now=state.now())
                st.markdown(f"To **{state.escaped(found.rep.name if found.rep else 'the fallback queue')}**: "
                            f"{state.escaped(found.sentence)}.")
                for one in found.considered:
                    work = "at work" if one.at_work else "not at work now"
                    st.caption(f"{state.escaped(one.rep.name)}: {one.load} leads, {work}"
                               + (f", {state.escaped(one.against)}" if one.against else ""))


def _reps(reps: list[Rep], may: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Reps**", width="stretch")
        if may and st.button("Add a rep", icon=":material/person_add:"):
            _rep_dialog(None)
    if reps:
        rows = pd.DataFrame([{
            "rep": one.name, "weight": one.weight, "capacity": "any" if one.capacity is None else str(one.capacity),
            "hours": _hours(one.hours),
            "away": f"{when(one.away[0])[:10]} to {when(one.away[1])[:10]}" if one.away else ""} for one in reps])
        chosen = st.dataframe(rows, hide_index=True, placeholder="–", key="reps", on_select="rerun" if may else "ignore",
                              selection_mode="single-row",
                              column_config={"rep": "Rep", "weight": "Weight", "capacity": "Leads at a time", "hours": "Works",
                                             "away": "Away"})
        if may and chosen.selection.rows and st.button("Change this rep", icon=":material/edit:"):
            _rep_dialog(reps[chosen.selection.rows[0]])


def _hours(hours: WorkingHours) -> str:
    days = ", ".join(DAYS[day] for day in hours.weekdays) if hours.weekdays != (0, 1, 2, 3, 4) else "Mon to Fri"
    return f"{days} {hours.opens_s // 3600:02}:{hours.opens_s % 3600 // 60:02}–" \
           f"{hours.shuts_s // 3600:02}:{hours.shuts_s % 3600 // 60:02} {hours.zone}"


@st.dialog("Rep")
def _rep_dialog(rep: Rep | None) -> None:
    old = rep or Rep("", "")
    email = st.text_input("E-mail", old.email, disabled=rep is not None, help="The address they log in with.")
    name = st.text_input("Name", old.name)
    weight = st.number_input("Weight", 1, 100, old.weight, help="Somebody of weight 2 gets twice the leads of weight 1.")
    capacity = st.number_input("Leads at a time", 0, None, old.capacity, placeholder="Any number")
    zone = st.text_input("Time zone", old.hours.zone)
    opens, shuts = st.columns(2)
    begin = opens.time_input("From", _time(old.hours.opens_s))
    end = shuts.time_input("Until", _time(min(old.hours.shuts_s, 86_340)))
    days = st.multiselect("Weekdays", list(range(7)), list(old.hours.weekdays), format_func=lambda day: DAYS[day])
    held = [datetime.fromtimestamp(one, UTC).date() for one in old.away] if old.away else []
    away = st.date_input("Away from the first day until the morning of the last", held)
    save, gone = st.columns(2)
    with state.boundary():
        if save.button("Save", type="primary", disabled=not email.strip()):
            leave = tuple(int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) for day in away or ())
            hours = WorkingHours(zone.strip(), _seconds(begin), _seconds(end), tuple(sorted(days)))
            routing.save_rep(state.store(), replace(old, email=email, name=name, weight=int(weight), capacity=capacity,
                                                    hours=hours, away=leave if len(leave) == 2 else None),
                             by=state.actor(), now=state.now())
            st.rerun()
        if rep and gone.button("Takes no more leads", icon=":material/person_remove:"):
            routing.remove_rep(state.store(), rep.email, by=state.actor(), now=state.now())
            st.rerun()


def _time(second: int) -> time:
    return time(second // 3_600, second % 3_600 // 60)


def _seconds(moment: time) -> int:
    return moment.hour * 3_600 + moment.minute * 60


def _routes(reps: list[Rep], may: bool) -> None:
    routes = routing.list_routes(state.store())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Routes**", width="stretch")
        if may and reps and st.button("Add a route", icon=":material/add_road:"):
            rule_editor.forget("route")
            _route_dialog(reps)
    st.caption("A contact's owner comes first, then whoever has others of the company, then the first route that matches. "
               + ("Whom no route matches goes to the fallback queue." if routes else "Without a route everybody takes turns."))
    names = {rep.email: rep.name for rep in reps}
    for one in routes:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            to = ", ".join(names.get(email, email) for email in one.reps) or "everybody in turn"
            st.markdown(f"{one.place}. **{state.escaped(one.name)}**: {state.escaped(one.sentence)} → {state.escaped(to)}",
                        width="stretch")
            if may and st.button("Remove", key=f"route-{one.name}", icon=":material/delete:", type="tertiary"):
                routing.remove_route(state.store(), one.name, by=state.actor(), now=state.now())
                st.rerun()


@st.dialog("Route", width="large")
def _route_dialog(reps: list[Rep]) -> None:
    known = rules.known(state.store())
    name = st.text_input("Name", placeholder="German-speaking countries")
    everybody = st.toggle("For everybody whom no earlier route takes")
    document = None if everybody else rule_editor.editor("route", None, known)
    to = st.multiselect("Goes in turn to", [rep.email for rep in reps], placeholder="Everybody")
    place = st.number_input("Place in the order", 1, None, len(routing.list_routes(state.store())) + 1)
    with state.boundary():
        if st.button("Save", type="primary", disabled=not name.strip() or (document is None and not everybody)):
            routing.save_route(state.store(), name, document, to, place=int(place), by=state.actor(), now=state.now())
            st.rerun()


def _policy(may: bool) -> None:
    held = routing.policy(state.store())
    with st.form("policy"):
        st.markdown("**Policy**")
        stages = st.multiselect("Hand over who enters", list(STAGES), list(held.stages), disabled=not may)
        within = st.number_input("Answer within hours of work", 1, 80, max(held.accept_within_s // HOUR, 1), disabled=not may)
        hold = st.number_input("Calling today keeps marketing away for hours", 1, 240, max(held.hold_s // HOUR, 1),
                               disabled=not may)
        if st.form_submit_button("Save", disabled=not may):
            routing.save_policy(state.store(), routing.Policy(tuple(stages), int(within) * HOUR, int(hold) * HOUR),
                                by=state.actor(), now=state.now())
            st.toast("Saved.", icon=":material/check:")
