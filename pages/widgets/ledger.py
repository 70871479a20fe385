"""The ledger of costs: what was spent, and a line added by hand."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine.measure import costs
from engine.outreach import campaigns

from . import state
from .tables import in_units


def table() -> None:
    """What was spent, line by line."""
    if state.may("market"):
        st.button("Add a cost", icon=":material/add:", type="primary", on_click=add_cost)
    found = costs.list_costs(state.store())
    if found.empty:
        st.info("No costs yet. Add one here, or import a file with campaign, amount, currency, from and to.",
                icon=":material/receipt_long:")
        return
    shown = found.assign(amount=in_units(found, "amount_minor"), first=pd.to_datetime(found["from_at"], unit="s").dt.date,
                         last=pd.to_datetime(found["until_at"] - 1, unit="s").dt.date)
    st.dataframe(shown, hide_index=True, placeholder="–", width="stretch",
                 column_order=["campaign", "channel", "category", "amount", "currency", "first", "last", "note"],
                 column_config={"campaign": "Campaign", "channel": "Channel", "category": "Category", "currency": "Currency",
                                "amount": st.column_config.NumberColumn("Amount", format="localized"),
                                "first": "First day", "last": "Last day", "note": "Note"})


@st.dialog("Add a cost")
def add_cost() -> None:
    """One line of the ledger."""
    names = campaigns.names(state.store())
    cells = {"campaign": st.selectbox("Campaign", names, index=None, placeholder="None: a platform cost",
                                      accept_new_options=True),
             "category": st.text_input("Category", "media"), "amount": st.text_input("Amount", placeholder="1200.00"),
             "currency": st.text_input("Currency", "USD", max_chars=3), "from": str(st.date_input("From")),
             "to": str(st.date_input("To")), "note": st.text_input("Note")}
    if st.button("Add", type="primary"):
        with state.boundary():
            one = costs.parse({key: value or "" for key, value in cells.items()})
            costs.record(state.store(), [one], by=state.actor(), now=state.now())
            st.rerun()
