"""Segments: rules with a name, whose members the watch keeps."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .. import audit, clock
from ..access import Actor, require
from ..errors import BadInput, Busy, Invalid, NotFound, Problem, listing
from ..sql import fold, sql
from ..store import Store
from . import watch
from .rules import Rule, known, parse

LOCK_WAIT_S = 30.0
LONGEST_NAME = 120
REVIEW_S = 30 * clock.DAY


@dataclass(frozen=True)
class Segment:
    """A segment and its size. refreshed_at: when everybody was last asked (UTC seconds), None before the first time, and
    seconds: how long that took. differences: members kept wrongly, as the newest audit found. reviewed_at: when somebody last
    saved its rule or said that it is still right."""

    id: int
    name: str
    sentence: str
    version: int
    members: int
    updated_at: int
    refreshed_at: int | None
    rule: Any
    seconds: float | None
    differences: int
    reviewed_at: int

    def due(self, now: int) -> bool:
        """Whether it is time to look whether the rule is still right."""
        return self.reviewed_at <= now - REVIEW_S


@dataclass(frozen=True)
class Count:
    """How many contacts match, of how many; the rule in words; how long the answer took.

    unjudged: contacts who would match if what machines opened had been opened by them: nothing can be said of them. None: the
    rule does not ask what came of messages.
    """

    count: int
    total: int
    sentence: str
    seconds: float
    unjudged: int | None = None


@dataclass(frozen=True)
class Member:
    """A contact in a listing."""

    id: int
    email: str | None
    external_id: str | None
    first_name: str | None
    last_name: str | None


@dataclass(frozen=True)
class Change:
    """A contact entered or left a segment."""

    segment: str
    change: str
    at: int


# ------------------------------------------------------------ reading


def count(store: Store, rule: Rule, *, now: int, past: bool = False) -> Count:
    """How many contacts match at `now`. past: with the facts of that moment, among the contacts there were."""
    began = clock.monotonic()
    text, values = rule.members(past).render()
    matching = store.one(f"SELECT COUNT(*) FROM ({text}) q", **values, now=now)
    then = " AND c.created_at <= :now" if past else ""
    total = store.one(f"SELECT COUNT(*) FROM contact c WHERE c.anonymous = 0{then}", now=now)
    open_ = rule.unjudged(past)
    unjudged = int(store.one(sql("SELECT COUNT(*) FROM ({open}) q", open=open_), now=now)) if open_ else None
    return Count(matching, total, rule.sentence(), round(clock.monotonic() - began, 3), unjudged)


def members(store: Store, rule: Rule, *, now: int, limit: int | None = None) -> list[Member]:
    """Contacts that match at `now`, in the order in which they came."""
    text, values = rule.members().render()
    cut = "" if limit is None else " LIMIT :limit"
    rows = store.rows("SELECT k.id, k.email, k.external_id, k.first_name, k.last_name FROM contact k "
                      f"WHERE k.id IN ({text}) ORDER BY k.id{cut}", **values, now=now, limit=limit)
    return [Member(*row) for row in rows]


def find(store: Store, name: str) -> Segment | None:
    """A segment by its name in any case."""
    return next(iter(_read(store, "WHERE s.key = :key", key=_key(name))), None)


def get(store: Store, name: str) -> Segment:
    """The same; raises NotFound."""
    found = find(store, name)
    if found is None:
        names = [row[0] for row in store.rows("SELECT s.name FROM segment s")]
        raise NotFound(f"no segment {name!r}; there are {listing(names)}")
    return found


def list_segments(store: Store) -> list[Segment]:
    """Every segment by name."""
    return sorted(_read(store, ""), key=lambda one: fold(one.name))


def list_own(store: Store) -> list[Segment]:
    """Those that people made, by name: a persona, a rule of a score or a stage has one of its own."""
    return sorted(_read(store, f"WHERE s.id NOT IN ({_KEPT})"), key=lambda one: fold(one.name))


def kept_ids(store: Store) -> frozenset[int]:
    """Those that a persona or a rule of a score or a stage has for its own."""
    return frozenset(row[0] for row in store.rows(_KEPT))


def names(store: Store, *, own: bool = False) -> list[str]:
    """Of every segment, or of those that people made, without counting anybody."""
    where = f"WHERE s.id NOT IN ({_KEPT})" if own else ""
    return sorted((row[0] for row in store.rows(f"SELECT s.name FROM segment s {where} ORDER BY s.id")), key=fold)


_KEPT = """SELECT p.segment_id FROM persona p UNION SELECT r.segment_id FROM stage_rule r
    UNION SELECT r.segment_id FROM score_rule r WHERE r.segment_id IS NOT NULL"""


def history(store: Store, contact_id: int) -> list[Change]:
    """The segments that a contact entered and left, the newest first."""
    return [Change(*row) for row in store.rows(
        "SELECT s.name, x.change, x.at FROM segment_change x JOIN segment s ON s.id = x.segment_id "
        "WHERE x.contact_id = :id ORDER BY x.at DESC, x.id DESC", id=contact_id)]


def _read(store: Store, where: str, **params: Any) -> list[Segment]:
    rows = store.rows(f"""SELECT s.id, s.name, s.sentence, s.version,
            (SELECT COUNT(*) FROM segment_member m WHERE m.segment_id = s.id), s.updated_at, s.refreshed_at, s.rule,
            s.seconds, s.differences, COALESCE(s.reviewed_at, s.updated_at)
        FROM segment s {where} ORDER BY s.id""", **params)
    return [Segment(*(*row[:7], json.loads(row[7]), *row[8:])) for row in rows]


# ------------------------------------------------------------ changing


def save(store: Store, name: str, rule_doc: Any, *, by: Actor, now: int) -> Segment:
    """Make a segment or give it another rule, and work out its members.

    Whoever matches from the start, or through the new rule, has entered as far as history goes; no event tells of it.
    Raises BadInput: no name. Invalid: a rule that is wrong, or that asks about this very segment.
    """
    require(by, "analyze")
    trimmed = " ".join(name.split())
    if not trimmed or len(trimmed) > LONGEST_NAME:
        raise BadInput(f"segment {name[:40]!r}: a name has 1 to {LONGEST_NAME} characters")
    with _watch_resting(store):
        with store.transaction():
            store.serialize("segment")
            changed = _save(store, trimmed, rule_doc, by, now)
        if changed:
            _settle(store, {changed}, now, quiet=True)
    return get(store, trimmed)


def refresh(store: Store, name: str | None = None, *, by: Actor, now: int) -> list[Segment]:
    """Work out the members anew: of one segment and those it asks about, or of all. Raises NotFound."""
    require(by, "analyze")
    wanted = {get(store, name).id} if name else {one.id for one in list_segments(store)}
    with _watch_resting(store):
        _settle(store, wanted, now, quiet=False)
    return [one for one in list_segments(store) if one.id in wanted]


def review(store: Store, name: str, *, by: Actor, now: int) -> Segment:
    """Say that the rule was looked at and is still right. Raises NotFound."""
    require(by, "analyze")
    found = get(store, name)
    with store.transaction():
        store.run("UPDATE segment SET reviewed_at = :now WHERE id = :id", now=now, id=found.id)
        audit.record(store, by, "segment reviewed", found.name, now=now)
    return get(store, found.name)


def _save(store: Store, name: str, rule_doc: Any, by: Actor, now: int) -> int | None:
    """Write the rule; the segment's id, None when nothing changed."""
    rule = parse(rule_doc, known(store))
    old = store.row("SELECT s.id, s.name, s.version, s.rule FROM segment s WHERE s.key = :key", key=_key(name))
    if old:
        _check_cycle(store, old[0], name, rule)
    same_rule = bool(old and json.loads(old[3]) == rule.document())
    if old and same_rule and old[1] == name:
        return None
    version = old[2] + (not same_rule) if old else 1
    row = {"key": _key(name), "name": name, "rule": json.dumps(rule.document()), "sentence": rule.sentence(),
           "version": version, "status": "live", "updated_at": now}
    if old:
        store.run("UPDATE segment SET name = :name, rule = :rule, sentence = :sentence, version = :version, "
                  "status = :status, updated_at = :updated_at WHERE key = :key", **row)
    else:
        store.insert_many("segment", [row | {"created_at": now}])
    found: int = store.one("SELECT s.id FROM segment s WHERE s.key = :key", key=row["key"])
    if not same_rule:
        store.run("UPDATE segment SET refreshed_at = NULL, reviewed_at = :now WHERE id = :id", now=now, id=found)
        store.insert_many("segment_version", [{"segment_id": found, "version": version, "rule": row["rule"], "at": now,
                                               "actor": by.name}])
    audit.record(store, by, "segment saved", name, now=now, version=version)
    return found


