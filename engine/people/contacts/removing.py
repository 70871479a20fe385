"""Contacts that should never have come, and names they should never have had: not forgetting, which leaves a trace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...schema import PERSON_TABLES
from ...store import Store
from .. import accounts, chain
from ..lookups import rows_in


def remove(store: Store, contact_ids: Sequence[int]) -> None:
    """Delete contacts with every row about them. For those to whom nothing has happened. Needs a transaction."""
    chain.forget(store, contact_ids)
    companies = rows_in(store, "SELECT DISTINCT c.account_id FROM contact c WHERE c.id IN ({values}) "
                        "AND c.account_id IS NOT NULL", contact_ids)
    accounts.touch(store, [row[0] for row in companies])
    gone = [{"id": contact_id} for contact_id in contact_ids]
    for table in PERSON_TABLES:
        store.run_many(f"DELETE FROM {table} WHERE contact_id = :id", gone)
    store.run_many("DELETE FROM contact WHERE id = :id", gone)


def forget_names(store: Store, names: Iterable[tuple[int, str, str | None]]) -> None:
    """(contact, email, phone or external_id, value): no longer find a contact by a value it no longer has. Needs a
    transaction."""
    store.run_many("DELETE FROM identifier WHERE kind = :kind AND value = :value AND contact_id = :id AND NOT EXISTS "
                   "(SELECT 1 FROM contact c WHERE c.id = :id AND :value IN (c.email, c.phone, c.external_id))",
                   [{"id": who, "kind": kind, "value": value} for who, kind, value in names if value is not None])
