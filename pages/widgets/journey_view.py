"""One journey: canvas and side panel, its text, its words, and the people in it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.audience import lifecycle
from engine.errors import BadInput
from engine.journeys import canvas, documents, drafts, flow, notes, passengers, picture, versions
from engine.journeys.nodes import Known
from engine.journeys.passengers import Wanted
from engine.journeys.versions import Version

from . import journey_editor as editing
from . import journey_people, state
from .canvas import journey_canvas
from .entry_form import entry_form
from .inputs import Choices
from .journey_editor import Editor
from .journey_publishing import problem_list
from .node_form import node_form
from .person import when
from .rule_values import event_names
from .tables import say_count

HEIGHT_PX, PEOPLE_SHOWN = 640, 10
_LEAVES = "canvas-leaves"
# Streamlit fades what an answer is awaited for: at each tick of a busy server the whole canvas would come and go.
STEADY = "<style>.st-key-journey-drawing [data-stale='true'] { opacity: 1; }</style>"
TICK_S, DOT_TICK_S = 2, 1  # somebody's dot is watched while it moves: with a runner's tick it follows within two seconds


def drawing(name: str, live: Version | None, shown: Version | None, dot: int | None) -> None:
    """The canvas with its side panel. live: whose people are counted. shown: a published version, to look at only."""
    with st.container(key="journey-drawing"):
        st.html(STEADY)
        st.fragment(_drawing, run_every=TICK_S if dot is None else DOT_TICK_S)(name, live, shown, dot)


def _drawing(name: str, live: Version | None, shown: Version | None, dot: int | None) -> None:
    if st.session_state.pop(_LEAVES, False):  # a callback of a fragment can change the address, not the page
        st.rerun()
    with state.boundary():
        store = state.store()
        if versions.live_id(store, name) != (live.id if live else None):
            st.rerun()  # somebody has published since: whose people are counted, and the versions to choose from
        known = editing.catalogue()
        if shown is not None:
            _look(shown, known, dot)
            return
        held = editing.editor(store, name, known)
        _watch(held)
        _status(held, known)
        left, right = st.columns([5, 2])
        with left:
            _canvas(held, known, live, dot)
        with right:
            _panel(held, known, live)


# ------------------------------------------------------------ the draft


def _watch(held: Editor) -> None:
    """Notice a colleague's save; say who, and let the person decide."""
    theirs = drafts.open_draft(state.store(), held.name)
    if theirs.rev != held.rev and not held.conflict:
        held.conflict = (f"{theirs.updated_by} changed this journey at {when(theirs.updated_at)} UTC. You still see it as it "
                         "was before: steps may be missing, and the people who stand there.")
    if not held.conflict:
        return
    with st.container(border=True, key="conflict"):
        st.warning(state.escaped(held.conflict), icon=":material/group:")
        with st.container(horizontal=True):
            known = editing.catalogue()
            st.button("Load their version", icon=":material/refresh:", type="primary", on_click=editing.reload,
                      args=(state.store(), held.name, known), help="Your last change is dropped." if held.refused else None)
            if held.refused:
                st.button("Keep mine instead", on_click=editing.keep_mine, args=(held, state.store()),
                          help="Their change is overwritten.")


def _status(held: Editor, known: Known) -> None:
    found = editing.drawn(held, known).problems
    wrong = sum(one.severity == "error" for one in found)
    with st.container(horizontal=True, vertical_alignment="center", key="draft-status"):
        if not held.conflict:
            st.caption(held.saved_words, width="content")
        with st.popover(say_count(wrong, "error", "errors") if wrong else say_count(len(found), "remark", "remarks"),
                        icon=":material/error:" if wrong else ":material/fact_check:", disabled=not found, type="tertiary"):
            problem_list(found)
        args = (held, state.store(), known)
        st.button("Undo settings", icon=":material/undo:", type="tertiary", disabled=not held.past, on_click=editing.undo,
                  args=args)
        st.button("Redo settings", icon=":material/redo:", type="tertiary", disabled=not held.future, on_click=editing.redo,
                  args=args)
    if held.notice:
        st.info(state.escaped(held.notice), icon=":material/info:")


