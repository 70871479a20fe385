"""Who is in a segment, since when, and every entering and leaving."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from ... import clock
from ...activity import events
from ...errors import Invalid
from ...schema import watermark
from ...sql import Sql, sql
from ...store import Store
from ..rules import Known, Rule, Signals, parse

CONSUMER = "watch"
STEP, QUIET_STEP = 2_000, 20_000  # contacts per transaction, with events and without: others write in between


@dataclass(frozen=True)
class Segment:
    """A segment as the watch knows it. `rule` is None while it names something that is gone: membership then stands.

    settled: membership has been worked out since the rule was saved.
    """

    id: int
    name: str
    rule: Rule | None
    settled: bool

    @cached_property
    def signals(self) -> Signals:
        """What may change who is in it."""
        return self.rule.signals() if self.rule else Signals()

    @property
    def uses(self) -> frozenset[int]:
        """The segments whose members its rule asks about."""
        return self.signals.segments

    @cached_property
    def entering(self) -> Sql:
        """Picks the contacts in `dirty` who are not in it and belong there; `:now` and `:upto` are free."""
        return self._changing(_ENTERING)

    @cached_property
    def leaving(self) -> Sql:
        """The same of those who are in it and no longer belong there."""
        return self._changing(_LEAVING)

    def _changing(self, find: str) -> Sql:
        assert self.rule
        some = sql(find, rule=self.rule.probe(sql(":upto")), segment=self.id)
        return sql("INSERT INTO picked (id) {some}", some=some)


@dataclass(frozen=True)
class Changes:
    """Contacts that entered and left."""

    entered: frozenset[int] = frozenset()
    left: frozenset[int] = frozenset()

    @property
    def contacts(self) -> frozenset[int]:
        """All of them."""
        return self.entered | self.left


def live_segments(store: Store, known: Known) -> list[Segment]:
    """Every segment, those that others ask about first."""
    return list(_compiled(tuple(store.rows("""SELECT s.id, s.name, s.rule, s.refreshed_at IS NOT NULL FROM segment s
        WHERE s.status = 'live' ORDER BY s.id""")), known))


@lru_cache(16)
def _compiled(rows: tuple[tuple[int, str, str, bool], ...], known: Known) -> list[Segment]:
    """Parsed once while neither the rules nor what they may name change: a round of the watch comes every second."""
    return _in_order([Segment(row[0], row[1], _rule(row[2], known), bool(row[3])) for row in rows])


def _rule(document: str, known: Known) -> Rule | None:
    try:
        return parse(json.loads(document), known)
    except Invalid:
        return None


def _in_order(segments: list[Segment]) -> list[Segment]:
    by_id = {segment.id: segment for segment in segments}
    ordered: dict[int, Segment] = {}

    def place(segment: Segment, above: frozenset[int]) -> None:
        for used in sorted(segment.uses - above):
            if used in by_id and used not in ordered:
                place(by_id[used], above | {used})
        ordered[segment.id] = segment

    for segment in segments:
        if segment.id not in ordered:
            place(segment, frozenset({segment.id}))
    return list(ordered.values())


# ------------------------------------------------------------ looking


def fill(store: Store, segment: Segment, *, now: int, quiet: bool = False, upto: int | None = None) -> Changes:
    """Work out the whole membership anew, and write what differs.

    quiet: the changes come from a rule just saved: naming an audience is no event in anybody's life. The log has them, and
    nobody is told; who publishes a journey is asked about those who match already. So is a segment never filled before.
    upto: count events up to this id.
    """
    if segment.rule is None:
        return Changes()
    began = clock.monotonic()
    wanted = set(_ids(store.stream(segment.rule.members(upto=None if upto is None else sql(":upto", upto=upto)), now=now)))
    seconds = clock.monotonic() - began
    kept = set(_ids(store.stream("SELECT m.contact_id FROM segment_member m WHERE m.segment_id = :id", id=segment.id)))
    entered, left = sorted(wanted - kept), sorted(kept - wanted)
    tell = segment.settled and not quiet
    for some, change in ((entered, "entered"), (left, "left")):
        for ids in _parts(some, STEP if tell else QUIET_STEP):
            with store.transaction():
                _pick(store, ids)
                _write(store, segment, change, now, tell=tell)
    ahead = watermark(store, CONSUMER)[1] > now  # the clock went back: what is true now need not be when the watch goes on
    with store.transaction():
        store.run("UPDATE segment SET refreshed_at = :at, seconds = :seconds WHERE id = :id", at=None if ahead else now,
                  seconds=seconds, id=segment.id)
    return Changes(frozenset(entered), frozenset(left))


def date_back(store: Store, segments: Sequence[int]) -> None:
    """For a past that was written in bulk: whoever is in these segments has been so since we know them.

    True of rules that ask only what came with the person.
    """
    came = "(SELECT k.created_at FROM contact k WHERE k.id = contact_id)"
    with store.transaction():
        for segment in segments:
            store.run(f"UPDATE segment_change SET at = {came} WHERE segment_id = :segment", segment=segment)
            store.run(f"UPDATE segment_member SET entered_at = {came} WHERE segment_id = :segment", segment=segment)


def look(store: Store, segment: Segment, contacts: Iterable[int], *, now: int, upto: int) -> Changes:
    """Ask again about these contacts only, counting events up to the id `upto`."""
    entered: set[int] = set()
    left: set[int] = set()
    for ids in _parts(sorted(contacts)):
        with store.transaction():
            store.serialize("event")
            store.run("DELETE FROM dirty")
            store.insert_many("dirty", [{"contact_id": contact, "event_id": 0} for contact in ids])
            store.after_fill("dirty")
            for change, find, together in (("entered", segment.entering, entered), ("left", segment.leaving, left)):
                together |= _change(store, segment, change, find, now, upto)
    return Changes(frozenset(entered), frozenset(left))


# Membership is asked before the rule: it costs less, and so the rule is asked of each contact once.
_TRUE = "c.id = +d.contact_id AND c.anonymous = 0 AND {rule}"
_ENTERING = f"""SELECT c.id FROM dirty d CROSS JOIN contact c WHERE NOT EXISTS
    (SELECT 1 FROM segment_member m WHERE m.segment_id = :segment AND m.contact_id = +d.contact_id) AND {_TRUE}"""
_LEAVING = f"""SELECT d.contact_id FROM dirty d CROSS JOIN segment_member m WHERE m.segment_id = :segment
    AND m.contact_id = +d.contact_id AND NOT EXISTS (SELECT 1 FROM contact c WHERE {_TRUE})"""


def _change(store: Store, segment: Segment, change: str, find: Sql, now: int, upto: int) -> set[int]:
    store.run("DELETE FROM picked")
    store.run(find, now=now, upto=upto)
    found = {row[0] for row in store.rows("SELECT p.id FROM picked p")}
    if found:
        _write(store, segment, change, now, tell=True)
    return found


# ------------------------------------------------------------ writing


def _pick(store: Store, ids: Sequence[int]) -> None:
    store.serialize("event")
    store.run("DELETE FROM picked")
    store.insert_many("picked", [{"id": contact} for contact in ids])
    store.after_fill("picked")


def _write(store: Store, segment: Segment, change: str, now: int, *, tell: bool) -> None:
    """The contacts in `picked` enter or leave: the log, the membership and, to `tell`, the events that others hear."""
    last = store.one("SELECT COALESCE(MAX(x.id), 0) FROM segment_change x")
    params = {"segment": segment.id, "now": now}
    within = "EXISTS (SELECT 1 FROM segment_member m WHERE m.segment_id = :segment AND m.contact_id = c.id)"
    store.run(f"""INSERT INTO segment_change (segment_id, contact_id, change, at)
        SELECT :segment, c.id, '{change}', :now FROM picked p CROSS JOIN contact c
        WHERE c.id = +p.id AND {within if change == 'left' else 'NOT ' + within} ORDER BY c.id""", **params)
    if change == "entered":
        store.run("""INSERT INTO segment_member (segment_id, contact_id, entered_at) SELECT x.segment_id, x.contact_id, x.at
            FROM segment_change x WHERE x.id > :last AND x.segment_id = :segment
            ON CONFLICT (segment_id, contact_id) DO NOTHING""", last=last, segment=segment.id)
    else:
        store.run("DELETE FROM segment_member WHERE segment_id = :segment AND contact_id IN (SELECT p.id FROM picked p)",
                  segment=segment.id)
    if tell:
        store.run(_events(segment, change), last=last, now=now)


def _events(segment: Segment, change: str) -> Sql:
    logged = sql("""SELECT x.contact_id, CAST(:name AS TEXT) AS name, CAST(:thing AS TEXT) AS object,
            CAST(:props AS TEXT) AS props, 'segment_change:' || x.id AS dedupe_key
        FROM segment_change x WHERE x.id > :last AND x.segment_id = :segment ORDER BY x.id""",
                 name=f"segment_{change}", thing=str(segment.id), props=json.dumps({"segment": segment.name}),
                 segment=segment.id)
    return events.emit_from(logged, source="watch")


def _ids(parts: Iterable[list[tuple[int]]]) -> Iterator[int]:
    for part in parts:
        for row in part:
            yield row[0]


def _parts(ids: Sequence[int], size: int = STEP) -> Iterator[Sequence[int]]:
    for at in range(0, len(ids), size):
        yield ids[at:at + size]
