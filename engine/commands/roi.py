"""`roi`: what a span cost and what it earned."""

from __future__ import annotations

import click

from ..clock import DAY, parse_duration, parse_moment
from ..errors import BadInput
from ..maths.money import from_minor
from ..measure import roi as measure
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
@takes_call
def roi(call: Call, since: str | None, until: str | None, campaign: str | None, model: str, lookback: str,
        half_life_days: float) -> None:
    """Cost, CPL, CPMQL, CAC, credited, sourced and influenced revenue, ROI."""
    from_at = FIRST_DAY if since is None else parse_moment(since)
    with call.store() as store:
        until_at = call.now + 1 if until is None else parse_moment(until)  # what happens this second counts
        if until_at <= from_at:
            raise BadInput(f"--until {until or 'now'} must be later than --since {since}")
        found = measure.report(store, since=from_at, until=until_at, campaign=campaign, model=model,
                               lookback_s=parse_duration(lookback), half_life_s=half_life_days * DAY)
    call.answer(found, *_lines(found))


def _lines(found: Roi) -> list[str]:
    figures = [f"{label}: {_shown(found, key)}" for label, key in FIGURES]
    return [found.sentence, *figures, f"ROI: {_percent(found)}", *found.notes]


def _shown(found: Roi, key: str) -> str:
    minor = getattr(found, key)
    if minor is None:
        return found.reasons[key]
    return f"{from_minor(round(minor), found.currency or ''):,} {found.currency or ''}".strip()


def _percent(found: Roi) -> str:
    return found.reasons["roi"] if found.roi_percent is None else f"{found.roi_percent:,.1f} %"


COMMANDS = (roi,)
