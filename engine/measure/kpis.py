"""The headline numbers of a period against the one before it, with a day-by-day line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .. import access
from ..clock import DAY
from ..store import Store

Unit = Literal["count", "rate", "money"]


@dataclass(frozen=True)
class Kpi:
    """One number. before: the same of the period before; None when it can not be said. money: minor units of `currency`."""

    key: str
    label: str
    unit: Unit
    value: float | None
    before: float | None
    series: tuple[float, ...]
    currency: str | None = None


def headline(store: Store, *, now: int, days: int = 30) -> list[Kpi]:
    """New contacts, mails sent, the share of them that was clicked, and revenue, over `days` days up to now.

    Test people are left out. A click counts for its message once, when a person made it; revenue is what purchases of the
    workspace's currency brought.
    """
    currency = str(access.setting(store, "currency", "USD"))
    until, since = now // DAY * DAY + DAY, now // DAY * DAY + DAY - 2 * days * DAY
    span = {"since": since, "until": until}
    contacts = _daily(store, "SELECT c.created_at / 86400, COUNT(*) FROM contact c WHERE c.created_at >= :since "
                             "AND c.created_at < :until AND c.anonymous = 0 AND c.is_test = 0 GROUP BY 1", days, **span)
    sent = _daily(store, _EVENTS.format(what="COUNT(*)", more=""), days, name="email_sent", **span)
    clicked = _daily(store, _EVENTS.format(what="COUNT(DISTINCT e.message_id)", more="AND e.message_id IS NOT NULL "
                                           "AND e.verdict IS DISTINCT FROM 'machine'"), days, name="email_clicked", **span)
    revenue = _daily(store, _EVENTS.format(what="COALESCE(SUM(e.value_minor), 0)", more="AND e.currency = :currency"), days,
                     name="purchase", currency=currency, **span)
    rates = [a / b if b else 0.0 for a, b in zip(clicked, sent, strict=True)]
    return [_sum("contacts", "New contacts", "count", contacts), _sum("sent", "Mails sent", "count", sent),
            Kpi("clicks", "Clicked of sent", "rate", _share(clicked[days:], sent[days:]), _share(clicked[:days], sent[:days]),
                tuple(rates[days:])),
            _sum("revenue", "Revenue", "money", revenue, currency)]


_EVENTS = """SELECT e.occurred_at / 86400, {what} FROM event e WHERE e.name = :name AND e.occurred_at >= :since
    AND e.occurred_at < :until {more} AND e.contact_id NOT IN (SELECT c.id FROM contact c WHERE c.is_test = 1) GROUP BY 1"""


def _daily(store: Store, statement: str, days: int, **params: object) -> list[float]:
    """Two periods of daily numbers, days without any filled with zero."""
    found = {int(day): float(number) for day, number in store.rows(statement, **params)}
    first = int(str(params["since"])) // DAY
    return [found.get(first + at, 0.0) for at in range(2 * days)]


def _sum(key: str, label: str, unit: Unit, daily: list[float], currency: str | None = None) -> Kpi:
    half = len(daily) // 2
    return Kpi(key, label, unit, sum(daily[half:]), sum(daily[:half]), tuple(daily[half:]), currency)


def _share(part: list[float], whole: list[float]) -> float | None:
    return sum(part) / sum(whole) if sum(whole) else None
