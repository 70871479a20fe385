"""Settings, privacy: requests with their deadlines, how long things are kept, the chains."""

from __future__ import annotations

import json

import streamlit as st

from engine.people import chain
from engine.service import privacy

from . import state
from .person import when
from .tables import say_count


def requests(may: bool) -> None:
    """Open requests, the most urgent first, and a form for a new one."""
    st.subheader("Requests about personal data", anchor=False)
    open_ones = privacy.list_requests(state.store())
    if not open_ones:
        st.caption("No open request. Whoever asks to see, correct or erase their data has to be answered within a month.")
    for one in open_ones:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            if one.who:
                state.link_to("contacts", one.who, contact=one.contact_id)
            st.text(f"{privacy.KINDS[one.kind]}{f' ({one.note})' if one.note else ''}", width="stretch")
            late = one.due_at < state.now()
            st.badge(f"due {when(one.due_at)}", color="red" if late else "gray", icon=":material/schedule:")
            if may and st.button("Close", key=f"close-{one.id}", icon=":material/check:", type="tertiary",
                                 help="Does what was asked. Access and correction are answered by you."):
                privacy.carry_out(state.store(), one.id, by=state.actor(), now=state.now())
                st.rerun()
    with st.form("privacy-request", clear_on_submit=True):
        left, middle, right = st.columns(3)
        who, kind = left.text_input("E-mail or external id"), middle.selectbox(
            "Who …", list(privacy.KINDS), format_func=lambda one: privacy.KINDS[one])
        note = right.text_input("Note", placeholder="by phone on Monday")
        if st.form_submit_button("Take in", type="primary", disabled=not may):
            privacy.ask(state.store(), who, str(kind), note=note.strip() or None, by=state.actor(), now=state.now())
            st.rerun()


def hand_out(may: bool) -> None:
    """Everything on one person as a file. Put together on request: each time is noted in the audit log."""
    st.subheader("Everything on one person", anchor=False)
    with st.form("dossier", clear_on_submit=True):
        who = st.text_input("Whose data", placeholder="E-mail or external id").strip()
        asked = st.form_submit_button("Put it together", icon=":material/folder_open:", disabled=not may)
    if not (asked and who):
        return
    found = privacy.dossier(state.store(), who, by=state.actor(), now=state.now())
    st.download_button(f"Download everything on {who}", json.dumps(found, indent=2, ensure_ascii=False), "everything.json",
                       "application/json", icon=":material/download:")
    st.caption("As tables for a spreadsheet: `python -m engine privacy export EMAIL --out person.zip`.")


def keeping(may: bool) -> None:
    """After how many days things go; what a sweep would take."""
    st.subheader("How long things are kept", anchor=False)
    st.caption("In days; 0 keeps them for good.")
    with st.form("retention"):
        days = {one.kind: st.number_input(one.words[:1].upper() + one.words[1:], 0, 36_500, one.days or 0, step=30)
                for one in privacy.kept(state.store())}
        if st.form_submit_button("Save", type="primary", disabled=not may):
            for kind, number in days.items():
                privacy.keep_for(state.store(), kind, int(number) or None, by=state.actor(), now=state.now())
            st.rerun()
    if not may or not any(one.days for one in privacy.kept(state.store())):
        return
    _timer(may)
    with st.container(horizontal=True):
        count = st.button("Count what would go")
        with st.popover("Throw it away …", icon=":material/delete:"):
            st.markdown("It can not be brought back.")
            sweep = st.button("Throw it away now", type="primary")
    if count or sweep:
        for one in privacy.sweep(state.store(), dry_run=not sweep, by=state.actor(), now=state.now()):
            st.info(f"{one.kind.replace('_', ' ')}: {one.count:,} {'are gone' if one.gone else 'would go'}")


def _timer(may: bool) -> None:
    """Once a day by the runner, or only by hand; and what went the last time."""
    known = privacy.automatic(state.store())
    on = st.toggle("Throw it away once a day, by the runner", known.on, disabled=not may, key=f"retention-timer-{known.on}")
    if on != known.on:
        privacy.switch_automatic(state.store(), on, by=state.actor(), now=state.now())
        st.rerun()
    if known.last_at is not None:
        gone = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in known.last.items())
        st.caption(f"Last on {when(known.last_at)}: {gone or 'nothing'} thrown away.")


def proof() -> None:
    """Follow the chains on request."""
    st.subheader("Proof", anchor=False)
    st.caption("Consent and audit are chains of hashes: a row changed, removed or slipped in behind our back is named here.")
    if st.button("Verify the chains", icon=":material/link:"):
        found = chain.verify(state.store())
        for flaw in found.flaws:
            st.error(f"{flaw.ledger} row {flaw.row}: {flaw.what}", icon=":material/link_off:")
        if found.ok:
            st.success("; ".join(f"{name}: {say_count(one.rows, 'row', 'rows')} whole" for name, one in found.ledgers.items()),
                       icon=":material/verified:")
        for name, one in found.ledgers.items():
            st.caption(f"Newest hash of {name}, to write down elsewhere:")
            st.code(one.head, language=None)
