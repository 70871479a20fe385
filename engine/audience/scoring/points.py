"""Score rules: an event that gives points each time, or a state that gives them for as long as it holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ... import audit
from ...access import Actor, require
from ...activity import events
from ...errors import BadInput, NotFound, listing
from ...schema import set_watermark
from ...sql import fold
from ...store import Store
from .. import segments
from ..rules import EventFilter, Known, known, parse_filter
from .entries import GROUPS

# watermarks: an event, a line of the log of segments, a change of a verdict
CONSUMER, STATES, VERDICTS = "scoring", "scoring of states", "scoring of verdicts"
LONGEST_NAME = 100
MOST_POINTS = 10_000
_KEYS = {"event", "where", "rule", "points", "group", "max_per_contact", "max_per_day"}
# Machines open mail, and a score must not answer itself.
_NEVER = {"email_opened": "opens never move a score, since machines open mail too: score the click",
          "score_rose": "a score can not follow itself", "score_fell": "a score can not follow itself"}


@dataclass(frozen=True)
class ScoreRule:
    """points each time (event), or while it holds (rule: kept as the segment `segment`). group: fit or engagement.

    max_per_contact, max_per_day (UTC): how many times it counts; None: each time. status: live or archived.
    """

    id: int
    name: str
    version: int
    status: str
    document: dict[str, Any]
    sentence: str
    segment_id: int | None
    points: int
    group: str
    max_per_contact: int | None
    max_per_day: int | None


def list_rules(store: Store, *, archived: bool = False) -> list[ScoreRule]:
    """The rules that give points, by name; with those that no longer do."""
    return [_rule(row) for row in store.rows(
        "SELECT r.id, r.name, r.version, r.status, r.document, r.sentence, r.segment_id FROM score_rule r "
        "WHERE r.status = 'live' OR r.status = :other ORDER BY r.key", other="archived" if archived else "live")]


def save_rule(store: Store, name: str, document: dict[str, Any], *, by: Actor, now: int) -> ScoreRule:
    """Make a rule, or a new version of it; it counts from now on, and for a state whoever is in it.

    document: {event, where} or {rule}, points, group, max_per_contact, max_per_day. Raises BadInput, Invalid.
    """
    require(by, "market")
    trimmed = " ".join(name.split())
    if not trimmed or len(trimmed) > LONGEST_NAME:
        raise BadInput(f"score rule {name[:40]!r}: a name has 1 to {LONGEST_NAME} characters")
    kept = _checked(document)
    with store.transaction():
        store.serialize("score_rule")
        states = "rule" in kept
        if not [rule for rule in list_rules(store) if bool(rule.segment_id) == states]:  # what happened before is history
            set_watermark(store, STATES if states else CONSUMER, last_change(store) if states else events.last_id(store), now)
    if "rule" in kept:
        segment = segments.save(store, f"Score: {trimmed}", kept["rule"], by=by, now=now)
        sentence, segment_id = segment.sentence, segment.id
        kept["rule"] = segment.rule
    else:
        sentence, segment_id = filter_in(known(store), kept).sentence(), None
    _write(store, trimmed, kept, sentence, segment_id, by, now)
    return next(rule for rule in list_rules(store) if rule.name == trimmed)


def archive_rule(store: Store, name: str, *, by: Actor, now: int) -> None:
    """It gives no more points; those it gave stay, as entries. Raises NotFound."""
    require(by, "market")
    with store.transaction():
        if not store.run("UPDATE score_rule SET status = 'archived', updated_at = :now WHERE key = :key AND status = 'live'",
                         key=fold(" ".join(name.split())), now=now):
            raise NotFound(f"no score rule {name!r}; there are {listing([rule.name for rule in list_rules(store)])}")
        audit.record(store, by, "score rule archived", name, now=now)


def last_change(store: Store) -> int:
    """The newest line of the log of segments."""
    return int(store.one("SELECT COALESCE(MAX(x.id), 0) FROM segment_change x"))


def filter_in(words: Known, document: dict[str, Any]) -> EventFilter:
    """The events that give points. Raises Invalid."""
    return parse_filter({key: document[key] for key in ("event", "where") if key in document}, words)


def _write(store: Store, name: str, document: dict[str, Any], sentence: str, segment_id: int | None, by: Actor,
           now: int) -> None:
    row = {"key": fold(name), "name": name, "status": "live", "document": json.dumps(document), "sentence": sentence,
           "segment_id": segment_id, "updated_at": now}
    with store.transaction():
        store.serialize("score_rule")
        old = store.row("SELECT r.id, r.version, r.document, r.status FROM score_rule r WHERE r.key = :key", key=row["key"])
        if old and json.loads(old[2]) == document and old[3] == "live":
            return
        version = (old[1] if old else 0) + 1
        if old:
            store.run("UPDATE score_rule SET name = :name, status = :status, document = :document, sentence = :sentence, "
                      "segment_id = :segment_id, updated_at = :updated_at, version = :version WHERE key = :key",
                      **row, version=version)
        else:
            store.insert_many("score_rule", [row | {"version": version, "created_at": now}])
        number = store.one("SELECT r.id FROM score_rule r WHERE r.key = :key", key=row["key"])
        store.insert_many("score_rule_version", [{"rule_id": number, "version": version, "document": row["document"], "at": now,
                                                  "actor": by.name}])
        audit.record(store, by, "score rule saved", name, now=now, version=version)


def _checked(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise BadInput('a score rule is an object: {"event": "page_view", "points": 5, "group": "engagement"}')
    if "half_life_days" in document:
        raise BadInput("half_life_days: points of a group age together; set it for the group, not for a rule")
    if unknown := set(document) - _KEYS:
        raise BadInput(f"score rule: unknown {', '.join(sorted(unknown))}; it has {', '.join(sorted(_KEYS))}")
    if ("event" in document) == ("rule" in document):
        raise BadInput("score rule: write either event (points each time) or rule (points while it holds)")
    if why := _NEVER.get(str(document.get("event"))):
        raise BadInput(f"score rule: {why}")
    _number(document, "points", -MOST_POINTS, MOST_POINTS)
    if document.get("group", "engagement") not in GROUPS:
        raise BadInput(f"score rule: group {document['group']!r}: choose one of {', '.join(GROUPS)}")
    for cap in ("max_per_contact", "max_per_day"):
        if document.get(cap) is not None:
            _number(document, cap, 1, MOST_POINTS)
            if "rule" in document:
                raise BadInput(f"score rule: {cap} is for events; a state gives its points once while it holds")
    return {"group": "engagement"} | {key: found for key, found in document.items() if found is not None}


def _number(document: dict[str, Any], key: str, low: int, high: int) -> None:
    found = document.get(key)
    if not isinstance(found, int) or isinstance(found, bool) or not low <= found <= high or found == 0:
        raise BadInput(f"score rule: {key} is {found!r}: a whole number from {low:,} to {high:,}, not 0")


def _rule(row: tuple[Any, ...]) -> ScoreRule:
    document = json.loads(row[4])
    return ScoreRule(row[0], row[1], row[2], row[3], document, row[5], row[6], document["points"], document["group"],
                     document.get("max_per_contact"), document.get("max_per_day"))
