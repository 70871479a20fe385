"""What is asked before something happens to a journey: making one, publishing, pausing."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.audience import segments
from engine.journeys import documents, drafts, enrolling, renaming, versions

from . import journey_editor, state
from .tables import say_count

NEW: dict[str, Any] = {"entry": {"trigger": {"manual": True}}, "nodes": []}


@st.dialog("New journey")
def create_dialog(source: str | None = None) -> None:
    """A name, and what to start from."""
    names = [one.name for one in versions.list_journeys(state.store())]
    name = st.text_input("Name", placeholder="Welcome series", max_chars=renaming.LONGEST_NAME)
    chosen = st.selectbox("Start from", names, index=names.index(source) if source in names else None,
                          placeholder="An empty canvas")
    if st.button("Create", type="primary", icon=":material/add:", disabled=not name.strip()):
        with state.boundary():
            made = _create(name, chosen)
            state.go("journeys", journey=made.name)


def _create(name: str, source: str | None) -> drafts.Draft:
    who = {"by": state.actor(), "now": state.now()}
    if source:
        return renaming.duplicate(state.store(), source, name, **who)
    return renaming.create(state.store(), name, documents.dump({"name": name.strip(), **NEW}), **who)


@st.dialog("Rename")
def rename_dialog(name: str) -> None:
    """Another name for the same journey."""
    new = st.text_input("Name", name, max_chars=renaming.LONGEST_NAME)
    st.caption("People stay where they are. Published versions never change: the new name stands in the draft, and in the "
               "version you publish next.")
    if st.button("Rename", type="primary", icon=":material/edit:", disabled=new.strip() in ("", name)):
        with state.boundary():
            made = renaming.rename(state.store(), name, new, by=state.actor(), now=state.now())
            state.go("journeys", journey=made.name)


@st.dialog("Publish")
def publish_dialog(name: str) -> None:
    """What stands in the way; who enters; then live."""
    with state.boundary():
        store = state.store()
        known = journey_editor.catalogue()
        held = journey_editor.editor(store, name, known)
        found = journey_editor.drawn(held, known).problems
        wrong = [one for one in found if one.severity == "error"]
        if held.conflict:
            st.warning(held.conflict)
        elif wrong:
            st.error(f"{say_count(len(wrong), 'thing stands', 'things stand')} in the way:", icon=":material/error:")
            problem_list(wrong)
        else:
            _publish(held, [one for one in found if one.severity != "error"])


def _publish(held: journey_editor.Editor, advice: list[Any]) -> None:
    store = state.store()
    problem_list(advice)
    everybody = _ask_who(held.document)
    st.caption("People who are under way finish the version they entered. New people enter this one.")
    if st.button("Publish", type="primary", icon=":material/rocket_launch:", key="publish-now"):
        made = versions.publish(store, held.text, by=state.actor(), now=state.now())
        count = enrolling.enroll_members(store, held.name, by=state.actor(), now=state.now()) if everybody else 0
        entering = f" {say_count(count, 'person enters', 'people enter')} at the next tick." if count else ""
        held.notice = f"Version {made.number} is live.{entering}" if made.fresh else "Nothing had changed."
        st.rerun()


def _ask_who(document: dict[str, Any]) -> bool:
    """Where people enter with a segment: whether those who are in it now enter too."""
    segment = document["entry"]["trigger"].get("segment")
    members = segments.get(state.store(), segment).members if segment else 0
    if not members or document["entry"]["trigger"].get("on") == "left":
        return False
    now_or_new = st.radio(f"{say_count(members, 'person is', 'people are')} in the segment “{state.escaped(segment)}” now.",
                          ["new", "all"], format_func={"new": "Only people who enter it from now on",
                                                       "all": f"Enroll the {members:,} who match now, too"}.get)
    return now_or_new == "all"


def problem_list(found: list[Any]) -> None:
    """Problems as sentences, worst first."""
    marks = {"error": ":red[:material/error:]", "warning": ":orange[:material/warning:]",
             "advice": ":gray[:material/lightbulb:]"}
    for one in found:
        st.markdown(f"{marks[one.severity]} **{state.escaped(one.where)}**: {state.escaped(one.message)}")


def toggle_pause(name: str, status: str) -> None:
    """Let everybody stand still, or go on."""
    versions.set_status(state.store(), name, "paused" if status == "live" else "live", by=state.actor(), now=state.now())
