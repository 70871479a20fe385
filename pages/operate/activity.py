"""Activity: what is happening, what was sent, whether the runner breathes, who changed what."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine import audit
from engine.activity import intake
from engine.loop import watchdog
from engine.outreach import messages
from engine.outreach.limits import REASONS
from engine.service import health
from pages.widgets import errands, live_events, mail, state
from pages.widgets.person import say_age, when
from pages.widgets.tables import link_table, moment_column, moments, say_count

SECTIONS = {"events": "Live events", "messages": "Messages", "errands": "Webhooks and notices", "approvals": "Approvals",
            "runner": "Runner", "refused": "Refused", "audit": "Audit log"}
SHOWN, LIVE_EVERY_S = 200, 3
_COLORS = {"sent": "green", "queued": "blue", "admitted": "blue", "sending": "blue", "skipped": "orange", "failed": "red",
           "unknown": "red", "canceled": "gray"}


def _messages() -> None:
    counts = messages.counts(state.store())
    with st.container(horizontal=True, gap="small"):
        for status, number in sorted(counts.items(), key=lambda one: -one[1]):
            st.badge(f"{number:,} {status}", color=_COLORS.get(status, "gray"))
    status = state.choice_param("Status", "status", sorted(counts))
    found = messages.list_messages(state.store(), status=status, limit=SHOWN)
    if not found:
        st.info("No message yet. A journey sends them; without a mail server they are captured here.", icon=":material/mail:")
        return
    rows = pd.DataFrame([{"template": one.template, "to": one.email, "status": one.status, "why": _why(one),
                          "journey": one.journey, "at": one.sent_at or one.created_at} for one in found])
    link_table(moments(rows, "at"), "template", lambda row: state.go("activity", view="messages", message=found[row].id), {
        "to": st.column_config.TextColumn("To"), "status": st.column_config.TextColumn("Status"),
        "why": st.column_config.TextColumn("Why", width="medium"), "journey": st.column_config.TextColumn("Journey"),
        "at": moment_column("When")}, key="messages", label="Message")
    if len(found) == SHOWN:
        st.caption(f"The newest {SHOWN}. The timeline of a contact holds all of theirs.")


def _why(one: messages.Message) -> str:
    return one.detail or REASONS.get(one.reason or "", one.reason or "")


def _message(number: int) -> None:
    one = messages.get(state.store(), number)
    state.link_to("activity", "All messages", icon=":material/arrow_back:", view="messages")
    left, right = st.columns([3, 2], gap="large")
    with left:
        copy = messages.find_copy(state.store(), number)
        if copy is None:
            st.info("Nothing was made of it yet, or it has been erased.", icon=":material/mail:")
        else:
            mail.message(copy.subject, copy.html, copy.text)
    with right:
        st.badge(one.status, color=_COLORS.get(one.status, "gray"))  # type: ignore[arg-type]
        if _why(one):
            st.markdown(state.escaped(_why(one)))
        state.link_to("contacts", one.email or f"contact {one.contact_id}", icon=":material/person:", contact=one.contact_id)
        if one.journey:
            state.link_to("journeys", one.journey, journey=one.journey)
        moment = {"Queued": one.created_at, "Admitted": one.admitted_at, "Sent": one.sent_at}
        st.caption(" · ".join(f"{word} {when(at)}" for word, at in moment.items() if at))
        if one.status in messages.REQUEUED and state.may("market") and st.button("Queue again", icon=":material/replay:"):
            messages.requeue(state.store(), [number], by=state.actor(), now=state.now())
            st.rerun()
        if copy:
            st.markdown("**Tracked links**")
            mail.links(copy.links, opens=f"Open as {one.email or 'them'}")


@st.fragment(run_every=LIVE_EVERY_S)
def _runner() -> None:
    now = state.clock_now()
    found = health.heartbeats(state.store())
    if not found:
        st.info("The runner has not run yet: `make run` starts it.", icon=":material/heart_minus:")
    for one in found:
        with st.container(border=True):
            st.markdown(f"**{state.escaped(one.name)}**: {state.escaped(one.detail.get('state', 'running'))}, last breathed "
                        f"{say_age(now, one.at)}")
            tick = f", its last tick took {one.detail['last_tick_s']} s" if "last_tick_s" in one.detail else ""
            st.caption(f"Process {one.pid} on {state.escaped(one.host)}{tick}")
            if one.detail.get("problem"):
                st.error(state.escaped(one.detail["problem"]), icon=":material/error:")
    _watchdog()
    with st.expander("Everything `doctor` looks at", icon=":material/stethoscope:"):
        if st.button("Look now", icon=":material/search:"):
            for check in health.checks(state.store(), state.config(), now=now):
                mark = ":green[:material/check:]" if check.ok else ":red[:material/close:]"
                fix = "" if check.ok or not check.fix else f": {check.fix}"
                st.markdown(f"{mark} **{state.escaped(check.name)}** {state.escaped(f'{check.detail}{fix}')}")


def _watchdog() -> None:
    """What hangs and for how long; journeys that were paused to protect people."""
    store, moment = state.store(), state.now()
    behind = watchdog.lag(store, now=moment)
    with st.container(border=True, key="watchdog"):
        st.markdown("**:material/pets: Watchdog**")
        st.markdown(f"{say_count(behind.unheard, 'event', 'events')} not heard yet"
                    + (f", the first came in {say_age(moment, moment - behind.oldest_s)}." if behind.unheard else "."))
        for name, why in watchdog.paused_by_watchdog(store).items():
            st.error(f"Paused **{state.escaped(name)}**: {state.escaped(why)}", icon=":material/pause_circle:")
            state.link_to("journeys", f"Look at {name}", journey=name)
        late, stuck = watchdog.overdue(store, now=moment), watchdog.stuck(store, now=moment)
        for one in [*late, *stuck]:
            st.markdown(f":{'gray' if one.reason in ('paused', 'no_limit') else 'red'}[:material/hourglass_disabled:] "
                        f"{state.escaped(watchdog.sentence(one))}")
        if not late and not stuck:
            st.caption("Nobody is overdue, and nobody waits for what may never come.")


def _refused() -> None:
    rows = intake.refusals(state.store(), limit=SHOWN)
    st.markdown(f"**{say_count(len(rows), 'item', 'items')}** that came in could not be used, the newest first.")
    if not rows.empty:
        st.dataframe(moments(rows, "at"), hide_index=True, placeholder="–", column_config={"at": moment_column("When")})


def _audit() -> None:
    rows = audit.recent(state.store(), limit=SHOWN)
    if rows.empty:
        st.info("Nobody has changed anything yet.", icon=":material/history:")
        return
    st.dataframe(moments(rows, "at"), hide_index=True, placeholder="–", height=560, column_config={
        "at": moment_column("When"), "actor": "Who", "role": "As", "action": "What", "subject": "On what", "detail": "How"})


def _section(view: str) -> None:
    if view == "events":
        live_events.show()
    elif view == "messages":
        number = state.number_param("message")
        _messages() if number is None else _message(number)
    else:
        {"errands": errands.errand_list, "approvals": errands.approval_list, "runner": _runner, "refused": _refused,
         "audit": _audit}[view]()


with state.page_frame("Activity"):
    _section(state.section(SECTIONS))
