"""Credit from the database: each conversion's value, split over the touches that preceded it, to the minor unit.

What no touch preceded stands in a row of its own, so credit and "no marketing touch" together are all that was earned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import access
from ..audience.rules import EventFilter
from ..clock import DAY
from ..errors import BadInput, listing
from ..lazy import pd
from ..sql import Sql, fold, sql
from ..store import Store
from . import costs, touches
from .groups import Grouping
from .models import DIRECT, HALF_LIFE_S, MODELS, Floats, Ints, Touches, floats, get_model, shares

Whole = npt.NDArray[np.int64]
NO_TOUCH = "no marketing touch"
LOOKBACK_S = 30 * DAY
DEAL_LOOKBACK_S = 90 * DAY
# object: None stays None, pandas would make it a number
COLUMNS: dict[str, Any] = {"channel": object, "campaign": object, "conversions": float, "value_minor": "int64",
                           "cost_minor": "int64", "roi": object}


@dataclass(frozen=True)
class Ledger:
    """Conversions and the touches before them.

    conversions: id, value_minor, currency, source_campaign, one row each, by id. touches: path (place of the conversion in
    that table), campaign, channel, at, and part where people are kept apart; oldest first within each path. currency: the
    one that all money is in, None when there is no money. notes: what was taken for granted.
    """

    conversions: pd.DataFrame
    touches: pd.DataFrame
    currency: str | None
    notes: list[str]


def credit(store: Store, goal: EventFilter, *, since: int, until: int, model: str = "linear", lookback_s: int = LOOKBACK_S,
           half_life_s: float = HALF_LIFE_S, received: bool = False) -> pd.DataFrame:
    """Split the value of each event that the goal matches over the touches that preceded it.

    Returns one row per (channel, campaign) and one for `NO_TOUCH`: conversions (float), value_minor (int), cost_minor
        (int), roi (ratio, None when the cost is 0), currency. The sum of value_minor is the value of all conversions.
    Raises  BadInput: unknown model, until <= since, amounts in two currencies. NotYet: a promised model.
    Units   since/until UTC seconds, half-open; money in minor units of one currency.
    Source  docs/attribution.md.
    """
    ledger = load(store, _events(goal, since, until), since=since, until=until, lookback_s=lookback_s, received=received)
    return table(store, ledger, since=since, until=until, model=model, half_life_s=half_life_s)


def credit_deals(store: Store, *, since: int, until: int, model: str = "linear", lookback_s: int = DEAL_LOOKBACK_S,
                 half_life_s: float = HALF_LIFE_S, received: bool = False) -> pd.DataFrame:
    """`credit` for the deals won in [since, until): over the touches of all contacts of a deal, none after its close."""
    ledger = load_deals(store, since=since, until=until, lookback_s=lookback_s, received=received)
    return table(store, ledger, since=since, until=until, model=model, half_life_s=half_life_s)


def load_deals(store: Store, *, since: int, until: int, lookback_s: int = DEAL_LOOKBACK_S,
               received: bool = False, grouping: Grouping | None = None) -> Ledger:
    """The deals won in [since, until) and the touches of their contacts. grouping: with the group of each at the touch."""
    return load(store, _deals(since, until), since=since, until=until, lookback_s=lookback_s, received=received,
                grouping=grouping)


def load(store: Store, found: Conversions, *, since: int, until: int, lookback_s: int, received: bool,
         grouping: Grouping | None = None) -> Ledger:
    """Conversions and their touches. Raises BadInput: an empty span, amounts in two currencies (costs included)."""
    if until <= since:
        raise BadInput("the span is empty: until must be later than since")
    if lookback_s <= 0:
        raise BadInput("the look-back must be above 0")
    conversions = store.frame(found.rows, now=until)
    spent = costs.by_campaign(store, since=since, until=until)
    currency, notes = one_currency(store, conversions.dropna(subset=["value_minor"]), spent)
    before = touches.read(store, found.people, lookback_s=lookback_s, received=received, grouping=grouping,
                          now=until)
    place = {key: number for number, key in enumerate(conversions["id"])}
    before.insert(0, "path", before["conversion_id"].map(place).astype("int64"))
    conversions["value_minor"] = conversions["value_minor"].fillna(0).astype("int64")
    ordered = before.sort_values("path", kind="stable")
    columns = ["path", "campaign", "channel", "at", *(["part"] if grouping else [])]
    return Ledger(conversions, ordered[columns].reset_index(drop=True), currency, notes)


def table(store: Store, ledger: Ledger, *, since: int, until: int, model: str,
          half_life_s: float = HALF_LIFE_S) -> pd.DataFrame:
    """Credit and cost side by side: channel, campaign, conversions, value_minor, cost_minor, roi, currency."""
    book = _book(ledger, model, half_life_s)
    spent = costs.by_campaign(store, since=since, until=until)
    for channel, campaign, cost_minor in zip(spent["channel"], spent["campaign"], spent["cost_minor"], strict=True):
        book.line(channel, campaign).cost_minor += int(cost_minor)
    return book.frame().assign(currency=ledger.currency)


def credited(ledger: Ledger, model: str, half_life_s: float = HALF_LIFE_S) -> pd.DataFrame:
    """The same without the costs: cost_minor is 0."""
    return _book(ledger, model, half_life_s).frame()


def compare_models(store: Store, *, since: int, until: int, lookback_s: int = DEAL_LOOKBACK_S, by: str = "campaign",
                   half_life_s: float = HALF_LIFE_S) -> pd.DataFrame:
    """The deals won in [since, until) by every standard model side by side: model, name, value_minor, currency.

    by: campaign or channel. What no touch preceded stands under `NO_TOUCH` in every model. Raises BadInput as `load`.
    """
    ledger = load_deals(store, since=since, until=until, lookback_s=lookback_s)
    rows = []
    for model in (one for one in MODELS.values() if one.standard):
        found = credited(ledger, model.name, half_life_s)
        names = found[by].where(found["channel"] != NO_TOUCH, NO_TOUCH).fillna(f"no {by}")
        for name, minor in found["value_minor"].groupby(names).sum().items():
            rows.append({"model": model.label, "name": str(name), "value_minor": int(minor), "currency": ledger.currency})
    return pd.DataFrame(rows, columns=["model", "name", "value_minor", "currency"])


@dataclass
class Line:
    """What one channel and campaign earned and cost."""

    channel: str | None
    campaign: str | None
    conversions: float = 0.0
    value_minor: int = 0
    cost_minor: int = 0

    @property
    def roi(self) -> float | None:
        return (self.value_minor - self.cost_minor) / self.cost_minor if self.cost_minor else None


class Book:
    """Lines by channel and campaign; names that differ in case only are one campaign."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str | None, str | None], Line] = {}

    def line(self, channel: object, campaign: object) -> Line:
        """The line of a channel and campaign, a new one the first time; a missing name is None."""
        at, by = (name if isinstance(name, str) else None for name in (channel, campaign))
        return self._lines.setdefault((at, fold(by) if by else None), Line(at, by))

    def frame(self) -> pd.DataFrame:
        """One row per line, what earned most first: channel, campaign, conversions, value_minor, cost_minor, roi."""
        lines = sorted(self._lines.values(), key=lambda line: (-line.value_minor, line.channel or "", line.campaign or ""))
        return pd.DataFrame({name: pd.Series([getattr(line, name) for line in lines], dtype=kind)
                             for name, kind in COLUMNS.items()})


