"""Facts with a kind: what a value must look like, and a column for each field."""

from __future__ import annotations

from typing import Any

import pytest

from engine.access import COMMAND_LINE, Actor
from engine.clock import parse_moment
from engine.errors import BadInput, Forbidden
from engine.people import contacts, fields
from engine.people.fields import Field, parse_value, shown
from engine.store import Store

from ..conftest import NOW

DAY_0 = parse_moment("2026-03-01")


def a(kind: str, *options: str) -> Field:
    return Field("x", "x", kind, "cf_1", options)


@pytest.mark.parametrize(("kind", "text", "value"), [
    ("text", "  Ada ", "Ada"), ("text", 5.0, "5"), ("text", True, "true"), ("text", "a\ud800b", "a\ufffdb"),
    ("number", "12", 12.0), ("number", "-1.5e2", -150.0), ("number", "1,234.5", 1234.5), ("number", 3, 3.0),
    ("date", "2026-03-01", DAY_0), ("date", "2026-03-01T23:30:00Z", DAY_0), ("date", DAY_0 + 5, DAY_0),
    ("datetime", "2026-03-01T01:00:00+01:00", DAY_0), ("datetime", str(DAY_0), DAY_0),
    ("bool", "Yes", 1), ("bool", False, 0), ("bool", 1, 1), ("bool", "off", 0),
    ("enum", "GOLD", "gold"), ("list", "a; b;;c", '["a", "b", "c"]'), ("list", ["ü"], '["ü"]'), ("list", '["a;b"]', '["a;b"]'),
    ("text", "  ", None), ("number", "", None), ("bool", None, None),
])
def test_a_value_is_read_by_its_kind(kind: str, text: Any, value: Any) -> None:
    assert parse_value(a(kind, "silver", "gold"), text) == value


@pytest.mark.parametrize(("kind", "text"), [
    ("number", "many"), ("number", "nan"), ("number", "1e999"), ("number", "1,23"), ("number", True), ("number", "١٢"),
    ("number", 10 ** 400), ("date", "2026-02-30"), ("date", "1.3.2026"), ("date", True), ("datetime", "soon"),
    ("datetime", [1]), ("datetime", float("nan")), ("bool", "maybe"), ("bool", 2), ("enum", "bronze"), ("list", '["a"'),
    ("list", 5), ("text", "a\x00b"), ("text", "x" * 100_001),
])
def test_what_is_no_value_of_the_kind_is_refused(kind: str, text: Any) -> None:
    with pytest.raises(BadInput):
        parse_value(a(kind, "silver", "gold"), text)


def test_values_are_shown_as_people_know_them() -> None:
    assert shown(a("number"), 5.0) == 5 and shown(a("number"), 2.5) == 2.5
    assert shown(a("date"), DAY_0) == "2026-03-01" and shown(a("datetime"), DAY_0) == "2026-03-01T00:00:00Z"
    assert shown(a("bool"), 0) is False and shown(a("list"), '["a"]') == ["a"] and shown(a("text"), None) is None


def define(store: Store, name: str, kind: str, *options: str) -> Field:
    return fields.define(store, name, kind, by=COMMAND_LINE, now=NOW, options=options)


def test_a_field_is_a_column_and_is_made_once(store: Store) -> None:
    made = define(store, " Company   size ", "number")
    assert (made.key, made.name) == ("company size", "Company size") and made.column in store.columns("contact")
    assert define(store, "COMPANY SIZE", "number") == made == fields.catalogue(store)["company size"]
    contacts.save(store, {"email": "a@x.test", "company size": "12"}, by=COMMAND_LINE, now=NOW, source="test")
    assert contacts.get(store, "a@x.test").fields == {"Company size": 12}
    assert store.rows(f"SELECT {made.column} FROM contact") == [(12.0,)]


def test_every_kind_holds_its_values(store: Store) -> None:
    values = {"text": "Ü", "number": 1.5, "date": "2026-03-01", "datetime": "2026-03-01T10:00:00Z", "bool": True,
              "enum": "gold", "list": ["a", "b"]}
    for kind in fields.KINDS:
        define(store, f"my {kind}", kind, *(["gold"] if kind == "enum" else []))
    contacts.save(store, {"email": "a@x.test"} | {f"my {kind}": value for kind, value in values.items()},
                  by=COMMAND_LINE, now=NOW, source="test")
    assert contacts.get(store, "a@x.test").fields == {f"my {kind}": value for kind, value in values.items()}


@pytest.mark.parametrize(("name", "kind", "why"), [
    ("", "text", "can not name"), ("...", "text", "can not name"), ("x" * 121, "text", "can not name"),
    ("a\nb\x00", "text", "can not name"), ("Hash31", "text", "kept for the engine"), ("size", "float", "no kind 'float'"),
    ("level", "enum", "needs its options"), ("Email", "number", "of the kind text"),
])
def test_a_bad_field_is_refused(store: Store, name: str, kind: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        define(store, name, kind)
    assert store.one("SELECT COUNT(*) FROM field") == 0


def test_fields_need_the_role(store: Store) -> None:
    with pytest.raises(Forbidden):
        fields.define(store, "size", "number", by=Actor("Sal", "sales"), now=NOW)
