"""Reports by groups of people: everybody in the group they were in at the moment that counts, and every sum closes."""

from __future__ import annotations

from typing import Any

import pytest

from engine.access import COMMAND_LINE
from engine.audience import affinity, personas, segments
from engine.clock import DAY
from engine.errors import BadInput, NotFound
from engine.measure import breakdown, groups, roi
from engine.measure.breakdown import Breakdown
from engine.store import Store

from .world import CLOSE, NOW, World, day

SINCE, KEPT = day(60), day(50)


@pytest.fixture
def world(store: Store) -> World:
    """Two personas and a segment, kept since fifty days before the close; nobody matches: tests say who was what, when."""
    for name in ("Builder", "Buyer"):
        personas.save(store, name, {"tag": f"no {name}"}, by=COMMAND_LINE, now=KEPT)
    segments.save(store, "Hot", {"tag": "no hot"}, by=COMMAND_LINE, now=KEPT)
    return World(store)


def was(world: World, contact: int, segment: str, *moments: tuple[int, str]) -> None:
    number = world.store.one("SELECT s.id FROM segment s WHERE s.name = :name", name=segment)
    for at, change in moments:
        world.insert("segment_change", segment_id=number, contact_id=contact, change=change, at=at)


def parts(found: Breakdown, *figures: str) -> dict[str, tuple[Any, ...]]:
    return {one.group: tuple(getattr(one, name) for name in figures) for one in found.parts}


def test_everybody_counts_as_who_they_were_then(world: World) -> None:
    ada, bo, cy = world.contact("ada", created_at=day(55), stage="lead"), world.contact("bo"), world.contact("cy")
    world.stage(ada, "lead", "mql", day(20))
    was(world, ada, "Persona: Builder", (day(40), "entered"), (day(15), "left"))
    was(world, ada, "Persona: Buyer", (day(15), "entered"))
    was(world, bo, "Persona: Builder", (day(40), "entered"), (day(5), "left"))
    spring = world.campaign("Spring")
    for who, at in ((ada, day(30)), (ada, day(10)), (bo, day(30)), (cy, day(30)), (ada, day(52))):
        mail = world.message(who, spring, at)
        if at == day(30) and who != cy:
            world.event(who, "email_clicked", at + 60, mail)
    world.event(ada, "email_clicked", day(12), campaign="Spring")
    world.deal([ada, bo], 1_001)
    world.deal([cy], 500)
    found = breakdown.report(world.store, groups.read(world.store, "persona"), since=SINCE, until=NOW)
    assert parts(found, "sent", "clicked") == {"Builder": (2, 2), "Buyer": (1, 0), "no persona": (1, 0), "not kept yet": (1, 0)}
    assert parts(found, "leads", "mqls") == {"Builder": (0, 1), "Buyer": (0, 0), "no persona": (0, 0), "not kept yet": (1, 0)}
    assert parts(found, "customers", "deals", "closed_won_minor", "no_touch_minor") == {
        "Builder": (0, 0, 0, 0), "Buyer": (0.5, 0.5, 501, 0), "no persona": (1.5, 1.5, 1_000, 500),
        "not kept yet": (0, 0, 0, 0)}
    assert parts(found, "credited_minor") == {"Builder": (668,), "Buyer": (333,), "no persona": (0,), "not kept yet": (0,)}
    whole = roi.report(world.store, since=SINCE, until=NOW)
    for name, value in (("leads", whole.new_leads), ("mqls", whole.new_mqls), ("customers", whole.new_customers),
                        ("deals", whole.deals_won), ("closed_won_minor", whole.closed_won_minor),
                        ("credited_minor", whole.credited_minor), ("no_touch_minor", whole.no_touch_minor)):
        assert sum(getattr(one, name) for one in found.parts) == value, name
    assert "kept since" in found.notes[0] and set(found.moments) == set(vars(found.parts[0])) - {"group"}
    bought = breakdown.report(world.store, groups.read(world.store, "persona"), since=SINCE, until=NOW, campaign="spring")
    assert sum(one.credited_minor for one in bought.parts) == 1_001 and sum(one.sent for one in bought.parts) == 5


def test_a_topic_is_what_somebody_had_read_by_then(world: World) -> None:
    for topic, page in (("Prices", "/pricing"), ("News", "/news")):
        affinity.save(world.store, topic, pages=[page], half_life_days=10, by=COMMAND_LINE, now=KEPT)
    ada, bo = world.contact("ada", stage="lead"), world.contact("bo", stage="mql")
    for at, page in ((day(40), "/news/x"), (day(12), "/pricing"), (day(11), "/pricing")):
        world.event_of(ada, page, at)
    world.event_of(bo, "/news", day(30), verdict="machine")
    spring = world.campaign("Spring")
    for at in (day(41), day(40), day(39), day(10), day(1)):
        world.message(ada, spring, at)
    world.message(bo, spring, day(10))
    by_topic = groups.read(world.store, "topic")
    found = breakdown.report(world.store, by_topic, since=SINCE, until=NOW)
    assert parts(found, "sent") == {"News": (1,), "Prices": (1,), "no topic": (4,)}, "one click is half a click ten days later"
    assert breakdown.funnel(world.store, by_topic, now=day(10)) == [("Prices", "lead", 1), ("no topic", "mql", 1)]


def test_a_segment_is_inside_and_outside(world: World) -> None:
    ada = world.contact("ada")
    was(world, ada, "Hot", (day(40), "entered"), (day(30), "left"), (day(30), "entered"), (day(20), "left"))
    spring = world.campaign("Spring")
    for at in (day(55), day(40), day(30), day(20)):
        world.message(ada, spring, at)
    found = breakdown.report(world.store, groups.read(world.store, "segment: hot"), since=SINCE, until=NOW)
    assert parts(found, "sent") == {"in Hot": (2,), "not in Hot": (1,), "not kept yet": (1,)}


def test_a_source_is_the_one_somebody_came_with(world: World) -> None:
    for name, source in (("ada", "Fair"), ("bo", " "), ("cy", None)):
        world.message(world.contact(name, source=source), world.campaign(name), day(10))
    found = breakdown.report(world.store, groups.read(world.store, "source"), since=SINCE, until=NOW)
    assert parts(found, "sent") == {"Fair": (1,), "no source": (2,)}


def test_what_can_not_be_asked_is_said(store: Store) -> None:
    for text, wrong in (("color", "write persona, topic, source or segment:NAME"), ("persona", "there are no personas"),
                        ("topic", "there are no topics")):
        with pytest.raises(BadInput, match=wrong):
            groups.read(store, text)
    with pytest.raises(NotFound, match="no segment"):
        groups.read(store, "segment:Cold")
    segments.save(store, "Hot", {"tag": "x"}, by=COMMAND_LINE, now=NOW)
    assert groups.choices(store) == ["source", "segment:Hot"] and CLOSE + DAY < NOW
