"""ROI: what a span cost and earned, how models share the credit, campaigns, the funnel, the ledger of costs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import streamlit as st

from engine.audience import lifecycle
from engine.clock import DAY, parse_moment
from engine.maths.money import from_minor
from engine.measure import attribution
from engine.measure import roi as measure
from engine.measure.models import MODELS
from engine.measure.roi import Roi
from engine.outreach import campaigns
from pages.widgets import by_group, charts, customer_value, ledger, state
from pages.widgets.tables import in_units, money

SECTIONS = {"summary": ":material/payments: Summary", "credit": ":material/balance: Credit by model",
            "campaigns": ":material/campaign: Campaigns", "funnel": ":material/filter_alt: Funnel",
            "groups": ":material/groups: Groups", "value": ":material/loyalty: Customer value",
            "costs": ":material/receipt_long: Costs"}
KEEP = ("from", "until", "campaign", "model", "by")
FIRST_STAGES = ("subscriber", "lead", "mql", "sal", "sql", "opportunity", "customer")


def span() -> tuple[int, int]:
    """The days of the address; without them the last 365 days. The last day is included."""
    today = datetime.fromtimestamp(state.now(), UTC).date()
    first = _day("from") or today - timedelta(days=365)
    last = _day("until") or today
    chosen = st.date_input("Span", (first, last), key="roi-span", width=280)
    if isinstance(chosen, tuple) and len(chosen) == 2 and chosen != (first, last):
        state.set_param("from", chosen[0])
        state.set_param("until", chosen[1])
        first, last = chosen
    return parse_moment(first.isoformat()), parse_moment(last.isoformat()) + DAY


def _day(word: str) -> date | None:
    said = state.param(word)
    return datetime.fromtimestamp(parse_moment(said), UTC).date() if said else None


def choices() -> tuple[str | None, str]:
    """Campaign and model of the address."""
    names = campaigns.names(state.store())
    campaign, model = state.param("campaign"), state.param("model") or "linear"
    first, second = st.columns(2)
    with first:
        chosen = st.selectbox("Campaign", names, index=names.index(campaign) if campaign in names else None,
                              placeholder="All marketing")
    with second:
        keys = list(MODELS)
        picked = st.selectbox("Model", keys, index=keys.index(model) if model in keys else 0,
                              format_func=lambda key: MODELS[key].label)
    state.set_param("campaign", chosen)
    state.set_param("model", None if picked == "linear" else picked)
    return chosen, picked


@st.cache_data(ttl=600, max_entries=32, show_spinner="Adding up")
def _report(url: str, since: int, until: int, campaign: str | None, model: str, people: bool) -> Roi:
    del url
    return measure.report(state.store(), since=since, until=until, campaign=campaign, model=model, people=people)


@st.cache_data(ttl=600, max_entries=8, show_spinner="Sharing the credit")
def _models(url: str, since: int, until: int, by: str) -> pd.DataFrame:
    del url
    return attribution.compare_models(state.store(), since=since, until=until, by=by)


def summary(since: int, until: int) -> None:
    """The headline numbers, and in words why one of them is not there."""
    campaign, model = choices()
    people = campaign is None or st.toggle("Count the leads, MQLs and customers of this campaign, too",
                                           help="Takes a while where there are many people: every touch of everybody is read.")
    found = _report(state.store().url, since, until, campaign, model, people)
    st.markdown(f"**{state.escaped(found.sentence)}**")
    _metrics(found, (("Cost", "cost_minor"), ("Credited", "credited_minor"), ("ROI", "roi_percent"),
                     ("Incremental", "incremental_minor")))
    _metrics(found, (("Sourced", "sourced_minor"), ("Influenced", "influenced_minor"),
                     *((("Cost per lead", "cpl_minor"), ("Cost per MQL", "cpmql_minor"), ("Cost per customer", "cac_minor"))
                       if people else ())))
    if people:
        st.caption(f"{found.new_leads:,} new leads, {found.new_mqls:,} MQLs, {found.new_customers:,} customers, "
                   f"{found.deals_won:,} deals won.")
    why_not = {key: why for key, why in found.reasons.items() if why != measure.NOT_COUNTED}
    for why in dict.fromkeys([*why_not.values(), *found.notes]):
        st.caption(f":material/info: {state.escaped(why[:1].upper() + why[1:])}")


def _metrics(found: Roi, shown: tuple[tuple[str, str], ...]) -> None:
    for place, (label, key) in zip(st.columns(len(shown)), shown, strict=True):
        unit = "%" if key == "roi_percent" else found.currency
        place.metric(label, amount(getattr(found, key), unit, found.reasons.get(key)), border=True,
                     help=found.reasons.get(key))


def amount(minor: float | None, currency: str | None, why: str | None = None) -> str:
    """Money for a metric, millions in short; without it the first word of the reason."""
    if minor is None:
        return (why or "unknown").partition(":")[0]
    whole = from_minor(round(minor), currency or "")
    if currency != "%" and abs(whole) >= 1_000_000:
        return f"{whole / 1_000_000:,.2f} M {currency}"
    return f"{minor:,.0f} %" if currency == "%" else money(minor, currency)


def credit(since: int, until: int) -> None:
    """Every model side by side."""
    by = st.segmented_control("By", ["campaign", "channel"], default="campaign", required=True, key="credit-by")
    found = _models(state.store().url, since, until, str(by))
    if found.empty:
        st.info("No deal was won in this span.", icon=":material/search_off:")
        return
    currency = found["currency"].iloc[0] or "units"
    shown = found.assign(value=in_units(found, "value_minor"))
    charts.bars(shown, "name", "value", color="model", titles=("", f"credited, {currency}"))
    table = shown.pivot_table(index="name", columns="model", values="value", aggfunc="sum", fill_value=0)
    st.dataframe(table.reset_index(), hide_index=True, placeholder="–", width="stretch", column_config={
        "name": str(by).capitalize(), **{model: st.column_config.NumberColumn(f"{model}, {currency}", format="localized")
                                         for model in table.columns}})
    st.caption("Each model shares out the same sum: what differs is the opinion, not the money. "
               "None of them says what would have come anyway.")


def by_campaign(since: int, until: int) -> None:
    """Cost against credit, one line per channel and campaign."""
    model = state.param("model") or "linear"
    found = attribution.credit_deals(state.store(), since=since, until=until, model=model)
    if found.empty:
        st.info("Nothing was credited or spent in this span.", icon=":material/search_off:")
        return
    currency = found["currency"].iloc[0] or "units"
    shown = found.assign(value=in_units(found, "value_minor"), cost=in_units(found, "cost_minor"))
    st.dataframe(shown, hide_index=True, placeholder="–", width="stretch",
                 column_order=["campaign", "channel", "conversions", "value", "cost", "roi"],
                 column_config={"campaign": "Campaign", "channel": "Channel",
                                "value": st.column_config.NumberColumn(f"Credited, {currency}", format="localized"),
                                "cost": st.column_config.NumberColumn(f"Cost, {currency}", format="localized"),
                                "conversions": st.column_config.NumberColumn("Deals", format="%.1f"),
                                "roi": st.column_config.NumberColumn("ROI", format="percent",
                                                                     help="Empty where nothing was spent")})


def in_groups(since: int, until: int) -> None:
    """The figures by persona, topic interest, source or segment."""
    by_group.roi(since, until, *choices())


def funnel() -> None:
    """How far everybody has come."""
    if by_group.funnel(FIRST_STAGES):
        return
    counts = lifecycle.counts(state.store())
    reached, rows = 0, []
    for stage in reversed(FIRST_STAGES):
        reached += counts.get(stage, 0)
        rows.append({"stage": stage, "people": reached})
    charts.steps(pd.DataFrame(rows[::-1]), "stage", "people")
    st.caption("People who stand at a stage or further on.")


with state.page_frame("ROI"):
    view = state.section(SECTIONS, keep=KEEP)
    since_at, until_at = span() if view not in ("funnel", "costs") else (0, 0)
    if view not in ("funnel", "costs"):
        {"summary": summary, "credit": credit, "campaigns": by_campaign, "groups": in_groups,
         "value": customer_value.show}[view](since_at, until_at)
    else:
        {"funnel": funnel, "costs": ledger.table}[view]()
