"""The canvas and the file are the same journey: whatever one holds, the other gives back."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.journeys import canvas, documents, notes, reading
from engine.journeys.canvas import START, adopted, to_document, to_graph
from engine.journeys.nodes import node_types
from engine.store import Store

from .worlds import START as NOW
from .worlds import add_templates, journey, journeys

Graph = dict[str, Any]
WELCOME = documents.load("""
name: Welcome
goal: {rule: {event: purchase}, within: 30d}
entry:
  trigger: {event: subscribed}
nodes:
  - {id: hello, type: send, template: t, note: Popular posts first, next: clicked}
  - id: clicked
    type: wait_for
    event: {event: email_clicked, of: hello}
    timeout: 2d
    on: {happened: engaged, timeout: story}
  - {id: engaged, type: tag, add: [high engagement], next: done}
  - {id: story, type: send, template: t, next: done}
  - {id: done, type: exit, reason: finished}
layout: {hello: [400, 0]}
""")


@pytest.fixture
def known(memory: Store) -> Any:
    add_templates(memory, "t")
    return reading.known(memory)


def place(graph: Graph, name: str) -> dict[str, Any]:
    return next(node for node in graph["nodes"] if node["id"] == name)


def led(graph: Graph) -> set[tuple[str, str, str]]:
    return {(edge["source"], edge["port"], edge["target"]) for edge in graph["edges"]}


def node(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in document["nodes"] if one["id"] == name)


def relinked(graph: Graph, source: str, port: str, target: str | None) -> Graph:
    edges = [edge for edge in graph["edges"] if (edge["source"], edge["port"]) != (source, port)]
    new = [{"id": f"{source}.{port}-{target}", "source": source, "port": port, "target": target}] if target else []
    return {**graph, "edges": [*edges, *new]}


def without(graph: Graph, name: str) -> Graph:
    return {"nodes": [one for one in graph["nodes"] if one["id"] != name],
            "edges": [edge for edge in graph["edges"] if name not in (edge["source"], edge["target"])]}


def test_a_file_goes_to_the_canvas_and_back_unchanged_to_the_byte(known: Any) -> None:
    text = documents.dump(WELCOME)
    assert documents.dump(to_document(to_graph(WELCOME, known), WELCOME, known)) == text


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(document=journeys(), seed=st.integers(0, 10**6))
def test_random_journeys_survive_the_way_there_and_back(document: dict[str, Any], seed: int) -> None:
    """Also after random edits of the drawing: what the canvas shows is what the file says, and the other way round."""
    chance, nobody = random.Random(seed), canvas.NOBODY
    before = copy.deepcopy(document)
    graph = to_graph(document, nobody)
    assert to_document(graph, document, nobody) == before == document
    for _ in range(6):
        graph, _said = adopted(random_edit(graph, chance))
        document = to_document(graph, document, nobody)
        again = to_graph(document, nobody)
        assert led(again) == led(graph)
        assert {one["id"]: (one["x"], one["y"]) for one in again["nodes"]} == {
            one["id"]: (one["x"], one["y"]) for one in graph["nodes"]}
        assert to_document(again, document, nobody) == document
        assert documents.load(documents.dump(document)) == document


def random_edit(graph: Graph, chance: random.Random) -> Graph:
    """One thing that people do on a canvas."""
    one = chance.choice(graph["nodes"])
    other = chance.choice([node for node in graph["nodes"] if node["id"] != START])["id"] if len(graph["nodes"]) > 1 else None
    kind = chance.choice(["move", "delete", "cut", "link", "drop", "paste"])
    if kind == "move":
        return {**graph, "nodes": [{**n, "x": n["x"] + 10} if n is one else n for n in graph["nodes"]]}
    if kind == "delete" and len(graph["nodes"]) > 3:
        return without(graph, one["id"])
    if kind == "cut" and graph["edges"]:
        return {**graph, "edges": [e for e in graph["edges"] if e is not chance.choice(graph["edges"])]}
    if kind == "link" and other and other != one["id"]:
        ports = canvas.ports_of(one["data"], canvas.NOBODY) if one["id"] != START else [{"id": "next"}]
        return relinked(graph, one["id"], chance.choice(ports)["id"], other) if ports else graph
    if kind == "paste" and one["id"] != START:
        return {**graph, "nodes": [*graph["nodes"], {**one, "id": f"{one['id']}_9{chance.random()}", "copy_of": one["id"]}]}
    name = chance.choice(list(node_types()))
    return {**graph, "nodes": [*graph["nodes"], {"id": f"{name}_8{chance.random()}", "type": name, "title": name,
                                                 "x": 10, "y": 20, "data": {}}]}


def test_a_changed_edge_changes_one_word_of_the_file(known: Any) -> None:
    graph = relinked(to_graph(WELCOME, known), "clicked", "timeout", "done")
    changed = to_document(graph, WELCOME, known)
    assert node(changed, "clicked")["on"] == {"happened": "engaged", "timeout": "done"}
    assert [one for one in changed["nodes"] if one["id"] != "clicked"] == [
        one for one in WELCOME["nodes"] if one["id"] != "clicked"]
    assert {key: changed[key] for key in ("name", "goal", "entry")} == {key: WELCOME[key] for key in ("name", "goal", "entry")}


def test_one_of_three_ports_that_share_a_next_gets_a_word_of_its_own(known: Any) -> None:
    changed = to_document(relinked(to_graph(WELCOME, known), "story", "skipped", "engaged"), WELCOME, known)
    assert node(changed, "story") == {"id": "story", "type": "send", "template": "t", "next": "done",
                                      "on": {"skipped": "engaged"}}
    cut = to_document(relinked(to_graph(WELCOME, known), "story", "skipped", None), WELCOME, known)
    assert node(cut, "story") == {"id": "story", "type": "send", "template": "t", "on": {"sent": "done", "failed": "done"}}


def test_a_port_that_is_cut_does_not_fall_back_to_next(known: Any) -> None:
    wait = {"id": "w", "type": "wait", "until_field": "created_at", "next": "e", "on": {"passed": "e"}}
    document = journey(wait, {"id": "e", "type": "exit"})
    changed = to_document(relinked(to_graph(document, known), "w", "passed", None), document, known)
    assert led(to_graph(changed, known)) == {(START, "next", "w"), ("w", "next", "e")}


def test_people_enter_where_the_start_leads(known: Any) -> None:
    changed = to_document(relinked(to_graph(WELCOME, known), START, "next", "story"), WELCOME, known)
    assert [one["id"] for one in changed["nodes"]] == ["story", "hello", "clicked", "engaged", "done"]


def test_the_start_stays_and_leads_somewhere(known: Any) -> None:
    graph, said = adopted(without(to_graph(WELCOME, known), START))
    assert graph["nodes"][0]["id"] == START and (START, "next", "hello") in led(graph) and said
    graph, said = adopted(relinked(to_graph(WELCOME, known), START, "next", None))
    assert (START, "next", "hello") in led(graph) and said is not None and "hello" in said
    assert adopted(to_graph(WELCOME, known))[1] is None


def test_a_deleted_step_leaves_its_ports_open_and_lint_says_so(known: Any) -> None:
    changed = to_document(without(to_graph(WELCOME, known), "engaged"), WELCOME, known)
    assert node(changed, "clicked")["on"] == {"timeout": "story"}
    found = canvas.errors(reading.check(changed, known), changed)
    assert found["clicked"] == [{"severity": "error", "message": "The port 'happened' leads nowhere: connect it."}]


def test_a_fork_keeps_its_branches_when_one_is_cut(known: Any) -> None:
    document = journey({"id": "f", "type": "fork", "on": {"p": "x", "q": "x"}}, {"id": "x", "type": "exit"})
    changed = to_document(relinked(to_graph(document, known), "f", "p", None), document, known)
    assert node(changed, "f")["on"] == {"p": "", "q": "x"}
    assert [port["id"] for port in canvas.ports_of(node(changed, "f"), known)] == ["p", "q"]


def test_a_go_to_keeps_its_target_in_its_own_setting(known: Any) -> None:
    document = journey({"id": "a", "type": "wait", "for": "1d", "next": "b"}, {"id": "b", "type": "go_to", "node": "a"},
                       {"id": "c", "type": "exit"})
    graph = to_graph(document, known)
    assert ("b", "next", "a") in led(graph)
    assert node(to_document(relinked(graph, "b", "next", "c"), document, known), "b")["node"] == "c"


def test_a_target_that_is_not_there_is_kept_and_named_by_lint(known: Any) -> None:
    document = journey({"id": "a", "type": "wait", "for": "1d", "next": "gone"})
    assert to_document(to_graph(document, known), document, known) == document
    assert "gone" in canvas.errors(reading.check(document, known), document)["a"][0]["message"]


@pytest.mark.parametrize("name", sorted(node_types()))
def test_every_kind_of_node_can_be_dropped_and_has_its_ports(known: Any, name: str) -> None:
    """A fresh one shows the ports the palette promised; the example reads and is described."""
    fresh = {"nodes": [{"id": name, "type": name, "title": "x", "x": 1, "y": 2, "data": {}}], "edges": []}
    graph, _said = adopted(fresh)
    document = to_document(graph, journey(), known)
    shown = canvas.decorated(to_graph(document, known), document, known)
    assert place(shown, name)["ports"] == canvas.kinds()[name]["ports"]
    assert place(shown, name)["summary"]
    if not canvas.kinds()[name]["ports"]:
        assert canvas.kinds()[name]["shape"] == "end"


def test_unfinished_settings_still_show_ports(known: Any) -> None:
    ports = canvas.ports_of({"id": "s", "type": "split", "arms": {"x": "many", "y": 1}}, known)
    assert [port["id"] for port in ports] == ["a", "b"]
    assert [port["id"] for port in canvas.ports_of({"id": "w", "type": "wait_for", "timeout": "soon"}, known)] == [
        "happened", "timeout"]
    assert canvas.ports_of({"id": "w", "type": "no such type"}, known) == []


def test_what_no_canvas_can_show_is_said_in_one_line(known: Any) -> None:
    with pytest.raises(BadInput, match="two nodes are called 'a'"):
        to_graph(journey({"id": "a", "type": "exit"}, {"id": "a", "type": "exit"}), known)
    with pytest.raises(BadInput, match="every node is written"):
        to_graph({"nodes": ["a"]}, known)


def test_the_journey_is_told_in_sentences(known: Any) -> None:
    told = canvas.sentences(WELCOME, known)
    assert told[0] == "Starts when subscribed. Each person enters once, ever."
    assert told[1].startswith("hello: Send the email “t”. (sent → clicked")
    assert NOW > 0


@settings(max_examples=40, deadline=None)
@given(document=journeys())
def test_cards_laid_out_do_not_lie_on_each_other(document: dict[str, Any]) -> None:
    spots = [(one["x"], one["y"]) for one in to_graph(document, canvas.NOBODY)["nodes"]]
    for i, (x, y) in enumerate(spots):
        assert not [1 for left, top in spots[:i] if abs(left - x) < 248 and abs(top - y) < 120]


@pytest.mark.parametrize("value", [
    "de", "x: y", "5", 5, True, ["a", "b"], {"a": 50, "b": 50}, "word " * 60, "a\nb: c",
    [{"port": "german", "rule": {"field": "locale", "op": "is", "value": "de"}}],
    [{"rule": {"all": [{"tag": "x"}, {"tag": "y" * 90}]}, "reason": "r"}]], ids=str)
def test_one_setting_can_be_written_and_read_as_text(value: Any) -> None:
    assert documents.load_value(documents.dump_value(value)) == value


def test_notes_are_drawn_kept_in_the_file_and_passed_by_nobody(known: Any) -> None:
    noted = {**WELCOME, "notes": [{"id": "note", "text": "Ask Ada", "at": [10, 20]}]}
    graph = to_graph(noted, known)
    assert to_document(graph, noted, known) == noted and place(graph, "note")["type"] == "note"
    assert canvas.decorated(graph, noted, known)["nodes"][-1]["summary"] == "Ask Ada"
    fresh = {"id": "note_2", "type": "note", "title": "Note", "x": 5, "y": 6, "data": {}}
    dropped = {**graph, "nodes": [*graph["nodes"], fresh]}
    made = to_document(adopted(dropped)[0], noted, known)
    assert made["notes"][1] == {"id": "note_2", "text": "", "at": [5, 6]}
    assert [one["id"] for one in made["nodes"]] == [one["id"] for one in WELCOME["nodes"]] and reading.check(made, known) == []
    assert notes.changed(made, "note_2", "later")["notes"][1]["text"] == "later"
    assert to_document(without(graph, "note"), noted, known) == WELCOME
    for wrong in ("x", [{"id": "a", "text": "b"}], [{"id": "hello", "text": "", "at": [0, 0]}],
                  [{"id": "a", "text": "", "at": [0]}]):
        assert [one.where.split("[")[0] for one in reading.check({**WELCOME, "notes": wrong}, known) if one.severity == "error"]
