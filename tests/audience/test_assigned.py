"""Predictions of one's own model, and personas by ordered rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.access import COMMAND_LINE, Actor
from engine.audience import personas, predictions, segments, watch
from engine.audience.rules import known, parse
from engine.errors import BadInput, Forbidden, Invalid, NotFound
from engine.people import contacts
from engine.service import importing
from engine.store import Store
from tests.conftest import NOW

LIKELY, TOP = {"probability": "buys", "op": "at_least", "value": 0.4}, {"probability": "buys", "top": 0.5}


def people(store: Store, *names: str) -> list[int]:
    return [contacts.save(store, {"email": f"{name}@x.test", "first_name": name}, by=COMMAND_LINE, now=NOW, source="test").id
            for name in names]


def inside(store: Store, name: str) -> set[str]:
    return {row[0] for row in store.rows("SELECT c.first_name FROM segment_member m JOIN segment s ON s.id = m.segment_id "
                                         "JOIN contact c ON c.id = m.contact_id WHERE s.name = :name", name=name)}


def refresh(store: Store, now: int) -> None:
    watch.refresh(store, now=now, upto=0)


def test_a_run_from_a_file_moves_people_and_the_former_one_is_remembered(store: Store, tmp_path: Path) -> None:
    people(store, "ada", "bo", "cy", "di")
    file = tmp_path / "run.csv"
    file.write_text("email,probability\nADA@x.test,0.9\nbo@x.test,0.4\ncy@x.test,0.1\nzoe@x.test,0.5\ndi@x.test,40 %\n")
    report = importing.import_predictions(store, str(file), "buys", by=COMMAND_LINE, now=NOW)
    assert (report.read, report.updated, report.errors) == (5, 3, 2)
    assert [one.message for one in report.rows_in_error] == [
        "there is no contact 'zoe@x.test': import contacts first", "'40 %' is not a number"]
    segments.save(store, "Likely", LIKELY, by=COMMAND_LINE, now=NOW)
    segments.save(store, "Top", TOP, by=COMMAND_LINE, now=NOW)
    refresh(store, NOW)
    assert inside(store, "Likely") == {"ada", "bo"} and inside(store, "Top") == {"ada"}

    file.write_text("email,probability\nbo@x.test,0.2\ncy@x.test,0.8\ndi@x.test,0.8\n")
    importing.import_predictions(store, str(file), "buys", by=COMMAND_LINE, now=NOW + 100)
    refresh(store, NOW + 100)
    assert inside(store, "Likely") == {"cy", "di"} and inside(store, "Top") == {"cy"}, "of two alike the first by id"
    back = parse(LIKELY, known(store)).members(past=True)
    assert len(store.rows(back, now=NOW + 50)) == 2 and len(store.rows(back, now=NOW - 1)) == 0
    assert [(run.contacts, run.at) for run in predictions.list_runs(store)] == [(3, NOW + 100)]
    for later in range(20):
        predictions.record(store, "buys", {1: later / 20}, source="x", by=COMMAND_LINE, now=NOW + 200 + later)
    assert store.one("SELECT COUNT(*) FROM prediction_run") == store.one("SELECT COUNT(*) FROM prediction") == 12
    with pytest.raises(BadInput, match="newest run is later"):
        predictions.record(store, "buys", {1: 0.5}, source="x", by=COMMAND_LINE, now=NOW)


def test_what_is_no_run_is_refused(store: Store) -> None:
    for found, says in (({}, "speaks of nobody"), ({1: 40.0}, "40 is not a probability")):
        with pytest.raises(BadInput, match=says):
            predictions.record(store, "buys", found, source="x", by=COMMAND_LINE, now=NOW)
    with pytest.raises(Forbidden):
        predictions.record(store, "buys", {1: 0.5}, source="x", by=Actor("Sid", "sales"), now=NOW)


def test_everybody_is_the_first_persona_that_fits(store: Store) -> None:
    ada, bo, cy = people(store, "ada", "bo", "cy")
    with store.transaction():
        contacts.add_tags(store, [ada, bo], ["writes"], now=NOW, source="test")
        contacts.add_tags(store, [ada, cy], ["decides"], now=NOW, source="test")
    personas.save(store, "Author", {"tag": "writes"}, "Wants examples", by=COMMAND_LINE, now=NOW)
    personas.save(store, "Boss", {"tag": "decides"}, by=COMMAND_LINE, now=NOW)
    assert [personas.persona_of(store, one) for one in (ada, bo, cy)] == ["Author", "Author", "Boss"]
    personas.save(store, "Boss", {"tag": "decides"}, place=1, by=COMMAND_LINE, now=NOW + 1)
    assert [personas.persona_of(store, one) for one in (ada, bo, cy)] == ["Boss", "Author", "Boss"]
    assert [(one.name, one.place, one.people) for one in personas.list_personas(store)] == [("Boss", 1, 2), ("Author", 2, 1)]

    segments.save(store, "Writers", {"persona": ["Author"]}, by=COMMAND_LINE, now=NOW + 1)
    with store.transaction():
        contacts.remove_tags(store, [ada], ["decides"], now=NOW + 2, source="test")
    refresh(store, NOW + 2)
    assert personas.persona_of(store, ada) == "Author" and inside(store, "Writers") == {"ada", "bo"}
    was = parse({"persona": "Boss"}, known(store)).members(past=True)
    assert {row[0] for row in store.rows(was, now=NOW + 1)} == {ada, cy}, "history"
    personas.remove(store, "Author", by=COMMAND_LINE, now=NOW + 3)
    assert personas.persona_of(store, ada) is None
    with pytest.raises(NotFound, match="there are Boss"):
        personas.remove(store, "Author", by=COMMAND_LINE, now=NOW + 3)
    with pytest.raises(Invalid, match="can not ask for personas"):
        personas.save(store, "Loop", {"not": {"persona": "Boss"}}, by=COMMAND_LINE, now=NOW + 3)
    with pytest.raises(BadInput, match="1 to 80"):
        personas.save(store, " ", {"tag": "x"}, by=COMMAND_LINE, now=NOW + 3)
