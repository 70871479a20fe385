"""Contacts whose facts changed since the watch last looked."""

from __future__ import annotations

from collections.abc import Iterable

from ..sql import Sql, sql
from ..store import Store


def mark(store: Store, contact_ids: Iterable[int]) -> None:
    """Have the watch look at these contacts again. Needs a transaction."""
    store.insert_rows("dirty_contact", ["contact_id"], [(contact_id,) for contact_id in contact_ids])


def marks(select: Sql) -> Sql:
    """The same for a SELECT of contact ids inside the running transaction."""
    return sql("INSERT INTO dirty_contact (contact_id) SELECT d.contact_id FROM ({select}) d", select=select)


def clear(store: Store, ids: Iterable[int]) -> None:
    """Take off the rows that have been looked at, by their own ids: what came in since then stays. Needs a transaction."""
    store.run_many("DELETE FROM dirty_contact WHERE id = :id", [{"id": row} for row in ids])
