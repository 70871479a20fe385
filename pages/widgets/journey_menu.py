"""What can be done to a journey as a whole: let it stand still, run dry, go; who answers for it; what colleagues say."""

from __future__ import annotations

import streamlit as st

from engine.journeys import comments, migrating, versions
from engine.journeys.comments import Comment
from engine.journeys.versions import Summary

from . import state
from .person import when
from .tables import say_count

_ICONS = {"live": ":material/play_arrow:", "paused": ":material/pause:", "draining": ":material/hourglass_bottom:",
          "archived": ":material/archive:"}
_OFFERED = {"live": ("paused", "draining"), "paused": ("live", "draining", "archived"),
            "draining": ("live", "paused", "archived"), "archived": ("live",), "draft": ("archived",)}
_LABELS = {"paused": "Pause", "draining": "Let it run dry", "archived": "Archive", "live": "Resume"}
_MEANS = {"paused": "Nobody enters, everybody inside stands still, nothing is sent.",
          "draining": "Nobody enters, those inside finish.", "archived": "Out of sight; its history stays.",
          "live": "People enter, and those inside go on."}


def status_buttons(one: Summary) -> None:
    """The first thing to do as a button, the others in a menu."""
    first, *rest = _OFFERED.get(one.status, ())
    st.button(_LABELS[first], icon=_ICONS[first], help=_MEANS[first], key="journey-do", on_click=_change,
              args=(one.name, first))
    with st.popover("", icon=":material/more_vert:", key="journey-more"):
        for status in rest:
            st.button(_LABELS[status], icon=_ICONS[status], key=f"journey-do:{status}", type="tertiary", on_click=_change,
                      args=(one.name, status), disabled=status == "archived" and one.waiting > 0)
            st.caption(_MEANS[status])
        if one.waiting and one.status != "archived":
            st.divider()
            st.button("Let everybody leave and archive", icon=":material/logout:", type="tertiary", key="journey-let-go",
                      on_click=_let_go, args=(one.name,))
            st.caption(f"{say_count(one.waiting, 'person leaves', 'people leave')} at the next tick; messages that wait for "
                       "them are called off.")
        _owner(one)


def _change(name: str, status: str) -> None:
    with state.boundary():
        versions.set_status(state.store(), name, status, by=state.actor(), now=state.now())


def _let_go(name: str) -> None:
    with state.boundary():
        migrating.let_go(state.store(), name, by=state.actor(), now=state.now())


def _owner(one: Summary) -> None:
    key = f"journey-owner:{one.id}"

    def keep() -> None:
        with state.boundary():
            versions.set_owner(state.store(), one.name, st.session_state[key], by=state.actor(), now=state.now())

    st.divider()
    st.text_input("Who answers for it", one.owner or "", key=key, placeholder="A colleague", max_chars=120, on_change=keep)


def comment_box(name: str, node: str | None) -> None:
    """Comments on a journey: read them, say something, mark one as dealt with. node: the step that is selected."""
    found = comments.list_comments(state.store(), name)
    open_ = [one for one in found if one.resolved_at is None]
    with st.popover(f"{len(open_)}" if open_ else "", icon=":material/comment:", help="Comments", key="journey-comments"):
        if state.may("analyze"):
            about = f" on “{node}”" if node else ""
            with st.form("journey-comment", border=False, clear_on_submit=True):
                text = st.text_area(f"Say something{about}", max_chars=comments.LONGEST, height=80)
                if st.form_submit_button("Comment", icon=":material/send:") and text.strip():
                    comments.add(state.store(), name, text, node=node, by=state.actor(), now=state.now())
                    st.rerun()
        if not found:
            st.caption("Nobody has said anything yet.")
        for one in found:
            _comment(one)


def _comment(one: Comment) -> None:
    done = one.resolved_at is not None
    about = f" on “{state.escaped(one.node)}”" if one.node else ""
    with st.container(horizontal=True, vertical_alignment="center", key=f"comment-{one.id}"):
        said = f"**{state.escaped(one.author)}**{about} :gray[{when(one.at)}]  \n{state.escaped(one.text)}"
        st.markdown(f":gray[{said}]" if done else said, width="stretch")
        if not done and state.may("analyze"):
            st.button("", icon=":material/check:", help="Dealt with", key=f"comment-done-{one.id}", type="tertiary",
                      on_click=_resolve, args=(one.id,))


def _resolve(comment_id: int) -> None:
    with state.boundary():
        comments.resolve(state.store(), comment_id, by=state.actor(), now=state.now())
