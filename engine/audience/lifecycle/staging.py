"""Rules that move people to a stage: whoever begins to match enters it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ... import audit
from ...access import Actor, require
from ...errors import NotFound
from ...schema import set_watermark
from ...store import Store
from .. import segments
from .stages import check_stage

CONSUMER = "lifecycle"  # its watermark is a line of the log of segments


@dataclass(frozen=True)
class StageRule:
    """Who matches enters the stage. regress: also from a later stage. segment_id: where the watch keeps who matches."""

    stage: str
    rule: Any
    sentence: str
    regress: bool
    segment_id: int


def list_rules(store: Store) -> list[StageRule]:
    """Every rule, in no order that means anything."""
    return [StageRule(stage, json.loads(rule), sentence, bool(regress), segment) for stage, rule, sentence, regress, segment
            in store.rows("SELECT r.stage, r.rule, r.sentence, r.regress, r.segment_id FROM stage_rule r ORDER BY r.stage")]


def save_rule(store: Store, stage: str, rule: Any, *, regress: bool = False, by: Actor, now: int) -> StageRule:
    """Make or change the rule of a stage; whoever matches already enters it too, and wakes no journey.

    Raises BadInput, Invalid.
    """
    require(by, "market")
    name = check_stage(stage)
    if not list_rules(store):
        with store.transaction():
            set_watermark(store, CONSUMER, last_change(store), now)
    segment = segments.save(store, f"Stage: {name}", rule, by=by, now=now)
    row = {"stage": name, "rule": json.dumps(segment.rule), "sentence": segment.sentence, "regress": int(regress),
           "segment_id": segment.id, "updated_at": now}
    with store.transaction():
        store.upsert_many("stage_rule", [row], key=("stage",))
        audit.record(store, by, "stage rule saved", name, now=now, regress=regress)
    return next(one for one in list_rules(store) if one.stage == name)


def remove_rule(store: Store, stage: str, *, by: Actor, now: int) -> None:
    """People stay where they are; the segment stays too. Raises BadInput, NotFound."""
    require(by, "market")
    name = check_stage(stage)
    with store.transaction():
        if not store.run("DELETE FROM stage_rule WHERE stage = :stage", stage=name):
            raise NotFound(f"the stage {name} has no rule")
        audit.record(store, by, "stage rule removed", name, now=now)


def last_change(store: Store) -> int:
    """The newest line of the log of segments."""
    return int(store.one("SELECT COALESCE(MAX(x.id), 0) FROM segment_change x"))
