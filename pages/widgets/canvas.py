"""The journey canvas: a graph people rearrange by mouse and keyboard, decorated with live numbers."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

STATIC = Path(__file__).resolve().parents[2] / "static"
BUNDLE = ("journey_canvas.js", "journey_canvas.css")
FRAME_PX = 10
ANSWERS = 3

Graph = dict[str, Any]


def _version() -> str:
    digest = hashlib.sha256()
    for name in BUNDLE:
        digest.update((STATIC / name).read_bytes())
    return digest.hexdigest()[:12]


# The bundle is fetched once and cached by its version; inlined it would travel with every rerun. The address is relative
# to the page's base, so it holds under `server.baseUrlPath` too.
_LOADER = f"""
let bundle;
export default function (args) {{
  let gone = false, stop;
  bundle ??= import(new URL("app/static/journey_canvas.js?v={_version()}", document.baseURI).href);
  bundle.then((m) => {{ if (!gone) stop = m.default(args); }}, (why) => {{
    bundle = undefined;
    args.parentElement.textContent = `The canvas could not be loaded (${{why.message}}). Is server.enableStaticServing on?`;
  }});
  return () => {{ gone = true; stop?.(); }};
}}
"""
_component = st.components.v2.component("journey_canvas", js=_LOADER)


def adopt(current: Graph, incoming: Graph) -> Graph:
    """Take an edit of the canvas into the graph Python holds: structure and positions theirs, settings ours.

    People type settings into widgets, never into the canvas, so for a node that both know the settings of Python win: a
    title saved while a card was being dragged is not undone by the drag. A node only the canvas knows (dropped, pasted,
    brought back by undo) comes whole; one it no longer has is gone.
    """
    ours = {node["id"]: node for node in current["nodes"]}
    nodes = [{**node, **ours.get(node["id"], {}), "x": node["x"], "y": node["y"]} for node in incoming["nodes"]]
    return {**current, "nodes": nodes, "edges": incoming["edges"], "edit": incoming["edit"]}


def journey_canvas(
    *,
    key: str,
    rev: int | str,
    graph: Graph,
    kinds: Mapping[str, Mapping[str, Any]],
    counts: Mapping[str, int] | None = None,
    port_counts: Mapping[str, Mapping[str, int]] | None = None,
    errors: Mapping[str, Sequence[Mapping[str, str]]] | None = None,
    dots: Sequence[Mapping[str, str]] | None = None,
    readonly: bool = False,
    selected: str | None = None,
    height: int = 640,
    on_graph: Callable[[Graph], None] | None = None,
    on_selected: Callable[[str | None], None] | None = None,
    on_people: Callable[[str, str | None], None] | None = None,
    pictures: Callable[[], Mapping[str, str]] | None = None,
) -> str | None:
    """Draw a journey as a canvas and call back when somebody edits or selects; returns the selected node, if any.

    The sync rule. The canvas takes `graph` over only when `rev` differs from the one it shows; everything else decorates
    what is there, so counts may tick while somebody drags. Each edit (drop, drag, connect, delete, tidy, paste, undo,
    redo) sends the whole graph once: `on_graph(sent)` adopts it with `adopt` and does NOT raise `rev`. Python's own
    edits (side panel, load, restore) raise `rev`. `sent` carries `edit` (a rising number), `rev` (what the edit stood
    on) and `selected`; hand `edit` back inside `graph` (as `adopt` does) and an edit still on its way when `rev` rises is
    kept. To refuse an edit, raise `rev` and pass the graph that holds with the `edit` refused. The optimistic lock over
    two people belongs to the caller. Use another `key` for another journey: undo reaches back within one key.

    graph        {nodes: [{id, type, title, x, y, data, summary?, note?, ports?}], edges: [{id, source, port, target}]};
                 `data` and unknown keys come back verbatim. x, y None: laid out. `summary` (one line), `note` and `ports`
                 decorate: they are taken on every rerun. `copy_of` names the node a pasted one was copied from.
    kinds        {type: {label, icon, color, color_dark, group, shape, ports: [{id, label}] | None, description?}};
                 icon a Material Symbols name; shape start (nothing enters), end, or step; ports None: the node says.
    counts       {node: people waiting}.     port_counts  {node: {port: people who left by it}}
    errors       {node: [{severity: error | warning, message}]}
    dots         [{id, node, label}]: people drawn on a node; one whose node changes walks there along the edges.
    height       pixels.
    on_people    called with (node, port or None) when somebody presses a number: who stands there, who went that way.
                 Without it numbers lead nowhere.
    pictures     called when somebody takes the journey along: {name, svg, mermaid}. Without it nothing is offered.
    """

    def value(name: str) -> Any:
        return (st.session_state.get(key) or {}).get(name)

    def graph_changed() -> None:
        sent = value("graph")
        if sent is None:
            return
        if on_graph:
            on_graph({name: part for name, part in sent.items() if name != "selected"})
        if on_selected and sent["selected"] != selected:
            on_selected(sent["selected"])

    def selected_changed() -> None:
        # A click and the edit after it may come in one rerun: the edit has said already what is selected by then.
        if on_selected and (picked := value("selected")) and picked["at"] > (value("graph") or {}).get("at", 0):
            on_selected(picked["id"])

    def people_changed() -> None:
        if on_people and (asked := value("people")):
            on_people(asked["node"], asked["port"])

    def asked_changed() -> None:
        if asked := value("asked"):
            st.session_state[f"{key}:asked"] = (asked, ANSWERS)

    data = {
        "key": key, "rev": rev, "graph": graph, "kinds": kinds, "counts": counts, "port_counts": port_counts,
        "errors": errors, "dots": dots, "readonly": readonly, "selected": selected, "height": height,
        "people": on_people is not None, "pictures": pictures is not None, "files": _files(f"{key}:asked", pictures),
    }  # fmt: skip
    tall = height + FRAME_PX
    state = _component(
        key=key, data=_packed(data), height=tall, on_graph_change=graph_changed, on_selected_change=selected_changed,
        on_people_change=people_changed, on_asked_change=asked_changed,
    )  # fmt: skip
    return _selection(state.get("graph"), state.get("selected"))


def _files(name: str, pictures: Callable[[], Mapping[str, str]] | None) -> dict[str, Any] | None:
    """What was asked for, in a few answers running: the page may pass over one that the next overtakes."""
    asked, left = st.session_state.get(name, (0, 0))
    if pictures is None or not left:
        return None
    st.session_state[name] = (asked, left - 1)
    return {**pictures(), "at": asked}


def _packed(data: Mapping[str, Any]) -> bytes:
    """The data as compressed JSON: it travels with every tick, and 60 steps shrink from 23 KB to 4."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return gzip.compress(text.encode(), compresslevel=3, mtime=0)


def _selection(sent: Mapping[str, Any] | None, picked: Mapping[str, Any] | None) -> str | None:
    """Whichever came last: an edit tells the selection along with it."""
    latest = max((sent or {}, "selected"), (picked or {}, "id"), key=lambda told: told[0].get("at", 0))
    node: str | None = latest[0].get(latest[1])
    return node
