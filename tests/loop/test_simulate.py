"""Simulation: the same steps as live when fed the same events, nothing written, the same answer for the same seed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.access import setting
from engine.activity import events
from engine.audience import affinity
from engine.clock import DAY, HOUR
from engine.errors import BadInput, Invalid
from engine.journeys import documents, drafts, reading, versions
from engine.loop.simulate import needs, simulate, text_of
from engine.loop.virtual import World
from engine.people import consent, contacts, fields
from engine.schema import open_memory
from engine.sql import sql
from engine.store import Store
from tests.journeys import worlds
from tests.journeys.worlds import ANN, START, journey

WAVE = journey(
    {"id": "hello", "type": "send", "template": "t", "next": "clicked"},
    {"id": "clicked", "type": "wait_for", "event": {"event": "email_clicked", "of": "hello"}, "timeout": "2d",
     "on": {"happened": "warm", "timeout": "cold"}},
    {"id": "warm", "type": "tag", "add": ["warm"], "next": "again"},
    {"id": "again", "type": "send", "template": "u", "next": "done"},
    {"id": "cold", "type": "tag", "add": ["cold"], "next": "done"},
    {"id": "done", "type": "exit", "reason": "finished"}, name="wave", exit=[{"rule": {"tag": "bought"}, "reason": "bought"}])


def people(store: Store, count: int) -> None:
    worlds.add_contacts(store, count)
    worlds.add_templates(store, "t", "u")
    fields.define(store, "visits", "number", by=ANN, now=START)
    with store.transaction():
        consent.record(store, range(1, count + 1), "email", "subscribed", basis="test", source="test", by=ANN, now=START)


def told(store: Store, name: str) -> list[tuple[Any, ...]]:
    """Every step of a journey: when, whose, where, which way."""
    return store.rows("""SELECT s.at, r.contact_id, n.key, s.seq, s.port FROM step s JOIN node n ON n.id = s.node_id
        JOIN enrollment r ON r.id = s.token_id / 64 JOIN journey j ON j.id = r.journey_id WHERE j.name = :name
        ORDER BY s.at, r.contact_id, s.seq, n.key""", name=name)


def live(store: Store, graph: dict[str, Any], happened: list[tuple[int, str, dict[str, Any]]], until: int, **more: Any) -> None:
    """The workspace as it really went."""
    worlds.publish(store, graph)
    world = World(store, START, **more)
    world.expect(happened)
    world.run(until)


def rows_there(store: Store) -> list[int]:
    return [store.one(f"SELECT COUNT(*) FROM {name}") for name in ("event", "message", "audit", "step", "journey_version")]


def ports(rows: list[tuple[Any, ...]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for *_, key, _, port in rows:
        if port is not None:
            found.setdefault(key, {}).setdefault(port, 0)
            found[key][port] += 1
    return found


ACTS = st.lists(st.tuples(st.integers(1, 900), st.integers(1, 4), st.sampled_from(["signup", "a", "b", "goal", "stop"])),
                min_size=4, max_size=14)


@settings(max_examples=8, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10_000), acts=ACTS)
def test_a_replay_takes_the_steps_that_were_taken(seed: int, acts: list[tuple[int, int, str]]) -> None:
    graph = worlds.build(seed)
    store = open_memory()
    people(store, 4)
    live(store, graph, [(START + at, "event", {"contact_id": who, "name": name}) for at, who, name in sorted(acts)],
         START + 1_500)
    real = told(store, graph["name"])
    found = simulate(store, documents.dump(graph), now=START + 1_500, since=START, until=START + 1_500)
    assert found.entered == len(store.rows("SELECT id FROM enrollment"))
    assert found.by_node == {key: ports(real)[key] for key in found.by_node} and set(found.by_node) == set(ports(real))
    assert found.exits == dict(store.rows(
        "SELECT COALESCE(reason, status), COUNT(*) FROM enrollment WHERE status <> 'active' GROUP BY 1"))
    store.close()


def test_real_answers_to_its_own_mail_are_given_again(store: Store) -> None:
    people(store, 6)

    def clicks(message: dict[str, Any], now: int) -> list[tuple[int, str, dict[str, Any]]]:
        return [(now + 7 * HOUR, "event", {"contact_id": message["contact_id"], "name": "email_clicked", "verdict": "human",
                                           "message_id": message["id"]})] if message["contact_id"] % 2 else []

    live(store, WAVE, [(START + DAY + who, "event", {"contact_id": who, "name": "signup"}) for who in range(1, 7)],
         START + 9 * DAY, answers=clicks)
    real = told(store, "wave")
    before = rows_there(store)
    found = simulate(store, documents.dump(WAVE), now=START + 9 * DAY, since=START, until=START + 9 * DAY)
    assert found.by_node == ports(real)
    assert found.by_node["clicked"] == {"happened": 3, "timeout": 3}
    assert found.messages == {"hello": 6, "again": 3}
    assert before == rows_there(store), "nothing is written to the workspace"


def test_facts_are_as_they_stood_and_change_when_they_did(store: Store) -> None:
    people(store, 4)
    with store.transaction():
        contacts.upsert_many(store, [{"contact_id": 1, "locale": "de"}], now=START + 2 * DAY, source="by hand")
        contacts.upsert_many(store, [{"contact_id": 2, "locale": "fr"}], now=START - DAY, source="by hand")
        contacts.upsert_many(store, [{"contact_id": 2, "locale": "de"}], now=START + 5 * DAY, source="by hand")
        contacts.add_tags(store, [3], ["bought"], now=START + 3 * DAY, source="by hand")
        events.insert_events(store, [{"contact_id": who, "name": "signup", "occurred_at": START + HOUR,
                                      "received_at": START + HOUR, "props": "{}", "dedupe_key": f"s{who}", "source": "api"}
                                     for who in (1, 2, 3)])
    graph = journey(
        {"id": "rest", "type": "wait", "for": "4d", "next": "german"},
        {"id": "german", "type": "condition", "rule": {"field": "locale", "op": "is", "value": "de"},
         "on": {"yes": "done", "no": "done"}},
        {"id": "done", "type": "exit"}, name="facts", exit=[{"rule": {"tag": "bought"}, "reason": "bought"}])
    found = simulate(store, documents.dump(graph), now=START + 10 * DAY, since=START)
    assert found.by_node["german"] == {"yes": 1, "no": 1}, "on the fourth day the second one was still French"
    assert found.exits["bought"] == 1
    assert store.one("SELECT COUNT(*) FROM journey") == 0


def test_affinity_is_what_it_was_and_follows_the_events(store: Store) -> None:
    people(store, 3)
    with store.transaction():
        events.insert_events(store, [{"contact_id": who, "name": name, "object": thing, "occurred_at": at, "received_at": at,
                                      "props": "{}", "dedupe_key": f"{who}{name}{at}", "source": "api"}
                                     for who, name, thing, at in (
            *((1, "page_view", "/guides", START - HOUR + second) for second in range(8)),
            (2, "page_view", "/guides", START + 2 * DAY), *((who, "signup", None, START + HOUR) for who in (1, 2, 3)))])
    affinity.save(store, "Tips", pages=["/guides"], half_life_days=1, by=ANN, now=START + 10 * DAY)
    graph = journey(
        {"id": "rest", "type": "wait", "for": "4d", "next": "keen"},
        {"id": "keen", "type": "condition", "rule": {"affinity": "Tips", "op": "at_least", "value": 0.2},
         "on": {"yes": "done", "no": "done"}}, {"id": "done", "type": "exit"}, name="keen")
    assert affinity.of_contact(store, 2, now=START + 10 * DAY) == [], "today it is gone"
    assert simulate(store, documents.dump(graph), now=START + 10 * DAY, since=START).by_node["keen"] == {"yes": 2, "no": 1}


def test_forward_is_the_same_for_the_same_seed_and_says_what_it_assumes(memory: Store) -> None:
    people(memory, 30)
    worlds.publish(memory, WAVE)
    with memory.transaction():
        events.insert_events(memory, [{
            "contact_id": who, "name": "signup", "occurred_at": START + who * HOUR, "received_at": START + who * HOUR,
            "props": "{}", "dedupe_key": f"s{who}", "source": "api"} for who in range(1, 31)])
    text, now = documents.dump({**WAVE, "name": "trial"}), START + 28 * DAY
    one, other, another = (simulate(memory, text, now=now, forward_days=28, seed=seed) for seed in (3, 3, 4))
    assert (one.entered, one.mode) == (30, "forward")
    assert (one.by_node, one.messages, one.walk) == (other.by_node, other.messages, other.walk)
    assert one.by_node != another.by_node or one.per_day != another.per_day
    assert any("assumed rates" in line for line in one.assumptions)
    assert one.collisions and one.collisions[0].journey == "wave", "the live one mails the same people"
    assert memory.one("SELECT COUNT(*) FROM message") == 0


def test_complaint_5_a_draft_is_tried_on_what_really_happened_before_anybody_gets_it(store: Store) -> None:
    """COMPLAINTS 5: elsewhere one clones the campaign, or looks at one made-up user. Here a draft that was never published
    goes over everybody's real months, with the caps, the exits and the ways that they would have met."""
    people(store, 6)
    happened = [(START + DAY, who, "signup") for who in (1, 2, 3, 4)] + [(START + 2 * DAY, who, "a") for who in (1, 2)]
    happened += [(START + 3 * DAY, 1, "purchase"), (START + 40 * DAY, 5, "signup")]
    for at, who, name in happened:
        worlds.record(store, who, name, at)
    with store.transaction():
        consent.record(store, [4], "email", "unsubscribed", basis="test", source="test", by=ANN, now=START + DAY // 2)
    draft = journey(
        {"id": "hello", "type": "send", "template": "t", "next": "soon"},
        {"id": "soon", "type": "send", "template": "u", "next": "keen"},
        {"id": "keen", "type": "wait_for", "event": {"event": "a"}, "timeout": "5d",
         "on": {"happened": "rest", "timeout": "end"}},
        {"id": "rest", "type": "wait", "for": "9d", "next": "vip"},
        {"id": "vip", "type": "condition", "rule": {"tag": "vip"}, "on": {"yes": "gift", "no": "end"}},
        {"id": "gift", "type": "send", "template": "u", "next": "end"},
        {"id": "end", "type": "exit", "reason": "finished"}, name="idea",
        exit=[{"rule": {"event": "purchase"}, "reason": "bought"}])
    drafts.save_draft(store, "idea", documents.dump(draft), rev=0, by=ANN, now=START + 50 * DAY)
    before = rows_there(store)
    found = simulate(store, text_of(store, "idea"), now=START + 50 * DAY, since=START, until=START + 30 * DAY)
    assert (found.mode, found.entered, found.exits) == ("replay", 4, {"bought": 1, "finished": 3})
    assert found.by_node["keen"] == {"happened": 2, "timeout": 2} and found.by_node["rest"] == {"exited": 1, "next": 1}
    assert found.messages == {"hello": 3, "soon": 3} and found.skipped == {"unsubscribed": 2}
    assert found.delayed == 3, "the second mail waits for its turn under the cap"
    assert found.dead == ("vip.yes", "gift.sent") and found.walk is not None
    assert before == rows_there(store) and versions.list_journeys(store)[0].entered == 0, "and nobody got anything"


def test_a_sample_is_part_of_everybody_and_says_so(memory: Store) -> None:
    people(memory, 40)
    with memory.transaction():
        events.insert_events(memory, [{
            "contact_id": who, "name": "signup", "occurred_at": START + 9, "received_at": START + 9, "props": "{}",
            "dedupe_key": f"s{who}", "source": "api"} for who in range(1, 41)])
    found = simulate(memory, documents.dump(WAVE), now=START + DAY, since=START, sample=10, seed=2)
    assert (found.contacts, found.of_contacts, found.entered, found.scale) == (10, 40, 10, 4.0)
    assert found.sentences[0].startswith("A sample of 10 of 40 contacts")


def test_caps_of_the_workspace_hold_and_count_what_others_sent(memory: Store) -> None:
    people(memory, 2)
    other = journey({"id": "push", "type": "send", "template": "u", "next": "end"}, {"id": "end", "type": "exit"}, name="other")
    happened = [(START + HOUR, "event", {"contact_id": 1, "name": "signup"}),
                (START + 3 * HOUR, "event", {"contact_id": 1, "name": "a"}),
                (START + 3 * HOUR, "event", {"contact_id": 2, "name": "a"})]
    live(memory, other, happened, START + DAY)
    draft = journey({"id": "mail", "type": "send", "template": "t", "next": "end"}, {"id": "end", "type": "exit"},
                    name="draft", trigger={"event": "a"})
    found = simulate(memory, documents.dump(draft), now=START + DAY, since=START, until=START + DAY)
    assert found.messages == {"mail": 2} and found.delayed == 1, "one mail in 16 hours, whoever sends it"
    assert [(one.journey, one.near) for one in found.collisions] == [("other", 1)]


def test_what_can_not_be_simulated_says_why(memory: Store) -> None:
    text = documents.dump(WAVE)
    with pytest.raises(Invalid):
        simulate(memory, text, now=START)
    worlds.add_templates(memory, "t", "u")
    with pytest.raises(BadInput, match="not both"):
        simulate(memory, text, now=START, since=START - DAY, forward_days=3)
    with pytest.raises(BadInput, match="1 to 366 days"):
        simulate(memory, text, now=START, forward_days=0)
    with pytest.raises(BadInput, match="goes from a moment"):
        simulate(memory, text, now=START, since=START + DAY)
    with pytest.raises(BadInput, match="at least 1"):
        simulate(memory, text, now=START, sample=0)


def test_unknown_ways_and_nobody(memory: Store) -> None:
    worlds.add_templates(memory, "t", "u")
    found = simulate(memory, documents.dump(WAVE), now=START)
    assert (found.entered, found.messages, found.walk, found.dead) == (0, {}, None, ())
    assert json.dumps(found.sentences) and setting(memory, "demo") is None
    assert versions.list_journeys(memory) == []


def seen(store: Store, *rows: tuple[int, str, str | None, int]) -> None:
    with store.transaction():
        events.insert_events(store, [{"contact_id": who, "name": name, "object": thing, "occurred_at": at, "received_at": at,
                                      "props": "{}", "dedupe_key": f"{who}{name}{thing}{at}", "source": "api"}
                                     for who, name, thing, at in rows])


def test_a_trigger_that_does_not_say_its_event_is_heard(memory: Store) -> None:
    people(memory, 3)
    seen(memory, (1, "page_view", "/pricing", START + HOUR), (2, "page_view", "/blog", START + HOUR),
         (3, "form_submitted", "ask", START + HOUR))
    graph = journey({"id": "priced", "type": "condition", "rule": {"event": "page_view", "where": {"object": "/pricing"}},
                     "on": {"yes": "end", "no": "end"}}, {"id": "end", "type": "exit"}, name="pages")
    graph["entry"] = {"trigger": [{"page": "/*"}, {"form": "any"}]}
    found = simulate(memory, documents.dump(graph), now=START + DAY, since=START)
    assert found.by_node["priced"] == {"yes": 1, "no": 2}


def test_forward_an_event_that_came_in_late_meets_the_consent_that_came_before_it(memory: Store) -> None:
    worlds.add_templates(memory, "t", "u")
    who = contacts.save(memory, {"email": "new@example.com"}, by=ANN, now=START + HOUR, source="test").id
    with memory.transaction():
        events.insert_events(memory, [{"contact_id": who, "name": "signup", "occurred_at": START + HOUR, "props": "{}",
                                       "received_at": START + 5 * HOUR, "dedupe_key": "late", "source": "api"}])
        consent.record(memory, [who], "email", "subscribed", basis="test", source="test", by=ANN, now=START + 3 * HOUR)
    found = simulate(memory, documents.dump(WAVE), now=START + DAY, forward_days=7)
    assert (found.messages.get("hello"), found.skipped) == (1, {})


def test_only_the_events_that_somebody_asks_about_come_along(memory: Store) -> None:
    people(memory, 1)
    seen(memory, (1, "page_view", "/pricing", START), (1, "page_view", "/blog", START), (1, "other", None, START))
    asked = {"event": "page_view", "where": {"object": {"op": "is", "value": "/Pricing"}}}
    end = {"id": "end", "type": "exit"}
    one = journey({"id": "c", "type": "condition", "rule": asked, "on": {"yes": "end", "no": "end"}}, end)
    all_ = journey({"id": "c", "type": "condition", "rule": {"all": [asked, {"event": "page_view"}]},
                    "on": {"yes": "end", "no": "end"}}, end)
    for graph, things in ((one, {"/pricing"}), (all_, {"/pricing", "/blog"})):
        wanted = needs.find(memory, reading.read(graph, reading.known(memory))).events
        assert wanted is not None
        assert {row[0] for row in memory.rows(sql("SELECT e.object FROM event e WHERE {only}", only=needs.only("e", wanted)))
                } == things
