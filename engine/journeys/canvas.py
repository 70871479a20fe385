"""A journey document as the graph that the canvas draws, and back, without losing a word of it.

Each node of the graph carries the node of the document as its `data`. Going back, what the canvas decides (which nodes
there are, their order, their places, where ports lead) is laid over that; what did not change stays as it was written.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from pydantic import ValidationError

from ..audience import rules
from ..errors import BadInput, Problem
from ..people import fields
from . import layout, notes
from .graph import Limits
from .nodes import Known, Node, node_types
from .nodes.base import GREEN
from .triggers import Entry

Document = dict[str, Any]
Graph = dict[str, Any]
Target = dict[str, str]  # port -> node
START, START_TYPE = layout.START, "entry"
_START_KIND = {"label": "Start", "icon": "login", "color": GREEN[0], "color_dark": GREEN[1], "group": "Start",
               "shape": "start", "ports": [{"id": "next", "label": ""}], "description": "Who enters, and when"}
# The palette is the same in every workspace: what the examples of nodes name is there.
NOBODY = Known(rules.Known({**fields.BUILT_IN, "visits": fields.Field("visits", "Visits", "number", "cf_0")}, {},
                           {"newsletter": rules.Named(0, "Newsletter")}, {}))
GROUPS = ("Messages", "Waits", "Flow", "Actions", "Sales")  # of the palette, what is reached for most often first
_MENDS = 4  # each may bring up what the one before it hid


# ------------------------------------------------------------ what nodes are called and offer


@cache
def kinds() -> dict[str, dict[str, Any]]:
    """What the palette offers, in its order: the start, every node type by group and label, a note."""
    steps = sorted(((name, _kind(cls)) for name, cls in node_types().items()),
                   key=lambda one: (GROUPS.index(one[1]["group"]), one[1]["label"]))
    return {START_TYPE: _START_KIND, **dict(steps), notes.NOTE_TYPE: notes.KIND}


def _kind(cls: type[Node]) -> dict[str, Any]:
    ports = _reader(cls, {"id": "x", **cls.fresh}, None)
    described = (cls.__doc__ or "").strip().splitlines()[0]
    shape = "end" if cls.shape == "end" else "branch" if len(ports.ports) > 1 else "step"
    return {"label": cls.label, "icon": cls.icon, "color": cls.tint[0], "color_dark": cls.tint[1], "group": cls.group,
            "shape": shape, "ports": _labelled(ports), "description": described}


def read_node(document: Document, known: Known) -> Node | None:
    """The node that a part of a draft describes; None while it is not valid."""
    cls = node_types().get(str(document.get("type")))
    if cls is None:
        return None
    try:
        return cls.model_validate(document, context={"known": known})
    except ValidationError:
        return None


def ports_of(document: Document, known: Known) -> list[dict[str, str]]:
    """The ports of a node, also of one whose settings are not complete yet: what is missing counts as in the example."""
    cls = node_types().get(str(document.get("type")))
    return [] if cls is None else _labelled(_reader(cls, document, known))


def _labelled(node: Node) -> list[dict[str, str]]:
    return [{"id": port, "label": node.port_label(port)} for port in node.ports]


def _reader(cls: type[Node], document: Document, known: Known | None) -> Node:
    """A node to ask for its ports: as written where that can be read, as in the example where not."""
    context = {"known": known or NOBODY}
    trial = {**copy.deepcopy(document), "id": "x", "type": cls.model_fields["type"].default}
    for _ in range(_MENDS):
        try:
            return cls.model_validate(trial, context=context)
        except ValidationError as error:
            for item in error.errors():
                _mend(trial, item["loc"], cls.example)
    return cls.model_validate({"id": "x", **cls.example}, context={"known": NOBODY})


def _mend(trial: Any, place: tuple[int | str, ...], example: Any) -> None:
    """Put the example's value where one is wrong; take out what the example has nothing for."""
    if not place:  # the settings do not go together
        trial.update(example)
        return
    step, rest = place[0], place[1:]
    instead = example.get(step) if isinstance(example, dict) else example[0] if isinstance(example, list | tuple) else None
    inner = trial.get(step) if isinstance(trial, dict) else trial[step] if isinstance(step, int) else None
    if rest and isinstance(inner, dict | list) and isinstance(instead, dict | list | tuple):
        _mend(inner, rest, instead)
    elif instead is not None:
        trial[step] = copy.deepcopy(instead)
    elif isinstance(trial, dict):
        trial.pop(step, None)


