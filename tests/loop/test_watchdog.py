"""The watchdog: what hangs, why, and a journey that drives people away is paused with its evidence."""

from __future__ import annotations

import pytest

from engine import audit
from engine.access import COMMAND_LINE, Actor
from engine.activity import events
from engine.clock import DAY
from engine.errors import BadInput, Forbidden
from engine.journeys import versions
from engine.journeys.runner import Runner
from engine.loop import watchdog
from engine.outreach import messages
from engine.service import attention
from engine.store import Store
from tests.conftest import NOW
from tests.journeys.worlds import ANN, add_contacts, add_templates, journey, publish, record

END = {"id": "e", "type": "exit"}
SEND = {"id": "m", "type": "send", "template": "t", "next": "e"}


def mailed(store: Store, count: int, gone: int, event: str = "email_unsubscribed", at: int = NOW) -> None:
    """A journey has sent to so many, and that happened to the first of them."""
    if not store.one("SELECT COUNT(*) FROM contact"):
        add_contacts(store, count)
        add_templates(store, "t")
        publish(store, journey(SEND, END), now=at - DAY)
    first = 1 + (store.one("SELECT MAX(m.id) FROM message m") or 0)
    rows = [{"id": first + i, "journey_id": 1, "contact_id": 1 + i % 200, "channel": "email", "template_id": 1,
             "status": "sent", "token_id": first + i, "visit": 0, "node_id": 1, "created_at": at, "due_at": at, "sent_at": at}
            for i in range(count)]
    told = [{"contact_id": 1, "name": name, "occurred_at": at + 1, "received_at": at + 1, "props": "{}", "source": "test",
             "dedupe_key": f"{name}:{row['id']}", "message_id": row["id"]}
            for i, row in enumerate(rows) for name in ("email_sent", *([event] if i < gone else []))]
    with store.transaction():
        messages.load(store, rows)
        events.insert_events(store, told)


def status(store: Store) -> str:
    return versions.list_journeys(store)[0].status


@pytest.mark.parametrize(("event", "gone", "kind"), [("email_unsubscribed", 5, "unsubscribe_rate"),
                                                     ("email_bounced", 11, "bounce_rate"),
                                                     ("email_complained", 3, "complaint_rate")])
def test_a_spike_pauses_the_journey_and_says_so(store: Store, event: str, gone: int, kind: str) -> None:
    mailed(store, 200, gone, event)
    (one,) = watchdog.guard(store, now=NOW + 60)
    assert (one.kind, one.sent, one.count, status(store)) == (kind, 200, gone, "paused")
    row = audit.recent(store, subject="j").iloc[0]
    assert (row["actor"], row["action"]) == ("watchdog", "watchdog.paused") and f"{gone} of 200" in row["detail"]
    said = [one.sentence for one in attention.notices(store, now=NOW + 60, clock_now=NOW)]
    assert sum("watchdog has paused the journey j" in one for one in said) == 1
    assert not any("is paused: people in it stand still" in one for one in said)


def test_a_person_resumes_it_and_old_evidence_counts_no_more(store: Store) -> None:
    mailed(store, 200, 9)
    watchdog.guard(store, now=NOW + 60)
    versions.set_status(store, "j", "live", by=ANN, now=NOW + 100)
    assert watchdog.guard(store, now=NOW + 200, force=True) == [] and not watchdog.paused_by_watchdog(store)
    mailed(store, 150, 9, at=NOW + 300)
    assert [one.sent for one in watchdog.guard(store, now=NOW + 400, force=True)] == [150]


@pytest.mark.parametrize(("sent", "gone"), [(99, 50), (200, 2), (200, 4)], ids=["too few sent", "too few gone", "at the limit"])
def test_too_little_evidence_pauses_nothing(memory: Store, sent: int, gone: int) -> None:
    mailed(memory, sent, gone)
    assert watchdog.guard(memory, now=NOW + 60) == [] and status(memory) == "live"


def test_it_looks_every_five_minutes_and_only_at_the_window(memory: Store) -> None:
    mailed(memory, 200, 0)
    assert watchdog.guard(memory, now=NOW) == []
    mailed(memory, 10, 10)
    assert watchdog.guard(memory, now=NOW + 60) == []
    assert watchdog.spikes(memory, now=NOW + 2 * DAY) == []
    assert len(watchdog.guard(memory, now=NOW + 301)) == 1


def test_complaint_3_nobody_hangs_unseen(store: Store) -> None:
    """COMPLAINTS 3: who is overdue or waits without an end is listed with age and reason."""
    add_contacts(store, 3)
    add_templates(store, "t")
    publish(store, journey({"id": "w", "type": "wait", "for": "1h", "next": "a"},
                           {"id": "a", "type": "wait_for", "event": {"event": "a"}, "next": "e"}, END))
    for who in (1, 2):
        record(store, who, "signup", NOW)
    Runner(store).tick(NOW)
    record(store, 3, "signup", NOW + 7_000)
    assert watchdog.lag(store, now=NOW + 7_200) == watchdog.Lag(1, 200)
    (late,) = watchdog.overdue(store, now=NOW + 7_200)
    assert (late.node, late.people, late.oldest_s, late.reason) == ("w", 2, 3_600, "runner")
    assert any("2 people are overdue" in one.sentence for one in attention.notices(store, now=NOW + 7_200, clock_now=NOW))
    versions.set_status(store, "j", "paused", by=ANN, now=NOW + 7_200)
    assert [one.reason for one in watchdog.overdue(store, now=NOW + 7_200)] == ["paused"]
    versions.set_status(store, "j", "live", by=ANN, now=NOW + 7_300)
    Runner(store).tick(NOW + 7_300)
    assert watchdog.overdue(store, now=NOW + 7_300) == []
    (held,) = watchdog.stuck(store, now=NOW + 7_300 + 31 * DAY)
    assert (held.node, held.people, held.reason) == ("a", 2, "no_limit") and "no time limit" in watchdog.sentence(held)


def test_thresholds_are_read_and_kept(memory: Store) -> None:
    made = watchdog.save(memory, {"unsubscribe_rate": 0.5, "window": "6h"}, by=COMMAND_LINE, now=NOW)
    assert watchdog.thresholds(memory) == made == watchdog.parse(watchdog.document(made)) and made.window_s == 21_600
    with pytest.raises(Forbidden):
        watchdog.save(memory, {}, by=Actor("Vi", "viewer"), now=NOW)
    for wrong in ({"rate": 1}, {"bounce_rate": 0}, {"bounce_rate": 5}, {"least_sent": 0}, {"window": "soon"}, []):
        with pytest.raises(BadInput):
            watchdog.parse(wrong)
