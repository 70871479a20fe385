"""The watch: membership stays equal to asking everybody, and every entering and leaving is written down once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.access import COMMAND_LINE
from engine.activity import events
from engine.audience import comparing, segments, watch
from engine.errors import Invalid
from engine.people import contacts
from engine.store import Store
from tests.conftest import NOW

DAY = 86_400
VISITED = {"event": "page_view", "where": {"object": "/pricing"}, "within": "7d"}


def make(store: Store, *emails: str, **values: Any) -> list[int]:
    rows = [{"email": email, **values} for email in emails]
    with store.transaction():
        return [saved.id for saved in contacts.upsert_many(store, rows, now=NOW, source="test")]


def did(store: Store, contact_id: int, name: str, at: int, thing: str | None = None, *, now: int = NOW, **more: Any) -> None:
    with store.transaction():
        key = f"{contact_id}-{name}-{at}-{events.last_id(store)}"
        events.insert_events(store, [{"contact_id": contact_id, "name": name, "object": thing, "occurred_at": at,
                                      "received_at": now, "props": "{}", "dedupe_key": key, "source": "test"} | more])


def look(store: Store, now: int = NOW) -> watch.Tally:
    return watch.refresh(store, now=now, upto=events.last_id(store))


def inside(store: Store, name: str) -> set[int]:
    return {row[0] for row in store.rows("SELECT m.contact_id FROM segment_member m JOIN segment s ON s.id = m.segment_id "
                                         "WHERE s.name = :name", name=name)}


def told(store: Store) -> list[tuple[str, int]]:
    return [(row[0], row[1]) for row in store.rows("SELECT e.name, e.contact_id FROM event e WHERE e.name LIKE 'segment%' "
                                                   "ORDER BY e.id")]


def save(store: Store, name: str, rule: Any, now: int = NOW) -> segments.Segment:
    return segments.save(store, name, rule, by=COMMAND_LINE, now=now)


def test_a_new_segment_is_filled_at_once_and_wakes_nothing(store: Store) -> None:
    ada, bo = make(store, "ada@example.com", "bo@example.com")
    did(store, ada, "page_view", NOW - 5, "/pricing")
    found = save(store, "Hot", VISITED)
    assert (found.members, found.version, found.refreshed_at) == (1, 1, NOW)
    assert inside(store, "Hot") == {ada}
    assert told(store) == [] and [one.change for one in segments.history(store, ada)] == ["entered"]
    assert bo not in inside(store, "Hot")


def test_an_event_lets_a_contact_in_and_time_lets_it_out(store: Store) -> None:
    ada, _ = make(store, "ada@example.com", "bo@example.com")
    save(store, "Hot", VISITED)
    look(store)
    did(store, ada, "page_view", NOW, "/pricing")
    assert (look(store).entered, inside(store, "Hot")) == (1, {ada})
    assert look(store).changed == 0
    assert look(store, NOW + 7 * DAY - 1).left == 0
    tally = look(store, NOW + 7 * DAY)
    assert (tally.left, tally.full, inside(store, "Hot")) == (1, 0, set())
    assert told(store) == [("segment_entered", ada), ("segment_left", ada)]
    assert [one.change for one in segments.history(store, ada)] == ["left", "entered"]


def test_late_and_future_events_count_when_their_time_comes(store: Store) -> None:
    ada, bo = make(store, "ada@example.com", "bo@example.com")
    save(store, "Hot", VISITED)
    look(store)
    did(store, ada, "page_view", NOW - 7 * DAY + 10, "/pricing")
    did(store, bo, "page_view", NOW + 100, "/pricing")
    look(store)
    assert inside(store, "Hot") == {ada}
    look(store, NOW + 50)
    assert inside(store, "Hot") == set()
    look(store, NOW + 100)
    assert inside(store, "Hot") == {bo}


def test_edits_tags_and_new_contacts_are_noticed(store: Store) -> None:
    (ada,) = make(store, "ada@example.com", stage="lead")
    save(store, "Leads", {"all": [{"stage": "lead"}, {"not": {"tag": "vip"}}]})
    look(store)
    (bo,) = make(store, "bo@example.com", stage="lead")
    assert look(store).entered == 1
    with store.transaction():
        contacts.add_tags(store, [ada], ["VIP"], now=NOW, source="test")
    assert look(store).left == 1
    contacts.save(store, {"email": "bo@example.com", "stage": "customer"}, by=COMMAND_LINE, now=NOW, source="test")
    look(store)
    assert inside(store, "Leads") == set()
    assert told(store) == [("segment_entered", bo), ("segment_left", ada), ("segment_left", bo)]


def test_segments_in_segments_follow_in_one_round(store: Store) -> None:
    (ada,) = make(store, "ada@example.com")
    save(store, "Outer", {"tag": "x"})  # made first, asks about Inner later: order is by use, not by age
    save(store, "Inner", VISITED)
    save(store, "Outer", {"any": [{"not": {"segment": "inner"}}, {"tag": "x"}]})
    look(store)
    assert inside(store, "Outer") == {ada}
    did(store, ada, "page_view", NOW, "/pricing")
    tally = look(store)
    assert (tally.entered, tally.left) == (1, 1)
    assert inside(store, "Outer") == set()


def test_a_changed_rule_is_worked_out_anew_with_those_that_ask_about_it(store: Store) -> None:
    ada, bo = make(store, "ada@example.com", "bo@example.com")
    save(store, "Inner", {"tag": "x"})
    save(store, "Outer", {"not": {"segment": "Inner"}})
    assert inside(store, "Outer") == {ada, bo}
    found = save(store, "inner", {"not": {"tag": "x"}}, now=NOW + 5)
    assert (found.version, inside(store, "inner"), inside(store, "Outer")) == (2, {ada, bo}, set())
    assert told(store) == []
    assert store.one("SELECT count(*) FROM segment_version") == 3


def test_saving_the_same_rule_again_changes_nothing(store: Store) -> None:
    before = save(store, "Hot", VISITED)
    assert save(store, "Hot", VISITED, now=NOW + 9) == before
    assert store.one("SELECT count(*) FROM audit WHERE action = 'segment saved'") == 1


def test_a_clock_that_goes_back_leads_to_a_full_round(store: Store) -> None:
    (ada,) = make(store, "ada@example.com")
    did(store, ada, "page_view", NOW, "/pricing")
    save(store, "Hot", VISITED)
    look(store, NOW + 8 * DAY)
    assert inside(store, "Hot") == set()
    assert look(store, NOW).full == 1
    assert inside(store, "Hot") == {ada}


def test_a_segment_saved_while_the_clock_was_back_is_asked_about_again(store: Store) -> None:
    (ada,) = make(store, "ada@example.com")
    did(store, ada, "page_view", NOW - 5, "/pricing")
    look(store)
    assert save(store, "Hot", VISITED, now=NOW - 10).members == 0
    look(store)
    assert inside(store, "Hot") == {ada}


def test_very_many_at_once_lead_to_a_full_round(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.audience.watch.rounds.FEW", 2)
    ids = make(store, *[f"p{at}@example.com" for at in range(5)])
    save(store, "Hot", VISITED)
    look(store)
    for who in ids[:2]:
        did(store, who, "page_view", NOW, "/pricing")
    assert (look(store).full, inside(store, "Hot")) == (0, set(ids[:2]))
    for who in ids:
        did(store, who, "page_view", NOW, "/pricing")
    assert (look(store).full, inside(store, "Hot")) == (1, set(ids))


def test_a_merge_takes_the_loser_out_and_asks_about_the_keeper(store: Store) -> None:
    ada, bo = make(store, "ada@example.com", "bo@example.com")
    save(store, "Twice", {"event": "page_view", "count": 2})
    for who in (ada, bo):
        did(store, who, "page_view", NOW)
    look(store)
    assert inside(store, "Twice") == set()
    contacts.merge(store, ada, bo, by=COMMAND_LINE, now=NOW)
    look(store)
    assert inside(store, "Twice") == {ada}


def test_a_changed_contact_on_its_way_is_told_to_journeys_once(store: Store) -> None:
    ada, bo = make(store, "ada@example.com", "bo@example.com")
    with store.transaction():
        store.insert_many("enrollment", [{"journey_id": 1, "version_id": 1, "contact_id": ada, "key": "", "props": "{}",
                                          "status": "active", "since_event": 0, "started_at": NOW, "entered_by": 0}])
        contacts.add_tags(store, [ada, bo], ["a", "b"], now=NOW, source="test")
    assert look(store).noticed == 1
    assert store.rows("SELECT contact_id FROM event WHERE name = 'contact_changed'") == [(ada,)]
    assert (look(store).noticed, store.one("SELECT count(*) FROM dirty_contact")) == (0, 0)


def test_what_became_dirty_meanwhile_is_kept_for_the_next_round(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, bo = make(store, "ada@example.com", "bo@example.com")
    save(store, "Tagged", {"tag": "a"})
    look(store)
    original = watch.refresh.__globals__["look"]

    def meddle(*args: Any, **more: Any) -> Any:
        found = original(*args, **more)
        with store.transaction():
            contacts.add_tags(store, [bo], ["a"], now=NOW, source="test")
        return found

    with store.transaction():
        contacts.add_tags(store, [ada], ["a"], now=NOW, source="test")
    monkeypatch.setitem(watch.refresh.__globals__, "look", meddle)
    look(store)
    assert inside(store, "Tagged") == {ada}
    monkeypatch.undo()
    look(store)
    assert inside(store, "Tagged") == {ada, bo}


def test_a_rule_that_names_something_gone_is_reported_and_its_members_stand(store: Store) -> None:
    (ada,) = make(store, "ada@example.com")
    with store.transaction():
        contacts.add_to_list(store, [ada], "News", now=NOW, source="test")
    save(store, "Readers", {"list": "News"})
    with store.transaction():
        store.run("DELETE FROM contact_list")
        store.run("DELETE FROM list")
        contacts.mark_dirty(store, [ada])
    assert look(store).broken == ("Readers",)
    assert inside(store, "Readers") == {ada}


def test_a_round_killed_in_between_is_finished_by_the_next(store: Store) -> None:
    (ada,) = make(store, "ada@example.com")
    for name in ("One", "Two", "Three"):
        save(store, name, {"any": [VISITED, {"segment": "One"}]} if name == "Three" else VISITED)
    look(store)
    did(store, ada, "page_view", NOW, "/pricing")

    class Killed(Exception):
        pass

    for stop in range(1, 60):
        left = stop

        def die(_: str) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Killed

        store.on_statement = die
        try:
            look(store)
        except Killed:
            continue
        finally:
            store.on_statement = None
        break
    look(store)
    assert [inside(store, name) for name in ("One", "Two", "Three")] == [{ada}] * 3
    assert sorted(told(store)) == [("segment_entered", ada)] * 3


def test_the_event_says_which_segment(store: Store) -> None:
    (ada,) = make(store, "ada@example.com")
    found = save(store, "Hot", {"tag": "hot"})
    with store.transaction():
        contacts.add_tags(store, [ada], ["hot"], now=NOW, source="test")
    look(store)
    row = store.row("SELECT e.object, e.props, e.source FROM event e WHERE e.name = 'segment_entered'")
    assert row and (row[0], json.loads(row[1]), row[2]) == (str(found.id), {"segment": "Hot"}, "watch")


def test_complaint_11_a_segment_costs_what_changed_says_what_it_takes_and_never_asks_about_itself(store: Store) -> None:
    """COMPLAINTS 11: elsewhere every segment is built anew for ten changes, and segments in segments explode."""
    crowd = make(store, *(f"c{place}@example.com" for place in range(400)), stage="lead")
    save(store, "Hot", VISITED)
    save(store, "Hot leads", {"all": [{"segment": "Hot"}, {"stage": "lead"}]})
    save(store, "Everybody else", {"not": {"segment": "Hot"}})
    look(store)
    for who in crowd[:10]:
        did(store, who, "page_view", NOW, "/pricing")
    tally = look(store)
    assert (tally.full, tally.entered, tally.left) == (0, 20, 10)
    assert tally.looked_at == 30, "ten people, once in each of the three"
    assert look(store).looked_at <= 20, "those who ask about a segment are asked about once more"
    assert look(store).looked_at == 0
    with pytest.raises(Invalid, match="ask about itself: Hot → Hot leads → Hot"):
        save(store, "Hot", {"any": [VISITED, {"segment": "Hot leads"}]})
    assert inside(store, "Hot") == set(crowd[:10])
    assert all(one.seconds is not None for one in segments.list_segments(store)), "each with the seconds it took"
    assert [one.count for one in comparing.timing(store, "Hot leads", now=NOW)] != []
