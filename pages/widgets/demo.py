"""What only the demo company has: try it as me, fast-forward, start again."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.loop.tick import Tally
from engine.service import demo, forward, visitor
from engine.service.visitor import Visit

from . import mail, state
from .person import when
from .tables import say_count

DAYS = 90
VISIT, RESULT = "demo-visit", "demo-result"
LOOK_EVERY_S = 1


def is_demo() -> bool:
    """Whether this workspace is the demo."""
    return demo.is_demo(state.store())


def panel() -> None:
    """The head of Home in the demo; nothing in any other workspace."""
    if not is_demo():
        return
    with st.container(border=True, key="demo"):
        st.markdown(f":material/science: **The demo company.** It is {when(state.now())} here. Nothing ever leaves it: "
                    "messages are captured.")
        with st.container(horizontal=True, vertical_alignment="center"):
            _buttons()
        if RESULT in st.session_state:
            st.success(st.session_state[RESULT], icon=":material/fast_forward:")
        if visit := st.session_state.get(VISIT):
            _visit(visit)


def _buttons() -> None:
    if not state.may("market"):
        return
    with st.popover("Try it as me", icon=":material/person_play:", type="primary"):
        _begin()
    if st.button(f"Fast-forward {DAYS} days", icon=":material/fast_forward:", key="demo-forward"):
        _forward()
    with st.popover("Start again", icon=":material/restart_alt:"):
        st.markdown("Everything that was changed in the demo since it was made is forgotten.")
        if st.button("Forget it and start again", key="demo-again"):
            _again()


# ------------------------------------------------------------ try it as me


def _begin() -> None:
    with st.form("visitor", border=False):
        name = st.text_input("Your name", placeholder="Ada")
        email = st.text_input("Your e-mail", type="email", placeholder="ada@example.com")
        st.caption("You become a contact of the demo and enter the Welcome series. The mail is shown here; none is sent.")
        if st.form_submit_button("Begin", type="primary"):
            with state.boundary(), st.spinner("Your mail is on its way"):
                st.session_state[VISIT] = visitor.begin(state.store(), state.config(), name, email, now=state.clock_now())
                st.rerun()


def _visit(visit: Visit) -> None:
    with state.boundary():
        _place(visit)
        shown = visitor.mail(state.store(), visit)
        left, right = st.columns([2, 1], gap="medium")
        with left:
            mail.message(shown.subject, shown.html, shown.text)
        with right:
            st.markdown("**The links of this mail, each with your name in it.** A click goes through the real collector, and "
                        "your dot moves.")
            mail.links({link.tracked_url: link.url for link in shown.links}, opens="Click it")
    if st.button("Enough", icon=":material/close:", key="demo-enough"):
        st.session_state.pop(VISIT)
        st.rerun()


@st.fragment(run_every=LOOK_EVERY_S)
def _place(visit: Visit) -> None:
    """Where the visitor stands; without a runner this page ticks in its place."""
    with state.boundary():
        if not state.runner_breathes():
            visitor.step_on(state.store(), state.config(), now=state.clock_now())
        stands = visitor.where(state.store(), visit)
        way = " → ".join(f"{node} ({port})" if port else node for node, port in stands.path)
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            at = f"wait at **{state.escaped(stands.node)}**" if stands.node else f"have **{state.escaped(stands.status)}**"
            st.markdown(f":material/my_location: You {at}. So far: {state.escaped(way) or 'just in'}.",
                        width="stretch")
            state.link_to("journeys", "See your dot on the canvas", journey=stands.journey, dot=visit.contact_id)
            state.link_to("contacts", "Your timeline", icon=":material/person:", contact=visit.contact_id)


# ------------------------------------------------------------ fast-forward, start again


def _forward() -> None:
    bar = st.progress(0.0, text="The year goes on …")

    def moved(done: int, total: int, tally: Tally) -> None:
        bar.progress(done / max(total, 1), text=f"Day {done} of {total}: {_say(tally)}")

    with state.boundary():
        tally = forward.fast_forward(state.store(), state.config(), DAYS, now=state.clock_now(), progress=moved)
        st.session_state[RESULT] = f"{DAYS} days went by: {_say(tally)}."
        st.cache_data.clear()
        st.rerun()


def _again() -> None:
    with state.boundary(), st.spinner("Putting everything back"):
        forward.start_again(state.store(), state.config(), now=state.clock_now())
        for name in (VISIT, RESULT):
            st.session_state.pop(name, None)
        st.cache_data.clear()
        st.rerun()


def _say(tally: Any) -> str:
    return (f"{say_count(tally.events, 'event', 'events')}, {say_count(tally.enrolled, 'person', 'people')} enrolled, "
            f"{say_count(tally.moved, 'step', 'steps')}, {say_count(tally.sent, 'mail', 'mails')}")
