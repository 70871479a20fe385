"""Triggers that the calendar sets off: days of a contact, moments that events name, and schedules.

They are events too: `journeys.moments` writes `date_reached` and `schedule_reached` when a moment has come, addressed to the
one trigger that asked for it.
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, PrivateAttr, ValidationInfo, model_validator

from ...clock import DAY, HOUR, in_words, parse_duration, say_duration
from ...errors import Problem
from ...people import fields
from ...sql import Sql, fold, sql
from ..nodes.base import Known, checked, known_of
from ..nodes.times import WEEKDAYS, Clock, say_clock
from .base import Spot, Trigger
from .happening import check_segment

DATE, SCHEDULE = "date_reached", "schedule_reached"
MORNING_S = 9 * HOUR
FARTHEST_S = 366 * DAY
_EPOCH = date(1970, 1, 1)


def _offsets(value: Any) -> Any:
    given = value if isinstance(value, list | tuple) else [value]
    return tuple(one if isinstance(one, int) and not isinstance(one, bool) else checked(parse_duration, one) for one in given)


class DateTrigger(Trigger):
    """A date of the contact comes, or one that an event names (`of`): on the day, before it or after it.

    A moment that is past when somebody is added, or when a date moves, is passed over; one that moves into the future comes
    at its new time. Every year: on the anniversaries; of 29 February on the 28th.
    """

    key, label, icon, again = "date", "A date", "event", "after_finish"
    example: ClassVar = {"date": "created_at", "offset": "-7d", "at": "09:00", "every": "year"}
    date: str = Field(min_length=1, max_length=200, json_schema_extra={"kind": "date_field"})
    of: str | None = Field(default=None, max_length=200, json_schema_extra={"kind": "event_name"},
                           description="the event that has the date as a property; none for a date of the contact")
    offset: Annotated[tuple[int, ...], BeforeValidator(_offsets, json_schema_input_type=str | list[str]), PlainSerializer(
        lambda many: [say_duration(one) for one in many]), Field(
            min_length=1, max_length=20, json_schema_extra={"kind": "offsets"})] = (0,)
    at: Clock | None = None
    every: Literal["year"] | None = None
    _field: fields.Field | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _resolved(self, info: ValidationInfo) -> Self:
        if len(set(self.offset)) < len(self.offset) or any(abs(one) > FARTHEST_S for one in self.offset):
            raise ValueError("offset: each one once, at most 366 days before or after")
        if self.of is not None:
            if self.every:
                raise ValueError("`every: year` belongs to a date of the contact, not to one that an event names")
            return self
        found = known_of(info).rules.fields.get(fold(self.date.strip()))
        if found is None or found.kind not in ("date", "datetime"):
            dates = [one.name for one in known_of(info).rules.fields.values() if one.kind in ("date", "datetime")]
            raise ValueError(f"{self.date!r} is no field of dates. There are: {', '.join(dates)}. A property of an event is "
                             "written {date: PROPERTY, of: EVENT}")
        self._field = found
        if self.by_day and any(one % DAY for one in self.offset):
            raise ValueError("offset: whole days, such as -7d; the time of day is said by `at`")
        return self

    @property
    def by_day(self) -> bool:
        """Days on the contact's own calendar, at a time of its clock; else exact moments."""
        return self._field is not None and (self._field.kind == "date" or self.at is not None or self.every is not None)

    @property
    def field(self) -> fields.Field:
        """The field that holds the date. Only without `of`."""
        assert self._field is not None
        return self._field

    @property
    def at_s(self) -> int:
        """The second of the local day."""
        return MORNING_S if self.at is None else self.at

    @property
    def event_name(self) -> str:
        return DATE

    def match(self, spot: Spot) -> Sql | None:
        return sql("e.name = :name AND e.object = :object", name=DATE, object=spot.address)

    def born_on(self, day: int) -> tuple[Sql, int]:
        """Condition over contact c: its date is the local day (since 1970) `day`, or has its anniversary then; the first
        day that is too late for it."""
        column = self.field.column
        if self.every is None:
            return sql(f"c.{column} >= :low AND c.{column} < :low + 86400", low=day * DAY), day + 1
        moment = _EPOCH + timedelta(days=day)
        days = [f"'{moment:%m-%d}'"]
        if (moment.month, moment.day) == (2, 28) and not calendar.isleap(moment.year):
            days.append("'02-29'")
        return sql(f"c.{column} IS NOT NULL AND c.{column} < :low AND MONTH_DAY(c.{column}) IN ({', '.join(days)})",
                   low=day * DAY), day

    def when(self) -> str:
        what = f"the {self.date} of the event {self.of}" if self.of else f"{self.date}"
        what = f"the anniversary of {what}" if self.every else what
        told = [f"{in_words(abs(one))} {'before' if one < 0 else 'after'}" if one else "on" for one in self.offset]
        at = f" at {say_clock(self.at_s)} their time" if self.by_day else ""
        return f"{' and '.join(told)} {what}{at}"


class ScheduleTrigger(Trigger):
    """Everybody in a segment, every day, week or month, at a time of their own clocks.

    A month without the day has it on its last one.
    """

    key, label, icon, again = "schedule", "A schedule", "calendar_month", "after_finish"
    also: ClassVar = frozenset({"segment"})
    example: ClassVar = {"schedule": "weekly", "weekday": "monday", "at": "09:00", "segment": "Leads"}
    schedule: Literal["daily", "weekly", "monthly"]
    segment: str = Field(json_schema_extra={"kind": "segment"})
    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] | None = None
    day: int | None = Field(default=None, ge=1, le=31)
    at: Clock = MORNING_S

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.schedule == "weekly") != (self.weekday is not None):
            raise ValueError("`weekday` belongs to a weekly schedule, and weekly needs it")
        if (self.schedule == "monthly") != (self.day is not None):
            raise ValueError("`day` belongs to a monthly schedule, and monthly needs it")
        return self

    def falls_on(self, day: int) -> bool:
        """Whether the local day (since 1970) is one of the schedule."""
        moment = _EPOCH + timedelta(days=day)
        if self.weekday is not None:
            return moment.weekday() == WEEKDAYS.index(self.weekday)
        if self.day is not None:
            return moment.day == min(self.day, calendar.monthrange(moment.year, moment.month)[1])
        return True

    @property
    def event_name(self) -> str:
        return SCHEDULE

    def match(self, spot: Spot) -> Sql | None:
        return sql("e.name = :name AND e.object = :object", name=SCHEDULE, object=spot.address)

    def when(self) -> str:
        rhythm = {"daily": "every day", "weekly": f"every {(self.weekday or '').capitalize()}",
                  "monthly": f"on day {self.day} of each month"}[self.schedule]
        return f"{rhythm} at {say_clock(self.at)} their time, for everybody in the segment “{self.segment}”"

    def check(self, known: Known, where: str) -> list[Problem]:
        return check_segment(self.segment, known, where)


