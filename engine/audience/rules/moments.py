"""Leaves that the calendar alone makes true: how long somebody has stood at a stage, and days that come back every year."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...clock import DAY, in_words, parse_duration
from ...errors import BadInput
from ...maths.zones import local_day
from ...people.fields import Field
from ...sql import Sql, fold, sql
from . import past
from .base import Ask, Leaf, Look, Signals
from .facts import find_field, stage_of
from .known import STAGES
from .operators import duration_refused
from .reader import Reader

# How an age compares with a duration, said of the moment it began.
AGES = {"at_least": "<=", "at_most": ">=", "more_than": "<", "less_than": ">"}
AGE_WORDS = {"at_least": "for at least", "at_most": "for at most", "more_than": "for more than", "less_than": "for less than"}
FARTHEST_DAYS = 366
_DAYS = "SELECT CAST(:first AS BIGINT) AS day UNION ALL SELECT n.day + 86400 FROM n WHERE n.day < :last"


@dataclass(frozen=True)
class TimeInStageLeaf(Leaf):
    """Stands at the stage, and has for so long: since the newest change to it, else since the contact was made."""

    key: ClassVar[str] = "time_in_stage"
    label: ClassVar[str] = "Time in stage"
    group: ClassVar[str] = "Facts"
    asks: ClassVar[tuple[Ask, ...]] = (Ask("time_in_stage", "Stage", "stage"), Ask("op", "How long", "age"),
                                       Ask("value", "", "duration"))

    stage: str
    op: str
    value: str

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        given, op, value = reader.take("time_in_stage"), reader.take("op", "at_least"), reader.take("value")
        stage = fold(given.strip()) if isinstance(given, str) else given
        if stage not in STAGES:
            reader.problem("time_in_stage", "stage", f"no stage {given!r}; there are {', '.join(STAGES)}")
        if op not in AGES:
            reader.problem("op", "operator", f"unknown operator {op!r}: choose one of {', '.join(AGES)}")
        if wrong := duration_refused(value):
            reader.problem("value", "duration", wrong)
        return cls(stage, op, value) if stage in STAGES and op in AGES and not wrong else None

    @property
    def value_s(self) -> int:
        """The duration in seconds."""
        return parse_duration(self.value)

    def condition(self, look: Look) -> Sql:
        return sql(f"(lower({{stage}}) = :is AND {{since}} {AGES[self.op]} :now - :age)", stage=stage_of(look),
                   **{"is": self.stage}, since=self._since(), age=self.value_s)

    def observed(self, look: Look) -> dict[str, Sql]:
        return {"stage": stage_of(look), f"{self.stage} since": self._since()}

    def _since(self) -> Sql:
        return sql("""COALESCE((SELECT MAX(x.at) FROM contact_change x VIA(contact_change_first) WHERE x.contact_id = c.id
            AND x.kind = 'stage' AND x.new = :stage AND x.at <= :now), c.created_at)""", stage=self.stage)

    def sentence(self) -> str:
        return f"has been at the stage {self.stage} {AGE_WORDS[self.op]} {in_words(self.value_s)}"

    def signals(self) -> Signals:
        age = self.value_s + (self.op in ("at_most", "more_than"))  # the second when the answer turns
        turned = sql("""SELECT x.contact_id FROM contact_change x WHERE x.kind = 'stage' AND x.new = :stage
            AND x.at > :before - :age AND x.at <= :now - :age""", stage=self.stage, age=age)
        return Signals(contact=True, moments=frozenset({("created_at", age)}), edges=frozenset({turned}))

    def document(self) -> dict[str, Any]:
        return {"time_in_stage": self.stage, "op": self.op, "value": self.value}


@dataclass(frozen=True)
class AnniversaryLeaf(Leaf):
    """Today, on the contact's own calendar, is the anniversary of a date, or so many days before or after it.

    Somebody born on 29 February has the 28th in other years. Days begin at midnight of the contact's zone.
    """

    key: ClassVar[str] = "anniversary"
    label: ClassVar[str] = "Anniversary"
    group: ClassVar[str] = "Facts"
    asks: ClassVar[tuple[Ask, ...]] = (Ask("anniversary", "Date", "date_field"),
                                       Ask("offset", "Days from it", "day_offset", required=False))

    field: Field
    offset: str | None = None

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        field = find_field(reader, "anniversary", reader.known.fields, "a field that holds a date")
        offset = reader.take("offset")
        if field and field.kind not in ("date", "datetime"):
            reader.problem("anniversary", "field", f"{field.name} holds no date: choose a field of dates")
            field = None
        if offset is not None and (wrong := _no_days(offset)):
            reader.problem("offset", "duration", wrong)
            return None
        return cls(field, offset) if field else None

    @property
    def offset_s(self) -> int:
        """Whole days in seconds; negative before the anniversary."""
        return parse_duration(self.offset) if self.offset else 0

    def condition(self, look: Look) -> Sql:
        zone, born = self._zone(look), self._born(look)
        today = local_day(zone, sql(":now"))
        exact = sql("""EXISTS (SELECT 1 FROM (SELECT v.born, v.today, v.today + 86400 AS morrow FROM
                (SELECT {born} AS born, {today} * 86400 - :offset AS today) v) q
            WHERE MONTH_DAY(q.born) = MONTH_DAY(q.today)
               OR (MONTH_DAY(q.born) = '02-29' AND MONTH_DAY(q.today) = '02-28' AND MONTH_DAY(q.morrow) = '03-01'))""",
                    born=born, today=today, offset=self.offset_s)
        if look.each or look.past:
            return exact
        return sql("({near} AND {exact})", near=self._near(sql(":now"), sql(":now")), exact=exact)

    def observed(self, look: Look) -> dict[str, Sql]:
        return {"value": self._born(look), "zone": self._zone(look)}

    def _zone(self, look: Look) -> Sql:
        return past.value("time_zone", "time_zone", "text") if look.past else sql("c.time_zone")

    def _born(self, look: Look) -> Sql:
        logged = look.past and self.field.key != "created_at"
        return past.value(self.field.column, self.field.key, self.field.kind) if logged else sql(f"c.{self.field.column}")

    def _near(self, first: Sql, last: Sql) -> Sql:
        """The month and day may be one that somewhere on earth begins from `first` to `last`: no zone is asked for it."""
        days = _DAYS.replace(":first", "{first} - 172800 - :offset").replace(":last", "{last} + 172800 - :offset")
        return sql(f"""MONTH_DAY(c.{self.field.column}) IN (WITH RECURSIVE n(day) AS ({days})
            SELECT MONTH_DAY(n.day) FROM n UNION SELECT '02-29' FROM n WHERE MONTH_DAY(n.day) = '02-28')""",
                   first=first, last=last, offset=self.offset_s)

    def sentence(self) -> str:
        days = self.offset_s // DAY
        if not days:
            return f"today is the anniversary of {self.field.name}"
        when = f"{abs(days)} day{'' if abs(days) == 1 else 's'} {'before' if days < 0 else 'after'}"
        return f"today is {when} the anniversary of {self.field.name}"

    def signals(self) -> Signals:
        from_, zone = sql("GREATEST(:before, :now - 40000000)"), sql("c.time_zone")
        turned = sql("""SELECT c.id AS contact_id FROM contact c WHERE (:before / 86400 <> :now / 86400 OR EXISTS (
                SELECT 1 FROM zone_span s WHERE s.from_at <= :now AND s.until_at > :before
                AND (:before + s.offset_s) / 86400 <> (:now + s.offset_s) / 86400))
            AND {near} AND {then} <> {today}""", near=self._near(from_, sql(":now")), then=local_day(zone, from_),
                     today=local_day(zone, sql(":now")))
        return Signals(contact=True, edges=frozenset({turned}))

    def document(self) -> dict[str, Any]:
        return {"anniversary": self.field.name} | ({"offset": self.offset} if self.offset else {})


def _no_days(value: Any) -> str:
    """Why a value is no offset of whole days; empty when it is."""
    try:
        seconds = parse_duration(value) if isinstance(value, str) else 1
    except (BadInput, OverflowError):
        seconds = 1
    fits = seconds % DAY == 0 and abs(seconds) <= FARTHEST_DAYS * DAY
    return "" if fits else f"{value!r} is no number of whole days: write for example -7d, at most {FARTHEST_DAYS} days"


__all__ = ["AnniversaryLeaf", "TimeInStageLeaf"]
