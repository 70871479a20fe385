"""Nodes at which a contact stays until something is so."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from ...audience import rules
from ...clock import HOUR, in_words
from ...errors import Problem, listing
from ...maths.zones import local_day, local_instant, local_offset, next_time
from ...people import fields
from ...sql import Sql, case, fold, join, sql
from .base import (
    GREY,
    NEXT,
    NOW,
    NULL,
    Deadline,
    Duration,
    EventFilter,
    Known,
    Node,
    Rule,
    from_node,
    known_of,
    names_of,
    truth,
)
from .times import CONTACT, Clock, Date, Offset, Until, Zone, say_clock, say_date, say_offset, wall_of, zone_of

_GROUP = "Waits"
_GOES_WITH = {"for_": (), "until": (), "until_date": ("time",), "until_field": ("offset", "time")}


class Wait(Node):
    """For a while, until a time of day, until a date, or until a day that a field of the contact names."""

    type: Literal["wait"] = "wait"
    holds: ClassVar = True
    for_: Duration | None = None
    until: Until | None = None
    until_date: Date | None = Field(default=None, json_schema_extra={"label": "Date"})
    until_field: str | None = Field(default=None, json_schema_extra={"kind": "date_field", "label": "Field"})
    offset: Offset | None = None
    time: Clock | None = Field(default=None, description="the hour of that day; midnight unless said")
    zone: Zone = CONTACT
    _field: fields.Field | None = PrivateAttr(None)
    label, icon, tint, group = "Wait", "schedule", GREY, _GROUP
    example: ClassVar = {"for": "2d", "next": "END"}
    fresh: ClassVar = {"for": "2d"}
    variants: ClassVar = ({"until": {"weekday": ["tuesday", "thursday"], "time": "09:00", "to": "17:00"}, "next": "END"},
                          {"until_date": "2026-12-24", "time": "09:00", "next": "END"},
                          {"until_field": "created_at", "offset": "7d", "on": {"next": "END", "passed": "END"}})
    ways: ClassVar = {"For a while": ("for",), "Until a time of day": ("until",),
                      "Until a date": ("until_date", "time", "zone"),
                      "Until a contact's date": ("until_field", "offset", "time", "zone")}
    model_config = Node.model_config | {"alias_generator": lambda name: name.rstrip("_")}

    @model_validator(mode="after")
    def _resolved(self, info: ValidationInfo) -> Self:
        given = [name for name in _GOES_WITH if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("say how long: one of for, until, until_date and until_field")
        extra = [name for name in ("offset", "time") if getattr(self, name) is not None]
        if wrong := [name for name in extra if name not in _GOES_WITH[given[0]]]:
            raise ValueError(f"`{wrong[0]}` does not go with `{given[0].rstrip('_')}`")
        if self.until_field is not None:
            self._field = date_field(self.until_field, known_of(info).rules)
        return self

    @property
    def ports(self) -> tuple[str, ...]:
        return ("next", "passed") if self._dated else ("next",)

    @property
    def _dated(self) -> bool:
        return self.until_date is not None or self.until_field is not None

    @property
    def may_stay(self) -> bool:  # type: ignore[override]
        return self._dated

    @property
    def rests(self) -> bool:  # type: ignore[override]
        return self.for_ is not None

    def looks_at(self) -> Sql:
        if self.for_ is not None:
            return sql("b.arrived_at + :seconds", seconds=self.for_)
        return self.until.comes if self.until else NOW

    def look(self) -> Sql | None:
        """The moment waited for; NULL when the contact has no such date."""
        if self.until_date is not None:
            at, local = wall_of(self.until_date, self.time)
            return local_instant(sql(str(at)), zone_of(self.zone, sql("c.time_zone"))) if local else sql(str(at))
        return self._of_field() if self._field else None

    def _of_field(self) -> Sql:
        assert self._field
        column, zone = sql(f"c.{self._field.column}"), zone_of(self.zone, sql("c.time_zone"))
        if self._field.kind == "datetime" and self.time is None:
            return sql("({column} + :offset)", column=column, offset=self.offset or 0)
        day = column if self._field.kind == "date" else sql("{day} * 86400", day=local_day(zone, column))
        return local_instant(sql("({day} + :shift)", day=day, shift=(self.offset or 0) + (self.time or 0)), zone)

    def route(self) -> Sql:
        if not self._dated:
            return NEXT
        return case([(sql("b.seen IS NULL OR b.seen < b.arrived_at"), sql("'passed'")), (sql(":now >= b.seen"), NEXT)])

    def reason(self) -> Sql:
        if not self._dated:
            return NULL
        return case([(sql("b.seen IS NULL"), sql("'no_date'")), (sql("b.seen < b.arrived_at"), sql("'date_passed'"))])

    def looks_again(self) -> Sql:
        return sql("b.seen")

    def behind(self) -> Sql:
        return sql(":upto")

    def wakes_on(self) -> tuple[str, ...]:
        """A date that moves takes whoever waits for it along."""
        return ("contact_changed",) if self._field else ()

    def zones(self) -> tuple[str, ...]:
        named = {self.zone, self.until.zone if self.until else CONTACT}
        return tuple(sorted(named - {CONTACT}))

    def describe(self) -> str:
        if self.for_ is not None:
            return f"Wait {in_words(self.for_)}."
        if self.until is not None:
            return f"Wait until {self.until.sentence()}."
        if self.until_date is not None:
            return f"Wait until {say_date(self.until_date, self.time)}; who comes later goes on at once."
        hour = f" at {say_clock(self.time)}" if self.time is not None else ""
        return f"Wait until {say_offset(self.offset or 0)}{self.until_field}{hour}; who comes later goes on at once."


def date_field(name: str, known: rules.Known) -> fields.Field:
    """The date field of that name. Raises ValueError."""
    found = known.fields.get(fold(name.strip()))
    dates = [one.name for one in known.fields.values() if one.kind in ("date", "datetime")]
    if found is None or found.kind not in ("date", "datetime"):
        raise ValueError(f"{name!r} is no date field of contacts. There are: {listing(dates)}")
    return found


class BestHour(Node):
    """Until the hour of the day at which this person most often opens, clicks and visits."""

    type: Literal["best_hour"] = "best_hour"
    holds: ClassVar = True
    may_stay: ClassVar = True
    events: Annotated[tuple[str, ...], Field(min_length=1, max_length=10, json_schema_extra={"label": "What counts"})] = (
        "email_clicked", "email_opened", "page_view")
    within: Duration = Field(default="90d", validate_default=True, json_schema_extra={"label": "Looking back"})
    least: int = Field(default=5, ge=1, le=1_000, description="with fewer the hour below is taken",
                       json_schema_extra={"label": "At least so many"})
    otherwise: Clock = Field(default="10:00", validate_default=True, json_schema_extra={"label": "Else at"})
    label, icon, tint, group = "Best hour", "acute", GREY, _GROUP
    example: ClassVar = {"otherwise": "10:00", "next": "END"}

    def look(self) -> Sql:
        """Twice the hour, plus one; 48 when the usual hour is taken. Decided once: what they do meanwhile moves nothing."""
        names = join(", ", [sql(":name", name=name) for name in self.events])
        own = sql("""(SELECT q.hour * 2 + 1 FROM (SELECT (x.occurred_at + {shift}) % 86400 / 3600 AS hour, COUNT(*) AS n,
                SUM(COUNT(*)) OVER () AS total FROM event x WHERE x.contact_id = b.contact_id AND x.name IN ({names})
                AND x.id <= :upto AND x.occurred_at > :now - :within AND x.occurred_at <= :now
                AND x.verdict IS DISTINCT FROM 'machine' GROUP BY 1) q
            WHERE q.total >= :least ORDER BY q.n DESC, q.hour LIMIT 1)""", names=names, within=self.within, least=self.least,
                  shift=local_offset(sql("c.time_zone"), sql("x.occurred_at")))
        return sql("CASE WHEN b.memo > 0 THEN b.memo ELSE COALESCE({own}, 48) END", own=own)

    def route(self) -> Sql:
        return sql("CASE WHEN b.memo > 0 THEN 'next' END")

    def reason(self) -> Sql:
        return sql("CASE WHEN b.memo > 0 THEN CASE b.seen % 2 WHEN 1 THEN 'own_hour' ELSE 'usual_hour' END END")

    def looks_again(self) -> Sql:
        at_s = sql("CASE b.seen % 2 WHEN 1 THEN b.seen / 2 * 3600 ELSE :otherwise END", otherwise=self.otherwise)
        return next_time(at_s, zone_of(CONTACT), grace_s=HOUR)

    def behind(self) -> Sql:
        return sql(":upto")

    def describe(self) -> str:
        return (f"Wait until the hour at which they are most active; {say_clock(self.otherwise)} where they live "
                f"when they did too little in {in_words(self.within)}.")


class GoTo(Node):
    """Back to an earlier node, after a while or at once."""

    type: Literal["go_to"] = "go_to"
    node: str = Field(json_schema_extra={"kind": "node"})
    after: Duration | None = None
    leads_by: ClassVar = "node"
    label, icon, tint, group = "Go to", "replay", GREY, "Flow"
    example: ClassVar = {"node": "END", "after": "1h"}

    @property
    def holds(self) -> bool:  # type: ignore[override]
        return self.after is not None

    def looks_at(self) -> Sql:
        return sql("b.arrived_at + :seconds", seconds=self.after) if self.after else NOW

    def behind(self) -> Sql:
        return sql(":upto") if self.after else super().behind()

    def target(self, port: str) -> str | None:
        return self.node

    def describe(self) -> str:
        return f"Go to {self.node}{f' after {in_words(self.after)}' if self.after else ''}."


class WaitFor(Deadline):
    """Until an event happens or a rule is true, or the time is up.

    Which event comes first is told by ids; what counts as in time, by when it occurred. A tie is in time.
    """

    type: Literal["wait_for"] = "wait_for"
    holds: ClassVar = True
    event: EventFilter | None = None
    rule: Rule | None = None
    label, icon, tint, group = "Wait for", "hourglass_top", GREY, _GROUP
    example: ClassVar = {"event": {"event": "email_clicked"}, "timeout": "2d", "next": "END"}
    fresh: ClassVar = {"timeout": "2d"}
    variants: ClassVar = ({"rule": {"tag": "vip"}, "timeout": "7d", "next": "END"},)
    ways: ClassVar = {"Something they do": ("event",), "A rule that becomes true": ("rule",)}

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.event is None) == (self.rule is None):
            raise ValueError("wait_for needs either an event or a rule")
        return self

    @property
    def ports(self) -> tuple[str, ...]:
        return ("happened", "timeout") if self.timeout else ("happened",)

    def looks_at(self) -> Sql:
        if self.rule is not None:
            return NOW
        return sql("CASE WHEN b.since_event < :upto THEN :now ELSE {deadline} END", deadline=self.deadline)

    def look(self) -> Sql:
        if self.rule is not None:
            return truth(self.rule)
        assert self.event is not None
        of = sql(" AND {of}", of=from_node("x", "b.enrollment_id", self.event.of)) if self.event.of else sql("")
        return sql("""(SELECT MIN(x.id) FROM event x WHERE x.contact_id = b.contact_id AND x.id > b.since_event
            AND x.id <= :upto AND x.occurred_at <= {deadline} AND x.historic = 0 AND {match}{of})""",
                   deadline=self.deadline, match=self.event.match("x"), of=of)

    def route(self) -> Sql:
        seen = sql("b.seen IS NOT NULL") if self.rule is None else sql("b.seen = 1")
        return case([(seen, sql("'happened'")), (self.overdue, sql("'timeout'"))])

    def behind(self) -> Sql:
        return sql("COALESCE(b.seen, :upto)") if self.rule is None else sql(":upto")

    def wakes_on(self) -> tuple[str, ...]:
        return names_of(self.rule.signals()) if self.rule is not None else (self.event.name,)  # type: ignore[union-attr]

    def watches(self) -> rules.Signals | None:
        return self.rule.signals() if self.rule is not None else None

    def check(self, known: Known) -> list[Problem]:
        if self.timeout:
            return []
        return [Problem(self.id, "wait_without_timeout", "People may wait here for ever: give it a timeout.", "warning")]

    def describe(self) -> str:
        what = self.rule.sentence() if self.rule is not None else self.event.sentence()  # type: ignore[union-attr]
        return f"Wait until {what}{self.limit}."
