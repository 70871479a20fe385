"""Tables of people and things: short, paged in the database, each row a link."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from engine.maths.money import exponent, from_minor

PER_PAGE = 50
HEAD_PX, MOST_TALL = 38, 10  # the head of a table; tall rows that are shown before it scrolls


def moments(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The same with UTC seconds as moments that a table shows."""
    return frame.assign(**{name: pd.to_datetime(frame[name], unit="s", utc=True) for name in columns})


def moment_column(label: str) -> Any:
    """A moment by day, hour and minute, UTC."""
    return st.column_config.DatetimeColumn(label, format="YYYY-MM-DD HH:mm")


def money(minor: float, currency: str | None) -> str:
    """An amount for a sentence or metric, in whole units of its currency."""
    return f"{from_minor(round(minor), currency or ''):,.0f} {currency or ''}".strip()


def in_units(frame: pd.DataFrame, column: str) -> pd.Series:
    """A column of minor units as decimal amounts of the currency that each row names."""
    return frame[column] / 10.0 ** frame["currency"].fillna("").map(exponent).astype("int64")


def link_table(frame: pd.DataFrame, link: str, open_row: Callable[[int], None], config: Mapping[str, Any], *, key: str,
               select: bool = False, label: str | None = None, row_px: int | None = None) -> list[int]:
    """A table whose column `link` opens a row; the places of the rows that are ticked.

    open_row: called with the place of the row that was clicked. row_px: the height of rows, for text that wraps.
    """
    name, height = f"{key}-open", min(len(frame), MOST_TALL) * row_px + HEAD_PX if row_px else "auto"
    columns = {link: st.column_config.ButtonColumn(label or link.capitalize(), type="tertiary", alignment="left", key=name),
               **config}
    state: Any = st.dataframe(frame, hide_index=True, placeholder="–",
                              column_config=columns, column_order=[link, *config], key=key,
                              on_select="rerun" if select else "ignore", selection_mode="multi-row", width="stretch",
                              row_height=row_px, height=height)
    if clicked := st.session_state.get(name):
        open_row(int(clicked["row"]))
    return list(state.selection.rows) if select else []


def say_count(number: int, one: str, many: str) -> str:
    """`1 person`, `2,000 people`."""
    return f"{number:,} {one if number == 1 else many}"
