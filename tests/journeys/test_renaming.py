"""A journey under another name: people, arms and drafts stay; copies are journeys of their own."""

from __future__ import annotations

import pytest

from engine.errors import BadInput, Conflict, NotFound
from engine.journeys import documents, drafts, renaming, versions
from engine.measure import splits
from engine.store import Store

from .worlds import ANN, START, add_contacts, journey, publish, record, runner, tick

SPLIT = {"id": "ab", "type": "split", "arms": {"a": 1, "b": 1}, "next": "end"}
END = {"id": "end", "type": "exit"}


def arms(store: Store, since: int = 0) -> dict[int, str]:
    return dict(store.rows("SELECT t.contact_id, s.port FROM step s JOIN enrollment t ON t.id = s.token_id / 64 "
                           "JOIN node n ON n.id = s.node_id WHERE n.key = 'ab' AND s.at >= :since", since=since))


def test_nobody_changes_arms_when_the_journey_is_called_otherwise(store: Store) -> None:
    add_contacts(store, 60)
    publish(store, journey(SPLIT, END, name="Old"), now=START)
    for contact in range(1, 61):
        record(store, contact, "signup", START)
    tick(runner(store), START)
    before = arms(store)
    saved = renaming.rename(store, "old", "New name", by=ANN, now=START + 10)
    assert versions.find_journey(store, "new name") == saved.journey_id and len(set(before.values())) == 2
    with pytest.raises(NotFound):
        versions.find_journey(store, "Old")
    made = versions.publish(store, saved.document, by=ANN, now=START + 20)
    assert (made.journey_id, made.number, made.journey) == (saved.journey_id, 2, "New name")
    for contact in range(1, 61):
        record(store, contact, "signup", START + 30)
    tick(runner(store), START + 30)
    assert arms(store, START + 30) == before
    (test,) = splits.list_tests(store)
    assert test.key == "New name/ab" and len(test.places) == 2, "one test in two versions"


def test_a_draft_goes_along_and_a_second_editor_is_told(store: Store) -> None:
    drafts.save_draft(store, "Old", "# mine\nname: Old\nnodes: []\n", rev=0, by=ANN, now=START)
    saved = renaming.rename(store, "Old", "New", by=ANN, now=START)
    assert saved.rev == 2 and documents.load(saved.document)["name"] == "New"
    with pytest.raises(Conflict, match="was changed by Ann"):
        drafts.save_draft(store, "New", "name: New\n", rev=1, by=ANN, now=START)
    assert renaming.rename(store, "New", "NEW", by=ANN, now=START).name == "NEW", "its own name in other letters is free"


def test_a_copy_is_another_journey_and_never_writes_over_one(store: Store) -> None:
    drafts.save_draft(store, "One", documents.dump(journey(SPLIT, END, name="One")), rev=0, by=ANN, now=START)
    made = renaming.duplicate(store, "One", "Two", by=ANN, now=START)
    document = documents.load(made.document)
    assert document["name"] == "Two" and "salt" not in document["nodes"][0], "it draws by its own name"
    for name in ("ONE", "two"):
        with pytest.raises(Conflict, match="already"):
            renaming.duplicate(store, "One", name, by=ANN, now=START)
    with pytest.raises(BadInput):
        renaming.create(store, "  ", "name: x\n", by=ANN, now=START)
    assert drafts.open_draft(store, "One").rev == 1


def test_a_journey_that_another_jumps_to_keeps_its_name(store: Store) -> None:
    publish(store, journey(END, name="Target"), now=START)
    publish(store, journey({"id": "go", "type": "jump", "journey": "target"}, name="Source"), now=START)
    with pytest.raises(Conflict, match="'Target' is named by Source: publish"):
        renaming.rename(store, "Target", "Elsewhere", by=ANN, now=START)
    assert renaming.rename(store, "Target", "TARGET", by=ANN, now=START).name == "TARGET"
    assert renaming.rename(store, "Source", "Origin", by=ANN, now=START).name == "Origin"
