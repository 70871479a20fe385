"""The calendar of journeys: when the moment of a trigger has come, an event says so, addressed to that trigger.

Three kinds. Days of a contact and schedules ring at a time of the contact's own clock: each zone has few such instants, so
most ticks compare one number. Exact moments in a field are a range of its index. Moments that events name are kept in
`entry_moment`, one for each contact, key and offset: a later event moves them.

What is past before anybody looks is passed over: a moment rings only between two ticks, and never when it lies further back
than a journey's publication, or a week (nothing ran).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from ..activity import events
from ..clock import DAY, WEEK, iso, parse_moment, say_duration
from ..errors import BadInput
from ..maths.zones import learn_zone
from ..schema import set_watermark, watermark
from ..sql import Sql, fold, sql
from ..store import CHUNK, Store
from .live import Live
from .triggers import DATE, SCHEDULE, DateTrigger, ScheduleTrigger, Spot

CONSUMER = "calendar"
LONGEST_GAP_S = WEEK  # what nothing rang for so long is passed over
_SPANS = 3 * DAY  # on each side of what is looked at: no offset is longer
Spans = list[tuple[int, int, int]]
UTC_SPANS: Spans = [(-(1 << 40), 1 << 40, 0)]


@dataclass(frozen=True)
class Bell:
    """One trigger that the calendar sets off."""

    spot: Spot
    trigger: DateTrigger | ScheduleTrigger
    since: int  # when its journey was published
    prop: str | None  # the property of an event that tells its key, where a key is wanted


@dataclass
class Calendar:
    """All bells of the live journeys. One for each runner; made anew when journeys change."""

    bells: list[Bell]
    default_zone: str = "UTC"
    _quiet: dict[tuple[int, int], int] = field(default_factory=dict)  # (bells, zones) known -> nothing local before

    def ring(self, store: Store, now: int) -> int:
        """Write the events of moments that came since the last time; how many."""
        if not self.bells:
            return 0
        heard, before = watermark(store, CONSUMER)
        low, upto = max(before, now - LONGEST_GAP_S), events.last_id(store)
        if low >= now and heard >= upto:
            return 0
        clocks = self._clocks(store, low, now)
        with store.transaction():
            store.serialize("event")
            for bell in self.bells:
                if isinstance(bell.trigger, DateTrigger) and bell.trigger.of:
                    plan(store, bell, low=heard, high=upto, now=now, default_zone=self.default_zone)
            rung = sum(_ring(store, bell, max(low, bell.since), now, clocks) for bell in self.bells)
            set_watermark(store, CONSUMER, upto, max(now, before))
        return rung

    def _clocks(self, store: Store, low: int, now: int) -> dict[str | None, Spans]:
        """Spans by zone, where some local time of a bell may lie in (low, now]; empty when none does."""
        local = [bell for bell in self.bells if _local_times(bell.trigger)]
        zones = store.one("SELECT COUNT(*) FROM zone_span s") if local else 0
        known = (len(local), zones)
        if not local or now < self._quiet.get(known, 0):
            return {}
        found = clocks_of(store, low, now, self.default_zone)
        times = {at for bell in local for at in _local_times(bell.trigger)}
        ahead = [instant(spans, wall) for spans in found.values() for at in times
                 for wall in _walls(spans, now, now + 2 * DAY, at)]
        self._quiet = {known: min((at for at in ahead if at > now), default=now + DAY)}
        return found


def bells(versions: list[Live]) -> list[Bell]:
    """What the calendar has to know of the live journeys."""
    return [Bell(version.spot(number), trigger, version.published_at, version.journey.entry.reentry.prop)
            for version in versions if version.status == "live"
            for number, trigger in enumerate(version.journey.entry.triggers)
            if isinstance(trigger, DateTrigger | ScheduleTrigger)]


# ------------------------------------------------------------ clocks


def clocks_of(store: Store, low: int, high: int, default_zone: str) -> dict[str | None, Spans]:
    """The spans of every zone that contacts live in, around low..high. None: of contacts without one."""
    if default_zone != "UTC":
        learn_zone(store, default_zone)
    found: dict[str | None, Spans] = {}
    for zone, start, end, offset in store.rows(
            "SELECT s.zone, s.from_at, s.until_at, s.offset_s FROM zone_span s WHERE s.until_at > :low AND s.from_at < :high "
            "ORDER BY s.zone, s.from_at", low=low - _SPANS, high=high + 2 * _SPANS):
        found.setdefault(zone, []).append((start, end, offset))
    return {**found, None: found.get(default_zone, UTC_SPANS)}


def instant(spans: Spans, wall: int) -> int:
    """When a clock first reads `wall` (seconds since 1970 on it): after a gap its first instant, of two the first."""
    return min((max(start, wall - offset) for start, end, offset in spans if max(start, wall - offset) < end), default=wall)


def _walls(spans: Spans, low: int, high: int, at_s: int) -> Iterator[int]:
    """Readings of a clock at the second `at_s` of a day that may come in (low, high]."""
    first = (low + min(offset for *_, offset in spans)) // DAY - 1
    for day in range(first, (high + max(offset for *_, offset in spans)) // DAY + 1):
        yield day * DAY + at_s


def _local_times(trigger: DateTrigger | ScheduleTrigger) -> tuple[int, ...]:
    """The seconds of local days at which a trigger may ring."""
    if isinstance(trigger, ScheduleTrigger):
        return (trigger.at,)
    return (trigger.at_s,) if trigger.by_day else ()


def _days(spans: Spans, low: int, high: int, at_s: int) -> list[int]:
    """Local days (since 1970) whose second `at_s` came in (low, high]."""
    return [wall // DAY for wall in _walls(spans, low, high, at_s) if low < instant(spans, wall) <= high]


# ------------------------------------------------------------ ringing


def _ring(store: Store, bell: Bell, low: int, now: int, clocks: dict[str | None, Spans]) -> int:
    trigger = bell.trigger
    if isinstance(trigger, ScheduleTrigger):
        return sum(store.run(_scheduled(bell, trigger, zone, day), now=now) for zone, spans in clocks.items()
                   for day in _days(spans, low, now, trigger.at) if trigger.falls_on(day))
    if trigger.of:
        return _named(store, bell, low, now)
    if trigger.by_day:
        return sum(store.run(_dated(bell, trigger, zone, day, offset), now=now) for zone, spans in clocks.items()
                   for day in _days(spans, low, now, trigger.at_s) for offset in trigger.offset)
    return sum(store.run(_exact(bell, trigger, offset), now=now, low=low) for offset in trigger.offset)


def _lives_in(zone: str | None) -> Sql:
    """A zone that was never learned counts as none."""
    if zone is not None:
        return sql("c.time_zone = :zone", zone=zone)
    return sql("(c.time_zone IS NULL OR NOT EXISTS (SELECT 1 FROM zone_span z WHERE z.zone = c.time_zone))")


def _told(bell: Bell, name: str, what: Sql, once: Sql, props: dict[str, Any]) -> Sql:
    """Events to the contacts of `what`. once: tells one such moment of a contact from another."""
    select = sql("""SELECT c.id AS contact_id, CAST(:name AS TEXT) AS name, CAST(:object AS TEXT) AS object,
            CAST(:props AS TEXT) AS props, CAST(:stem AS TEXT) || {once} || ':' || c.id AS dedupe_key
        FROM {what} AND c.anonymous = 0 ORDER BY c.id""", name=name, object=bell.spot.address, props=json.dumps(props),
                 stem=f"{name}:{bell.spot.address}:", once=once, what=what)
    return events.emit_from(select, source="calendar")


def _iso_day(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def _scheduled(bell: Bell, trigger: ScheduleTrigger, zone: str | None, day: int) -> Sql:
    members = sql("segment_member m CROSS JOIN contact c WHERE c.id = m.contact_id AND m.segment_id = :segment AND {zone}",
                  segment=bell.spot.segments[fold(trigger.segment.strip())], zone=_lives_in(zone))
    return _told(bell, SCHEDULE, members, sql("CAST(:day AS TEXT)", day=_iso_day(day)), {"date": _iso_day(day)})


def _dated(bell: Bell, trigger: DateTrigger, zone: str | None, day: int, offset: int) -> Sql:
    its_day = day - offset // DAY
    born, _ = trigger.born_on(its_day)
    who = sql("contact c WHERE {born} AND {zone}", born=born, zone=_lives_in(zone))
    props = {"date": _iso_day(its_day), "offset": say_duration(offset), "field": trigger.field.name}
    return _told(bell, DATE, who, sql("CAST(:once AS TEXT)", once=f"{offset}:{its_day}"), props)


def _exact(bell: Bell, trigger: DateTrigger, offset: int) -> Sql:
    column = f"c.{trigger.field.column}"
    who = sql(f"contact c WHERE {column} > :low - :offset AND {column} <= :now - :offset", offset=offset)
    props = {"offset": say_duration(offset), "field": trigger.field.name}
    return _told(bell, DATE, who, sql(f"CAST(:offset AS TEXT) || ':' || {column}", offset=str(offset)), props)


# ------------------------------------------------------------ moments that events name


def plan(store: Store, bell: Bell, *, low: int, high: int, now: int, default_zone: str = "UTC") -> int:
    """Keep the moments that events of ids (low, high] name, each in place of an older one of its key; how many lie ahead.

    A past moment is kept too, so that it takes the place of one that lay ahead, and never rings. Needs a transaction.
    """
    ahead = 0
    for made in _newest(store, bell, low, high, default_zone):
        store.upsert_many("entry_moment", made, key=("journey_id", "number", "contact_id", "key", "offset_s"))
        ahead += sum(one["at"] > now for one in made)
    return ahead


def count_ahead(store: Store, bell: Bell, *, now: int, default_zone: str = "UTC") -> int:
    """How many moments that events have named so far lie ahead."""
    found = {(one["contact_id"], one["key"], one["offset_s"]): one["at"]
             for made in _newest(store, bell, 0, events.last_id(store), default_zone) for one in made}
    return sum(at > now for at in found.values())


def _newest(store: Store, bell: Bell, low: int, high: int, default_zone: str) -> Iterator[list[dict[str, Any]]]:
    """Rows of `entry_moment` in parts, of each contact, key and offset the newest in its part."""
    trigger = bell.trigger
    assert isinstance(trigger, DateTrigger)
    assert trigger.of
    while True:
        rows = store.rows(
            """SELECT e.id, e.contact_id, c.time_zone, e.props FROM event e JOIN contact c ON c.id = e.contact_id
            WHERE e.name = :name AND e.id > :low AND e.id <= :high AND e.received_at >= :since AND e.historic = 0
            AND c.anonymous = 0 ORDER BY e.id LIMIT :most""", name=trigger.of, low=low, high=high, since=bell.since, most=CHUNK)
        made = [one for row in rows for one in _planned(store, bell, trigger, row, default_zone)]
        yield list({(one["contact_id"], one["key"], one["offset_s"]): one for one in made}.values())
        if len(rows) < CHUNK:
            return
        low = rows[-1][0]


def _planned(store: Store, bell: Bell, trigger: DateTrigger, row: tuple[Any, ...], default_zone: str) -> list[dict[str, Any]]:
    id_, contact_id, zone, text = row
    props = json.loads(text)
    moment = _moment(store, props.get(trigger.date), zone, trigger, default_zone)
    if moment is None:
        return []
    key = str(props.get(bell.prop, "")) if bell.prop else ""
    return [{"journey_id": bell.spot.journey_id, "number": bell.spot.number, "contact_id": contact_id, "key": key,
             "offset_s": offset, "at": moment + offset, "event_id": id_} for offset in trigger.offset]


def _moment(store: Store, value: Any, zone: str | None, trigger: DateTrigger, default_zone: str) -> int | None:
    """The instant that a property names; a day without a time is that day at `at` on the contact's clock."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return None
    try:
        found = parse_moment(value)
    except BadInput:
        return None
    if len(str(value).strip()) != 10 or "-" not in str(value)[1:]:
        return found
    clocks = clocks_of(store, found, found, default_zone)
    return instant(clocks.get(zone, clocks[None]), found + trigger.at_s)


def _named(store: Store, bell: Bell, low: int, now: int) -> int:
    """Ring what has come due, and forget it and whatever was passed over."""
    place = {"journey": bell.spot.journey_id, "number": bell.spot.number}
    rows = store.rows("""SELECT p.contact_id, p.key, p.offset_s, p.at, e.id, e.props FROM entry_moment p
        JOIN event e ON e.id = p.event_id WHERE p.journey_id = :journey AND p.number = :number AND p.at > :low AND p.at <= :now
        AND p.at > e.received_at ORDER BY p.at, p.contact_id, p.offset_s""", low=low, now=now, **place)
    found = [{"contact_id": who, "name": DATE, "object": bell.spot.address, "occurred_at": now, "received_at": now,
              "props": json.dumps({**json.loads(props), "offset": say_duration(offset), "moment": iso(at - offset)}),
              "dedupe_key": f"{DATE}:{bell.spot.address}:{offset}:{at}:{event}:{who}", "source": "calendar"}
             for who, _, offset, at, event, props in rows]
    store.run("DELETE FROM entry_moment WHERE journey_id = :journey AND number = :number AND at <= :now", now=now, **place)
    return events.insert_events(store, found)
