"""Requests of people about their data: taken in, due within a month, carried out or answered, never forgotten."""

from __future__ import annotations

from dataclasses import dataclass

from ... import audit
from ...access import Actor, require
from ...clock import DAY, iso
from ...errors import BadInput, Conflict, NotFound
from ...people import consent, contacts
from ...store import Store
from .erasing import erase

KINDS = {
    "access": "wants to see everything", "erase": "wants to be forgotten", "restrict": "wants processing to stop for now",
    "lift": "lets processing go on", "object": "wants no marketing", "rectify": "wants something put right",
    "do_not_sell": "does not want their data sold or shared",
}
DUE_S = 30 * DAY  # GDPR article 12(3): within one month

@dataclass(frozen=True)
class Request:
    """What somebody asked for. Times are UTC seconds; done_at None: still open. who: their address, None once forgotten."""

    id: int
    kind: str
    contact_id: int
    who: str | None
    received_at: int
    due_at: int
    done_at: int | None
    note: str | None


def ask(store: Store, who: str, kind: str, *, note: str | None = None, by: Actor, now: int) -> Request:
    """Take a request in. Raises NotFound: no such contact; BadInput: no such kind."""
    require(by, "market")
    if kind not in KINDS:
        raise BadInput(f"{kind!r} is no kind of request: choose one of {', '.join(KINDS)}")
    contact_id = contacts.must_find(store, who)
    with store.transaction():
        store.insert_many("privacy_request", [{
            "kind": kind, "contact_id": contact_id, "received_at": now, "due_at": now + DUE_S, "note": note}])
        made = store.one("SELECT MAX(q.id) FROM privacy_request q WHERE q.contact_id = :id", id=contact_id)
        audit.record(store, by, "privacy request", f"contact {contact_id}", now=now, kind=kind, request=made)
    return _get(store, made)


def carry_out(store: Store, request_id: int, *, note: str | None = None, by: Actor, now: int) -> Request:
    """Do what was asked, and close the request. Access and rectification are answered by a person: they are only closed.

    Raises NotFound; Conflict: closed already; Forbidden: erasing takes an administrator.
    """
    require(by, "market")
    found = _get(store, request_id)
    if found.done_at is not None:
        raise Conflict(f"request {request_id} was closed on {iso(found.done_at)}")
    with store.transaction():
        if found.kind == "erase":
            erase(store, found.contact_id, by=by, now=now)
        elif found.kind in ("restrict", "lift"):
            contacts.restrict(store, found.contact_id, found.kind == "restrict", by=by, now=now)
        elif found.kind == "do_not_sell":
            contacts.save(store, {"contact_id": found.contact_id, "do_not_sell": True}, by=by, now=now,
                          source=f"request {request_id}")
        elif found.kind == "object":
            for channel in consent.CHANNELS:
                consent.record(store, [found.contact_id], channel, "unsubscribed", basis="objection",
                               source=f"request {request_id}", by=by, now=now)
        store.run("UPDATE privacy_request SET done_at = :now, note = COALESCE(:note, note) WHERE id = :id", now=now, note=note,
                  id=request_id)
        audit.record(store, by, "privacy request closed", f"contact {found.contact_id}", now=now, request=request_id)
    return _get(store, request_id)


def list_requests(store: Store, *, everything: bool = False, limit: int = 200) -> list[Request]:
    """Open requests, the most urgent first; with `everything` also those that were closed, newest first."""
    order = "q.id DESC" if everything else "q.due_at, q.id"
    where = "" if everything else "WHERE q.done_at IS NULL"
    return [Request(*row) for row in store.rows(f"{_SELECT} {where} ORDER BY {order} LIMIT :limit", limit=limit)]


def overdue(store: Store, *, now: int) -> int:
    """How many open requests are past their day."""
    return int(store.one("SELECT COUNT(*) FROM privacy_request q WHERE q.done_at IS NULL AND q.due_at < :now", now=now))


def _get(store: Store, request_id: int) -> Request:
    row = store.row(f"{_SELECT} WHERE q.id = :id", id=request_id)
    if row is None:
        raise NotFound(f"there is no request {request_id}: `privacy requests --all` lists them")
    return Request(*row)


_SELECT = """SELECT q.id, q.kind, q.contact_id, COALESCE(c.email, c.external_id), q.received_at, q.due_at, q.done_at, q.note
    FROM privacy_request q LEFT JOIN contact c ON c.id = q.contact_id"""
