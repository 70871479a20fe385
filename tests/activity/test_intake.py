"""From the inbox to events: in order, once, by the right clock, for the right person."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.access import RUNNER
from engine.activity import inbox
from engine.activity.events import insert_events, last_id
from engine.activity.inbox import Item
from engine.activity.intake import refusals, take
from engine.people import contacts
from engine.schema import open_memory, open_store
from engine.store import Store
from tests.conftest import NOW


def track(key: str, event: str = "purchase", **payload: object) -> Item:
    return Item("track", key, {"email": "ada@example.com", "event": event, "occurred_at": NOW - 60} | payload)


def person(store: Store, email: str = "ada@example.com") -> int:
    with store.transaction():
        store.run("INSERT INTO contact (email, hash31, created_at, updated_at) VALUES (:email, 1, 0, 0)", email=email)
        made = int(store.one("SELECT MAX(id) FROM contact"))
        store.insert_many("identifier", [{"kind": "email", "value": email, "contact_id": made}])
    return made


def test_events_keep_the_order_in_which_they_arrived(store: Store) -> None:
    ada = person(store)
    inbox.put(store, [track("b", occurred_at=NOW - 5), track("a", occurred_at=NOW - 50)], now=NOW)
    inbox.put(store, [track("c", "page_view", props={"url": "https://example.com/Pricing?x=1"})], now=NOW)
    assert take(store, now=NOW, chunk=2) == 3
    rows = store.rows("SELECT dedupe_key, contact_id, object, occurred_at, received_at FROM event ORDER BY id")
    assert rows == [("b", ada, None, NOW - 5, NOW), ("a", ada, None, NOW - 50, NOW), ("c", ada, "/pricing", NOW - 60, NOW)]
    assert inbox.count(store) == 0 and last_id(store) == 3


def test_a_key_that_came_before_is_passed_over(store: Store) -> None:
    person(store)
    inbox.put(store, [track("k"), track("k"), track("l")], now=NOW)
    assert take(store, now=NOW) == 2
    inbox.put(store, [track("k", "something else")], now=NOW)
    assert take(store, now=NOW) == 0 and inbox.count(store) == 0


def test_text_that_a_database_refuses_is_cleaned(store: Store) -> None:
    person(store)
    props = {"a\x00b": "c\x00d", "half": "\ud83d", "emoji": "\U0001f600", "nan": float("nan"), "literal": "\\u0000"}
    inbox.put(store, [track("k", props=props, object="x\x00y")], now=NOW)
    assert take(store, now=NOW) == 1
    found = json.loads(store.one("SELECT props FROM event"))
    assert found["ab"] == "cd" and found["emoji"] == "\U0001f600" and found["nan"] is None and found["literal"] == "\\u0000"


# ------------------------------------------------------------ who


def identify(key: str, **payload: object) -> Item:
    return Item("identify", key, {"traits": {}} | payload)


def emails(store: Store) -> list[tuple[str | None, int]]:
    return [tuple(row) for row in store.rows("SELECT c.email, c.anonymous FROM contact c ORDER BY c.id")]


def test_an_event_makes_the_contact_that_it_names(store: Store) -> None:
    inbox.put(store, [track("a", email="New@Example.com"), track("b", email=None, external_id="u1"),
                      track("c", email=None, anonymous_id="cookie"), track("d", email="new@example.com")], now=NOW)
    assert take(store, now=NOW) == 4
    assert emails(store) == [("new@example.com", 0), (None, 0), (None, 1)]
    assert store.rows("SELECT dedupe_key FROM event WHERE contact_id = (SELECT contact_id FROM event WHERE dedupe_key = 'a')"
                      " ORDER BY id") == [("a",), ("d",)]


def test_history_before_identification_counts_and_keeps_its_ids(store: Store) -> None:
    inbox.put(store, [track("a", email=None, anonymous_id="cookie"), track("b", email=None, anonymous_id="other")], now=NOW)
    take(store, now=NOW)
    first = store.one("SELECT id FROM event WHERE dedupe_key = 'a'")
    inbox.put(store, [identify("i", external_id="u1", email="ada@example.com", anonymous_id="cookie",
                               traits={"first_name": "Ada", "plan": "pro", "age": 31}),
                      track("c", email=None, anonymous_id="cookie")], now=NOW + 5)
    assert take(store, now=NOW + 5) == 1
    ada = contacts.get(store, "u1")
    assert (ada.email, ada.first_name, ada.anonymous) == ("ada@example.com", "Ada", False)
    assert ada.fields == {"plan": "pro", "age": 31}
    assert store.rows("SELECT id, dedupe_key FROM event WHERE contact_id = :ada ORDER BY id", ada=ada.id) == [
        (first, "a"), (first + 2, f"visitor_named:{ada.id}:{first}"), (first + 3, "c")]
    assert emails(store).count((None, 1)) == 1  # the other visitor stays a visitor


def test_events_of_a_chunk_belong_to_whom_a_later_item_of_it_names(store: Store) -> None:
    inbox.put(store, [track("a", email=None, anonymous_id="cookie"),
                      identify("i", email="ada@example.com", anonymous_id="cookie")], now=NOW)
    take(store, now=NOW)
    assert emails(store) == [("ada@example.com", 0)]
    assert store.one("SELECT contact_id FROM event") == contacts.find(store, "ada@example.com")


def test_a_second_person_at_the_same_browser_stays_another_person(store: Store) -> None:
    for n, email in enumerate(["ada@example.com", "bo@example.com"]):
        inbox.put(store, [identify(f"i{n}", email=email, anonymous_id="cookie")], now=NOW)
        take(store, now=NOW)
    assert emails(store) == [("ada@example.com", 0), ("bo@example.com", 0)]


@pytest.mark.parametrize("chunk", [1, 100])
def test_an_alias_joins_the_visitor(store: Store, chunk: int) -> None:
    inbox.put(store, [track("a", email=None, anonymous_id="cookie"),
                      Item("alias", "x", {"external_id": "u1", "previous": "cookie"}),
                      track("b", email=None, external_id="u1")], now=NOW)
    assert take(store, now=NOW, chunk=chunk) == 2
    assert emails(store) == [(None, 0)]
    assert store.one("SELECT COUNT(DISTINCT contact_id) FROM event") == 1


def test_an_alias_joins_an_address_and_an_id_but_never_two_of_a_kind(store: Store) -> None:
    inbox.put(store, [track("a", email="jen@example.com"), track("b", email=None, external_id="u1"),
                      Item("alias", "x", {"external_id": "u1", "previous": "Jen@example.com"}),
                      track("c", email="cy@example.com"),
                      Item("alias", "y", {"external_id": "u1", "previous": "cy@example.com"}),
                      Item("alias", "z", {"external_id": "u9", "previous": "cy@example.com"})], now=NOW)
    take(store, now=NOW)
    jen = contacts.get(store, "u1")
    assert jen.email == "jen@example.com" and contacts.get(store, "u9").email == "cy@example.com"
    assert "by hand" in refusals(store)["reason"][0]


def test_an_event_follows_its_contact_through_a_merge(store: Store) -> None:
    inbox.put(store, [track("a"), track("b", email="bo@example.com")], now=NOW)
    take(store, now=NOW)
    ada, bo = contacts.find(store, "ada@example.com"), contacts.find(store, "bo@example.com")
    contacts.merge(store, ada, bo, by=RUNNER, now=NOW)
    inbox.put(store, [Item("track", "c", {"contact_id": bo, "event": "email_sent"})], now=NOW)
    assert take(store, now=NOW) == 1
    assert store.one("SELECT contact_id FROM event WHERE dedupe_key = 'c'") == ada


def test_what_can_not_be_used_is_kept_aside_and_the_rest_goes_on(store: Store) -> None:
    bad = [track("1", email="no address"), track("2", event=" "), track("3", contact_id=99),
           Item("track", "4", {"event": "x"}), Item("track", "5", {"message_id": 5, "event": "x"}),
           track("6", occurred_at="yesterday"), track("7", props=[1]), track("8", contact_id=1 << 70), Item("dance", "9", {}),
           track("10", value_minor="x"), track("11", email="a@"), track("13", verdict="maybe"),
           identify("12", email="cy@example.com", account="a" * 400)]
    inbox.put(store, [*bad, track("good")], now=NOW)
    assert take(store, now=NOW) == 1 and inbox.count(store) == 0
    assert store.rows("SELECT dedupe_key FROM event") == [("good",)]
    assert len(refusals(store)) == len(bad) and all(refusals(store)["reason"])


def test_an_item_that_breaks_the_intake_holds_up_only_itself(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaking(store: Store, rows: list[dict[str, object]]) -> int:
        if any(row["dedupe_key"] == "bad" for row in rows):
            raise ValueError("odd")
        return insert_events(store, rows)

    monkeypatch.setattr("engine.activity.intake.insert_events", breaking)
    inbox.put(store, [track(key) for key in ("a", "b", "bad", "c", "d")], now=NOW)
    assert take(store, now=NOW) == 4
    assert store.rows("SELECT dedupe_key FROM event ORDER BY id") == [("a",), ("b",), ("c",), ("d",)]
    assert refusals(store)["reason"][0] == "fault: odd"


def test_bad_traits_are_dropped_and_the_good_ones_kept(store: Store) -> None:
    inbox.put(store, [identify("a", email="ada@example.com", traits={"age": 31, "since": "2026-01-05", "vip": True}),
                      identify("b", email="ada@example.com", account="Acme",
                               traits={"age": "many", "vip": False, "time_zone": "Mars", "geo": {"lat": 1}})], now=NOW)
    take(store, now=NOW)
    ada = contacts.get(store, "ada@example.com")
    assert ada.fields == {"age": 31, "since": "2026-01-05", "vip": False} and ada.account == "Acme"
    assert len(refusals(store)) == 3


def test_a_website_makes_so_many_fields_and_no_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.activity.traits.MOST_MADE", 3)
    inbox.put(store, [identify("a", email="ada@example.com", traits={f"fact {n}": n for n in range(5)})], now=NOW)
    take(store, now=NOW)
    assert contacts.get(store, "ada@example.com").fields == {"fact 0": 0, "fact 1": 1, "fact 2": 2}
    assert len(refusals(store)) == 2


# ------------------------------------------------------------ once


def test_an_intake_killed_between_its_two_files_repeats_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox.put(store, [identify("i", email="ada@example.com", traits={"plan": "pro"}), track("a"), track("b")], now=NOW)
    with monkeypatch.context() as patch:
        patch.setattr("engine.activity.inbox.discard", lambda *_: (_ for _ in ()).throw(RuntimeError("killed")))
        with pytest.raises(RuntimeError):
            take(store, now=NOW)
    if store.backend == "sqlite":  # events and watermark are in; the rows still lie in the other file
        contacts.save(store, {"email": "ada@example.com", "plan": "free"}, by=RUNNER, now=NOW, source="hand")
        assert last_id(store) == 2 and inbox.count(store) == 3
    inbox.put(store, [track("c")], now=NOW)
    assert take(store, now=NOW) == (1 if store.backend == "sqlite" else 3)
    assert store.rows("SELECT dedupe_key FROM event ORDER BY id") == [("a",), ("b",), ("c",)] and inbox.count(store) == 0
    assert contacts.get(store, "ada@example.com").fields["plan"] == ("free" if store.backend == "sqlite" else "pro")


def test_an_inbox_put_in_the_place_of_another_is_taken_whole(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    for keys in ("abc", "de"):
        store = open_store(url, create=True)
        inbox.put(store, [track(key) for key in keys], now=NOW)
        assert take(store, now=NOW) == len(keys)
        store.close()
        for file in tmp_path.glob("a.db-inbox*"):
            file.unlink()


def test_only_one_takes_in_at_a_time(store: Store) -> None:
    inbox.put(store, [track("a")], now=NOW)
    with store.lock("intake") as mine:
        assert mine and take(store, now=NOW) == 0
    assert take(store, now=NOW) == 1


KEYS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["ada", "bo", "cy"])), max_size=20)


@settings(max_examples=25, deadline=None)
@given(arrivals=st.lists(KEYS, max_size=4), chunk=st.integers(1, 7))
def test_each_key_once_in_the_order_of_first_arrival(arrivals: list[list[tuple[str, str]]], chunk: int) -> None:
    store = open_memory()
    for batch in arrivals:
        inbox.put(store, [track(key, email=f"{who}@example.com") for key, who in batch], now=NOW)
        take(store, now=NOW, chunk=chunk)
    flat = [key for batch in arrivals for key, _ in batch]
    assert [row[0] for row in store.rows("SELECT dedupe_key FROM event ORDER BY id")] == list(dict.fromkeys(flat))
    store.close()


class Killed(BaseException):
    """The process dies here."""


class Fatal:
    """Lets so many statements through, then kills."""

    def __init__(self, most: int) -> None:
        self.left = most

    def __call__(self, _: str) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed


def test_an_intake_that_dies_at_any_statement_loses_and_repeats_nothing(store: Store) -> None:
    """Each statement of both stores is once the last one; what lies on disk then is what the next intake meets."""
    keys, most, survived = list[str](), 0, False
    while not survived:
        batch = [f"{most}-{n}" for n in range(3)]
        inbox.put(store, [*(track(key, email=None, anonymous_id=f"visitor {most}") for key in batch),
                          identify(f"{most}", external_id=f"u{most}", anonymous_id=f"visitor {most}")], now=NOW)
        keys += batch
        survived = survives(store, most)
        take(store, now=NOW)
        most += 1
        assert [row[0] for row in store.rows("SELECT dedupe_key FROM event ORDER BY id")] == keys
        assert inbox.count(store) == 0
        assert store.row("SELECT COUNT(*), SUM(c.anonymous) FROM contact c") == (most, 0)
    assert most > 20


def survives(store: Store, most: int) -> bool:
    store.on_statement = store.inbox.on_statement = Fatal(most)
    try:
        take(store, now=NOW)
    except Killed:
        return False
    finally:
        store.on_statement = store.inbox.on_statement = None
    return True
