"""Admission and delivery look at what is due, never at every message ever sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.access import COMMAND_LINE
from engine.content import templates
from engine.outreach import delivery, limits
from engine.outreach.policy import DEFAULT_CAPS, Policy
from engine.store import Store
from tests.conftest import NOW

from .conftest import CONFIG, HTML, contact

VALUES: dict[str, Any] = {f"p{number}": 1 for number in range(60)} | {"now": NOW, "chunk": 1, "most": 1, "limit": 1}


def test_no_statement_reads_every_message_or_contact(memory: Store) -> None:
    who = contact(memory, "ada@mail.example")
    template = templates.save(memory, "t", html=HTML, subject="Hi", by=COMMAND_LINE, now=NOW)
    with memory.transaction():
        memory.insert_many("message", [{"contact_id": who, "channel": "email", "template_id": template.id, "status": status,
                                        "created_at": 0, "due_at": 0} for status in ("queued", "sending")])
    seen: dict[str, None] = {}
    memory.on_statement = lambda text: seen.setdefault(text)
    limits.admit(memory, now=NOW)
    delivery.recover(memory, now=NOW)
    delivery.deliver(memory, CONFIG, now=NOW)
    memory.on_statement = None
    asked = [text for text in seen if "message" in text and text.lstrip().startswith(("SELECT", "UPDATE", "INSERT INTO picked"))
             and "WHERE id = :id" not in text]
    assert len(asked) >= 8
    for text in asked:
        plan = memory.plan(text, **VALUES).splitlines()
        assert not [line for line in plan if line.strip() in ("SCAN m", "SCAN message", "SCAN x", "SCAN o", "SCAN c")], text


def test_a_verdict_is_asked_once_for_each_message(memory: Store) -> None:
    plan = memory.plan(limits._decided("email", {None: Policy(tuple(limits.parse_caps(DEFAULT_CAPS)))}, None, []), now=NOW)
    assert "MATERIALIZE d" in plan and plan.count("SCAN p") == 1, "else SQLite asks it again at each mention"


def test_admitting_many_takes_few_statements(queue: Callable[..., list[int]], store: Store) -> None:
    queue(*(contact(store, f"p{number}@mail.example") for number in range(40)))
    seen: list[str] = []
    store.on_statement = seen.append
    assert limits.admit(store, now=NOW) == 40
    assert len(seen) < 25
