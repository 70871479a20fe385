"""Puts the past into the database, through the rooms that own the tables: ids first, then everything in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from ...activity import events
from ...audience import lifecycle, scoring
from ...journeys import history, versions
from ...outreach import messages
from ...people import contacts
from ...schema import BRANCHES
from ...store import CHUNK, Store
from .people import Person
from .walks import Happening, Letter, Past, Points, Step, Walk

Item = TypeVar("Item")


def load_events(store: Store, past: Past) -> None:
    """Give ids in order of time to events, messages and passages, and write the events."""
    past.happenings.sort(key=lambda one: one.at)
    past.letters.sort(key=lambda one: one.at)
    past.walks.sort(key=lambda one: one.trigger.at)
    with store.transaction():
        _number(store, "event", past.happenings)
        _number(store, "message", past.letters)
        _number(store, "enrollment", past.walks)
    _write(store, past.happenings, _event, events.load_events)


def _number(store: Store, table: str, things: Sequence[Any]) -> None:
    for number, one in zip(store.new_ids(table, len(things)), things, strict=True):
        one.id = number


def load_journeys(store: Store, past: Past, live: dict[str, versions.Version], templates: dict[str, tuple[int, int]],
                  campaigns: dict[str, int]) -> None:
    """Passages, steps, tokens, messages, and what nodes did. live: versions by journey key; templates: (id, version) by
    name; campaigns: ids by journey key."""
    nodes = {key: history.node_ids(store, one.journey) for key, one in live.items()}
    _write(store, past.walks, lambda one: _enrollment(one, live), history.load_enrollments)
    steps = [(walk, step) for walk in past.walks for step in walk.steps]
    _write(store, steps, lambda pair: _step(*pair, nodes), history.load_steps)
    standing = [walk for walk in past.walks if walk.status == "active"]
    last = past.happenings[-1].id
    _write(store, standing, lambda one: _token(one, nodes, last), history.load_tokens)
    _write(store, past.letters, lambda one: _message(one, live, nodes, templates, campaigns), messages.load)
    _write(store, past.points, lambda one: _points(one, nodes), scoring.load_entries)
    for at in range(0, len(past.tags), CHUNK):
        with store.transaction():
            contacts.load_tags(store, past.tags[at:at + CHUNK])


def load_people(store: Store, people: Sequence[Person], points: Sequence[Points], *, now: int) -> None:
    """Stages with their history, and scores."""
    scores: dict[tuple[int, str], int] = {}
    for one in points:
        scores[one.who, one.group] = scores.get((one.who, one.group), 0) + one.points
    _write(store, people, lambda one: {
        "id": one.id, "stage": one.stages[-1][1], "fit_score": scores.get((one.id, "fit"), 0),
        "engagement_score": scores.get((one.id, "engagement"), 0), "updated_at": now}, contacts.load_states)
    moves = [(person, old, new, at) for person in people
             for (_, old), (at, new) in zip([(0, None), *person.stages], person.stages, strict=False)]
    moves.sort(key=lambda move: move[3])
    _write(store, moves, lambda move: {"contact_id": move[0].id, "old": move[1], "new": move[2], "at": move[3],
                                       "source": _SOURCES.get(move[2], "scoring")}, lifecycle.load_history)
    _write(store, [move for move in moves if move[1]], lambda move: {
        "contact_id": move[0].id, "kind": "stage", "name": "stage", "old": move[1], "new": move[2], "at": move[3],
        "source": _SOURCES.get(move[2], "scoring")}, contacts.load_changes)


_SOURCES = {"sal": "sales", "opportunity": "sales", "customer": "purchase", "subscriber": "sign-up form"}


# ------------------------------------------------------------ rows


def _event(one: Happening) -> dict[str, Any]:
    return {"id": one.id, "contact_id": one.who, "name": one.name, "object": events.as_object(one.thing),
            "occurred_at": one.at, "received_at": one.at, "value_minor": one.value_minor,
            "currency": "USD" if one.value_minor else None, "props": one.props, "dedupe_key": f"demo:{one.id}",
            "source": one.source, "historic": 0, "verdict": one.verdict,
            "message_id": one.letter.id if one.letter else None}


def _enrollment(one: Walk, live: dict[str, versions.Version]) -> dict[str, Any]:
    version = live[one.journey]
    ended = one.ended_by.id if one.ended_by else one.trigger.id if one.ended_at else None
    return {"id": one.id, "journey_id": version.journey_id, "version_id": version.id, "contact_id": one.person.id, "key": "",
            "props": one.trigger.props, "status": one.status, "reason": one.reason, "since_event": one.trigger.id,
            "started_at": one.trigger.at, "ended_at": one.ended_at, "ended_event": ended, "entered_by": 0}


def _step(walk: Walk, step: Step, nodes: dict[str, dict[str, int]]) -> dict[str, Any]:
    seen = step.seen.id if isinstance(step.seen, Happening) else step.seen
    return {"token_id": walk.id * BRANCHES, "node_id": nodes[walk.journey][step.node], "seq": step.seq, "at": step.at,
            "port": step.port, "seen": seen, "reason": step.reason}


def _token(walk: Walk, nodes: dict[str, dict[str, int]], last: int) -> dict[str, Any]:
    """Whatever lies before the end of the past has been heard: the runner looks at what comes after."""
    assert walk.stands
    node, due_at = walk.stands
    return {"enrollment_id": walk.id, "contact_id": walk.person.id, "node_id": nodes[walk.journey][node], "due_at": due_at,
            "arrived_at": walk.at, "seq": walk.seq, "since_event": last}


def _message(one: Letter, live: dict[str, versions.Version], nodes: dict[str, dict[str, int]],
             templates: dict[str, tuple[int, int]], campaigns: dict[str, int]) -> dict[str, Any]:
    walk, (template, version) = one.walk, templates[one.template]
    at = one.at - 1
    return {"id": one.id, "journey_id": live[walk.journey].journey_id, "enrollment_id": walk.id,
            "node_id": nodes[walk.journey][one.node], "token_id": walk.id * BRANCHES, "visit": one.visit,
            "contact_id": walk.person.id, "channel": "email", "template_id": template, "template_version_id": version,
            "campaign_id": campaigns[walk.journey], "topic": "", "priority": 10 if one.node == "consult" else 0,
            "class": "marketing", "status": "sent", "reason": None, "transport": "capture", "address": walk.person.email,
            "provider_id": f"captured-{one.id}.0", "created_at": at, "due_at": at, "admitted_at": at, "claimed_at": one.at,
            "sent_at": one.at, "attempts": 1, "detail": None, "round": 0, "told_at": one.at}


def _points(one: Points, nodes: dict[str, dict[str, int]]) -> dict[str, Any]:
    made: dict[str, Any] = {"contact_id": one.who, "grp": one.group, "points": one.points, "reason": one.reason, "at": one.at,
                            "node_id": None, "token_id": None, "visit": None}
    if one.walk:
        made |= {"node_id": nodes[one.walk.journey][one.node], "token_id": one.walk.id * BRANCHES, "visit": one.visit}
    return made


def _write(store: Store, things: Sequence[Item], row: Callable[[Item], dict[str, Any]],
           load: Callable[[Store, Iterator[dict[str, Any]]], int]) -> None:
    """In transactions of a size that holds nobody up."""
    for at in range(0, len(things), CHUNK):
        with store.transaction():
            load(store, (row(one) for one in things[at:at + CHUNK]))
