"""Charts in the theme's own colors."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st

GRAY = "#8087a0"  # readable on both grounds


def bars(frame: pd.DataFrame, x: str, y: str, *, color: str | None = None, titles: tuple[str, str],
         order: list[str] | None = None, colors: list[str] | None = None, number: str = ",.0f", height: int = 280) -> None:
    """Upright bars, side by side where `color` names a column. order, colors: of the bars, and of those side by side."""
    chart = alt.Chart(frame).mark_bar(cornerRadiusTopLeft=3, cornerRadiusTopRight=3).encode(
        x=alt.X(f"{x}:N", title=titles[0] or None, sort=order, axis=alt.Axis(labelAngle=0, labelLimit=130)),
        y=alt.Y(f"{y}:Q", title=titles[1] or None, axis=alt.Axis(format=number)),
        tooltip=[x, *([color] if color else []), alt.Tooltip(f"{y}:Q", format=number)])
    if color:
        chart = chart.encode(color=alt.Color(f"{color}:N", title=None, sort=colors, legend=alt.Legend(orient="top")),
                             xOffset=alt.XOffset(f"{color}:N", sort=colors))
    st.altair_chart(chart.properties(height=height), width="stretch")


def steps(frame: pd.DataFrame, stage: str, count: str, *, height: int = 260) -> None:
    """A funnel: one lying bar per stage, its number at the end."""
    base = alt.Chart(frame).encode(y=alt.Y(f"{stage}:N", sort=list(frame[stage]), title=None),
                                   x=alt.X(f"{count}:Q", title=None, axis=alt.Axis(format=",.0f")),
                                   tooltip=[stage, alt.Tooltip(f"{count}:Q", format=",")])
    words = base.mark_text(align="left", dx=5, color=GRAY).encode(text=alt.Text(f"{count}:Q", format=","))
    st.altair_chart((base.mark_bar(cornerRadiusEnd=3) + words).properties(height=height), width="stretch")


def intervals(frame: pd.DataFrame, *, height: int = 300) -> None:
    """A difference with its interval over time: columns at (UTC seconds), arm, difference, low, high, n (contacts)."""
    shown = frame.assign(day=pd.to_datetime(frame["at"], unit="s"))
    x = alt.X("day:T", title=None)
    color = alt.Color("arm:N", title=None, legend=alt.Legend(orient="top"))
    band = alt.Chart(shown).mark_area(opacity=0.2).encode(x=x, y=alt.Y("low:Q", title="difference from the control",
                                                                     axis=alt.Axis(format="+.0%")),
                                                          y2="high:Q", color=color)
    line = alt.Chart(shown).mark_line().encode(x=x, y="difference:Q", color=color, tooltip=[
        alt.Tooltip("day:T", title="by"), "arm", alt.Tooltip("difference:Q", format="+.2%"),
        alt.Tooltip("low:Q", format="+.2%"), alt.Tooltip("high:Q", format="+.2%"), alt.Tooltip("n:Q", format=",")])
    zero = alt.Chart(pd.DataFrame({"y": [0]})).mark_rule(strokeDash=[4, 4], color=GRAY).encode(y="y:Q")
    st.altair_chart((band + line + zero).properties(height=height), width="stretch")
