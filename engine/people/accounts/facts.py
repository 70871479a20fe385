"""What is known of an account itself: firmographic facts and fields of the team's own, each change of which is logged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import BadInput, listing
from ...sql import fold
from ...store import Store
from .. import dirty, domains, fields
from ..fields import Entity, Field, parse_value, said
from ..lookups import rows_in
from .rollups import ROLLED

FIELDS: dict[str, Field] = {name: Field(name, name, kind, name) for name, kind in (
    ("domain", "text"), ("industry", "text"), ("employees", "number"), ("revenue", "number"), ("country", "text"),
    ("city", "text"))}
COMPANY = Entity("account", FIELDS, frozenset({"id", "key", "name", "created_at", "updated_at", *ROLLED}))
_WHOLE = frozenset({"employees"})


def catalogue(store: Store) -> dict[str, Field]:
    """Every field of companies by folded name, the built-in ones first."""
    return fields.catalogue(store, COMPANY)


def save_facts(store: Store, rows: Iterable[Mapping[str, Any]], *, now: int) -> set[int]:
    """Write facts of accounts by id, those that a row names; the accounts that differ now. What changes after the account was
    made is logged, and the watch looks again at everybody of such an account. Needs a transaction."""
    listed, columns = {int(row["id"]): row for row in rows}, {key: one.column for key, one in catalogue(store).items()}
    moved: list[tuple[int, int, str, Any, Any]] = []
    for names in {tuple(name for name in columns if name in row) for row in listed.values()} - {()}:
        some = {number: row for number, row in listed.items() if tuple(name for name in columns if name in row) == names}
        moved += _differing(store, some, {name: columns[name] for name in names})
        sets = ", ".join(f"{columns[name]} = :{columns[name]}" for name in names)
        store.run_many(f"UPDATE account SET {sets}, updated_at = :now WHERE id = :id", [
            {"id": number, "now": now, **{columns[name]: row[name] for name in names}} for number, row in some.items()])
    store.insert_many("account_change", [{"account_id": number, "name": name, "old": said(was), "new": said(value), "at": now}
                                         for number, made, name, was, value in moved if made < now])
    people = rows_in(store, "SELECT c.id FROM contact c WHERE c.account_id IN ({values})", [number for number, *_ in moved])
    dirty.mark(store, [row[0] for row in people])
    return {number for number, *_ in moved}


def _differing(store: Store, rows: Mapping[int, Mapping[str, Any]], columns: Mapping[str, str]
               ) -> list[tuple[int, int, str, Any, Any]]:
    """(account, when it was made, fact, old, new) of each fact that the rows say otherwise."""
    held = rows_in(store, f"SELECT a.id, a.created_at, {', '.join(f'a.{column}' for column in columns.values())} "
                   "FROM account a WHERE a.id IN ({values})", rows)
    return [(number, made, name, was, rows[number][name]) for number, made, *facts in held
            for name, was in zip(columns, facts, strict=True) if was != rows[number][name]]


def read_facts(known: Mapping[str, Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as they are stored, from field → text or value; '' empties. known: the catalogue. Raises BadInput."""
    return dict(_named(known, name, value) for name, value in values.items())


def _named(known: Mapping[str, Field], name: str, value: Any) -> tuple[str, Any]:
    field = known.get(fold(" ".join(name.split())))
    if field is None:
        there = listing([one.name for one in known.values()], 60)
        raise BadInput(f"there is no field {name!r} of companies; there are {there}")
    try:
        return field.key, read_fact(field, value)
    except BadInput as error:
        raise BadInput(f"{field.name}: {error}") from None


def read_fact(field: Field, value: Any) -> Any:
    """One of them. Raises BadInput: not a value of this field."""
    found: Any = parse_value(field, value)
    if found is None or field.made:
        return found
    if field.kind == "number" and found < 0:
        raise BadInput(f"{value!r} is below 0")
    return domains.check(found) if field.key == "domain" else int(found) if field.key in _WHOLE else found
