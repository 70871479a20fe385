"""Reps are told of leads by mail: when one is handed over, and when it waited too long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from engine.access import COMMAND_LINE
from engine.audience import routing
from engine.audience.routing import Rep
from engine.clock import HOUR, MINUTE
from engine.config import Config
from engine.loop.tick import tick
from engine.outreach import errand_runs, errands, notices
from engine.outreach.mail import Mail, Outcome
from engine.people import contacts
from engine.service import attention
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

    def close(self) -> None:
        pass


def test_the_rep_is_told_once_and_the_next_one_when_it_is_overdue(store: Store, lead: int) -> None:
    tick(store, SETTINGS, now=NOW)
    tick(store, SETTINGS, now=NOW + 60)
    told = notices.recent(store)
    assert list(told.address) == ["rita@sales.test"] and list(told.subject) == ["New lead: Ada"]
    assert (told.status[0], bool(told.captured[0])) == ("done", True), "without a mail server it is shown in the app"
    assert errands.list_errands(store)[0].detail == "New lead: Ada (captured, nothing left the house)"
    assert "Why: asked for a demo" in told.body[0] and "Answer by: 2026-09-22 10:13 (UTC)" in told.body[0]
    tick(store, SETTINGS, now=NOW + 24 * HOUR)
    found = notices.recent(store)
    assert list(zip(found.address, found.subject, strict=True))[:2] == [
        ("sam@sales.test", "New lead: Ada"), ("rita@sales.test", "Lead not answered in time: Ada")]
    assert "another rep has the lead now" in found.body[1]
    contacts.erase(store, lead, by=COMMAND_LINE, now=NOW + 25 * HOUR)
    assert notices.recent(store).subject.isna().all()


def test_what_did_not_leave_is_tried_again_and_what_may_have_left_is_not(store: Store, lead: int,
                                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    assert lead and notices.write(store, now=NOW, upto=10**9) == 1
    wire = Wire()
    monkeypatch.setattr(errand_runs, "choose", lambda *_, **__: lambda _: wire)

    def run(fate: str, at: int) -> tuple[str, int, int]:
        wire.fate = fate
        errand_runs.run(store, SETTINGS, now=at)
        (one,) = errands.list_errands(store)
        return one.status, one.attempts, one.due_at - at

    assert run("untried", NOW) == ("queued", 0, MINUTE), "its turn never came, which is no attempt"
    assert run("later", NOW + MINUTE) == ("queued", 1, MINUTE)
    assert run("later", NOW + 2 * MINUTE) == ("queued", 2, 10 * MINUTE)
    with monkeypatch.context() as dying, pytest.raises(KeyboardInterrupt):
        dying.setattr(errand_runs, "_settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        run("sent", NOW + HOUR)
    assert errands.counts(store) == {"sending": 1}, "claimed before it left"
    seen = len(wire.seen)
    assert run("sent", NOW + 2 * HOUR)[0] == "unknown" and len(wire.seen) == seen, "nobody sends it again by himself"
    assert [one.sentence for one in attention.notices(store, now=NOW, clock_now=NOW) if "colleagues" in one.sentence] == [
        "1 notice to colleagues may not have arrived: look, and send again what did not."]
    (lost,) = errands.list_errands(store, status="unknown")
    assert errands.retry(store, [lost.id], by=COMMAND_LINE, now=NOW + 3 * HOUR) == 1
    assert run("sent", NOW + 3 * HOUR)[0] == "done"
    assert (wire.seen[-1].key, wire.seen[-1].name, wire.seen[-1].subject) == (f"errand-{lost.id}.1", "Rita", "New lead: Ada")


def test_a_wrong_setting_leaves_none_in_doubt_and_a_name_is_no_template(store: Store) -> None:
    routing.save_rep(store, Rep("rita@sales.test", "Rita"), by=COMMAND_LINE, now=NOW)
    ada = contacts.save(store, {"email": "ada@x.test", "first_name": "{{ 7 * 7 }}"}, by=COMMAND_LINE, now=NOW, source="t").id
    routing.hand_over(store, ada, "asked", by=COMMAND_LINE, now=NOW)
    assert notices.write(store, now=NOW, upto=10**9) == 1
    wrong = replace(SETTINGS, smtp_url="smtp://127.0.0.1:1", mail_from="nobody")
    assert errand_runs.run(store, wrong, now=NOW).later == 1 and errands.counts(store) == {"queued": 1}
    assert "MAIL_FROM" in str(errands.list_errands(store)[0].detail)
    assert errand_runs.run(store, SETTINGS, now=NOW + HOUR).done == 1
    assert list(notices.recent(store).subject) == ["New lead: {{ 7 * 7 }}"]
