"""A journey being edited: canvas, side panel and draft kept in step. Whoever comes second is told, never overwritten."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from engine.errors import Conflict, ThroughlineError
from engine.journeys import canvas, documents, drafts, lint, reading
from engine.journeys.nodes import Known
from engine.store import Store

from . import state
from .canvas import adopt

Graph = dict[str, Any]
Document = dict[str, Any]
MOST_UNDO = 50


@dataclass
class Editor:
    """What this session holds of one draft. stamp rises when Python changes the graph: the canvas then takes it over.

    conflict: somebody else saved since. refused: there is a change here that could not be saved because of it.
    """

    name: str
    rev: int
    document: Document
    text: str
    graph: Graph
    saved_at: int
    saved_by: str
    stamp: int = 1
    selected: str | None = None
    notice: str | None = None
    conflict: str | None = None
    refused: bool = False
    shown: Drawn | None = None
    past: list[Document] = field(default_factory=list)
    future: list[Document] = field(default_factory=list)

    @property
    def key(self) -> str:
        """What the canvas and the widgets of this journey are called in the session."""
        return f"canvas:{self.name}"

    @property
    def saved_words(self) -> str:
        """`Saved 10:42`."""
        if self.rev == 0:
            return "No draft yet: you see the published version."
        return f"Saved {datetime.fromtimestamp(self.saved_at, UTC):%H:%M} UTC by {self.saved_by}"


def editor(store: Store, name: str, known: Known) -> Editor:
    """The editor of this session for a journey, opened on first use. Raises NotFound; BadInput: no canvas can show it."""
    held: Editor | None = st.session_state.get(f"editor:{name}")
    if held is None:
        held = st.session_state[f"editor:{name}"] = opened(store, name, known)
        held.selected = state.param("node")
    return held


def opened(store: Store, name: str, known: Known, stamp: int = 1) -> Editor:
    """The draft as it is in the database now."""
    draft = drafts.open_draft(store, name)
    document = documents.load(draft.document, name)
    graph = canvas.to_graph(document, known)
    return Editor(draft.name, draft.rev, document, draft.document, graph, draft.updated_at, draft.updated_by, stamp)


def reload(store: Store, name: str, known: Known) -> None:
    """Take over what the database holds, dropping what this session could not save."""
    held = st.session_state.get(f"editor:{name}")
    st.session_state[f"editor:{name}"] = opened(store, name, known, held.stamp + 1 if held else 1)


# ------------------------------------------------------------ edits


def take(held: Editor, store: Store, known: Known, sent: Graph) -> None:
    """An edit made on the canvas: adopted, written into the document, saved."""
    whole, said = canvas.adopted(adopt(held.graph, sent))
    _change(held, store, known, canvas.to_document(whole, held.document, known))
    held.graph = {**held.graph, "edit": sent["edit"]}
    held.notice = said
    held.stamp += said is not None


def apply(held: Editor, store: Store, known: Known, document: Document) -> None:
    """An edit made by the side panel or in the text: the canvas takes it over."""
    held.past = [*held.past, held.document][-MOST_UNDO:]
    held.future = []
    _show(held, store, known, document)


def undo(held: Editor, store: Store, known: Known) -> None:
    """Take the last change of settings back."""
    if held.past:
        held.future.append(held.document)
        _show(held, store, known, held.past.pop())


def redo(held: Editor, store: Store, known: Known) -> None:
    """Make it again."""
    if held.future:
        held.past.append(held.document)
        _show(held, store, known, held.future.pop())


def rename(document: Document, old: str, node: Document) -> Document:
    """A document with one node replaced; when it has another name now, everything that named it follows."""
    new = node["id"]
    nodes = [node if one["id"] == old else one for one in document["nodes"]]
    made = {**document, "nodes": nodes}
    if new == old:
        return made
    places = {(new if key == old else key): spot for key, spot in (document.get("layout") or {}).items()}
    return {**made, "nodes": [_renamed(one, old, new) for one in nodes], **({"layout": places} if places else {})}


def _renamed(node: Document, old: str, new: str) -> Document:
    leads = {key: new for key in ("next", "node") if node.get(key) == old}
    on = {"on": {port: new if to == old else to for port, to in node["on"].items()}} if isinstance(node.get("on"), dict) else {}
    event = node.get("event")
    of = {"event": {**event, "of": new}} if isinstance(event, dict) and event.get("of") == old else {}
    return {**node, **leads, **on, **of}


def _show(held: Editor, store: Store, known: Known, document: Document) -> None:
    edit = held.graph.get("edit", 0)
    _change(held, store, known, document)
    held.graph = {**held.graph, "edit": edit}
    held.stamp += 1


def _change(held: Editor, store: Store, known: Known, document: Document, text: str | None = None) -> None:
    held.graph = canvas.to_graph(document, known)
    held.document, held.text = document, text or documents.dump(document)
    save(held, store)


def save(held: Editor, store: Store) -> None:
    """Keep the draft unless somebody else saved since; then what is here stays here and the sentence names who."""
    try:
        draft = drafts.save_draft(store, held.name, held.text, rev=held.rev, by=state.actor(), now=state.now())
    except Conflict as error:
        held.conflict, held.refused = str(error), True
    except ThroughlineError as error:
        held.notice = str(error)
    else:
        held.rev, held.saved_at, held.saved_by = draft.rev, draft.updated_at, draft.updated_by
        held.conflict, held.refused = None, False


def keep_mine(held: Editor, store: Store) -> None:
    """Save over the other draft, on purpose."""
    held.rev = drafts.open_draft(store, held.name).rev
    save(held, store)


def replace_text(held: Editor, store: Store, known: Known, text: str) -> None:
    """Take over a journey file as it is written, comments and all. Raises BadInput: not a file, or nothing to draw."""
    document = {**documents.load(text, "the text"), "name": held.name}
    canvas.drawable(document)
    held.past = [*held.past, held.document][-MOST_UNDO:]
    _change(held, store, known, document, text if documents.load(text).get("name") == held.name else None)
    held.stamp += 1


# ------------------------------------------------------------ what is shown of it


@dataclass(frozen=True)
class Drawn:
    """A graph with what its cards say, every problem, worst first, and the marks of the nodes they stand at.

    of, known: what it was worked out from.
    """

    of: Graph
    known: Known
    graph: Graph
    problems: list[Any]
    marks: dict[str, list[dict[str, str]]]


def drawn(held: Editor, known: Known) -> Drawn:
    """What the canvas shows of the draft. Worked out once for each change of the draft or the catalogue, not at each tick."""
    shown = held.shown
    if shown is None or shown.of is not held.graph or shown.known is not known:  # both are replaced, never changed
        found = lint.check(held.document, known, _facts(state.store().url, reading.edition(state.store())))
        shown = held.shown = Drawn(held.graph, known, canvas.decorated(held.graph, held.document, known), found,
                                   canvas.errors(found, held.document))
    return shown


def catalogue() -> Known:
    """What a draft may refer to, read again only when some of it has changed."""
    return _catalogue(state.store().url, reading.edition(state.store()))


@st.cache_resource(max_entries=4, ttl="1h", show_spinner=False)
def _catalogue(url: str, edition: tuple[int, ...]) -> Known:
    del url, edition
    return reading.known(state.store())


@st.cache_resource(max_entries=4, ttl="1m", show_spinner=False)
def _facts(url: str, edition: tuple[int, ...]) -> lint.Facts:
    del url, edition
    return lint.facts(state.store())
