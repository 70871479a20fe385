"""Published versions: immutable, several alive at once."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from .. import audit
from ..access import Actor, require
from ..audience import scoring
from ..errors import BadInput, Conflict, Invalid, NotFound, ThroughlineError, listing
from ..maths.zones import learn_zone
from ..outreach import campaigns, policy
from ..sql import fold
from ..store import Store
from . import documents, lint, reading
from .graph import Journey, upstream
from .live import Live
from .nodes import Goal, Join
from .triggers import JourneyTrigger, ScoreTrigger

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Version:
    """One published version of a journey. fresh: it was made just now, not found unchanged."""

    id: int
    journey_id: int
    journey: str
    number: int
    status: str
    document: str
    published_at: int
    published_by: str
    fresh: bool = False


STATUSES = {"live": "resume", "paused": "pause", "draining": "drain", "archived": "archive"}  # and the verb that leads there


@dataclass(frozen=True)
class Summary:
    """One journey in a list. waiting: enrollments in progress; entered: enrollments ever; owner: whoever answers for it."""

    id: int
    name: str
    status: str
    version: int | None
    entered: int
    waiting: int
    updated_at: int
    owner: str | None = None


def publish(store: Store, text: str, *, by: Actor, now: int, trial: bool = False) -> Version:
    """Make the document the live version; the former one lets its people finish. An unchanged document changes nothing.

    trial: what can run is enough, as on a copy; else the linter must have no error either.
    Raises Invalid: the document has errors; nothing is changed then.
    """
    require(by, "market")
    document, known = documents.load(text), reading.known(store)
    found = [] if trial else lint.check(document, known, lint.facts(store))
    if wrong := [one for one in found if one.severity == "error"]:
        raise Invalid(wrong)
    journey = reading.read(document, known)
    with store.transaction():
        store.serialize("publish")
        journey_id = _journey_row(store, journey, by=by, now=now)
        live = _live_row(store, journey_id)
        if live and live.document == text:
            return live
        number = 1 + (store.one("SELECT MAX(v.number) FROM journey_version v WHERE v.journey_id = :id", id=journey_id) or 0)
        store.run("UPDATE journey_version SET status = 'draining' WHERE journey_id = :id AND status = 'live'", id=journey_id)
        store.insert_many("journey_version", [{
            "journey_id": journey_id, "number": number, "status": "live", "document": text, "published_at": now,
            "published_by": by.name}])
        made = _live_row(store, journey_id, fresh=True)
        assert made
        _register(store, Live(made.id, journey_id, "live", journey, {}))
        store.run("UPDATE journey SET status = 'live', version_id = :version, updated_at = :now WHERE id = :id",
                  version=made.id, now=now, id=journey_id)
        scoring.watch_lines(store, [trigger.line for trigger in journey.entry.triggers
                                    if isinstance(trigger, ScoreTrigger) and trigger.line])
        policy.keep_override(store, journey_id, journey.limits.document() if journey.limits else None)
        audit.record(store, by, "journey.publish", journey.name, now=now, version=number)
    return made


def _journey_row(store: Store, journey: Journey, *, by: Actor, now: int) -> int:
    """The journey's id, made on first publishing."""
    campaign_id = campaigns.ensure(store, journey.campaign, by=by, now=now) if journey.campaign else None
    key = fold(journey.name)
    store.insert_many("journey", [{"key": key, "name": journey.name, "status": "draft", "campaign_id": campaign_id,
                                   "created_at": now, "updated_at": now}], or_ignore=True)
    store.run("UPDATE journey SET campaign_id = :campaign, name = :name WHERE key = :key",
              campaign=campaign_id, name=journey.name, key=key)
    return int(store.one("SELECT j.id FROM journey j WHERE j.key = :key", key=key))