def _targets(document: Document) -> Target:
    on = document.get("on")
    return {str(port): str(target or "") for port, target in on.items()} if isinstance(on, dict) else {}


# ------------------------------------------------------------ document -> graph


def to_graph(document: Document, known: Known) -> Graph:
    """The graph of a document, valid or not. Raises BadInput: what no canvas can show (two nodes of one name)."""
    nodes = drawable(document)
    places = layout.places(document, {str(node["id"]): wants(node, known) for node in nodes})
    ids = {str(node["id"]) for node in nodes}
    cards = [_start(places), *(_card(node, known, ids, places) for node in nodes), *map(notes.card, notes.of(document))]
    return {"nodes": cards, "edges": _edges(nodes, known, ids)}


def drawable(document: Document) -> list[Document]:
    """The nodes of a document that a canvas can show. Raises BadInput."""
    nodes = document.get("nodes") or []
    if not isinstance(nodes, list) or not all(isinstance(one, dict) and one.get("id") and one.get("type") for one in nodes):
        raise BadInput("nodes: every node is written {id: …, type: …}")
    ids = [str(one["id"]) for one in nodes]
    twice = next((one for one in ids if ids.count(one) > 1), None)
    if twice is not None or START in ids:
        raise BadInput(f"nodes: two nodes are called {twice or START!r}: give one of them another name")
    return nodes


def _start(places: dict[str, tuple[float, float]]) -> dict[str, Any]:
    x, y = places[START]
    return {"id": START, "type": START_TYPE, "title": "Start", "x": x, "y": y, "data": {}}


def _card(node: Document, known: Known, ids: set[str], places: dict[str, tuple[float, float]]) -> dict[str, Any]:
    x, y = places[str(node["id"])]
    loose = {port: target for port, target in wants(node, known).items() if target not in ids}
    made = {"id": str(node["id"]), "type": str(node["type"]), "title": title(node), "x": x, "y": y, "data": node}
    return made | ({"loose": loose} if loose else {})


def _edges(nodes: list[Document], known: Known, ids: set[str]) -> list[dict[str, str]]:
    first = [_edge(START, "next", str(nodes[0]["id"]))] if nodes else []
    return first + [_edge(str(node["id"]), port, target) for node in nodes for port, target in wants(node, known).items()
                    if target in ids]


def _edge(source: str, port: str, target: str) -> dict[str, str]:
    return {"id": f"{source}.{port}-{target}", "source": source, "port": port, "target": target}


def wants(node: Document, known: Known) -> Target:
    """Where the ports of a node lead, as written: every port it has, then any that `on` names besides."""
    ports = [one["id"] for one in ports_of(node, known)]
    leads_by, on = _leads_by(node), _targets(node)
    named = on if leads_by == "next" else {}
    rest = node.get(leads_by)
    found = {port: named.get(port) or (str(rest) if rest else "") for port in ports}
    return {port: target for port, target in {**{port: to for port, to in named.items() if port not in ports}, **found}.items()
            if target}


def _leads_by(node: Document) -> str:
    cls = node_types().get(str(node.get("type")))
    return cls.leads_by if cls else "next"


