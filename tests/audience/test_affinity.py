"""Topic affinity: what counts, how it fades, who is told, and what is left after a merger, a verdict, an erasure."""

from __future__ import annotations

import json
from math import log2
from typing import Any

import pytest

from engine.access import COMMAND_LINE, Actor
from engine.activity import events, verdicts
from engine.audience import affinity, segments, watch
from engine.audience.explaining import explain_rule
from engine.audience.rules import known, parse
from engine.content import templates
from engine.errors import BadInput, Forbidden, NotFound
from engine.people import contacts
from engine.store import Store
from tests.conftest import NOW

DAY = 86_400


def person(store: Store, name: str) -> int:
    contacts.save(store, {"email": f"{name}@x.test"}, by=COMMAND_LINE, now=NOW - 90 * DAY, source="test")
    return int(contacts.get(store, f"{name}@x.test").id)


def do(store: Store, who: int, name: str, thing: str | None, at: int, **more: Any) -> int:
    with store.transaction():
        events.insert_events(store, [{"contact_id": who, "name": name, "object": thing, "occurred_at": at, "received_at": at,
                                      "props": "{}", "dedupe_key": f"{who}{name}{thing}{at}", "source": "test"} | more])
    return events.last_id(store)


def tick(store: Store, now: int) -> None:
    affinity.refresh(store, now=now, upto=events.last_id(store))
    watch.refresh(store, now=now, upto=events.last_id(store))


def inside(store: Store, name: str) -> set[int]:
    return {row[0] for row in store.rows("SELECT m.contact_id FROM segment_member m JOIN segment s ON s.id = m.segment_id "
                                         "WHERE s.name = :name", name=name)}


def make(store: Store) -> None:
    affinity.save(store, "Tips", pages=["/Guides/"], links=["https://x.test/guides"], half_life_days=10, by=COMMAND_LINE,
                  now=NOW - 60 * DAY)


def test_clicks_and_visits_count_and_fade_and_opens_and_machines_do_not(store: Store) -> None:
    ada = person(store, "ada")
    templates.save(store, "Letter", html="<p>Hi <a href='https://x.test/a'>a</a></p>", subject="S", by=COMMAND_LINE, now=NOW)
    letter = templates.get(store, "letter").id
    with store.transaction():
        store.insert_many("message", [{"id": 7, "contact_id": ada, "channel": "email", "template_id": letter,
                                       "status": "sent", "created_at": 1, "due_at": 1}])
    old = NOW - 10 * DAY
    for name, thing, more in (
            ("page_view", "/guides", {"historic": 1}), ("page_view", "/guides/one", {}), ("page_view", "/guides?x=1", {}),
            ("page_view", "/guides-old", {}), ("page_view", None, {}), ("email_opened", "/guides", {"message_id": 7}),
            ("email_clicked", "https://x.test/guides#top", {"message_id": 7}),  # by its link and by its message: once
            ("email_clicked", "https://x.test/else", {}), ("email_clicked", "https://x.test/z", {"message_id": 7}),
            ("page_view", "/guides/bot", {"verdict": "machine"})):
        do(store, ada, name, thing, old, **more)
    made = affinity.save(store, "Tips", pages=["/Guides/"], links=["https://x.test/guides"], mails=["letter"],
                         half_life_days=10, by=COMMAND_LINE, now=NOW)
    assert (made.pages, made.mails) == (("/guides",), ("Letter",))
    assert affinity.of_contact(store, ada, now=NOW) == [("Tips", 2.5)]
    assert store.one("SELECT kappa FROM affinity") == pytest.approx(old + 10 * DAY * log2(5))
    do(store, ada, "page_view", "/guides/two", NOW)
    tick(store, NOW)
    assert affinity.of_contact(store, ada, now=NOW) == [("Tips", 3.5)]
    assert affinity.of_contact(store, ada, now=NOW + 10 * DAY) == [("Tips", 1.75)]
    affinity.save(store, "TIPS", pages=["/guides/two"], by=COMMAND_LINE, now=NOW)
    assert affinity.of_contact(store, ada, now=NOW) == [("Tips", 1.0)]
    assert affinity.of_contact(store, ada, now=NOW + 30 * DAY) == [("Tips", 0.5)]
    affinity.remove(store, "tips", by=COMMAND_LINE, now=NOW)
    assert not affinity.list_topics(store) and not store.rows("SELECT * FROM affinity")


