"""Segments beside each other and beside their past; the nightly audit; the reminder to look at a rule again."""

from __future__ import annotations

import pytest

from engine.access import COMMAND_LINE
from engine.audience import comparing, segments
from engine.maths.stability import psi
from engine.people import contacts
from engine.store import Store
from tests.conftest import NOW

from .test_watch import DAY, inside, look, make, save


def test_overlap_counts_members_of_both(store: Store) -> None:
    make(store, *[f"a{n}@example.com" for n in range(4)], stage="mql")
    make(store, *[f"b{n}@example.com" for n in range(6)], stage="lead")
    for name, stages in (("Warm", ["mql"]), ("All", ["mql", "lead"]), ("Cold", ["lost"])):
        save(store, name, {"stage": stages})
    found = comparing.overlap(store, "warm")
    assert found.to_dict("records") == [{"name": "All", "members": 10, "both": 4, "share": 1.0}]
    assert comparing.overlap(store, "All").share.tolist() == [0.4]
    assert comparing.overlap(store, "Cold").empty


def test_drift_says_whether_the_members_are_other_people(store: Store) -> None:
    early = make(store, *[f"a{n}@example.com" for n in range(40)], stage="lead", source="web")
    save(store, "Everybody", {"not": {"tag": "gone"}}, now=NOW)
    assert {one.verdict for one in comparing.drift(store, "Everybody", now=NOW)} == {"nobody was in it 30 days ago"}
    make(store, *[f"b{n}@example.com" for n in range(40)], stage="mql", source="web")
    with store.transaction():
        contacts.add_tags(store, early, ["gone"], now=NOW + 20 * DAY, source="test")
    look(store, NOW + 20 * DAY)
    found = {one.what: one for one in comparing.drift(store, "Everybody", now=NOW + 40 * DAY)}
    assert found["stage"].verdict == "other people than before" and found["source"].index == 0.0
    assert found["source"].verdict == "the same people"


def test_the_index_is_what_the_formula_says() -> None:
    assert psi([50, 50], [50, 50]) == 0.0
    assert psi([70, 30], [50, 50]) == pytest.approx(0.1662, abs=1e-3)  # (0.698 - 0.5) ln(0.698/0.5) + (0.302 - 0.5) ln(...)
    assert psi([10, 10], [50, 50]) is None


def test_each_condition_is_timed_by_itself(store: Store) -> None:
    make(store, "ada@example.com", stage="mql")
    save(store, "Hot", {"all": [{"stage": "mql"}, {"not": {"event": "purchase"}}]})
    found = comparing.timing(store, "Hot", now=NOW)
    assert {(one.sentence, one.count) for one in found} == {("is at the stage mql", 1), ("did purchase", 0)}
    assert all(one.seconds >= 0 for one in found)


def test_the_nightly_audit_finds_and_mends_what_was_kept_wrongly(store: Store) -> None:
    ada, bo = make(store, "ada@example.com", "bo@example.com", stage="mql")
    save(store, "Hot", {"stage": "mql"})
    look(store)
    with store.transaction():  # as no door of the engine does it
        store.run("DELETE FROM segment_member WHERE contact_id = :id", id=ada)
    assert look(store, NOW + 60).mended == 0 and inside(store, "Hot") == {bo}
    assert look(store, NOW + DAY).mended == 1 and inside(store, "Hot") == {ada, bo}
    assert segments.get(store, "Hot").differences == 1
    assert look(store, NOW + DAY + 60).mended == 0
    look(store, NOW + 2 * DAY)
    assert segments.get(store, "Hot").differences == 0


def test_a_rule_is_due_for_a_look_after_thirty_days(store: Store) -> None:
    found = save(store, "Hot", {"stage": "mql"})
    assert not found.due(NOW + 30 * DAY - 1) and found.due(NOW + 30 * DAY)
    again = segments.review(store, "hot", by=COMMAND_LINE, now=NOW + 31 * DAY)
    assert again.reviewed_at == NOW + 31 * DAY and not again.due(NOW + 32 * DAY)
    assert save(store, "Hot", {"stage": "lead"}, now=NOW + 90 * DAY).reviewed_at == NOW + 90 * DAY
