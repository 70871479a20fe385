"""A mail as it looks, where nothing in it can run or leave: no script, no form, no way to the app around it."""

from __future__ import annotations

import html

import streamlit as st


def sandbox(page: str, *, height: int = 560) -> None:
    """Show HTML inside an iframe of its own that may do nothing. Links in it are dead: list them beside it."""
    look = f"width:100%;height:{height - 20}px;border:0;background:#fff"
    st.iframe(f'<iframe sandbox="" style="{look}" srcdoc="{html.escape(page)}"></iframe>', height=height)