def title(node: Document) -> str:
    """What a card is headed with: the name somebody gave the node, else what it is."""
    key, kind = str(node["id"]), str(node["type"])
    cls = node_types().get(kind)
    return cls.label if cls and re.fullmatch(rf"{re.escape(kind)}(_\d+)?", key) else key


def decorated(graph: Graph, document: Document, known: Known) -> Graph:
    """The graph with what the cards say: a summary sentence, the note and the ports of each node."""
    return {**graph, "nodes": [_decorated(node, document, known) for node in graph["nodes"]]}


def _decorated(node: dict[str, Any], document: Document, known: Known) -> dict[str, Any]:
    if node["id"] == START:
        return {**node, "summary": entry_sentence(document, known)}
    if node["type"] == notes.NOTE_TYPE:
        return notes.decorated(node)
    read = read_node(node["data"] | {"id": node["id"], "type": node["type"]}, known)
    said = read.describe() if read else "Not finished: choose its settings."
    return {**node, "summary": said, "note": node["data"].get("note") or "", "ports": ports_of(_plain(node), known)}


def entry_sentence(document: Document, known: Known) -> str:
    """Who enters, in words."""
    try:
        entry = Entry.model_validate(document.get("entry"), context={"known": known})
    except ValidationError:
        return "Say who enters."
    return entry.sentence()


def sentences(document: Document, known: Known) -> list[str]:
    """The whole journey in words: the way in, then one line per node with where each port leads."""
    try:
        reentry = [Entry.model_validate(document.get("entry"), context={"known": known}).reentry.sentence()]
    except ValidationError:
        reentry = []
    told = [" ".join([entry_sentence(document, known), *reentry, *_limits(document)])]
    for node in drawable(document):
        read = read_node(node, known)
        leads = ", ".join(f"{port} → {target}" if port != "next" else f"then {target}"
                          for port, target in wants(node, known).items())
        told.append(f"{node['id']}: {read.describe() if read else 'not finished.'}{f' ({leads})' if leads else ''}")
    return told


def _limits(document: Document) -> list[str]:
    try:
        said = Limits.model_validate(document["limits"]).sentence() if document.get("limits") else ""
    except ValidationError:
        return []
    return [said] if said else []


# ------------------------------------------------------------ graph -> document


def adopted(graph: Graph) -> tuple[Graph, str | None]:
    """A graph fresh from the canvas made whole, and a sentence when something had to be mended.

    There is one start, it can not be deleted, and it leads to a node as soon as there is one. New nodes get what their
    type starts with.
    """
    starts = [node for node in graph["nodes"] if node["type"] == START_TYPE]
    steps = [_with_settings(node) for node in graph["nodes"] if node["type"] not in (START_TYPE, notes.NOTE_TYPE)]
    remarks = [node for node in graph["nodes"] if node["type"] == notes.NOTE_TYPE]
    start = next((node for node in starts if node["id"] == START), None)
    said = None if start and len(starts) == 1 else "A journey has one start, and it stays."
    start = start or {"id": START, "type": START_TYPE, "title": "Start", "x": 0, "y": 0, "data": {}}
    ids = {START, *(node["id"] for node in steps)}
    edges = [edge for edge in graph["edges"] if edge["source"] in ids and edge["target"] in ids]
    if steps and not any(edge["source"] == START for edge in edges):
        edges = [_edge(START, "next", steps[0]["id"]), *edges]
        said = said or f"People enter at “{steps[0]['title']}”. Draw a line from Start to change that."
    return {**graph, "nodes": [start, *steps, *remarks], "edges": edges}, said


def _with_settings(node: dict[str, Any]) -> dict[str, Any]:
    if node["data"]:
        return node
    cls = node_types().get(node["type"])
    return {**node, "data": {"id": node["id"], "type": node["type"], **(cls.fresh if cls else {})}}


