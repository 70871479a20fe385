"""Who gets a contact, and why: the same answer for the tick and for `test routing`.

A contact's own rep comes first, then whoever has the contact's company, then the first route that matches. Within a route
whoever is at work goes before whoever is not, and the round robin decides: each lead moves a rep's turn on by 1 / weight,
the lowest turn is next. Whoever was away comes back in line with the others and is not flooded.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ...sql import sql
from ...store import Store
from ..rules import known, parse
from .reps import Rep, Route, list_reps, list_routes

ROUND = 1_000_000  # a turn of a rep of weight 1
# What fills a rep: leads without an answer, and accepted ones until the contact is past the stage of sales acceptance.
_LOADS = """SELECT t.owner, COUNT(*) FROM task t JOIN contact c ON c.id = t.contact_id
    WHERE t.status = 'open' OR (t.status = 'accepted' AND c.stage = 'sal') GROUP BY t.owner"""


@dataclass(frozen=True)
class Considered:
    """A rep who was looked at, and what was found: empty when nothing spoke against."""

    rep: Rep
    load: int
    at_work: bool
    against: str


@dataclass(frozen=True)
class Choice:
    """rep: who gets it, None: the fallback queue. route: which way decided. sentence: why."""

    rep: Rep | None
    route: str
    sentence: str
    considered: tuple[Considered, ...]

    @property
    def turn(self) -> int:
        """Where the round robin stands when the rep takes it."""
        return _turn(self.rep, self.considered) if self.rep else 0


def choose(store: Store, contact_id: int, *, now: int, without: Collection[str] = ()) -> Choice:
    """Who should get this contact now. without: reps who have had it and did not answer."""
    seats = _seats(store, now, without)
    if not seats:
        return Choice(None, "fallback", "nobody takes leads yet", ())
    owner, company = store.row("SELECT c.owner, c.account_id FROM contact c WHERE c.id = :id", id=contact_id) or (None, None)
    kept = _kept(seats, owner, "owner", "is the contact's owner")
    if kept is None and company is not None:
        kept = _kept(seats, _company_owner(store, company, [seat.rep for seat in seats], contact_id), "company",
                     "has others of the same company")
    return kept or _by_route(store, contact_id, seats, now)


def _seats(store: Store, now: int, without: Collection[str]) -> tuple[Considered, ...]:
    loads: dict[str, int] = dict(store.rows(_LOADS))
    return tuple(_look(rep, loads.get(rep.email, 0), now, without) for rep in list_reps(store))


def _look(rep: Rep, load: int, now: int, without: Collection[str]) -> Considered:
    against = ""
    if rep.email in without:
        against = "has had it and did not answer in time"
    elif rep.away_at(now):
        against = "is away"
    elif rep.capacity is not None and load >= rep.capacity:
        against = f"is full with {load} of {rep.capacity}"
    return Considered(rep, load, rep.hours.open_at(now), against)


def _kept(seats: Sequence[Considered], owner: str | None, route: str, why: str) -> Choice | None:
    """The rep who knows them already, however full; not one who is away or let it lie."""
    for seat in seats:
        if owner and owner.strip().casefold() in (seat.rep.email, seat.rep.name.casefold()):
            fine = not seat.against or seat.against.startswith("is full")
            return Choice(seat.rep, route, f"{seat.rep.name} {why}", tuple(seats)) if fine else None
    return None


def _company_owner(store: Store, account_id: int, reps: Sequence[Rep], contact_id: int) -> str | None:
    """The rep who owns most contacts of a company; of two the one who came first by email."""
    names = {name: rep.email for rep in reps for name in (rep.name, rep.email)}
    counted: dict[str, int] = {}
    for owner, count in store.rows("SELECT c.owner, COUNT(*) FROM contact c WHERE c.account_id = :id AND c.id <> :who "
                                   "AND c.owner IS NOT NULL GROUP BY c.owner", id=account_id, who=contact_id):
        if owner in names:
            counted[names[owner]] = counted.get(names[owner], 0) + count
    return min(counted, key=lambda email: (-counted[email], email), default=None)


def _by_route(store: Store, contact_id: int, seats: tuple[Considered, ...], now: int) -> Choice:
    routes = list_routes(store)
    route = next((one for one in routes if _matches(store, one, contact_id, now)), None)
    if routes and route is None:
        return Choice(None, "fallback", "no route matches", seats)
    named = [seat for seat in seats if route is None or not route.reps or seat.rep.email in route.reps]
    name = route.name if route else "everybody"
    free = [seat for seat in named if not seat.against]
    if not free:
        return Choice(None, "fallback", f"the route {name!r} has nobody free", seats)
    at_work = [seat for seat in free if seat.at_work] or free
    first = min(at_work, key=lambda seat: (_turn(seat.rep, seats), seat.load, seat.rep.email))
    when = "" if first.at_work else ", who is back at work first thing; nobody is at work now"
    return Choice(first.rep, name, f"the turn of {first.rep.name} in the route {name!r}{when}", seats)


def _matches(store: Store, route: Route, contact_id: int, now: int) -> bool:
    if route.rule is None:
        return True
    rule = parse(route.rule, known(store)).probe()
    return bool(store.one(sql("SELECT 1 FROM contact c WHERE c.id = :id AND {rule}", id=contact_id, rule=rule), now=now))


def _turn(rep: Rep, seats: Sequence[Considered]) -> int:
    """Not behind the turn that was served last: whoever was away has missed those."""
    return max(rep.turn, *(seat.rep.last_turn for seat in seats))
