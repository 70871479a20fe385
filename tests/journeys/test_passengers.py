"""Each number of a journey leads to the people behind it: who stands where and why, who entered, left, went which way."""

from __future__ import annotations

import pytest

from engine.clock import DAY, HOUR
from engine.errors import BadInput, NotFound
from engine.journeys import flow, passengers, versions
from engine.journeys.passengers import Passenger, Wanted
from engine.store import Store

from .worlds import SIGNUP, Document, add_contacts, add_templates, journey, publish, record, runner, tick

T0 = 1_760_000_000 // DAY * DAY
SEND = {"id": "hello", "type": "send", "template": "hello", "next": "heard"}
HEARD = {"id": "heard", "type": "wait_for", "event": {"event": "page_view"}, "timeout": "2d",
         "on": {"happened": "keen", "timeout": "end"}}
KEEN = {"id": "keen", "type": "wait", "for": "5d", "next": "end"}
END = {"id": "end", "type": "exit", "reason": "all said"}


@pytest.fixture
def world(store: Store) -> Store:
    """Five signed up an hour apart; 1 and 2 looked at a page, 5 only on the third day; it is that day now."""
    add_contacts(store, 5)
    add_templates(store, "hello")
    publish(store, journey(SEND, HEARD, KEEN, END))
    engine = runner(store)
    for contact in range(1, 6):
        record(store, contact, SIGNUP["event"], T0 + contact * HOUR)
        tick(engine, T0 + contact * HOUR)
    for contact in (1, 2):
        record(store, contact, "page_view", T0 + 6 * HOUR)
    tick(engine, T0 + 6 * HOUR)
    tick(engine, T0 + 2 * DAY + 3 * HOUR)
    return store


def ids(found: list[Passenger]) -> list[int]:
    return [one.contact_id for one in found]


def asked(store: Store, **wanted: object) -> list[int]:
    made = Wanted(**wanted)  # type: ignore[arg-type]
    found = ids(passengers.page(store, "j", made))
    assert passengers.count(store, "j", made) == len(found)
    return found


def test_every_number_of_the_canvas_is_as_many_people_as_it_says(world: Store) -> None:
    live = versions.get_live(world, "j").id
    for node, count in flow.waiting(world, live).items():
        assert len(asked(world, who="inside", node=node)) == count
    for node, ports in flow.port_counts(world, live).items():
        for port, count in ports.items():
            found = asked(world) if node == flow.START else asked(world, node=node, port=port)
            assert len(found) == count, (node, port)
    now = flow.passages(world, live)
    assert [len(asked(world, who=who)) for who in ("everybody", "inside", "left")] == [
        now.entered, now.under_way, now.finished] == [5, 4, 1]


def test_who_stands_where_since_when_until_when_and_why(world: Store) -> None:
    assert asked(world, node="heard") == [4, 5], "who came first on top"
    four = passengers.page(world, "j", Wanted(node="heard"))[0]
    (at,) = four.standing
    assert (four.name, four.entered_by, at.since, at.due_at) == (
        "c4@example.com", "signup", T0 + 4 * HOUR, T0 + 4 * HOUR + 2 * DAY)
    assert at.sentence.startswith("Wait until page_view") and at.reason is None
    (three,) = passengers.page(world, "j", Wanted("left"))
    assert (three.contact_id, three.reason, three.standing) == (3, "all said", ())
    assert asked(world, node="heard", port="timeout") == [3] and asked(world, node="heard", port="happened") == [2, 1]


def test_a_message_that_is_held_back_says_why(store: Store) -> None:
    add_contacts(store, 1)
    add_templates(store, "hello")
    publish(store, journey(SEND, HEARD, KEEN, END))
    record(store, 1, SIGNUP["event"], T0)
    runner(store).tick(T0)
    with store.transaction():
        store.run("UPDATE message SET reason = 'quiet', due_at = :at", at=T0 + 9 * HOUR)
    (at,) = passengers.page(store, "j", Wanted(node="hello"))[0].standing
    assert (at.reason, at.due_at) == ("quiet", T0 + 9 * HOUR)


def test_people_of_earlier_versions_are_found_and_told_apart(world: Store) -> None:
    newer: Document = journey(SEND, HEARD | {"timeout": "3d"}, KEEN, END)
    publish(world, newer, now=T0 + 2 * DAY + 4 * HOUR)
    record(world, 3, SIGNUP["event"], T0 + 2 * DAY + 3 * HOUR + 60)
    tick(runner(world), T0 + 2 * DAY + 3 * HOUR + 60)
    assert asked(world, node="heard", version=1) == [4, 5] and asked(world, node="heard", version=2) == [3]
    assert asked(world, node="heard") == [4, 5, 3]
    assert flow.under_way(world, versions.find_journey(world, "j")) == 5


def test_pages_follow_each_other_and_a_stage_narrows(world: Store) -> None:
    first, second = (ids(passengers.page(world, "j", Wanted(), offset=at, limit=3)) for at in (0, 3))
    assert first + second == [5, 4, 3, 2, 1]
    with world.transaction():
        world.run("UPDATE contact SET stage = 'lead' WHERE id IN (2, 4)")
    assert asked(world, stage="lead") == [4, 2] and asked(world, stage="", who="inside") == [5, 1]


def test_what_cannot_be_asked_is_said(world: Store) -> None:
    for wanted in (Wanted("nobody"), Wanted(port="sent")):
        with pytest.raises(BadInput):
            passengers.page(world, "j", wanted)
    with pytest.raises(NotFound):
        passengers.count(world, "no such journey", Wanted())
    assert passengers.page(world, "j", Wanted(node="never was")) == []
    assert passengers.steps(world, "j") == {"end": ["end"], "hello": ["sent", "skipped"], "heard": ["happened", "timeout"],
                                            "keen": []}


def test_a_page_of_many_is_the_same_as_one_of_few(world: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [Wanted(), Wanted("left"), Wanted(node="hello", port="sent"), Wanted(node="heard")]
    few = [ids(passengers.page(world, "j", one)) for one in asked]
    monkeypatch.setattr(passengers, "MOST_COUNTED", 0)
    assert [ids(passengers.page(world, "j", one)) for one in asked] == few and few[0]
