"""Every kind of journey node: one class each, holding schema, ports, words, look, checks and the runner's SQL.

A node answers questions about a waiting row, each with one SQL expression, and never moves anything:

    looks_at()     when to look at a row that arrives             default: at once
    arrivals()     what happens as a row comes to stand here      default: nothing
    look()         what the decision rests on, one integer        over b (the row), c (contact), r (enrollment)
    route()        which port, NULL = stay                        over b alone, with b.seen = what it saw
    reason()       why, when there is something to say            over b alone
    looks_again()  when to look at a row that stays               default: when an event wakes it
    behind()       up to which event the row has come on leaving  default: no further than before

`look` reads the world, `route` is arithmetic on the row: what was seen is kept in the step log, so every decision can
be explained later from the log. `effects()` are statements over the table `batch`, where b.port IS NULL for a row
that stays. `shape` tells the runner how the row leaves.

Free names in fragments, supplied by the runner: :now, :upto (last event heard), :node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationInfo

from ...audience import rules
from ...clock import FOREVER, in_words, parse_duration, say_duration
from ...errors import BadInput, Invalid, Problem
from ...schema import BRANCHES
from ...sql import Sql, sql

NULL = sql("NULL")
NOW = sql(":now")
NEXT = sql("'next'")
NEVER = sql(str(FOREVER))
Tint = tuple[str, str]  # color in the light and in the dark theme
GREY, BLUE, AMBER, VIOLET, GREEN, RED = (
    ("#64748b", "#94a3b8"), ("#2563eb", "#60a5fa"), ("#b45309", "#fbbf24"), ("#7c3aed", "#a78bfa"),
    ("#15803d", "#4ade80"), ("#b91c1c", "#f87171"),
)


@dataclass(frozen=True)
class Known:
    """What a document may refer to: the rule language's catalogue, templates, other journeys, score thresholds; names are
    folded."""

    rules: rules.Known
    templates: dict[str, tuple[int, str]] = field(default_factory=dict)  # key -> (id, channel)
    journeys: dict[str, int] = field(default_factory=dict)  # key -> id
    journey: str = ""  # the name of the journey being read; part of every salt
    thresholds: frozenset[str] = frozenset()


def known_of(info: ValidationInfo) -> Known:
    """The catalogue that a document is being read against."""
    found = (info.context or {}).get("known")
    if not isinstance(found, Known):
        raise TypeError("a journey is read with a Known")
    return found


def checked(parse: Callable[..., Any], *given: Any) -> Any:
    """Call a parser of the engine so that its complaint becomes a problem at the field being read."""
    try:
        return parse(*given)
    except Invalid as error:
        raise ValueError("; ".join(f"{one.where}: {one.message}" if one.where else one.message
                                   for one in error.problems)) from error
    except BadInput as error:
        raise ValueError(str(error)) from error


def _rule(value: Any, info: ValidationInfo) -> rules.Rule:
    return value if isinstance(value, rules.Rule) else checked(rules.parse, value, known_of(info).rules)


def _filter(value: Any, info: ValidationInfo) -> rules.EventFilter:
    return value if isinstance(value, rules.EventFilter) else checked(rules.parse_filter, value, known_of(info).rules)


def _seconds(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else checked(parse_duration, value)


Rule = Annotated[Any, BeforeValidator(_rule), PlainSerializer(lambda rule: rule.document()), Field(json_schema_extra={
    "kind": "rule"})]
EventFilter = Annotated[Any, BeforeValidator(_filter), PlainSerializer(lambda one: one.document()),
                        Field(json_schema_extra={"kind": "event"})]
Duration = Annotated[int, BeforeValidator(_seconds, json_schema_input_type=str), PlainSerializer(say_duration), Field(
    gt=0, json_schema_extra={"kind": "duration"})]


@dataclass(frozen=True)
class Place:
    """Where a node stands: its own number, its journey, the campaign it belongs to, and what its messages count more than
    others."""

    node_id: int
    journey_id: int
    campaign_id: int | None
    priority: int = 0


class Piece(BaseModel):
    """A part of a journey document: closed, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Node(Piece):
    """What every node has. `next` serves each port that `on` does not name."""

    id: str = Field(min_length=1, max_length=60, pattern=r"^[\w][\w .-]*$")
    note: str | None = None
    next: str | None = None
    on: dict[str, str] = Field(default_factory=dict)

    shape: ClassVar[Literal["move", "fork", "join", "end"]] = "move"
    holds: ClassVar[bool] = False  # time passes or an event is used up here, so a loop may go through it
    may_stay: ClassVar[bool] = False
    exclusive: ClassVar[bool] = False  # two runners must not be here at once
    emits: ClassVar[bool] = False  # its effects write events
    rests: ClassVar[bool] = False  # nobody is due here on arriving
    quotas: ClassVar[tuple[str, ...]] = ()  # settings that count people: a simulation of a sample gets its share of them
    leads_by: ClassVar[str] = "next"  # the setting that holds the target of a port which `on` does not name
    label: ClassVar[str]
    icon: ClassVar[str]
    tint: ClassVar[Tint] = GREY
    group: ClassVar[str]
    example: ClassVar[dict[str, Any]]  # settings of a valid node of this type, for tests and docs
    variants: ClassVar[tuple[dict[str, Any], ...]] = ()  # further examples, where settings can be combined otherwise
    ways: ClassVar[dict[str, tuple[str, ...]]] = {}  # settings of which one group is filled in, by what the form calls it
    fresh: ClassVar[dict[str, Any]] = {}  # what a node just taken from the palette starts with; the rest is asked for

    @property
    def ports(self) -> tuple[str, ...]:
        return ("next",)

    def looks_at(self) -> Sql:
        return NOW

    def arrivals(self, rows: Sql, place: Place) -> list[Sql]:
        """What happens as rows come to stand here; `rows` is a FROM item with id, enrollment_id, contact_id and seq."""
        return []

    def look(self) -> Sql | None:
        return None

    def route(self) -> Sql:
        return NEXT

    def reason(self) -> Sql:
        return NULL

    def looks_again(self) -> Sql:
        return NEVER

    def behind(self) -> Sql:
        return sql("b.since_event")

    def wakes_on(self) -> tuple[str, ...]:
        """Event names that make a waiting row due early."""
        return ()

    def watches(self) -> rules.Signals | None:
        """What may change the verdict of a waiting row by time alone."""
        return None

    def zones(self) -> tuple[str, ...]:
        """Time zones that it names itself."""
        return ()

    def effects(self, place: Place) -> list[Sql]:
        """Statements over `batch`, through the SQL builders of the rooms that own the tables."""
        return []

    def target(self, port: str) -> str | None:
        """The node that a port leads to."""
        return self.on.get(port) or self.next

    def port_label(self, port: str) -> str:
        """The port as the canvas writes it beside its handle; nothing where there is only one way out."""
        return "" if port == "next" else port

    def check(self, known: Known) -> list[Problem]:
        """What is wrong with this node besides its fields: references that lead nowhere."""
        return []

    def describe(self) -> str:
        """One plain sentence."""
        raise TypeError(f"{type(self).__name__} has no sentence")


