"""Who gets a contact, and why: the same answer for the tick and for `test routing`.

A contact's own rep comes first, then whoever has the contact's company, then the first route that matches. Within a route
whoever is at work goes before whoever is not, and the round robin decides: each lead moves a rep's turn on by 1 / weight,
the lowest turn is next. Whoever was away comes back in line with the others and is not flooded.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property

from ...clock import DAY, HOUR
from ...errors import Invalid
from ...sql import Sql, sql
from ...store import Store
from ..rules import known, parse
from .reps import Rep, Route, had_turn, list_reps, list_routes

ROUND = 1_000_000  # a turn of a rep of weight 1
RETRY_S = HOUR  # the fallback queue is looked at again so often: somebody may be back, or have room again
RARELY_S = DAY  # and so often where only another route or another contact would help
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
    """rep: who gets it, None: the fallback queue. route: which way decided. sentence: why. again_s: in the fallback queue, how
    long until another look is worth it; None: everybody has had it."""

    rep: Rep | None
    route: str
    sentence: str
    considered: tuple[Considered, ...]
    again_s: int | None = None

    @property
    def turn(self) -> int:
        """Where the round robin stands when the rep takes it."""
        return _turn(self.rep, self.considered) if self.rep else 0


@dataclass
class Team:
    """What decides who gets a lead, read once for all leads of a round and kept true while they are given."""

    store: Store
    now: int
    reps: list[Rep] = field(init=False)
    loads: dict[str | None, int] = field(init=False)

    def __post_init__(self) -> None:
        self.reps, self.loads = list_reps(self.store), dict(self.store.rows(_LOADS))

    @cached_property
    def routes(self) -> list[Route]:
        """In the order in which they are asked."""
        return list_routes(self.store)

    def route_of(self, contact_id: int) -> Route | None:
        """The first one that means a contact."""
        return next((route for route, asked in self._asked
                     if asked is None or self.store.one(asked, id=contact_id, now=self.now)), None)

    @cached_property
    def _asked(self) -> list[tuple[Route, Sql | None]]:
        """Routes with the question whether they mean the contact :id; None: everybody. One that names something that is gone
        means nobody."""
        words = known(self.store) if any(route.rule is not None for route in self.routes) else None
        found: list[tuple[Route, Sql | None]] = []
        for route in self.routes:
            with suppress(Invalid):
                found.append((route, sql("SELECT 1 FROM contact c WHERE c.id = :id AND {rule}",
                                         rule=parse(route.rule, words).probe()) if words and route.rule is not None else None))
        return found

    def seats(self, without: Collection[str]) -> tuple[Considered, ...]:
        """Everybody, with what speaks against them now."""
        return tuple(_look(rep, self.loads.get(rep.email, 0), self.now, without) for rep in self.reps)

    def moved(self, old: str | None, new: str | None) -> None:
        """A lead is on another desk; None: the fallback queue."""
        self.loads[old] = self.loads.get(old, 0) - 1
        self.loads[new] = self.loads.get(new, 0) + 1

    def took(self, choice: Choice) -> None:
        """It was the turn of the rep chosen. Needs a transaction."""
        if rep := choice.rep:
            turn, following = choice.turn, choice.turn + ROUND // rep.weight
            had_turn(self.store, rep, turn, following)
            self.reps = [replace(one, turn=following, last_turn=turn) if one.email == rep.email else one for one in self.reps]


def choose(store: Store, contact_id: int, *, now: int) -> Choice:
    """Who should get this contact now."""
    return pick(Team(store, now), contact_id)


def pick(team: Team, contact_id: int, *, without: Collection[str] = ()) -> Choice:
    """Who of the team should get this contact. without: reps who have had it and did not answer."""
    seats = team.seats(without)
    if not seats:
        return Choice(None, "fallback", "nobody takes leads yet", ())
    owner, company = team.store.row("SELECT c.owner, c.account_id FROM contact c WHERE c.id = :id",
                                    id=contact_id) or (None, None)
    kept = _kept(seats, owner, "owner", "is the contact's owner")
    if kept is None and company is not None:
        kept = _kept(seats, _company_owner(team.store, company, team.reps, contact_id), "company",
                     "has others of the same company")
    return kept or _by_route(team, contact_id, seats, without)


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


def _by_route(team: Team, contact_id: int, seats: tuple[Considered, ...], without: Collection[str]) -> Choice:
    route = team.route_of(contact_id)
    if route is None and team.routes:
        return Choice(None, "fallback", "no route matches", seats, again_s=_again(seats, (), without))
    named = [seat for seat in seats if route is None or not route.reps or seat.rep.email in route.reps]
    name = route.name if route else "everybody"
    free = [seat for seat in named if not seat.against]
    if not free:
        return Choice(None, "fallback", f"the route {name!r} has nobody free", seats, again_s=_again(seats, named, without))
    at_work = [seat for seat in free if seat.at_work] or free
    first = min(at_work, key=lambda seat: (_turn(seat.rep, seats), seat.load, seat.rep.email))
    when = "" if first.at_work else ", who is back at work first thing; nobody is at work now"
    return Choice(first.rep, name, f"the turn of {first.rep.name} in the route {name!r}{when}", seats)


def _again(seats: Sequence[Considered], named: Sequence[Considered], without: Collection[str]) -> int | None:
    """When somebody whom the route names may have come free."""
    if all(seat.rep.email in without for seat in seats):
        return None
    return RETRY_S if any(seat.rep.email not in without for seat in named) else RARELY_S


def _turn(rep: Rep, seats: Sequence[Considered]) -> int:
    """Not behind the turn that was served last: whoever was away has missed those."""
    return max(rep.turn, *(seat.rep.last_turn for seat in seats))
