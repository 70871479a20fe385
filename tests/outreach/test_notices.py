"""Reps are told of leads by mail: when one is handed over, and when it waited too long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from engine.access import COMMAND_LINE
from engine.audience import routing
from engine.audience.routing import Rep
from engine.clock import HOUR
from engine.config import Config
from engine.loop.tick import tick
from engine.outreach import notices
from engine.outreach.channels.capture import Capture
from engine.outreach.mail import Mail, Outcome
from engine.people import contacts
from engine.store import Store
from tests.conftest import NOW

SETTINGS = Config(secret=b"s" * 40)


@pytest.fixture
def lead(store: Store) -> int:
    for name in ("Rita", "Sam"):
        routing.save_rep(store, Rep(f"{name.lower()}@sales.test", name), by=COMMAND_LINE, now=NOW)
    ada = contacts.save(store, {"email": "ada@x.test", "first_name": "Ada"}, by=COMMAND_LINE, now=NOW, source="form").id
    routing.hand_over(store, ada, "asked for a demo", by=COMMAND_LINE, now=NOW)
    return ada


class Wire:
    """A transport that keeps what it is handed, and answers as it is told."""

    name = "wire"

    def __init__(self, fate: str = "sent") -> None:
        self.fate, self.seen = fate, list[Mail]()

    def send(self, mails: Sequence[Mail]) -> Iterator[Outcome]:
        self.seen += mails
        yield from (Outcome(mail.message_id, self.fate, "smtp_4xx", closed=self.fate == "untried") for mail in mails)  # type: ignore[arg-type]


def test_the_rep_is_told_once_and_the_next_one_when_it_is_overdue(store: Store, lead: int) -> None:
    tick(store, SETTINGS, now=NOW)
    tick(store, SETTINGS, now=NOW + 60)
    told = notices.recent(store)
    assert list(told.address) == ["rita@sales.test"] and list(told.subject) == ["New lead: Ada"]
    assert (told.status[0], told.transport[0]) == ("sent", "capture"), "without a mail server it is shown in the app"
    assert "Why: asked for a demo" in told.body[0] and "Answer by: 2026-09-22 10:13 (UTC)" in told.body[0]
    tick(store, SETTINGS, now=NOW + 24 * HOUR)
    found = notices.recent(store)
    assert list(zip(found.address, found.subject, strict=True))[:2] == [
        ("sam@sales.test", "New lead: Ada"), ("rita@sales.test", "Lead not answered in time: Ada")]
    assert "another rep has the lead now" in found.body[1]
    contacts.erase(store, lead, by=COMMAND_LINE, now=NOW + 25 * HOUR)
    assert notices.recent(store).subject.isna().all()


def put(store: Store, column: str) -> None:
    with store.transaction():
        store.run(f"UPDATE notice SET {column}")


def test_what_did_not_leave_is_tried_again_and_what_may_have_left_is_not(store: Store, lead: int) -> None:
    assert lead and notices.write(store, now=NOW, upto=10**9) == 1
    for fate, status in (("untried", "queued"), ("later", "queued")):
        shut = Wire(fate)
        assert notices.deliver(store, lambda _, wire=shut: wire, now=NOW + 3 * HOUR) == (0, fate == "untried")  # type: ignore[misc]
        assert (store.one("SELECT n.status FROM notice n"), len(shut.seen)) == (status, 1)
        put(store, "due_at = 1")
    assert store.one("SELECT n.attempts FROM notice n") == 1
    put(store, "status = 'sending'")  # as a delivery leaves it that was killed
    assert notices.deliver(store, lambda _: Capture(SETTINGS), now=NOW + 4 * HOUR) == (0, False)
    assert store.one("SELECT n.status FROM notice n") == "unknown"