def _canvas(held: Editor, known: Known, live: Version | None, dot: int | None) -> None:
    store = state.store()

    def on_graph(sent: dict[str, Any]) -> None:
        editing.take(held, store, known, sent)

    def on_selected(node: str | None) -> None:
        held.selected, held.notice = node, None if node else held.notice
        state.set_param("node", node)

    drawn = editing.drawn(held, known)
    journey_canvas(
        key=held.key, rev=held.stamp, graph=drawn.graph, kinds=canvas.kinds(), errors=drawn.marks,
        readonly=not state.may("market"), selected=held.selected, height=HEIGHT_PX, on_graph=on_graph,
        on_selected=on_selected, **_live(held.document, known, live, dot))


def _live(document: dict[str, Any], known: Known, live: Version | None, dot: int | None) -> dict[str, Any]:
    """Who stands where, who went which way, one person's dot, and the picture of it to take along."""
    if live is None:
        return {"pictures": lambda: picture.files(document, known)}
    store = state.store()
    went = flow.port_counts(store, live.id)
    at = flow.where_is(store, live.id, dot) if dot is not None else []
    name = passengers.names(store, [dot]).get(dot, "Gone") if dot is not None else ""
    return {"counts": flow.waiting(store, live.id), "port_counts": went,
            "dots": [{"id": f"{dot}-{i}", "node": node, "label": name} for i, node in enumerate(at)],
            "on_people": lambda node, port: _see_people(live, node, port),
            "pictures": lambda: picture.files(document, known, went)}


def _see_people(version: Version, node: str, port: str | None) -> None:
    """From a number on the canvas to the people behind it."""
    who = {"who": "everybody"} if node == canvas.START else {"node": node, **({"port": port} if port else {})}
    st.query_params.from_dict({"journey": version.journey, "of": str(version.number), "tab": "people", **who})
    st.session_state[_LEAVES] = True


def _panel(held: Editor, known: Known, live: Version | None) -> None:
    chosen = next((node for node in held.document["nodes"] or [] if node["id"] == held.selected), None)
    key = f"{held.key}:{held.selected}:{held.stamp}"
    may = state.may("market")
    if held.selected == canvas.START:
        if made := entry_form(held.document, known, choices(held.document, known), key=key, readonly=not may):
            editing.apply(held, state.store(), known, made)
            st.rerun(scope="fragment")
    elif remark := next((one for one in notes.of(held.document) if one["id"] == held.selected), None):
        _note(held, known, remark, key, may)
    elif chosen is None:
        _hint(held, live)
    else:
        _message_link(chosen, known)
        if made := node_form(chosen, known, choices(held.document, known), key=key, readonly=not may):
            editing.apply(held, state.store(), known, editing.rename(held.document, chosen["id"], made))
            held.selected = made["id"]
            st.rerun(scope="fragment")
        _people(live, chosen["id"], known)


def _note(held: Editor, known: Known, remark: dict[str, Any], key: str, may: bool) -> None:
    """A note on the canvas: what it says."""
    st.markdown("**:material/sticky_note_2: Note**")
    text = st.text_area("What colleagues should know", remark["text"], key=f"{key}:note", max_chars=notes.LONGEST,
                        disabled=not may)
    if st.button("Apply", key=f"{key}:apply", type="primary", icon=":material/check:", width="stretch",
                 disabled=not may or text == remark["text"]):
        editing.apply(held, state.store(), known, notes.changed(held.document, remark["id"], text))
        st.rerun(scope="fragment")


def _message_link(node: dict[str, Any], known: Known) -> None:
    """From a step that sends, to the message it sends."""
    name = node.get("template")
    if name and str(name).casefold() in known.templates:
        state.link_to("content", f"Edit “{name}”", icon=":material/edit_note:", template=name)


