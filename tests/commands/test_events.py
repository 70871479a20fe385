"""`events`, `keys` and `collect` from the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.__main__ import gather
from engine.access import RUNNER
from engine.activity import inbox
from engine.activity.intake import take
from engine.commands.common import run
from engine.people import contacts
from engine.store import Store
from tests.conftest import NOW

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def ada(store: Store) -> int:
    return contacts.save(store, {"email": "ada@example.com", "external_id": "U1"}, by=RUNNER, now=NOW, source="test").id


def call(url: str, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    code = run(gather(), ["--db", url, "--now", str(NOW), "--json", *words])
    shown = capsys.readouterr()
    return json.loads(shown.out) if code == 0 else (code, shown.err)


def test_an_event_sent_is_taken_in_and_listed(url: str, store: Store, ada: int, capsys: pytest.CaptureFixture[str]) -> None:
    sent = call(url, capsys, "events", "send", "ADA@example.com", "purchase", "--props", '{"revenue": 9.5, "currency": "EUR"}',
                "--object", "Shoes", "--at", "2026-09-20T10:00:00Z")
    assert sent["contact_id"] == ada and sent["object"] == "shoes"
    call(url, capsys, "events", "send", "u1", "page_view", "--props", '{"path": "/pricing"}')
    assert take(store, now=NOW) == 2
    listed = call(url, capsys, "events", "list", "ada@example.com")
    assert [(row["name"], row["object"], row["value_minor"], row["currency"]) for row in listed] == [
        ("page_view", "/pricing", None, None), ("purchase", "shoes", 950, "EUR")]
    assert listed[1]["occurred_at"] == "2026-09-20T10:00:00Z" and listed[1]["props"] == {"revenue": 9.5, "currency": "EUR"}
    assert [row["name"] for row in call(url, capsys, "events", "list", "--name", "purchase")] == ["purchase"]
    assert [row["text"] for row in call(url, capsys, "events", "timeline", "u1")] == ["visited /pricing", "purchase shoes"]


@pytest.mark.parametrize("words", [
    ("send", "nobody@example.com", "purchase"), ("send", "ada@example.com", " "),
    ("send", "ada@example.com", "segment_entered"),
    ("send", "ada@example.com", "purchase", "--props", "[1]"), ("send", "ada@example.com", "purchase", "--props", "{"),
    ("send", "ada@example.com", "purchase", "--at", "tomorrow"), ("send", "ada@example.com", "purchase", "--at", "2027-01-01"),
    ("send", "no address", "purchase", "--create"), ("list", "nobody@example.com")])
def test_bad_input_is_one_line_and_changes_nothing(
        url: str, store: Store, ada: int, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    code, said = call(url, capsys, "events", *words)
    assert code == 2 and said.startswith("error: ") and said.count("\n") == 1
    assert inbox.count(store) == 0


def test_a_stranger_is_made_when_that_is_asked_for(url: str, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(url, capsys, "events", "send", "New@example.com", "purchase", "--create")["contact_id"] is None
    take(store, now=NOW)
    assert contacts.find(store, "new@example.com")


def test_keys_are_made_listed_and_revoked(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = call(url, capsys, "keys", "create", "website")
    assert made["key"].startswith("tl_")
    assert call(url, capsys, "keys", "list") == [{"name": "website", "created_at": "2026-09-21T14:13:20Z", "revoked_at": None}]
    assert call(url, capsys, "keys", "revoke", "website") == {"name": "website", "revoked": 1}
    assert call(url, capsys, "keys", "list")[0]["revoked_at"]
    assert call(url, capsys, "keys", "revoke", "website")[0] == 2 and call(url, capsys, "keys", "create", " ")[0] == 2


def test_the_collector_runs_as_a_process_and_keeps_what_it_answered(
        url: str, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    key = call(url, capsys, "keys", "create", "website")["key"]
    process = subprocess.Popen([sys.executable, "-m", "engine", "--db", url, "collect", "--port", "0"], cwd=ROOT, text=True,
                               stderr=subprocess.PIPE, env=os.environ | {"THROUGHLINE_SECRET": "s"})
    try:
        assert process.stderr is not None
        address = process.stderr.readline().split()[-1]
        with httpx.Client(transport=httpx.HTTPTransport(retries=5)) as web:
            answer = web.post(f"{address}/v1/track", json={"userId": "u1", "event": "x"}, auth=(key, ""))
        assert answer.status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()
    assert take(store, now=NOW) == 1
    assert store.one("SELECT h.name FROM heartbeat h") == "collector"


def test_a_port_that_is_taken_is_said_in_one_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = call(url, capsys, "collect", "--host", "256.0.0.1")
    assert code == 2 and said.startswith("error: ") and said.count("\n") == 1
