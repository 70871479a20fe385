"""Points and stages that a journey gives: once per visit, with a history."""

from __future__ import annotations

import pytest

from engine.access import COMMAND_LINE
from engine.audience import lifecycle, scoring
from engine.errors import BadInput, NotFound
from engine.people import contacts
from engine.sql import Sql
from engine.store import Store
from tests.conftest import NOW


@pytest.fixture
def ada(store: Store) -> int:
    return contacts.save(store, {"email": "ada@example.com", "stage": "lead"}, by=COMMAND_LINE, now=NOW, source="test").id


def pass_by(store: Store, effects: list[Sql], rows: list[tuple[int, int, int, str | None]]) -> None:
    """(token, visit, contact, port) rows pass node 9 in one transaction."""
    with store.transaction():
        store.run("DELETE FROM batch")
        store.insert_many("batch", [{"id": token, "seq": visit, "contact_id": who, "port": port}
                                    for token, visit, who, port in rows])
        for statement in effects:
            store.run(statement, now=NOW, node=9)


def test_points_add_up_and_every_entry_is_explained(store: Store, ada: int) -> None:
    pass_by(store, scoring.effects(10, "engagement", "asked for a demo"), [(64, 1, ada, "next"), (65, 1, ada, "next")])
    pass_by(store, scoring.effects(-3, "fit", "student"), [(64, 2, ada, "next")])
    found = scoring.explain(store, "ADA@example.com")
    assert (found.engagement, found.fit) == (20, -3)
    assert [(one.group, one.points, one.reason) for one in found.entries] == [
        ("engagement", 10, "asked for a demo")] * 2 + [("fit", -3, "student")]


def test_a_visit_counts_once_however_often_it_is_repeated(store: Store, ada: int) -> None:
    for _ in range(3):
        pass_by(store, scoring.effects(10, "engagement", "x"), [(64, 1, ada, "next")])
    pass_by(store, scoring.effects(10, "engagement", "x"), [(64, 1, ada, "next"), (65, 3, ada, "next")])
    assert scoring.explain(store, "ada@example.com").engagement == 20


def test_rows_that_stay_get_nothing(store: Store, ada: int) -> None:
    pass_by(store, [*scoring.effects(10, "fit", "x"), *lifecycle.effects("mql")], [(64, 1, ada, None)])
    assert scoring.explain(store, "ada@example.com").fit == 0 and contacts.get(store, "ada@example.com").stage == "lead"


@pytest.mark.parametrize(("points", "group"), [(0, "fit"), (10, "charm"), (10_000_000, "fit")])
def test_odd_points_are_refused(points: int, group: str) -> None:
    with pytest.raises(BadInput):
        scoring.effects(points, group, "x")


def test_a_score_of_a_stranger_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        scoring.explain(store, "nobody@example.com")


def test_a_stage_is_set_once_and_its_history_kept(store: Store, ada: int) -> None:
    for visit in (1, 2):
        pass_by(store, lifecycle.effects("MQL"), [(64, visit, ada, "next"), (65, visit, ada, "next")])
    assert contacts.get(store, "ada@example.com").stage == "mql"
    assert store.rows("SELECT old, new, at FROM stage_change") == [("lead", "mql", NOW)]
    assert store.rows("SELECT contact_id, object FROM event WHERE name = 'stage_changed'") == [(ada, "mql")]
    assert store.rows("SELECT kind, old, new FROM contact_change WHERE kind = 'stage'") == [("stage", "lead", "mql")]
    with pytest.raises(BadInput):
        lifecycle.effects("boss")
