"""`affinity` through the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import gather
from engine.access import COMMAND_LINE
from engine.activity import events
from engine.commands.common import run
from engine.people import contacts
from engine.schema import open_store
from tests.conftest import NOW


def test_a_topic_is_named_counted_reported_and_forgotten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    store = open_store(url, create=True)
    contacts.save(store, {"email": "ada@x.test"}, by=COMMAND_LINE, now=NOW, source="test")
    with store.transaction():
        events.insert_events(store, [{"contact_id": 1, "name": "page_view", "object": "/guides/a", "occurred_at": NOW - at,
                                      "received_at": NOW, "props": "{}", "dedupe_key": str(at), "source": "test",
                                      "historic": 1} for at in (0, 10 * 86_400, 40 * 86_400)])
    store.close()

    def ask(*words: str) -> Any:
        assert run(gather(), ["--db", url, "--now", str(NOW), *words, "--json"]) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    assert ask("affinity", "list") == []
    made = ask("affinity", "save", "Tips", "--page", "/guides", "--link", "https://x.test/guides", "--half-life", "10")
    assert (made["pages"], made["half_life_days"]) == (["/guides"], 10)
    assert ask("affinity", "show", "ada@x.test") == [{"topic": "Tips", "affinity": 1.56}]
    assert ask("contacts", "show", "ada@x.test")["affinity"] == {"Tips": 1.56}
    assert ask("affinity", "report", "--days", "30") == [
        {"topic": "Tips", "interested": 1, "people": 1, "times": 2, "before": 1, "trend": 0.0}]
    assert run(gather(), ["--db", url, "affinity", "save", "Tips", "--template", "Nope"]) != 0
    assert "no template 'Nope'" in capsys.readouterr().err
    ask("affinity", "remove", "tips")
    assert ask("affinity", "list") == []
