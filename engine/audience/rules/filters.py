"""Event filters `{event, where, of}`: which events a leaf counts, a trigger answers, a node waits for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...activity.events import OBJECT_LENGTH, as_object
from ...errors import Invalid, Problem
from ...maths.money import scale_sql
from ...sql import Sql, join, sql
from .base import EventName
from .known import Known
from .operators import OPERATORS, Column, Comparison, read_comparison
from .reader import Reader, usable_text

HUMAN = "({e}.verdict IS DISTINCT FROM 'machine')"
# As it was known at :now: the verdict before the first change after that moment.
_LATER = "FROM verdict_change v WHERE v.event_id = {e}.id AND v.at > :now"
HUMAN_THEN = (f"((CASE WHEN EXISTS (SELECT 1 {_LATER}) THEN (SELECT v.old {_LATER} ORDER BY v.id LIMIT 1) "
               "ELSE {e}.verdict END) IS DISTINCT FROM 'machine')")
# The objects of a name that pass, each found by one look at the index: pages and links are few, their events are many. Where
# there are more, what comes after the last one looked at is one span, whose events are tested one by one.
MOST_OBJECTS = 2_000
_SPANS = """(WITH RECURSIVE n(object, place) AS (SELECT MIN(e.object), 1 FROM event e WHERE e.name = :name UNION ALL
        SELECT (SELECT MIN(f.object) FROM event f WHERE f.name = :name AND f.object > n.object), n.place + 1
        FROM n WHERE n.object IS NOT NULL AND n.place < :most)
    SELECT n.object AS low, CASE WHEN n.place < :most THEN n.object ELSE
        (SELECT MAX(g.object) FROM event g WHERE g.name = :name) END AS high, n.place < :most AS tested
    FROM n WHERE n.object IS NOT NULL AND (n.place = :most OR {test}))"""


@dataclass(frozen=True)
class PropertyTest:
    """One comparison with the object, the value, the currency or a property of an event."""

    key: str
    comparison: Comparison

    def condition(self, alias: str, among: bool, bare: bool = False) -> Sql:
        """`among`: in a statement that finds the events of everybody, through the index on name and object. Of one contact the
        object is no bare column (unless `bare`), or the engine would rather read everybody's."""
        test = self.comparison.sql(self._column(alias, among or bare))
        if not (among and self.spread):
            return test
        span = span_of_objects(alias)
        return sql(f"{{roughly}} AND ({span}.tested OR {{test}})", roughly=self.roughly(alias), test=test)

    def roughly(self, alias: str) -> Sql:
        """The part of `condition` that is a range of the index on name and object."""
        span = span_of_objects(alias)
        return sql(f"{alias}.object BETWEEN {span}.low AND {span}.high") if self.spread else self.condition(alias, among=True)

    @property
    def spread(self) -> bool:
        """Whether what passes lies here and there among the objects: then each object is tested once, not each event."""
        operator = self.comparison.operator
        return self.key == "object" and (operator.looks_inside or operator.key in ("is_not", "not_in"))

    def _column(self, alias: str, bare: bool) -> Column:
        kind = self.comparison.kind
        if self.key == "object":
            return Column(sql(f"{alias}.object" if bare else f"({alias}.object || '')"), kind, folded=True)
        if self.key == "value":
            major = f"{alias}.value_minor / {scale_sql(f'{alias}.currency')}"
            return Column(sql(f"COALESCE({major}, JSON_NUMBER({alias}.props, :key))", key=self.key), kind)
        if self.key == "currency":
            return Column(sql(f"{alias}.currency"), kind)
        return property_column(alias, self.key, self.comparison)

    def sentence(self) -> str:
        """As part of a sentence."""
        return f"{self.key} {self.comparison.words()}"

    def document(self) -> dict[str, Any]:
        """As in a file."""
        return self.comparison.document()


