"""The side panel of the start: who enters, when again, what the journey is for, and when people leave early."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import streamlit as st
from pydantic import ValidationError

from engine.errors import BadInput
from engine.journeys.graph import ExitRule, Limits, Target
from engine.journeys.nodes import Known
from engine.journeys.reading import NO_GOAL
from engine.journeys.triggers import Entry, Reentry, trigger_types, type_of

from . import rule_tree
from .inputs import Choices, Setting, ask, things
from .node_form import fill_in, set_key

Document = dict[str, Any]


def entry_form(document: Document, known: Known, choices: Choices, *, key: str, readonly: bool = False) -> Document | None:
    """The form of everything in a journey document that is no node; the changed document once somebody applies it."""
    entry = document.get("entry") if isinstance(document.get("entry"), dict) else {}
    unread: list[bool] = []
    with st.container(key=f"panel:{key}"):
        st.markdown("**:material/login: Start**")
        trigger = _triggers((entry or {}).get("trigger"), known, choices, key, unread)
        with st.expander("Entering again", icon=":material/replay:"):
            reentry = _part(Reentry, (entry or {}).get("reentry") or {}, known, choices, f"{key}:again", unread)
            _say_again({"trigger": trigger, **({"reentry": reentry} if reentry else {})}, known)
        with st.expander("Goal", icon=":material/flag_circle:", expanded=not document.get("goal")):
            goal = _goal(document.get("goal"), known, choices, f"{key}:goal", unread)
        with st.expander("Limits of its own", icon=":material/hourglass_disabled:", expanded=bool(document.get("limits"))):
            st.caption("Instead of those in Settings, for the messages of this journey.")
            limits = _part(Limits, document.get("limits") or {}, known, choices, f"{key}:limits", unread)
        with st.expander("Campaign and leaving early", icon=":material/logout:"):
            campaign = st.text_input("Campaign", document.get("campaign") or "", key=f"{key}:campaign",
                                     help="Whose costs and revenue it shares.").strip() or None
            leave = _block("exit", document.get("exit"), choices, f"{key}:exit", unread)
    made = set_key(document, "entry", set_key({**(entry or {}), "trigger": trigger}, "reentry", reentry or None))
    for name, said in (("goal", goal or None), ("campaign", campaign), ("exit", leave), ("limits", limits or None)):
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


def _triggers(given: Any, known: Known, choices: Choices, key: str, unread: list[bool]) -> Any:
    """Every way in, one below the other; one alone is written without a list."""
    rows: list[dict[str, Any]] = st.session_state.setdefault(f"triggers:{key}", [
        {"id": rule_tree.new_id(), "held": one} for one in (given if isinstance(given, list) else [given or {}])])
    made = []
    for place, row in enumerate(rows):
        with st.container(border=len(rows) > 1, key=f"trigger:{key}:{row['id']}"):
            held = row["held"] if isinstance(row["held"], dict) else {}
            made.append(_trigger(held, known, choices, f"{key}:{row['id']}", unread, "or also" if place else "Who enters"))
            if len(rows) > 1:
                st.button("Remove", key=f"{key}:{row['id']}:x", icon=":material/close:", type="tertiary", on_click=rows.remove,
                          args=(row,))
    st.button("Another way in", key=f"{key}:more", icon=":material/add:", type="tertiary", on_click=_add, args=(rows,))
    return made if len(made) > 1 or isinstance(given, list) else made[0]


def _add(rows: list[dict[str, Any]]) -> None:
    rows.append({"id": rule_tree.new_id(), "held": {}})


def _trigger(trigger: Document, known: Known, choices: Choices, key: str, unread: list[bool], label: str) -> Document:
    """What kind of way in it is, and its settings; what belongs to another kind goes."""
    kinds, kind = trigger_types(), type_of(trigger)
    way = st.selectbox(label, list(kinds), index=list(kinds).index(kind.key if kind else "manual"), key=f"{key}:way",
                       format_func=lambda one: kinds[one].label)
    st.caption((kinds[way].__doc__ or "").strip().splitlines()[0])
    given = trigger if kind is not None and kind.key == way else {}
    if way == "manual":
        return {"manual": True}
    if way == "event":
        flat = given.get("event") if isinstance(given.get("event"), dict) else given
        return ask(Setting("event", "event"), flat, f"{key}:event", Choices(rules=replace(known.rules, in_journey=False))) or {}
    return _part(kinds[way], given, known, choices, f"{key}:{way}", unread)


def _say_again(entry: Document, known: Known) -> None:
    """The policy in words, as soon as the way in can be read."""
    with suppress(ValidationError):
        st.caption(Entry.model_validate(entry, context={"known": known}).reentry.sentence())


def _part(cls: Any, document: Document, known: Known, choices: Choices, key: str, unread: list[bool]) -> Document:
    made, bad = fill_in(cls, document, choices, known, key=key)
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