def _check_cycle(store: Store, segment_id: int, name: str, rule: Rule) -> None:
    """Refuse a rule through which the segment would ask about itself."""
    by_id = {one.id: one for one in watch.live_segments(store, known(store))}
    waiting, seen = [(used, [name]) for used in rule.signals().segments], set()
    while waiting:
        used, path = waiting.pop()
        if used == segment_id:
            way = " → ".join([*path, name])
            raise Invalid([Problem("segment", "cycle", f"the segment would ask about itself: {way}")])
        if used in by_id and used not in seen:
            seen.add(used)
            waiting += [(further, [*path, by_id[used].name]) for further in by_id[used].uses]


def _settle(store: Store, wanted: set[int], now: int, quiet: bool) -> None:
    """Fill segments, those first that others ask about, and the others after them."""
    for segment in watch.live_segments(store, known(store)):
        if segment.id in wanted or segment.uses & wanted:
            changes = watch.fill(store, segment, now=now, quiet=quiet)
            if changes.contacts:
                wanted = wanted | {segment.id}


@contextmanager
def _watch_resting(store: Store) -> Iterator[None]:
    """While nobody else writes memberships. Raises Busy after half a minute."""
    until = clock.monotonic() + LOCK_WAIT_S
    while True:
        with store.lock(watch.CONSUMER) as free:
            if free:
                yield
                return
        if clock.monotonic() > until:
            raise Busy(f"the watch has been at work for {LOCK_WAIT_S:g} s: try again in a moment")
        time.sleep(0.05)


def _key(name: str) -> str:
    return fold(" ".join(name.split()))
