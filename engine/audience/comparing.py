"""Segments beside each other and beside their own past: overlap, drift, and what each condition costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..clock import DAY
from ..lazy import pd
from ..maths.stability import psi
from ..sql import Sql, sql
from ..store import Store
from . import segments
from .rules import Rule, known, leaves, parse

DRIFT_DAYS = 30
STABLE, SHIFTED = 0.1, 0.25  # the usual reading of the index: below, nothing; above, another population
_SHAPES = {"stage": "COALESCE(c.stage, '')", "source": "COALESCE(c.source, '')", "time zone": "COALESCE(c.time_zone, '')",
           "company industry": "COALESCE((SELECT a.industry FROM account a WHERE a.id = c.account_id), '')",
           "months since they came": "CAST(LEAST((:now - c.created_at) / 2592000, 24) AS TEXT)"}


@dataclass(frozen=True)
class Drift:
    """How far the members have become others in one respect. index: population stability index; None: too few to say."""

    what: str
    index: float | None
    verdict: str


@dataclass(frozen=True)
class Timing:
    """What one condition of a rule costs when everybody is asked."""

    sentence: str
    count: int
    seconds: float


def overlap(store: Store, name: str, *, limit: int = 20) -> pd.DataFrame:
    """The segments that share most members with this one: name, members, both, share (of this segment's members)."""
    found = segments.get(store, name)
    rows = store.rows("""SELECT s.name, (SELECT COUNT(*) FROM segment_member k WHERE k.segment_id = s.id), COUNT(*)
        FROM segment_member m JOIN segment_member o ON o.contact_id = m.contact_id AND o.segment_id <> m.segment_id
        JOIN segment s ON s.id = o.segment_id WHERE m.segment_id = :id GROUP BY s.id, s.name ORDER BY 3 DESC, 1 LIMIT :limit""",
                      id=found.id, limit=limit)
    return pd.DataFrame([(*row, row[2] / found.members) for row in rows], columns=["name", "members", "both", "share"])


def drift(store: Store, name: str, *, now: int, days: int = DRIFT_DAYS) -> list[Drift]:
    """How the members of now differ from those of so many days ago, in what is known of them today.

    Source  Population stability index: sum of (p - q) ln(p / q) over the shares p, q of each group; `maths.stability`.
    """
    found = segments.get(store, name)
    then = sql("""SELECT x.contact_id FROM segment_change x WHERE x.segment_id = :segment AND x.change = 'entered' AND x.id IN
        (SELECT MAX(y.id) FROM segment_change y WHERE y.segment_id = :segment AND y.at <= :then GROUP BY y.contact_id)""",
               segment=found.id, then=now - days * DAY)
    today = sql("SELECT m.contact_id FROM segment_member m WHERE m.segment_id = :segment", segment=found.id)
    return [_drift(what, _shape(store, today, what, now), _shape(store, then, what, now), days) for what in _SHAPES]


def timing(store: Store, name: str, *, now: int) -> list[Timing]:
    """What each condition costs by itself, the dearest first; a segment is about as slow as its slowest conditions."""
    rule = parse(segments.get(store, name).rule, known(store))
    found = [segments.count(store, Rule(leaf), now=now) for leaf in dict.fromkeys(leaves(rule))]
    return sorted((Timing(one.sentence, one.count, one.seconds) for one in found), key=lambda one: -one.seconds)


def _shape(store: Store, members: Sql, what: str, now: int) -> dict[str, int]:
    return dict(store.rows(sql(f"SELECT {_SHAPES[what]}, COUNT(*) FROM contact c WHERE c.id IN ({{members}}) GROUP BY 1",
                               members=members), now=now))


def _drift(what: str, today: dict[str, int], then: dict[str, int], days: int) -> Drift:
    if not then:
        return Drift(what, None, f"nobody was in it {days} days ago")
    groups: Sequence[str] = sorted(today.keys() | then.keys())
    index = psi([today.get(group, 0) for group in groups], [then.get(group, 0) for group in groups])
    if index is None:
        return Drift(what, None, "too few members to say")
    verdict = "the same people" if index < STABLE else "has begun to move" if index < SHIFTED else "other people than before"
    return Drift(what, index, verdict)
