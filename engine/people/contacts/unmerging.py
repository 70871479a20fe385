"""Taking a merge back: the two contacts stand again as they were, except for what has happened to the one since."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ... import audit
from ...access import RUNNER, Actor, require
from ...errors import Conflict, NotFound
from ...schema import PERSON_TABLES
from ...store import Store
from .. import consent, dirty
from .reading import current

# Rows that live and die with a row that is dropped.
DEPENDENTS = {"enrollment": ("token", "enrollment_id"), "task": ("task_turn", "task_id")}
SUMMED = ("fit_score", "engagement_score")


@dataclass(frozen=True)
class Merged:
    """A merge that happened. names: email or external id of each; undoable: enough was noted to take it back."""

    id: int
    keeper_id: int
    loser_id: int
    at: int
    actor: str
    loser_name: str
    undoable: bool


def last_merge(store: Store, keeper_id: int) -> Merged | None:
    """The newest merge into a contact; None when there is none."""
    row = store.row(f"{_MERGES} WHERE m.keeper_id = :keeper ORDER BY m.id DESC LIMIT 1", keeper=keeper_id)
    return _merged(row) if row else None


def list_merges(store: Store, limit: int = 20) -> list[Merged]:
    """The newest merges that can be taken back, the newest first."""
    rows = store.rows(f"{_MERGES} WHERE m.actor <> :engine AND EXISTS (SELECT 1 FROM contact k WHERE k.id = m.keeper_id) "
                      "AND NOT EXISTS (SELECT 1 FROM contact_merge n WHERE n.keeper_id = m.keeper_id AND n.id > m.id) "
                      "ORDER BY m.id DESC LIMIT :limit", engine=RUNNER.name, limit=limit)
    return [one for one in map(_merged, rows) if one.undoable]


_MERGES = "SELECT m.id, m.keeper_id, m.loser_id, m.at, m.actor, m.detail FROM contact_merge m"


def _merged(row: Sequence[Any]) -> Merged:
    detail = json.loads(row[5])
    loser = detail.get("loser", {})
    name = loser.get("email") or loser.get("external_id") or f"contact {row[2]}"
    return Merged(row[0], row[1], row[2], row[3], row[4], name, "gone" in detail)


def note(store: Store, keeper_id: int, loser_id: int) -> dict[str, Any]:
    """The rows that are about to be moved (their ids, or all of a row that has none) and those about to go."""
    noted: dict[str, Any] = {"ids": {}, "rows": {}, "gone": {}}
    for table, handling in PERSON_TABLES.items():
        has_it = "".join(f" AND k.{column} = t.{column}" for column in handling.unique)
        goes = {"repoint": "1 = 0", "drop": "1 = 1"}.get(
            handling.merge, f"EXISTS (SELECT 1 FROM {table} k WHERE k.contact_id = :keeper{has_it})")
        own, ids = f"FROM {table} t WHERE t.contact_id = :loser AND", {"keeper": keeper_id, "loser": loser_id}
        if "id" in store.columns(table):
            noted["ids"][table] = [row[0] for row in store.rows(f"SELECT t.id {own} NOT ({goes})", **ids)]
        else:
            noted["rows"][table] = store.records(f"SELECT t.* {own} NOT ({goes})", **ids)
        noted["gone"].setdefault(table, []).extend(store.records(f"SELECT t.* {own} {goes}", **ids))
        if table in DEPENDENTS:
            child, column = DEPENDENTS[table]
            noted["gone"].setdefault(child, []).extend(store.records(
                f"SELECT d.* FROM {child} d WHERE d.{column} IN (SELECT t.id {own} {goes})", **ids))
    return noted


def unmerge(store: Store, keeper_id: int, *, by: Actor, now: int) -> int:
    """Take back the newest merge into a contact; the id of the contact that stands again.

    What came to the keeper after the merge stays with the keeper, and a value that was changed since stays changed.
    Raises  NotFound: nothing was merged into it.  Conflict: the engine merged a visitor, of whom nothing was noted.
    """
    require(by, "market")
    with store.transaction():
        store.serialize("contact")
        merged = last_merge(store, keeper_id)
        if merged is None:
            raise NotFound(f"nobody was merged into contact {keeper_id}")
        if not merged.undoable:
            raise Conflict(f"contact {merged.loser_id} was a visitor who turned out to be contact {keeper_id}: that can not be "
                           "taken back")
        detail = json.loads(store.one("SELECT m.detail FROM contact_merge m WHERE m.id = :id", id=merged.id))
        held = current(store, [keeper_id], list(detail["filled"]))
        if not held:
            raise NotFound(f"there is no contact {keeper_id}")
        _restore_values(store, keeper_id, held[keeper_id], detail, now)
        store.insert_many("contact", [detail["loser"] | {"id": merged.loser_id, "updated_at": now}])
        _give_back(store, merged, detail)
        _speak_again(store, keeper_id, detail["said"], by, now)
        store.run("DELETE FROM contact_merge WHERE id = :id", id=merged.id)
        dirty.mark(store, [keeper_id, merged.loser_id])
        audit.record(store, by, "merge undone", f"contact {keeper_id}", now=now, loser=merged.loser_id)
    return merged.loser_id


def _restore_values(store: Store, keeper_id: int, held: dict[str, Any], detail: dict[str, Any], now: int) -> None:
    """What the merge wrote and nobody has changed since."""
    back = {column: was for column, (was, given) in detail["filled"].items()
            if column not in (*SUMMED, "updated_at") and held[column] == given}
    back |= {column: held[column] - detail["loser"][column] for column in SUMMED}
    sets = ", ".join(f"{column} = :{column}" for column in back)
    store.run(f"UPDATE contact SET {sets}, updated_at = :now WHERE id = :keeper", keeper=keeper_id, now=now, **back)


def _give_back(store: Store, merged: Merged, detail: dict[str, Any]) -> None:
    """Rows that moved go back where they are the keeper's still, rows that went are written again."""
    ids = {"keeper": merged.keeper_id, "loser": merged.loser_id}
    for table, moved in detail["ids"].items():
        store.run_many(f"UPDATE {table} SET contact_id = :loser WHERE id = :id AND contact_id = :keeper",
                       [{"id": row, **ids} for row in moved])
    for table, rows in detail["rows"].items():
        key = ("kind", "value") if table == "identifier" else PERSON_TABLES[table].unique
        test = " AND ".join(f"{column} = :{column}" for column in key)
        store.run_many(f"UPDATE {table} SET contact_id = :loser WHERE contact_id = :keeper AND {test}",
                       [{column: row[column] for column in key} | ids for row in rows])
    for table, rows in detail["gone"].items():
        store.insert_many(table, rows, or_ignore=True)


def _speak_again(store: Store, keeper_id: int, said: Iterable[Sequence[str]], by: Actor, now: int) -> None:
    """The keeper's own word holds again where the merge had the last one."""
    for channel, topic, status in said:
        newest = store.one("SELECT s.basis FROM consent s WHERE s.contact_id = :id AND s.channel = :channel AND "
                           "s.topic = :topic ORDER BY s.at DESC, s.id DESC LIMIT 1", id=keeper_id, channel=channel, topic=topic)
        if status and newest == "merge":
            consent.record(store, [keeper_id], channel, status, topic=topic, basis="merge undone", source="merge undone", by=by,
                           now=now)
