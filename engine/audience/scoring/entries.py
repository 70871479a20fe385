"""The entries that scores are the sums of: written by journeys and by score rules, shown to people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ...access import setting
from ...clock import DAY
from ...errors import BadInput
from ...lazy import pd
from ...people import contacts
from ...people.contacts.effects import SCORES
from ...sql import Sql, sql
from ...store import Store
from .worth import value

GROUPS = tuple(SCORES)
MOST_POINTS = 1_000_000


@dataclass(frozen=True)
class Entry:
    """One reason for a score: points of a group, when (UTC seconds), why, and what they are worth at the moment asked."""

    group: str
    points: int
    reason: str
    at: int
    worth: float = 0.0


@dataclass(frozen=True)
class Explained:
    """A contact's scores, and the entries they are the sums of, oldest first."""

    fit: int
    engagement: int
    entries: tuple[Entry, ...]


def effects(points: int, group: str, reason: str) -> list[Sql]:
    """Points for the rows of `batch` that leave their node, once per visit. Raises BadInput: no such group, too many.

    The ledger row comes last: it is what keeps a repeated visit from counting twice.
    """
    if group not in GROUPS:
        raise BadInput(f"score group {group!r}: choose one of {', '.join(GROUPS)}")
    if not 0 < abs(points) <= MOST_POINTS:
        raise BadInput(f"{points} points: give or take 1 to {MOST_POINTS:,}")
    ledger = sql("""INSERT INTO score_entry (contact_id, grp, points, reason, at, node_id, token_id, visit, uncounted)
        SELECT b.contact_id, CAST(:group AS TEXT), CAST(:points AS BIGINT), CAST(:reason AS TEXT), :now, :node, b.id, b.seq, 1
        FROM batch b WHERE b.port IS NOT NULL ORDER BY b.id ON CONFLICT (node_id, token_id, visit) DO NOTHING""",
                 group=group, points=points, reason=reason)
    return [*contacts.score_effects(points, group), ledger]


def load_entries(store: Store, rows: Iterable[dict[str, Any]]) -> int:
    """Entries of the past, every column; the scores themselves are not moved. Needs a transaction."""
    return store.insert_many("score_entry", rows)


def entries(store: Store, contact_id: int, *, now: int | None = None) -> list[Entry]:
    """What the scores of a contact are the sums of, oldest first. now: what each is worth then, rounded to a tenth;
    without it, when it was given."""
    days = (setting(store, "scoring") or {}).get("half_life_days", {})
    rows = store.rows("SELECT s.grp, s.points, s.reason, s.at FROM score_entry s WHERE s.contact_id = :id ORDER BY s.at, s.id",
                      id=contact_id)
    half_lives = {group: count * DAY for group, count in days.items() if count}
    return [Entry(group, points, reason, at, round(value([(points, at)], half_lives.get(group), at if now is None else now), 1))
            for group, points, reason, at in rows]


def explain(store: Store, who: str, *, now: int | None = None) -> Explained:
    """The scores of a contact (email or external id) and their entries. Raises NotFound."""
    found = contacts.get(store, who)
    return Explained(found.fit_score, found.engagement_score, tuple(entries(store, found.id, now=now)))


def recent(store: Store, *, limit: int = 200) -> pd.DataFrame:
    """The newest entries of everybody: contact_id, who, group, points, reason, at (UTC seconds)."""
    return store.frame("""SELECT s.contact_id, COALESCE(c.email, c.external_id) AS who, s.grp AS "group",
            s.points, s.reason, s.at
        FROM score_entry s JOIN contact c ON c.id = s.contact_id ORDER BY s.id DESC LIMIT :limit""", limit=limit)
