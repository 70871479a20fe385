"""Facts of a contact or company: read on a card, changed in a form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from engine.people.fields import Field

from . import state


def card(facts: Mapping[str, Any]) -> None:
    """Facts with their labels."""
    with st.container(border=True, gap=None):
        lines(facts)


def lines(facts: Mapping[str, Any]) -> None:
    """The same inside a card that is there already."""
    for label, value in facts.items():
        with st.container(horizontal=True, gap="small", wrap=False):
            st.caption(state.escaped(label), width=110)
            st.text(_said(value), width="stretch")


def inputs(fields: Sequence[Field], held: Mapping[str, Any], label: Callable[[Field], str] = lambda one: one.name
           ) -> dict[str, str]:
    """One input for each field, and what differs from what is held, by name. To be called inside a form."""
    typed: dict[str, str] = {}
    for one in fields:
        now = _typed(held[one.name])
        options = ["", *(("yes", "no") if one.kind == "bool" else one.options)]
        given = (st.selectbox(label(one), options, index=options.index(now) if now in options else 0)
                 if len(options) > 1 else st.text_input(label(one), now))
        if (given or "") != now:
            typed[one.name] = given or ""
    return typed


def _said(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= 10_000:  # below, it may be a year
        return f"{value:,}"
    return ", ".join(map(str, value)) if isinstance(value, list) else _typed(value)


def _typed(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "", True: "yes", False: "no"}[value]
    return ";".join(map(str, value)) if isinstance(value, list) else str(value)
