"""What journey nodes do to contacts: once per contact, logged, and only to rows that leave their node."""

from __future__ import annotations

from typing import Any

import pytest

from engine.access import COMMAND_LINE
from engine.errors import BadInput
from engine.people import contacts, fields
from engine.sql import Sql
from engine.store import Store

from ..conftest import NOW

NODE = 7


@pytest.fixture
def people(store: Store) -> list[int]:
    fields.define(store, "Size", "number", by=COMMAND_LINE, now=NOW)
    with store.transaction():
        saved = contacts.upsert_many(store, [{"email": f"{name}@x.test"} for name in ("ada", "bo", "cy")],
                                     now=NOW, source="test")
        contacts.add_tags(store, [saved[1].id], ["Warm"], now=NOW, source="test")
        store.run("DELETE FROM dirty_contact")
        store.run("DELETE FROM contact_change")
    return [row.id for row in saved]


def act(store: Store, effects: list[Sql], *rows: tuple[int, int, str | None]) -> None:
    """Run effects over batch rows (token, contact, port)."""
    with store.transaction():
        store.run("DELETE FROM batch")
        store.insert_many("batch", [{"id": token, "contact_id": who, "seq": 1, "port": port} for token, who, port in rows])
        for effect in effects:
            store.run(effect, node=NODE, now=NOW + 5)


def log(store: Store) -> list[tuple[Any, ...]]:
    return store.rows("SELECT contact_id, kind, name, old, new, source FROM contact_change ORDER BY contact_id, id")


def marked(store: Store) -> list[int]:
    return [row[0] for row in store.rows("SELECT contact_id FROM dirty_contact ORDER BY contact_id")]


def test_a_field_is_set_once_and_logged(store: Store, people: list[int]) -> None:
    ada, bo, cy = people
    size = fields.catalogue(store)["size"]
    act(store, contacts.field_effects(size, 5.0), (1, ada, "next"), (2, ada, "next"), (3, bo, None))
    assert [contacts.get(store, who).fields for who in people] == [{"Size": 5}, {}, {}]
    assert log(store) == [(ada, "field", "size", None, "5", "journey node 7")] and marked(store) == [ada]
    act(store, contacts.field_effects(size, 5.0), (1, ada, "next"), (4, cy, "next"))
    assert len(log(store)) == 2 and marked(store) == [ada, cy]
    act(store, contacts.field_effects(size, None), (1, ada, "next"), (3, bo, "next"))
    assert log(store)[1] == (ada, "field", "size", "5", None, "journey node 7")
    assert contacts.get(store, ada).fields == {} and contacts.get(store, ada).updated_at == NOW + 5


def test_every_kind_of_field_can_be_set(store: Store, people: list[int]) -> None:
    for kind, value in {"text": "Ü", "date": NOW // 86_400 * 86_400, "bool": 1, "list": '["a"]', "datetime": NOW}.items():
        field = fields.define(store, f"my {kind}", kind, by=COMMAND_LINE, now=NOW)
        act(store, contacts.field_effects(field, value), (1, people[0], "next"))
        assert store.one(f"SELECT {field.column} FROM contact WHERE id = :id", id=people[0]) == value
    act(store, contacts.field_effects(fields.BUILT_IN["owner"], "Sal"), (1, people[0], "next"))
    assert log(store)[-1][1:5] == ("owner", "owner", None, "Sal")


@pytest.mark.parametrize("name", ["email", "external_id", "stage", "created_at"])
def test_identity_is_not_set_by_a_journey(name: str) -> None:
    with pytest.raises(BadInput, match=name):
        contacts.field_effects(fields.BUILT_IN[name], "x")


def test_tags_come_and_go(store: Store, people: list[int]) -> None:
    ada, bo, cy = people
    act(store, contacts.tag_effects(("warm", "New"), ()), (1, ada, "next"), (2, ada, "next"), (3, bo, "next"), (4, cy, None))
    assert [contacts.get(store, who).tags for who in people] == [("New", "Warm"), ("New", "Warm"), ()]
    assert sorted(row[:3] for row in log(store)) == [(ada, "tag", "New"), (ada, "tag", "Warm"), (bo, "tag", "New")]
    assert marked(store) == [ada, bo]
    act(store, contacts.tag_effects((), ("WARM", "unheard of")), (1, ada, "next"), (4, cy, "next"))
    assert contacts.get(store, ada).tags == ("New",) and marked(store) == [ada, ada, bo]
    assert (ada, "tag", "Warm", "Warm", None, "journey node 7") in log(store)
    act(store, contacts.tag_effects(("New",), ()), (1, ada, "next"))
    assert marked(store) == [ada, ada, bo]


def test_points_add_up_and_a_repeated_visit_counts_once(store: Store, people: list[int]) -> None:
    ada, bo, _ = people
    act(store, contacts.score_effects(10, "engagement"), (1, ada, "next"), (2, ada, "next"), (3, bo, None))
    assert contacts.get(store, ada).engagement_score == 20 and contacts.get(store, bo).engagement_score == 0
    with store.transaction():
        store.insert_many("score_entry", [{"contact_id": ada, "grp": "engagement", "points": 10, "reason": "", "at": NOW,
                                           "node_id": NODE, "token_id": 1, "visit": 1}])
    act(store, contacts.score_effects(10, "engagement"), (1, ada, "next"))
    assert contacts.get(store, ada).engagement_score == 20
    with pytest.raises(BadInput, match="'luck'"):
        contacts.score_effects(1, "luck")


def test_the_batch_drives_every_plan(store: Store, people: list[int]) -> None:
    size = fields.catalogue(store)["size"]
    every = [*contacts.field_effects(size, 1.0), *contacts.tag_effects(("a",), ("b",)), *contacts.score_effects(1, "fit")]
    if store.backend == "sqlite":
        for effect in every:
            plan = store.plan(effect, node=NODE, now=NOW)
            assert not any(line.startswith(("SCAN c", "SCAN contact", "BLOOM")) for line in plan.splitlines()), plan
