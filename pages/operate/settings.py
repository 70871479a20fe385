"""Settings: sending, limits, users, keys, fields, the workspace."""

from __future__ import annotations

from typing import get_args

import streamlit as st

from engine import access
from engine.access import Role
from engine.content import context
from engine.people import accounts, fields
from engine.people.contacts import listing
from engine.service import health, users
from pages.widgets import connections, limits, privacy, state
from pages.widgets.person import when

SECTIONS = {"sending": "Sending", "limits": "Limits", "users": "Users and roles", "keys": "Write keys",
            "connections": "Connections", "fields": "Fields", "topics": "Topics and lists",
            "privacy": "Privacy", "workspace": "Workspace"}
ROLE_WORDS = {"viewer": "looks", "analyst": "looks, segments, tests", "marketer": "everything but users and settings",
              "sales": "leads and contacts", "admin": "everything"}
ENTITIES = {"Contacts": fields.CONTACT, "Companies": accounts.COMPANY}


def _sending(may: bool) -> None:
    config, captured = state.config(), access.setting(state.store(), "capture_only", False)
    if config.smtp_url and not captured:
        st.success("Messages leave through the mail server in `SMTP_URL`.", icon=":material/send:")
    else:
        st.info("Messages are captured here and nothing leaves: look at them under Activity, Messages. "
                + ("The switch below is on." if captured else "To send, set `SMTP_URL` and `MAIL_FROM` and restart."),
                icon=":material/inbox:")
    sender = context.sender(state.store(), config)
    with st.form("sender"):
        st.markdown("**Who writes.** Templates say it as `sender.name`, `sender.company` and so on.")
        typed = {name: st.text_input(name.replace("_", " ").capitalize(), sender.get(name) or "") for name in context.SENDER}
        only = st.toggle("Capture every message, whatever is configured", bool(captured))
        if st.form_submit_button("Save", type="primary", disabled=not may):
            users.save_sender(state.store(), typed, by=state.actor(), now=state.now())
            if only != bool(captured):
                users.save_capture_only(state.store(), only, by=state.actor(), now=state.now())
            st.rerun()


def _users(may: bool) -> None:
    found = users.list_users(state.store())
    if not found:
        st.info("Nobody can log in yet; on this machine you are the local administrator.", icon=":material/group_add:")
    for one in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.text(f"{one.name or one.email}" + (f" ({one.email})" if one.name else ""), width="stretch")
            st.badge(one.role, color="violet", help=ROLE_WORDS.get(one.role))
            if may and st.button("Remove", key=f"remove-{one.email}", icon=":material/person_remove:", type="tertiary"):
                users.remove_user(state.store(), one.email, by=state.actor(), now=state.now())
                st.rerun()
    with st.form("user", clear_on_submit=True):
        left, middle, right = st.columns(3)
        email, name = left.text_input("E-mail"), middle.text_input("Name")
        role = right.selectbox("Role", get_args(Role), format_func=lambda one: f"{one}: {ROLE_WORDS[one]}")
        if st.form_submit_button("Add or change", type="primary", disabled=not may):
            users.save_user(state.store(), email, role, name=name.strip() or None, by=state.actor(), now=state.now())
            st.rerun()


def _keys(may: bool) -> None:
    st.markdown("With a write key a website or app sends events, in Segment's format, to "
                f"`{state.config().public_url}/v1/track`.")
    if fresh := st.session_state.pop("fresh-key", None):
        st.success("Copy it now: it is shown this once, only its hash is kept.", icon=":material/key:")
        st.code(fresh, language=None)
    for place, key in enumerate(access.list_write_keys(state.store())):
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.text(key.name, width="stretch")
            st.caption(f"since {when(key.created_at)}" + (f", revoked {when(key.revoked_at)}" if key.revoked_at else ""))
            if may and not key.revoked_at and st.button("Revoke", key=f"revoke-{place}", icon=":material/block:",
                                                        type="tertiary"):
                users.revoke_key(state.store(), key.name, by=state.actor(), now=state.now())
                st.rerun()
    with st.form("key", clear_on_submit=True):
        name = st.text_input("What is it for?", placeholder="website")
        if st.form_submit_button("Make a key", type="primary", disabled=not may):
            st.session_state["fresh-key"] = users.create_key(state.store(), name, by=state.actor(), now=state.now())
            st.rerun()


def _fields(may: bool) -> None:
    whose = st.segmented_control("Of", list(ENTITIES), default="Contacts", required=True, key="fields-of",
                                 label_visibility="collapsed")
    entity = ENTITIES[str(whose)]
    rows = [{"name": one.name, "kind": one.kind, "options": ", ".join(one.options),
             "made": "by you" if one.made else "built in"} for one in fields.catalogue(state.store(), entity).values()]
    st.dataframe(rows, hide_index=True, placeholder="–", column_config={
        "name": "Field", "kind": "Kind", "options": st.column_config.TextColumn("Options", width="large"), "made": "Made"})
    with st.form("field", clear_on_submit=True):
        left, middle, right = st.columns(3)
        name, kind = left.text_input("Name"), middle.selectbox("Kind", list(fields.KINDS))
        options = right.text_input("Options of an enum", placeholder="small; medium; large")
        if st.form_submit_button("Make a field", type="primary", disabled=not may):
            fields.define(state.store(), name, str(kind), by=state.actor(), now=state.now(),
                          options=_words(options, ";"), entity=entity)
            st.rerun()


def _words(text: str | None, sign: str) -> list[str]:
    return [word.strip() for word in (text or "").split(sign) if word.strip()]


def _topics(may: bool) -> None:
    del may
    st.markdown("A topic is a word that a journey's message names; people can refuse a topic and keep the rest. "
                "Topics with texts of their own come with a later release.")
    for one in listing.list_labels(state.store(), "list"):
        state.link_to("contacts", f"{one.name}: {one.contacts:,}", icon=":material/format_list_bulleted:", list=one.name)
    state.link_to("segments", "Lists", view="lists")


def _privacy(may: bool) -> None:
    privacy.requests(may)
    privacy.hand_out(may)
    privacy.keeping(may)
    privacy.proof()


def _workspace(may: bool) -> None:
    del may
    store, config = state.store(), state.config()
    facts = {"Database": store.backend, "Schema": health.schema_version(store), "Collector": config.public_url,
             "Time zone of people without one": config.default_zone, "Currency": access.setting(store, "currency", "USD")}
    with st.container(border=True):
        for label, value in facts.items():
            with st.container(horizontal=True):
                st.caption(label, width=260)
                st.text(str(value))
    st.caption("Secrets come from the environment or a file that only its owner can read; none is kept in a table.")


with state.page_frame("Settings"):
    sections = {"sending": _sending, "limits": limits.form, "users": _users, "keys": _keys,
                "connections": connections.section, "fields": _fields, "topics": _topics,
                "privacy": _privacy, "workspace": _workspace}
    chosen = state.section(SECTIONS)
    sections[chosen](state.may("market" if chosen == "limits" else "administer"))
