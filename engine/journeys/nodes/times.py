"""Times as people write them in a journey: a time of day, weekdays, a zone, an offset, a date."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from ...clock import DAY, HOUR, MINUTE, in_words, parse_duration, parse_moment, say_duration
from ...errors import BadInput
from ...maths.zones import LocalWindow, find_zone, next_time
from ...sql import Sql, sql
from .base import Piece, checked

CONTACT = "contact"  # the zone that each contact lives in
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EVERY_DAY = tuple(range(7))
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_WALL = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::\d{2})?)?", re.ASCII)


def _clock(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < DAY:
        return value
    found = _CLOCK.fullmatch(str(value).strip())
    if not found:
        raise ValueError(f"{value!r} is not a time of day: write 09:00, or 17:30")
    return int(found[1]) * HOUR + int(found[2]) * MINUTE


def say_clock(seconds: int) -> str:
    """`09:00`."""
    return f"{seconds // HOUR:02}:{seconds % HOUR // MINUTE:02}"


def _weekdays(value: Any) -> tuple[int, ...]:
    named = [value] if isinstance(value, str | int) else list(value) if isinstance(value, list | tuple) else []
    found = {day if isinstance(day, int) else _weekday(day) for day in named}
    if not found or not found <= set(EVERY_DAY):
        raise ValueError("name at least one weekday, for example tuesday or [monday, friday]")
    return tuple(sorted(found))


def _weekday(word: Any) -> int:
    name = str(word).strip().lower()
    found = [i for i, day in enumerate(WEEKDAYS) if len(name) >= 2 and day.startswith(name)]
    if len(found) != 1:
        raise ValueError(f"{word!r} is not a weekday: write {', '.join(WEEKDAYS)}")
    return found[0]


def _say_weekdays(days: tuple[int, ...]) -> str | list[str]:
    names = [WEEKDAYS[day] for day in days]
    return names[0] if len(names) == 1 else names


def _zone(value: Any) -> str:
    found = CONTACT if str(value).strip().lower() == CONTACT else find_zone(str(value))
    if found is None:
        raise ValueError(f"{value!r} is not a time zone: write contact, or a name such as Europe/Berlin")
    return found


def _offset(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else int(checked(parse_duration, value))


def _date(value: Any) -> str:
    word = str(value).strip()
    checked(_read_date, word)
    return word


def _read_date(word: str) -> int:
    try:
        return parse_moment(word)
    except BadInput:
        raise BadInput(f"{word!r} is not a date: write 2026-12-24, 2026-12-24T09:00, or 2026-12-24T09:00Z for UTC") from None


def _kind(name: str, words: str = "") -> Any:
    return Field(json_schema_extra={"kind": name}, description=words or None)


Clock = Annotated[int, BeforeValidator(_clock, json_schema_input_type=str), PlainSerializer(say_clock), _kind("clock")]
Weekdays = Annotated[tuple[int, ...], BeforeValidator(_weekdays, json_schema_input_type=str | list[str]),
                     PlainSerializer(_say_weekdays), _kind("weekdays")]
Zone = Annotated[str, BeforeValidator(_zone), _kind("zone", "contact is each person's own; else a name such as Europe/Berlin")]
Offset = Annotated[int, BeforeValidator(_offset, json_schema_input_type=str), PlainSerializer(say_duration),
                   _kind("offset", "after it, or before it with a minus: -7d")]
Date = Annotated[str, BeforeValidator(_date), _kind("date", "on each person's own clock unless it names a zone")]


def zone_of(zone: str, contact: Sql | None = None) -> Sql:
    """The name of a zone as SQL; that of the contact of row b, or of the alias given."""
    if zone != CONTACT:
        return sql(":zone", zone=zone)
    return contact or sql("(SELECT h.time_zone FROM contact h WHERE h.id = b.contact_id)")


def wall_of(word: str, time_s: int | None) -> tuple[int, bool]:
    """A date as seconds, and whether they are read on the clock of a wall (True) or are UTC."""
    found = _WALL.fullmatch(word)
    if not found:
        return parse_moment(word), False
    wall = parse_moment(word)
    return wall + (time_s or 0 if not found[2] else 0), True


def say_date(word: str, time_s: int | None) -> str:
    """`24 December 2026, 09:00`."""
    at, local = wall_of(word, time_s)
    moment = datetime.fromtimestamp(at, UTC)
    hour = f", {moment:%H:%M}" if moment.hour or moment.minute else ""
    return f"{moment.day} {moment:%B %Y}{hour}{'' if local else ' UTC'}"


def say_offset(offset: int) -> str:
    """`7 days before `, or nothing for the moment itself."""
    return f"{in_words(abs(offset))} {'before' if offset < 0 else 'after'} " if offset else ""


class Until(Piece):
    """A time of day on some weekdays: the moment it comes, or with `to` any moment of the span between them."""

    weekday: Weekdays | None = None
    time: Clock | None = None
    to: Clock | None = Field(default=None, description="the end of the span; earlier than its start: over midnight")
    zone: Zone = CONTACT

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.weekday is None and self.time is None:
            raise ValueError("until needs a weekday, a time, or both")
        if self.to is not None and self.time is None:
            raise ValueError("`to` ends a span that begins at `time`: give both")
        return self

    @property
    def comes(self) -> Sql:
        """The next such instant from :now on, for row b."""
        days, zone = self.weekday or EVERY_DAY, zone_of(self.zone)
        if self.time is not None and self.to is None:
            return next_time(sql(str(self.time)), zone, weekdays=days)
        return LocalWindow(self.time or 0, self.to or 0, days).next_open_in(zone)

    def sentence(self) -> str:
        """`Tuesday, 09:00–17:00 where they live`."""
        names = [WEEKDAYS[day].capitalize() for day in self.weekday or ()]
        days = " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
        hours = "" if self.time is None else say_clock(self.time) + (f"–{say_clock(self.to)}" if self.to is not None else "")
        where = "where they live" if self.zone == CONTACT else f"in {self.zone}"
        return f"{', '.join(part for part in (days, hours) if part)} {where}"
