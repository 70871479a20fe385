"""What a customer is worth: orders, what they brought, the average order, and what a year brings if it goes on as it did.

No model: the future is the past rate of this one person, and it is not said where there is too little past. Of groups of people
it is what they brought so far; what is typical is not said of a handful.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..audience.rules.filters import HUMAN
from ..clock import DAY, in_words
from ..errors import BadInput, listing
from ..lazy import pd
from ..maths.stats import Interval, wilson
from ..sql import sql
from ..store import Store
from .groups import UNKNOWN, Grouping

YEAR_S = 365 * DAY
LEAST_ORDERS, LEAST_PAST_S = 2, 90 * DAY  # below, a rate is chance: one order yesterday would be 365 a year
LEAST_BUYERS = 10  # below, a single order decides what seems to be typical
EVERYBODY = "everybody"


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


# ------------------------------------------------------------ by groups


@dataclass(frozen=True)
class Part:
    """The buyers of a group in one currency; money in its minor units.

    mean_minor, median_minor: what a buyer brought so far; repeat_rate: the share that ordered twice or more, whatever the
    currency. None where `why_not` says why that can not be said. repeat_ci: 95 % interval of the rate (Wilson).
    """

    group: str
    currency: str
    buyers: int
    orders: int
    revenue_minor: int
    average_order_minor: int
    repeat_buyers: int
    mean_minor: int | None = None
    median_minor: int | None = None
    repeat_rate: float | None = None
    repeat_ci: Interval | None = None
    why_not: str | None = None


@dataclass(frozen=True)
class ByGroup:
    """by: as asked, None: nobody is kept apart. parts: by currency, the one with most buyers first, then in the order of a
    report. unpriced: buyers none of whose orders carries a value; they are in no part."""

    by: str | None
    parts: list[Part]
    unpriced: int
    notes: list[str]

    @property
    def currencies(self) -> list[str]:
        """Those there are, the one with most buyers first."""
        return list(dict.fromkeys(one.currency for one in self.parts))


def by_group(store: Store, grouping: Grouping | None, *, since: int, until: int, now: int) -> ByGroup:
    """What people whose first order lies in [since, until) brought up to now, in the group they were in at that order.

    Purchases of machines, test people and visitors do not count. One below 0 is a refund: it takes away and is no order.
    Raises BadInput: an empty span.
    """
    if until <= since:
        raise BadInput("the span is empty: its end must be later than its start")
    rows = store.frame(sql(f"""SELECT {{part}} AS part, b.contact_id, b.currency, b.orders, b.value, b.all_orders FROM (
        SELECT q.contact_id, q.currency, COUNT(q.at) AS orders, SUM(CAST(q.value_minor AS DOUBLE PRECISION)) AS value,
            SUM(COUNT(q.at)) OVER (PARTITION BY q.contact_id) AS all_orders,
            MIN(MIN(q.at)) OVER (PARTITION BY q.contact_id) AS first_at
        FROM (SELECT e.contact_id, CASE WHEN e.value_minor IS NOT NULL THEN e.currency END AS currency, e.value_minor,
                CASE WHEN COALESCE(e.value_minor, 0) >= 0 THEN e.occurred_at END AS at
            FROM event e JOIN contact c ON c.id = e.contact_id AND c.is_test = 0 AND c.anonymous = 0
            WHERE e.name = 'purchase' AND e.occurred_at <= :now AND {HUMAN.format(e="e")}) q
        GROUP BY q.contact_id, q.currency) b WHERE b.first_at >= :since AND b.first_at < :until""",
        part=grouping.of("b.contact_id", "b.first_at") if grouping else sql(f"'{EVERYBODY}'"), since=since, until=until),
                       now=now)
    priced = rows[rows["currency"].notna() & (rows["orders"] > 0)]
    unpriced = rows["contact_id"].nunique() - priced["contact_id"].nunique()
    sizes = priced["currency"].value_counts()
    names = grouping.ordered(priced["part"]) if grouping else [EVERYBODY]
    held = dict(list(priced.groupby(["currency", "part"])))
    parts = [_part(name, str(currency), held[currency, name]) for currency in sorted(sizes.index, key=lambda one: -sizes[one])
             for name in names if (currency, name) in held]
    return ByGroup(grouping.key if grouping else None, parts, unpriced, list(_notes(grouping, parts, unpriced)))


def _part(group: str, currency: str, rows: pd.DataFrame) -> Part:
    buyers, orders, revenue = len(rows), int(rows["orders"].sum()), float(rows["value"].sum())
    again = int((rows["all_orders"] > 1).sum())
    whole = Part(group, currency, buyers, orders, round(revenue), round(revenue / orders), again)
    if buyers < LEAST_BUYERS:
        return replace(whole, why_not=f"fewer than {LEAST_BUYERS} buyers")
    return replace(whole, mean_minor=round(revenue / buyers), median_minor=round(float(rows["value"].median())),
                   repeat_rate=again / buyers, repeat_ci=wilson(again, buyers))


def _notes(grouping: Grouping | None, parts: list[Part], unpriced: int) -> Iterable[str]:
    if grouping:
        yield f"Everybody counts with the {grouping.words} of the moment of their first order."
    yield "Who ordered first a short while ago has had less time to order again: a span that ended long ago is the fairer one."
    if any(one.why_not for one in parts):
        yield f"Of fewer than {LEAST_BUYERS} buyers no mean, median or share is said: a single order would decide it."
    if len(currencies := sorted({one.currency for one in parts})) > 1:
        yield f"{listing(currencies)} are counted apart, nothing is converted: who ordered in several stands in each."
    if unpriced:
        yield f"{unpriced:,} more have ordered, but none of their orders carries a value."
    if grouping and grouping.note and any(one.group == UNKNOWN for one in parts):
        yield grouping.note
