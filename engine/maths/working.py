"""Working hours: whether somebody is at work, and when so many hours of work will have passed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ..clock import DAY
from ..errors import BadInput
from .zones import find_zone

_LOOK_AHEAD = 400  # days: longer than any wait that is given in hours


@dataclass(frozen=True)
class WorkingHours:
    """From one second of the local day to another, on some weekdays (Monday is 0). Raises BadInput."""

    zone: str = "UTC"
    opens_s: int = 9 * 3_600
    shuts_s: int = 17 * 3_600
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)

    def __post_init__(self) -> None:
        if not 0 <= self.opens_s < self.shuts_s <= DAY:
            raise BadInput("working hours: they end later on the day than they begin")
        if not self.weekdays or not set(self.weekdays) <= set(range(7)):
            raise BadInput(f"weekdays {list(self.weekdays)}: give at least one of 0 (Monday) to 6 (Sunday)")
        if find_zone(self.zone) != self.zone:
            raise BadInput(f"time zone {self.zone!r} is not known: write a name such as Europe/Berlin")

    def open_at(self, at: int) -> bool:
        """Whether the moment (UTC seconds) lies inside."""
        return any(start <= at < end for start, end in self._shifts(at, 2))

    def after(self, at: int, work_s: int, *, from_at: int | None = None) -> int:
        """The moment when `work_s` seconds of work have passed since `at`. from_at: nobody works before it."""
        at, left = max(at, from_at or at), work_s
        for start, end in self._shifts(at, _LOOK_AHEAD):
            begun = max(start, at)
            if end - begun >= left:
                return begun + left
            left -= max(end - begun, 0)
        raise BadInput(f"{work_s} seconds of work do not fit into {_LOOK_AHEAD} days of these hours")

    def _shifts(self, at: int, days: int) -> Iterator[tuple[int, int]]:
        """(start, end) of the shifts that end after `at`; a clock that is put forward or back moves them with it."""
        zone = ZoneInfo(self.zone)
        first = datetime.fromtimestamp(at, UTC).astimezone(zone).date()
        for place in range(days):
            day = first + timedelta(days=place)
            if day.weekday() in self.weekdays:
                midnight = datetime(day.year, day.month, day.day)
                start, end = (int((midnight + timedelta(seconds=second)).replace(tzinfo=zone).timestamp())
                              for second in (self.opens_s, self.shuts_s))
                if end > at:
                    yield start, end