def to_document(graph: Graph, document: Document, known: Known) -> Document:
    """The document with the canvas's nodes, edges, order and places; everything else as it was written."""
    led: dict[str, Target] = {}
    for edge in graph["edges"]:
        led.setdefault(edge["source"], {})[edge["port"]] = edge["target"]
    steps = [node for node in graph["nodes"] if node["id"] != START and node["type"] != notes.NOTE_TYPE]
    first = led.get(START, {}).get("next")
    steps.sort(key=lambda node: node["id"] != first)  # stable: the others stay in order
    nodes = [_node(node, led.get(node["id"], {}), known) for node in steps]
    made = notes.written(graph["nodes"], {**document, "nodes": nodes})
    return _placed(made, graph, known)


def _plain(node: dict[str, Any]) -> Document:
    return {"id": node["id"], "type": node["type"], **node["data"], **{"id": node["id"], "type": node["type"]}}


def _node(node: dict[str, Any], led: Target, known: Known) -> Document:
    was = _plain(node) if node["data"].get("id") != node["id"] or not node["data"] else dict(node["data"])
    led = {**node.get("loose", {}), **led}
    return was if wants(was, known) == led else _led(was, led, known)


def _led(was: Document, led: Target, known: Known) -> Document:
    """A node whose ports lead elsewhere now, changing no more than that."""
    leads_by, now = _leads_by(was), wants(was, known)
    ports = [one["id"] for one in ports_of(was, known)]
    if leads_by != "next" or (ports == [*ports[:1]] and not any(_targets(was).values())):
        return _set(was, leads_by, next((led[port] for port in ports if port in led), None))
    on, rest = dict(_targets(was)), was.get("next")
    if rest and any(port not in led for port in ports):  # a port that is cut must not fall back to `next`
        on |= {port: str(rest) for port in ports if not on.get(port)}
        rest = None
    for port in [*ports, *(port for port in now if port not in ports)]:
        if now.get(port) != led.get(port):
            on = _set(on, port, led.get(port) or ("" if _offered_by_on(was, port, known) else None))
    if rest and all(on.get(port) for port in ports):
        rest = None  # no port is left to it
    return _set(_set(was, "next", rest), "on", on or None)


def _offered_by_on(was: Document, port: str, known: Known) -> bool:
    """Whether the port is there only because `on` names it."""
    if port not in _targets(was):
        return False
    trial = {**was, "on": {name: to for name, to in _targets(was).items() if name != port}}
    return port in {one["id"] for one in ports_of(was, known)} and port not in {one["id"] for one in ports_of(trial, known)}


def _set(given: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A copy with a key set, in its place, or left out for None."""
    return {name: old for name, old in given.items() if name != key} if value is None else {**given, key: value}


def _placed(document: Document, graph: Graph, known: Known) -> Document:
    """The places as drawn; unless they are where the layout puts them anyway."""
    drawn = {node["id"]: (node["x"], node["y"]) for node in graph["nodes"] if node["type"] != notes.NOTE_TYPE}
    if drawn == layout.places(document, {str(node["id"]): wants(node, known) for node in document["nodes"]}):
        return document
    return {**document, "layout": {key: [x, y] for key, (x, y) in drawn.items() if x is not None}}


# ------------------------------------------------------------ problems


def errors(problems: Iterable[Problem], document: Document) -> dict[str, list[dict[str, str]]]:
    """Problems by the node they stand at; what concerns the journey as a whole stands at the start."""
    ids = sorted((str(node.get("id")) for node in document.get("nodes") or [] if isinstance(node, dict)), key=len, reverse=True)
    found: dict[str, list[dict[str, str]]] = {}
    for one in problems:
        node = next((key for key in ids if one.where == key or one.where.startswith(f"{key}.")), START)
        field = "" if node == START else one.where.removeprefix(node).removeprefix(".")
        message = f"{field}: {one.message}" if field else one.message
        found.setdefault(node, []).append(
            {"severity": "error" if one.severity == "error" else "warning", "message": f"{message} {one.fix}".strip()})
    return found
