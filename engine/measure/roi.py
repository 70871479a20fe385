"""What a span cost and what it earned, in one document. Definitions: docs/attribution.md."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ..clock import iso
from ..errors import NotFound, listing
from ..lazy import pd
from ..maths.money import from_minor
from ..sql import Sql, fold, sql
from ..store import Store
from . import attribution, costs, touches
from .attribution import DEAL_LOOKBACK_S, NO_TOUCH, Ledger
from .groups import Grouping
from .models import HALF_LIFE_S, MODELS, get_model

LEAD, QUALIFIED, CUSTOMER = "lead", "mql", "customer"
NOTHING_SPENT = "undefined: the cost is 0"
NOT_COUNTED = "not counted: whom a campaign touched first is asked for only on request"
NO_HOLDOUT = "unknown: no holdout has been kept, so nobody knows what would have happened without marketing"


@dataclass(frozen=True)
class Roi:
    """Money in minor units of `currency`, `roi` a ratio (0.5 is 50 %). What is None has its reason in `reasons`.

    credited_minor + credited_elsewhere_minor + no_touch_minor = closed_won_minor. influenced_minor enters no ratio.
    """

    since: str | None
    until: str | None
    campaign: str | None
    model: str
    currency: str | None
    cost_minor: int
    cost_by_category: dict[str, int]
    platform_share_minor: int
    new_leads: int | None
    new_mqls: int | None
    new_customers: int | None
    deals_won: int
    cpl_minor: float | None
    cpmql_minor: float | None
    cac_minor: float | None
    closed_won_minor: int
    credited_minor: int
    credited_elsewhere_minor: int
    no_touch_minor: int
    sourced_minor: int
    influenced_minor: int
    incremental_minor: int | None
    roi: float | None
    roi_percent: float | None
    credited_by_model: dict[str, int]
    reasons: dict[str, str]
    notes: list[str]
    sentence: str


def ratio(part: float, whole: float) -> float | None:
    """A quotient, None when there is nothing to divide by."""
    return part / whole if whole else None


def return_on(revenue: float, cost: float, *, margin_rate: float = 1.0) -> float | None:
    """(revenue × margin - cost) / cost; None when nothing was spent: undefined, never infinite."""
    return ratio(revenue * margin_rate - cost, cost)


def report(store: Store, *, since: int, until: int, campaign: str | None = None, model: str = "linear",
           lookback_s: int = DEAL_LOOKBACK_S, half_life_s: float = HALF_LIFE_S, people: bool = True) -> Roi:
    """Cost and earnings of [since, until), of everything or of one campaign.

    people: count leads, MQLs and customers too. Of one campaign that reads every touch of everybody who is new: a minute
    for a million people (benchmarks/RESULTS.md), where the money alone takes a second.
    Raises BadInput: an empty span, an unknown model, amounts in two currencies. NotFound: no such campaign.
    """
    get_model(model)
    found = view(store, since=since, until=until, campaign=campaign, lookback_s=lookback_s, half_life_s=half_life_s)
    return _document(found, model, people)


def view(store: Store, *, since: int, until: int, campaign: str | None, lookback_s: int, half_life_s: float,
         grouping: Grouping | None = None) -> View:
    """What all figures are computed from. grouping: touches know the group of their contact. Raises as `report`."""
    ledger = attribution.load_deals(store, since=since, until=until, lookback_s=lookback_s, grouping=grouping)
    spent = costs.by_campaign(store, since=since, until=until)
    name = None if campaign is None else _named(store, ledger, campaign)
    return View(store, ledger, spent, name, since, until, lookback_s, half_life_s)


@dataclass(frozen=True)
class View:
    """Deals, touches and costs of a span. campaign None: everything."""

    store: Store
    ledger: Ledger
    spent: pd.DataFrame
    campaign: str | None
    since: int
    until: int
    lookback_s: int
    half_life_s: float

    def is_ours(self, name: object) -> bool:
        return self.campaign is None or (isinstance(name, str) and fold(name) == fold(self.campaign))

    def entries(self, stage: str) -> Sql:
        """Who entered the stage for the first time in the span, in the columns that touches want."""
        return _entries(stage, self.since, self.until)

    def undealt_customers(self) -> Sql:
        """Who became a customer in the span without any won deal."""
        return _entries(CUSTOMER, self.since, self.until, sql("NOT {won}", won=_WON))


def _document(view: View, model: str, people: bool) -> Roi:
    by_category, share, notes = _cost(view)
    cost = sum(by_category.values()) + share
    earned = {name: _credit(view, name) for name in sorted({model, *(m.name for m in MODELS.values() if m.standard)})}
    credited, elsewhere, bare = earned[model]
    leads, qualified, customers = _people(view) if people else (None,) * 3
    back = return_on(credited, cost)
    return Roi(
        since=iso(view.since), until=iso(view.until), campaign=view.campaign, model=model, currency=view.ledger.currency,
        cost_minor=cost, cost_by_category=by_category, platform_share_minor=share,
        new_leads=leads, new_mqls=qualified, new_customers=customers, deals_won=len(view.ledger.conversions),
        cpl_minor=ratio(cost, leads or 0), cpmql_minor=ratio(cost, qualified or 0), cac_minor=ratio(cost, customers or 0),
        closed_won_minor=credited + elsewhere + bare, credited_minor=credited, credited_elsewhere_minor=elsewhere,
        no_touch_minor=bare, sourced_minor=_sourced(view), influenced_minor=_influenced(view), incremental_minor=None,
        roi=back, roi_percent=None if back is None else back * 100,
        credited_by_model={name: parts[0] for name, parts in earned.items()},
        reasons=_reasons(back, leads, qualified, customers), notes=[*view.ledger.notes, *notes],
        sentence=_sentence(view, model, cost, credited, back),
    )


def _cost(view: View) -> tuple[dict[str, int], int, list[str]]:
    """Cost by category, the share of the platform cost (0 when everything is asked for: it is in there), and remarks."""
    spent = view.spent
    by_category: dict[str, int] = {}
    for campaign, category, part in zip(spent["campaign"], spent["category"], spent["cost_minor"], strict=True):
        if view.is_ours(campaign):
            by_category[category] = by_category.get(category, 0) + int(part)
    platform = int(spent[spent["campaign"].isna()]["cost_minor"].sum())
    if view.campaign is None or not platform:
        return by_category, 0, []
    shares = costs.platform_shares(view.store, platform, since=view.since, until=view.until)
    if not shares:
        return by_category, 0, ["platform costs reach no campaign: nothing was sent in this span"]
    mine = sum(part for name, part in shares.items() if view.is_ours(name))
    return by_category, mine, ["platform costs are shared by messages sent"]


def _credit(view: View, model: str) -> tuple[int, int, int]:
    """Credited to what was asked for, to other campaigns, and to nothing."""
    rows = attribution.credited(view.ledger, model, view.half_life_s)
    ours = elsewhere = bare = 0
    for channel, campaign, minor in zip(rows["channel"], rows["campaign"], rows["value_minor"], strict=True):
        if channel == NO_TOUCH:
            bare += int(minor)
        elif view.is_ours(campaign):
            ours += int(minor)
        else:
            elsewhere += int(minor)
    return ours, elsewhere, bare


def _sources(view: View) -> list[str | None]:
    """The one campaign that sourced each deal: the one named on it, else that of its first touch."""
    opening = view.ledger.touches.drop_duplicates("path").set_index("path")["campaign"].to_dict()
    return [_first_text(named, opening.get(place)) for place, named in
            enumerate(view.ledger.conversions["source_campaign"])]


def _sourced(view: View) -> int:
    worth = view.ledger.conversions["value_minor"]
    return sum(int(minor) for minor, name in zip(worth, _sources(view), strict=True) if name and view.is_ours(name))


def _influenced(view: View) -> int:
    """Deals with at least one touch of the campaign; when everything is asked for, of any campaign."""
    touched = view.ledger.touches
    met = {path for path, name in zip(touched["path"], touched["campaign"], strict=True)
           if isinstance(name, str) and view.is_ours(name)}
    return sum(int(minor) for place, minor in enumerate(view.ledger.conversions["value_minor"]) if place in met)


def _people(view: View) -> tuple[int, int, int]:
    """New leads, new MQLs and new customers: contacts whose first entry to the stage lies in the span and, where a campaign is
    asked for, whose first touch was the campaign's. Customers: first deals won in the span, and whoever became a customer
    in it without any won deal."""
    if view.campaign is not None:
        found = (view.entries(LEAD), view.entries(QUALIFIED), view.undealt_customers())
        leads, qualified, customers = (len(of_campaign(view, one)) for one in found)
    else:
        leads, qualified, customers = _entered(view.store, (LEAD, QUALIFIED, CUSTOMER), view.since, view.until)
        dealt = sql("SELECT COUNT(*) FROM ({dealt}) n", dealt=_entries(CUSTOMER, view.since, view.until, _WON))
        customers -= int(view.store.one(dealt))
    return leads, qualified, customers + len(first_deals(view))


def first_deals(view: View) -> Collection[int]:
    """Deals won in the span, and sourced by the campaign, before which their people had won none."""
    first = {row[0] for row in view.store.rows(
        """SELECT d.id FROM deal d WHERE d.won = 1 AND d.closed_at >= :since AND d.closed_at < :until AND NOT EXISTS (
            SELECT 1 FROM deal_contact x JOIN deal_contact y ON y.contact_id = x.contact_id JOIN deal p ON p.id = y.deal_id
            WHERE x.deal_id = d.id AND p.won = 1 AND (p.closed_at < d.closed_at OR p.closed_at = d.closed_at AND p.id < d.id))
        """, since=view.since, until=view.until)}
    return {key for key, name in zip(view.ledger.conversions["id"], _sources(view), strict=True)
            if key in first and view.is_ours(name)}


def of_campaign(view: View, entries: Sql) -> Collection[int]:
    """The contacts of the entries whom the campaign touched first."""
    first = touches.read(view.store, entries, lookback_s=view.lookback_s).drop_duplicates("conversion_id")
    return [key for key, name in zip(first["conversion_id"], first["campaign"], strict=True) if view.is_ours(name)]


_WON = sql("c.id IN (SELECT x.contact_id FROM deal_contact x JOIN deal d ON d.id = x.deal_id WHERE d.won = 1)")


def _entered(store: Store, stages: tuple[str, ...], since: int, until: int) -> tuple[int, ...]:
    """How many `_entries` there are of each stage. Most people's stage never changed: they are counted in an index, and only
    those with a change are looked at one by one, once for all stages."""
    standing = ", ".join(f"COUNT(*) FILTER (WHERE lower(c.stage) = '{stage}')" for stage in stages)  # grouping would sort them
    came = store.row(f"""SELECT {standing} FROM contact c WHERE c.created_at >= :since AND c.created_at < :until
        AND c.anonymous = 0 AND c.is_test = 0""", since=since, until=until)
    within = "{at} >= :since AND {at} < :until"
    born = within.format(at="c.created_at")
    firsts = ", ".join(f"MIN(CASE WHEN lower(x.new) = '{stage}' THEN x.at END) AS {stage}_at" for stage in stages)
    counts = ", ".join(f"""COUNT(*) FILTER (WHERE CASE WHEN lower(COALESCE(f.old, '')) = '{stage}' THEN {born}
        ELSE {within.format(at=f's.{stage}_at')} END) - COUNT(*) FILTER (WHERE lower(c.stage) = '{stage}' AND {born})"""
                       for stage in stages)
    moved = store.row(f"""SELECT {counts} FROM (SELECT x.contact_id, MIN(x.id) AS first, {firsts}
            FROM contact_change x VIA(contact_change_first) WHERE x.kind = 'stage' GROUP BY x.contact_id) s
        JOIN contact_change f ON f.id = s.first JOIN contact c ON c.id = s.contact_id
        WHERE c.anonymous = 0 AND c.is_test = 0""", since=since, until=until)
    return tuple(first + more for first, more in zip(came or (), moved or (), strict=True))


def _entries(stage: str, since: int, until: int, who: Sql | None = None) -> Sql:
    """Who entered the stage for the first time in the span, in the columns that touches want.

    A contact that came with the stage entered it when it was created: first values are no change. The change log has
    every later one, whoever made it: journeys, imports, people.
    """
    came = sql("lower(COALESCE(CASE WHEN f.id IS NULL THEN c.stage ELSE f.old END, '')) = :stage", stage=stage)
    first = sql("SELECT MIN(x.id) FROM contact_change x WHERE x.contact_id = c.id AND x.kind = 'stage'")
    later = sql("SELECT MIN(s.at) FROM contact_change s WHERE s.contact_id = c.id AND s.kind = 'stage' "
                "AND lower(s.new) = :stage", stage=stage)
    return sql(
        """SELECT n.contact_id AS conversion_id, n.contact_id, n.at AS until_at, CAST(NULL AS BIGINT) AS event_id FROM (
            SELECT c.id AS contact_id, CASE WHEN {came} THEN c.created_at ELSE ({later}) END AS at
            FROM contact c LEFT JOIN contact_change f ON f.id = ({first}) WHERE {who} AND c.anonymous = 0 AND c.is_test = 0
        ) n WHERE n.at >= :since AND n.at < :until""", came=came, later=later, first=first, who=who or sql("1 = 1"),
        since=since, until=until)


def _named(store: Store, ledger: Ledger, campaign: str) -> str:
    """The campaign's own name. Raises NotFound: no campaign, cost, deal or touch knows it."""
    known = store.rows(
        """SELECT k.name, k.utm_name FROM campaign k UNION SELECT x.campaign, NULL FROM cost x WHERE x.campaign IS NOT NULL
        UNION SELECT d.source_campaign, NULL FROM deal d WHERE d.source_campaign IS NOT NULL""")
    known += [(name, None) for name in ledger.touches["campaign"].dropna().unique()]
    for name, utm_name in sorted(known, key=lambda row: row[1] is None):
        if fold(campaign) in (fold(name), fold(utm_name or "")):
            return str(name)
    raise NotFound(f"no campaign {campaign!r}; there are {listing(sorted({name for name, _ in known}))}")


