"""What steps do to a contact beyond tags and scores: numbers, copies, lists, suppression, deals and tasks."""

from __future__ import annotations

import json

import pytest

from engine.audience import routing
from engine.errors import Invalid
from engine.journeys import lint, reading
from engine.journeys.runner import Runner
from engine.people import consent, contacts, fields
from engine.store import Store

from .worlds import ANN, Document, journey, publish, record, runner, tick

T0 = 1_760_000_000 // 60 * 60
END = {"id": "e", "type": "exit"}


def node(kind: str, **settings: object) -> Document:
    return {"id": "s", "type": kind, "next": "e", **settings}


def start(store: Store, *graphs: Document, signups: int = 1) -> Runner:
    fields.define(store, "Visits", "number", by=ANN, now=T0)
    fields.define(store, "Seen", "number", by=ANN, now=T0)
    for name in ("ada", "bo"):
        contacts.save(store, {"email": f"{name}@example.com", "owner": "sam@example.com", "seen": 2 if name == "ada" else ""},
                      by=ANN, now=T0, source="t")
    with store.transaction():
        contacts.ensure_lists(store, ["News", "Old"], now=T0)
        contacts.add_to_list(store, [1], "Old", now=T0, source="t")
    publish(store, *graphs)
    for _ in range(signups):
        for contact in (1, 2):
            record(store, contact, "signup", T0)
    engine = runner(store)
    tick(engine, T0)
    return engine


def field_of(store: Store, name: str) -> list[object]:
    return [contacts.get(store, who).fields.get(name) for who in (1, 2)]


def test_a_number_is_added_to_once_for_each_passage_and_logged(store: Store) -> None:
    start(store, journey(node("increment_field", field="visits", by=2.5), END, reentry={"policy": "concurrent"}), signups=2)
    assert field_of(store, "Visits") == [5, 5]
    assert store.rows("SELECT name, old, new FROM contact_change WHERE contact_id = 2 AND source LIKE 'journey%'") == [
        ("visits", None, "5")]


def test_a_field_takes_what_brought_the_person_there(store: Store) -> None:
    """Each passage its own; of two at once the later counts; what is no value of the field changes nothing."""
    fields.define(store, "Plan", "enum", options=("Free", "Pro"), by=ANN, now=T0)
    take = [{"id": name, "type": "set_field", "field": name, "trigger": prop, "next": following} for name, prop, following in (
        ("visits", "seats", "locale"), ("locale", "cart", "plan"), ("plan", "plan", "e"))]
    engine = start(store, journey(*take, END, reentry={"policy": "concurrent"}), signups=0)
    for contact, props in ((1, {"seats": 3, "cart": 7, "plan": "Pro"}), (1, {"seats": 4.5, "cart": "c é"}),
                           (2, {"seats": "many", "cart": [1], "plan": "Gold"})):
        record(store, contact, "signup", T0, **props)
    tick(engine, T0)
    assert field_of(store, "Visits") == [4.5, None] and field_of(store, "Plan")[1] is None
    assert [contacts.get(store, who).locale for who in (1, 2)] == ["c é", None]
    assert store.one("SELECT new FROM contact_change WHERE name = 'visits' AND source LIKE 'journey%'") == "4.5"


@pytest.mark.parametrize(("settings", "words"), [
    ({"field": "visits", "value": 1, "trigger": "seats"}, "either `value`, or `trigger`"), ({"field": "visits"}, "either"),
    ({"field": "locale", "value": "{{ trigger.language }}"}, "trigger: NAME"),
    ({"field": "time_zone", "trigger": "zone"}, "can not be read from what brought")])