def credit_of_touches(ledger: Ledger, model: str, half_life_s: float = HALF_LIFE_S) -> tuple[Floats, Whole]:
    """The share of its conversion that each touch gets, and what that is worth in minor units."""
    path = np.asarray(ledger.touches["path"], dtype=np.intp)
    part = shares(get_model(model), _measured(ledger.touches, path), half_life_s)
    return part, whole_parts(path, part, np.asarray(ledger.conversions["value_minor"], dtype=np.int64))


def _book(ledger: Ledger, model: str, half_life_s: float) -> Book:
    touched = ledger.touches
    path = np.asarray(touched["path"], dtype=np.intp)
    worth = np.asarray(ledger.conversions["value_minor"], dtype=np.int64)
    part, value = credit_of_touches(ledger, model, half_life_s)
    book = Book()
    groups = np.asarray(touched.groupby(["channel", "campaign"], dropna=False, sort=False).ngroup(), dtype=np.intp)
    names = touched.iloc[np.unique(groups, return_index=True)[1]]
    minor = np.zeros(len(names), dtype=np.int64)
    np.add.at(minor, groups, value)
    for place, share in enumerate(np.bincount(groups, part, minlength=len(names))):
        line = book.line(names["channel"].iloc[place], names["campaign"].iloc[place])
        line.conversions += float(share)
        line.value_minor += int(minor[place])
    bare = np.bincount(path, minlength=len(worth)) == 0
    if bare.any():
        rest = book.line(NO_TOUCH, None)
        rest.conversions, rest.value_minor = float(bare.sum()), int(worth[bare].sum())
    return book


