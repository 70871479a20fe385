"""Two contacts become one, and one is forgotten: every table that knows people is held to what the list says."""

from __future__ import annotations

import pytest

from engine.access import COMMAND_LINE, RUNNER, Actor
from engine.errors import BadInput, Conflict, Forbidden, NotFound
from engine.people import consent, contacts
from engine.schema import PERSON_TABLES
from engine.store import Store

from ..conftest import NOW


def save(store: Store, **values: object) -> int:
    return contacts.save(store, values, by=COMMAND_LINE, now=NOW, source="test").id


def fill(store: Store, contact_id: int, mark: str) -> None:
    """A row of this contact in every table that knows people."""
    with store.transaction():
        contacts.add_tags(store, [contact_id], ["both", mark], now=NOW, source="test")
        contacts.add_to_list(store, [contact_id], "both", now=NOW, source="test")
        consent.record(store, [contact_id], "email", "subscribed", basis="form", source="test", by=COMMAND_LINE, now=NOW,
                       text_shown="I agree", ip="203.0.113.9")
        message = store.new_ids("message", 1)[0]
        for table, row in {
            "event": {"name": "page_view", "occurred_at": NOW, "received_at": NOW, "props": '{"secret": 1}',
                      "dedupe_key": mark, "source": "test"},
            "buying_role": {"role": "champion", "at": NOW}, "deal_contact": {"deal_id": 1},
            "segment_member": {"segment_id": 1, "entered_at": NOW},
            "entry_moment": {"journey_id": 1, "number": 0, "key": "", "offset_s": 0, "at": NOW, "event_id": 0},
            "prediction": {"run_id": 1, "probability": 0.5, "top_share": 0.5},
            "affinity": {"topic_id": 1, "kappa": 5.0},
            "segment_change": {"segment_id": 1, "change": "entered", "at": NOW},
            "score_level": {"grp": "fit", "score": 5},
            "score_entry": {"grp": "fit", "points": 5, "reason": "r", "at": NOW},
            "stage_change": {"new": "lead", "at": NOW, "source": "test"},
            "confirmation": {"channel": "email", "topic": "", "text_shown": "Yes", "source": "form", "mails": 1,
                             "message_id": message, "asked_at": NOW, "expires_at": NOW},
            "task": {"why": "x", "route": "x", "status": "open", "created_at": NOW, "note": "a secret"},
            "privacy_request": {"kind": "access", "received_at": NOW, "due_at": NOW, "note": "a secret"},
            "errand": {"kind": "notice", "target": "owner", "holds": 0, "body": f'{{"subject": "{mark}"}}', "detail": mark,
                       "created_at": NOW, "due_at": NOW},
            "message": {"id": message, "channel": "email", "template_id": 1, "status": "queued", "address": f"{mark}@x.test",
                        "created_at": NOW, "due_at": NOW},
            "enrollment": {"id": contact_id * 10, "journey_id": 1, "version_id": 1, "props": '{"secret": 1}',
                           "since_event": 0, "started_at": NOW, "entered_by": 0},
            "token": {"id": contact_id * 640, "enrollment_id": contact_id * 10, "shard": 0, "node_id": 1, "due_at": NOW,
                      "arrived_at": NOW, "seq": 0, "since_event": 0},
        }.items():
            store.insert_many(table, [{"contact_id": contact_id} | row])
        store.insert_many("message_copy", [{"message_id": message, "subject": "Dear Ada", "links": "[]"}])
        store.run("UPDATE contact SET fit_score = 5 WHERE id = :id", id=contact_id)


def owners(store: Store, table: str) -> list[int]:
    return [row[0] for row in store.rows(f"SELECT contact_id FROM {table} ORDER BY contact_id")]