def test_a_segment_hears_it_rise_and_fall_by_itself(store: Store) -> None:
    make(store)
    ada, bo = person(store, "ada"), person(store, "bo")
    segments.save(store, "Keen", {"affinity": "tips", "op": "at_least", "value": 1.5}, by=COMMAND_LINE, now=NOW)
    segments.save(store, "Cold", {"affinity": "Tips", "op": "less_than", "value": 1.5}, by=COMMAND_LINE, now=NOW)
    assert (inside(store, "Keen"), inside(store, "Cold")) == (set(), {ada, bo})
    for second in (0, 1):
        do(store, ada, "page_view", "/guides", NOW + second)
    tick(store, NOW + 1)
    assert (inside(store, "Keen"), inside(store, "Cold")) == ({ada}, {bo})
    falls = NOW + 10 * DAY * log2(2 / 1.5)
    tick(store, int(falls) - 1)
    assert inside(store, "Keen") == {ada}
    assert affinity.refresh(store, now=int(falls) + 2, upto=events.last_id(store)) == 0, "nothing is written for it to fall"
    tick(store, int(falls) + 2)
    assert (inside(store, "Keen"), inside(store, "Cold")) == (set(), {ada, bo})
    rule = parse({"affinity": "Tips", "value": 1.5}, known(store))
    assert {row[0] for row in store.rows(rule.members(past=True), now=NOW + 1)} == {ada}
    found = explain_rule(store, rule, ada, "ada", now=NOW + 1)
    assert found.matches and "2" in json.dumps([str(one) for one in found.lines])


def test_a_merger_a_verdict_and_an_erasure(store: Store) -> None:
    make(store)
    ada, bo = person(store, "ada"), person(store, "bo")
    do(store, ada, "page_view", "/guides", NOW)
    judged = do(store, bo, "page_view", "/guides", NOW)
    tick(store, NOW)
    contacts.merge(store, ada, bo, by=COMMAND_LINE, now=NOW)
    tick(store, NOW)
    assert affinity.of_contact(store, ada, now=NOW) == [("Tips", 2.0)]
    verdicts.judge(store, [judged], "machine", by=COMMAND_LINE, now=NOW)
    tick(store, NOW)
    assert affinity.of_contact(store, ada, now=NOW) == [("Tips", 1.0)]
    contacts.erase(store, ada, by=COMMAND_LINE, now=NOW)
    tick(store, NOW)
    assert not store.rows("SELECT * FROM affinity")


def test_the_report_sets_a_period_against_the_one_before(store: Store) -> None:
    make(store)
    affinity.save(store, "Prices", pages=["/pricing"], by=COMMAND_LINE, now=NOW)
    ada, bo = person(store, "ada"), person(store, "bo")
    for who, thing, ago in ((ada, "/guides", 1), (ada, "/guides/2", 2), (bo, "/guides", 3), (bo, "/guides", 40),
                            (bo, "/pricing", 45), (ada, "/pricing", 100)):
        do(store, who, "page_view", thing, NOW - ago * DAY)
    tick(store, NOW)
    tips, prices = affinity.report(store, now=NOW)
    assert (tips.topic, tips.interested, tips.people, tips.times, tips.before, tips.trend) == ("Tips", 1, 2, 3, 1, 1.0)
    assert (prices.topic, prices.people, prices.before, prices.trend) == ("Prices", 0, 1, -1.0)
    assert affinity.report(store, days=7, now=NOW)[0].trend is None


@pytest.mark.parametrize(("more", "says"), [
    ({"pages": ["guides"]}, "page 'guides': write a path that begins with /"),
    ({"links": ["/guides"]}, "link '/guides': write an address that begins with https://"),
    ({}, "name 1 to 200 pages, links or templates"), ({"pages": ["/x"], "half_life_days": 0}, "half-life 0: 1 to 730 days")])
def test_what_is_no_topic_is_refused(memory: Store, more: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        affinity.save(memory, "Tips", **more, by=COMMAND_LINE, now=NOW)
    with pytest.raises(Forbidden):
        affinity.save(memory, "Tips", pages=["/x"], by=Actor("Ana", "analyst"), now=NOW)
    with pytest.raises(NotFound):
        affinity.remove(memory, "Tips", by=COMMAND_LINE, now=NOW)