def whole_parts(path: Ints, part: Floats, value_minor: Whole) -> Whole:
    """Each path's value in whole minor units by its shares; what rounding leaves goes to the largest remainders."""
    exact = part * value_minor[path]
    whole = np.floor(exact).astype(np.int64)
    left = value_minor - np.bincount(path, whole, minlength=len(value_minor)).astype(np.int64)
    order = np.lexsort((whole - exact, path))
    starts = np.flatnonzero(np.diff(path[order], prepend=-1))
    rank = np.arange(len(path)) - np.repeat(starts, np.diff(starts, append=len(path)))
    whole[order] += rank < left[path[order]]
    return np.asarray(whole, dtype=np.int64)


def one_currency(store: Store, *frames: pd.DataFrame) -> tuple[str | None, list[str]]:
    """The currency that all rows share, and remarks. Rows that name none are taken for it, and that is said.

    Raises BadInput: two currencies.
    """
    named = sorted({str(name) for frame in frames for name in frame["currency"].dropna()})
    if len(named) > 1:
        raise BadInput(f"amounts in {listing(named)} cannot be added: choose a span with one currency, or convert first")
    currency = named[0] if named else access.setting(store, "currency")
    silent = sum(int(frame["currency"].isna().sum()) for frame in frames)
    unnamed = f"{silent} amounts name no currency and are taken as {currency or 'the same one'}"
    return currency, [unnamed] if silent else []


@dataclass(frozen=True)
class Conversions:
    """Two statements. rows: id, value_minor, currency, source_campaign. people: what `touches.touches_before` wants."""

    rows: Sql
    people: Sql


def _events(goal: EventFilter, since: int, until: int) -> Conversions:
    which = sql("FROM {among} WHERE {match} AND g.occurred_at >= :since AND g.occurred_at < :until",
                among=goal.among("g"), match=goal.match("g", among=True), since=since, until=until)
    return Conversions(
        sql("SELECT g.id, g.value_minor, g.currency, NULL AS source_campaign {which} ORDER BY g.id", which=which),
        sql("SELECT g.id AS conversion_id, g.contact_id, g.occurred_at AS until_at, g.id AS event_id {which}", which=which))


def _deals(since: int, until: int) -> Conversions:
    which = sql("d.won = 1 AND d.closed_at >= :since AND d.closed_at < :until", since=since, until=until)
    return Conversions(
        sql("""SELECT d.id, d.amount_minor AS value_minor, d.currency,
            COALESCE(n.name, NULLIF(d.source_campaign, '')) AS source_campaign
            FROM deal d LEFT JOIN {names} n ON n.folded = fold(d.source_campaign) WHERE {which} ORDER BY d.id""",
            names=costs.CAMPAIGN_NAMES, which=which),
        sql("""SELECT d.id AS conversion_id, x.contact_id, d.closed_at AS until_at, CAST(NULL AS BIGINT) AS event_id
            FROM deal d JOIN deal_contact x ON x.deal_id = d.id WHERE {which}""", which=which))


def _measured(touched: pd.DataFrame, path: Ints) -> Touches:
    at = np.asarray(touched["at"], dtype=np.int64)
    last = np.zeros(int(path.max(initial=-1)) + 1, dtype=np.int64)
    np.maximum.at(last, path, at)
    direct = np.asarray(touched["channel"].isin(DIRECT), dtype=bool)
    return Touches(path, floats(last[path] - at), direct)
