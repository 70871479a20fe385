"""The one intake: everything that lies in the inbox becomes events, in the order in which it arrived.

One process at a time. Rows are read and understood outside the transaction; inside it people are found or made, events
get their rising ids, and the watermark says how far the inbox has been taken. On SQLite the inbox is another file: should
the process die between the two commits, the watermark keeps the next one from taking the same rows again. What can not be
used is kept aside in `refusal`, with the reason.
"""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import psycopg

from ..access import setting
from ..errors import BadInput
from ..lazy import pd
from ..schema import set_watermark, watermark
from ..store import Store
from . import inbox
from .events import insert_events
from .identity import Alias, Identify, Refused, alias, identify, resolve
from .inbox import Waiting, as_json
from .reading import Who, read_account, read_enrollment, read_event, read_previous, read_traits, read_who
from .traces import Traces

_REFUSALS_KEPT = 1_000
# What a single odd row can cause; a full disk or a lost server is none of these, and stops the intake instead.
DATA_FAULTS = (BadInput, ValueError, TypeError, KeyError, ArithmeticError, sqlite3.DataError, sqlite3.IntegrityError,
               psycopg.DataError, psycopg.IntegrityError)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Track:
    """An event that has been understood but for whose it is."""

    item: Waiting
    who: Who
    event: dict[str, Any]


Understood = Track | Identify | Alias | Refused


def take(store: Store, *, now: int, chunk: int = 5_000) -> int:
    """Take in all that lies in the inbox as this begins; how many events are new. 0 while another process does it."""
    with store.lock("intake") as free:
        if not free:
            return 0
        until, events = inbox.newest_id(store), 0
        while rows := _next(store, chunk, until):
            events += _take_chunk(store, rows, now)
        return events


def _next(store: Store, chunk: int, until: int) -> list[Waiting]:
    rows = inbox.read(store, after=0, limit=chunk)
    taken = watermark(store, _mark(store))[0] if store.backend == "sqlite" and rows else 0
    if repeated := [row.id for row in rows if row.id <= taken]:
        inbox.discard(store, repeated)
        return _next(store, chunk, until)
    return [row for row in rows if row.id <= until]


def _mark(store: Store) -> str:
    """The watermark of this very inbox file: ids of another one, put in its place, start anew."""
    number = int(store.inbox.one("PRAGMA user_version"))
    if number == 0:
        number = secrets.randbelow(1 << 30) + 1
        with store.inbox.transaction():
            store.inbox.run(f"PRAGMA user_version = {number}")
    return f"inbox {number}"


def _take_chunk(store: Store, rows: Sequence[Waiting], now: int) -> int:
    """One transaction for all; should one row break it, each half by itself, so that it holds up nothing but itself."""
    currency = str(setting(store, "currency", "USD"))
    try:
        return _commit(store, rows, [_understand(row, currency) for row in rows], now)
    except DATA_FAULTS as fault:
        if len(rows) > 1:
            half = len(rows) // 2
            return _take_chunk(store, rows[:half], now) + _take_chunk(store, rows[half:], now)
        log.exception("inbox item %s can not be taken in", rows[0].id)
        return _commit(store, rows, [Refused(rows[0], f"fault: {fault}")], now)


def _commit(store: Store, rows: Sequence[Waiting], understood: Sequence[Understood], now: int) -> int:
    with store.transaction():
        store.serialize("event")
        events = _store(store, understood, now)
        if store.inbox is store:
            inbox.discard(store, [row.id for row in rows])
        else:
            set_watermark(store, _mark(store), rows[-1].id, now)
    if store.inbox is not store:
        inbox.discard(store, [row.id for row in rows])
    return events


def _understand(item: Waiting, currency: str) -> Understood:
    payload = item.payload
    try:
        if item.kind == "track":
            return Track(item, read_who(payload), read_event(item, currency))
        if item.kind == "enroll":
            return Track(item, read_who(payload), read_enrollment(item))
        if item.kind == "identify":
            return Identify(item, read_who(payload), read_traits(payload), read_account(payload),
                            read_traits(payload, "account_traits"))
        if item.kind == "alias":
            return Alias(item, read_who(payload), read_previous(payload))
    except BadInput as error:
        return Refused(item, str(error))
    return Refused(item, str(payload.get("reason") or f"no kind {item.kind!r}"))


def _store(store: Store, understood: Sequence[Understood], now: int) -> int:
    """Up to each alias, what is said of people comes first: an event may be by somebody whom a later item names."""
    events = 0
    for aliased, run in groupby(understood, key=lambda one: isinstance(one, Alias)):
        if aliased:
            _keep_aside(store, alias(store, [one for one in run if isinstance(one, Alias)], now=now), now)
        else:
            events += _store_run(store, list(run), now)
    return events


def _store_run(store: Store, run: Sequence[Understood], now: int) -> int:
    refused = [one for one in run if isinstance(one, Refused)]
    refused += identify(store, [one for one in run if isinstance(one, Identify)], now=now)
    tracks = [one for one in run if isinstance(one, Track)]
    found = list(zip(tracks, resolve(store, [track.who for track in tracks], now=now), strict=True))
    refused += [Refused(track.item, contact) for track, contact in found if isinstance(contact, str)]
    _keep_aside(store, refused, now)
    return insert_events(store, [{"contact_id": contact, **track.event} for track, contact in found
                                 if isinstance(contact, int)])


def _keep_aside(store: Store, refused: Sequence[Refused], now: int) -> None:
    if not refused:
        return
    store.insert_many("refusal", [
        {"at": now, "kind": one.item.kind, "dedupe_key": one.item.dedupe_key, "reason": one.reason,
         "payload": as_json(one.item.payload)} for one in refused])
    store.run("DELETE FROM refusal WHERE id <= (SELECT MAX(r.id) - :kept FROM refusal r)", kept=_REFUSALS_KEPT)


def forget(store: Store, known: Traces) -> int:
    """Throw away what was kept aside and speaks of a person; how many. Needs a transaction."""
    kept = store.rows("SELECT r.id, r.payload FROM refusal r ORDER BY r.id")
    gone = [row[0] for row in kept if known.are_in(json.loads(row[1]))]
    return store.run_many("DELETE FROM refusal WHERE id = :id", [{"id": row} for row in gone])


def refusals(store: Store, *, limit: int = 100) -> pd.DataFrame:
    """What could not be used, newest first: at, kind, reason, payload (JSON text)."""
    return store.frame("SELECT r.at, r.kind, r.reason, r.payload FROM refusal r ORDER BY r.id DESC LIMIT :limit", limit=limit)
