"""Accounts by their names."""

from __future__ import annotations

from collections.abc import Iterable

from ...errors import BadInput, NotFound
from ...sql import fold
from ...store import Store
from ..lookups import rows_in

LONGEST = 300


def ensure_many(store: Store, names: Iterable[str], *, now: int) -> dict[str, int]:
    """Accounts by the names given, made where they are missing; names compare without case. Needs a transaction."""
    keys = {name: check_name(name) for name in dict.fromkeys(names)}
    if not keys:
        return {}
    store.serialize("account")
    known = find_many(store, keys.values())
    spelled = {key: name.strip() for name, key in reversed(keys.items()) if key not in known}
    store.insert_many("account", [{"key": key, "name": name, "created_at": now, "updated_at": now}
                                  for key, name in spelled.items()], or_ignore=True)
    known |= find_many(store, spelled)
    return {name: known[key] for name, key in keys.items()}


def find_many(store: Store, keys: Iterable[str]) -> dict[str, int]:
    """Accounts by folded name; unknown ones are absent."""
    return {row[0]: int(row[1]) for row in rows_in(store, "SELECT a.key, a.id FROM account a WHERE a.key IN ({values})", keys)}


def check_name(name: str) -> str:
    """The folded name of an account. Raises BadInput."""
    key = fold(" ".join(name.split()))
    if not key or len(key) > LONGEST or "\x00" in key:
        raise BadInput(f"{name[:60]!r} can not name an account: use 1 to {LONGEST} characters")
    return key


def find_name(store: Store, account_id: int) -> str | None:
    """The name of an account; None when there is none."""
    found: str | None = store.one("SELECT a.name FROM account a WHERE a.id = :id", id=account_id)
    return found


def must_find(store: Store, name: str) -> int:
    """The account of a name, in any case. Raises NotFound."""
    found = find_many(store, [check_name(name)])
    if not found:
        raise NotFound(f"there is no company {name!r}: `accounts list` shows them")
    return next(iter(found.values()))
