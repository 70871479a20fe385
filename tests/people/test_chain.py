"""The chains of consent and audit: whole after everything that may happen, broken by everything that may not."""

from __future__ import annotations

import pytest

from engine.access import COMMAND_LINE
from engine.errors import BadInput
from engine.people import chain, consent, contacts
from engine.store import Store
from tests.conftest import NOW


@pytest.fixture
def people(store: Store) -> list[int]:
    """Three people, each with two words in the ledger, sealed."""
    ids = [contacts.save(store, {"email": f"p{i}@example.com"}, by=COMMAND_LINE, now=NOW, source="test").id for i in range(3)]
    for status in ("pending", "subscribed"):
        with store.transaction():
            consent.record(store, ids, "email", status, basis="consent", source="form", by=COMMAND_LINE, now=NOW, ip="10.0.0.1",
                           text_shown="Yes, write to mé")
        chain.seal(store)
    return ids


def flaws(store: Store) -> list[tuple[str, str]]:
    return [(flaw.ledger, flaw.what.split(":")[0]) for flaw in chain.verify(store).flaws]


def test_sealed_once_and_whole(store: Store, people: list[int]) -> None:
    found = chain.verify(store)
    assert found.ok and (found.ledgers["consent"].rows, found.ledgers["consent"].waiting) == (6, 0)
    assert found.ledgers["audit"].rows == store.one("SELECT COUNT(*) FROM audit") > 0
    assert chain.seal(store) == 0 and chain.verify(store) == found


@pytest.mark.parametrize(("tampering", "what"), [
    ("UPDATE consent SET status = 'subscribed' WHERE id = 2", "the row was changed after it was written"),
    ("UPDATE consent SET contact_id = contact_id + 1 WHERE id = 1", "the row was changed after it was written"),
    ("DELETE FROM consent WHERE id = 4", "the row is gone"),
    ("UPDATE chain_link SET row_hash = payload_hash WHERE ledger = 'consent' AND row_id = 3",
     "its link does not follow the one before it"),
    ("DELETE FROM chain_link WHERE ledger = 'consent' AND row_id = 3", "its link does not follow the one before it"),
])
def test_tampering_is_named(store: Store, people: list[int], tampering: str, what: str) -> None:
    with store.transaction():
        store.run(tampering)
    assert ("consent", what) in flaws(store)


def test_a_changed_audit_row_is_named(store: Store, people: list[int]) -> None:
    with store.transaction():
        store.run("UPDATE audit SET actor = 'somebody else' WHERE id = 1")
    assert flaws(store) == [("audit", "the row was changed after it was written")]


def test_erasing_leaves_the_chain_whole_and_the_rest_provable(store: Store, people: list[int]) -> None:
    contacts.erase(store, people[1], by=COMMAND_LINE, now=NOW + 1)
    chain.seal(store)
    found = chain.verify(store)
    assert found.ok and found.ledgers["consent"].forgotten == 2
    with store.transaction():
        store.run("UPDATE consent SET status = 'unsubscribed' WHERE contact_id = :id", id=people[2])
    assert len(flaws(store)) == 2


def test_removed_contacts_leave_the_chain_whole(store: Store, people: list[int]) -> None:
    with store.transaction():
        contacts.remove(store, people[:1])
    assert chain.verify(store).ok


def test_merging_and_taking_it_back_leave_the_chain_whole(store: Store, people: list[int]) -> None:
    with store.transaction():  # no tick has sealed the loser's last word yet
        consent.record(store, people[:2], "email", "unsubscribed", basis="withdrawn", source="x", by=COMMAND_LINE, now=NOW + 1)
    contacts.merge(store, people[0], people[1], by=COMMAND_LINE, now=NOW + 1)
    contacts.merge(store, people[2], people[0], by=COMMAND_LINE, now=NOW + 2)
    chain.seal(store)
    assert chain.verify(store).ok
    for keeper in (people[2], people[0]):
        contacts.unmerge(store, keeper, by=COMMAND_LINE, now=NOW + 3)
        chain.seal(store)
        assert chain.verify(store).flaws == []


def test_a_cut_end_shows_against_a_hash_that_was_written_down(store: Store, people: list[int]) -> None:
    head = chain.verify(store).ledgers["consent"].head
    with store.transaction():
        consent.record(store, people, "email", "unsubscribed", basis="withdrawn", source="x", by=COMMAND_LINE, now=NOW + 9)
    chain.seal(store)
    assert chain.verify(store, head).ok
    with store.transaction():
        for table, column in (("chain_link", "row_id"), ("consent", "id")):
            store.run(f"DELETE FROM {table} WHERE {column} > 5" + (" AND ledger = 'consent'" if table == "chain_link" else ""))
    assert chain.verify(store).ok, "a cut end alone can not be seen"
    assert [flaw.ledger for flaw in chain.verify(store, head).flaws] == ["both"]
    with pytest.raises(BadInput, match="is no hash"):
        chain.verify(store, "abc")


def test_a_row_that_is_committed_late_is_sealed_too(store: Store, people: list[int]) -> None:
    with store.transaction():
        row = {"contact_id": people[0], "channel": "sms", "topic": "", "purpose": "marketing", "status": "subscribed",
               "basis": "consent", "source": "x", "at": NOW, "actor": "x"}
        store.insert_many("consent", [row | {"id": 20}])
    chain.seal(store)
    with store.transaction():
        store.insert_many("consent", [row | {"id": 19}, row | {"id": 21}])
    chain.seal(store)
    found = chain.verify(store)
    assert found.ok and found.ledgers["consent"].waiting == 0 and found.ledgers["consent"].rows == 9
