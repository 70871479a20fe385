"""Mail as its reader sees it, in a box it cannot get out of: no script, no form, no link, no pixel.

The page of the outer frame holds nothing but another frame with an empty `sandbox`, and the mail only as the text of an
attribute: no markup of the mail ever stands in a document that could run it. A policy in the outer frame keeps pictures
from the network too, so looking at a message is never an open.
"""

from __future__ import annotations

import html as markup
from collections.abc import Mapping

import streamlit as st

from . import state

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'"


def preview(html: str, *, height: int = 480) -> None:
    """Show the HTML of a mail."""
    inner = markup.escape(html, quote=True)
    st.iframe(f'<!doctype html><html><head><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
              "<style>html,body{margin:0;height:100%;background:#fff}iframe{border:0;width:100%;height:100%}</style></head>"
              f'<body><iframe sandbox="" referrerpolicy="no-referrer" title="mail" srcdoc="{inner}"></iframe></body></html>',
              height=height)


def links(found: Mapping[str, str], *, opens: str = "Open") -> None:
    """The tracked links of a message, which are dead inside the box: address by address, with where each leads."""
    for place, (tracked, url) in enumerate(found.items(), start=1):
        with st.container(horizontal=True, vertical_alignment="center", key=f"tracked-{place}"):
            st.text(url, width="stretch")
            if tracked.startswith(("http://", "https://")):
                st.link_button(opens, tracked, icon=":material/open_in_new:")
    if not found:
        st.caption("This message has no link.")


def message(subject: str | None, html: str | None, text: str | None, *, height: int = 480) -> None:
    """Subject and body; the text version where there is no HTML."""
    st.markdown(f"**{state.escaped(subject or 'without a subject')}**")
    if html:
        preview(html, height=height)
    else:
        st.code(text or "", language=None, wrap_lines=True)