def _live_row(store: Store, journey_id: int, fresh: bool = False) -> Version | None:
    found = store.row("""SELECT v.id, j.id, j.name, v.number, v.status, v.document, v.published_at, v.published_by
        FROM journey_version v JOIN journey j ON j.id = v.journey_id WHERE j.id = :id AND v.status = 'live'""", id=journey_id)
    return Version(*found, fresh=fresh) if found else None  # type: ignore[misc]


def _register(store: Store, version: Live) -> None:
    """Rows by which statements over all journeys find their way: who listens to what, what lies before a goal."""
    nodes = version.journey.nodes
    for zone in {zone for node in nodes for zone in node.zones()}:
        learn_zone(store, zone)
    store.insert_many("node", [{"id": version.ids[node.id], "version_id": version.id, "key": node.id,
                                "type": node.type, "is_join": int(isinstance(node, Join))}  # type: ignore[attr-defined]
                               for node in nodes])
    store.insert_many("listener", [{"node_id": version.ids[node.id], "event": name}
                                   for node in nodes for name in dict.fromkeys(node.wakes_on())])
    store.insert_many("upstream", [{"goal_id": version.ids[goal.id], "node_id": version.ids[key]}
                                   for goal in nodes if isinstance(goal, Goal)
                                   for key in sorted(upstream(version.layout, goal.id))])


_LIVE = """SELECT v.id, v.journey_id, CASE WHEN j.status = 'live' THEN v.status WHEN j.status = 'draining' THEN 'draining'
        ELSE 'paused' END, v.document, j.campaign_id, v.published_at
        FROM journey_version v JOIN journey j ON j.id = v.journey_id"""


def load_live(store: Store, shard_count: int = 1) -> list[Live]:
    """Every version that people may enter or stand in. One that no longer reads is left out and said.

    People of a paused version stand still; the runner only listens for what takes them away.
    """
    known = reading.known(store)
    rows = store.rows(f"""{_LIVE} WHERE (v.status = 'live' AND j.status = 'live')
        OR EXISTS (SELECT 1 FROM enrollment r WHERE r.version_id = v.id AND r.status = 'active') ORDER BY v.id""")
    segments, journeys = _segments(store), known.journeys
    found = []
    for id_, journey_id, status, text, campaign_id, published_at in rows:
        try:
            journey = reading.read(documents.load(text), known)
        except ThroughlineError as error:
            log.error("journey version %s stands still: %s", id_, error)
            continue
        found.append(Live(id_, journey_id, status, journey, segments, campaign_id, shard_count, journeys, published_at))
    heard = {journeys.get(fold(trigger.journey.strip())) for version in found if version.status == "live"
             for trigger in version.journey.entry.triggers if isinstance(trigger, JourneyTrigger)}
    return [replace(version, heard=True) if version.journey_id in heard else version for version in found]


def load(store: Store, version_id: int, shard_count: int = 1) -> Live:
    """One version, whoever stands in it. Raises Invalid: it no longer reads."""
    id_, journey_id, status, text, campaign_id, published_at = store.rows(f"{_LIVE} WHERE v.id = :id", id=version_id)[0]
    known = reading.known(store)
    return Live(id_, journey_id, status, reading.read(documents.load(text), known), _segments(store), campaign_id, shard_count,
                known.journeys, published_at)


def _segments(store: Store) -> dict[str, int]:
    return {fold(name): id_ for id_, name in store.rows("SELECT s.id, s.name FROM segment s")}


def find_journey(store: Store, name: str) -> int:
    """The id of a journey by name. Raises NotFound."""
    found = store.one("SELECT j.id FROM journey j WHERE j.key = :key", key=fold(name.strip()))
    if found is None:
        names = [row[0] for row in store.rows("SELECT j.name FROM journey j")]
        raise NotFound(f"there is no journey {name!r}. There are: {listing(names)}")
    return int(found)


def live_id(store: Store, name: str) -> int | None:
    """The id of the live version of a journey; None: it has none."""
    found: int | None = store.one("""SELECT v.id FROM journey j JOIN journey_version v ON v.journey_id = j.id
        WHERE j.key = :key AND v.status = 'live'""", key=fold(name))
    return found