def _reasons(back: float | None, leads: int | None, qualified: int | None, customers: int | None) -> dict[str, str]:
    reasons = {"incremental_minor": NO_HOLDOUT}
    if back is None:
        reasons |= {"roi": NOTHING_SPENT, "roi_percent": NOTHING_SPENT}
    for key, count, who in (("cpl_minor", leads, "lead"), ("cpmql_minor", qualified, "MQL"),
                            ("cac_minor", customers, "customer")):
        if not count:
            reasons[key] = NOT_COUNTED if count is None else f"undefined: no new {who} in this span"
    return reasons


def _sentence(view: View, model: str, cost: int, credited: int, back: float | None) -> str:
    what = view.campaign or "Marketing"
    money = f"{what} cost {_money(cost, view)} and is credited with {_money(credited, view)} ({MODELS[model].label.lower()})"
    result = f"ROI {back * 100:,.0f} %" if back is not None else f"ROI is {NOTHING_SPENT}"
    return f"{money}: {result}. What of it would have come anyway is unknown: no holdout was kept."


def _money(minor: int, view: View) -> str:
    currency = view.ledger.currency
    return f"{from_minor(minor, currency or ''):,} {currency or ''}".strip()


def _first_text(*names: object) -> str | None:
    return next((name for name in names if isinstance(name, str) and name), None)
