"""Why somebody did not get in: the condition that failed, as it was known then."""

from __future__ import annotations

import pytest

from engine.access import COMMAND_LINE
from engine.activity import events
from engine.audience import segments, watch
from engine.content import templates
from engine.errors import NotFound
from engine.journeys import documents, enrolling, versions
from engine.journeys.runner import Runner
from engine.loop.why_not import WhyNot, why_not
from engine.people import contacts
from engine.store import Store
from tests.conftest import NOW
from tests.journeys.worlds import ANN, journey, record

END = {"id": "e", "type": "exit"}
SIGNUP = {"event": "signup", "where": {"plan": {"op": "is", "value": "pro"}}}


def person(store: Store) -> int:
    with store.transaction():
        contacts.upsert_many(store, [{"email": "ada@example.com", "stage": "lead"}], now=NOW - 500, source="test")
    return int(store.one("SELECT c.id FROM contact c"))


def live(store: Store, now: int = NOW - 100, **more: object) -> None:
    versions.publish(store, documents.dump(journey(END, **more)), by=ANN, now=now)  # type: ignore[arg-type]


def asked(store: Store, who: str = "ada@example.com", now: int = NOW + 1_000) -> WhyNot:
    return why_not(store, who, "j", now=now)


def code(found: WhyNot) -> str:
    return found.candidates[0].code


def test_complaint_4_why_did_this_contact_not_get_it(store: Store) -> None:
    """COMPLAINTS 4: each reason is told, with what was seen, and not guessed from how things are today."""
    ada = person(store)
    record(store, ada, "signup", NOW - 200, plan="pro")
    Runner(store).tick(NOW - 150)
    live(store, trigger=SIGNUP, reentry={"policy": "cooldown", "after": "1d"})
    assert code(asked(store)) == "before"
    record(store, ada, "signup", NOW + 10, plan="free")
    assert code(asked(store)) == "unheard"
    Runner(store).tick(NOW + 10)
    found = asked(store)
    assert code(found) == "no_match" and found.candidates[0].evidence["plan"] == "free"
    versions.set_status(store, "j", "paused", by=ANN, now=NOW + 20)
    record(store, ada, "signup", NOW + 30, plan="pro")
    Runner(store).tick(NOW + 30)
    versions.set_status(store, "j", "live", by=ANN, now=NOW + 40)
    assert code(asked(store)) == "closed" and "paused" in asked(store).verdict
    record(store, ada, "signup", NOW + 50, plan="pro")
    Runner(store).tick(NOW + 50)
    assert (code(asked(store)), asked(store).entered) == ("entered", 1)
    record(store, ada, "signup", NOW + 60, plan="pro")
    Runner(store).tick(NOW + 60)
    found = asked(store)
    assert code(found) == "reentry" and "1 day" in found.verdict and found.candidates[0].evidence["started_at"] == NOW + 50
    assert [one.code for one in found.candidates] == ["reentry", "entered", "closed", "no_match", "before"]


def test_nothing_came_in_and_imports_wake_nobody(memory: Store) -> None:
    from_import = {"contact_id": 1, "name": "signup", "occurred_at": NOW, "received_at": NOW, "props": '{"plan": "pro"}',
                   "dedupe_key": "i", "source": "import", "historic": 1}
    person(memory)
    live(memory, trigger=SIGNUP)
    assert "No event signup of theirs" in asked(memory, "ada@example.com").verdict
    with memory.transaction():
        events.insert_events(memory, [from_import])
    Runner(memory).tick(NOW)
    assert code(asked(memory, "ada@example.com")) == "historic"
    with pytest.raises(NotFound):
        asked(memory, "nobody@example.com")


def test_whoever_is_not_in_the_entry_segment_is_told_which_condition_fails(store: Store) -> None:
    person(store)
    segments.save(store, "Leads", {"all": [{"field": "stage", "op": "is", "value": "lead"}, {"tag": "vip"}]}, by=COMMAND_LINE,
                  now=NOW)
    watch.refresh(store, now=NOW, upto=events.last_id(store))
    templates.save(store, "t", html="<p>t</p>", subject="t", by=ANN, now=NOW)
    live(store, trigger={"segment": "Leads", "on": "entered"})
    found = asked(store)
    assert not found.candidates and "not in “Leads”" in found.verdict and "vip" in found.verdict
    assert {line.sentence: line.matches for line in found.lines if line.observed or line.depth}


def test_a_journey_by_hand_waits_for_a_hand(memory: Store) -> None:
    person(memory)
    live(memory, trigger={"manual": True})
    assert "nobody has enrolled them" in asked(memory, "ada@example.com").verdict
    enrolling.enroll(memory, "ada@example.com", "j", by=ANN, now=NOW)
    assert code(asked(memory, "ada@example.com")) == "unheard"
    Runner(memory).tick(NOW)
    assert asked(memory, "ada@example.com").verdict.startswith("They did enter")
