"""Customer value: what people brought since their first order, by groups of people."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine.maths.money import from_minor
from engine.measure import groups, worth

from . import by_group, charts, state

MOST_BARS = 12


@st.cache_data(ttl=600, max_entries=16, show_spinner="Adding up orders")
def _values(url: str, by: str | None, since: int, until: int) -> worth.ByGroup:
    del url
    return worth.by_group(state.store(), groups.read(state.store(), by) if by else None, since=since, until=until,
                          now=state.now())


def show(since: int, until: int) -> None:
    """What customers whose first order lies in the span brought so far, by groups."""
    grouping = by_group.choose()
    found = _values(state.store().url, grouping.key if grouping else None, since, until)
    if not found.parts:
        st.info("Nobody ordered for the first time in this span. Orders come in as `purchase` events with a value.",
                icon=":material/shopping_cart:")
    for currency in found.currencies:
        _value_table([one for one in found.parts if one.currency == currency],
                     grouping.words if grouping else "group", currency)
    by_group.notes(["Customers whose first order lies in the span, and all they ordered up to now.", *found.notes])


def _value_table(parts: list[worth.Part], words: str, currency: str) -> None:
    rows = [{"group": one.group, "buyers": one.buyers, "orders": one.orders, **{
        name: None if minor is None else float(from_minor(minor, currency)) for name, minor in (
            ("revenue", one.revenue_minor), ("order", one.average_order_minor), ("mean", one.mean_minor),
            ("median", one.median_minor))}, "again": one.repeat_rate, "from": one.repeat_ci[0] if one.repeat_ci else None,
        "to": one.repeat_ci[1] if one.repeat_ci else None} for one in parts]
    large = {one.group for one in sorted(parts, key=lambda one: -one.buyers)[:MOST_BARS]}
    said = [one for one in rows if one["mean"] is not None and one["group"] in large]
    if len(said) > 1:
        bars = pd.DataFrame([{"group": one["group"], "what": what, "value": one[name]} for one in said
                             for name, what in (("mean", "Mean per customer"), ("median", "Median per customer"))])
        charts.bars(bars, "group", "value", color="what", titles=("", f"per customer, {currency}"),
                    order=[one["group"] for one in said])
    amounts = {name: st.column_config.NumberColumn(f"{label}, {currency}", format="localized", help=said_of) for
               name, label, said_of in (
                   ("revenue", "Revenue", None), ("order", "Average order", None),
                   ("mean", "Mean", "Per customer. A few large ones pull it up."),
                   ("median", "Median", "Half of the customers brought more, half less."))}
    shares = {name: st.column_config.NumberColumn(label, format="percent", help=said_of) for name, label, said_of in (
        ("again", "Ordered again", "Customers with two orders or more."),
        ("from", "95 % from", "The share could as well be anything between these two."), ("to", "95 % to", None))}
    st.dataframe(rows, hide_index=True, placeholder="–", width="stretch", column_config={
        "group": words.capitalize(), "buyers": st.column_config.NumberColumn("Customers", format="localized"),
        "orders": st.column_config.NumberColumn("Orders", format="localized"), **amounts, **shares})
