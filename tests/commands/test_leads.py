"""`leads` and `routing` through the command line, on both engines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.__main__ import gather
from engine.commands.common import run
from tests.conftest import NOW

Capture = pytest.CaptureFixture[str]


def ask(url: str, capsys: Capture, *words: str) -> object:
    assert run(gather(), ["--db", url, "--now", str(NOW), "--json", *words]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def test_a_lead_from_the_rep_to_the_answer(url: str, capsys: Capture, tmp_path: Path) -> None:
    ask(url, capsys, "contacts", "set", "ada@example.com", "stage=lead")
    rule = tmp_path / "rule.json"
    rule.write_text(json.dumps({"stage": ["lead"]}))
    ask(url, capsys, "routing", "rep", "Rita@x.test", "--name", "Rita", "--hours", "00:00-24:00", "--days", "0,1,2,3,4,5,6",
        "--capacity", "2", "--zone", "Europe/Berlin")
    ask(url, capsys, "routing", "route", "Leads", "--rule", str(rule), "--rep", "rita@x.test")
    found = ask(url, capsys, "routing", "test", "ada@example.com")
    assert found["rep"] == "rita@x.test" and found["route"] == "Leads"  # type: ignore[index]
    assert ask(url, capsys, "leads", "hand-over", "ada@example.com") == {"handed": True}
    assert ask(url, capsys, "leads", "hand-over", "ada@example.com") == {"handed": False}
    lead = ask(url, capsys, "leads", "queue", "--rep", "rita")[0]  # type: ignore[index]
    assert lead["due_at"] == NOW + 4 * 3_600
    ask(url, capsys, "leads", "snooze", str(lead["id"]), "1d")
    ask(url, capsys, "leads", "calling-today", "ada@example.com")
    ask(url, capsys, "leads", "log-call", "ada@example.com", "reached", "--note", "wants a quote")
    ask(url, capsys, "leads", "accept", str(lead["id"]))
    assert ask(url, capsys, "contacts", "show", "ada@example.com")["stage"] == "sal"  # type: ignore[index]
    ask(url, capsys, "leads", "finish", str(lead["id"]))
    report = ask(url, capsys, "leads", "report")
    assert report["reps"][0]["accepted"] == 1 and report["refusals"] == []  # type: ignore[index]
    assert ask(url, capsys, "routing", "policy", "--accept-within", "2h")["accept_within_s"] == 7_200  # type: ignore[index]
    ask(url, capsys, "routing", "remove-route", "leads")
    ask(url, capsys, "routing", "remove-rep", "rita@x.test")
    assert ask(url, capsys, "routing", "reps") == ask(url, capsys, "routing", "routes") == []


def test_points_by_rule_from_a_file_to_the_explanation(url: str, capsys: Capture, tmp_path: Path) -> None:
    ask(url, capsys, "contacts", "set", "ada@example.com", "stage=lead")
    rule = tmp_path / "rule.json"
    rule.write_text(json.dumps({"event": "demo_asked", "points": 60, "max_per_contact": 1}))
    ask(url, capsys, "score", "rule", "Demo", str(rule))
    ask(url, capsys, "score", "policy", "--half-life", "engagement=10", "--threshold", "hot=0", "--threshold", "warm=20")
    for _ in range(2):
        ask(url, capsys, "events", "send", "ada@example.com", "demo_asked")
    ask(url, capsys, "tick")
    found = ask(url, capsys, "score", "explain", "ada@example.com")
    assert found["engagement"] == 60 and len(found["entries"]) == 1  # type: ignore[index]
    assert run(gather(), ["--db", url, "--now", str(NOW + 10 * 86_400), "score", "explain", "ada@example.com"]) == 0
    assert "worth +30 now  Demo" in capsys.readouterr().out
    assert ask(url, capsys, "score", "matrix")[6]["people"] == 1  # type: ignore[index]  # C1: engaged, of unknown fit
    assert ask(url, capsys, "score", "policy")["thresholds"] == {"mql": 50, "warm": 20}  # type: ignore[index]
    ask(url, capsys, "score", "archive", "demo")
    assert ask(url, capsys, "score", "rules") == [] and len(ask(url, capsys, "score", "rules", "--archived")) == 1  # type: ignore[arg-type]


def test_a_purchase_makes_a_customer_by_rule(url: str, capsys: Capture, tmp_path: Path) -> None:
    ask(url, capsys, "contacts", "set", "ada@example.com", "stage=lead")
    rule = tmp_path / "rule.json"
    rule.write_text(json.dumps({"event": "purchase"}))
    ask(url, capsys, "stages", "rule", "customer", str(rule))
    ask(url, capsys, "events", "send", "ada@example.com", "purchase")
    ask(url, capsys, "tick")
    found = {one["stage"]: one for one in ask(url, capsys, "stages", "list")}  # type: ignore[attr-defined]
    assert found["customer"]["people"] == 1 and "purchase" in found["customer"]["rule"]
    assert ask(url, capsys, "stages", "coverage") == [{"stage": "customer", "people": 1, "in_none": 1}]
    assert [one["stage"] for one in ask(url, capsys, "stages", "flow")] == ["lead", "customer"]  # type: ignore[attr-defined]
    ask(url, capsys, "stages", "remove-rule", "customer")


@pytest.mark.parametrize(("words", "says"), [
    (["stages", "remove-rule", "customer"], "no rule"),
    (["score", "archive", "x"], "no score rule"), (["score", "policy", "--half-life", "charm=3"], "half-life"),
    (["score", "policy", "--threshold", "mql"], "mql=50"),
    (["leads", "accept", "9"], "no lead 9"), (["routing", "rep", "x@y.test", "--hours", "9"], "09:00-17:00"),
    (["routing", "rep", "x@y.test", "--zone", "Moon"], "not known"), (["routing", "route", "A", "--rep", "z@z.test"], "no rep"),
    (["routing", "rep", "x@y.test", "--days", "Mon"], "0 (Monday)"), (["leads", "queue", "--rep", "zoe"], "no rep"),
    (["routing", "policy", "--stage", "boss"], "choose one of"),
    (["routing", "rep", "x@y.test", "--away", "soon"], "two moments"),
])
def test_what_is_wrong_is_said_in_a_line(memory_url: str, capsys: Capture, words: list[str], says: str) -> None:
    assert run(gather(), ["--db", memory_url, *words]) == 2
    assert says in capsys.readouterr().err


@pytest.fixture
def memory_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    assert run(gather(), ["--db", url, "init"]) == 0
    return url