def test_where_a_field_gets_its_value_from_is_said_once(store: Store, settings: Document, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        start(store, journey(node("set_field", **settings), END))


def test_a_field_is_copied_empty_or_not(store: Store) -> None:
    copy = {"id": "c", "type": "copy_field", "from": "seen", "to": "visits", "next": "e"}
    start(store, journey(node("set_field", field="visits", value=9, next="c"), copy, END))
    assert field_of(store, "Visits") == [2, None]
    assert store.rows("""SELECT contact_id, old, new FROM contact_change WHERE name = 'visits' AND old IS NOT NULL
        ORDER BY 1""") == [(1, "9", "2"), (2, "9", None)]


def test_lists_are_joined_and_left(store: Store) -> None:
    start(store, journey(node("list", add=["news"], remove=["old"]), END))
    assert store.rows("""SELECT k.contact_id, l.name FROM contact_list k JOIN list l ON l.id = k.list_id ORDER BY 1""") == [
        (1, "News"), (2, "News")]
    assert store.rows("SELECT contact_id, name, old, new FROM contact_change WHERE kind = 'list' AND at = :at "
                      "AND source LIKE 'journey%' ORDER BY 1, 2", at=T0) == [
        (1, "News", None, "News"), (1, "Old", "Old", None), (2, "News", None, "News")]


def test_sunset_puts_the_address_on_the_list_of_the_channel(store: Store) -> None:
    engine = start(store, journey(node("sunset", reason="silent for 120 days"), END, reentry={"policy": "after_finish"}))
    assert consent.is_suppressed(store, "ada@example.com") and not consent.is_suppressed(store, "ada@example.com", "sms")
    record(store, 1, "signup", T0 + 9)
    tick(engine, T0 + 9)
    assert store.rows("SELECT reason, evidence, level, channel FROM suppression") == [
        ("sunset", "silent for 120 days", "channel", "email")] * 2


def test_a_deal_is_opened_for_the_owner_and_is_an_event_with_its_value(store: Store) -> None:
    heard = journey(END, name="other", trigger={"event": "deal_created", "where": {"value": {"op": "at_least", "value": 1000}}})
    start(store, journey(node("deal", name="Upgrade", stage="new", amount=1200.5, currency="eur"), END), heard)
    assert store.rows("""SELECT k.contact_id, d.name, d.stage, d.amount_minor, d.currency, d.owner, d.won FROM deal d
        JOIN deal_contact k ON k.deal_id = d.id ORDER BY 1""") == [
        (who, "Upgrade", "new", 120_050, "EUR", "sam@example.com", None) for who in (1, 2)]
    assert store.one("SELECT COUNT(*) FROM enrollment r JOIN journey j ON j.id = r.journey_id AND j.key = 'other'") == 2
    assert {who for (who,) in store.rows("SELECT contact_id FROM dirty_contact")} == {1, 2}, "their companies add them up"


def test_a_task_lands_on_the_desk_that_routing_chooses(store: Store) -> None:
    routing.save_rep(store, routing.Rep("rita@example.com", "Rita"), by=ANN, now=T0)
    start(store, journey(node("task", why="Call about the renewal"), END))
    routing.refresh(store, now=T0, upto=10**6)
    assert store.rows("SELECT contact_id, owner, why, status FROM task ORDER BY 1") == [
        (who, "rita@example.com", "Call about the renewal", "open") for who in (1, 2)]


AWKWARD = 'a "quoted" \\ {é} 50% :now\n'


def test_tasks_deals_and_events_say_what_brought_the_person_there(store: Store) -> None:
    """Each passage its own; what somebody came without has its default, or is left out; what is no text or number too."""
    routing.save_rep(store, routing.Rep("rita@example.com", "Rita"), by=ANN, now=T0)
    start(store, journey(
        node("task", why="Call about {{ trigger.plan | default('the renewal') }}, {{event['seat count']}} seats", next="d"),
        {"id": "d", "type": "deal", "name": "{{ trigger.plan }}", "stage": "{{ trigger.stage }}", "next": "m"},
        {"id": "m", "type": "emit", "event": "asked", "object": "Plan {{ trigger.plan | default(\"None\") }}", "props": {
            "seats": "{{ trigger['seat count'] }}", "all": ["{{trigger.plan}}", {"n": 3, "said": "for {{ trigger.plan }}!"}],
            "sure": "{{ trigger.sure }}"}, "next": "e"}, END), signups=0)
    engine = runner(store)
    record(store, 1, "signup", T0, **{"plan": AWKWARD, "seat count": 5, "stage": "new", "sure": True})
    record(store, 2, "signup", T0, plan=[1], stage=" ")
    tick(engine, T0)
    routing.refresh(store, now=T0, upto=10**6)
    assert store.rows("SELECT contact_id, why FROM task ORDER BY 1") == [
        (1, f"Call about {AWKWARD.strip(' ')}, 5 seats"), (2, "Call about the renewal,  seats")]
    assert store.rows("""SELECT k.contact_id, d.name, d.stage FROM deal d JOIN deal_contact k ON k.deal_id = d.id
        ORDER BY 1""") == [(1, AWKWARD.strip(" "), "new"), (2, "d", None)]
    said = {row[0]: (row[1], json.loads(row[2])) for row in store.rows(
        "SELECT e.contact_id, e.object, CAST(e.props AS TEXT) FROM event e WHERE e.name = 'asked'")}
    assert said == {1: (f"plan {AWKWARD}".strip(" "), {
        "seats": 5, "all": [AWKWARD, {"n": 3, "said": f"for {AWKWARD}!"}], "sure": True}),
        2: ("plan none", {"seats": None, "all": [[1], {"n": 3, "said": "for !"}], "sure": None})}


@pytest.mark.parametrize(("kind", "settings"), [
    ("task", {"why": "Call {{ contact.email }}"}), ("deal", {"name": "{% if trigger.plan %}x{% endif %}"}),
    ("deal", {"name": "x", "stage": "{{ trigger.plan | upper }}"}), ("emit", {"event": "asked", "object": "{{ trigger }}"}),
    ("emit", {"event": "asked", "props": {"a": ["{{ trigger.plan "]}})])
def test_code_that_only_messages_understand_is_refused_and_says_what_can_be_written(store: Store, kind: str,
                                                                                    settings: Document) -> None:
    with pytest.raises(Invalid, match="only {{ trigger.NAME }}"):
        start(store, journey(node(kind, **settings), END))


def test_a_gap_that_a_missing_property_leaves_is_remarked(store: Store) -> None:
    graph = journey(node("task", why="Call about {{ trigger.plan }}", next="m"), {
        "id": "m", "type": "emit", "event": "asked", "object": "{{ trigger.plan | default('x') }}",
        "props": {"whole": "{{ trigger.seats }}", "said": "of {{ event.size }}"}, "next": "e"}, END)
    found = [one for one in lint.check(graph, reading.known(store), lint.facts(store)) if one.code == "no_default"]
    assert [(one.where, one.severity, one.message.split(" leaves")[0]) for one in found] == [
        ("s", "advice", "Who comes without 'plan'"), ("m", "advice", "Who comes without 'size'")]


def test_an_owner_is_given(store: Store) -> None:
    start(store, journey(node("owner", to="kim@example.com"), END))
    assert [contacts.get(store, who).owner for who in (1, 2)] == ["kim@example.com"] * 2


@pytest.mark.parametrize(("kind", "settings", "words"), [
    ("increment_field", {"field": "locale"}, "locale is a text, not a number"),
    ("increment_field", {"field": "visits", "by": 0}, "changes nothing"),
    ("copy_field", {"from": "locale", "to": "visits"}, "two fields of one kind"),
    ("copy_field", {"from": "locale", "to": "email"}, "can not be set by a journey"),
    ("list", {}, "name a list"),
    ("deal", {"name": "x", "amount": 5}, "needs its currency"),
    ("deal", {"name": "x", "amount": 5, "currency": "beads"}, "currency")])
def test_settings_that_mean_nothing_are_refused(memory: Store, kind: str, settings: Document, words: str) -> None:
    fields.define(memory, "Visits", "number", by=ANN, now=T0)
    with pytest.raises(Invalid, match=words):
        publish(memory, journey(node(kind, **settings), END))
