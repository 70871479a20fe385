"""What `roi` says of a span, by groups of people. Each figure counts somebody in the group they were in at its own moment.

Costs are not split: nobody knows on whom a campaign's money was spent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ..audience.lifecycle import STAGES
from ..sql import Sql, sql
from ..store import Store
from . import attribution, roi
from .attribution import DEAL_LOOKBACK_S
from .groups import UNKNOWN, Grouping
from .models import HALF_LIFE_S, get_model

# The moment of each figure, in the words of a report.
MOMENTS = {
    "sent": "when the message was sent", "clicked": "when the clicked message was sent",
    "leads": "when they became a lead", "mqls": "when they became an MQL", "customers": "when they became a customer",
    "deals": "when the deal was won, shared equally by its people",
    "closed_won_minor": "when the deal was won, shared equally by its people",
    "credited_minor": "at each touch that is credited", "no_touch_minor": "when the deal was won, shared equally by its people",
}

MOMENTS_SENTENCE = ("Everybody counts in the group they were in at the moment of each figure: messages and clicks when the "
                    "message was sent, leads, MQLs and customers when they became one, deals when they were won (shared "
                    "equally by their people), credit at each touch.")


@dataclass
class Part:
    """One group. deals and customers may be fractions: people of several groups may share one. Money in minor units."""

    group: str
    sent: int = 0
    clicked: int = 0
    leads: int = 0
    mqls: int = 0
    customers: float = 0.0
    deals: float = 0.0
    closed_won_minor: int = 0
    credited_minor: int = 0
    no_touch_minor: int = 0


@dataclass(frozen=True)
class Breakdown:
    """by: as asked. parts: in the order of a report; each figure adds up to the one of `roi.report`. moments: when somebody
    counts, by figure."""

    by: str
    model: str
    currency: str | None
    parts: list[Part]
    moments: dict[str, str] = field(default_factory=lambda: dict(MOMENTS))
    notes: list[str] = field(default_factory=list)


def report(store: Store, grouping: Grouping, *, since: int, until: int, campaign: str | None = None, model: str = "linear",
           lookback_s: int = DEAL_LOOKBACK_S, half_life_s: float = HALF_LIFE_S) -> Breakdown:
    """The figures of [since, until) by groups, of everything or of one campaign (credit, leads and messages of it).

    Raises as `roi.report`.
    """
    get_model(model)
    view = roi.view(store, since=since, until=until, campaign=campaign, lookback_s=lookback_s, half_life_s=half_life_s,
                    grouping=grouping)
    parts: dict[str, Part] = defaultdict(lambda: Part(""))
    _messages(view, grouping, parts)
    _people(view, grouping, parts)
    _deals(view, grouping, parts)
    _credit(view, model, parts)
    for name, part in parts.items():
        part.group = name
    note = [grouping.note] if grouping.note and UNKNOWN in parts else []
    return Breakdown(grouping.key, model, view.ledger.currency, [parts[name] for name in grouping.ordered(parts)], notes=[
        *note, "Costs are not split: nobody knows on whom a campaign's money was spent."])


def funnel(store: Store, grouping: Grouping, *, now: int) -> list[tuple[str, str, int]]:
    """(group, stage, people) of who stands where now, in the group of now; stages in their order."""
    rows = store.rows(sql("""SELECT q.part, q.stage, COUNT(*) FROM (
            SELECT lower(c.stage) AS stage, {part} AS part FROM contact c WHERE c.anonymous = 0 AND c.stage IS NOT NULL) q
        GROUP BY q.part, q.stage""", part=grouping.of("c.id", str(now))))
    place = {name: at for at, name in enumerate(grouping.ordered(row[0] for row in rows))}
    known = [(part, stage, count) for part, stage, count in rows if stage in STAGES]
    return sorted(known, key=lambda row: (place[row[0]], STAGES.index(row[1])))


def _messages(view: roi.View, grouping: Grouping, parts: dict[str, Part]) -> None:
    """Marketing messages that were sent in the span, and those of them in which a person clicked."""
    for part, campaign, sent, clicked in view.store.rows(sql("""SELECT q.part, q.campaign, COUNT(*), SUM(q.clicked) FROM (
            SELECT {part} AS part, k.name AS campaign, CASE WHEN EXISTS (SELECT 1 FROM event e WHERE e.contact_id = m.contact_id
                AND e.message_id = m.id AND e.name IN ('email_clicked', 'sms_clicked')
                AND COALESCE(e.verdict, 'human') <> 'machine') THEN 1 ELSE 0 END AS clicked
            FROM message m JOIN contact c ON c.id = m.contact_id AND c.is_test = 0 LEFT JOIN campaign k ON k.id = m.campaign_id
            WHERE m.status = 'sent' AND m.class = 'marketing' AND m.sent_at >= :since AND m.sent_at < :until) q
        GROUP BY q.part, q.campaign""", part=grouping.of("m.contact_id", "m.sent_at"), since=view.since, until=view.until)):
        if view.is_ours(campaign):
            parts[part].sent += sent
            parts[part].clicked += int(clicked)


def _people(view: roi.View, grouping: Grouping, parts: dict[str, Part]) -> None:
    for name, entries in (("leads", view.entries(roi.LEAD)), ("mqls", view.entries(roi.QUALIFIED)),
                          ("customers", view.undealt_customers())):
        ours = None if view.campaign is None else set(roi.of_campaign(view, entries))
        for who, part in _grouped(view.store, entries, grouping):
            if ours is None or who in ours:
                setattr(parts[part], name, getattr(parts[part], name) + 1)
    first = roi.first_deals(view)
    for place, part, share in _people_of_deals(view, grouping):
        if view.ledger.conversions["id"].iloc[place] in first:
            parts[part].customers += share


def _grouped(store: Store, entries: Sql, grouping: Grouping) -> Iterable[tuple[int, str]]:
    found = sql("SELECT z.contact_id, {part} FROM ({entries}) z", entries=entries,
                part=grouping.of("z.contact_id", "z.until_at"))
    for chunk in store.stream(found):
        yield from ((row[0], row[1]) for row in chunk)


def _deals(view: roi.View, grouping: Grouping, parts: dict[str, Part]) -> None:
    """Won deals and their worth; the worth of those that no touch preceded once more."""
    rows = _people_of_deals(view, grouping)
    path = np.asarray([place for place, _, _ in rows], dtype=np.intp)
    worth = np.asarray(view.ledger.conversions["value_minor"], dtype=np.int64)
    minor = attribution.whole_parts(path, np.asarray([share for _, _, share in rows], dtype=float), worth)
    touched = set(view.ledger.touches["path"])
    for (place, part, share), value in zip(rows, minor, strict=True):
        parts[part].deals += share
        parts[part].closed_won_minor += int(value)
        parts[part].no_touch_minor += 0 if place in touched else int(value)


def _people_of_deals(view: roi.View, grouping: Grouping) -> list[tuple[int, str, float]]:
    """(place of the deal in the ledger, group, share) of each person of a won deal; a deal without people is nobody's."""
    place = {key: at for at, key in enumerate(view.ledger.conversions["id"])}
    rows = view.store.rows(sql("""SELECT d.id, {part} FROM deal d LEFT JOIN deal_contact x ON x.deal_id = d.id
        WHERE d.won = 1 AND d.closed_at >= :since AND d.closed_at < :until ORDER BY d.id, x.contact_id""",
                               part=grouping.of("x.contact_id", "d.closed_at"), since=view.since, until=view.until))
    count: dict[int, int] = defaultdict(int)
    for key, _ in rows:
        count[key] += 1
    return [(place[key], part, 1 / count[key]) for key, part in rows]


def _credit(view: roi.View, model: str, parts: dict[str, Part]) -> None:
    _, minor = attribution.credit_of_touches(view.ledger, model, view.half_life_s)
    touched = view.ledger.touches
    for part, campaign, value in zip(touched["part"], touched["campaign"], minor, strict=True):
        if view.is_ours(campaign):
            parts[part].credited_minor += int(value)
