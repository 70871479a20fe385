"""Topics of the content, and how many people are interested in each."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine.audience import affinity, rules
from engine.audience.affinity import Topic

from . import state
from .tables import link_table

NEW = "new topic"
PERIODS = {7: "7 days", 30: "30 days", 90: "90 days"}


def topics_view() -> None:
    """The report, or the topic that the address names, to change."""
    found = affinity.list_topics(state.store())
    chosen = state.param("topic")
    if chosen:
        _edit(next((one for one in found if one.name == chosen), None))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("What people click and read says what they are interested in. Opens and machines do not count.",
                    width="stretch")
        if state.may("market"):
            st.button("New topic", icon=":material/add:", type="primary", on_click=state.set_param, args=("topic", NEW))
    if not found:
        st.info("No topic yet. Name a topic and the pages, links and messages that are about it: everything people did "
                "so far counts at once.", icon=":material/interests:")
        return
    _report()


def _report() -> None:
    days = st.selectbox("Period", list(PERIODS), index=1, format_func=PERIODS.__getitem__, width=160)
    shown = affinity.report(state.store(), days=days, now=state.now())
    rows = pd.DataFrame([{"topic": one.topic, "interested": one.interested, "people": one.people, "before": one.before,
                          "trend": None if one.trend is None else 100 * one.trend, "times": one.times} for one in shown])
    rows["trend"] = rows["trend"].astype(float)
    link_table(rows, "topic", lambda row: state.set_param("topic", shown[row].topic), {
        "interested": st.column_config.NumberColumn("Interested now", format="localized",
                                                    help="People with an affinity of at least 1"),
        "people": st.column_config.NumberColumn(f"People, {PERIODS[days]}", format="localized",
                                                help="Who clicked or read something about it"),
        "before": st.column_config.NumberColumn("The period before", format="localized"),
        "trend": st.column_config.NumberColumn("Change", format="%+.0f %%"),
        "times": st.column_config.NumberColumn("Clicks and visits", format="localized")}, key="topics", label="Topic")


def _edit(old: Topic | None) -> None:
    state.link_to("segments", "All topics", icon=":material/arrow_back:", view="topics")
    st.subheader(f"Topic {state.escaped(old.name)}" if old else "New topic", anchor=False)
    able, key = state.may("market"), f"topic:{old.name if old else NEW}"
    with state.boundary():
        name = st.text_input("Name", old.name if old else "", max_chars=affinity.LONGEST_NAME, disabled=bool(old) or not able,
                             key=f"{key}:name")
        pages = st.text_area("Pages, one a line", "\n".join(old.pages) if old else "", disabled=not able, key=f"{key}:pages",
                             placeholder="/guides", help="A visit to the page, or to any below it, counts.")
        links = st.text_area("Links, one a line", "\n".join(old.links) if old else "", disabled=not able, key=f"{key}:links",
                             placeholder="https://www.example.com/guides",
                             help="A click on the link in any message, or on one below it, counts.")
        names = [one.name for one in rules.known(state.store()).templates.values()]
        mails = st.multiselect("Messages", names, [one for one in old.mails if one in names] if old else [], disabled=not able,
                               key=f"{key}:mails", help="Every click in these messages counts, whatever the link.")
        half_life = st.number_input("Half-life in days", 1, affinity.LONGEST_HALF_LIFE, width=160, disabled=not able,
                                    value=old.half_life_days if old else affinity.HALF_LIFE_DAYS, key=f"{key}:half-life",
                                    help="A click or visit counts 1 when it happens and half as much after so many days.")
        if able:
            with st.container(horizontal=True):
                if st.button("Save", type="primary", icon=":material/save:", disabled=not name.strip()):
                    with st.spinner("Counting clicks and visits"):
                        affinity.save(state.store(), name, pages=_lines(pages), links=_lines(links), mails=mails,
                                      half_life_days=int(half_life), by=state.actor(), now=state.now())
                    _done(key)
                if old and st.button("Remove", icon=":material/delete:"):
                    affinity.remove(state.store(), old.name, by=state.actor(), now=state.now())
                    _done(key)


def _lines(typed: str | None) -> list[str]:
    return [line.strip() for line in (typed or "").splitlines() if line.strip()]


def _done(key: str) -> None:
    for part in ("name", "pages", "links", "mails", "half-life"):
        st.session_state.pop(f"{key}:{part}", None)
    state.set_param("topic", None)
    st.rerun()
