"""A cast with consent in order and out of it, a template, and a way to queue messages as a journey does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from engine import access
from engine.access import COMMAND_LINE
from engine.config import Config
from engine.content import templates
from engine.outreach import messages
from engine.people import consent
from engine.sql import sql
from engine.store import Store
from tests.conftest import NOW

CONFIG = Config(secret=b"secret of the tests", public_url="https://hear.example", mail_from="Acme News <news@acme.example>")
HTML = ('<html><body><p>Hello {{ contact.first_name | default("friend") }}</p>'
        '<a href="https://shop.example/offer?a=1&amp;b=2">Offer</a></body></html>')


@dataclass(frozen=True)
class Cast:
    """Contact ids: Ada consents, Bo unsubscribed, Cy never said anything and has no name."""

    ada: int
    bo: int
    cy: int


def contact(store: Store, email: str | None, first_name: str | None = None, *, status: str | None = "subscribed",
            **columns: Any) -> int:
    """A contact with an address and what it said about mail."""
    with store.transaction():
        made = int(store.one(
            "INSERT INTO contact (email, first_name, hash31, created_at, updated_at, restricted) VALUES "
            "(:email, :first_name, 7, 0, 0, :restricted) RETURNING id", email=email, first_name=first_name,
            restricted=columns.get("restricted", 0)))
        if email:
            hashed = consent.address_hash(access.salt(store), email)
            store.insert_many("identifier", [{"kind": "email", "value": email, "contact_id": made, "address_hash": hashed}])
        if status:
            consent.record(store, [made], "email", status, basis="test", source="test", by=COMMAND_LINE, now=NOW - 100)
    return made


@pytest.fixture
def cast(store: Store) -> Cast:
    """The people of these tests."""
    return Cast(contact(store, "ada@mail.example", "Ada"), contact(store, "bo@mail.example", "Bo", status="unsubscribed"),
                contact(store, "cy@mail.example", status=None))


@pytest.fixture
def queue(store: Store) -> Callable[..., list[int]]:
    """Queue a message to each contact as a send node does; the ids of the messages."""
    visits = iter(range(1, 1_000_000))

    def queued(*contacts: int, now: int = NOW, template: str = "hello", message_class: str = "marketing", topic: str = "",
               priority: int = 0) -> list[int]:
        found = templates.find(store, template) or templates.save(store, template, html=HTML, subject="Hi",
                                                                  by=COMMAND_LINE, now=now)
        with store.transaction():
            store.run("DELETE FROM batch")
            rows = [{"id": 64 * at, "enrollment_id": 0, "contact_id": who, "seq": next(visits)}
                    for at, who in enumerate(contacts, start=1)]
            store.insert_many("batch", rows)
            store.run(messages.queue(
                sql("batch"), node_id=5, journey_id=None, campaign_id=None, channel="email", template_id=found.id,
                topic=topic, priority=priority, message_class=message_class), now=now)
            return [int(store.one("SELECT m.id FROM message m WHERE m.visit = :seq AND m.contact_id = :contact_id",
                                  seq=row["seq"], contact_id=row["contact_id"])) for row in rows]

    return queued