def _hint(held: Editor, live: Version | None) -> None:
    st.markdown("Click a step to change it. Drag one from the palette to add it; draw a line from a port to connect it.")
    if not held.document["nodes"]:
        st.caption("Every journey begins at Start: click it to say who enters.")
    if live is None:
        return
    now = flow.passages(state.store(), live.id)
    st.caption(f"Version {live.number}, the live one. A number on the canvas leads to the people behind it.")
    for who, count, words in (("everybody", now.entered, "entered"), ("inside", now.under_way, "under way"),
                              ("left", now.finished, "have left")):
        state.link_to("journeys", f"{count:,} {words}", icon=":material/group:", journey=live.journey, of=live.number,
                      tab="people", who=who)
    if elsewhere := flow.under_way(state.store(), live.journey_id) - now.under_way:
        state.link_to("journeys", f"{elsewhere:,} more in earlier versions", icon=":material/history:", journey=live.journey,
                      tab="people")


def _people(live: Version | None, node: str, known: Known) -> None:
    """Who stands at the selected node and why, each a link."""
    total = flow.waiting(state.store(), live.id).get(node, 0) if live is not None else 0
    if live is None or not total:
        return
    found = passengers.page(state.store(), live.journey, Wanted("inside", node, version=live.number), known=known,
                            limit=PEOPLE_SHOWN)
    with st.expander(f"{say_count(total, 'person is', 'people are')} here", icon=":material/group:"):
        for one in found:
            at = next(at for at in one.standing if at.node == node)
            state.link_to("contacts", one.name, icon=":material/person:", contact=one.contact_id, show="journeys")
            st.caption(f"Since {when(at.since)}. {journey_people.until(at, live.status, state.now())}")
        if total > len(found):
            state.link_to("journeys", f"All {total:,}", icon=":material/group:", journey=live.journey, of=live.number,
                          tab="people", node=node)


def choices(document: dict[str, Any], known: Known) -> Choices:
    """What the settings of a step may name."""
    segments = tuple(one.name for one in known.rules.segments.values())
    return Choices({"template": tuple(known.templates), "templates": tuple(known.templates), "segment": segments,
                    "stage": tuple(lifecycle.STAGES),
                    "field": tuple(one.name for one in known.rules.fields.values()),
                    "date_field": tuple(one.name for one in known.rules.fields.values() if one.kind in ("date", "datetime")),
                    "number_field": tuple(one.name for one in known.rules.fields.values() if one.kind == "number"),
                    "lists": tuple(one.name for one in known.rules.lists.values()),
                    "node": tuple(str(one["id"]) for one in document["nodes"] or []), "journey": tuple(known.journeys),
                    "threshold": tuple(sorted(known.thresholds)), "event_name": tuple(event_names())},
                   rules=known.rules, nodes=tuple(str(one["id"]) for one in document["nodes"] or []))


# ------------------------------------------------------------ published versions, text, words


def _look(version: Version, known: Known, dot: int | None) -> None:
    document = documents.load(version.document)
    st.caption(f"Version {version.number}, published {when(version.published_at)} by {state.escaped(version.published_by)}. "
               "Published versions never change.")
    selected = journey_canvas(
        key=f"version:{version.id}", rev=1, graph=canvas.decorated(canvas.to_graph(document, known), document, known),
        kinds=canvas.kinds(), readonly=True, height=HEIGHT_PX, **_live(document, known, version, dot))
    if selected:
        _people(version, selected, known)


def text_form(held: Editor, known: Known, *, readonly: bool) -> None:
    """The same document as text: read it, change it, take it along, bring one."""
    given = st.file_uploader("Bring a journey file", type=["yaml", "yml"], disabled=readonly)
    text = given.getvalue().decode("utf-8-sig", "replace") if given else held.text
    typed = st.text_area("Journey file", text, height=520, key=f"text:{held.stamp}:{given.file_id if given else ''}",
                         disabled=readonly)
    with st.container(horizontal=True):
        if st.button("Take over", type="primary", icon=":material/check:", disabled=readonly or typed == held.text):
            try:
                editing.replace_text(held, state.store(), known, typed)
                st.rerun()
            except BadInput as error:
                st.error(state.escaped(error), icon=":material/error:")
        st.download_button("Download", held.text, f"{held.name}.yaml", "application/yaml", icon=":material/download:")
    st.caption("Comments are kept until the canvas or the panel changes something.")


def words(document: dict[str, Any], known: Known) -> None:
    """The journey told in sentences."""
    for line in canvas.sentences(document, known):
        st.markdown(f"- {state.escaped(line)}")
