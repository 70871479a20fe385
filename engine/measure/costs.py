"""The cost ledger: what was spent on which campaign and channel, over which days."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation

from .. import audit
from ..access import Actor, require
from ..clock import DAY, parse_moment
from ..errors import BadInput
from ..lazy import pd
from ..maths.money import parse_currency, to_minor
from ..sql import Sql, fold, sql
from ..store import CHUNK, Store

FIELDS = ("campaign", "channel", "category", "amount", "currency", "from", "to", "hours", "rate", "note")
LABOR = "labor"
OTHER = "other"
LONGEST_S = 20 * 366 * DAY


@dataclass(frozen=True)
class Cost:
    """An amount that accrues evenly over [from_at, until_at). Without a campaign it is a platform cost."""

    amount_minor: int
    currency: str
    from_at: int
    until_at: int
    category: str = OTHER
    campaign: str | None = None
    channel: str | None = None
    hours: float | None = None
    rate_minor: int | None = None
    note: str | None = None


@dataclass(frozen=True)
class Recorded:
    """What became of the costs handed in."""

    created: int
    unchanged: int


def parse(cells: Mapping[str, str]) -> Cost:
    """A cost from the text cells of a file (`FIELDS`). `to` is the last day, included; without it, one day.

    The amount is given, or it is hours times rate. Raises BadInput naming the column.
    """
    text = {name: str(cells.get(name) or "").strip() for name in FIELDS}
    if not text["currency"]:
        raise BadInput("currency is missing: write three letters, for example USD")
    currency = parse_currency(text["currency"])
    hours = _hours(text["hours"])
    rate_minor = to_minor(text["rate"], currency) if text["rate"] else None
    from_at, until_at = _days(text["from"], text["to"])
    return Cost(
        amount_minor=_amount(text["amount"], hours, rate_minor, currency),
        currency=currency,
        from_at=from_at,
        until_at=until_at,
        category=fold(text["category"]) or (LABOR if hours is not None else OTHER),
        campaign=text["campaign"] or None,
        channel=fold(text["channel"]) or None,
        hours=None if hours is None else float(hours),
        rate_minor=rate_minor,
        note=text["note"] or None,
    )


def labor_minor(hours: Decimal, rate_minor: int) -> int:
    """What hours of work cost, in whole minor units, half up."""
    return int((hours * rate_minor).to_integral_value("ROUND_HALF_UP"))


def record(store: Store, costs: Iterable[Cost], *, by: Actor, now: int) -> Recorded:
    """Write costs into the ledger, each once: handing in the same file again changes nothing.

    Two equal costs in one call are two costs. Raises Forbidden; BadInput: a cost that cannot be.
    """
    require(by, "market")
    listed = list(costs)
    for cost in listed:
        _check(cost)
    rows = _rows(listed, now)
    created = 0
    for at in range(0, len(rows), CHUNK):
        with store.transaction():
            made = store.insert_many("cost", rows[at:at + CHUNK], or_ignore=True)
            audit.record(store, by, "record", "costs", now=now, created=made)
        created += made
    return Recorded(created, len(rows) - created)


def accrued(alias: str, since: int, until: int) -> Sql:
    """Minor units of a ledger row that fall into [since, until), whole numbers that add up over adjacent spans."""
    return sql(f"({_until(alias, 'until')} - {_until(alias, 'since')})", since=since, until=until)


# The names a campaign goes by, folded: its own and its UTM name. Joined, not looked up row by row: `fold` is slow in SQLite.
CAMPAIGN_NAMES = sql(
    """(SELECT f.folded, MIN(f.name) AS name FROM (SELECT k.key AS folded, k.name FROM campaign k
        UNION ALL SELECT fold(k.utm_name), k.name FROM campaign k WHERE k.utm_name IS NOT NULL) f GROUP BY f.folded)""")


def by_campaign(store: Store, *, since: int, until: int) -> pd.DataFrame:
    """Cost accrued in [since, until): campaign, channel, category, currency, cost_minor; None where a row says nothing."""
    return store.frame(sql(
        """SELECT y.campaign, y.channel, y.category, y.currency, CAST(SUM(y.part) AS BIGINT) AS cost_minor FROM (
            SELECT COALESCE(n.name, x.campaign) AS campaign, x.channel, x.category, x.currency, {part} AS part
            FROM cost x LEFT JOIN {names} n ON n.folded = fold(x.campaign)
            WHERE x.from_at < :until AND x.until_at > :since
        ) y GROUP BY y.campaign, y.channel, y.category, y.currency
        ORDER BY y.campaign, y.channel, y.category, y.currency""",
        names=CAMPAIGN_NAMES, part=accrued("x", since, until), since=since, until=until))


def platform_shares(store: Store, platform_minor: int, *, since: int, until: int) -> dict[str | None, int]:
    """Platform cost by campaign (None: messages of no campaign), by the messages sent in [since, until).

    The shares are whole and add up; nothing is shared where nothing was sent.
    """
    found = store.rows(
        """SELECT k.name, COUNT(*) FROM message m LEFT JOIN campaign k ON k.id = m.campaign_id
        WHERE m.status = 'sent' AND m.sent_at >= :since AND m.sent_at < :until GROUP BY k.name ORDER BY k.name""",
        since=since, until=until)
    total = sum(n for _, n in found)
    shares, passed = {}, 0
    for name, n in found:
        shares[name] = platform_minor * (passed + n) // total - platform_minor * passed // total
        passed += n
    return shares


def list_costs(store: Store, *, limit: int = 1_000) -> pd.DataFrame:
    """The ledger, newest first; the columns of the table."""
    return store.frame("SELECT x.* FROM cost x ORDER BY x.from_at DESC, x.id DESC LIMIT :limit", limit=limit)


def spread(amount_minor: int, from_at: int, until_at: int, since: int, until: int) -> int:
    """The part of one cost that falls into [since, until): what `accrued` says in SQL."""

    def upto(moment: int) -> int:
        return amount_minor * (min(max(moment, from_at), until_at) - from_at) // (until_at - from_at)

    return upto(until) - upto(since)


def _until(alias: str, moment: str) -> str:
    """Accrued up to a moment, cut to whole minor units: differences of it telescope, so no unit is lost or doubled."""
    held = f"LEAST(GREATEST(:{moment}, {alias}.from_at), {alias}.until_at) - {alias}.from_at"
    span = f"({alias}.until_at - {alias}.from_at)"
    whole, rest = f"{alias}.amount_minor / {span}", f"{alias}.amount_minor % {span}"
    return f"({whole} * ({held}) + {rest} * ({held}) / {span})"  # in two parts: the product stays inside 63 bits


def _rows(costs: list[Cost], now: int) -> list[dict[str, object]]:
    seen: Counter[str] = Counter()
    rows = []
    for cost in costs:
        facts = json.dumps(asdict(cost), sort_keys=True)
        seen[facts] += 1
        key = hashlib.sha256(f"{facts}#{seen[facts]}".encode()).hexdigest()
        rows.append({**asdict(cost), "dedupe_key": key, "created_at": now})
    return rows


def _check(cost: Cost) -> None:
    if cost.amount_minor < 0:
        raise BadInput("amount is below 0: a cost is what was spent")
    if cost.until_at <= cost.from_at:
        raise BadInput("to lies before from")
    if cost.until_at - cost.from_at > LONGEST_S:
        raise BadInput("a cost may accrue over 20 years at most: split it")


def _amount(text: str, hours: Decimal | None, rate_minor: int | None, currency: str) -> int:
    if (hours is None) != (rate_minor is None):
        raise BadInput("hours and rate belong together: give both or neither")
    worked = labor_minor(hours, rate_minor) if hours is not None and rate_minor is not None else None
    if not text and worked is None:
        raise BadInput("amount is missing: give an amount, or hours and rate")
    amount = to_minor(text, currency) if text else worked or 0
    if worked is not None and amount != worked:
        raise BadInput(f"amount {text} is not hours times rate: leave one of them out")
    if amount < 0:
        raise BadInput(f"amount {text} is below 0: a cost is what was spent")
    return amount


def _hours(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        hours = Decimal(text)
    except InvalidOperation:
        raise BadInput(f"hours {text!r} is not a number") from None
    if not (hours.is_finite() and hours >= 0):
        raise BadInput(f"hours {text!r} must be 0 or more")
    return hours


def _days(first: str, last: str) -> tuple[int, int]:
    if not first:
        raise BadInput("from is missing: the day on which the cost begins, for example 2026-03-01")
    from_at = parse_moment(first)
    until_at = from_at + DAY if not last else parse_moment(last) + (DAY if len(last) == len("2026-03-01") else 0)
    if until_at <= from_at:
        raise BadInput(f"to {last} lies before from {first}")
    return from_at, until_at
