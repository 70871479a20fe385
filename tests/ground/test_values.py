"""Values keep their meaning on both engines: numbers, flags, JSON, case, searches."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from engine.schema import open_store
from engine.sql import fold
from engine.store import Store, sqlite
from tests.conftest import NOW

INT64 = 2**63 - 1


@pytest.mark.parametrize("number", [0, 1, -1, 30_000, 2**31, -(2**31) - 1, 2**53 + 1, INT64, -INT64 - 1])
def test_integers_come_back_as_they_went(store: Store, number: int) -> None:
    with store.transaction():
        store.insert_many("watermark", [{"name": "n", "event_id": number, "at": 0}])
    assert store.one("SELECT event_id FROM watermark") == number
    assert store.one("SELECT CAST(:number AS BIGINT)", number=number) == number


def test_small_integers_do_not_overflow_when_they_meet(store: Store) -> None:
    assert store.one("SELECT :a + :b", a=30_000, b=30_000) == 60_000
    assert store.one("SELECT :a * :b", a=2_000_000_000, b=4) == 8_000_000_000


def test_a_number_too_large_for_a_column_is_refused(store: Store) -> None:
    with pytest.raises(Exception, match="(?i)too large|out of range"), store.transaction():
        store.insert_many("watermark", [{"name": "n", "event_id": INT64 + 1, "at": 0}])
    assert store.one("SELECT COUNT(*) FROM watermark") == 0


def test_true_and_false_are_one_and_zero(store: Store) -> None:
    with store.transaction():
        store.insert_many("watermark", [{"name": "t", "event_id": True, "at": False}])
    assert store.row("SELECT event_id, at FROM watermark") == (1, 0)


def test_sums_are_numbers(store: Store) -> None:
    with store.transaction():
        store.insert_many("dirty_contact", [{"contact_id": n} for n in (1, 2, 2**40)])
    total, mean, nothing = store.row("SELECT SUM(contact_id), AVG(contact_id), SUM(NULLIF(1, 1)) FROM dirty_contact") or ()
    assert total == 3 + 2**40 and type(total) is int
    assert mean == pytest.approx((3 + 2**40) / 3) and type(mean) is float
    assert nothing is None
    assert store.frame("SELECT SUM(contact_id) AS total FROM dirty_contact")["total"].dtype.kind == "i"


def test_greatest_and_least(store: Store) -> None:
    assert store.row("SELECT GREATEST(:a, :b), LEAST(:a, :b)", a=3, b=7) == (7, 3)


@pytest.mark.parametrize(("moment", "day"), [(0, "01-01"), (NOW, "09-21"), (951_782_400, "02-29"), (-86_400, "12-31")])
def test_month_and_day_of_a_moment(store: Store, moment: int, day: str) -> None:
    with store.transaction():
        store.insert_many("dirty_contact", [{"contact_id": moment}])
    assert store.one("SELECT MONTH_DAY(d.contact_id) FROM dirty_contact d") == day


# ------------------------------------------------------------ JSON

DOCUMENT: dict[str, Any] = {
    "text": "Ünïcode ' \" \\ %", "whole": 3, "real": 2.5, "zero": 0, "large": 2**60, "true": True, "false": False,
    "null": None, "list": [1, 2], "object": {"a": 1}, "": "empty key", "a b": "space", "a.b": "dot", "größe": "umlaut",
    'say "hi"': "quotes", "back\\slash": "slash", "new\nline": "line", "$": "dollar", "a[0]": "bracket", "it's": "apostrophe",
    "12": "digits", "number": "12",
}


def kinds(value: Any) -> tuple[Any, Any, Any, Any]:
    """What the four macros should say of a value."""
    if isinstance(value, bool):
        return None, None, int(value), "boolean"
    if isinstance(value, int | float):
        return value, None, None, "number"
    if isinstance(value, str):
        return None, value, None, "string"
    return None, None, None, {type(None): "null", list: "array", dict: "object"}[type(value)]


@pytest.mark.parametrize("key", [*DOCUMENT, "absent", 'absent "too"'])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_macros_read_one_key_of_a_document(store: Store, key: str, ascii_only: bool) -> None:
    with store.transaction():
        store.insert_many("setting", [{"key": "doc", "value": json.dumps(DOCUMENT, ensure_ascii=ascii_only)}])
    found = store.row("SELECT JSON_NUMBER(s.value, :k), JSON_TEXT(s.value, :k), JSON_BOOL(s.value, :k), "
                      "JSON_KIND(s.value, :k) FROM setting s", k=key)
    assert found == (kinds(DOCUMENT[key]) if key in DOCUMENT else (None, None, None, None))


@pytest.mark.parametrize(("text", "number"), [("1e400", None), ("-1e400", None), ("1e-400", 0), ("1e3", 1000), ("-0.5", -0.5)])
def test_a_number_beyond_a_double_is_no_number(store: Store, text: str, number: float | None) -> None:
    with store.transaction():
        store.insert_many("setting", [{"key": "doc", "value": f'{{"n": {text}}}'}])
    assert store.one("SELECT JSON_NUMBER(s.value, :k) FROM setting s", k="n") == number


def test_json_comes_back_as_text_and_can_be_selected_in(store: Store) -> None:
    with store.transaction():
        store.insert_many("setting", [{"key": "a", "value": '{"x": 1}'}])
        store.run("INSERT INTO setting (key, value) SELECT 'b', AS_JSON(:doc) FROM setting s WHERE s.key = 'a'", doc='{"y": 2}')
    assert [json.loads(row[0]) for row in store.rows("SELECT value FROM setting ORDER BY key")] == [{"x": 1}, {"y": 2}]


# ------------------------------------------------------------ case


def test_fold_is_one_function_on_both_sides(store: Store) -> None:
    draw = random.Random(7)
    chars = [chr(code) for code in range(1, 0x600)]
    chars += [chr(code) for code in draw.sample(range(0x600, 0x110000), 4_000) if not 0xD800 <= code < 0xE000]
    chars += list("ẞİıſKÅΣς𐐀𞤀ǅ")
    found = store.rows("SELECT fold(:a0)" + "".join(f", fold(:a{n})" for n in range(1, 40)),
                       **{f"a{n}": "".join(chars[n::40]) for n in range(40)})[0]
    assert list(found) == [fold("".join(chars[n::40])) for n in range(40)]


def test_lower_knows_ascii_only_on_both_engines(store: Store) -> None:
    with store.transaction():
        store.insert_many("watermark", [{"name": "ÄBC İ\u212a", "event_id": 1, "at": 1}])
    assert store.one("SELECT lower(w.name) FROM watermark w") == "Äbc İ\u212a"


def test_fold_of_nothing_is_nothing(store: Store) -> None:
    assert store.one("SELECT fold(NULL)") is None


# ------------------------------------------------------------ search

CAST: list[tuple[str, str, str, str | None]] = [
    ("ada@example.com", "Ada", "Lovelace", "crm-1001"),
    ("bo@example.com", "Bo", "Müller", "crm-1002"),
    ("cy@sample.org", "", "", None),
    ("di.o'neil@sample.org", "Di", "O'Neil", "a_b"),
    ("eve@sample.org", "Ève", "ŽIŽEK", "100%"),
]


@pytest.fixture
def crowd(store: Store) -> Store:
    with store.transaction():
        store.insert_many("contact", [
            {"email": email, "first_name": first, "last_name": last, "external_id": external, "hash31": n, "created_at": NOW,
             "updated_at": NOW} for n, (email, first, last, external) in enumerate(CAST, 1)])
    return store


@pytest.mark.parametrize(("text", "found"), [
    ("ada", {1}), ("ADA love", {1}), ("love ada", {1}), ("example", {1, 2}), ("sample.org", {3, 4, 5}), ("muller", {2}),
    ("Müll", {2}), ("mu\u0308ller", {2}), ("zizek", {5}), ("Žižek", {5}), ("eve", {5}), ("o'neil", {4}), ("neil", {4}),
    ("a_b", {4}), ("1001", {1}), ("crm-1", {1, 2}), ("100%", {1, 2, 5}), ("lace", set()), ("ada müller", set()),
    ("", set()), ("  ", set()),
    ("'", set()), ('"', set()), ("*", set()), ("& | !", set()), ("ada & love:*", {1}), ("NOT", set()), ("(", set()),
    ("日本", set()),
])
def test_search_finds_words_by_their_beginning(crowd: Store, text: str, found: set[int]) -> None:
    assert set(crowd.search(text)) == found


def test_search_follows_changes_and_keeps_its_limit(crowd: Store) -> None:
    with crowd.transaction():
        crowd.run("UPDATE contact SET last_name = 'Hopper' WHERE id = 1")
        crowd.run("DELETE FROM contact WHERE id = 2")
    assert crowd.search("hopper") == [1]
    assert crowd.search("lovelace") == crowd.search("muller") == []
    assert len(crowd.search("sample", limit=2)) == 2


def test_a_sqlite_without_mathematics_learns_what_is_asked_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_counts", lambda: False)
    store = open_store(f"sqlite:///{tmp_path / 'plain.db'}", create=True)
    assert store.row("SELECT POWER(2, 0.5), POWER(NULL, 2)") == (2**0.5, None)
    store.close()
