"""The side panel of the start: who enters, when again, what the journey is for, and when people leave early."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.errors import BadInput
from engine.journeys.graph import ExitRule, Target
from engine.journeys.nodes import Known
from engine.journeys.reading import NO_GOAL
from engine.journeys.triggers import Reentry, Trigger

from .inputs import Choices, Setting, ask, things
from .node_form import fill_in, set_key

Document = dict[str, Any]
_WAYS = {"event": "An event", "segment": "A segment", "manual": "By hand"}


def entry_form(document: Document, known: Known, choices: Choices, *, key: str, readonly: bool = False) -> Document | None:
    """The form of everything in a journey document that is no node; the changed document once somebody applies it."""
    entry = document.get("entry") if isinstance(document.get("entry"), dict) else {}
    unread: list[bool] = []
    with st.container(key=f"panel:{key}"):
        st.markdown("**:material/login: Start**")
        trigger = _trigger((entry or {}).get("trigger") or {}, known, choices, key, unread)
        with st.expander("Entering again", icon=":material/replay:"):
            reentry = _part(Reentry, (entry or {}).get("reentry") or {}, known, choices, f"{key}:again", unread)
        with st.expander("Goal", icon=":material/flag_circle:", expanded=not document.get("goal")):
            goal = _goal(document.get("goal"), known, choices, f"{key}:goal", unread)
        with st.expander("Campaign and leaving early", icon=":material/logout:"):
            campaign = st.text_input("Campaign", document.get("campaign") or "", key=f"{key}:campaign",
                                     help="Whose costs and revenue it shares.").strip() or None
            leave = _block("exit", document.get("exit"), choices, f"{key}:exit", unread)
    made = set_key(document, "entry", set_key({**(entry or {}), "trigger": trigger}, "reentry", reentry or None))
    for name, said in (("goal", goal or None), ("campaign", campaign), ("exit", leave)):
        made = set_key(made, name, said)
    if readonly:
        return None
    applied = st.button("Apply", key=f"{key}:apply", type="primary", icon=":material/check:", width="stretch",
                        disabled=any(unread) or made == document)
    return made if applied and made != document else None


def _goal(said: Any, known: Known, choices: Choices, key: str, unread: list[bool]) -> Any:
    """What counts as success, or that nothing does."""
    if st.checkbox("It has none, on purpose", said == NO_GOAL, key=f"{key}:none"):
        return NO_GOAL
    return _part(Target, said if isinstance(said, dict) else {}, known, choices, key, unread)


def _trigger(trigger: Document, known: Known, choices: Choices, key: str, unread: list[bool]) -> Document:
    """One of three ways in; what belongs to the others goes."""
    held = next((way for way in _WAYS if way in trigger), "manual")
    way = st.segmented_control("Who enters", list(_WAYS), default=held, format_func=lambda one: _WAYS[one], required=True,
                               key=f"{key}:way")
    if way == "manual":
        return {"manual": True}
    if way == "segment":
        keep = {name: said for name, said in trigger.items() if name in ("segment", "on")}
        return _part(Trigger, keep, known, choices, f"{key}:trigger", unread, skip=frozenset({"event", "manual"}))
    given = trigger if "event" in trigger else {}
    flat = given.get("event") if isinstance(given.get("event"), dict) else given
    said = ask(Setting("event", "event"), flat, f"{key}:event", Choices(rules=known.rules))
    return said or {}


def _part(cls: Any, document: Document, known: Known, choices: Choices, key: str, unread: list[bool],
          skip: frozenset[str] = frozenset()) -> Document:
    made, bad = fill_in(cls, document, choices, known, key=key, skip=skip)
    unread.append(bad)
    return made


def _block(name: str, value: Any, choices: Choices, key: str, unread: list[bool]) -> Any:
    """Exit rules, one below the other."""
    try:
        return ask(things(name, ExitRule.model_json_schema()), value, key, choices)
    except BadInput as error:
        unread.append(True)
        st.caption(f":red[:material/error: {error}]")
        return value
