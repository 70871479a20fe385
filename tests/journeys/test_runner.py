"""What the runner keeps in order besides moving people."""

from __future__ import annotations

import pytest

from engine.journeys import runner as runner_room
from engine.store import Store

from .worlds import add_contacts, add_templates, journey, publish, record, runner, state, tick

T0 = 1_760_000_000
GRAPH = journey({"id": "s", "type": "split", "arms": {"a": 1, "b": 1}, "next": "e"}, {"id": "e", "type": "exit"})


def test_counters_are_summed_up_once_there_are_many(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    add_contacts(store, 9)
    publish(store, GRAPH)
    engine = runner(store, size=1)
    for contact in range(1, 9):
        record(store, contact, "signup", T0)
    tick(engine, T0)
    before, rows = state(store)["stat"], store.one("SELECT COUNT(*) FROM node_stat")
    assert rows == 16
    monkeypatch.setattr(runner_room, "MOST_COUNTS", 10)
    engine.tick(T0 + 1)
    assert state(store)["stat"] == before and store.one("SELECT COUNT(*) FROM node_stat") == len(before)
    engine.tick(T0 + 2)
    record(store, 9, "signup", T0 + 3)
    tick(engine, T0 + 3)
    assert store.one("SELECT SUM(n) FROM node_stat") == 18


def test_a_goal_calls_off_what_is_queued_for_those_it_pulls(store: Store) -> None:
    add_contacts(store, 1)
    add_templates(store, "hi")
    publish(store, journey({"id": "m", "type": "send", "template": "hi", "next": "g"},
                           {"id": "g", "type": "goal", "rule": {"event": "bought"}, "next": "e"}, {"id": "e", "type": "exit"}))
    record(store, 1, "signup", T0)
    engine = runner(store)
    engine.tick(T0)
    assert store.rows("SELECT status FROM message") == [("queued",)]
    record(store, 1, "bought", T0 + 1)
    engine.tick(T0 + 1)
    assert store.rows("SELECT status, reason FROM message") == [("canceled", "goal")]
    assert store.rows("SELECT status, reason FROM enrollment") == [("finished", "finished")]
