"""A/B tests: each split of a journey read in a window that can be moved, and a planner."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from engine.activity import events
from engine.clock import HOUR, MINUTE, in_words, parse_duration, parse_moment, say_duration
from engine.measure import splits
from engine.measure.splits import Reading, Test, Window
from pages.widgets import by_group, charts, sample_size, state
from pages.widgets.person import when

SECTIONS = {"tests": ":material/science: Tests", "planner": ":material/calculate: Planner"}


def tests() -> None:
    """Every split with its verdict, or the one of the address."""
    found = splits.list_tests(state.store())
    if not found:
        with st.container(border=True):
            st.markdown("**No tests yet.** A journey with a random split is a test: draw one and publish it.")
            state.link_to("journeys", "Open the journeys")
        return
    keys = [test.key for test in found]
    chosen = state.param("test") if state.param("test") in keys else keys[0]
    if st.session_state.get("test-choice") != chosen:
        st.session_state["test-choice"] = chosen
    st.selectbox("Test", keys, key="test-choice", on_change=_choose, format_func=lambda key: key.replace("/", " · "))
    _one(found[keys.index(chosen)])


def _choose() -> None:
    st.query_params.from_dict({"test": st.session_state["test-choice"]})


def _one(test: Test) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        state.link_to("journeys", f"{test.journey}, step {test.node}", journey=test.journey, version=test.version,
                      node=test.node)
    count = splits.passages(state.store(), test)
    each = HOUR if count > splits.MANY else MINUTE
    now = state.now() // each * each  # read once: an open window ends now, and a second later it would be another one
    with st.expander("The window", icon=":material/date_range:", expanded=True):
        window = _window(test, now)
    if window is None:
        st.info(f"The goal of {state.escaped(test.journey)} is no event: choose what counts as a conversion.",
                icon=":material/flag_circle:")
        return
    if not _ready(test, count):
        return
    if count > splits.MANY:
        st.caption(f":material/schedule: As it stood at {when(now)}: a test of so many is read once an hour.")
    read = _read(state.store().url, test, window, now)
    _verdict(read)
    _arms(test, read)
    if not read.looks.empty:
        st.subheader("The difference, day by day", anchor=False)
        charts.intervals(read.looks)
        st.caption("The band is a 95 % interval for one look. Whoever looks every day and stops at the first crossing is "
                   "wrong far more often than that: decide on the day you planned.")
    by_group.test(test, window, now)


def _ready(test: Test, count: int) -> bool:
    """Whether to read it: very many passages only once somebody asked for it in this visit."""
    if count <= splits.MANY or st.session_state.get(f"read:{test.key}"):
        return True
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{count:,} passages.** Reading all of them takes some seconds.", width="stretch")
        asked = st.button("Read the test", icon=":material/play_arrow:", type="primary")
    if asked:
        st.session_state[f"read:{test.key}"] = True
    return asked


@st.cache_data(ttl=HOUR, max_entries=16, show_spinner="Reading the test")
def _read(url: str, test: Test, window: Window, now: int) -> Reading:
    del url
    return splits.read(state.store(), test, window, now=now)


def _window(test: Test, now: int) -> Window | None:
    """The declared window with what the address changes of it."""
    event = state.param("event") or (test.conversion or {}).get("event")
    if event is None and not state.param("event"):
        base = None
    else:
        own = test.conversion if test.conversion and test.conversion["event"] == event else {"event": event}
        base = splits.declared(test, now=now, conversion=own)
    names = list(dict.fromkeys([*([event] if event else []), *events.names(state.store())]))
    what, first, last, within = st.columns(4)
    with what:
        st.selectbox("Counts as a conversion", names, index=None, key=_held(f"event:{test.key}", event),
                     on_change=_moved, args=("event", f"event:{test.key}"))
    if base is None:
        return None
    moved = replace(base, **_address())
    for place, word, at in ((first, "from", moved.from_at), (last, "until", moved.until_at)):
        with place:
            day = datetime.fromtimestamp(at, UTC).date()
            st.date_input(f"First exposed {word}", key=_held(f"{word}:{test.key}", day), on_change=_moved,
                          args=(word, f"{word}:{test.key}"))
    with within:
        st.text_input("Time to convert", key=_held(f"within:{test.key}", say_duration(moved.within_s)), on_change=_moved,
                      args=("within", f"within:{test.key}"), help="A number and s, m, h, d or w.")
    if any(state.param(word) for word in ("event", "from", "until", "within")):
        st.button("Back to the declared window", icon=":material/restart_alt:", on_click=_declared, args=(test.key,))
    return moved


def _held(key: str, value: object) -> str:
    """The key of a widget that shows what the address says."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value
    return key


def _address() -> dict[str, int]:
    """The parts of the window that stand in the address. Raises BadInput: a part that is no moment or duration."""
    read = {"from": ("from_at", parse_moment), "until": ("until_at", parse_moment), "within": ("within_s", parse_duration)}
    return {name: parse(said) for word, (name, parse) in read.items() if (said := state.param(word))}


def _moved(word: str, key: str) -> None:
    state.set_param(word, st.session_state[key])


def _declared(key: str) -> None:
    st.query_params.from_dict({"test": key})


def _verdict(read: Reading) -> None:
    with st.container(border=True, key="verdict"):
        if read.exploratory:
            st.badge("exploratory", icon=":material/explore:", color="orange")
        st.markdown(f"**{state.escaped(read.analysis.verdict)}**")
        for note in [*read.notes, *read.analysis.notes]:
            st.caption(state.escaped(note))


def _arms(test: Test, read: Reading) -> None:
    total = sum(test.arms.values())
    compared = {one.b: one for one in read.analysis.comparisons}
    rows = [{"arm": arm.name, "planned": test.arms[arm.name] / total, "people": arm.n, "converted": arm.successes,
             "rate": arm.rate, "from": arm.ci and arm.ci[0], "to": arm.ci and arm.ci[1],
             "difference": compared[arm.name].difference if arm.name in compared else None,
             "p": compared[arm.name].p_adjusted if arm.name in compared else None} for arm in read.analysis.arms]
    shares = ("planned", "rate", "from", "to", "difference")
    labels = {"planned": "Planned share", "rate": "Rate", "from": "95 % from", "to": "95 % to", "difference": "Difference"}
    percent = {name: st.column_config.NumberColumn(labels[name], format="percent") for name in shares}
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", placeholder="–", column_config={
        "arm": "Arm", "people": "People", "converted": "Converted", **percent,
        "p": st.column_config.NumberColumn("p", format="%.4f")})
    ratio = read.analysis.srm
    said = ratio.reason or ("The arms were filled as planned" if ratio.ok else "The arms were not filled as planned")
    chance = "" if ratio.p_value is None else f" (sample-ratio p = {ratio.p_value:.4f})"
    st.caption(f"{said}{chance}. Two-sided pooled z test, 95 % intervals; counted are people first exposed from "
               f"{when(read.window.from_at)} who had {in_words(read.window.within_s)} to convert.")


with state.page_frame("A/B tests"):
    if state.section(SECTIONS) == "tests":
        tests()
    else:
        sample_size.plan()
