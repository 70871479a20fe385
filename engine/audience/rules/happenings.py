"""Leaves about what a contact did: how often, or not at all, and how long ago."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ...clock import DAY, in_words, parse_duration
from ...errors import listing
from ...sql import Sql, join, sql
from .base import Ask, Leaf, Look, Signals
from .facts import find_named
from .filters import EventFilter, read_filter
from .known import Named
from .operators import duration_refused
from .reader import Reader

FEW = 250_000  # events: up to here finding their people takes less time than asking a million contacts
MOST = 1_000_000  # times, or days: beyond it somebody made a typing mistake
# A comparison with a whole number n as a range: its lowest and highest value, None where it is open.
RANGES = {"at_least": (0, None), "at_most": (None, 0), "exactly": (0, 0), "more_than": (1, None), "less_than": (None, -1)}
_WORDS = {"at_least": "at least", "at_most": "at most", "exactly": "exactly", "more_than": "more than",
          "less_than": "less than"}


@dataclass(frozen=True)
class EventLeaf(Leaf):
    """Did it so many times, in all or within a window that ends now; `at_most` includes those who never did."""

    key: ClassVar[str] = "event"
    label: ClassVar[str] = "Did something"
    group: ClassVar[str] = "Behavior"
    asks: ClassVar[tuple[Ask, ...]] = (
        Ask("event", "Event", "event"), Ask("where", "Where", "where", required=False),
        Ask("op", "How often", "count", required=False), Ask("within", "In the last", "duration", required=False),
        Ask("of", "of the message", "template", required=False))

    filter: EventFilter
    op: str = "at_least"
    count: int = 1
    within: str | None = None
    of: Named | None = None

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        found = read_filter(reader, "event")
        op, count = _read_range(reader, "count", default=1)
        within = reader.take("within")
        if within is not None and (wrong := duration_refused(within)):
            reader.problem("within", "duration", wrong)
            return None
        of = find_named(reader, "of", reader.known.templates, "template") if reader.has("of") else None
        if reader.has("of") and of is None:
            return None
        return cls(found, op, count, within, of) if found and op and count is not None else None

    @property
    def within_s(self) -> int | None:
        """Length of the window in seconds."""
        return parse_duration(self.within) if self.within else None

    @property
    def range(self) -> tuple[int, int | None]:
        """Fewest and most times."""
        low, high = RANGES[self.op]
        return (max(self.count + low, 0) if low is not None else 0), (self.count + high if high is not None else None)

    def condition(self, look: Look) -> Sql:
        fewest, most = self.range
        if most is not None and most < fewest:
            return sql("(1 = 0)")
        if fewest == 0 and most is None:
            return sql("(1 = 1)")
        if look.each:
            return self._of_one(look, fewest, most)
        if fewest == 0 and most is not None:  # everybody but the people with too many
            return sql("c.id NOT IN ({people})", people=self._people(look, most + 1, None))
        return sql("c.id IN ({people})", people=self._people(look, fewest, most))

    def _of_one(self, look: Look, fewest: int, most: int | None) -> Sql:
        """Through the contact's own events; counting stops when the answer is known."""
        rows = sql("SELECT 1 FROM event e VIA(event_contact) WHERE e.contact_id = c.id AND {events}", events=self._events(look))
        if (fewest, most) == (1, None):
            return sql("EXISTS ({rows})", rows=rows)
        if (fewest, most) == (0, 0):
            return sql("NOT EXISTS ({rows})", rows=rows)
        counted = sql("(SELECT count(*) FROM ({rows} LIMIT :enough) q)", rows=rows,
                      enough=fewest if most is None else most + 1)
        return sql("{n} {test}", n=counted, test=_within_range(fewest, most))

    def _people(self, look: Look, fewest: int, most: int | None) -> Sql:
        """SELECT of the ids of those who did it so many times, once or more."""
        once = (fewest, most) == (1, None)
        having = None if once else sql(" GROUP BY e.contact_id HAVING count(*) {test}", test=_within_range(fewest, most))
        if self.of:
            return through_events(self.filter, self._events(look), having)
        each = self._of_one(replace(look, each=True), fewest, most)
        return by_number(self.filter, look, self._within(), self._events(look), each, having)

    def _events(self, look: Look) -> Sql:
        parts = [told(self.filter, "e", look, among=not look.each), self._within()]
        if self.of:
            parts.append(sql("EXISTS (SELECT 1 FROM message m WHERE m.id = e.message_id AND m.template_id = :id)",
                             id=self.of.id))
        return join(" AND ", parts)

    def _within(self) -> Sql:
        return sql("1 = 1") if self.within_s is None else sql("e.occurred_at > :now - :window", window=self.within_s)

    def observed(self, look: Look) -> dict[str, Sql]:
        times = sql("(SELECT count(*) FROM event e WHERE e.contact_id = c.id AND {events})", events=self._events(look))
        return {"times": times, "last": newest(self.filter, look)}

    def sentence(self) -> str:
        within = f" in the last {in_words(self.within_s)}" if self.within_s else ""
        what = self.filter.sentence() + (f' of the message "{self.of.name}"' if self.of else "")
        times = f"{self.count} time{'' if self.count == 1 else 's'}"
        if self.range == (0, 0):
            return f"did not do {what}{within}" + ("" if within else " so far")
        often = "" if self.range == (1, None) else f" {_WORDS[self.op]} {times}"
        return f"did {what}{often}{within}"

    def signals(self) -> Signals:
        name, thing = self.filter.event
        windows = {(name, thing, self.within_s)} if self.within_s else set()
        return Signals(events=frozenset({(name, thing)}), windows=frozenset(windows))

    def document(self) -> dict[str, Any]:
        often = {} if (self.op, self.count) == ("at_least", 1) else {"op": self.op, "count": self.count}
        of = {"of": self.of.name} if self.of else {}
        return self.filter.document() | often | ({"within": self.within} if self.within else {}) | of


