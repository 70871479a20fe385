"""An event by hand: one that a person or a script says has happened."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import audit
from ..access import Actor, require
from ..errors import BadInput, NotFound
from ..lazy import pd
from ..people import contacts
from ..people.identity import normalize_email
from ..store import Store
from . import inbox
from .inbox import Item, Waiting
from .reading import read_event


@dataclass(frozen=True)
class Recorded:
    """An event on its way: the next tick takes it in. contact_id is None when that makes the contact too."""

    dedupe_key: str
    contact_id: int | None
    event: str
    object: str | None
    occurred_at: int


def record_event(store: Store, who: str, event: str, *, props: Mapping[str, Any] | None = None, thing: str | None = None,
                 at: int | None = None, create: bool = False, by: Actor, now: int) -> Recorded:
    """Put an event into the inbox. who: email or external id; at: UTC seconds, now when absent; thing: its main property.

    create: a stranger's email address makes a contact. Raises NotFound: nobody of this name; BadInput.
    """
    require(by, "market")
    if at is not None and at > now:
        raise BadInput("the event lies in the future: give a moment that has passed")
    contact_id = contacts.find(store, who)
    if contact_id is None and not create:
        raise NotFound(f"there is no contact {who!r}: name one by email address or external id, or let it be created")
    payload = ({"email": normalize_email(who)} if contact_id is None else {"contact_id": contact_id}) | {
        "event": event, "object": thing, "props": dict(props or {}), "occurred_at": now if at is None else at,
        "source": by.name}
    key = f"hand:{secrets.token_hex(12)}"
    row = read_event(Waiting(0, now, "track", key, json.loads(inbox.as_json(payload))))
    with store.transaction():
        audit.record(store, by, "event sent", who, now=now, event=row["name"], key=key)
    inbox.put(store, [Item("track", key, payload)], now=now, durable=True)
    return Recorded(key, contact_id, row["name"], row["object"], row["occurred_at"])


def list_events(store: Store, *, contact_id: int | None = None, name: str | None = None, limit: int = 100) -> pd.DataFrame:
    """The newest events that the engine has taken in: id, contact_id, email, external_id, name, object, occurred_at,
    received_at, value_minor, currency, props (JSON text), source, historic, verdict."""
    where = "true" + (" AND e.contact_id = :who" if contact_id is not None else "") + (" AND e.name = :name" if name else "")
    return store.frame(
        "SELECT e.id, e.contact_id, c.email, c.external_id, e.name, e.object, e.occurred_at, e.received_at, e.value_minor, "
        "e.currency, e.props, e.source, e.historic, e.verdict FROM event e LEFT JOIN contact c ON c.id = e.contact_id "
        f"WHERE {where} ORDER BY e.id DESC LIMIT :limit", who=contact_id, name=name, limit=limit)
