"""Requests, restriction, export, keeping and the chains on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import gather
from engine.commands.common import run
from engine.schema import open_store

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def ask(url: str, capsys: Capture) -> Any:
    def asked(*words: str, code: int = 0) -> Any:
        assert run(gather(), [*words, "--db", url, "--json", "--now", "2026-09-21T12:00:00Z"]) == code
        out, error = capsys.readouterr()
        return error if code else json.loads(out)

    asked("contacts", "set", "ada@c.test", "first_name=Ada", "--consent", "email:subscribed:signup")
    return asked


def test_a_request_from_taking_in_to_closing(ask: Any) -> None:
    made = ask("privacy", "ask", "object", "ada@c.test", "--note", "by phone")
    assert made["due_at"] > made["received_at"] and [one["id"] for one in ask("privacy", "requests")] == [made["id"]]
    assert ask("privacy", "done", str(made["id"]))["done_at"] is not None
    assert ask("privacy", "requests") == [] and len(ask("privacy", "requests", "--all")) == 1
    assert ask("contacts", "show", "ada@c.test")["consent"]["email"] == "unsubscribed"
    assert "was closed on" in ask("privacy", "done", str(made["id"]), code=2)
    assert "no kind of request" in ask("privacy", "ask", "sing", "ada@c.test", code=2)


def test_everything_on_a_person_and_the_restriction(ask: Any, tmp_path: Path) -> None:
    assert ask("privacy", "export", "ada@c.test")["profile"]["first_name"] == "Ada"
    ask("privacy", "export", "ada@c.test", "--out", str(tmp_path / "ada.zip"))
    assert (tmp_path / "ada.zip").stat().st_size > 500
    assert ask("privacy", "restrict", "ada@c.test") == {"restricted": True, "changed": True}
    assert ask("privacy", "restrict", "ada@c.test", "--lift") == {"restricted": False, "changed": True}


def test_keeping_is_said_and_swept(ask: Any) -> None:
    assert ask("privacy", "sweep") == []
    assert {one["kind"]: one["days"] for one in ask("privacy", "keep", "events", "730")}["events"] == 730
    assert ask("privacy", "sweep", "--dry-run") == [{"kind": "events", "count": 0, "gone": False}]
    assert "say how many days" in ask("privacy", "keep", "events", "soon", code=2)
    assert ask("privacy", "keep", "events", "forever")[0]["days"] is None


def test_verify_names_a_tampered_consent_and_holds_after_an_erasure(ask: Any, url: str) -> None:
    ask("contacts", "set", "bo@c.test", "--consent", "email:subscribed:signup")
    ask("tick")
    found = ask("verify")
    assert found["ok"] and found["ledgers"]["consent"]["rows"] == 2
    ask("contacts", "erase", "bo@c.test")
    ask("tick")
    assert ask("verify", "--head", found["ledgers"]["consent"]["head"])["ledgers"]["consent"]["forgotten"] == 1
    store = open_store(url)
    with store.transaction():
        store.run("UPDATE consent SET status = 'unsubscribed' WHERE id = 1")
    store.close()
    assert "consent row 1: the row was changed after it was written" in ask("verify", code=2)
    assert "is no hash" in ask("verify", "--head", "zz", code=2)
