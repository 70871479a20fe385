"""Scoring in the tick: points for new events, then scores made true, also where only time has passed.

When nothing happened it only asks a few questions that an index answers.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ...activity import events
from ...clock import DAY
from ...errors import Invalid
from ...people.lookups import rows_in
from ...schema import set_watermark, watermark
from ...sql import Sql, sql
from ...store import Store
from ..rules import Known, known
from .levels import QUIET, STEP, policy, settle
from .points import CONSUMER, STATES, VERDICTS, ScoreRule, filter_in, last_change, list_rules
from .worth import rounded, value

EVENTS = 20_000  # looked at per transaction
# A few at a time: whoever has something to count, whose score falls now, and whose facts changed (a merger, a name).
_DUE = """SELECT DISTINCT q.contact_id FROM (
        SELECT s.contact_id FROM score_entry s WHERE s.uncounted > 0
        UNION ALL SELECT v.contact_id FROM score_level v WHERE v.falls_at <= :now
        UNION ALL SELECT d.contact_id FROM dirty_contact d WHERE EXISTS
            (SELECT 1 FROM score_entry s WHERE s.contact_id = d.contact_id) OR EXISTS
            (SELECT 1 FROM score_level v WHERE v.contact_id = d.contact_id)) q ORDER BY q.contact_id"""
# Materialized: the range is short, and an index on names is not.
_EVENTS = """WITH n AS MATERIALIZED (SELECT * FROM event x WHERE x.id > :low AND x.id <= :high)
    SELECT e.contact_id, e.id, e.occurred_at, e.historic, e.name FROM n e WHERE {test} ORDER BY e.id"""
# A change that was told to nobody came from a rule that was saved: history. The id is negative, apart from those of events.
_STATES = """WITH n AS MATERIALIZED (SELECT * FROM segment_change x WHERE x.id > :low AND x.id <= :high)
    SELECT e.contact_id, -e.id, e.at, CASE WHEN EXISTS (SELECT 1 FROM event t WHERE t.dedupe_key = 'segment_change:' || e.id)
        THEN 0 ELSE 1 END, e.change FROM n e WHERE e.segment_id = :segment ORDER BY e.id"""


@dataclass(frozen=True)
class Tally:
    """What a round did: entries written, contacts summed up, thresholds crossed."""

    entries: int = 0
    settled: int = 0
    crossed: int = 0

    @property
    def changed(self) -> int:
        """How much there is for others to hear."""
        return self.entries + self.crossed


def refresh(store: Store, *, now: int, upto: int) -> Tally:
    """Give points for events up to the id `upto` that no round has seen, and make every score true at `now`."""
    written = _follow(store, CONSUMER, upto, now) + _follow(store, STATES, last_change(store), now) + _reconsider(store, now)
    due = [row[0] for row in store.rows(_DUE, now=now)]
    crossed = sum(settle(store, due[at:at + STEP], now=now) for at in range(0, len(due), STEP))
    return Tally(written, len(due), crossed)


@dataclass(frozen=True)
class _Question:
    """What one rule asks of what is new. about: the event name, or the id of the segment, without which it need not ask."""

    rule: ScoreRule
    about: str | int
    found: Sql


def _questions(store: Store, states: bool) -> list[_Question]:
    """Of the rules of states, or of events. One that names something that is gone gives nothing until it is mended."""
    rules = [rule for rule in list_rules(store) if bool(rule.segment_id) == states]
    if states:
        return [_Question(rule, rule.segment_id or 0, sql(_STATES, segment=rule.segment_id)) for rule in rules]
    words = known(store) if rules else None
    asked = [(rule, _asked(json.dumps(rule.document), words)) for rule in rules if words]
    return [_Question(rule, *about) for rule, about in asked if about]


@lru_cache(1_024)
def _asked(document: str, words: Known) -> tuple[str, Sql] | None:
    """The event that a rule asks for, and the statement, worked out once while neither the rule nor its words change."""
    try:
        asked = filter_in(words, json.loads(document))
    except Invalid:
        return None
    return asked.name, sql(_EVENTS, test=asked.match("e"))


def _follow(store: Store, consumer: str, upto: int, now: int) -> int:
    """Points for what is new in the events, or in the log of segments."""
    low, _ = watermark(store, consumer)
    questions = _questions(store, consumer == STATES) if upto > low else []
    written = 0
    while questions and low < upto:
        high = min(low + EVENTS, upto)
        with store.transaction():
            store.serialize("event")
            new = _segments_between(store, low, high) if consumer == STATES else events.names_between(store, low, high)
            written += sum(_give(store, one, low, high, now) for one in questions if one.about in new)
            set_watermark(store, consumer, high, now)
        low = high
    return written


def _segments_between(store: Store, low: int, high: int) -> set[int]:
    return {row[0] for row in store.rows("SELECT DISTINCT x.segment_id FROM segment_change x WHERE x.id > :low "
                                         "AND x.id <= :high", low=low, high=high)}


def _give(store: Store, asked: _Question, low: int, high: int, now: int) -> int:
    """Entries of one rule for the events (low, high]."""
    rule, found = asked.rule, store.rows(asked.found, low=low, high=high)
    if not found:
        return 0
    rows = _while_it_holds(store, rule, found, now) if rule.segment_id else _each_time(store, rule, found)
    return store.insert_many("score_entry", [
        {"contact_id": who, "grp": rule.group, "points": points, "reason": reason, "at": at, "rule_id": rule.id,
         "event_id": event, "uncounted": QUIET if historic else 1} for who, event, at, historic, points, reason in rows],
        or_ignore=True)


def _reconsider(store: Store, now: int) -> int:
    """Points for events that a machine did after all are taken back, and given for those that a person did."""
    low, _ = watermark(store, VERDICTS)
    high = int(store.one("SELECT COALESCE(MAX(v.id), 0) FROM verdict_change v"))
    if high <= low:
        return 0
    with store.transaction():
        store.serialize("event")
        gone = store.run(f"DELETE FROM score_entry WHERE rule_id IS NOT NULL AND event_id IN ({_JUDGED} = 'machine')",
                         low=low, high=high)
        given = sum(_give(store, one, event - 1, event, now) for one in _questions(store, states=False)
                    for (event,) in store.rows(_SINCE, low=low, high=high, rule=one.rule.id))
        set_watermark(store, VERDICTS, high, now)
    return gone + given


_JUDGED = """SELECT e.id FROM event e WHERE e.id IN
    (SELECT v.event_id FROM verdict_change v WHERE v.id > :low AND v.id <= :high) AND e.verdict"""
_SINCE = f"""{_JUDGED} <> 'machine' AND e.received_at >= (SELECT r.created_at FROM score_rule r WHERE r.id = :rule)
    ORDER BY e.id"""


def _each_time(store: Store, rule: ScoreRule, found: list[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
    """Events within the caps, in the order in which they became known."""
    days: Counter[tuple[int, int]] = Counter()
    if rule.max_per_contact or rule.max_per_day:
        days.update({(who, day): count for who, day, count in rows_in(
            store, f"SELECT s.contact_id, s.at / {DAY}, COUNT(*) FROM score_entry s WHERE s.rule_id = :rule "
                   f"AND s.contact_id IN ({{values}}) GROUP BY s.contact_id, s.at / {DAY}", {row[0] for row in found},
            rule=rule.id)})
    times = Counter[int]()
    for (who, _), count in days.items():
        times[who] += count
    for who, event, at, historic, _ in found:
        full = times[who] >= (rule.max_per_contact or times[who] + 1)
        if not full and days[who, at // DAY] < (rule.max_per_day or days[who, at // DAY] + 1):
            times[who] += 1
            days[who, at // DAY] += 1
            yield who, event, at, historic, rule.points, rule.name


def _while_it_holds(store: Store, rule: ScoreRule, found: list[tuple[Any, ...]], now: int) -> Iterable[tuple[Any, ...]]:
    """Points for entering the state; for leaving it, what is left of them goes."""
    held: dict[int, list[tuple[int, int]]] = {}
    for who, points, at in rows_in(store, "SELECT s.contact_id, s.points, s.at FROM score_entry s WHERE s.rule_id = :rule "
                                          "AND s.contact_id IN ({values})", {row[0] for row in found}, rule=rule.id):
        held.setdefault(who, []).append((points, at))
    half_life = policy(store).half_life_s(rule.group)
    for who, line, at, historic, change in found:
        own = held.setdefault(who, [])
        left = rounded(value(own, half_life, now))
        points = -left if change == "left" else 0 if left else rule.points
        if points:
            own.append((points, at))
            yield who, line, at, historic, points, rule.name if change == "entered" else f"no longer: {rule.name}"
