"""Generated rules on generated people: both forms, on both engines, agree with the evaluator."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.access import COMMAND_LINE
from engine.audience.explaining import explain_rule
from engine.audience.rules import Known, Named, filters, happenings, known, leaves, parse
from engine.audience.rules.known import ACCOUNT_FIELDS
from engine.maths.zones import learn_zone
from engine.people import fields
from engine.sql import sql
from engine.store import Store

from . import evaluator as ev

FACTS = ("contact", "prediction", "contact_change", "account", "buying_role", "contact_tag", "contact_list", "consent",
         "segment_member", "event", "affinity")
CAREFUL = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def workspace(store: Store, monkeypatch: pytest.MonkeyPatch) -> tuple[Store, Known]:
    monkeypatch.setattr(filters, "MOST_OBJECTS", 3)  # of the four there are: some alone, some together in one span
    monkeypatch.setattr(happenings, "FEW", 5)  # events of a name: now fewer, now more
    with store.transaction():
        fields.define_many(store, {name: (kind, ev.SIZES if kind == "enum" else ()) for name, kind in ev.FIELD_KINDS.items()
                                   if name != "first_name"}, by=COMMAND_LINE, now=ev.NOW)
        store.insert_many("tag", [{"key": ev.small(tag), "name": tag} for tag in ev.TAGS])
        store.insert_many("list", [{"key": ev.small(name), "name": name, "created_at": 1} for name in ev.LISTS])
        store.insert_many("segment", [
            {"key": ev.small(name), "name": name, "rule": "{}", "sentence": "", "version": 1, "created_at": 1, "updated_at": 1}
            for name in ev.SEGMENTS])
        store.insert_many("template", [{"id": at, "key": ev.small(name), "name": name, "channel": "email", "created_at": 1,
                                        "updated_at": 1} for at, name in enumerate(("Welcome", "News"), 1)])
        store.insert_many("message", [{"id": at, "contact_id": 1, "channel": "email", "template_id": 1 + (name == "News"),
                                       "status": "sent", "created_at": 1, "due_at": 1} for at, name in ev.TEMPLATES.items()])
        store.insert_many("prediction_model", [{"key": name, "name": name} for name in ev.MODELS])
        store.insert_many("prediction_run", [{"id": 1, "model_id": 1, "at": 1, "source": "s", "contacts": 1}])
        store.insert_many("persona", [{"key": ev.small(name), "name": name, "place": at, "rule": "{}", "sentence": "",
                                       "notes": "", "segment_id": at, "updated_at": 1}
                                      for at, name in enumerate(ev.PERSONAS, 1)])
        store.insert_many("affinity_topic", [{"id": at, "key": ev.small(name), "name": name, "half_life_s": half_life,
                                              "updated_at": 1} for at, (name, half_life) in enumerate(ev.TOPICS.items(), 1)])
        store.insert_many("affinity_content", [{"topic_id": 1, "kind": "page", "value": "/pricing"}])
        for zone in ev.ZONES[:-1]:
            learn_zone(store, zone)
    return store, known(store)


def put(store: Store, people: list[ev.Person]) -> None:
    """The people, and nobody else. Events get ids in an order that has nothing to do with when they happened."""
    catalogue = fields.catalogue(store)
    ids = {table: dict(store.rows(f"SELECT t.name, t.id FROM {table} t")) for table in ("tag", "list", "segment")}
    with store.transaction():
        for table in FACTS:
            store.run(f"DELETE FROM {table}")
        store.insert_many("contact", [
            {"id": who.id, "stage": who.stage, "fit_score": who.scores["fit"], "engagement_score": who.scores["engagement"],
             "hash31": who.hash31, "anonymous": int(who.anonymous), "created_at": who.created_at, "updated_at": 1,
             "time_zone": who.zone, "account_id": None if who.employees is None else who.id}
            | {catalogue[ev.small(name)].column: ev.stored(kind, who.fields[name]) for name, kind in ev.FIELD_KINDS.items()}
            for who in people])
        store.insert_many("account", [{"id": who.id, "key": str(who.id), "name": str(who.id), "employees": who.employees,
                                       "score": who.company["score"], "last_active_at": who.company["last_activity"],
                                       "roles": ev.stored("list", who.company["roles"]), "created_at": 1,
                                       "updated_at": 1} for who in people if who.employees is not None])
        store.insert_many("buying_role", [{"contact_id": who.id, "role": role, "at": 1} for who in people
                                          for role in sorted(who.roles)])
        store.insert_many("contact_change", [{"contact_id": who.id, "kind": "stage", "name": "stage", "old": None, "new": stage,
                                              "at": at, "source": "s"} for who in people for stage, at in who.stages])
        pairs = {"tag": "tags", "list": "lists", "segment": "segments"}
        for what, attribute in pairs.items():
            table, at = ("segment_member", "entered_at") if what == "segment" else (f"contact_{what}", "at")
            store.insert_many(table, [{"contact_id": who.id, f"{what}_id": ids[what][name], at: 1} for who in people
                                      for name in sorted(getattr(who, attribute))])
        store.insert_many("prediction", [{"run_id": 1, "contact_id": who.id, "probability": who.chance[0],
                                          "top_share": who.chance[1]} for who in people if who.chance])
        store.insert_many("affinity", [{"contact_id": who.id, "topic_id": 1, "kappa": kappa} for who in people
                                       for kappa in who.kappa.values()])
        store.insert_many("consent", [
            {"contact_id": who.id, "channel": channel, "topic": topic, "purpose": "marketing", "status": status, "basis": "b",
             "source": "s", "at": at // 2, "actor": "a"} for who in people
            for at, (channel, topic, status) in enumerate(who.consent)])
        events = [(who.id, event) for who in people for event in who.events]
        random.Random(7).shuffle(events)
        for number, (_, event) in enumerate(events, 1):
            event["id"] = number
        store.insert_many("event", [
            {"id": event["id"], "contact_id": who, "name": event["name"], "object": event["object"], "occurred_at": event["at"],
             "received_at": 1, "props": json.dumps(event["props"]), "dedupe_key": str(event["id"]), "source": "s",
             "verdict": event["verdict"], "message_id": event["message"],
             **dict(zip(("value_minor", "currency"), event["money"] or (None, None), strict=True))} for who, event in events])


def asked(store: Store, statement: Any, **params: Any) -> set[int]:
    return {row[0] for row in store.rows(statement, now=ev.NOW, **params)}


ONE_BY_ONE = "SELECT c.id FROM contact c WHERE c.anonymous = 0 AND {probe}"


@CAREFUL
@given(seed=st.integers(0, 2**32), documents=st.lists(ev.documents, min_size=5, max_size=5))
def test_both_forms_agree_with_the_evaluator(workspace: tuple[Store, Known], seed: int, documents: list[Any]) -> None:
    store, catalogue = workspace
    people = ev.some_people(random.Random(seed))
    put(store, people)
    everybody = {who.id for who in people if not who.anonymous}
    newest = max((event["id"] for who in people for event in who.events), default=0)
    for document in documents:
        rule = parse(document, catalogue)
        expected = {who.id for who in people if not who.anonymous and ev.matches(document, who, ev.NOW)}
        assert asked(store, rule.members()) == expected, document
        assert asked(store, sql(ONE_BY_ONE, probe=rule.probe())) == expected, document
        earlier = {who.id for who in people if not who.anonymous and ev.matches(document, who, ev.NOW, upto=newest // 2)}
        assert asked(store, sql(ONE_BY_ONE, probe=rule.probe(sql(":upto"))), upto=newest // 2) == earlier, document
        opposite = parse({"not": document}, catalogue)
        assert asked(store, opposite.members()) == everybody - expected, document
        assert asked(store, sql(ONE_BY_ONE, probe=opposite.probe())) == everybody - expected, document


@settings(CAREFUL, max_examples=20)
@given(seed=st.integers(0, 2**32), document=ev.documents, past=st.booleans())
def test_the_lines_of_explain_add_up_to_the_verdict(workspace: tuple[Store, Known], seed: int, document: Any,
                                                    past: bool) -> None:
    store, catalogue = workspace
    people = ev.some_people(random.Random(seed), 4)
    put(store, people)
    rule = parse(document, catalogue)
    if past:  # a change of stage that lies ahead is taken back, and memberships have no history here
        expected = asked(store, rule.members(past=True))
    for who in people:
        found = explain_rule(store, rule, who.id, "who", now=ev.NOW, past=past)
        assert found.matches == (who.id in expected if past else not who.anonymous and ev.matches(document, who, ev.NOW))
        parts = [one for one in found.lines if one.sentence not in ("all of these", "at least one of these", "none of this")]
        assert [one.sentence for one in parts] == [leaf.sentence() for leaf in leaves(rule)]
        if not past:
            singles = [ev.matches(leaf.document(), who, ev.NOW) for leaf in leaves(rule)]
            assert [one.matches for one in parts] == singles
        assert found.lines[0].matches == found.matches or not found.there


@settings(max_examples=300, deadline=None)
@given(document=ev.documents)
def test_every_rule_has_a_sentence_and_survives_being_written_down(document: Any) -> None:
    catalogue = Known(
        fields.BUILT_IN | {ev.small(name): fields.Field(ev.small(name), name, kind, f"cf_{at}", ev.SIZES * (kind == "enum"))
                           for at, (name, kind) in enumerate(ev.FIELD_KINDS.items())}, ACCOUNT_FIELDS,
        *({ev.small(name): Named(at, name) for at, name in enumerate(names)}
          for names in (ev.LISTS, ev.SEGMENTS, ("Welcome", "News"), ev.MODELS, ev.PERSONAS, ev.TOPICS)))
    rule = parse(document, catalogue)
    assert rule.sentence().strip()
    again = parse(json.loads(json.dumps(rule.document())), catalogue)
    assert again == rule and hash(again) == hash(rule) and again.members() == rule.members()

