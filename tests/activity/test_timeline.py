"""What happened to a person, newest first and page by page."""

from __future__ import annotations

from engine.access import RUNNER
from engine.activity import inbox
from engine.activity.events import emit_from, insert_events
from engine.activity.inbox import Item
from engine.activity.intake import take
from engine.activity.timeline import Entry, of_event, timeline
from engine.people import consent, contacts
from engine.sql import sql
from engine.store import Store
from tests.conftest import NOW

ADA = "ada@example.com"


def arrive(store: Store, *events: tuple[str, int, dict[str, object]]) -> int:
    inbox.put(store, [Item("track", f"{name}{at}", {"email": ADA, "event": name, "occurred_at": at, **more})
                      for name, at, more in events], now=NOW)
    take(store, now=NOW)
    return int(contacts.find(store, ADA) or 0)


def test_everything_in_the_order_in_which_it_happened(store: Store) -> None:
    ada = arrive(store, ("purchase", NOW - 10, {"object": "shoes"}), ("page_view", NOW - 90, {"props": {"path": "/pricing"}}),
                 ("email_opened", NOW - 5, {"verdict": "machine"}))
    contacts.save(store, {"email": ADA, "first_name": "Ada"}, by=RUNNER, now=NOW - 50, source="hand")
    with store.transaction():
        contacts.add_tags(store, [ada], ["vip"], now=NOW - 40, source="hand")
        consent.record(store, [ada], "email", "subscribed", basis="consent", source="form", by=RUNNER, now=NOW - 30)
    assert [(one.at, one.text) for one in timeline(store, ada)] == [
        (NOW - 5, "opened a message (a machine)"), (NOW - 10, "purchase shoes"), (NOW - 30, "subscribed: email (form)"),
        (NOW - 40, "tag vip added"), (NOW - 50, "first_name: nothing → Ada"), (NOW - 90, "visited /pricing")]
    assert [one.kind for one in timeline(store, ada, kinds=frozenset({"consent"}))] == ["consent"]
    assert timeline(store, ada, limit=2)[1].detail == {"name": "purchase", "object": "shoes", "source": "api", "historic": 0}


def test_pages_join_without_a_gap_or_a_repeat_within_one_second(store: Store) -> None:
    ada = arrive(store, *((f"event {n}", NOW - n // 4, {}) for n in range(15)))
    with store.transaction():
        contacts.add_tags(store, [ada], ["a", "b", "c"], now=NOW - 1, source="hand")
    whole, pages = timeline(store, ada), list[Entry]()
    while page := timeline(store, ada, limit=4, before=pages[-1].place if pages else None):
        pages += page
    assert pages == whole and len(whole) == 18


def test_signals_of_the_engine_to_itself_are_left_out(store: Store) -> None:
    ada = arrive(store, ("purchase", NOW, {}))
    with store.transaction():
        insert_events(store, [{"contact_id": ada, "name": "contact_changed", "occurred_at": NOW, "received_at": NOW,
                               "props": "{}", "dedupe_key": "c", "source": "watch"}])
    assert [one.text for one in timeline(store, ada)] == ["purchase"]


def test_events_of_our_own_come_from_a_select_once(store: Store) -> None:
    ada = arrive(store, ("purchase", NOW, {}))
    told = emit_from(sql("""SELECT c.id AS contact_id, 'segment_entered' AS name, '7' AS object, CAST(:props AS TEXT) AS props,
        'entered:' || c.id AS dedupe_key FROM contact c ORDER BY c.id""", props='{"a": 1}'))
    for _ in range(2):
        with store.transaction():
            store.serialize("event")
            store.run(told, now=NOW + 9)
    assert store.rows("SELECT contact_id, object, occurred_at, source FROM event WHERE name = 'segment_entered'") == [
        (ada, "7", NOW + 9, "engine")]
    assert store.one("SELECT JSON_NUMBER(e.props, :key) FROM event e WHERE e.name = 'segment_entered'", key="a") == 1


def test_one_event_as_it_stands_in_the_timeline(store: Store) -> None:
    ada = arrive(store, ("purchase", NOW - 10, {"object": "shoes"}), ("page_view", NOW - 10, {"props": {"path": "/pricing"}}))
    first, second = (row[0] for row in store.rows("SELECT e.id FROM event e ORDER BY e.id"))
    assert [entry and entry.text for entry in (of_event(store, ada, one, NOW - 10) for one in (first, second, second + 1))] == [
        "purchase shoes", "visited /pricing", None]
    assert of_event(store, ada, first, NOW - 11) is None and of_event(store, ada + 1, first, NOW - 10) is None
