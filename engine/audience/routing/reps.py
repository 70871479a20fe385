"""The people of sales, their hours and room, and the rules that say who gets whom."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ... import audit
from ...access import Actor, require
from ...activity import events
from ...errors import BadInput, NotFound, listing
from ...maths.working import WorkingHours
from ...people.identity import normalize_email
from ...schema import set_watermark
from ...sql import fold
from ...store import Store
from ..rules import known, parse

CONSUMER = "routing"
MOST_WEIGHT = 100
LONGEST_NAME = 120
OFFICE = WorkingHours()


@dataclass(frozen=True)
class Rep:
    """Somebody who takes leads. weight: shares compared with the others'. capacity: leads at a time; None: any number.

    away: from the first moment to the second (UTC seconds), None when at work. turn: where the round robin stands.
    """

    email: str
    name: str
    weight: int = 1
    capacity: int | None = None
    hours: WorkingHours = OFFICE
    away: tuple[int, int] | None = None
    turn: int = 0
    last_turn: int = 0

    def away_at(self, at: int) -> bool:
        """Whether on leave at a moment."""
        return self.away is not None and self.away[0] <= at < self.away[1]


@dataclass(frozen=True)
class Route:
    """A rule of routing. rule: whom it is about, None: everybody. reps: who of sales, by email; empty: all of them."""

    name: str
    place: int
    rule: Any
    sentence: str
    reps: tuple[str, ...]


def list_reps(store: Store) -> list[Rep]:
    """Everybody who takes leads, by email."""
    return [_rep(row) for row in store.records("SELECT * FROM sales_rep ORDER BY email")]


def list_routes(store: Store) -> list[Route]:
    """Every rule in the order in which they are asked."""
    return [Route(name, place, json.loads(rule) if rule else None, sentence, tuple(json.loads(reps)))
            for name, place, rule, sentence, reps in store.rows(
                "SELECT r.name, r.place, r.rule, r.sentence, r.reps FROM routing_rule r ORDER BY r.place, r.key")]


def rep_of(store: Store, who: Actor | str) -> Rep | None:
    """The rep behind an actor, an email address or a name; None when it is none."""
    word = fold((who.name if isinstance(who, Actor) else who).strip())
    return next((rep for rep in list_reps(store) if word in (rep.email, fold(rep.name))), None)


def save_rep(store: Store, rep: Rep, *, by: Actor, now: int) -> Rep:
    """Add somebody, or change them. Raises BadInput."""
    require(by, "administer")
    email = normalize_email(rep.email)
    if not 1 <= rep.weight <= MOST_WEIGHT:
        raise BadInput(f"weight {rep.weight}: a whole number from 1 to {MOST_WEIGHT}")
    if rep.capacity is not None and rep.capacity < 0:
        raise BadInput(f"capacity {rep.capacity}: how many leads at a time, 0 or more")
    if rep.away and rep.away[1] <= rep.away[0]:
        raise BadInput("the absence ends before it begins")
    with store.transaction():
        store.serialize("sales_rep")
        old = next((one for one in list_reps(store) if one.email == email), None)
        kept = replace(rep, email=email, name=rep.name.strip()[:LONGEST_NAME] or email,
                       turn=old.turn if old else 0, last_turn=old.last_turn if old else 0)
        if not store.one("SELECT 1 FROM sales_rep LIMIT 1"):  # what happened before anybody takes leads is history
            set_watermark(store, CONSUMER, events.last_id(store), now)
        store.upsert_many("sales_rep", [_row(kept)], key=("email",))
        audit.record(store, by, "sales rep saved", email, now=now, weight=rep.weight, capacity=rep.capacity)
    return kept


def remove_rep(store: Store, email: str, *, by: Actor, now: int) -> None:
    """Take somebody off. Their open leads go to others with the next tick. Raises NotFound."""
    require(by, "administer")
    with store.transaction():
        gone = store.run("DELETE FROM sales_rep WHERE email = :email", email=fold(email.strip()))
        store.run("UPDATE task SET due_at = :now WHERE owner = :email AND status = 'open'", now=now, email=fold(email.strip()))
        if not gone:
            raise NotFound(f"no rep {email!r}; there are {listing([rep.email for rep in list_reps(store)])}")
        audit.record(store, by, "sales rep removed", email, now=now)


def save_route(store: Store, name: str, rule: Any, reps: Sequence[str] = (), *, place: int | None = None, by: Actor,
               now: int) -> Route:
    """Make or change a rule. rule: a document of the rule language, None for everybody. Raises BadInput, Invalid."""
    require(by, "administer")
    trimmed = " ".join(name.split())
    if not trimmed or len(trimmed) > LONGEST_NAME:
        raise BadInput(f"route {name[:40]!r}: a name has 1 to {LONGEST_NAME} characters")
    there = {rep.email for rep in list_reps(store)}
    if unknown := [one for one in reps if fold(one) not in there]:
        raise BadInput(f"route {trimmed!r}: no rep {unknown[0]!r}; there are {listing(sorted(there))}")
    parsed = None if rule is None else parse(rule, known(store))
    with store.transaction():
        store.serialize("sales_rep")
        old = store.one("SELECT r.place FROM routing_rule r WHERE r.key = :key", key=fold(trimmed))
        last = store.one("SELECT COALESCE(MAX(r.place), 0) FROM routing_rule r")
        at = place if place is not None else old if old is not None else last + 1
        row = {"key": fold(trimmed), "name": trimmed, "place": at, "rule": json.dumps(parsed.document()) if parsed else None,
               "sentence": parsed.sentence() if parsed else "everybody", "reps": json.dumps([fold(one) for one in reps]),
               "updated_at": now}
        store.upsert_many("routing_rule", [row], key=("key",))
        audit.record(store, by, "route saved", trimmed, now=now, reps=list(reps))
    return next(route for route in list_routes(store) if route.name == trimmed)


def remove_route(store: Store, name: str, *, by: Actor, now: int) -> None:
    """Take a rule away. Raises NotFound."""
    require(by, "administer")
    with store.transaction():
        if not store.run("DELETE FROM routing_rule WHERE key = :key", key=fold(" ".join(name.split()))):
            raise NotFound(f"no route {name!r}; there are {listing([route.name for route in list_routes(store)])}")
        audit.record(store, by, "route removed", name, now=now)


def had_turn(store: Store, rep: Rep, turn: int, next_turn: int) -> None:
    """A rep got a lead at `turn` of the round robin and is at `next_turn` again. Needs a transaction."""
    store.run("UPDATE sales_rep SET turn = :next, last_turn = :turn WHERE email = :email", next=next_turn, turn=turn,
              email=rep.email)


def _rep(row: dict[str, Any]) -> Rep:
    hours = WorkingHours(row["zone"], row["opens_s"], row["shuts_s"], tuple(json.loads(row["weekdays"])))
    away = (row["away_from"], row["away_until"]) if row["away_from"] is not None else None
    return Rep(row["email"], row["name"], row["weight"], row["capacity"], hours, away, row["turn"], row["last_turn"])


def _row(rep: Rep) -> dict[str, Any]:
    return {"email": rep.email, "name": rep.name, "weight": rep.weight, "capacity": rep.capacity, "zone": rep.hours.zone,
            "opens_s": rep.hours.opens_s, "shuts_s": rep.hours.shuts_s, "weekdays": json.dumps(rep.hours.weekdays),
            "away_from": rep.away[0] if rep.away else None, "away_until": rep.away[1] if rep.away else None,
            "turn": rep.turn, "last_turn": rep.last_turn}
