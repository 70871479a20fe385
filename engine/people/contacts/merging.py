"""Two contacts that are one person."""

from __future__ import annotations

import json
from typing import Any

from ... import audit
from ...access import RUNNER, Actor, require
from ...errors import BadInput, NotFound
from ...schema import PERSON_TABLES, Handling
from ...store import Store
from .. import accounts, chain, consent, dirty
from ..fields import catalogue
from .reading import current
from .unmerging import DEPENDENTS, SUMMED, note


def merge(store: Store, keeper_id: int, loser_id: int, *, by: Actor, now: int) -> None:
    """Make one contact of two: events, messages, tags and the rest add up, the keeper's own values win, and where they
    said different things about consent the strictest holds. `unmerge` can take it back, unless the engine did it (by
    RUNNER: a visitor who turned out to be somebody). Raises BadInput, NotFound."""
    require(by, "market")
    if keeper_id == loser_id:
        raise BadInput(f"contact {keeper_id} can not be merged with itself")
    with store.transaction():
        store.serialize("contact")
        keeper, loser = _values(store, keeper_id), _values(store, loser_id)
        chain.seal_consent(store)
        said = consent.merge_states(store, keeper_id, loser_id, by=by, now=now)
        kept = {} if by == RUNNER else note(store, keeper_id, loser_id)
        for table, handling in PERSON_TABLES.items():
            _move(store, table, handling, keeper_id, loser_id)
        store.run("DELETE FROM contact WHERE id = :loser", loser=loser_id)
        filled = _fill(store, keeper_id, keeper, loser, now)
        if kept:
            kept |= {"said": said, "filled": {column: (keeper[column], value) for column, value in filled.items()}}
        store.insert_many("contact_merge", [{"keeper_id": keeper_id, "loser_id": loser_id, "at": now, "actor": by.name,
                                             "detail": json.dumps({"loser": loser, **kept})}])
        accounts.touch(store, {row["account_id"] for row in (keeper, loser) if row["account_id"]})
        dirty.mark(store, [keeper_id])
        audit.record(store, by, "contacts merged", f"contact {keeper_id}", now=now, loser=loser_id)


def _values(store: Store, contact_id: int) -> dict[str, Any]:
    found = current(store, [contact_id], [name for name in store.columns("contact") if name != "id"])
    if not found:
        raise NotFound(f"there is no contact {contact_id}")
    return found[contact_id]


def _move(store: Store, table: str, handling: Handling, keeper_id: int, loser_id: int) -> None:
    ids = {"keeper": keeper_id, "loser": loser_id}
    if handling.merge != "repoint":
        has_it = "".join(f" AND k.{column} = {table}.{column}" for column in handling.unique)
        theirs = f"contact_id = :loser AND EXISTS (SELECT 1 FROM {table} k WHERE k.contact_id = :keeper{has_it})"
        gone = "contact_id = :loser" if handling.merge == "drop" else theirs
        if table in DEPENDENTS:
            child, column = DEPENDENTS[table]
            store.run(f"DELETE FROM {child} WHERE {column} IN (SELECT {table}.id FROM {table} WHERE {gone})", **ids)
        store.run(f"DELETE FROM {table} WHERE {gone}", **ids)
    store.run(f"UPDATE {table} SET contact_id = :keeper WHERE contact_id = :loser", **ids)


def _fill(store: Store, keeper_id: int, keeper: dict[str, Any], loser: dict[str, Any], now: int) -> dict[str, Any]:
    """What the keeper lacks comes from the loser; scores add up; the older birthday stands. The values written."""
    own = {field.column for field in catalogue(store).values()} | {"account_id"}
    values = {column: loser[column] for column in own if keeper[column] is None and loser[column] is not None}
    values |= {column: keeper[column] + loser[column] for column in SUMMED}
    values |= {"created_at": min(keeper["created_at"], loser["created_at"]), "updated_at": now,
               "anonymous": min(keeper["anonymous"], loser["anonymous"]),
               "restricted": max(keeper["restricted"], loser["restricted"]),
               "do_not_sell": max(keeper["do_not_sell"] or 0, loser["do_not_sell"] or 0) or None}
    sets = ", ".join(f"{column} = :{column}" for column in values)
    store.run(f"UPDATE contact SET {sets} WHERE id = :contact_id", contact_id=keeper_id, **values)
    return values
