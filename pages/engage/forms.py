"""Forms: not built yet, and what can be done until they are."""

from __future__ import annotations

import streamlit as st

from pages.widgets import state

with state.page_frame("Forms"), st.container(border=True):
    st.markdown("**Forms, landing pages, surveys and the preference page come in a later version.** Nothing here is for show: "
                "there is no form builder yet.")
    st.markdown("Until then your own form works: post to the collector with a write key and the submission becomes a "
                "`form_submitted` event that segments and journeys can use. Unsubscribe links in mails work already.")
    state.link_to("settings", "Get a write key")
