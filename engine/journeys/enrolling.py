"""Enrolling by hand: an event like any other, heard at the next tick."""

from __future__ import annotations

import json
import secrets
from typing import Any

from .. import audit
from ..access import Actor, require
from ..activity import events
from ..errors import BadInput, Conflict, NotFound
from ..people import contacts
from ..sql import fold
from ..store import CHUNK, Store
from . import documents
from .nodes.telling import MANUAL
from .versions import Version, get_live


def enroll(store: Store, who: str, journey: str, props: dict[str, Any] | None = None, *, by: Actor, now: int) -> int:
    """Ask for a contact to enter a journey; the contact's id. The journey's re-entry policy decides at the next tick.

    who: email or external id. props: what nodes and templates may read as the triggering event's properties.
    Raises NotFound: no such contact or journey. Conflict: the journey is not live.
    """
    require(by, "market")
    contact_id = contacts.find(store, who)
    if contact_id is None:
        raise NotFound(f"there is no contact {who!r}")
    journey_id = _open(store, journey).journey_id
    with store.transaction():
        events.insert_events(store, [{
            "contact_id": contact_id, "name": MANUAL, "object": str(journey_id), "occurred_at": now, "received_at": now,
            "props": json.dumps(props or {}), "dedupe_key": f"enroll:{secrets.token_hex(12)}", "source": by.name}])
        audit.record(store, by, "journey.enroll", who, now=now, journey=journey)
    return contact_id


def enroll_members(store: Store, journey: str, *, by: Actor, now: int) -> int:
    """Ask for everybody who is in the journey's entry segment now; how many there are.

    Asking twice for one version changes nothing. Raises BadInput: its trigger is no segment. NotFound, Conflict as `enroll`.
    """
    require(by, "market")
    live = _open(store, journey)
    segment = documents.load(live.document)["entry"]["trigger"].get("segment")
    if segment is None:
        raise BadInput(f"the journey {journey!r} does not start with a segment, so there is nobody to enroll")
    members = store.rows("""SELECT m.contact_id FROM segment_member m JOIN segment s ON s.id = m.segment_id
        WHERE s.key = :key ORDER BY m.contact_id""", key=fold(segment.strip()))
    for at in range(0, len(members), CHUNK):
        with store.transaction():
            events.insert_events(store, [{
                "contact_id": row[0], "name": MANUAL, "object": str(live.journey_id), "occurred_at": now, "received_at": now,
                "props": "{}", "dedupe_key": f"enroll:{live.id}:{row[0]}", "source": by.name}
                for row in members[at:at + CHUNK]])
    with store.transaction():
        audit.record(store, by, "journey.enroll_members", journey, now=now, segment=segment, members=len(members))
    return len(members)


def _open(store: Store, journey: str) -> Version:
    """The live version of a journey that lets people in. Raises NotFound, Conflict."""
    live = get_live(store, journey)
    status = store.one("SELECT j.status FROM journey j WHERE j.id = :id", id=live.journey_id)
    if status != "live":
        raise Conflict(f"the journey {journey!r} is {status}: resume it first")
    return live
