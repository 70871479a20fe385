"""What holds for every kind of node, whoever writes it: found through the registry, never listed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.clock import DAY
from engine.content import templates
from engine.journeys import reading
from engine.journeys.live import Live
from engine.journeys.moves import compile_step
from engine.journeys.nodes import Fork, GoTo, Join, Node, node_types
from engine.journeys.versions import load_live
from engine.people import contacts, fields
from engine.schema import open_store
from engine.store import Store
from tests.conftest import ENGINES, fresh_url

from .test_plans import FREE, scans
from .worlds import ANN, Document, add_contacts, add_templates, journey, publish, record, runner, tick

T0 = 1_760_000_000 // 60 * 60
EXAMPLES = [(kind, i) for kind, cls in sorted(node_types().items()) for i in range(1 + len(cls.variants))]
each = pytest.mark.parametrize(("kind", "which"), EXAMPLES, ids=lambda one: str(one))
CALLED = {"called_off", "exited", "pulled"}
# Kinds of settings that name something.
NAMES = ("template", "field", "number_field", "lists", "date_field", "stage", "segment", "journey")


def example(kind: str, which: int = 0) -> Document:
    """A valid node of the kind, leading to e."""
    cls = node_types()[kind]
    text = json.dumps([cls.example, *cls.variants][which]).replace('"END"', '"e"')
    return {"id": "subject", "type": kind, **json.loads(text)}


def around(kind: str, which: int = 0) -> Document:
    """A journey in which the node can stand."""
    subject, end = example(kind, which), {"id": "e", "type": "exit"}
    cls, name = node_types()[kind], f"{kind} {which}"
    if cls is Join:
        fork = {"id": "f", "type": "fork", "on": {"a": "subject", "b": "w"}}
        return journey(fork, {"id": "w", "type": "wait", "for": "9s", "next": "subject"}, subject, end, name=name)
    if cls is Fork:
        return journey({**subject, "on": {"one": "e", "two": "o"}}, end, {"id": "o", "type": "exit"}, name=name)
    if cls is GoTo:
        choice = {"id": "c", "type": "condition", "rule": {"tag": "never"}, "on": {"yes": "subject", "no": "e"}}
        return journey(choice, {**subject, "node": "c"}, end, name=name)
    return journey(subject, *([end] if "e" in json.dumps(subject).split('"') else []), name=name)


def prepare(store: Store) -> None:
    add_contacts(store, 4, zones=(None, "UTC"))
    add_templates(store, "welcome", "reminder", "nurture one", "nurture two")
    templates.save(store, "short", html=None, text="Hi", channel="sms", by=ANN, now=T0)
    fields.define(store, "Visits", "number", by=ANN, now=T0)
    with store.transaction():
        contacts.ensure_lists(store, ["Newsletter"], now=T0)


@pytest.fixture(scope="module", params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, dict[str, Live]]]:
    """Every example in a journey of its own, walked by four people over three days."""
    folder: Path = tmp_path_factory.mktemp("battery")
    with fresh_url(request.param, folder) as url:
        store = open_store(url, create=True)
        prepare(store)
        publish(store, journey({"id": "e", "type": "exit"}, name="Onboarding"))
        publish(store, *(around(*one) for one in EXAMPLES))
        live = {version.journey.name: version for version in load_live(store)}
        for contact in range(1, 5):
            record(store, contact, "signup", T0)
        engine = runner(store, size=3)
        tick(engine, T0)
        record(store, 1, "email_clicked", T0 + 60)
        record(store, 2, "purchase", T0 + 60)
        for later in (60, 3_600, DAY, 3 * DAY):
            tick(engine, T0 + later)
        yield store, live
        store.close()


@each
def test_the_example_reads_and_comes_out_as_it_went_in(memory: Store, kind: str, which: int) -> None:
    prepare(memory)
    publish(memory, journey({"id": "e", "type": "exit"}, name="Onboarding"))
    document, known = around(kind, which), reading.known(memory)
    problems = [one for one in reading.check(document, known) if one.severity == "error"]
    assert not problems
    read = reading.read(document, known).node("subject")
    said = read.model_dump(by_alias=True, exclude_unset=True, mode="json")
    again = type(read).model_validate(said, context={"known": known})
    assert again.model_dump(by_alias=True, mode="json") == read.model_dump(by_alias=True, mode="json")
    assert set(said) == set(document["nodes"][[one["id"] for one in document["nodes"]].index("subject")])
    assert read.describe().endswith(".") and read.describe()[0].isupper()


@each
def test_people_leave_by_ports_that_there_are(world: tuple[Store, dict[str, Live]], kind: str, which: int) -> None:
    store, live = world
    version = live[f"{kind} {which}"]
    node = version.journey.node("subject")
    taken = {row[0] for row in store.rows("SELECT DISTINCT s.port FROM step s WHERE s.node_id = :id AND s.port IS NOT NULL",
                                          id=version.ids["subject"])}
    ports = {"end"} if node.shape == "end" else set(node.ports)
    assert taken <= ports | CALLED
    standing = store.one("SELECT COUNT(*) FROM token t WHERE t.node_id = :id", id=version.ids["subject"])
    assert taken or standing or kind == "go_to", "somebody came here"


@each
def test_effects_happen_once_however_often_they_run(world: tuple[Store, dict[str, Live]], kind: str, which: int) -> None:
    """Rolled back and repeated, or repeated at once: the same rows are there."""
    store, live = world
    version = live[f"{kind} {which}"]
    if isinstance(version.journey.node("subject"), Join):
        return  # its effects are its movement
    step = compile_step(version, "subject")
    params = FREE | step.params | {"now": T0 + 9 * DAY, "upto": 10**6}
    port = next(iter(version.journey.node("subject").ports), "end")
    try:
        with store.transaction():
            batch(store, version, port)
            for statement in step.before:
                store.run(statement, **params)
            once = picture(store)
            for statement in step.before:
                store.run(statement, **params)
            assert picture(store) == once
            raise Undone
    except Undone:
        pass


class Undone(Exception):
    """Nothing of a test stays."""


def batch(store: Store, version: Live, port: str) -> None:
    """Two rows of one contact and one of another that leave, and one that stays."""
    store.run("DELETE FROM batch")
    store.insert_many("batch", [
        {"id": (9_000 + i) * 64, "enrollment_id": 9_000 + i, "contact_id": contact, "shard": 0, "due_at": T0, "arrived_at": T0,
         "seq": 3, "since_event": 1, "memo": None, "seen": 1, "port": port if i < 3 else None, "reason": None}
        for i, contact in enumerate((1, 1, 2, 3))])


def picture(store: Store) -> dict[str, Any]:
    """All that effects may touch."""
    return {
        "contact": store.rows("SELECT * FROM contact ORDER BY id"),
        **{table: store.one(f"SELECT COUNT(*) FROM {table}") for table in (
            "event", "message", "contact_change", "contact_tag", "contact_list", "score_entry", "stage_change", "suppression",
            "deal", "deal_contact", "field_step", "errand")}}


@each
def test_no_statement_reads_a_big_table_from_end_to_end(world: tuple[Store, dict[str, Live]], kind: str, which: int) -> None:
    store, live = world
    step = compile_step(live[f"{kind} {which}"], "subject")
    with store.transaction():
        if store.backend == "postgresql":
            store.run("SET LOCAL enable_seqscan = off")
        plans = [store.plan(text, **FREE | step.params) for text in (step.claim, *step.before, *step.after)]
    assert not [plan for plan in plans if scans(store, plan)]


@pytest.mark.parametrize("kind", sorted(node_types()))
def test_a_name_that_leads_nowhere_is_named_with_its_setting(memory: Store, kind: str) -> None:
    prepare(memory)
    known, asked = reading.known(memory), 0
    for which in range(1 + len(node_types()[kind].variants)):
        for setting in naming(node_types()[kind]):
            subject = example(kind, which)
            if setting not in subject:
                continue
            asked += 1
            document = around(kind, which)
            wrong = ["no such thing"] if isinstance(subject[setting], list) else "no such thing"
            nodes = [{**one, setting: wrong} if one["id"] == "subject" else one for one in document["nodes"]]
            problems = [one for one in reading.check({**document, "nodes": nodes}, known) if one.severity == "error"]
            assert any(one.where.startswith("subject") and "no such thing" in one.message for one in problems), problems
    assert asked or not naming(node_types()[kind])


def naming(cls: type[Node]) -> list[str]:
    """Settings of a type that name something of the workspace."""
    return [name for name, part in cls.model_json_schema()["properties"].items() if part.get("kind") in NAMES]


