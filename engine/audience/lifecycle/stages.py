"""Lifecycle stages: setting one, with its history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...activity import events
from ...errors import BadInput
from ...people import contacts
from ...people.lookups import rows_in
from ...sql import Sql, fold, sql
from ...store import Store
from ..rules import STAGES

__all__ = ["STAGES", "catch_up", "check_stage", "counts", "effects", "load_history"]

_DIFFERS = """SELECT DISTINCT c.id, c.stage FROM batch b CROSS JOIN contact c WHERE b.port IS NOT NULL
    AND c.id = +b.contact_id AND (c.stage IS NULL OR c.stage <> :to)"""


def effects(to: str) -> list[Sql]:
    """The stage for contacts of the rows of `batch` that leave their node; whoever stands there already is left alone.

    Raises BadInput: no such stage.
    """
    stage = check_stage(to)
    history = sql("""INSERT INTO stage_change (contact_id, old, new, at, source)
        SELECT w.id, w.stage, CAST(:to AS TEXT), :now, 'journey node ' || CAST(:node AS TEXT)
        FROM ({differs}) w ORDER BY w.id""", to=stage, differs=sql(_DIFFERS, to=stage))
    told = sql("""SELECT w.id AS contact_id, 'stage_changed' AS name, CAST(:to AS TEXT) AS object, '{}' AS props,
            'stage:' || x.id AS dedupe_key
        FROM ({differs}) w JOIN stage_change x ON x.id = (SELECT MAX(y.id) FROM stage_change y WHERE y.contact_id = w.id)
        ORDER BY w.id""", to=stage, differs=sql(_DIFFERS, to=stage))
    return [history, events.emit_from(told, source="journey"), *contacts.stage_effects(stage)]


def load_history(store: Store, rows: Iterable[dict[str, Any]]) -> int:
    """Lines of the stage history: contact_id, old, new, at, source. Wakes nobody. Needs a transaction."""
    return store.insert_many("stage_change", rows)


def check_stage(text: str) -> str:
    """A stage as it is kept. Raises BadInput: no such stage."""
    stage = fold(text.strip())
    if stage not in STAGES:
        raise BadInput(f"stage {text!r}: choose one of {', '.join(STAGES)}")
    return stage


def catch_up(store: Store, contact_ids: Iterable[int], *, now: int, source: str, live: bool,
             by_hand: bool = False) -> int:
    """History for contacts whose stage was set otherwise than by a journey; how many moved. Needs a transaction.

    by_hand: a person decided it, and rules respect that. live: journeys hear of it; on PostgreSQL call
    `store.serialize("event")` before anything else of the transaction.
    """
    found = rows_in(store, """SELECT c.id, (SELECT x.new FROM stage_change x WHERE x.contact_id = c.id ORDER BY x.id DESC
        LIMIT 1), c.stage FROM contact c WHERE c.id IN ({values}) AND c.stage IS NOT NULL""", contact_ids)
    moved = [row for row in found if row[1] != row[2]]
    ids = store.new_ids("stage_change", len(moved))
    store.insert_many("stage_change", [{"id": number, "contact_id": who, "old": old, "new": new, "at": now, "source": source,
                                        "by_hand": int(by_hand)}
                                       for number, (who, old, new) in zip(ids, moved, strict=True)])
    if live:
        events.insert_events(store, [{"contact_id": who, "name": "stage_changed", "object": new, "occurred_at": now,
                                      "received_at": now, "props": "{}", "dedupe_key": f"stage:{number}", "source": "engine"}
                                     for number, (who, _, new) in zip(ids, moved, strict=True)])
    return len(moved)


def counts(store: Store) -> dict[str, int]:
    """How many contacts stand at each stage, in the order of the stages; '' for those without one."""
    found: dict[str, int] = {}
    for stage, count in store.rows("SELECT c.stage, COUNT(*) FROM contact c WHERE c.anonymous = 0 GROUP BY c.stage"):
        found[stage or ""] = found.get(stage or "", 0) + count
    return {stage: found.get(stage, 0) for stage in (*STAGES, "") if stage in found or stage in STAGES[:7]}
