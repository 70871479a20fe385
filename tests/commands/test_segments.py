"""`segments` and `score` through the command line, on both engines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import gather
from engine.access import COMMAND_LINE
from engine.activity import events
from engine.audience import scoring
from engine.commands.common import run
from engine.people import consent, contacts, fields
from engine.schema import open_store
from tests.conftest import NOW

DAY = 86_400
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def filled(url: str) -> str:
    """Ada visits the pricing page and says yes to mail; Bo is a lead; a visitor is nobody yet."""
    store = open_store(url)
    with store.transaction():
        fields.define(store, "Industry", "text", by=COMMAND_LINE, now=NOW)
        ada, _ = (one.id for one in contacts.upsert_many(store, [
            {"email": "ada@example.com", "first_name": "Ada", "industry": "Technology", "stage": "lead"},
            {"email": "bo@example.com", "stage": "lead"}], now=NOW - 30 * DAY, source="test"))
        contacts.create_anonymous(store, ["cookie"], now=NOW - 30 * DAY)
        contacts.add_tags(store, [ada], ["vip"], now=NOW - 10 * DAY, source="test")
        consent.record(store, [ada], "email", "subscribed", basis="form", source="signup", by=COMMAND_LINE, now=NOW - 9 * DAY)
        events.insert_events(store, [
            {"contact_id": ada, "name": "page_view", "object": "/pricing", "occurred_at": NOW - 8 * DAY + at,
             "received_at": NOW, "props": "{}", "dedupe_key": f"view{at}", "source": "test"} for at in (0, 2 * DAY)])
    store.close()
    return url


def ask(url: str, capsys: Capture, *arguments: str, now: int = NOW) -> Any:
    assert run(gather(), ["--db", url, "--now", str(now), *arguments, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def rule(tmp_path: Path) -> Any:
    def write(document: Any) -> str:
        path = tmp_path / "rule.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        return str(path)

    return write


VIEWED = {"event": "page_view", "where": {"object": {"op": "is", "value": "/pricing"}}, "op": "at_least", "count": 1,
          "within": "7d"}


def test_count(filled: str, rule: Any, capsys: Capture) -> None:
    found = ask(filled, capsys, "segments", "count", "--rule", rule(VIEWED))
    assert set(found) == {"count", "total", "sentence", "seconds"}
    assert (found["count"], found["total"]) == (1, 2)
    assert found["sentence"] == 'did page_view where object is "/pricing" in the last 7 days'
    assert ask(filled, capsys, "segments", "count", "--rule", rule(VIEWED), now=NOW + DAY)["count"] == 0


def test_members(filled: str, rule: Any, capsys: Capture) -> None:
    found = ask(filled, capsys, "segments", "members", "--rule", rule({"field": "industry", "op": "is", "value": "TECHNOLOGY"}))
    assert [one["email"] for one in found] == ["ada@example.com"]
    assert len(ask(filled, capsys, "segments", "members", "--rule", rule({"stage": "lead"}), "--limit", "1")) == 1


def test_save_list_and_refresh(filled: str, rule: Any, capsys: Capture) -> None:
    saved = ask(filled, capsys, "segments", "save", "Hot", "--rule", rule(VIEWED))
    assert (saved["name"], saved["members"], saved["version"]) == ("Hot", 1, 1)
    assert ask(filled, capsys, "segments", "list") == [saved | {"due": False}]
    assert ask(filled, capsys, "segments", "list", now=NOW + 31 * DAY)[0]["due"]
    assert [one["members"] for one in ask(filled, capsys, "segments", "sizes", "hot", "--days", "2")] == [0, 1]
    assert ask(filled, capsys, "segments", "count", "--rule", rule({"segment": "hot"}))["count"] == 1
    assert ask(filled, capsys, "segments", "refresh", now=NOW + DAY)[0]["members"] == 0
    assert ask(filled, capsys, "segments", "refresh", "HOT")[0]["members"] == 1


def test_the_past_has_its_own_facts(filled: str, rule: Any, capsys: Capture) -> None:
    store = open_store(filled)
    ask(filled, capsys, "segments", "save", "Hot", "--rule", rule(VIEWED), now=NOW - 3 * DAY)
    with store.transaction():
        ada = contacts.must_find(store, "ada@example.com")
        contacts.upsert_many(store, [{"email": "ada@example.com", "industry": "Health", "stage": "customer"}],
                             now=NOW - 5 * DAY, source="test")
        contacts.remove_tags(store, [ada], ["vip"], now=NOW - 4 * DAY, source="test")
        consent.record(store, [ada], "email", "unsubscribed", basis="link", source="mail", by=COMMAND_LINE, now=NOW - 2 * DAY)
        store.insert_many("score_entry", [
            {"contact_id": ada, "grp": "fit", "points": points, "reason": "x", "at": NOW - ago * DAY}
            for points, ago in ((5, 6), (7, 1))])
    store.close()

    def then(document: Any, days: int) -> int:
        moment = str(NOW - days * DAY)
        return int(ask(filled, capsys, "segments", "count", "--rule", rule(document), "--as-of", moment)["count"])

    industry = {"field": "Industry", "op": "is", "value": "technology"}
    assert [then(industry, days) for days in (31, 6, 5, 0)] == [0, 1, 0, 0]
    assert [then({"field": "Industry", "op": "is_not_set"}, days) for days in (6, 0)] == [1, 1]
    assert [then({"stage": "lead"}, days) for days in (31, 6, 5)] == [0, 2, 1]
    assert [then({"tag": "vip"}, days) for days in (11, 10, 5, 4, 0)] == [0, 1, 1, 0, 0]
    assert [then({"consent": "email", "is": "subscribed"}, days) for days in (10, 9, 3, 2)] == [0, 1, 1, 0]
    assert [then(VIEWED, days) for days in (9, 8, 0)] == [0, 1, 1]
    assert [then({"segment": "Hot"}, days) for days in (4, 3, 0)] == [0, 1, 1]
    assert [then({"score": {"op": "at_least", "value": 5}, "group": "fit"}, days) for days in (7, 6, 0)] == [0, 1, 1]
    assert [then({"score": {"op": "at_least", "value": 12}}, days) for days in (2, 0)] == [0, 1]


@pytest.mark.parametrize(("document", "said"), [
    ({"field": "colour", "op": "is", "value": "red"}, "error: field: no field 'colour'; there are "),
    ({"all": []}, "error: all: `all` needs a list with at least one rule"),
    ({"all": [{"tag": "x"}, {"flag": "y"}]}, "error: all[1]: unknown leaf (flag): choose one of "),
    ("{", "not JSON at line 1"),
    ("[" * 100_000 + "]" * 100_000, "nested far too deeply"),
    ({"probability": "purchase_14d", "top": 0.1}, "no model 'purchase_14d'"),
])
def test_a_wrong_rule_is_one_clear_line_and_changes_nothing(filled: str, rule: Any, capsys: Capture, document: Any,
                                                            said: str) -> None:
    assert run(gather(), ["--db", filled, "segments", "save", "Bad", "--rule", rule(document)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and said in err, err
    assert ask(filled, capsys, "segments", "list") == []


def test_a_segment_may_not_ask_about_itself(filled: str, rule: Any, capsys: Capture) -> None:
    ask(filled, capsys, "segments", "save", "A", "--rule", rule({"tag": "vip"}))
    ask(filled, capsys, "segments", "save", "B", "--rule", rule({"segment": "A"}))
    assert run(gather(), ["--db", filled, "segments", "save", "a", "--rule", rule({"not": {"segment": "B"}})]) == 2
    assert "the segment would ask about itself: a → B → a" in capsys.readouterr().err
    assert [one["version"] for one in ask(filled, capsys, "segments", "list")] == [1, 1]


def test_plain_lines(filled: str, rule: Any, capsys: Capture) -> None:
    for arguments, said in ((["count", "--rule", rule(VIEWED)], "1 of 2 contacts: did page_view"),
                            (["members", "--rule", rule(VIEWED)], "ada@example.com  Ada"), (["list"], "no segments yet")):
        assert run(gather(), ["--db", filled, "--now", str(NOW), "segments", *arguments]) == 0
        assert capsys.readouterr().out.startswith(said)


def test_score_explain(filled: str, capsys: Capture) -> None:
    store = open_store(filled)
    with store.transaction():
        ada = contacts.must_find(store, "ada@example.com")
        store.insert_many("batch", [{"id": 64, "seq": 1, "contact_id": ada, "port": "next"}])
        for statement in scoring.effects(10, "engagement", "asked for a demo"):
            store.run(statement, now=NOW, node=9)
    store.close()
    found = ask(filled, capsys, "score", "explain", "ada@example.com")
    assert (found["fit"], found["engagement"]) == (0, 10)
    (entry,) = found["entries"]
    assert entry.items() >= {"group": "engagement", "points": 10, "reason": "asked for a demo", "at": NOW}.items()
    assert run(gather(), ["--db", filled, "score", "explain", "nobody@example.com"]) == 2
