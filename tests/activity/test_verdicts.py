"""A verdict that is changed later: rules, scores and the past go by what was known."""

from __future__ import annotations

import pytest

from engine.access import COMMAND_LINE, Actor
from engine.activity import events, recording, verdicts
from engine.audience import scoring, segments
from engine.audience.rules import known, parse
from engine.config import Config
from engine.errors import BadInput, Conflict, Forbidden, NotFound
from engine.loop.tick import tick
from engine.people import contacts
from engine.sql import sql
from engine.store import Store
from tests.conftest import NOW

CLICKED = {"event": "page_view", "op": "at_least", "count": 2}


def test_rules_scores_and_the_past_follow(store: Store) -> None:
    settings = Config(secret=b"s" * 40)
    ada = contacts.save(store, {"email": "ada@example.com"}, by=COMMAND_LINE, now=NOW, source="form").id
    segments.save(store, "Keen", CLICKED, by=COMMAND_LINE, now=NOW)
    scoring.save_rule(store, "Visit", {"event": "page_view", "points": 30}, by=COMMAND_LINE, now=NOW)
    tick(store, settings, now=NOW)

    def state(now: int) -> tuple[int, int, int]:
        tick(store, settings, now=now)
        return (store.one("SELECT COUNT(*) FROM segment_member"), contacts.get(store, ada).engagement_score,
                store.one("SELECT COUNT(*) FROM score_entry"))

    for moment in (NOW + 1, NOW + 2):
        recording.record_event(store, "ada@example.com", "page_view", by=COMMAND_LINE, now=moment)
    assert state(NOW + 5) == (1, 60, 2)
    views = [row[0] for row in store.rows("SELECT e.id FROM event e WHERE e.name = 'page_view' ORDER BY e.id")]
    assert verdicts.judge(store, views[:1], "machine", "two seconds after the mail", by=COMMAND_LINE, now=NOW + 10) == 1
    assert state(NOW + 10) == (0, 30, 1), "out of the segment, and the points are gone"
    assert store.one("SELECT COUNT(*) FROM event e WHERE e.name = 'score_fell' AND e.object = 'mql'") == 1
    assert verdicts.judge(store, views, "human", by=COMMAND_LINE, now=NOW + 20) == 2
    assert state(NOW + 20) == (1, 60, 2)
    assert verdicts.judge(store, views, "human", by=COMMAND_LINE, now=NOW + 30) == 0

    assert verdicts.take_back(store, views[:1], by=COMMAND_LINE, now=NOW + 40) == 1
    assert state(NOW + 40) == (0, 30, 1), "judged as before its newest change"
    assert [(one.old, one.new, one.reason) for one in verdicts.history(store, views[0])] == [
        ("human", "machine", "taken back"), ("machine", "human", None), (None, "machine", "two seconds after the mail")]
    assert verdicts.take_back(store, views[1:], by=COMMAND_LINE, now=NOW + 40) == 1
    assert store.one("SELECT e.verdict FROM event e WHERE e.id = :id", id=views[1]) is None, "not judged, as it came"

    back = parse(CLICKED, known(store)).members(past=True, upto=sql(":upto"))
    then = [len(store.rows(back, now=moment, upto=events.last_id(store))) for moment in (NOW + 5, NOW + 15, NOW + 25)]
    assert then == [1, 0, 1], "as it was known at each moment"


def test_who_may_and_what_is_wrong(store: Store) -> None:
    with pytest.raises(BadInput, match="choose one of human, machine"):
        verdicts.judge(store, [1], "robot", by=COMMAND_LINE, now=NOW)
    with pytest.raises(BadInput, match="no event given"):
        verdicts.judge(store, [], "human", by=COMMAND_LINE, now=NOW)
    with pytest.raises(NotFound, match="no event 7"):
        verdicts.judge(store, [7], "human", by=COMMAND_LINE, now=NOW)
    with pytest.raises(Forbidden):
        verdicts.judge(store, [7], "human", by=Actor("Vera", "viewer"), now=NOW)
    contacts.save(store, {"email": "ada@example.com"}, by=COMMAND_LINE, now=NOW, source="form")
    recording.record_event(store, "ada@example.com", "page_view", by=COMMAND_LINE, now=NOW)
    tick(store, Config(secret=b"s" * 40), now=NOW)
    with pytest.raises(Conflict, match="nobody has judged event 1"):
        verdicts.take_back(store, [1], by=COMMAND_LINE, now=NOW)
    with pytest.raises(Forbidden):
        verdicts.take_back(store, [1], by=Actor("Vera", "viewer"), now=NOW)
