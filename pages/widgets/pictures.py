"""Pictures that several pages draw. Colors are the theme's."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

from engine.measure.kpis import Kpi

from .tables import money


def size_over_time(sizes: pd.DataFrame, *, height: int = 220) -> None:
    """How large a segment was at the end of each day. Columns: day (UTC seconds), members."""
    data = sizes.assign(day=pd.to_datetime(sizes["day"], unit="s"))
    chart = alt.Chart(data).mark_area(line=True, opacity=0.25, interpolate="monotone").encode(
        x=alt.X("day:T", title=None), y=alt.Y("members:Q", title="members", scale=alt.Scale(zero=False)),
        tooltip=[alt.Tooltip("day:T", title="day"), alt.Tooltip("members:Q", format=","),
                 alt.Tooltip("entered:Q", format=","), alt.Tooltip("left:Q", format=",")])
    st.altair_chart(chart.properties(height=height), width="stretch")


def bars(data: pd.DataFrame, *, label: str, value: str, height: int | None = None) -> None:
    """Horizontal bars in the order of the rows."""
    chart = alt.Chart(data).mark_bar(cornerRadiusEnd=4).encode(
        x=alt.X(f"{value}:Q", title=None), y=alt.Y(f"{label}:N", sort=None, title=None),
        tooltip=[alt.Tooltip(f"{label}:N"), alt.Tooltip(f"{value}:Q", format=",")])
    st.altair_chart(chart.properties(height=height or 34 * max(len(data), 1) + 20), width="stretch")


def kpi_row(kpis: Sequence[Kpi], against: str) -> None:
    """Bordered metrics with a line each, compared with the period before."""
    for column, one in zip(st.columns(len(kpis)), kpis, strict=True):
        column.metric(one.label, _shown(one, one.value), _change(one), border=True, chart_data=list(one.series),
                      chart_type="area", delta_description=against, delta_color="normal" if one.before is not None else "off")


def _shown(one: Kpi, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1%}" if one.unit == "rate" else money(value, one.currency) if one.unit == "money" else f"{value:,.0f}"


def _change(one: Kpi) -> str | None:
    if one.value is None or one.before is None:
        return None
    if one.unit == "rate":
        return f"{(one.value - one.before) * 100:+.1f} points"
    return f"{one.value / one.before - 1:+.0%}" if one.before else None
