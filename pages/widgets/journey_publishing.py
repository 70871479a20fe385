"""Publishing a journey: what stands in the way, what changes, what becomes of people under way, who enters; then live."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import streamlit as st

from engine.errors import NotFound
from engine.journeys import comparing, documents, enrolling, flow, migrating, versions
from engine.journeys.migrating import WHY_STAYS, Plan, Standing, Wish
from engine.journeys.nodes import Known
from engine.journeys.versions import Version

from . import journey_editor, state
from .journey_editor import Editor
from .person import when
from .tables import say_count

MOST_CHANGES = 8
STAY = "They finish where they are"
PEOPLE = {"stay": "finish the version they entered", "move": "move to this version"}
TIMES = {"keep": "keep the time they were promised", "retime": "wait by the new settings, counted from when they arrived"}


@st.dialog("Publish", width="large")
def publish_dialog(name: str) -> None:
    """Everything to know before people are affected; then live."""
    ask(name)


def ask(name: str) -> None:
    """What the dialog holds."""
    with state.boundary():
        known = journey_editor.catalogue()
        held = journey_editor.editor(state.store(), name, known)
        found = journey_editor.drawn(held, known).problems
        wrong = [one for one in found if one.severity == "error"]
        if held.conflict:
            st.warning(held.conflict)
        elif wrong:
            st.error(f"{say_count(len(wrong), 'thing stands', 'things stand')} in the way:", icon=":material/error:")
            problem_list(wrong)
        else:
            _publish(held, known, [one for one in found if one.severity != "error"])


def problem_list(found: Iterable[Any]) -> None:
    """Problems as sentences, worst first."""
    marks = {"error": ":red[:material/error:]", "warning": ":orange[:material/warning:]",
             "advice": ":gray[:material/lightbulb:]"}
    for one in found:
        st.markdown(f"{marks[one.severity]} **{state.escaped(one.where)}**: {state.escaped(one.message)}"
                    + (f" :gray[{state.escaped(one.fix)}]" if one.fix else ""))


def _publish(held: Editor, known: Known, advice: list[Any]) -> None:
    store = state.store()
    if advice:
        with st.expander(say_count(len(advice), "remark", "remarks"), icon=":material/lightbulb:"):
            problem_list(advice)
    _changes(held, known)
    wish = _people(held)
    existing = _ask_who(held.text)
    if st.button("Publish", type="primary", icon=":material/rocket_launch:", key="publish-now"):
        done = enrolling.launch(store, held.text, wish, existing=existing, by=state.actor(), now=state.now())
        enter = " at the next tick, or when their moment comes."
        entering = f" {say_count(done.entering, 'person enters', 'people enter')}{enter}" if done.entering else ""
        held.notice = f"Version {done.version.number} is live.{entering}" if done.version.fresh else "Nothing had changed."
        st.rerun()


def _changes(held: Editor, known: Known) -> None:
    """The draft against the live version, in words."""
    try:
        live = versions.get_live(state.store(), held.name)
    except NotFound:
        st.markdown("This is its first version.")
        return
    said = comparing.compare(documents.load(live.document), held.document, known)
    if not said:
        st.markdown(f"Nothing differs from version {live.number}.")
        return
    st.markdown(f"**{say_count(len(said), 'change', 'changes')} since version {live.number}**")
    change_list(said[:MOST_CHANGES])
    if len(said) > MOST_CHANGES:
        with st.expander(f"{len(said) - MOST_CHANGES} more"):
            change_list(said[MOST_CHANGES:])


def change_list(said: Iterable[str]) -> None:
    """Differences as a list of sentences."""
    st.markdown("\n".join(f"- {state.escaped(one)}" for one in said))


def version_history(published: list[Version], held: Editor, known: Known) -> None:
    """Every version, the newest first: who made it, who is in it, what it changed. The draft on top where it differs."""
    texts = [(None, held.document), *((one, documents.load(one.document)) for one in published), (None, None)]
    for (version, document), (_, before) in itertools.pairwise(texts):
        said = comparing.compare(before, document, known) if before is not None and document is not None else []
        if version is None and not said:
            continue
        with st.container(border=True):
            if version is None:
                st.markdown(f"**Draft** :gray[{held.saved_words}]")
            else:
                _version_head(version)
            change_list(said)
            if before is None:
                st.caption("The first version.")
            elif not said:
                st.caption("Nothing but places on the canvas, or comments in the file.")
    if not published:
        st.caption("It has not been published yet.")


def _version_head(version: Version) -> None:
    now = flow.passages(state.store(), version.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        state.link_to("journeys", f"Version {version.number}", icon=":material/history:", journey=version.journey,
                      version=version.number)
        st.markdown(f":gray[{when(version.published_at)} by {state.escaped(version.published_by)}]", width="stretch")
        for who, count, words in (("everybody", now.entered, "entered"), ("inside", now.under_way, "under way")):
            state.link_to("journeys", f"{count:,} {words}", icon=":material/group:", journey=version.journey, of=version.number,
                          tab="people", who=who)


# ------------------------------------------------------------ people under way


def _people(held: Editor) -> Wish | None:
    """What becomes of people who stand in earlier versions, with how many; None: they stay."""
    at_first = _plan(held, Wish(retime=True))
    if not at_first.nodes:
        return None
    total = at_first.moving + at_first.staying
    chosen = st.radio(f"**{say_count(total, 'person is', 'people are')} under way.** They", list(PEOPLE),
                      format_func=PEOPLE.get, key="publish-people")
    if chosen == "stay":
        return None
    changed = any(one.changed and one.to for one in at_first.nodes)
    times = st.radio("Where the settings of their step have changed, they", list(TIMES), format_func=TIMES.get,
                     key="publish-times") if changed else "keep"
    wish = Wish(times == "retime", _mapping(at_first))
    said = _plan(held, wish)
    st.markdown(f"**{say_count(said.moving, 'person moves', 'people move')}, {said.staying:,} stay.**")
    for one in said.nodes:
        st.markdown(f"- {_told(one)}")
    return wish


def _plan(held: Editor, wish: Wish) -> Plan:
    return migrating.plan(state.store(), held.text, wish, now=state.now())


def _mapping(plan: Plan) -> dict[str, str | None]:
    """Where people go whose step is gone: asked for each such step."""
    made: dict[str, str | None] = {}
    for one in plan.nodes:
        if one.why == "gone" and one.node not in made:
            words = f"“{one.node}” is gone. {say_count(one.people, 'person stands', 'people stand')} there; they go to"
            target = st.selectbox(words, [STAY, *plan.targets], key=f"publish-map:{one.node}")
            if target != STAY:
                made[one.node] = target
    return made


def _told(one: Standing) -> str:
    who = f"{one.people:,} at “{state.escaped(one.node)}” of version {one.version}"
    if one.to is None:
        return f"{who} stay: {WHY_STAYS[str(one.why)]}."
    where = "" if one.to == one.node else f" to “{state.escaped(one.to)}”"
    at_once = f"; {one.at_once:,} of them have waited long enough and go on at once" if one.at_once else ""
    return f"{who} move{where}{at_once}."


def _ask_who(text: str) -> enrolling.Existing:
    """Whether those who match the triggers now enter too."""
    found = enrolling.count_matching(state.store(), text, now=state.now())
    if not found:
        return "new-only"
    words = {"new-only": "Only people who come to match from now on", "enter": f"Enroll the {found:,} who match now, too"}
    chosen = st.radio(f"{say_count(found, 'person matches', 'people match')} what starts this journey already.",
                      list(words), format_func=words.get)
    return "enter" if chosen == "enter" else "new-only"
