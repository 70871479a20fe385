"""Inputs that write what is chosen or typed into a part of a document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import streamlit as st

Doc = dict[str, Any]
UNITS = {"h": "hours", "d": "days", "w": "weeks", "m": "minutes"}


def alive(keep: Callable[[], None]) -> Callable[[], None]:
    """A callback that does nothing once its row was taken away: the change was under way to a widget that is gone."""

    def kept() -> None:
        with suppress(KeyError):
            keep()

    return kept


def begin(key: str, held: Any) -> Any:
    """What a widget shows: as the document says at first. It goes in as the widget's default, too: a browser that a tick
    overtakes before it has drawn the first answer never hears of the session's value, would answer that the widget is empty,
    and what the document says would be lost."""
    return st.session_state.setdefault(key, held)


def choose(label: str, doc: Doc, part: str, key: str, options: Sequence[Any], *, width: int = 170, new: bool = False,
           words: Callable[[Any], str] = str, then: Callable[[], None] | None = None) -> None:
    """A select box over a part of the document."""
    held = doc.get(part)
    listed = [*options, *([held] if held is not None and held not in options else [])]
    now = begin(key, held)

    def keep() -> None:
        doc[part] = st.session_state[key]
        if then:
            then()

    st.selectbox(label, listed, key=key, index=listed.index(now) if now in listed else None, on_change=alive(keep), width=width,
                 label_visibility="collapsed", placeholder=label, accept_new_options=new, format_func=words)


def choose_many(label: str, doc: Doc, part: str, key: str, options: Sequence[str], *, new: bool = False) -> None:
    """A box for several of the options."""
    held = doc.get(part)
    listed = list(held) if isinstance(held, list) else [held] if held else []
    now = begin(key, listed)

    def keep() -> None:
        doc[part] = list(st.session_state[key])

    st.multiselect(label, [*options, *(one for one in listed if one not in options)], now, key=key, on_change=alive(keep),
                   width=300, label_visibility="collapsed", placeholder=label, accept_new_options=new)


def type_in(label: str, doc: Doc, part: str, key: str, *, width: int = 170, read: Callable[[str], Any] = str) -> None:
    """A line of text; nothing is None."""
    now = begin(key, "" if doc.get(part) is None else str(doc[part]))

    def keep() -> None:
        typed = st.session_state[key].strip()
        doc[part] = read(typed) if typed else None

    st.text_input(label, now, key=key, on_change=alive(keep), width=width, label_visibility="collapsed", placeholder=label,
                  live="500ms")


def number_in(label: str, doc: Doc, part: str, key: str, *, whole: bool = False, fine: bool = False,
              width: int = 130) -> None:
    """A number; whole ones without a point. fine: halves are as likely as whole ones."""
    held = doc.get(part)
    fits = isinstance(held, int | float) and not isinstance(held, bool)
    short = whole or (fits and not fine and float(held).is_integer())
    now = begin(key, (int(held) if short else float(held)) if fits else None)

    def keep() -> None:
        value = st.session_state[key]
        doc[part] = int(value) if value is not None and float(value).is_integer() else value

    st.number_input(label, value=now, key=key, on_change=alive(keep), width=width, label_visibility="collapsed",
                    placeholder=label, **({"step": 0.5, "format": "%g"} if fine else {"step": 1}))


def duration_in(label: str, doc: Doc, part: str, key: str) -> None:
    """A number and a unit; empty: no limit."""
    held = str(doc.get(part) or "")
    amount, unit = (held[:-1], held[-1]) if held[:-1].isdecimal() and held[-1] in UNITS else ("", "d")
    number, unit = begin(f"{key}.n", int(amount) if amount else None), begin(f"{key}.u", unit)

    def keep() -> None:
        number = st.session_state[f"{key}.n"]
        doc[part] = f"{int(number)}{st.session_state[f'{key}.u']}" if number else None

    st.number_input(label, value=number, key=f"{key}.n", on_change=alive(keep), min_value=1, max_value=99_999, width=110,
                    label_visibility="collapsed", placeholder="any time")
    st.selectbox("Unit", list(UNITS), list(UNITS).index(unit), key=f"{key}.u", on_change=alive(keep), width=105,
                 label_visibility="collapsed", format_func=lambda one: UNITS[one])
