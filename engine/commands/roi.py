"""`roi`: what a span cost and what it earned; `worth`: what its new customers brought so far."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from ..clock import DAY, parse_duration, parse_moment
from ..errors import BadInput
from ..maths.money import from_minor
from ..measure import breakdown, groups, worth
from ..measure import roi as measure
from ..measure.breakdown import Breakdown
from ..measure.models import MODELS
from ..measure.roi import Roi
from .common import Call, Command, takes_call

FIRST_DAY = 0  # 1970: before any cost or deal
FIGURES = (
    ("Cost", "cost_minor"), ("Cost per lead", "cpl_minor"), ("Cost per MQL", "cpmql_minor"),
    ("Cost per customer", "cac_minor"), ("Closed-won", "closed_won_minor"), ("Credited", "credited_minor"),
    ("Credited elsewhere", "credited_elsewhere_minor"), ("No marketing touch", "no_touch_minor"),
    ("Sourced", "sourced_minor"), ("Influenced", "influenced_minor"), ("Incremental", "incremental_minor"),
)


@click.command("roi", cls=Command)
@click.option("--since", metavar="ISO|EPOCH", help="the first moment (default: everything so far)")
@click.option("--until", metavar="ISO|EPOCH", help="the first moment that no longer counts (default: after now)")
@click.option("--campaign", metavar="NAME", help="one campaign only")
@click.option("--model", default="linear", show_default=True, help=f"one of {', '.join(MODELS)}")
@click.option("--lookback", default="90d", show_default=True, metavar="DURATION", help="how old a touch may be at the close")
@click.option("--half-life-days", type=float, default=7.0, show_default=True, help="for time_decay")
@click.option("--by", metavar="GROUPS", help=f"also by groups of people: {groups.FORMS}, as they were at each figure's moment")
@takes_call
def roi(call: Call, since: str | None, until: str | None, campaign: str | None, model: str, lookback: str,
        half_life_days: float, by: str | None) -> None:
    """Cost, CPL, CPMQL, CAC, credited, sourced and influenced revenue, ROI."""
    from_at, until_at = _span(call, since, until)
    with call.store() as store:
        asked: dict[str, Any] = {"since": from_at, "until": until_at, "campaign": campaign, "model": model,
                                 "lookback_s": parse_duration(lookback), "half_life_s": half_life_days * DAY}
        found = measure.report(store, **asked)
        parts = None if by is None else breakdown.report(store, groups.read(store, by), **asked)
    if parts is None:
        call.answer(found, *_lines(found))
    else:
        call.answer(asdict(found) | {"groups": asdict(parts)}, *_lines(found), *_part_lines(parts))


@click.command("worth", cls=Command)
@click.option("--since", metavar="ISO|EPOCH", help="the first moment of a first order (default: everything so far)")
@click.option("--until", metavar="ISO|EPOCH", help="the first moment that no longer counts (default: after now)")
@click.option("--by", metavar="GROUPS", help=f"by groups of people: {groups.FORMS}, as they were at their first order")
@takes_call
def customer_worth(call: Call, since: str | None, until: str | None, by: str | None) -> None:
    """Customer value: buyers, orders, mean and median value, and who ordered again, of those who first ordered in a span."""
    from_at, until_at = _span(call, since, until)
    with call.store() as store:
        found = worth.by_group(store, None if by is None else groups.read(store, by), since=from_at, until=until_at,
                               now=call.now)
    lines = [_worth_line(one) for one in found.parts] or ["Nobody ordered for the first time in this span."]
    call.answer(found, *lines, *found.notes)


def _worth_line(one: worth.Part) -> str:
    line = (f"{one.group}: {one.buyers:,} buyers, {one.orders:,} orders, {_amount(one.revenue_minor, one.currency)}, "
            f"{_amount(one.average_order_minor, one.currency)} an order")
    if one.repeat_ci is None:
        return f"{line}; what a buyer brings is not said: {one.why_not}"
    low, high = one.repeat_ci
    return (f"{line}; a buyer brings {_amount(one.mean_minor, one.currency)} on average, "
            f"{_amount(one.median_minor, one.currency)} in the middle; {one.repeat_rate:.1%} ordered again "
            f"(95 %: {low:.1%} to {high:.1%})")


def _span(call: Call, since: str | None, until: str | None) -> tuple[int, int]:
    from_at = FIRST_DAY if since is None else parse_moment(since)
    until_at = call.now + 1 if until is None else parse_moment(until)  # what happens this second counts
    if until_at <= from_at:
        raise BadInput(f"--until {until or 'now'} must be later than --since {since}")
    return from_at, until_at


def _part_lines(parts: Breakdown) -> list[str]:
    """One line per group, and when somebody counts."""
    lines = [f"  {one.group}: {one.sent:,} messages, {one.clicked:,} clicked, {one.leads:,} leads, {one.mqls:,} MQLs, "
             f"{one.customers:,.1f} customers, {one.deals:,.1f} deals, won {_money(one.closed_won_minor, parts)}, credited "
             f"{_money(one.credited_minor, parts)}, no touch {_money(one.no_touch_minor, parts)}" for one in parts.parts]
    return [f"By {parts.by}:", *lines, breakdown.MOMENTS_SENTENCE, *parts.notes]


def _money(minor: int, parts: Breakdown) -> str:
    return _amount(minor, parts.currency)


def _amount(minor: float | None, currency: str | None) -> str:
    return f"{from_minor(round(minor or 0), currency or ''):,} {currency or ''}".strip()


def _lines(found: Roi) -> list[str]:
    figures = [f"{label}: {_shown(found, key)}" for label, key in FIGURES]
    return [found.sentence, *figures, f"ROI: {_percent(found)}", *found.notes]


def _shown(found: Roi, key: str) -> str:
    minor = getattr(found, key)
    if minor is None:
        return found.reasons[key]
    return _amount(minor, found.currency)


def _percent(found: Roi) -> str:
    return found.reasons["roi"] if found.roi_percent is None else f"{found.roi_percent:,.1f} %"


COMMANDS = (roi, customer_worth)
