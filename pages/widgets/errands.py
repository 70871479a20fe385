"""Webhooks, and notices to our own people, with what became of them, and the questions that wait for somebody's answer."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine.errors import ThroughlineError
from engine.journeys import approving
from engine.journeys.approving import Pending
from engine.outreach import errands

from . import state
from .person import say_age, when
from .tables import moment_column, moments, say_count

SHOWN = 200
_COLORS = {"done": "green", "queued": "blue", "sending": "blue", "dead": "red", "unknown": "red", "canceled": "gray"}


def errand_list() -> None:
    """The newest errands; the dead and the unknown ones can be tried again."""
    counts = errands.counts(state.store())
    with st.container(horizontal=True, gap="small"):
        for status, number in sorted(counts.items(), key=lambda one: -one[1]):
            st.badge(f"{number:,} {status}", color=_COLORS[status])  # type: ignore[arg-type]
    status = state.choice_param("Status", "status", sorted(counts))
    found = errands.list_errands(state.store(), status=status, limit=SHOWN)
    if not found:
        st.info("No webhook and no notice yet. The steps Webhook and Notify of a journey make them, and leads that are handed "
                "over.", icon=":material/webhook:")
        return
    rows = moments(pd.DataFrame([{**vars(one), "at": one.done_at or one.due_at} for one in found]), "at")
    chosen = st.dataframe(rows, hide_index=True, placeholder="–",
                          key="errands", on_select="rerun", selection_mode="multi-row", column_order=[
        "at", "kind", "status", "detail", "target", "contact", "journey", "attempts"], column_config={
        "at": moment_column("When"), "kind": "What", "status": "Status", "detail": st.column_config.TextColumn(
            "Answer", width="large"), "target": "To", "contact": "About", "journey": "Journey", "attempts": "Tries"})
    lost = [found[row].id for row in chosen.selection.rows if found[row].status in ("dead", "unknown")]  # type: ignore[attr-defined]
    st.button(f"Try {len(lost):,} again" if lost else "Try dead and unknown ones again", icon=":material/replay:",
              disabled=not lost, on_click=_retry, args=(lost,), help="Tick the rows first. A webhook comes with another "
              "idempotency key; a notice that is unknown may arrive twice.")


def _retry(ids: list[int]) -> None:
    with state.boundary():
        errands.retry(state.store(), ids, by=state.actor(), now=state.now())


def approval_list() -> None:
    """Open questions, the oldest first, each with a yes and a no."""
    found = approving.pending(state.store())
    if not found:
        st.info("Nobody waits for an answer. The step Approval of a journey asks for one.", icon=":material/how_to_reg:")
        return
    st.markdown(f"**{say_count(len(found), 'person waits', 'people wait')}** for somebody's yes or no.")
    for one in found[:50]:
        _question(one)
    if len(found) > 50:
        st.caption(f"and {len(found) - 50:,} more")


def _question(one: Pending) -> None:
    key, now = f"approval:{one.token}:{one.visit}", state.now()
    with st.container(border=True, key=key):
        left, right = st.columns([3, 2], vertical_alignment="center")
        late = f" Answer by {when(one.due_at)}." if one.due_at is not None else ""
        left.markdown(f"**{state.escaped(one.question)}**  \n{state.escaped(one.who)}, in “{state.escaped(one.journey)}”, "
                      f"asked {say_age(now, one.since)}.{late}")
        with right.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
            state.link_to("contacts", "Who is that?", icon=":material/person:", contact=one.contact_id)
            note = st.session_state.get(f"{key}:note", "")
            st.button("Approve", key=f"{key}:yes", icon=":material/check:", type="primary", on_click=_decide,
                      args=(one, True, note))
            st.button("Decline", key=f"{key}:no", icon=":material/close:", on_click=_decide, args=(one, False, note))
        left.text_input("Note", key=f"{key}:note", placeholder="Why (kept in the log)", label_visibility="collapsed",
                        max_chars=approving.LONGEST_NOTE)


def _decide(one: Pending, approved: bool, note: str) -> None:
    try:
        approving.decide(state.store(), one, approved, note, by=state.actor(), now=state.now())
    except ThroughlineError as error:
        st.toast(state.escaped(str(error)), icon=":material/error:")
    else:
        st.toast(f"{'Approved' if approved else 'Declined'}: {state.escaped(one.who)}", icon=":material/check:")
