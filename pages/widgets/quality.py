"""How clean the contacts are: findings in plain words, fixes with undo, pairs that may be one person, quality over time."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st

from engine.clock import iso
from engine.people import contacts
from engine.people.duplicates import Pair
from engine.service import batches, quality, settling
from engine.service.quality import Finding, Quality

from . import state
from .tables import say_count

SHOWN_PEOPLE, SHOWN_PAIRS = 20, 25


def section() -> None:
    """The whole section: looked at when asked, since it reads everybody; small workspaces are looked at without."""
    asked = st.button("Look at everybody now", icon=":material/health_and_safety:")
    if not asked and "quality" not in st.session_state and quality.is_long(state.store()):
        _last_time()
        return
    if asked or "quality" not in st.session_state:
        with st.spinner("Looking at everybody"):
            st.session_state["quality"] = (state.store().url, quality.measure(state.store(), now=state.now()))
    url, found = st.session_state["quality"]
    if url != state.store().url:
        st.session_state.pop("quality")
        st.rerun()
    if not found.total:
        st.info("Nobody is here yet: import a file first.", icon=":material/group_add:")
        return
    _headline(found)
    findings(found, fixes=state.may("market"))
    _pairs(found.pairs)
    _taken_back()
    _history()


def _last_time() -> None:
    """What was counted when somebody last looked, and when that was."""
    kept = quality.last(state.store())
    if kept is None:
        st.info("Nobody has looked yet. There are many people: it takes a minute or two.", icon=":material/hourglass:")
        return
    day, found = kept
    st.caption(f":material/schedule: Counted on {(iso(day) or '')[:10]}. There are many people: looking again takes a minute "
               "or two, and then says who they are.")
    _headline(found)
    for finding in found.found:
        st.markdown(f"- {finding.sentence}.")
    _taken_back()
    _history()


def _headline(found: Quality) -> None:
    left, right = st.columns(2)
    left.metric("People", f"{found.total:,}", border=True)
    right.metric("Without a fault", f"{found.clean / found.total:.0%}", border=True,
                 help="No wrong, shared or thrown-away address, no likely duplicate, an international phone number, a zone.")


def findings(found: Quality, *, fixes: bool) -> None:
    """One line per finding, its people inside. fixes: offer those that there are."""
    if not found.found:
        st.success("Nothing to mend.", icon=":material/check_circle:")
    for finding in found.found:
        with st.expander(f"{finding.sentence}."):
            st.caption(f"{finding.kind.advice}.")
            _people(finding)
            if fixes and finding.kind.fix:
                _fix(finding)


def _people(finding: Finding) -> None:
    for contact_id in finding.ids[:SHOWN_PEOPLE]:
        with st.container(horizontal=True, vertical_alignment="center"):
            state.link_to("contacts", _name(contact_id), icon=":material/person:", contact=contact_id)
            if finding.kind.key == "slip":
                st.caption(f"did you mean {state.escaped(finding.detail[contact_id])}?")
            elif contact_id in finding.detail:
                st.caption(state.escaped(finding.detail[contact_id]))
    if finding.count > SHOWN_PEOPLE:
        st.caption(f"and {finding.count - SHOWN_PEOPLE:,} more")


def _fix(finding: Finding) -> None:
    key = finding.kind.key
    region = st.text_input("Country of numbers that do not say theirs", max_chars=2, placeholder="DE", key=f"region-{key}",
                           width=260) if key == "phone" else ""
    if st.button(str(finding.kind.fix), key=f"fix-{key}", icon=":material/build:"):
        done = quality.fix(state.store(), key, region=region or None, by=state.actor(), now=state.now())
        _settled(f"{done.fixed:,} fixed, {done.left:,} left. It can be undone below.")
        st.rerun()


# ------------------------------------------------------------ duplicates


def _pairs(pairs: list[Pair]) -> None:
    if not pairs:
        return
    st.subheader("Who may be one person")
    st.caption(f"{say_count(len(pairs), 'pair', 'pairs')}, the likeliest first. Nobody is merged unless you say so.")
    for pair in pairs[:SHOWN_PAIRS]:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{state.escaped(_name(pair.keep_id))}** and **{state.escaped(_name(pair.lose_id))}**: {pair.words}",
                        width="stretch")
            if state.may("market") and st.button("Compare", key=f"pair-{pair.keep_id}-{pair.lose_id}",
                                                 icon=":material/compare_arrows:"):
                _compare(pair)
    if len(pairs) > SHOWN_PAIRS:
        st.caption(f"and {len(pairs) - SHOWN_PAIRS:,} more, once these are settled")


@st.dialog("One person or two?", width="large")
def _compare(pair: Pair) -> None:
    """What merging would make, before it is done."""
    turned = st.toggle("Keep the other one", key=f"turn-{pair.keep_id}-{pair.lose_id}")
    keep, lose = (pair.lose_id, pair.keep_id) if turned else (pair.keep_id, pair.lose_id)
    shown = settling.preview(state.store(), keep, lose)
    st.dataframe(pd.DataFrame([[name, *("" if one is None else str(one) for one in values)] for name, *values in shown.facts],
                              columns=["", "kept", "merged into it", "afterwards"]), hide_index=True)
    if shown.brings:
        st.caption("It also brings " + ", ".join(f"{count:,} {word}" for word, count in shown.brings.items()) + ".")
    with st.container(horizontal=True):
        merged = st.button("Merge", type="primary", icon=":material/merge:", on_click=_merge, args=(keep, lose))
        apart = st.button("Two people: keep them apart", icon=":material/call_split:", on_click=_apart, args=(keep, lose))
    if merged or apart:
        st.rerun()  # closes the dialog


def _merge(keep: int, lose: int) -> None:
    with state.boundary():
        contacts.merge(state.store(), keep, lose, by=state.actor(), now=state.now())
        _settled("Merged. It can be undone below.")


def _apart(one: int, other: int) -> None:
    with state.boundary():
        settling.keep_apart(state.store(), one, other, by=state.actor(), now=state.now())
        _settled("They will not be listed again.")


def _settled(words: str) -> None:
    """Say it, and look again."""
    st.session_state.pop("quality", None)
    st.toast(words, icon=":material/check:")


# ------------------------------------------------------------ undo, history


def _taken_back() -> None:
    merges = contacts.list_merges(state.store(), limit=10)
    fixes = [one for one in batches.list_past(state.store()) if one.kind.startswith("fix") and one.undoable]
    if not state.may("market") or not (merges or fixes):
        return
    st.subheader("What can be undone")
    for one in merges:
        if _undo_line(f"{_name(one.keeper_id)} took in {one.loser_name}", one.at, one.actor, f"merge-{one.id}"):
            contacts.unmerge(state.store(), one.keeper_id, by=state.actor(), now=state.now())
            _settled("Both stand again.")
            st.rerun()
    for fix in fixes:
        if _undo_line(f"{quality.KINDS[fix.kind.removeprefix('fix ')].fix}: {fix.counts.get('updated', 0):,} people", fix.at,
                      fix.actor, f"batch-{fix.id}"):
            _settled(batches.undo(state.store(), fix.id, by=state.actor(), now=state.now()).words)
            st.rerun()


def _undo_line(words: str, at: int, actor: str, key: str) -> bool:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(state.escaped(words))
        st.caption(state.escaped(f"{(iso(at) or '')[:16].replace('T', ' ')} by {actor}"))
        return st.button("Undo", key=f"undo-{key}", icon=":material/undo:")


def _history() -> None:
    frame = quality.history(state.store())
    if frame["day"].nunique() < 2:
        return
    st.subheader("Quality over time")
    shares = frame.pivot_table(index="day", columns="kind", values="count").reset_index()
    shares = shares.assign(day=pd.to_datetime(shares["day"], unit="s"),
                           share=shares["clean"] / shares["contacts"].clip(lower=1))
    share = alt.Y("share:Q", title="without a fault", axis=alt.Axis(format="%"))
    line = alt.Chart(shares).mark_line(point=True)
    st.altair_chart(line.encode(x=alt.X("day:T", title=None), y=share).properties(height=220))


def _name(contact_id: int) -> str:
    found = contacts.get(state.store(), contact_id)
    return found.email or found.external_id or f"contact {contact_id}"