def get_live(store: Store, name: str) -> Version:
    """The live version of a journey. Raises NotFound: no such journey, or never published."""
    found = _live_row(store, find_journey(store, name))
    if found is None:
        raise NotFound(f"the journey {name!r} has not been published")
    return found


def list_versions(store: Store, name: str) -> list[Version]:
    """Every published version of a journey, the newest first. Raises NotFound."""
    return [Version(*row) for row in store.rows("""SELECT v.id, j.id, j.name, v.number, v.status, v.document, v.published_at,
            v.published_by FROM journey_version v JOIN journey j ON j.id = v.journey_id
        WHERE j.id = :id ORDER BY v.number DESC""", id=find_journey(store, name))]


def get_version(store: Store, name: str, number: int) -> Version:
    """One published version. Raises NotFound with the numbers there are."""
    found = list_versions(store, name)
    one = next((version for version in found if version.number == number), None)
    if one is None:
        raise NotFound(f"{name} has no version {number}; there are {listing([str(v.number) for v in found])}")
    return one


def set_status(store: Store, name: str, status: str, *, by: Actor, now: int, stranding: bool = False) -> None:
    """Pause a journey (people stand still, nobody enters), drain it (nobody enters, those inside finish), resume or archive it.

    While it is paused, an exit rule still takes people out and what they do is kept: nothing is lost, it goes on on resuming.
    stranding: archive it with people inside, who are taken out next.
    Raises BadInput: any other status. Conflict: never published; or people are under way and would be stranded.
    """
    require(by, "market")
    if status not in STATUSES:
        raise BadInput(f"a journey is {', '.join(STATUSES)}, not {status!r}")
    journey_id = find_journey(store, name)
    with store.transaction():
        _check_status(store, name, journey_id, status, stranding)
        store.run("UPDATE journey SET status = :status, updated_at = :now WHERE id = :id", status=status, now=now,
                  id=journey_id)
        audit.record(store, by, f"journey.{status}", name, now=now)


def _check_status(store: Store, name: str, journey_id: int, status: str, stranding: bool) -> None:
    published, inside = store.rows("""SELECT j.version_id, (SELECT COUNT(*) FROM enrollment r WHERE r.journey_id = j.id
        AND r.status = 'active') FROM journey j WHERE j.id = :id""", id=journey_id)[0]
    if published is None and status != "archived":
        raise Conflict(f"the journey {name!r} has not been published")
    if status == "archived" and inside and not stranding:
        raise Conflict(f"{inside:,} {'person is' if inside == 1 else 'people are'} still in {name!r}: drain it and archive it "
                       "when they have finished, or let them leave now")


def set_owner(store: Store, name: str, owner: str | None, *, by: Actor, now: int) -> None:
    """Say who answers for a journey; None: nobody. Raises NotFound; BadInput: longer than a name."""
    require(by, "market")
    said = " ".join((owner or "").split())
    if len(said) > 120:
        raise BadInput("the owner of a journey is a name of at most 120 characters")
    with store.transaction():
        store.run("UPDATE journey SET owner = :owner, updated_at = :now WHERE id = :id", owner=said or None, now=now,
                  id=find_journey(store, name))
        audit.record(store, by, "journey.owner", name, now=now, owner=said or None)


def list_journeys(store: Store) -> list[Summary]:
    """All journeys by name."""
    return [Summary(*row) for row in store.rows("""SELECT j.id, j.name, j.status,
            (SELECT v.number FROM journey_version v WHERE v.id = j.version_id),
            (SELECT COUNT(*) FROM enrollment r WHERE r.journey_id = j.id),
            (SELECT COUNT(*) FROM enrollment r WHERE r.journey_id = j.id AND r.status = 'active'), j.updated_at, j.owner
        FROM journey j ORDER BY j.key""")]
