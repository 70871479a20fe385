"""Local time in SQL.

`zone_span` holds, per zone in use, the spans of constant UTC offset, read from zoneinfo. An instant u is inside a
local window iff the wall clock at u reads inside it. Within one span the wall clock is u + offset, so every opening of
a window is an interval of plain arithmetic per (day, span): a day without 02:30 has no opening there, a day with two
has two, and nothing has to be said about gaps or folds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from ..clock import DAY, FOREVER, MINUTE
from ..errors import BadInput
from ..sql import Sql, sql
from ..store import Store

KNOWN_FROM = int(datetime(2015, 1, 1, tzinfo=UTC).timestamp())
KNOWN_UNTIL = int(datetime(2045, 1, 1, tzinfo=UTC).timestamp())
Span = tuple[int, int, int]  # from_at, until_at, offset_s


@dataclass(frozen=True)
class LocalWindow:
    """Hours of the day on some weekdays. `end_s` before `start_s` runs over midnight, and belongs to its first day.

    Raises BadInput: a second outside the day, no weekday or one that does not exist.
    """

    start_s: int
    end_s: int
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)  # Monday is 0
    default_zone: str = "UTC"

    def __post_init__(self) -> None:
        if not (0 <= self.start_s < DAY and 0 <= self.end_s < DAY):
            raise BadInput(f"a window from second {self.start_s} to {self.end_s}: a day has the seconds 0 to {DAY - 1}")
        if not self.weekdays or not set(self.weekdays) <= set(range(7)):
            raise BadInput(f"weekdays {self.weekdays}: give at least one of 0 (Monday) to 6 (Sunday)")

    @property
    def length_s(self) -> int:
        """Seconds from start to end; equal ends mean the whole day."""
        return (self.end_s - self.start_s) % DAY or DAY

    def complement(self) -> LocalWindow:
        """The hours outside, for a window that holds on every day."""
        return replace(self, start_s=self.end_s, end_s=self.start_s)

    def next_open(self, contact_id: Sql) -> Sql:
        """The first instant from :now on when the window is open on the contact's own clock.

        A contact without a zone lives in the default zone; a zone that was never learned counts as UTC.
        """
        return self.next_open_in(sql("(SELECT h.time_zone FROM contact h WHERE h.id = {contact_id})", contact_id=contact_id))

    def next_open_in(self, zone: Sql) -> Sql:
        """The same on the clock of a zone: a name, or NULL."""
        return _known_or_utc(self._opening, zone, self.default_zone)

    def _opening(self, spans: Sql) -> Sql:
        """The first opening within the spans, NULL when there are none. Days run from two before now to eight after:
        an overnight window of yesterday may still be open, and the next one may be a week off."""
        return sql(
            """(SELECT MIN(GREATEST(:now, o.opens_at)) FROM (
                SELECT GREATEST(z.from_at, (:now / 86400 + d.column1) * 86400 + :start - z.offset_s) AS opens_at,
                       LEAST(z.until_at, (:now / 86400 + d.column1) * 86400 + :start + :length - z.offset_s) AS shuts_at
                FROM (VALUES (-2), (-1), (0), (1), (2), (3), (4), (5), (6), (7), (8)) AS d
                CROSS JOIN ({spans}) z
                WHERE z.until_at > :now AND z.from_at < :now + 777600
                  AND (:now / 86400 + d.column1 + 3) % 7 IN ({days})) o
               WHERE o.opens_at < o.shuts_at AND o.shuts_at > :now)""",
            start=self.start_s, length=self.length_s, spans=spans, days=sql(", ".join(map(str, self.weekdays))),
        )


def next_time(at_s: Sql, zone: Sql, *, weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6), default_zone: str = "UTC",
              grace_s: int = MINUTE) -> Sql:
    """The first instant from :now on when a clock in the zone comes to a second of the day: a moment, not a span.

    An hour that a day leaves out comes at the first instant after the gap, one that a day has twice comes the first time.
    Whoever asks less than `grace_s` later is in time. at_s, zone: a number and a name or NULL, as SQL.
    """
    days = sql(", ".join(map(str, weekdays)))
    return _known_or_utc(lambda spans: sql(
        """(SELECT MIN(GREATEST(:now, q.at)) FROM (SELECT MIN(o.opens_at) AS at FROM (
            SELECT d.column1 AS day,
                   GREATEST(z.from_at, (:now / 86400 + d.column1) * 86400 + {at_s} - z.offset_s) AS opens_at,
                   LEAST(z.until_at, (:now / 86400 + d.column1 + 1) * 86400 - z.offset_s) AS shuts_at
            FROM (VALUES (-2), (-1), (0), (1), (2), (3), (4), (5), (6), (7), (8)) AS d CROSS JOIN ({spans}) z
            WHERE z.until_at > :now - 259200 AND z.from_at < :now + 864000 AND (:now / 86400 + d.column1 + 3) % 7 IN ({days})) o
           WHERE o.opens_at < o.shuts_at GROUP BY o.day) q WHERE q.at > :now - :grace)""",
        at_s=at_s, spans=spans, days=days, grace=grace_s), zone, default_zone)


def local_instant(wall: Sql, zone: Sql, default_zone: str = "UTC") -> Sql:
    """When a clock in the zone first reads `wall` (seconds since 1970 on that clock) or later; NULL for NULL."""
    return _known_or_utc(lambda spans: sql(
        """(SELECT MIN(GREATEST(z.from_at, {wall} - z.offset_s)) FROM ({spans}) z WHERE z.from_at < {wall} + 172800
            AND z.until_at > {wall} - 172800 AND z.until_at > {wall} - z.offset_s)""", wall=wall, spans=spans),
                         zone, default_zone)


def _known_or_utc(found: Callable[[Sql], Sql], zone: Sql, default_zone: str) -> Sql:
    """Something worked out of the spans of a zone, else of the default zone, else of UTC."""
    spans = "SELECT s.from_at, s.until_at, s.offset_s FROM zone_span s WHERE s.zone = "
    utc = sql(f"SELECT CAST(-{FOREVER} AS BIGINT) AS from_at, CAST({FOREVER} AS BIGINT) AS until_at, 0 AS offset_s")
    return sql("COALESCE({own}, {default}, {utc})", own=found(sql(spans + "{zone}", zone=zone)),
               default=found(sql(spans + ":zone", zone=default_zone)), utc=found(utc))


def local_day(zone: Sql, at: Sql) -> Sql:
    """The calendar day (days since 1970) that a zone has at an instant; no zone, and one never learned, count as UTC."""
    return sql("(({at} + {offset}) / 86400)", at=at, offset=local_offset(zone, at))


def local_offset(zone: Sql, at: Sql) -> Sql:
    """Seconds that clocks in the zone are ahead of UTC at an instant; 0 without a zone, and for one never learned."""
    return sql("""COALESCE((SELECT z.offset_s FROM zone_span z WHERE z.zone = {zone} AND z.from_at <= {at}
        AND z.until_at > {at}), 0)""", zone=zone, at=at)


def find_zone(text: str) -> str | None:
    """The name of a time zone as the tz database spells it, whatever case it is typed in; None when there is none."""
    return _names().get(text.strip().lower().replace(" ", "_"))


def zone_names() -> tuple[str, ...]:
    """Every time zone of the tz database, in alphabetical order."""
    return tuple(sorted(_names().values()))


def learn_zone(store: Store, zone: str) -> None:
    """Write the zone's spans, once. Raises BadInput: no such zone."""
    if find_zone(zone) != zone:
        raise BadInput(f"time zone {zone!r} is not known: write a name such as Europe/Berlin or America/New_York")
    if store.one("SELECT 1 FROM zone_span z WHERE z.zone = :zone LIMIT 1", zone=zone):
        return
    with store.transaction():
        store.insert_many("zone_span", [{"zone": zone, "from_at": start, "until_at": end, "offset_s": offset}
                                        for start, end, offset in offset_spans(zone)], or_ignore=True)


@lru_cache(64)
def offset_spans(zone: str) -> tuple[Span, ...]:
    """Spans in order, without gaps, over the years we know. An offset that holds for less than a day may be missed."""
    info = ZoneInfo(zone)
    turns = [KNOWN_FROM, *_turns(info), KNOWN_UNTIL]
    return tuple((start, end, _offset(info, start)) for start, end in pairwise(turns))


def _turns(info: ZoneInfo) -> Iterator[int]:
    """The first seconds of a new offset."""
    before = _offset(info, KNOWN_FROM)
    for at in range(KNOWN_FROM, KNOWN_UNTIL, DAY):
        next_day = min(at + DAY, KNOWN_UNTIL)
        after = _offset(info, next_day)
        if after != before:
            yield _turn(info, at, next_day)
        before = after


def _turn(info: ZoneInfo, low: int, high: int) -> int:
    """The turn between two instants, by bisection."""
    before = _offset(info, low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(info, middle) == before else (low, middle)
    return high


def _offset(info: ZoneInfo, at: int) -> int:
    return int((datetime.fromtimestamp(at, info).utcoffset() or timedelta()).total_seconds())


@lru_cache(1)
def _names() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}