def test_the_keeper_has_everything_afterwards(store: Store) -> None:
    keep = save(store, email="ada@x.test", first_name="Ada")
    lose = save(store, email="ada@old.test", external_id="A1", first_name="Adele", owner="Sal")
    for who, mark in ((keep, "keep"), (lose, "lose")):
        fill(store, who, mark)
    contacts.merge(store, keep, lose, by=COMMAND_LINE, now=NOW + 9)
    found = contacts.get(store, "ada@old.test")
    assert found.id == contacts.find(store, "A1") == contacts.find(store, "ada@x.test") == keep
    assert (found.email, found.first_name, found.external_id, found.owner) == ("ada@x.test", "Ada", "A1", "Sal")
    assert found.tags == ("both", "keep", "lose") and found.lists == ("both",) and found.fit_score == 10
    assert {table: set(owners(store, table)) - {keep} for table in PERSON_TABLES} == {table: set() for table in PERSON_TABLES}
    assert len(owners(store, "event")) == 2 and len(owners(store, "segment_member")) == len(owners(store, "enrollment")) == 1
    assert store.rows("SELECT t.id FROM token t JOIN enrollment e ON e.id = t.enrollment_id") == [(keep * 640,)]
    assert len(owners(store, "token")) == 1 and keep in owners(store, "dirty_contact")
    assert store.row("SELECT keeper_id, loser_id FROM contact_merge") == (keep, lose)


@pytest.mark.parametrize(("keeper", "loser", "after"), [
    ("subscribed", "unsubscribed", "unsubscribed"), ("complained", "subscribed", "complained"),
    ("pending", "subscribed", "pending"), ("bounced", "pending", "bounced"), (None, "subscribed", "subscribed"),
    ("subscribed", None, "subscribed"),
])
def test_the_stricter_word_holds(store: Store, keeper: str | None, loser: str | None, after: str) -> None:
    keep, lose = save(store, email="a@x.test"), save(store, email="b@x.test")
    with store.transaction():
        for who, status, at in ((keep, keeper, NOW), (lose, loser, NOW + 5)):
            if status:
                consent.record(store, [who], "email", status, basis="b", source="s", by=COMMAND_LINE, now=at)
    contacts.merge(store, keep, lose, by=COMMAND_LINE, now=NOW + 9)
    assert consent.state(store, keep, "email") == after


def test_merging_is_refused_where_it_makes_no_sense(store: Store) -> None:
    ada = save(store, email="a@x.test")
    with pytest.raises(BadInput, match="with itself"):
        contacts.merge(store, ada, ada, by=COMMAND_LINE, now=NOW)
    with pytest.raises(NotFound, match="999"):
        contacts.merge(store, ada, 999, by=COMMAND_LINE, now=NOW)
    with pytest.raises(Forbidden):
        contacts.merge(store, ada, ada, by=Actor("Ana", "analyst"), now=NOW)


EVERYTHING = [table for table in PERSON_TABLES if table != "dirty_contact"]


def everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Every row that knows people, but for the moment it was touched and what has to be looked at again."""
    kept = {table: sorted(store.rows(f"SELECT * FROM {table}"), key=str) for table in EVERYTHING}
    columns = [name for name in store.columns("contact") if name != "updated_at"]
    return kept | {"contact": store.rows(f"SELECT {', '.join(columns)} FROM contact ORDER BY id")}


def test_a_merge_that_is_undone_leaves_both_as_they_were(store: Store) -> None:
    keep = save(store, email="ada@x.test", first_name="Ada")
    lose = save(store, email="ada@old.test", external_id="A1", phone="+491701234567", owner="Sal")
    for who, mark in ((keep, "keep"), (lose, "lose")):
        fill(store, who, mark)
    before = everything(store)
    contacts.merge(store, keep, lose, by=COMMAND_LINE, now=NOW + 9)
    assert everything(store) != before
    merged = contacts.last_merge(store, keep)
    assert merged and (merged.loser_id, merged.loser_name, merged.undoable) == (lose, "ada@old.test", True)
    assert contacts.unmerge(store, keep, by=COMMAND_LINE, now=NOW + 20) == lose
    assert everything(store) == before
    assert {keep, lose} <= set(owners(store, "dirty_contact")) and store.search("old") == [lose]
    assert store.one("SELECT COUNT(*) FROM audit WHERE action = 'merge undone'") == 1
    with pytest.raises(NotFound, match="nobody was merged"):
        contacts.unmerge(store, keep, by=COMMAND_LINE, now=NOW + 30)


def test_what_happened_since_the_merge_stays(store: Store) -> None:
    keep = save(store, email="ada@x.test")
    lose = save(store, email="ada@old.test", owner="Sal", first_name="Adele")
    with store.transaction():
        for who, status in ((keep, "subscribed"), (lose, "unsubscribed")):
            consent.record(store, [who], "email", status, basis="b", source="s", by=COMMAND_LINE, now=NOW)
    contacts.merge(store, keep, lose, by=COMMAND_LINE, now=NOW + 9)
    save(store, email="ada@x.test", owner="Tom")
    contacts.unmerge(store, keep, by=COMMAND_LINE, now=NOW + 20)
    found = contacts.get(store, keep)
    assert (found.owner, found.first_name) == ("Tom", None)
    assert [consent.state(store, who, "email") for who in (keep, lose)] == ["subscribed", "unsubscribed"]


def test_a_no_that_was_said_after_the_merge_is_not_taken_back_with_it(store: Store) -> None:
    keep, lose = save(store, email="a@x.test"), save(store, email="b@x.test")
    with store.transaction():
        for who, status in ((keep, "subscribed"), (lose, "unsubscribed")):
            consent.record(store, [who], "email", status, basis="b", source="s", by=COMMAND_LINE, now=NOW)
    contacts.merge(store, keep, lose, by=COMMAND_LINE, now=NOW + 1)
    with store.transaction():
        consent.record(store, [keep], "email", "unsubscribed", basis="link", source="mail", by=COMMAND_LINE, now=NOW + 2)
    contacts.unmerge(store, keep, by=COMMAND_LINE, now=NOW + 3)
    assert consent.state(store, keep, "email") == "unsubscribed"


def test_a_visitor_who_turned_out_to_be_somebody_stays_that(store: Store) -> None:
    ada, bo = save(store, email="a@x.test"), save(store, email="b@x.test")
    contacts.merge(store, ada, bo, by=RUNNER, now=NOW)
    with pytest.raises(Conflict, match="visitor"):
        contacts.unmerge(store, ada, by=COMMAND_LINE, now=NOW)


def test_an_erased_contact_leaves_counts_and_no_traces(store: Store) -> None:
    ada, bo = save(store, email="ada@x.test", phone="+491701234567", first_name="Ada"), save(store, email="bo@x.test")
    fill(store, ada, "ada")
    fill(store, bo, "bo")
    contacts.erase(store, ada, by=COMMAND_LINE, now=NOW + 9)
    assert contacts.find(store, "ada@x.test") is None and store.search("ada") == []
    for table, handling in PERSON_TABLES.items():
        assert (ada in owners(store, table)) == (handling.erase != "delete"), table
        assert bo in owners(store, table), table
        for column in handling.strip:
            kept = store.one(f"SELECT {column} FROM {table} WHERE contact_id = :id", id=ada)
            assert kept is None or str(kept) == "{}", (table, column)
    assert store.row("SELECT status, reason FROM enrollment WHERE contact_id = :id", id=ada) == ("exited", "erased")
    assert store.one("SELECT status FROM message WHERE contact_id = :id", id=ada) == "canceled"
    assert store.one("SELECT COUNT(*) FROM message_copy") == 1
    rest = str([store.rows(f"SELECT * FROM {table}") for table in (*PERSON_TABLES, "audit", "suppression", "contact")])
    assert "ada@x.test" not in rest and "1234567" not in rest


def test_an_erased_address_is_never_written_to_again(store: Store) -> None:
    ada = save(store, email="ada@x.test", phone="+491701234567")
    contacts.erase(store, ada, by=COMMAND_LINE, now=NOW)
    assert consent.is_suppressed(store, "ADA@x.test") and consent.is_suppressed(store, "+49 170 1234567", channel="sms")
    assert save(store, email="ada@x.test") > ada  # a number is never used again
    with pytest.raises(Forbidden):
        contacts.erase(store, ada, by=Actor("Max", "marketer"), now=NOW)