class Deadline(Node):
    """A node that waits for something, with or without a limit."""

    may_stay: ClassVar = True
    timeout: Duration | None = Field(default=None, json_schema_extra={"last": True})

    @property
    def deadline(self) -> Sql:
        return NEVER if self.timeout is None else sql("b.arrived_at + :timeout", timeout=self.timeout)

    @property
    def overdue(self) -> Sql:
        return sql(":now >= {deadline}", deadline=self.deadline)

    def looks_again(self) -> Sql:
        return self.deadline

    @property
    def limit(self) -> str:
        """The limit at the end of a sentence."""
        return f", at most {in_words(self.timeout)}" if self.timeout else ", however long it takes"


# ---------------------------------------------------------------- fragments shared by nodes


def text(value: str) -> Sql:
    return sql(":value", value=value)


def truth(rule: rules.Rule) -> Sql:
    """A rule as 1 or 0, with event counts as of the last event heard."""
    return sql("CASE WHEN {rule} THEN 1 ELSE 0 END", rule=rule.probe(sql(":upto")))


def names_of(signals: rules.Signals) -> tuple[str, ...]:
    """Names of the events that may change a rule's verdict."""
    found = {name for name, _ in signals.events}
    found |= {"contact_changed"} if signals.contact else set()
    found |= {"segment_entered", "segment_left"} if signals.segments else set()
    return tuple(sorted(found))


def from_node(event: str, enrollment: str, node: str) -> Sql:
    """Whether an event belongs to a message that this enrollment was sent at the node `node`."""
    return sql(f"""EXISTS (SELECT 1 FROM message om JOIN node o ON o.id = om.node_id AND o.key = :of
        WHERE om.id = {event}.message_id AND om.enrollment_id = {enrollment})""", of=node)


def tokens_of(numbers: Iterable[int]) -> Sql:
    """FROM clause: the tokens s of the enrollments in batch b, on these branches.

    Probed by equality. As a range (BETWEEN id * 64 AND id * 64 + 63) PostgreSQL scanned all tokens for every row.
    """
    return sql(f"""batch b CROSS JOIN {{branches}} AS v
        JOIN token s ON s.id = b.enrollment_id * {BRANCHES} + v.column1""", branches=numbered(numbers))


def numbered(numbers: Iterable[int]) -> Sql:
    """FROM item: the numbers, as v.column1 under the alias v."""
    return sql(f"(VALUES {', '.join(f'({number})' for number in numbers)})")