@dataclass(frozen=True)
class TriggerTest:
    """The object or a property is the same as a property of what brought the person into the journey (enrollment r)."""

    key: str
    prop: str

    def condition(self, alias: str, among: bool, bare: bool = False) -> Sql:
        """Compared as text: 7 and "7" are one cart."""
        brought = sql("CAST(r.props ->> CAST(:prop AS TEXT) AS TEXT)", prop=self.prop)
        if self.key == "object":
            return sql(f"{alias}.object = fold({{brought}})", brought=brought)
        return sql(f"CAST({alias}.props ->> CAST(:key AS TEXT) AS TEXT) = {{brought}}", key=self.key, brought=brought)

    def sentence(self) -> str:
        """As part of a sentence."""
        return f"{self.key} is the trigger's {self.prop}"

    def document(self) -> dict[str, Any]:
        """As in a file."""
        return {"trigger": self.prop}


def span_of_objects(alias: str) -> str:
    """The alias of the spans in which the objects of the events `alias` lie."""
    return f"{alias}_span"


def property_column(alias: str, key: str, comparison: Comparison) -> Column:
    """A property in `props` of a table alias, of the type that it is compared as."""
    if comparison.operator.takes == "nothing":  # of whatever type: JSON null is as good as absent
        return Column(sql(f"NULLIF(JSON_KIND({alias}.props, :key), 'null')", key=key), "text", folded=True)
    macro = {"text": "TEXT", "number": "NUMBER", "bool": "BOOL"}[comparison.kind]
    return Column(sql(f"JSON_{macro}({alias}.props, :key)", key=key), comparison.kind)


@dataclass(frozen=True)
class EventFilter:
    """Events of one name whose properties pass every test. Events judged to come from a machine never match.

    of: a node of the journey or a message that the event must belong to; the journey sees to it, `match` does not.
    """

    name: str
    where: tuple[PropertyTest | TriggerTest, ...] = ()
    of: str | None = None

    def match(self, alias: str, *, among: bool = False, bare: bool = False, machines: bool = False, past: bool = False) -> Sql:
        """Condition over an event alias. among: for statements over `among`, that look for events, not at those of a contact.

        bare: for statements that name the index to read. machines: also what a machine did. past: by the verdict that was
        known at `:now`.
        """
        tests = [test.condition(alias, among, bare) for test in self.where]
        human = [] if machines else [sql((HUMAN_THEN if past else HUMAN).format(e=alias))]
        return join(" AND ", [sql(f"{alias}.name = :name", name=self.name), *tests, *human])

    @property
    def index(self) -> str:
        """The index that finds such events among everybody's, and holds all that the tests read where that can be."""
        return "event_what" if any(test.key == "object" for test in self.where) else "event_when"

    @property
    def indexed(self) -> bool:
        """Whether an index holds all that the tests read."""
        return all(isinstance(test, PropertyTest) and test.key == "object" for test in self.where)

    def roughly(self, alias: str) -> Sql:
        """At least the events that match, of an `indexed` filter, as a range of the index."""
        return join(" AND ", [sql(f"{alias}.name = :name", name=self.name), *(
            test.roughly(alias) for test in self.where if isinstance(test, PropertyTest))])

    def among(self, alias: str) -> Sql:
        """FROM item of the events of everybody, for a statement with `match(among=True)`."""
        spread = next((test for test in self.where if isinstance(test, PropertyTest) and test.spread), None)
        if spread is None:
            return sql(f"event {alias} VIA({self.index})")
        passes = spread.comparison.sql(Column(sql("n.object"), "text", folded=True))
        return sql(f"{_SPANS} {span_of_objects(alias)} CROSS JOIN event {alias} VIA({self.index})", name=self.name, test=passes,
                   most=MOST_OBJECTS)

    @property
    def event(self) -> EventName:
        """The name, and the object when the filter asks for exactly one."""
        exact = [as_object(test.comparison.values[0]) for test in self.where
                 if isinstance(test, PropertyTest) and test.key == "object" and test.comparison.operator.key == "is"]
        return self.name, exact[0] if exact else None

    def sentence(self) -> str:
        """The event in words."""
        where = " and ".join(test.sentence() for test in self.where)
        return self.name + (f" where {where}" if where else "") + (f" of {self.of}" if self.of else "")

    def short(self) -> Any:
        """As in a file where an event's name alone is enough."""
        return self.document() if self.where else self.name

    def document(self) -> dict[str, Any]:
        """As in a file."""
        where = {"where": {test.key: test.document() for test in self.where}} if self.where else {}
        return {"event": self.name} | where | ({"of": self.of} if self.of else {})


