"""The badge that says whether the runner breathes."""

from __future__ import annotations

import streamlit as st

from engine.service import health
from engine.store import Store

_COLORS = {"well": "green", "trouble": "orange", "silent": "red", "never": "gray"}
_ICONS = {"well": "favorite", "trouble": "heart_broken", "silent": "heart_broken", "never": "heart_minus"}


def badge(store: Store, now: int) -> None:
    """When the runner last breathed, by the clock on the wall."""
    found = health.runner_state(store, now=now)
    st.badge(found.words, icon=f":material/{_ICONS[found.state]}:", color=_COLORS[found.state], help=found.help)
