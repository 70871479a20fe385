"""Nobody without a word of their own is written to; the newest word counts; an address on the list stays there."""

from __future__ import annotations

import pytest

from engine.access import COMMAND_LINE, Actor
from engine.errors import BadInput, Forbidden
from engine.people import consent, contacts
from engine.sql import sql
from engine.store import Store

from ..conftest import NOW


@pytest.fixture
def ada(store: Store) -> int:
    return contacts.save(store, {"email": "ada@x.test", "phone": "+49 170 1234567"}, by=COMMAND_LINE, now=NOW,
                         source="test").id


def say(store: Store, who: int, status: str, *, topic: str = "", now: int = NOW, channel: str = "email") -> None:
    with store.transaction():
        consent.record(store, [who], channel, status, topic=topic, basis="form", source="test", by=COMMAND_LINE, now=now)


def may(store: Store, who: int, topic: str = "", channel: str = "email") -> bool:
    return bool(store.one(sql("SELECT CASE WHEN {allowed} AND NOT {listed} THEN 1 ELSE 0 END FROM contact c WHERE c.id = :who",
                              allowed=consent.allowed(sql("c.id"), channel, sql(":topic", topic=topic)),
                              listed=consent.suppressed(sql("c.id"), channel, sql(":topic", topic=topic))), who=who))


def test_without_a_word_nobody_is_written_to(store: Store, ada: int) -> None:
    assert not may(store, ada) and consent.state(store, ada, "email") is None
    say(store, ada, "subscribed", topic="news")
    assert not may(store, ada, "news")  # the channel as a whole was never agreed to


def test_the_newest_word_counts(store: Store, ada: int) -> None:
    say(store, ada, "subscribed")
    assert may(store, ada) and may(store, ada, "news") and not may(store, ada, channel="sms")
    say(store, ada, "unsubscribed")  # in the same second: the later row
    assert not may(store, ada)
    say(store, ada, "subscribed", now=NOW - 100)  # an older word that arrives late
    assert not may(store, ada) and consent.state(store, ada, "email", at=NOW - 50) == "subscribed"
    say(store, ada, "subscribed", now=NOW + 1)
    assert may(store, ada)


@pytest.mark.parametrize("status", ["unsubscribed", "pending", "bounced", "complained"])
def test_a_refused_topic_closes_that_topic_only(store: Store, ada: int, status: str) -> None:
    say(store, ada, "subscribed")
    say(store, ada, status, topic="news")
    assert not may(store, ada, "news") and may(store, ada, "offers") and may(store, ada)
    say(store, ada, status, now=NOW + 1)
    assert not may(store, ada)


def test_a_word_marks_the_contact_for_the_watch(store: Store, ada: int) -> None:
    with store.transaction():
        store.run("DELETE FROM dirty_contact")
    say(store, ada, "subscribed")
    assert store.rows("SELECT contact_id FROM dirty_contact") == [(ada,)]


def test_only_known_channels_and_words(store: Store, ada: int) -> None:
    for channel, status in (("fax", "subscribed"), ("email", "maybe")):
        with pytest.raises(BadInput):
            say(store, ada, status, channel=channel)
    assert store.one("SELECT COUNT(*) FROM consent") == 0


@pytest.mark.parametrize(("before", "file", "after", "recorded", "kept"), [
    (None, "subscribed", "subscribed", 1, 0), ("subscribed", "subscribed", "subscribed", 0, 0),
    ("unsubscribed", "subscribed", "unsubscribed", 0, 1), ("bounced", "subscribed", "bounced", 0, 1),
    ("complained", "pending", "complained", 0, 1), ("subscribed", "unsubscribed", "unsubscribed", 1, 0),
    ("subscribed", "pending", "subscribed", 0, 0), ("pending", "subscribed", "subscribed", 1, 0),
    ("unsubscribed", "complained", "complained", 1, 0),
])
def test_a_file_never_takes_a_refusal_back(store: Store, ada: int, before: str | None, file: str, after: str,
                                           recorded: int, kept: int) -> None:
    if before:
        say(store, ada, before)
    with store.transaction():
        done = consent.record_imported(store, {ada: file}, "email", source="f.csv", by=COMMAND_LINE, now=NOW + 5)
    assert (len(done.recorded), done.kept, done.suppressed) == (recorded, kept, 0)
    assert consent.state(store, ada, "email") == after


def test_a_file_never_takes_an_address_off_the_list(store: Store, ada: int) -> None:
    consent.suppress(store, "ada@x.test", reason="asked", by=COMMAND_LINE, now=NOW)
    with store.transaction():
        done = consent.record_imported(store, {ada: "subscribed"}, "email", source="f.csv", by=COMMAND_LINE, now=NOW)
    assert done == consent.Imported((), 0, 1) and not may(store, ada)


def test_an_address_on_the_list_is_never_written_to(store: Store, ada: int) -> None:
    say(store, ada, "subscribed")
    assert consent.suppress(store, " ADA@X.test", reason="asked", by=COMMAND_LINE, now=NOW)
    assert not consent.suppress(store, "ada@x.test", reason="again", by=COMMAND_LINE, now=NOW)
    assert not may(store, ada) and consent.is_suppressed(store, "Ada@x.test")
    assert "ada@" not in str(store.rows("SELECT * FROM suppression"))
    contacts.save(store, {"contact_id": ada, "email": "ada@new.test"}, by=COMMAND_LINE, now=NOW, source="test")
    assert may(store, ada)  # it was the address, and she has another one now


def test_levels_of_the_list(store: Store, ada: int) -> None:
    say(store, ada, "subscribed")
    say(store, ada, "subscribed", channel="sms")
    consent.suppress(store, "ada@x.test", level="topic", topic="news", reason="x", by=COMMAND_LINE, now=NOW)
    assert not may(store, ada, "news") and may(store, ada, "offers") and may(store, ada)
    assert may(store, ada, channel="sms")
    consent.suppress(store, "ada@x.test", level="global", reason="x", by=COMMAND_LINE, now=NOW)
    assert not may(store, ada) and not may(store, ada, channel="sms")
    consent.release(store, "ada@x.test", level="global", by=COMMAND_LINE, now=NOW)
    consent.suppress(store, "0049 (170) 1234567", level="channel", channel="sms", reason="x", by=COMMAND_LINE, now=NOW)
    assert not may(store, ada, channel="sms") and may(store, ada)
    for bad in ({"level": "village"}, {"channel": "fax"}, {"level": "topic"}):
        with pytest.raises(BadInput):
            consent.suppress(store, "b@x.test", reason="x", by=COMMAND_LINE, now=NOW, **bad)


def test_releasing_needs_an_admin_and_is_audited(store: Store, ada: int) -> None:
    say(store, ada, "subscribed")
    consent.suppress(store, "ada@x.test", reason="x", by=COMMAND_LINE, now=NOW)
    with pytest.raises(Forbidden):
        consent.release(store, "ada@x.test", by=Actor("Max", "marketer"), now=NOW)
    assert consent.release(store, "ada@x.test", by=COMMAND_LINE, now=NOW) and may(store, ada)
    assert not consent.release(store, "ada@x.test", by=COMMAND_LINE, now=NOW)
    assert store.one("SELECT COUNT(*) FROM audit WHERE action = 'suppression released'") == 1
    assert consent.suppress(store, "ada@x.test", reason="y", by=COMMAND_LINE, now=NOW) and not may(store, ada)
