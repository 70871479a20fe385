"""`messages …` and `campaigns …` as they are typed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.__main__ import gather
from engine.access import COMMAND_LINE
from engine.commands.common import run
from engine.content import templates
from engine.outreach import campaigns, delivery, limits
from engine.people import consent, contacts
from engine.schema import open_store
from engine.store import Store
from tests.conftest import NOW
from tests.outreach.conftest import CONFIG


@pytest.fixture
def said(url: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command with --json; exit code and document, or the line on standard error."""
    opened = open_store(url)
    _send_one_and_skip_one(opened)
    opened.close()

    def ask(*words: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = run(gather(), ["--db", url, "--json", "--now", str(NOW), *words])
        out = capsys.readouterr()
        return code, json.loads(out.out) if out.out else out.err.strip()

    return ask


def _send_one_and_skip_one(store: Store) -> None:
    template = templates.save(store, "Hello", html="<p>Hi {{ contact.first_name }}</p>", subject="Hi", by=COMMAND_LINE, now=1)
    campaign = campaigns.ensure(store, "Spring", by=COMMAND_LINE, now=1)
    for name in ("Ada", "Bo"):
        values = {"email": f"{name}@mail.example", "first_name": name}
        made = contacts.save(store, values, by=COMMAND_LINE, now=1, source="test")
        with store.transaction():
            consent.record(store, [made.id], "email", "subscribed" if name == "Ada" else "unsubscribed", basis="test",
                           source="test", by=COMMAND_LINE, now=2)
            store.insert_many("message", [{"contact_id": made.id, "channel": "email", "template_id": template.id,
                                           "campaign_id": campaign, "status": "queued", "created_at": NOW, "due_at": NOW}])
    limits.admit(store, now=NOW)
    delivery.deliver(store, CONFIG, now=NOW)


def test_messages_are_listed_with_why_not(said: Any) -> None:
    code, found = said("messages", "list")
    assert code == 0 and [(item["email"], item["status"], item["reason"]) for item in found] == [
        ("bo@mail.example", "skipped", "unsubscribed"), ("ada@mail.example", "sent", None)]
    assert found[0]["sentence"] == "the contact has unsubscribed" and found[1]["sent_at"].startswith("2026-09-21T")
    assert len(said("messages", "list", "--status", "sent")[1]) == 1
    assert [item["template"] for item in said("messages", "list", "--contact", "ada@mail.example")[1]] == ["Hello"]
    assert said("messages", "list", "--journey", "none")[1] == []
    assert said("messages", "list", "--contact", "nobody@mail.example")[0] == 2


def test_a_message_is_shown_as_it_was_sent(said: Any) -> None:
    code, found = said("messages", "show", "1")
    assert code == 0 and found["copy"]["subject"] == "Hi" and "Hi Ada" in found["copy"]["html"]
    assert said("messages", "show", "99") == (2, "error: message 99: there is none; `messages list` shows what there is")


def test_only_what_did_not_arrive_is_queued_again(said: Any) -> None:
    assert said("messages", "requeue", "2")[1] == {"requeued": 1, "ids": [2]}
    assert said("messages", "show", "2")[1]["status"] == "queued"
    code, line = said("messages", "requeue", "1")
    assert code == 2 and "message 1 is sent" in line


def test_campaigns_are_counted(said: Any) -> None:
    (found,) = said("campaigns", "list")[1]
    assert (found["name"], found["messages_count"], found["sent_count"]) == ("Spring", 2, 1)
    assert said("campaigns", "make", "SPRING")[1]["id"] == found["id"]
    assert said("campaigns", "make", " ")[0] == 2
