"""Admission: who may get a message now, and why not."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import access
from engine.access import COMMAND_LINE
from engine.clock import DAY, HOUR
from engine.content import templates
from engine.errors import BadInput
from engine.outreach import limits, messages
from engine.outreach.limits import Cap, parse_caps
from engine.people import consent, contacts
from engine.schema import open_memory
from engine.store import Store
from tests.conftest import NOW

from .conftest import HTML, Cast, contact

Queue = Callable[..., list[int]]


def outcomes(store: Store, numbers: list[int]) -> list[tuple[str, str | None]]:
    return [(message.status, message.reason) for message in (messages.get(store, number) for number in numbers)]


def skip_events(store: Store) -> list[tuple[int, str, str]]:
    found = store.rows("SELECT e.contact_id, e.object, e.props FROM event e WHERE e.name = 'message_skipped' ORDER BY e.id")
    return [(row[0], row[1], json.loads(row[2])["reason"]) for row in found]


def test_only_who_agreed_is_mailed_and_every_skip_has_a_reason(store: Store, cast: Cast, queue: Queue) -> None:
    gone = contact(store, "gone@mail.example")
    nobody = contact(store, None)
    frozen = contact(store, "frozen@mail.example", restricted=1)
    barred = contact(store, "barred@mail.example")
    consent.suppress(store, "barred@mail.example", reason="hard bounce", by=COMMAND_LINE, now=NOW)
    numbers = queue(cast.ada, cast.bo, cast.cy, gone, nobody, frozen, barred)
    with store.transaction():
        store.run("DELETE FROM contact WHERE id = :id", id=gone)
    assert limits.admit(store, now=NOW) == 7
    assert outcomes(store, numbers) == [
        ("admitted", None), ("skipped", "unsubscribed"), ("skipped", "no_consent"), ("skipped", "erased"),
        ("skipped", "no_address"), ("skipped", "restricted"), ("skipped", "suppressed")]
    assert skip_events(store) == [(who, "hello", reason) for who, (_, reason) in zip(
        (cast.bo, cast.cy, gone, nobody, frozen, barred), outcomes(store, numbers[1:]), strict=True)]
    assert {reason for _, _, reason in skip_events(store)} <= limits.REASONS.keys()


def test_who_left_through_the_link_is_unsubscribed_not_merely_suppressed(store: Store, cast: Cast, queue: Queue) -> None:
    consent.suppress(store, "bo@mail.example", reason="unsubscribed", by=COMMAND_LINE, now=NOW)
    numbers = queue(cast.bo) + queue(cast.bo, message_class="transactional")
    limits.admit(store, now=NOW)
    assert outcomes(store, numbers) == [("skipped", "unsubscribed"), ("admitted", None)], "what they ordered still comes"


def test_a_topic_that_was_refused_is_not_mailed(store: Store, cast: Cast, queue: Queue) -> None:
    with store.transaction():
        consent.record(store, [cast.ada], "email", "unsubscribed", topic="news", basis="test", source="test", by=COMMAND_LINE,
                       now=NOW - 50)
    numbers = queue(cast.ada, topic="news") + queue(cast.ada, topic="offers")
    limits.admit(store, now=NOW)
    assert outcomes(store, numbers) == [("skipped", "unsubscribed"), ("admitted", None)]


def test_transactional_mail_needs_no_consent_and_fills_no_cap_but_is_suppressed(store: Store, cast: Cast, queue: Queue) -> None:
    barred = contact(store, "barred@mail.example")
    consent.suppress(store, "barred@mail.example", reason="hard bounce", by=COMMAND_LINE, now=NOW)
    people = (cast.ada, cast.ada, cast.ada, cast.ada, cast.cy, barred)
    numbers = [queue(who, message_class="transactional")[0] for who in people]
    (marketing,) = queue(cast.ada)
    limits.admit(store, now=NOW)
    assert outcomes(store, numbers) == [("admitted", None)] * 5 + [("skipped", "suppressed")]
    assert outcomes(store, [marketing]) == [("admitted", None)]


def test_marketing_waits_while_sales_is_calling_and_leaves_afterwards(store: Store, cast: Cast, queue: Queue) -> None:
    before = queue(cast.ada)
    limits.admit(store, now=NOW)
    with store.transaction():
        contacts.hold(store, cast.ada, NOW + DAY, now=NOW)
        store.insert_many("picked", [{"id": before[0]}])
        assert limits.recheck(store, now=NOW) == 0  # admitted before the hold: back into the queue, not skipped
    assert outcomes(store, before) == [("queued", "held")] and messages.get(store, before[0]).due_at == NOW + DAY
    assert limits.admit(store, now=NOW + DAY - 1) == 0
    assert limits.admit(store, now=NOW + DAY) == 1 and outcomes(store, before) == [("admitted", None)]


def test_the_default_cap_spaces_by_delay_and_skips_the_fourth_in_a_week(store: Store, cast: Cast, queue: Queue) -> None:
    first, second = queue(cast.ada, cast.ada)
    limits.admit(store, now=NOW)
    assert outcomes(store, [first, second]) == [("admitted", None), ("queued", "capped")]
    assert messages.get(store, second).due_at == NOW + 16 * HOUR
    assert limits.admit(store, now=NOW + 16 * HOUR - 1) == 0
    assert limits.admit(store, now=NOW + 16 * HOUR) == 1
    (third,) = queue(cast.ada, now=NOW + 2 * DAY)
    limits.admit(store, now=NOW + 2 * DAY)
    (fourth,) = queue(cast.ada, now=NOW + 4 * DAY)
    limits.admit(store, now=NOW + 4 * DAY)
    assert outcomes(store, [third, fourth]) == [("admitted", None), ("skipped", "capped")]
    (fifth,) = queue(cast.ada, now=NOW + 7 * DAY + 1)
    limits.admit(store, now=NOW + 7 * DAY + 1)
    assert outcomes(store, [fifth]) == [("admitted", None)]


def test_caps_can_be_switched_off(store: Store, cast: Cast, queue: Queue) -> None:
    access.set_setting(store, "caps", [])
    numbers = [queue(cast.ada)[0] for _ in range(6)]
    assert limits.admit(store, now=NOW) == 6
    assert set(outcomes(store, numbers)) == {("admitted", None)}


def test_the_more_important_message_goes_first_even_from_a_later_chunk(store: Store, cast: Cast, queue: Queue) -> None:
    access.set_setting(store, "caps", [{"n": 1, "per": "1d"}])
    low = queue(cast.ada, priority=0) + queue(cast.ada, priority=0)
    (high,) = queue(cast.ada, priority=5)
    limits.admit(store, now=NOW, chunk=1)
    assert outcomes(store, [*low, high]) == [("skipped", "capped"), ("skipped", "capped"), ("admitted", None)]


def test_a_message_that_would_be_delayed_beyond_a_week_is_skipped(store: Store, cast: Cast, queue: Queue) -> None:
    access.set_setting(store, "caps", [{"n": 1, "per": "9d", "action": "delay"}])
    numbers = queue(cast.ada, cast.ada)
    limits.admit(store, now=NOW)
    assert outcomes(store, numbers) == [("admitted", None), ("skipped", "capped")]


def test_what_may_have_gone_out_fills_a_cap_and_what_failed_does_not(store: Store, cast: Cast, queue: Queue) -> None:
    access.set_setting(store, "caps", [{"n": 1, "per": "1d"}])
    for status, expected in (("unknown", "skipped"), ("failed", "admitted")):
        (before,) = queue(cast.ada)
        with store.transaction():
            store.run("DELETE FROM message WHERE id <> :id", id=before)
            store.run("UPDATE message SET status = :status, claimed_at = :now", status=status, now=NOW)
        (after,) = queue(cast.ada, now=NOW + HOUR)
        limits.admit(store, now=NOW + HOUR)
        assert messages.get(store, after).status == expected


def test_messages_wait_until_they_are_due(store: Store, cast: Cast, queue: Queue) -> None:
    (number,) = queue(cast.ada, now=NOW + 10)
    assert limits.admit(store, now=NOW) == 0 and messages.get(store, number).status == "queued"


def test_a_second_look_catches_who_left_in_between(store: Store, cast: Cast, queue: Queue) -> None:
    numbers = queue(cast.ada)
    limits.admit(store, now=NOW)
    with store.transaction():
        consent.record(store, [cast.ada], "email", "unsubscribed", basis="test", source="test", by=COMMAND_LINE, now=NOW + 1)
        store.run("DELETE FROM picked")
        store.run("INSERT INTO picked (id, contact_id) VALUES (:id, :who)", id=numbers[0], who=cast.ada)
        assert limits.recheck(store, now=NOW + 2) == 1
    assert outcomes(store, numbers) == [("skipped", "unsubscribed")] and len(skip_events(store)) == 1


@pytest.mark.parametrize("wrong", [
    {}, [1], [{"n": 1}], [{"n": -1, "per": "1d"}], [{"n": True, "per": "1d"}], [{"n": 1, "per": "soon"}],
    [{"n": 1, "per": "0s"}], [{"n": 1, "per": "1d", "action": "drop"}], [{"n": 1, "per": "1d", "channels": "email"}],
    [{"n": 0, "per": "1d", "action": "delay"}], [{"n": 1, "per": "1d", "chanels": []}],
])
def test_a_wrong_cap_is_refused(wrong: object) -> None:
    with pytest.raises(BadInput):
        parse_caps(wrong)


CAPS = st.lists(st.builds(Cap, st.integers(1, 4), st.sampled_from([HOUR, 5 * HOUR, DAY]), st.just(()),
                          st.sampled_from(["skip", "delay"])), min_size=1, max_size=3)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CAPS, st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3 * HOUR), st.integers(0, 2)), max_size=25))
def test_no_window_ever_holds_more_than_its_cap(caps: list[Cap], sends: list[tuple[int, int, int]]) -> None:
    """Whatever is queued when and however important: what was admitted obeys each cap, and nothing is left undecided."""
    store = open_memory()
    access.set_setting(store, "caps", [{"n": cap.n, "per": f"{cap.per_s}s", "action": cap.action} for cap in caps])
    people = [contact(store, f"p{number}@mail.example") for number in range(3)]
    template = templates.save(store, "hello", html=HTML, subject="Hi", by=COMMAND_LINE, now=NOW)
    at = NOW
    for who, gap, priority in sends:
        at += gap
        with store.transaction():
            store.insert_many("message", [{"contact_id": people[who], "channel": "email", "template_id": template.id,
                                           "priority": priority, "status": "queued", "created_at": at, "due_at": at}])
        limits.admit(store, now=at, chunk=2)
    while due := store.one("SELECT MIN(m.due_at) FROM message m WHERE m.status = 'queued'"):
        limits.admit(store, now=max(at, due))
        at = max(at, due)
    for person in people:
        times = [row[0] for row in store.rows("SELECT m.admitted_at FROM message m WHERE m.contact_id = :id "
                                              "AND m.status = 'admitted' ORDER BY 1", id=person)]
        for cap in caps:
            assert all(sum(time - cap.per_s < other <= time for other in times) <= cap.n for time in times)
    assert set(messages.counts(store)) <= {"admitted", "skipped"}
    store.close()
