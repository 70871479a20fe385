"""Enrolling by hand, and those who match already when a journey is published: events like any other, heard at the next tick."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any, Literal

from .. import audit
from ..access import Actor, require
from ..activity import events
from ..errors import BadInput, Conflict, NotFound
from ..people import contacts
from ..sql import Sql, fold, join, sql
from ..store import CHUNK, Store
from . import documents, migrating, moments, reading
from .graph import Journey
from .migrating import Wish
from .nodes.telling import MANUAL
from .triggers import DateTrigger, Spot
from .versions import Version, find_journey, get_live

Existing = Literal["enter", "new-only"]
EXISTING: tuple[Existing, ...] = ("enter", "new-only")


@dataclass(frozen=True)
class Launched:
    """A publication. entering: how many of those who matched already enter at the next tick, or when their moment comes."""

    version: Version
    entering: int


def enroll(store: Store, who: str, journey: str, props: dict[str, Any] | None = None, *, by: Actor, now: int) -> int:
    """Ask for a contact to enter a journey; the contact's id. The journey's re-entry policy decides at the next tick.

    who: email or external id. props: what nodes and templates may read as the triggering event's properties.
    Raises NotFound: no such contact or journey. Conflict: the journey is not live.
    """
    require(by, "market")
    contact_id = contacts.find(store, who)
    if contact_id is None:
        raise NotFound(f"there is no contact {who!r}")
    journey_id = open_journey(store, journey)
    with store.transaction():
        events.insert_events(store, [{
            "contact_id": contact_id, "name": MANUAL, "object": str(journey_id), "occurred_at": now, "received_at": now,
            "props": json.dumps(props or {}), "dedupe_key": f"enroll:{secrets.token_hex(12)}", "source": by.name}])
        audit.record(store, by, "journey.enroll", who, now=now, journey=journey)
    return contact_id


def open_journey(store: Store, journey: str) -> int:
    """The id of a journey that takes people in. Raises NotFound; Conflict: it is not live."""
    journey_id = find_journey(store, journey)
    status = store.one("SELECT j.status FROM journey j WHERE j.id = :id", id=journey_id)
    if status != "live":
        raise Conflict(f"the journey {journey!r} is {status}: {'publish' if status == 'draft' else 'resume'} it first")
    return journey_id


# ------------------------------------------------------------ publishing


def launch(store: Store, text: str, wish: Wish | None = None, *, existing: Existing | None = None, by: Actor,
           now: int) -> Launched:
    """Publish a journey file, and say whether those who match its triggers now enter or only who comes to match later.

    wish: what becomes of people under way; None: they finish where they are.
    Raises BadInput: people match now, and `existing` does not say. Invalid: the document has errors.
    """
    if existing is not None and existing not in EXISTING:
        raise BadInput(f"existing {existing!r}: choose one of {', '.join(EXISTING)}")
    if existing is None and (found := count_matching(store, text, now=now)):
        raise BadInput(f"{found:,} {'person matches' if found == 1 else 'people match'} now: say whether they enter (enter) or "
                       "only who comes to match from now on (new-only)")
    version = migrating.publish(store, text, wish, by=by, now=now)
    return Launched(version, enroll_matching(store, version.journey, by=by, now=now) if existing == "enter" else 0)


def count_matching(store: Store, text: str, *, now: int) -> int:
    """How many match the triggers of a journey file today and could enter; 0 when just this is live already.

    Raises Invalid: the document has errors.
    """
    journey = reading.read(documents.load(text), reading.known(store))
    journey_id = store.one("SELECT j.id FROM journey j WHERE j.key = :key", key=fold(journey.name)) or 0
    if journey_id and store.one("SELECT 1 FROM journey_version v WHERE v.journey_id = :id AND v.status = 'live' "
                                "AND v.document = :text", id=journey_id, text=text):
        return 0
    wanted = _matching(store, journey, journey_id)
    here = store.one(sql("SELECT COUNT(*) FROM ({wanted}) q", wanted=wanted)) if wanted else 0
    return int(here) + sum(moments.count_ahead(store, bell, now=now) for bell in _bells(journey, journey_id))


def enroll_matching(store: Store, journey: str, *, by: Actor, now: int) -> int:
    """Ask for everybody who matches the journey's triggers now; how many. Moments that past events name are kept.

    Asking twice for one version changes nothing. Raises NotFound; Conflict: it is not live.
    """
    require(by, "market")
    live, journey_id = get_live(store, journey), open_journey(store, journey)
    read = reading.read(documents.load(live.document), reading.known(store))
    wanted = _matching(store, read, journey_id)
    members = store.rows(sql("{wanted} ORDER BY 1", wanted=wanted)) if wanted else []
    for at in range(0, len(members), CHUNK):
        with store.transaction():
            events.insert_events(store, [{
                "contact_id": row[0], "name": MANUAL, "object": str(journey_id), "occurred_at": now, "received_at": now,
                "props": "{}", "dedupe_key": f"enroll:{live.id}:{row[0]}", "source": by.name}
                for row in members[at:at + CHUNK]])
    with store.transaction():
        ahead = sum(moments.plan(store, bell, low=0, high=events.last_id(store), now=now)
                    for bell in _bells(read, journey_id))
        audit.record(store, by, "journey.enroll_matching", journey, now=now, members=len(members), moments=ahead)
    return len(members) + ahead


def _matching(store: Store, journey: Journey, journey_id: int) -> Sql | None:
    """SELECT of contact_id: who is what a trigger waits for people to become, and may enter."""
    segments = {fold(name): id_ for id_, name in store.rows("SELECT s.id, s.name FROM segment s")}
    found = [trigger.matching(Spot(journey_id, number, segments)) for number, trigger in enumerate(journey.entry.triggers)]
    arms = [one for one in found if one is not None]
    if not arms:
        return None
    ever = "" if journey.entry.reentry.policy == "never" else "AND r.status = 'active'"
    return sql(f"""SELECT DISTINCT a.contact_id FROM ({{arms}}) a JOIN contact k ON k.id = a.contact_id AND k.anonymous = 0
        WHERE NOT EXISTS (SELECT 1 FROM enrollment r WHERE r.contact_id = a.contact_id AND r.journey_id = :journey {ever})""",
               arms=join(" UNION ALL ", arms), journey=journey_id)


def _bells(journey: Journey, journey_id: int) -> list[moments.Bell]:
    """Its triggers by moments that events name, for all events of the past."""
    prop = journey.entry.reentry.prop
    return [moments.Bell(Spot(journey_id, number), trigger, 0, prop) for number, trigger in enumerate(journey.entry.triggers)
            if isinstance(trigger, DateTrigger) and trigger.of]
