"""What a customer is worth: orders, what they brought, the average order, and what a year brings if it goes on as it did.

No model: the future is the past rate of this one person, and it is not said where there is too little past.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..audience.rules.filters import HUMAN
from ..clock import DAY, in_words
from ..sql import sql
from ..store import Store

YEAR_S = 365 * DAY
LEAST_ORDERS, LEAST_PAST_S = 2, 90 * DAY  # below, a rate is chance: one order yesterday would be 365 a year


@dataclass(frozen=True)
class Worth:
    """The orders of a contact in one currency; moments in UTC seconds, money in its minor units.

    revenue_minor: historic value, all orders so far. next_year_minor: average order times orders per 365 days since the first
    one, so what 12 months bring if it goes on as it did; None where `why_not` says why that can not be said.
    """

    currency: str
    orders: int
    revenue_minor: int
    average_minor: int
    first_at: int
    last_at: int
    next_year_minor: int | None
    why_not: str | None


@dataclass(frozen=True)
class Value:
    """orders: purchases, with `unpriced` of them that carry no value and are in no sum. last_at: the newest, None: none."""

    orders: int
    unpriced: int
    last_at: int | None
    worth: tuple[Worth, ...]


def of_contact(store: Store, contact_id: int, *, now: int) -> Value:
    """What somebody has bought so far, by currency, the one with most orders first. A machine's purchases do not count."""
    rows = store.rows(sql(f"""SELECT q.currency, COUNT(*), SUM(CAST(q.value_minor AS DOUBLE PRECISION)), MIN(q.at), MAX(q.at)
        FROM (SELECT CASE WHEN e.value_minor IS NOT NULL THEN e.currency END AS currency, e.value_minor, e.occurred_at AS at
            FROM event e WHERE e.contact_id = :id AND e.name = 'purchase' AND e.occurred_at <= :now
            AND {HUMAN.format(e="e")}) q GROUP BY q.currency ORDER BY COUNT(*) DESC, q.currency""", id=contact_id), now=now)
    unpriced = sum(row[1] for row in rows if row[0] is None)
    return Value(sum(row[1] for row in rows), unpriced, max((row[4] for row in rows), default=None),
                 tuple(_worth(*row, now=now) for row in rows if row[0] is not None))


def _worth(currency: str, orders: int, revenue: float, first: int, last: int, *, now: int) -> Worth:
    past_s, why_not = now - first, None
    if orders < LEAST_ORDERS:
        why_not = f"fewer than {LEAST_ORDERS} orders"
    elif past_s < LEAST_PAST_S:
        why_not = f"the first order is less than {in_words(LEAST_PAST_S)} ago"
    next_year = None if why_not else round(revenue * YEAR_S / past_s)  # average times orders is the revenue
    return Worth(currency, orders, round(revenue), round(revenue / orders), first, last, next_year, why_not)
