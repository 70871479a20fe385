"""The desk of a rep: leads in order of promise, one of them open with what to know and what to do."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine.audience import routing
from engine.audience.routing import Lead, Rep
from engine.audience.routing.desk import OUTCOMES
from engine.clock import DAY, HOUR, in_words
from engine.loop.coming import Coming, coming
from engine.outreach import notices

from . import state
from .person import say_age, when
from .tables import link_table, moment_column, moments, say_count

FALLBACK = "Fallback queue"
SNOOZES = {"4 hours": 4 * HOUR, "1 day": DAY, "3 days": 3 * DAY, "1 week": 7 * DAY}
_HOW = {"done": "sent", "dead": "not delivered", "unknown": "may not have arrived"}


def desk(reps: list[Rep]) -> None:
    """The queue of whoever is there, or of the rep that was chosen; a lead that the address names stands open beside it."""
    whose = _whose(reps)
    found = routing.queue(state.store(), whose.email if whose else None, now=state.now())
    chosen = state.number_param("lead")
    left, right = st.columns([3, 2], gap="large") if chosen else (st.container(), None)
    with left:
        _table(found, whose)
        if whose:
            _accepted(whose)
            _notices(whose)
    if chosen and right:
        with right:
            _open(routing.get_lead(state.store(), chosen, now=state.now()))


def _whose(reps: list[Rep]) -> Rep | None:
    own = routing.rep_of(state.store(), state.actor())
    names = [rep.name for rep in reps]
    picked = state.choice_param("Whose queue", "rep", [*names, FALLBACK], width=260)
    if picked == FALLBACK:
        return None
    return next((rep for rep in reps if rep.name == picked), own or reps[0])


def _table(found: list[Lead], whose: Rep | None) -> None:
    where = f"on the desk of {state.escaped(whose.name)}" if whose else "in the fallback queue, where nobody has them"
    if not found:
        st.info("No lead waits " + (f"on the desk of {whose.name}." if whose else "in the fallback queue."),
                icon=":material/inbox:")
        return
    st.markdown(f"**{say_count(len(found), 'lead waits', 'leads wait')}** {where}, the most promising first: "
                "score × how recently they did something × what their open deals are worth.")
    rows = moments(routing.frame(found), "due_at", "last_at")
    rows["name"] = rows["name"].where(rows["name"].astype(bool), rows["who"])
    link_table(rows, "name", lambda row: state.set_param("lead", found[row].id), {
        "action": st.column_config.TextColumn("Next", width="medium"), "score": st.column_config.NumberColumn("Score"),
        "priority": st.column_config.NumberColumn("Priority", format="%.1f"), "company": st.column_config.TextColumn("Company"),
        "last_at": moment_column("Last active"), "due_at": moment_column("Answer by")}, key="desk", label="Who")


def _accepted(whose: Rep) -> None:
    mine = routing.leads(state.store(), whose.email, "accepted", now=state.now())
    if mine:
        with st.expander(f"{say_count(len(mine), 'accepted lead', 'accepted leads')}", icon=":material/handshake:"):
            rows = moments(routing.frame(mine), "answered_at")
            rows["name"] = rows["name"].where(rows["name"].astype(bool), rows["who"])
            link_table(rows, "name", lambda row: state.set_param("lead", mine[row].id), {
                "action": st.column_config.TextColumn("Next"), "stage": st.column_config.TextColumn("Stage"),
                "score": st.column_config.NumberColumn("Score"), "answered_at": moment_column("Accepted")}, key="accepted",
                label="Who")


def _notices(whose: Rep) -> None:
    """The mails that told the rep; where nothing leaves the house, this is where they are read."""
    found = notices.recent(state.store(), whose.email)
    if found.empty:
        return
    with st.expander(say_count(len(found), "notice to the rep", "notices to the rep"), icon=":material/mail:"):
        for one in found.itertuples():
            how = "shown here only" if one.captured else _HOW.get(one.status, one.status)
            st.markdown(f"**{state.escaped(one.subject or 'erased')}** · {when(one.created_at)} · {how}")
            st.text(one.body or "")


def _open(lead: Lead) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(state.escaped(lead.name or lead.who or f"contact {lead.contact_id}"), anchor=False, width="stretch")
            st.button("Close", icon=":material/close:", type="tertiary", on_click=state.set_param, args=("lead", None))
        state.link_to("contacts", "Everything about them", icon=":material/person:", contact=lead.contact_id)
        st.markdown(f"**Why:** {state.escaped(lead.why)}; {state.escaped(lead.route)}.")
        if lead.due_at and lead.status == "open" and lead.owner:
            ahead = lead.due_at - state.now()
            st.markdown(f":material/timer: Answer by {when(lead.due_at)}" + ("." if ahead > 0 else ", which has passed."))
        if lead.held_until and lead.held_until > state.now():
            st.badge(f"marketing waits until {when(lead.held_until)}", icon=":material/front_hand:", color="blue")
        if state.may("sell"):
            _buttons(lead)
        with st.container(gap="xxsmall"):
            _brief(lead)


def _brief(lead: Lead) -> None:
    known = routing.brief(state.store(), lead.contact_id)
    st.caption(f"Score {lead.score}")
    for entry in known.entries:
        st.text(f"{entry.points:+d}  {entry.reason}")
    st.caption("Last five touches")
    for touch in known.touches:
        st.text(f"{say_age(state.now(), touch.at)}: {touch.text}")
    if not known.touches:
        st.text("They have done nothing yet.")
    st.caption("Next message")
    ahead = coming(state.store(), lead.contact_id)
    st.text(_next(ahead[0]) if ahead else "None is under way.")


def _next(one: Coming) -> str:
    journey = f" of the journey {one.journey}" if one.journey else ""
    unless = f", unless what it waits for happens ({one.unless})" if one.unless else ""
    return f"{one.channel} “{one.template}”{journey}, {when(one.at)}{unless}"


def _buttons(lead: Lead) -> None:
    store, by, now = state.store(), state.actor(), state.now()
    with st.container(horizontal=True):
        if lead.status == "open" and st.button("Accept", type="primary", icon=":material/check:"):
            _do(lambda: routing.accept(store, lead.id, by=by, now=now), "Accepted: the contact is sales-accepted.", close=True)
        if lead.status == "open":
            _reject(lead)
            _snooze(lead)
        if lead.status == "accepted" and st.button("Dealt with", icon=":material/done_all:"):
            _do(lambda: routing.finish(store, lead.id, by=by, now=now), "Done.", close=True)
        if st.button("Calling today", icon=":material/call:"):
            span = in_words(routing.policy(store).hold_s)
            _do(lambda: routing.call_today(store, lead.contact_id, by=by, now=now), f"Marketing waits for {span}.")
        _call(lead)


def _reject(lead: Lead) -> None:
    with st.popover("Reject", icon=":material/undo:"):
        reason = st.selectbox("Reason", list(routing.REASONS), format_func=lambda one: routing.REASONS[one][0])
        note = st.text_area("What marketing should know", max_chars=2_000, key=f"note-{lead.id}")
        if st.button("Give it back", type="primary"):
            _do(lambda: routing.reject(state.store(), lead.id, str(reason), note, by=state.actor(), now=state.now()),
                "Given back to marketing.", close=True)


def _snooze(lead: Lead) -> None:
    with st.popover("Snooze", icon=":material/snooze:"):
        for label, seconds in SNOOZES.items():
            if st.button(label, key=f"snooze-{seconds}"):
                until = state.now() + seconds
                _do(lambda at=until: routing.snooze(state.store(), lead.id, at, by=state.actor(),  # type: ignore[misc]
                                                    now=state.now()), f"Back {when(until)}.", close=True)


def _call(lead: Lead) -> None:
    with st.popover("Log a call", icon=":material/phone_in_talk:"):
        outcome = st.selectbox("Outcome", list(OUTCOMES), format_func=lambda one: OUTCOMES[one])
        said = st.text_area("What was said", max_chars=2_000, key=f"said-{lead.id}")
        if st.button("Save the call", type="primary"):
            _do(lambda: routing.log_call(state.store(), lead.contact_id, str(outcome), said, by=state.actor(),
                                         now=state.now()), "Noted.")


def _do(act: object, words: str, *, close: bool = False) -> None:
    with state.boundary():
        assert callable(act)
        act()
        st.toast(words, icon=":material/check:")
        if close:
            state.set_param("lead", None)
        st.rerun()


def report() -> None:
    """Acceptance, speed and fairness of the last 30 days, and why leads came back."""
    since, until = state.now() - 30 * DAY, state.now() + 1
    reps = routing.acceptance(state.store(), since=since, until=until)
    if not int(reps.leads.sum()):
        st.info("No lead has been handed over in the last 30 days.", icon=":material/handshake:")
        return
    answered = int(reps.accepted.sum() + reps.rejected.sum() + reps.breached.sum())
    rate = f"{reps.accepted.sum() / answered:.0%}" if answered else "–"
    with st.container(horizontal=True):
        st.metric("Leads in 30 days", f"{int(reps.leads.sum()):,}", border=True)
        st.metric("Accepted", rate, border=True)
        st.metric("Not answered in time", f"{int(reps.breached.sum()):,}", border=True)
    shown = reps.assign(hours=reps.median_s / HOUR, **{name: 100 * reps[name].astype(float) for name in (
        "accepted_rate", "share", "fair_share")})
    percent = {name: st.column_config.NumberColumn(label, format="%.0f %%") for name, label in (
        ("accepted_rate", "Accepted rate"), ("share", "Share of leads"), ("fair_share", "Fair share"))}
    st.dataframe(shown, hide_index=True, placeholder="–",
                 column_order=["rep", "leads", "accepted", "rejected", "breached", "waiting",
                                                      *percent, "hours"],
                 column_config={"rep": "Rep", "leads": "Leads", "accepted": "Accepted", "rejected": "Rejected",
                                "breached": "Too late", "waiting": "Waiting", **percent,
                                "hours": st.column_config.NumberColumn("Median hours to answer", format="%.1f")})
    back = routing.refusals(state.store(), since=since, until=until)
    if not back.empty:
        st.markdown("**Why leads came back**")
        st.dataframe(pd.DataFrame(back), hide_index=True, placeholder="–",
                     column_config={"reason": "Reason", "why": "Was handed over because",
                                                                         "leads": "Leads"})
