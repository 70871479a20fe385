"""Where journeys meet: the same people in two of them, what caps drop, and stages that nobody looks after."""

from __future__ import annotations

from engine.activity import events
from engine.clock import DAY
from engine.journeys import crossing, versions
from engine.journeys.crossing import Cell, Collision, Met, Pressure
from engine.journeys.runner import Runner
from engine.outreach import messages
from engine.store import Store
from tests.conftest import NOW

from .worlds import ANN, add_contacts, add_templates, journey, publish, record

NODES = ({"id": "w", "type": "wait", "for": "30d", "next": "e"}, {"id": "e", "type": "exit"})


def met(store: Store) -> None:
    """Three journeys; persons 1 and 2 are in both `a` and `b`, 3 is in `c` alone."""
    add_contacts(store, 4)
    add_templates(store, "t")
    publish(store, *(journey(*NODES, name=name, trigger={"event": name}) for name in "abc"))
    for who, name in ((1, "a"), (1, "b"), (2, "a"), (2, "b"), (3, "c")):
        record(store, who, name, NOW)
    Runner(store).tick(NOW)
    with store.transaction():
        store.run("UPDATE contact SET stage = CASE id WHEN 1 THEN 'lead' WHEN 2 THEN 'mql' END")
        messages.load(store, [{
            "id": number, "journey_id": journey_id, "contact_id": who, "channel": "email", "template_id": 1, "status": status,
            "reason": reason, "token_id": number, "visit": 0, "node_id": 1, "created_at": at, "due_at": at,
            "sent_at": at if status == "sent" else None}
            for number, (journey_id, who, status, reason, at) in enumerate([
                (1, 1, "sent", None, NOW - DAY), (2, 1, "sent", None, NOW - 2 * DAY), (2, 2, "skipped", "capped", NOW - DAY),
                (1, 2, "sent", None, NOW - 20 * DAY), (3, 3, "skipped", "no_consent", NOW)], start=1)])
        events.insert_events(store, [{"contact_id": 1, "name": "email_clicked", "occurred_at": NOW, "received_at": NOW,
                                      "props": "{}", "dedupe_key": "c", "source": "test", "message_id": 1}])


def test_journeys_that_reach_the_same_people_are_found_with_counts(store: Store) -> None:
    met(store)
    assert crossing.collisions(store, now=NOW) == [Collision("a", "b", inside=2, mailed=1, capped=1)]
    assert crossing.pressure(store, now=NOW) == [Pressure(2, 1)]
    assert "caps dropped 1" in crossing.collisions(store, now=NOW)[0].sentence()
    assert crossing.met(store, "a", "b", now=NOW) == [Met(1, "c1@example.com", True, True, 0), Met(2, "c2@example.com", True,
                                                                                                  False, 1)]
    assert crossing.met(store, "b", "c", now=NOW) == []
    versions.set_status(store, "b", "paused", by=ANN, now=NOW)
    assert crossing.collisions(store, now=NOW) == [], "a paused journey writes to nobody"


def test_the_map_shows_stages_by_journeys_and_what_nobody_looks_after(store: Store) -> None:
    met(store)
    cells = crossing.journey_map(store, now=NOW)
    assert cells == [Cell("a", "lead", 1, 1, 1), Cell("a", "mql", 1, 1, 0), Cell("b", "lead", 1, 1, 0),
                     Cell("b", "mql", 1, 0, 0), Cell("c", "", 1, 0, 0)]
    bare = crossing.bare_stages(cells)
    assert "customer" in bare and "lead" not in bare