def parse_filter(document: Any, known: Known) -> EventFilter:
    """The filter that a document `{event, where, of}` describes. Raises Invalid with every problem."""
    problems: list[Problem] = []
    if not isinstance(document, dict):
        raise Invalid([Problem("event", "shape", "write an event filter: {event: NAME, where: {…}}")])
    reader = Reader(document, "", problems, known)
    found = read_filter(reader, "event")
    if reader.has("of"):
        of = reader.text("of", "a node of this journey or a message")
        found = EventFilter(found.name, found.where, of) if found else None
    if not reader.done() or found is None or problems:
        raise Invalid(problems)
    return found


def read_events(reader: Reader, key: str, what: str, *, at: int | None = None) -> EventFilter | None:
    """The events at `key` (at a place of the list there): a name, or `{event, where}`. Problems go to the reader."""
    given, place = reader.take(key), reader.place(key)
    if at is not None:
        given, place = given[at], f"{place}[{at}]"
    if isinstance(given, dict):
        inner = Reader(given, place, reader.problems, reader.known)
        found = read_filter(inner, "event")
        return found if inner.done() else None
    if isinstance(given, str) and usable_text(given.strip()) and len(given) <= 500:
        return EventFilter(given.strip())
    reader.problems.append(Problem(place, "value", f"write {what} here: its name, or {{event: NAME, where: {{…}}}}"))
    return None


def read_filter(reader: Reader, key: str) -> EventFilter | None:
    """The event named at `key` and its `where`. Problems go to the reader."""
    name = reader.text(key, "the name of an event")
    tests: list[PropertyTest | TriggerTest | None] = []
    if reader.has("where"):
        where = reader.inner("where")
        tests = [_read_test(where, prop) for prop in where.document] if where else [None]
    found = tuple(test for test in tests if test)
    return EventFilter(name.strip(), found) if name and len(found) == len(tests) else None


def _read_test(where: Reader, key: str) -> PropertyTest | TriggerTest | None:
    if not isinstance(key, str) or not usable_text(key):
        where.problem(str(key), "property", "write the name of a property, as a text")
        return None
    given = where.take(key)
    if isinstance(given, dict) and "trigger" in given:
        return _read_same(where, key, given)
    reader = Reader(given if isinstance(given, dict) else {"value": given}, where.place(key), where.problems,
                    where.known)
    longest = OBJECT_LENGTH if key == "object" else 1_000
    comparison = read_comparison(reader, property_kind(key, reader.document), longest=longest)
    return PropertyTest(key, comparison) if reader.done() and comparison else None


def _read_same(where: Reader, key: str, given: dict[str, Any]) -> TriggerTest | None:
    """`{trigger: PROPERTY}`: the same as what brought the person into the journey."""
    prop = given["trigger"]
    if not where.known.in_journey:
        where.problem(key, "no_journey", "only a rule inside a journey knows what brought somebody there")
    elif set(given) != {"trigger"} or not isinstance(prop, str) or not usable_text(prop):
        where.problem(key, "property", "write {trigger: PROPERTY}, a property of the trigger, and nothing else")
    else:
        return TriggerTest(key, prop)
    return None


def property_kind(key: str, document: dict[str, Any]) -> str:
    """Object and currency are texts, value is a number; any other property is compared as what the value is."""
    if key in ("object", "currency", "value"):
        return "number" if key == "value" else "text"
    value = document.get("value")
    first = value[0] if isinstance(value, list) and value else value
    if isinstance(first, bool):
        return "bool"
    by_operator = OPERATORS.get(str(document.get("op")))
    numbers_only = by_operator is not None and by_operator.allows("number") and not by_operator.allows("text")
    return "number" if isinstance(first, int | float) or numbers_only else "text"

