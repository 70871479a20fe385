"""What lies on whose desk, the most promising first, and what a rep should know before a call."""

from __future__ import annotations

from dataclasses import dataclass
from math import log10

from ...activity import timeline
from ...activity.events import DECIDED, INTERNAL
from ...clock import DAY
from ...errors import NotFound
from ...lazy import pd
from ...maths.money import from_minor
from ...store import Store
from .. import scoring

MOST_SHOWN = 500
HALF_LIFE_S = 7 * DAY  # of what somebody did last, in the order of the queue
_DID = frozenset({"event"})
# What somebody did themselves: not what was sent to them, nor what sales did.
_SENT = frozenset({"email_sent", "email_failed", "email_opened", "sms_sent", "sms_failed", "message_skipped"})
_NOT_THEIRS = tuple(sorted(INTERNAL | DECIDED | _SENT | {"call_logged", "calling_today"}))
_LEADS = f"""SELECT t.id, t.contact_id, TRIM(COALESCE(c.first_name, '') || ' ' || COALESCE(c.last_name, '')) AS name,
        COALESCE(c.email, c.external_id) AS who, a.name AS company, c.stage, t.owner, t.why, t.route, t.status, t.created_at,
        t.due_at, t.snoozed_until, c.held_until, c.fit_score + c.engagement_score AS score, t.reason, t.answered_at,
        (SELECT MAX(e.occurred_at) FROM event e WHERE e.contact_id = c.id AND e.name NOT IN {_NOT_THEIRS}
            AND (e.verdict IS NULL OR e.verdict <> 'machine') AND e.occurred_at <= :now) AS last_at,
        (SELECT SUM(d.amount_minor) FROM deal d JOIN deal_contact m ON m.deal_id = d.id
            WHERE m.contact_id = c.id AND d.won IS NULL) AS value_minor,
        (SELECT MAX(d.currency) FROM deal d JOIN deal_contact m ON m.deal_id = d.id
            WHERE m.contact_id = c.id AND d.won IS NULL) AS currency
    FROM task t JOIN contact c ON c.id = t.contact_id LEFT JOIN account a ON a.id = c.account_id"""


@dataclass(frozen=True)
class Lead:
    """A task with what is known of the contact. last_at: when they did something last. value_minor: of their open deals.

    priority: score × recency × value; recency halves every week, value grows with the digits of the open deals.
    """

    id: int
    contact_id: int
    name: str
    who: str | None
    company: str | None
    stage: str | None
    owner: str | None
    why: str
    route: str
    status: str
    created_at: int
    due_at: int | None
    snoozed_until: int | None
    held_until: int | None
    score: int
    reason: str | None
    answered_at: int | None
    last_at: int | None
    value_minor: int | None
    currency: str | None
    priority: float = 0.0
    action: str = ""


@dataclass(frozen=True)
class Brief:
    """Before a call. entries: the newest points; touches: the last five things they did; held_until: marketing waits until
    then, or did (UTC seconds). What leaves next is told by `loop.coming`, which knows the journeys."""

    entries: tuple[scoring.Entry, ...]
    touches: tuple[timeline.Entry, ...]
    held_until: int | None


def queue(store: Store, owner: str | None, *, now: int) -> list[Lead]:
    """Open leads of a rep (None: of the fallback queue), the most promising first; snoozed ones stay away until then."""
    whose = "t.owner IS NULL" if owner is None else "t.owner = :owner"
    return _sorted(store, f"{whose} AND t.status = 'open' AND (t.snoozed_until IS NULL OR t.snoozed_until <= :now)", now,
                   owner=owner)


def leads(store: Store, owner: str, status: str, *, now: int) -> list[Lead]:
    """Leads of a rep that are open, accepted, rejected or done."""
    return _sorted(store, "t.owner = :owner AND t.status = :status", now, owner=owner, status=status)


def get_lead(store: Store, task: int, *, now: int) -> Lead:
    """One lead. Raises NotFound."""
    found = _sorted(store, "t.id = :task", now, task=task)
    if not found:
        raise NotFound(f"there is no lead {task}")
    return found[0]


def brief(store: Store, contact_id: int) -> Brief:
    """What to know before a call."""
    done = timeline.timeline(store, contact_id, limit=40, kinds=_DID)
    touches = [entry for entry in done if not entry.text.startswith(("was sent", "could not be sent", "was not sent", "lead_",
                                                                      "call", "score_"))][:5]
    held = store.one("SELECT c.held_until FROM contact c WHERE c.id = :id", id=contact_id)
    return Brief(tuple(reversed(scoring.entries(store, contact_id)))[:5], tuple(touches), held)


def _sorted(store: Store, where: str, now: int, **params: object) -> list[Lead]:
    rows = store.records(f"{_LEADS} WHERE {where} ORDER BY t.id LIMIT {MOST_SHOWN}", now=now, **params)
    found = [_lead(row, now) for row in rows]
    return sorted(found, key=lambda lead: (-lead.priority, lead.id))


def _lead(row: dict[str, object], now: int) -> Lead:
    lead = Lead(**row)  # type: ignore[arg-type]
    recency = 0.5 ** ((now - lead.last_at) / HALF_LIFE_S) if lead.last_at is not None else 0.01
    value = 1 + log10(1 + float(from_minor(lead.value_minor or 0, lead.currency or "")))
    priority = round(max(lead.score, 1) * recency * value, 2)
    return Lead(**row | {"priority": priority, "action": _action(lead, now)})  # type: ignore[arg-type]


def _action(lead: Lead, now: int) -> str:
    """What to do next, with the fact behind it."""
    if lead.held_until is not None and lead.held_until > now:
        return "Call today: marketing is kept away"
    if lead.due_at is not None and lead.owner and lead.due_at - now < DAY // 12:
        return "Answer now: the deadline is near"
    if lead.last_at is not None and now - lead.last_at < DAY:
        return "Call: active within a day"
    if lead.value_minor:
        return "Call: an open deal waits"
    if lead.last_at is None or now - lead.last_at > 14 * DAY:
        return "Write first: quiet for two weeks"
    return "Accept, then call"


def frame(found: list[Lead]) -> pd.DataFrame:
    """Leads as a table, one row each, the columns of `Lead`."""
    return pd.DataFrame([vars(lead) for lead in found], columns=list(Lead.__dataclass_fields__))
