"""Where everything from outside arrives first. Writing here needs no knowledge of who it was or what it means.

Kinds and what their payload holds (all keys optional unless said):

    track     who: `contact_id`, `message_id` (whoever it went to), `external_id`, `email`, `anonymous_id`: one at least;
              `event` (required), `object`, `occurred_at` and `sent_at` (the sender's clock: UTC seconds, also with a
              fraction, or ISO text), `value_minor` with `currency`, or `value` (a decimal) with `currency`, `props`,
              `source`, `historic` (imported: wakes nothing), `verdict`
    identify  who, `traits` (contact fields), `source`
    alias     who, `previous` (the other name of the same person)
    enroll    who, `journey_id`, `props`: enter this journey; only our own door writes it
    refused   `reason` and `item`: turned away at the door, kept so that somebody can see it
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..store import CHUNK, Store
from .traces import Traces

_UNSTORABLE = re.compile(r"\\u0000|\\ud[89a-f]", re.IGNORECASE)  # PostgreSQL takes neither NUL nor half a character
_ENCODER = json.JSONEncoder(allow_nan=False, default=str)


@dataclass(frozen=True)
class Item:
    """One thing that arrived. Two items with one `dedupe_key` are the same thing."""

    kind: str
    dedupe_key: str
    payload: dict[str, Any]


@dataclass(frozen=True)
class Waiting:
    """An item as it lies in the inbox."""

    id: int
    received_at: int
    kind: str
    dedupe_key: str
    payload: dict[str, Any]


def put(store: Store, items: Iterable[Item], *, now: int, durable: bool = False) -> int:
    """Write items in order; how many. durable: they survive a power cut, not only a killed process."""
    return write(store, rows_of(items, now=now), durable=durable)


def rows_of(items: Iterable[Item], *, now: int) -> list[dict[str, Any]]:
    """Items as rows of the inbox, ready to be written by anybody."""
    return [{"received_at": now, "kind": item.kind, "dedupe_key": storable(item.dedupe_key), "payload": as_json(item.payload)}
            for item in items]


def write(store: Store, rows: Sequence[dict[str, Any]], *, durable: bool = False) -> int:
    """Write rows in order; how many."""
    for at in range(0, len(rows), CHUNK):
        with store.inbox.transaction(durable=durable):
            store.inbox.insert_many("inbox", rows[at:at + CHUNK])
    return len(rows)


def read(store: Store, *, after: int, limit: int) -> list[Waiting]:
    """The oldest items with an id above `after`, in the order in which they arrived."""
    found = store.inbox.rows("SELECT i.id, i.received_at, i.kind, i.dedupe_key, i.payload FROM inbox i WHERE i.id > :after "
                             "ORDER BY i.id LIMIT :limit", after=after, limit=limit)
    return [Waiting(row[0], row[1], row[2], row[3], json.loads(row[4])) for row in found]


def discard(store: Store, ids: Sequence[int]) -> None:
    """Forget items that have been taken in."""
    with store.inbox.transaction():
        store.inbox.run_many("DELETE FROM inbox WHERE id = :id", [{"id": item} for item in ids])


def forget(store: Store, known: Traces) -> int:
    """Throw away what waits and speaks of a person; how many items."""
    gone = [row[0] for part in store.inbox.stream("SELECT i.id, i.payload FROM inbox i ORDER BY i.id") for row in part
            if known.are_in(json.loads(row[1]))]
    if gone:
        discard(store, gone)
    return len(gone)


def newest_id(store: Store) -> int:
    """The id of the last item that waits, 0 when none does."""
    return int(store.inbox.one("SELECT COALESCE(MAX(i.id), 0) FROM inbox i"))


def count(store: Store) -> int:
    """How many items wait."""
    return int(store.inbox.one("SELECT COUNT(*) FROM inbox"))


def oldest_at(store: Store) -> int | None:
    """When the item that has waited longest arrived; None when nothing waits."""
    found = store.inbox.one("SELECT MIN(i.received_at) FROM inbox i")
    return None if found is None else int(found)


def as_json(document: Any) -> str:
    """JSON text that both engines can keep."""
    try:
        text = _ENCODER.encode(document)
    except ValueError:  # infinite, or not a number
        return _ENCODER.encode(_cleaned(document))
    return _ENCODER.encode(_cleaned(document)) if _UNSTORABLE.search(text) else text


def storable(text: str) -> str:
    """Text without what a database refuses: NUL, and half a character from a cut surrogate pair."""
    if "\x00" in text or not text.isascii():
        return text.replace("\x00", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {storable(str(key)): _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, list | tuple) else value
