"""What the runner does once a day, and erasing what lies about unread."""

from __future__ import annotations

from engine.access import COMMAND_LINE
from engine.activity import inbox, intake
from engine.activity.inbox import Item
from engine.config import Config
from engine.people import contacts
from engine.service import chores, privacy
from engine.store import Store
from tests.conftest import NOW

CONFIG = Config(secret=b"x")
DAY = 86_400


def save(store: Store, now: int = NOW, **values: object) -> int:
    return contacts.save(store, values, by=COMMAND_LINE, now=now, source="test").id


def test_what_is_past_its_days_goes_once_a_day_when_that_is_switched_on(store: Store) -> None:
    privacy.keep_for(store, "silent_contacts", 30, by=COMMAND_LINE, now=NOW)
    save(store, now=NOW - 40 * DAY, email="old@x.test")
    assert chores.run_due(store, CONFIG, now=NOW).swept is None and contacts.find(store, "old@x.test")
    privacy.switch_automatic(store, True, by=COMMAND_LINE, now=NOW)
    (swept,) = chores.run_due(store, CONFIG, now=NOW).swept or []
    assert (swept.kind, swept.count) == ("silent_contacts", 1) and contacts.find(store, "old@x.test") is None
    assert privacy.automatic(store) == privacy.Automatic(True, NOW, {"silent_contacts": 1})
    save(store, now=NOW - 40 * DAY, email="older@x.test")
    assert chores.run_due(store, CONFIG, now=NOW + DAY - 1).swept is None, "not twice on one day"
    assert chores.run_due(store, CONFIG, now=NOW + DAY).swept and contacts.find(store, "older@x.test") is None


def test_only_one_process_does_the_chores(store: Store) -> None:
    with store.lock("chores") as free:
        assert free and chores.run_due(store, CONFIG, now=NOW).lapsed is None
    assert chores.run_due(store, CONFIG, now=NOW).lapsed is not None


def test_erasing_reaches_what_was_not_read_and_what_could_not_be_used(store: Store) -> None:
    ada, bo = save(store, email="ada@x.test", external_id="42"), save(store, email="bo@x.test", external_id="7")
    inbox.put(store, [
        Item("refused", "r1", {"reason": "odd", "item": {"user": {"mail": "<ADA@x.test>"}}}),
        Item("refused", "r2", {"reason": "odd", "item": {"userId": "42", "age": 7}}),
        Item("refused", "r3", {"reason": "odd", "item": {"userId": "7", "age": 42}})], now=NOW)
    intake.take(store, now=NOW)
    inbox.put(store, [
        Item("track", "t1", {"contact_id": ada, "event": "x"}), Item("track", "t2", {"contact_id": bo, "event": "x"}),
        Item("identify", "t3", {"external_id": "42", "traits": {}}), Item("track", "t4", {"email": "Ada@X.test", "event": "x"}),
        Item("track", "t5", {"email": "bo@x.test", "event": "x", "props": {"pages": 42}})], now=NOW)
    done = privacy.erase(store, ada, by=COMMAND_LINE, now=NOW)
    assert (done.deleted["inbox"], done.deleted["refusal"]) == (3, 2)
    assert [one.dedupe_key for one in inbox.read(store, after=0, limit=9)] == ["t2", "t5"]
    assert [row[0] for row in store.rows("SELECT r.dedupe_key FROM refusal r")] == ["r3"]
    intake.take(store, now=NOW)
    assert contacts.find(store, "ada@x.test") is None and contacts.find(store, "42") is None
