"""What is known of an account itself: firmographic facts, each change of which is logged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import BadInput
from ...sql import fold
from ...store import Store
from .. import dirty, domains
from ..fields import Field, parse_value, said
from ..lookups import rows_in

FIELDS: dict[str, Field] = {name: Field(name, name, kind, name) for name, kind in (
    ("domain", "text"), ("industry", "text"), ("employees", "number"), ("revenue", "number"), ("country", "text"),
    ("city", "text"))}
_WHOLE = frozenset({"employees"})


def save_facts(store: Store, rows: Iterable[Mapping[str, Any]], *, now: int) -> set[int]:
    """Write facts of accounts by id, those that a row names; the accounts that differ now. What changes after the account was
    made is logged, and the watch looks again at everybody of such an account. Needs a transaction."""
    listed = {int(row["id"]): row for row in rows}
    moved: list[tuple[int, int, str, Any, Any]] = []
    for names in {tuple(name for name in FIELDS if name in row) for row in listed.values()}:
        some = {number: row for number, row in listed.items() if tuple(name for name in FIELDS if name in row) == names}
        columns = "".join(f", a.{name}" for name in names)
        old = rows_in(store, f"SELECT a.id, a.created_at{columns} FROM account a WHERE a.id IN ({{values}})", some)
        moved += [(number, made, name, was, some[number][name]) for number, made, *facts in old
                  for name, was in zip(names, facts, strict=True) if was != some[number][name]]
        sets = ", ".join(f"{name} = :{name}" for name in names)
        if names:
            store.run_many(f"UPDATE account SET {sets}, updated_at = :now WHERE id = :id",
                           [{**row, "now": now} for row in some.values()])
    store.insert_many("account_change", [{"account_id": number, "name": name, "old": said(was), "new": said(value), "at": now}
                                         for number, made, name, was, value in moved if made < now])
    people = rows_in(store, "SELECT c.id FROM contact c WHERE c.account_id IN ({values})", [number for number, *_ in moved])
    dirty.mark(store, [row[0] for row in people])
    return {number for number, *_ in moved}


def read_facts(values: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as they are stored, from field → text or value; '' empties. Raises BadInput."""
    return {fold(name.strip()): _read(fold(name.strip()), value) for name, value in values.items()}


def _read(name: str, value: Any) -> Any:
    if name not in FIELDS:
        raise BadInput(f"there is no field {name!r} of companies; there are {', '.join(FIELDS)}")
    try:
        found: Any = parse_value(FIELDS[name], value)
        found = domains.check(found) if name == "domain" and found else found
    except BadInput as error:
        raise BadInput(f"{name}: {error}") from None
    if found is None:
        return None
    if FIELDS[name].kind == "number" and found < 0:
        raise BadInput(f"{name}: {value!r} is below 0")
    return int(found) if name in _WHOLE else found
