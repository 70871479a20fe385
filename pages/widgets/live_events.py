"""Live events: what people do now, and by whom the doubtful ones were done."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine.activity import events, timeline, verdicts

from . import rule_values, state
from .person import ask_judge, judge_dialog
from .tables import link_table, moments

SHOWN, EVERY_S = 200, 3
_COLUMNS = {"occurred_at": st.column_config.DatetimeColumn("When", format="YYYY-MM-DD HH:mm:ss"), "who": "Who", "name": "Event",
            "object": "What", "source": "From", "verdict": "Judged"}


def show() -> None:
    """The newest events, and on request those that a machine could have done, to judge them."""
    asked = [name] if (name := state.param("event")) else []
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = state.choice_param("Event", "event", sorted({*rule_values.event_names(), *asked}), width=240)
        judging = state.may("market") and st.toggle(
            "Judge visits and clicks", key="judging", help="Scanners of mail and crawlers do them as well as people. The table "
            "stands still meanwhile.")
    _to_judge(name) if judging else _live(name)


def _to_judge(name: str | None) -> None:
    """The newest that a machine could have done, each with a button. A click is about the rows as they were shown."""
    rows = events.recent(state.store(), name=name, names=verdicts.IN_DOUBT, limit=SHOWN)
    shown = st.session_state.get("judging-shown")
    if rows.empty:
        st.info("Nothing has happened that a machine could have done.", icon=":material/smart_toy:")
        return
    said = rows["verdict"].astype(object).where(rows["verdict"].notna(), None)
    asks = [ask_judge(one) if verdicts.in_doubt(what, one) else None for what, one in zip(rows["name"], said, strict=True)]
    st.session_state["judging-shown"] = rows[["contact_id", "id", "occurred_at"]]
    link_table(moments(rows.assign(ask=asks), "occurred_at"), "ask", lambda row: _judge(shown, row), _COLUMNS,
               key="judge", label="Who did it")


def _judge(shown: pd.DataFrame | None, row: int) -> None:
    if shown is None or row >= len(shown):
        return
    entry = timeline.of_event(state.store(), *(int(one) for one in shown.iloc[row]))
    if entry:
        judge_dialog(entry)


@st.fragment(run_every=EVERY_S)
def _live(name: str | None) -> None:
    rows = events.recent(state.store(), name=name, limit=SHOWN)
    if rows.empty:
        st.info("Nothing has happened yet. A write key (Settings) lets your website send what people do.",
                icon=":material/bolt:")
        return
    st.dataframe(moments(rows.fillna({"verdict": ""}), "occurred_at"), hide_index=True, placeholder="–", height=560,
                 column_order=list(_COLUMNS), column_config=_COLUMNS)
