"""The companies that contacts belong to."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import BadInput
from ..lazy import pd
from ..sql import fold
from ..store import Store
from . import dirty
from .fields import said
from .lookups import rows_in

LONGEST = 300
FACTS = ("domain", "industry", "employees")


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


def save_facts(store: Store, rows: Iterable[dict[str, object]], *, now: int) -> int:
    """Write domain, industry and employees of accounts by id; how many. What changes after the account was made is logged,
    and the watch looks again at everybody of such an account. Needs a transaction."""
    listed = {int(str(row["id"])): row for row in rows}
    old = rows_in(store, f"SELECT a.id, a.created_at, {', '.join(FACTS)} FROM account a WHERE a.id IN ({{values}})", listed)
    moved = [(number, made, name, was, listed[number][name]) for number, made, *facts in old
             for name, was in zip(FACTS, facts, strict=True) if was != listed[number][name]]
    store.insert_many("account_change", [{"account_id": number, "name": name, "old": said(was), "new": said(value), "at": now}
                                         for number, made, name, was, value in moved if made < now])
    people = rows_in(store, "SELECT c.id FROM contact c WHERE c.account_id IN ({values})", [number for number, *_ in moved])
    dirty.mark(store, [row[0] for row in people])
    return store.run_many("""UPDATE account SET domain = :domain, industry = :industry, employees = :employees,
        updated_at = :now WHERE id = :id""", [{**row, "now": now} for row in listed.values()])


def find_many(store: Store, keys: Iterable[str]) -> dict[str, int]:
    """Accounts by folded name; unknown ones are absent."""
    return {row[0]: int(row[1]) for row in rows_in(store, "SELECT a.key, a.id FROM account a WHERE a.key IN ({values})", keys)}


def check_name(name: str) -> str:
    """The folded name of an account. Raises BadInput."""
    key = fold(" ".join(name.split()))
    if not key or len(key) > LONGEST or "\x00" in key:
        raise BadInput(f"{name[:60]!r} can not name an account: use 1 to {LONGEST} characters")
    return key


def page(store: Store, text: str = "", *, offset: int = 0, limit: int = 50) -> tuple[pd.DataFrame, int]:
    """Accounts by name whose name holds the text (id, name, domain, industry, employees, contacts), and how many they are."""
    pattern = f"%{_plain(fold(' '.join(text.split())))}%"
    total = store.one("SELECT COUNT(*) FROM account a WHERE a.key LIKE :pattern ESCAPE '\\'", pattern=pattern)
    rows = store.frame("""SELECT a.id, a.name, a.domain, a.industry, a.employees,
            (SELECT COUNT(*) FROM contact c WHERE c.account_id = a.id AND c.anonymous = 0) AS contacts
        FROM account a WHERE a.key LIKE :pattern ESCAPE '\\' ORDER BY a.key LIMIT :limit OFFSET :offset""",
                       pattern=pattern, limit=limit, offset=offset)
    return rows, int(total)


def find_name(store: Store, account_id: int) -> str | None:
    """The name of an account; None when there is none."""
    found: str | None = store.one("SELECT a.name FROM account a WHERE a.id = :id", id=account_id)
    return found


def _plain(text: str) -> str:
    """Nothing that was typed is a wildcard."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
