"""Stages by rule, in the tick right after the watch: a purchase makes a customer before any journey moves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...people import contacts
from ...people.lookups import rows_in
from ...schema import set_watermark, watermark
from ...store import Store
from .stages import STAGES, catch_up
from .staging import CONSUMER, StageRule, last_change, list_rules

LINES = 5_000  # of the log, per transaction
_RANK = {stage: place for place, stage in enumerate(STAGES)}
# Whoever entered and is in it still. A change that was told to nobody came from a rule that was saved: history.
_ENTERED = """WITH n AS MATERIALIZED (SELECT * FROM segment_change x WHERE x.id > :low AND x.id <= :high)
    SELECT n.contact_id, n.segment_id, EXISTS (SELECT 1 FROM event e WHERE e.dedupe_key = 'segment_change:' || n.id)
    FROM n WHERE n.change = 'entered' AND EXISTS (SELECT 1 FROM segment_member m WHERE m.segment_id = n.segment_id
        AND m.contact_id = n.contact_id) ORDER BY n.id"""


def refresh(store: Store, *, now: int) -> int:
    """Move whoever began to match the rule of a stage since the last round; how many moved."""
    upto, (low, _) = last_change(store), watermark(store, CONSUMER)
    rules = {rule.segment_id: rule for rule in list_rules(store)} if upto > low else {}
    moved = 0
    while rules and low < upto:
        high = min(low + LINES, upto)
        with store.transaction():
            store.serialize("event")
            found = [(who, rules[segment], bool(told)) for who, segment, told in store.rows(_ENTERED, low=low, high=high)
                     if segment in rules]
            moved += _move(store, found, now)
            set_watermark(store, CONSUMER, high, now)
        low = high
    return moved


def _move(store: Store, found: Iterable[tuple[int, StageRule, bool]], now: int) -> int:
    listed = list(found)
    standing = _standing(store, {who for who, _, _ in listed})
    chosen: dict[int, tuple[StageRule, bool]] = {}
    for who, rule, told in listed:
        if who in standing and _may(rule, *standing[who]) and (
                who not in chosen or _RANK[rule.stage] > _RANK[chosen[who][0].stage]):
            chosen[who] = rule, told
    contacts.upsert_many(store, [{"contact_id": who, "stage": rule.stage} for who, (rule, _) in chosen.items()], now=now,
                         source="stage rule")
    for live in (True, False):
        catch_up(store, [who for who, (_, told) in chosen.items() if told == live], now=now, source="stage rule", live=live)
    return len(chosen)


def _standing(store: Store, contact_ids: Iterable[int]) -> dict[int, tuple[Any, ...]]:
    """(stage, the stage that a person took away, whether a person set it) of contacts with a name."""
    return {row[0]: row[1:] for row in rows_in(store, """SELECT c.id, c.stage, x.old, COALESCE(x.by_hand, 0) FROM contact c
        LEFT JOIN stage_change x ON x.id = (SELECT MAX(y.id) FROM stage_change y WHERE y.contact_id = c.id)
        WHERE c.anonymous = 0 AND c.id IN ({values})""", contact_ids)}


def _may(rule: StageRule, stage: str | None, taken_away: str | None, by_hand: int) -> bool:
    """Forward; back only by a rule that says so. A person's verdict stands: a rule goes beyond it, and beyond the stage that
    the person took away, or leaves it alone."""
    if by_hand:
        return _RANK[rule.stage] > max(_RANK.get(stage or "", -1), _RANK.get(taken_away or "", -1))
    return rule.stage != stage and (rule.regress or _RANK[rule.stage] > _RANK.get(stage or "", -1))
