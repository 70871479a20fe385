"""Forgetting a person: what says who it was goes, what only counts stays, and the address is never written to again."""

from __future__ import annotations

from dataclasses import dataclass

from ... import audit
from ...access import Actor, require
from ...schema import PERSON_TABLES, Handling
from ...store import Store
from .. import accounts, chain, consent

_ADDRESSES = frozenset({"email", "phone"})
_EMPTY = {"props": "'{}'"}  # columns that can not be NULL
# What is under way for the person ends first.
_ENDINGS = (
    ("message", "status = 'canceled', reason = 'erased'", "status IN ('queued', 'admitted')"),
    ("errand", "status = 'canceled'", "status = 'queued'"),
    ("enrollment", "status = 'exited', reason = 'erased', ended_at = :now", "status = 'active'"),
)
_COPIES = ("message_copy", "message_id IN (SELECT m.id FROM message m WHERE m.contact_id = :id)")


@dataclass(frozen=True)
class Erased:
    """What was done to each table: rows deleted or stripped."""

    contact_id: int
    deleted: dict[str, int]
    stripped: dict[str, int]


def erase(store: Store, contact_id: int, *, by: Actor, now: int) -> Erased:
    """Erase a contact for good. Its addresses stay on the suppression list as hashes. Raises Forbidden, NotFound."""
    require(by, "administer")
    done = Erased(contact_id, {}, {})
    with store.transaction():
        store.serialize("contact")
        _suppress(store, contact_id, by, now)
        for table, ending, which in _ENDINGS:
            store.run(f"UPDATE {table} SET {ending} WHERE contact_id = :id AND {which}", id=contact_id, now=now)
        chain.forget(store, [contact_id])
        table, which = _COPIES
        done.deleted[table] = store.run(f"DELETE FROM {table} WHERE {which}", id=contact_id)
        accounts.touch(store, _company(store, contact_id))
        for table, handling in PERSON_TABLES.items():
            _clean(store, table, handling, done)
        done.deleted["contact_merge"] = store.run(
            "DELETE FROM contact_merge WHERE keeper_id = :id OR loser_id = :id", id=contact_id)
        done.deleted["contact"] = store.run("DELETE FROM contact WHERE id = :id", id=contact_id)
        audit.record(store, by, "contact erased", f"contact {contact_id}", now=now, deleted=done.deleted,
                     stripped=done.stripped)
    return done


def _company(store: Store, contact_id: int) -> list[int]:
    return [row[0] for row in store.rows("SELECT c.account_id FROM contact c WHERE c.id = :id AND c.account_id IS NOT NULL",
                                         id=contact_id)]


def _suppress(store: Store, contact_id: int, by: Actor, now: int) -> None:
    for kind, value in store.rows("SELECT i.kind, i.value FROM identifier i WHERE i.contact_id = :id", id=contact_id):
        if kind in _ADDRESSES:
            consent.suppress(store, value, level="global", reason="erased", by=by, now=now)


def _clean(store: Store, table: str, handling: Handling, done: Erased) -> None:
    if handling.erase == "delete":
        done.deleted[table] = store.run(f"DELETE FROM {table} WHERE contact_id = :id", id=done.contact_id)
    elif handling.erase == "strip":
        sets = ", ".join(f"{column} = {_EMPTY.get(column, 'NULL')}" for column in handling.strip)
        done.stripped[table] = store.run(f"UPDATE {table} SET {sets} WHERE contact_id = :id", id=done.contact_id)