@dataclass(frozen=True)
class DaysSinceLeaf(Leaf):
    """So many whole days have passed since the contact last did it; whoever never did it does not match."""

    key: ClassVar[str] = "days_since"
    label: ClassVar[str] = "Days since"
    group: ClassVar[str] = "Behavior"
    asks: ClassVar[tuple[Ask, ...]] = (
        Ask("days_since", "Event", "event"), Ask("where", "Where", "where", required=False),
        Ask("op", "Comparison", "count"), Ask("value", "Days", "number"))

    filter: EventFilter
    op: str
    days: int

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        found = read_filter(reader, "days_since")
        op, days = _read_range(reader, "value", default=None)
        return cls(found, op, days) if found and op and days is not None else None

    @property
    def ages(self) -> tuple[int, int | None]:
        """The youngest age that fits and the first that is too old, in seconds."""
        low, high = RANGES[self.op]
        youngest = (self.days + low) * DAY if low is not None else 0
        return youngest, (self.days + high + 1) * DAY if high is not None else None

    def condition(self, look: Look) -> Sql:
        youngest, too_old = self.ages
        aged = sql("e.occurred_at <= :now - :young", young=youngest)
        if too_old is not None:
            aged = sql("{aged} AND e.occurred_at > :now - :old", aged=aged, old=too_old)
        once = self._any(look, aged)
        if youngest == 0:
            return once
        later = self._any(look, sql("e.occurred_at > :now - :young", young=youngest))
        return sql("({once} AND NOT {later})", once=once, later=later)

    def _any(self, look: Look, when: Sql) -> Sql:
        """Whether there is such an event; twice that is faster than the newest event of everybody."""
        each = sql("EXISTS (SELECT 1 FROM event e VIA(event_contact) WHERE e.contact_id = c.id AND {when} AND {told})",
                   told=told(self.filter, "e", look), when=when)
        if look.each:
            return each
        events = sql("{when} AND {told}", told=told(self.filter, "e", look, among=True), when=when)
        return sql("(c.id IN ({people}))", people=by_number(self.filter, look, when, events, each))

    def observed(self, look: Look) -> dict[str, Sql]:
        return {"last": newest(self.filter, look)}

    def sentence(self) -> str:
        days = f"{self.days} day{'' if self.days == 1 else 's'}"
        return f"last did {self.filter.sentence()} {_WORDS[self.op]} {days} ago"

    def signals(self) -> Signals:
        name, thing = self.filter.event
        edges = {(name, thing, age) for age in self.ages if age}
        return Signals(events=frozenset({(name, thing)}), windows=frozenset(edges))

    def document(self) -> dict[str, Any]:
        found = self.filter.document()
        return {"days_since": found.pop("event")} | found | {"op": self.op, "value": self.days}


