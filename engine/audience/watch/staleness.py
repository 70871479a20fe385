"""Of whom a rule's answer may have changed: by new events, or by time alone.

Rules ask for the same things again and again, so a round asks once for all of them: the new events are read once, and what
time does is one statement over the different windows of all rules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from ...sql import Sql, join, sql
from ...store import Store
from ..rules import Signals

Stale = dict[int, set[int] | None]  # contacts per rule; None: so many that asking everybody is cheaper
TOGETHER = 50  # windows in one statement
READ = 20  # new events per contact that may be looked at: beyond it they are not even read


def by_event(store: Store, rules: Mapping[int, Signals], *, low: int, high: int, most: int) -> Stale:
    """Contacts with a new event, id in (low, high], that a rule listens to; up to `most` of each rule."""
    listeners: defaultdict[str, list[tuple[str | None, int]]] = defaultdict(list)
    for key, signals in rules.items():
        for name, thing in _heard(signals):
            listeners[name].append((thing, key))
    found: Stale = {key: set() for key in rules}
    if not listeners or high <= low:
        return found
    if high - low > READ * most:
        return found | dict.fromkeys({key for asked in listeners.values() for _, key in asked})
    for part in store.stream(new_events(listeners), low=low, high=high):
        for name, thing, contact in part:
            for asked, key in listeners[name]:
                if asked is None or asked == thing:
                    _add(found, key, contact, most)
    return found


def by_time(store: Store, rules: Mapping[int, Signals], *, before: int, now: int, most: int) -> Stale:
    """Contacts of whom an answer may have changed while time went from `before` to `now`; up to `most` of each rule."""
    askers: defaultdict[Sql, list[int]] = defaultdict(list)
    for key, signals in rules.items():
        for turn in _turns(signals, rewound=True):
            askers[turn].append(key)
    found: Stale = {key: set() for key in rules}
    turns = list(askers) if now > before else []
    for at in range(0, len(turns), TOGETHER):
        part = turns[at:at + TOGETHER]
        for number, contact in store.rows(turned(part, most), before=before, now=now):
            for key in askers[part[number]]:
                _add(found, key, contact, most)
    return found


def new_events(names: Mapping[str, object]) -> Sql:
    """Not through the index on names: the range of ids is short, the events of a name are many."""
    return sql("SELECT e.name, e.object, e.contact_id FROM event e WHERE e.id > :low AND e.id <= :high "
               "AND (e.name || '') IN ({names})", names=join(", ", [sql(":name", name=name) for name in sorted(names)]))


def turned(turns: list[Sql], most: int) -> Sql:
    """(number of the turn, contact_id): one more than `most` of each turn is enough to know that they are too many."""
    return join(" UNION ALL ", [
        sql(f"SELECT {number} AS turn, q.contact_id FROM (SELECT DISTINCT s.contact_id FROM ({{turn}}) s LIMIT {most + 1}) q",
            turn=turn) for number, turn in enumerate(turns)])


def edges(signals: Signals) -> Sql | None:
    """SELECT of the contacts whose answer time may have changed from `:before` to `:now`. None when time alone can not."""
    found = list(_turns(signals, rewound=False))
    return join(" UNION ", found) if found else None


def _add(found: Stale, key: int, contact: int, most: int) -> None:
    kept = found[key]
    if kept is not None:
        kept.add(contact)
        if len(kept) > most:
            found[key] = None


def _heard(signals: Signals) -> set[tuple[str, str | None]]:
    """Events that a rule listens to. Changed contacts are known by their marks, without any event."""
    return set(signals.events) | {(name, str(segment)) for segment in signals.segments
                                  for name in ("segment_entered", "segment_left")}


def _turns(signals: Signals, *, rewound: bool) -> Iterator[Sql]:
    """What time does, one SELECT each: an event leaves a window when its age reaches the length of the window; an event from
    the future counts once its moment has come, and only events dated after their arrival can do that.

    rewound: the clock may have gone back since, so also events that arrived later than `:before`.
    """
    for name, thing, seconds in sorted(signals.windows, key=str):
        yield _aged(name, thing, seconds)
    for name, thing in sorted(signals.events, key=str):
        yield _come(name, thing, rewound)
    for column, seconds in sorted(signals.moments):
        yield sql(f"SELECT c.id AS contact_id FROM contact c WHERE c.{column} > :before - :age AND c.{column} <= :now - :age",
                  age=seconds)
    yield from sorted(signals.edges, key=str)


def _aged(name: str, thing: str | None, seconds: int) -> Sql:
    return sql("SELECT e.contact_id FROM event e WHERE {what} AND e.occurred_at > :before - :age "
               "AND e.occurred_at <= :now - :age", what=_what(name, thing), age=seconds)


def _come(name: str, thing: str | None, rewound: bool) -> Sql:
    arrived = sql("(e.received_at < e.occurred_at OR e.received_at > :before)" if rewound else "e.received_at < e.occurred_at")
    return sql("SELECT e.contact_id FROM event e WHERE {what} AND e.occurred_at > :before AND e.occurred_at <= :now "
               "AND {arrived}", what=_what(name, thing), arrived=arrived)


def _what(name: str, thing: str | None) -> Sql:
    named = sql("e.name = :name", name=name)
    return named if thing is None else sql("{named} AND e.object = :thing", named=named, thing=thing)
