"""Points for events and states, caps, half-life, thresholds told once each way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.access import COMMAND_LINE
from engine.activity import events
from engine.audience import scoring, watch
from engine.audience.scoring import Policy
from engine.audience.scoring.worth import falls_at, rounded, value
from engine.clock import DAY
from engine.errors import BadInput, Invalid
from engine.people import contacts
from engine.store import Store
from tests.conftest import NOW


def person(store: Store, name: str = "ada", **values: object) -> int:
    return contacts.save(store, {"email": f"{name}@example.com", **values}, by=COMMAND_LINE, now=NOW - 90 * DAY,
                         source="test").id


def rule(store: Store, name: str, **document: Any) -> scoring.ScoreRule:
    return scoring.save_rule(store, name, document, by=COMMAND_LINE, now=NOW)


def happens(store: Store, who: int, name: str, *, at: int = NOW, thing: str | None = None, **how: object) -> None:
    with store.transaction():
        events.insert_events(store, [{"contact_id": who, "name": name, "object": thing, "occurred_at": at, "received_at": at,
                                      "props": "{}", "dedupe_key": f"{name}{events.last_id(store)}", "source": "t", **how}])


def tick(store: Store, now: int = NOW) -> None:
    """Scoring and the watch until both are quiet, as the tick does."""
    while True:
        scored = scoring.refresh(store, now=now, upto=events.last_id(store))
        if not scored.changed + watch.refresh(store, now=now, upto=events.last_id(store)).changed:
            return


def scores(store: Store, who: int) -> tuple[int, int]:
    found = contacts.get(store, who)
    return found.fit_score, found.engagement_score


def told(store: Store) -> list[tuple[str, str]]:
    return store.rows("SELECT name, object FROM event WHERE name IN ('score_rose', 'score_fell') ORDER BY id")


def test_events_give_points_within_their_caps_and_each_is_an_entry(store: Store) -> None:
    ada = person(store)
    happens(store, ada, "page_view", thing="/pricing")  # before there was a rule: history
    rule(store, "Pricing", event="page_view", where={"object": {"op": "is", "value": "/pricing"}}, points=10, max_per_day=2,
         max_per_contact=3)
    rule(store, "Unsubscribed", event="email_unsubscribed", points=-15)
    for at in (NOW, NOW, NOW, NOW + DAY, NOW + DAY):
        happens(store, ada, "page_view", thing="/pricing", at=at)
    happens(store, ada, "page_view", thing="/jobs")
    happens(store, ada, "page_view", thing="/pricing", verdict="machine")
    tick(store, NOW + DAY)
    assert scores(store, ada) == (0, 30)
    happens(store, ada, "email_unsubscribed", at=NOW + DAY)
    tick(store, NOW + DAY)
    tick(store, NOW + DAY)
    assert scores(store, ada) == (0, 15)
    assert [(one.points, one.reason) for one in scoring.explain(store, "ada@example.com").entries] == [
        (10, "Pricing"), (10, "Pricing"), (10, "Pricing"), (-15, "Unsubscribed")]


def test_a_state_gives_points_while_it_holds(store: Store) -> None:
    ada, bo = person(store, locale="de"), person(store, "bo")
    rule(store, "German", rule={"field": "locale", "op": "is", "value": "de"}, points=20, group="fit")
    tick(store)
    assert (scores(store, ada), scores(store, bo)) == ((20, 0), (0, 0))
    for who, locale in ((ada, "en"), (bo, "de")):
        contacts.save(store, {"contact_id": who, "locale": locale}, by=COMMAND_LINE, now=NOW + 5, source="test")
    tick(store, NOW + 5)
    assert (scores(store, ada), scores(store, bo)) == ((0, 0), (20, 0))
    assert [one.reason for one in scoring.explain(store, "ada@example.com").entries] == ["German", "no longer: German"]


def test_lines_are_told_once_each_way_and_time_alone_takes_a_score_down(store: Store) -> None:
    scoring.save_policy(store, Policy({"fit": None, "engagement": 10}, {"mql": 50, "hot": 80}), by=COMMAND_LINE, now=NOW)
    rule(store, "Demo", event="demo_asked", points=60)
    ada = person(store)
    happens(store, ada, "demo_asked")
    tick(store)
    tick(store, NOW + 60)
    assert told(store) == [("score_rose", "mql")]
    happens(store, ada, "demo_asked", at=NOW + 60)
    tick(store, NOW + 60)
    assert scores(store, ada) == (0, 120) and told(store) == [("score_rose", "mql"), ("score_rose", "hot")]
    tick(store, NOW + 10 * DAY)
    assert scores(store, ada) == (0, 60) and told(store)[2:] == [("score_fell", "hot")]
    due = store.one("SELECT MIN(falls_at) FROM score_level")
    tick(store, due - 1)
    assert scores(store, ada) == (0, 60)
    tick(store, due)
    assert scores(store, ada) == (0, 59)
    tick(store, NOW + 100 * DAY)
    assert scores(store, ada) == (0, 0)  # 120 points ten half-lives ago: 0.12
    assert told(store)[3:] == [("score_fell", "mql")]
    happens(store, ada, "demo_asked", at=NOW + 100 * DAY)
    tick(store, NOW + 100 * DAY)
    assert told(store)[4:] == [("score_rose", "mql")]


def test_history_counts_and_wakes_nobody(store: Store) -> None:
    rule(store, "Demo", event="demo_asked", points=60)
    ada = person(store)
    happens(store, ada, "demo_asked", at=NOW - DAY, historic=1)
    tick(store)
    assert scores(store, ada) == (0, 60) and told(store) == []


def test_a_visitor_who_turns_out_to_be_somebody_crosses_then(store: Store) -> None:
    rule(store, "Demo", event="demo_asked", points=60)
    with store.transaction():
        visitor = contacts.create_anonymous(store, ["cookie"], now=NOW)["cookie"]
    happens(store, visitor, "demo_asked")
    tick(store)
    assert told(store) == []
    contacts.save(store, {"contact_id": visitor, "email": "ada@example.com"}, by=COMMAND_LINE, now=NOW + 1, source="form")
    with store.transaction():
        store.run("UPDATE contact SET anonymous = 0")
    tick(store, NOW + 1)
    assert told(store) == [("score_rose", "mql")]


def test_merging_adds_entries_up_and_tells_the_line(store: Store) -> None:
    rule(store, "Demo", event="demo_asked", points=30)
    ada, old = person(store), person(store, "old")
    for who in (ada, old):
        happens(store, who, "demo_asked")
    tick(store)
    contacts.merge(store, ada, old, by=COMMAND_LINE, now=NOW + 1)
    tick(store, NOW + 1)
    assert scores(store, ada) == (0, 60) and told(store) == [("score_rose", "mql")]


def test_when_nothing_happened_nothing_is_written(store: Store) -> None:
    rule(store, "Demo", event="demo_asked", points=30)
    happens(store, person(store), "demo_asked")
    tick(store)
    seen: list[str] = []
    store.on_statement = seen.append
    assert scoring.refresh(store, now=NOW + 1, upto=events.last_id(store)) == scoring.Tally()
    assert len(seen) == 7 and all(text.lstrip().startswith("SELECT") for text in seen)


def test_who_is_due_is_found_by_indexes(store: Store) -> None:
    if store.backend == "sqlite":
        plan = store.plan(scoring.rounds._DUE, now=NOW)
        assert "score_level_falls" in plan and "score_entry_uncounted" in plan and "SCAN score_level" not in plan, plan


def test_the_matrix_counts_everybody_once(store: Store) -> None:
    for name, fit, engagement in (("a", 40, 50), ("b", 25, 3), ("c", 0, 20), ("d", -5, 0)):
        person(store, name)
        with store.transaction():
            store.run("UPDATE contact SET fit_score = :fit, engagement_score = :engagement WHERE email = :email", fit=fit,
                      engagement=engagement, email=f"{name}@example.com")
    cells = {one["fit"] + one["engagement"]: one["people"] for one in scoring.matrix(store) if one["people"]}
    assert cells == {"A1": 1, "B3": 1, "C2": 1, "C3": 1}


@pytest.mark.parametrize(("document", "says"), [
    ({"event": "email_opened", "points": 1}, "opens never"), ({"event": "x", "points": 0}, "not 0"),
    ({"event": "x", "rule": {"tag": "v"}, "points": 1}, "either"), ({"event": "x", "points": 1, "half_life_days": 3}, "group"),
    ({"event": "x", "points": 1, "group": "charm"}, "fit, engagement"), ({"event": "x", "points": 1, "cap": 1}, "unknown cap"),
    ({"rule": {"tag": "v"}, "points": 1, "max_per_day": 1}, "is for events"), ({"event": "score_rose", "points": 1}, "itself"),
])
def test_odd_rules_are_refused(memory: Store, document: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        scoring.save_rule(memory, "x", document, by=COMMAND_LINE, now=NOW)
    with pytest.raises(Invalid):
        scoring.save_rule(memory, "x", {"rule": {"moon": 1}, "points": 1}, by=COMMAND_LINE, now=NOW)
    assert json.dumps(scoring.list_rules(memory)) == "[]"


def test_a_score_falls_exactly_at_the_moment_that_was_foretold() -> None:
    for points, half_life in ((60, 10 * DAY), (-7, DAY), (1, 3_600), (10_000, 365 * DAY)):
        now, entries = NOW, [(points, NOW)]
        while (due := falls_at(value(entries, half_life, now), half_life, now)) and now < NOW + 3 * half_life:
            before = rounded(value(entries, half_life, now))
            assert rounded(value(entries, half_life, due - 2)) == before or due - 2 < now
            assert abs(rounded(value(entries, half_life, due))) < abs(before)
            now = due
    assert falls_at(0.4, DAY, NOW) is None and falls_at(50.0, None, NOW) is None
    assert [rounded(worth) for worth in (0.5, -0.5, 1.49, -1.5)] == [1, -1, 1, -2]