def through_events(events: EventFilter, match: Sql, having: Sql | None = None) -> Sql:
    """SELECT of the people of such events."""
    return sql("SELECT e.contact_id FROM {among} WHERE {match}{having}", among=events.among("e"), match=match,
               having=having or sql(""))


def by_number(events: EventFilter, look: Look, when: Sql, match: Sql, each: Sql, having: Sql | None = None) -> Sql:
    """SELECT of the people of such events. Where they are few, through the events (`match`, `having`). Where they are many,
    from each contact in turn (`each`), or where they are counted, through everything that each one did: SQLite sorts events by
    their people, which took twice as long for 1.3 million; what hashes needs no such choice. How many they are is asked of an
    index, and no further than FEW; where a test needs more than an index, nobody is asked twice."""
    if not events.indexed or look.past:
        return through_events(events, match, having)
    many = sql("""(NOT HASHES() AND EXISTS (SELECT 1 FROM {among} WHERE {roughly} AND e.occurred_at <= :now AND {when}
        LIMIT 1 OFFSET :few))""", among=events.among("e"), roughly=events.roughly("e"), when=when, few=FEW)
    in_turn = sql("contact c VIA(contact_known) WHERE c.anonymous = 0 AND {many} AND {each}", many=many, each=each)
    if having:
        in_turn = sql("event e VIA(event_contact) WHERE e.contact_id > CASE WHEN {many} THEN 0 ELSE :most END AND {told} "
                      "AND {when}{having}", many=many, most=2 ** 63 - 1, told=told(events, "e", look, bare=True), when=when,
                      having=having)
    return sql(f"""SELECT e.contact_id FROM {{among}} WHERE NOT {{many}} AND {{match}}{{having}} UNION ALL
        SELECT {'e.contact_id' if having else 'c.id'} FROM {{in_turn}}""",
               among=events.among("e"), many=many, match=match, having=having or sql(""), in_turn=in_turn)


def told(events: EventFilter, alias: str, look: Look, *, among: bool = False, bare: bool = False,
         machines: bool = False) -> Sql:
    """Events of the filter that happened up to now, as far as the look goes. among, bare: as in `EventFilter.match`."""
    upto = sql(" AND {id} <= {upto}", id=sql(f"{alias}.id"), upto=look.upto) if look.upto else sql("")
    return sql(f"{{match}} AND {alias}.occurred_at <= :now{{upto}}", upto=upto,
               match=events.match(alias, among=among, bare=bare, machines=machines, past=look.past))


def newest(events: EventFilter, look: Look) -> Sql:
    """When the contact last did it; NULL: never."""
    return sql("(SELECT MAX(n.occurred_at) FROM event n WHERE n.contact_id = c.id AND {told})", told=told(events, "n", look))


def _within_range(fewest: int, most: int | None) -> Sql:
    if most is None:
        return sql(">= :fewest", fewest=fewest)
    return sql("BETWEEN :fewest AND :most", fewest=fewest, most=most)


def _read_range(reader: Reader, key: str, default: int | None) -> tuple[str | None, int | None]:
    """The comparison and its whole number; None for one that is wrong."""
    op, number = reader.take("op", "at_least"), reader.take(key, default)
    if op not in RANGES:
        reader.problem("op", "operator", f"unknown operator {op!r}: choose one of {listing(list(RANGES))}")
        return None, None
    least = 1 if op == "less_than" else 0
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= MOST:
        reader.problem(key, "value", f"write a whole number from {least} to {MOST:,}")
        return op, None
    return op, number


__all__ = ["DaysSinceLeaf", "EventLeaf", "newest", "told"]
