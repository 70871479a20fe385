"""Personas: saved definitions in an order; everybody is the first whose rule they match, and the watch keeps it so.

Each is kept as the segment `Persona: NAME`: its own rule, and in none of the personas before it. So entering and leaving,
history and the past come from there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .. import audit
from ..access import Actor, require
from ..errors import BadInput, Invalid, NotFound, Problem, listing
from ..sql import fold
from ..store import Store
from . import segments
from .rules import PersonaLeaf, known, leaves, parse

LONGEST_NAME, LONGEST_NOTES = 80, 4_000
MOST = 30


@dataclass(frozen=True)
class Persona:
    """One of them. rule: its own, without the order. people: how many it is now."""

    name: str
    place: int
    rule: Any
    sentence: str
    notes: str
    segment_id: int
    people: int


def list_personas(store: Store) -> list[Persona]:
    """All of them, in the order in which they are asked."""
    return [Persona(name, place, json.loads(rule), sentence, notes, segment, people)
            for name, place, rule, sentence, notes, segment, people in store.rows(
                "SELECT p.name, p.place, p.rule, p.sentence, p.notes, p.segment_id, (SELECT COUNT(*) FROM segment_member m "
                "WHERE m.segment_id = p.segment_id) FROM persona p ORDER BY p.place, p.key")]


def persona_of(store: Store, contact_id: int) -> str | None:
    """Who somebody is; None for nobody we have described."""
    return store.one("SELECT p.name FROM persona p JOIN segment_member m ON m.segment_id = p.segment_id "  # type: ignore[no-any-return]
                     "WHERE m.contact_id = :id ORDER BY p.place LIMIT 1", id=contact_id)


def save(store: Store, name: str, rule: Any, notes: str = "", *, place: int | None = None, by: Actor, now: int) -> Persona:
    """Make or change a persona; whoever it is from now on is told to nobody. place: 1 is asked first; a new one comes last.

    Raises BadInput, Invalid: a rule that asks for personas would go round.
    """
    require(by, "market")
    trimmed = " ".join(name.split())
    if not trimmed or len(trimmed) > LONGEST_NAME:
        raise BadInput(f"persona {name[:40]!r}: a name has 1 to {LONGEST_NAME} characters")
    parsed = parse(rule, known(store))
    if any(isinstance(leaf, PersonaLeaf) for leaf in leaves(parsed)):
        raise Invalid([Problem("persona", "cycle", "the rule of a persona can not ask for personas")])
    there = list_personas(store)
    old = next((one for one in there if fold(one.name) == fold(trimmed)), None)
    if old is None and len(there) >= MOST:
        raise BadInput(f"{MOST} personas are there already: nobody keeps more apart; remove one first")
    kept = Persona(old.name if old else trimmed, 0, parsed.document(), parsed.sentence(), notes.strip()[:LONGEST_NOTES],
                   old.segment_id if old else 0, 0)
    others = [one for one in there if old is None or one.name != old.name]
    at = min(max((place if place is not None else old.place if old else len(there) + 1), 1), len(others) + 1)
    _keep(store, [*others[:at - 1], kept, *others[at - 1:]], by=by, now=now)
    with store.transaction():
        audit.record(store, by, "persona saved", kept.name, now=now, place=at)
    return next(one for one in list_personas(store) if one.name == kept.name)


def remove(store: Store, name: str, *, by: Actor, now: int) -> None:
    """Forget a persona; its segment stays, with its own rule, for whoever uses it. Raises NotFound."""
    require(by, "market")
    there = list_personas(store)
    gone = next((one for one in there if fold(one.name) == fold(" ".join(name.split()))), None)
    if gone is None:
        raise NotFound(f"no persona {name!r}; there are {listing([one.name for one in there])}")
    with store.transaction():
        store.run("DELETE FROM persona WHERE key = :key", key=fold(gone.name))
        audit.record(store, by, "persona removed", gone.name, now=now)
    _keep(store, [one for one in there if one.name != gone.name], by=by, now=now)


def _keep(store: Store, wanted: Sequence[Persona], *, by: Actor, now: int) -> None:
    """Write all of them in this order: the segments from the first on, so that none asks about a later one."""
    before: list[str] = []
    for place, one in enumerate(wanted, start=1):
        segment = f"Persona: {one.name}"
        others = [{"not": {"segment": name}} for name in before]
        made = segments.save(store, segment, {"all": [one.rule, *others]} if others else one.rule, by=by, now=now)
        row = {"key": fold(one.name), "name": one.name, "place": place, "rule": json.dumps(one.rule), "sentence": one.sentence,
               "notes": one.notes, "segment_id": made.id, "updated_at": now}
        with store.transaction():
            store.upsert_many("persona", [row], key=("key",))
        before.append(segment)
