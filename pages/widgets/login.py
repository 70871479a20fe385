"""Who sits in front of the page: a login by OpenID Connect, or the local administrator where that was switched on."""

from __future__ import annotations

import os
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from engine import access
from engine.access import Actor
from engine.store import Store

LOCAL = "THROUGHLINE_LOCAL_ADMIN"
LOCAL_ADMIN = Actor("local admin", "admin")


def is_local_admin() -> bool:
    """Only by an explicit setting, and only where the server listens to this machine alone."""
    return os.environ.get(LOCAL) == "1" and st.get_option("server.address") == "127.0.0.1"


def is_configured() -> bool:
    """Whether secrets hold an identity provider."""
    try:
        return "auth" in st.secrets
    except StreamlitSecretNotFoundError:
        return False


def logged_in(store: Store) -> Actor | None:
    """The actor behind this session; None for somebody who has not logged in, or who has no role here."""
    if is_local_admin():
        return LOCAL_ADMIN
    email = login_email()
    return access.find_user(store, email) if email else None


def login_email() -> str | None:
    """The address the identity provider vouches for."""
    user: Any = st.user
    if not is_configured() or not user.is_logged_in or user.get("email_verified") is False:
        return None
    email = user.get("email")
    return email if isinstance(email, str) and email else None


def door() -> None:
    """The page of somebody who may not come in yet: log in, ask for a role, or set a login up."""
    st.title("Throughline", anchor=False)
    if not is_configured():
        _how_to_configure()
    elif not st.user.is_logged_in:
        st.markdown("Log in to see this workspace.")
        st.button("Log in", icon=":material/login:", type="primary", on_click=st.login)
    else:
        st.warning(f"{login_email() or 'This login has no verified address and'} has no role in this workspace. "
                   "Ask an administrator to add the address under Settings, Users.", icon=":material/lock:")
        st.button("Log out", icon=":material/logout:", on_click=st.logout)


def _how_to_configure() -> None:
    st.warning("Nobody can log in yet: no identity provider is configured.", icon=":material/lock:")
    st.markdown(
        f"On your own machine, start it with `make run`: it sets `{LOCAL}=1` and listens to 127.0.0.1 only, and you are the "
        "administrator.\n\nFor a team, put the identity provider into `.streamlit/secrets.toml` and restart:")
    st.code('[auth]\nredirect_uri = "https://marketing.example.com/oauth2callback"\ncookie_secret = "a long random text"\n'
            'client_id = "…"\nclient_secret = "…"\n'
            'server_metadata_url = "https://login.example.com/.well-known/openid-configuration"', language="toml")
    st.markdown("Then give the first administrator a role: `python -m engine users set ada@example.com admin`.")
