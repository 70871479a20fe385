"""Content: templates with their remarks, as one contact would get them, and the links in them."""

from __future__ import annotations

import streamlit as st

from engine.content import lint, preview, templates
from engine.content.templates import Template
from engine.outreach import proofs
from pages.widgets import state
from pages.widgets.journey_publishing import problem_list
from pages.widgets.person import when
from pages.widgets.sandbox import sandbox
from pages.widgets.tables import say_count

CHANNELS = {"email": "E-mail", "sms": "SMS"}
ICONS = {"email": ":material/mail:", "sms": ":material/sms:"}
SECTIONS = {"preview": ":material/visibility: Preview", "write": ":material/edit: Write",
            "remarks": ":material/fact_check: Remarks"}
START = "<p>Hello {{ contact.first_name | default('there') }},</p>\n<p>…</p>\n"
START_SMS = "Hello {{ contact.first_name | default('there') }}, …"


def listing() -> None:
    """Every template."""
    found = templates.list_templates(state.store())
    if state.may("market") and found:
        st.button("New template", icon=":material/add:", type="primary", on_click=create_dialog)
    if not found:
        with st.container(border=True):
            st.markdown("**No templates yet.** A template is what people receive: subject, HTML and text; or an SMS.")
            st.button("Write the first one", icon=":material/add:", type="primary", on_click=create_dialog)
    for one in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            with st.container(width="stretch"):
                state.link_to("content", one.name, icon=ICONS[one.channel], template=one.name)
                st.caption(state.escaped(one.subject or ("no subject" if one.channel == "email" else (one.text or "")[:80])))
            st.badge(one.channel, color="blue")
            st.markdown(f"version {one.version}", width="content")
            st.caption(when(one.updated_at), width="content")


@st.dialog("New template")
def create_dialog() -> None:
    """A name and a subject; the rest is written on its page."""
    channel = st.segmented_control("Channel", list(CHANNELS), default="email", required=True, format_func=CHANNELS.__getitem__)
    name = st.text_input("Name", placeholder="welcome", max_chars=120)
    subject = st.text_input("Subject", placeholder="Welcome aboard") if channel == "email" else None
    if st.button("Create", type="primary", icon=":material/add:", disabled=not name.strip()):
        with state.boundary():
            first = START if channel == "email" else START_SMS
            templates.save(state.store(), name.strip(), html=first, subject=subject or None, channel=channel or "email",
                           by=state.actor(), now=state.now())
            state.go("content", template=name.strip(), view="write")


def one_template(name: str) -> None:
    """The template of the address."""
    template = templates.get(state.store(), name)
    with st.container(horizontal=True, vertical_alignment="center"):
        state.link_to("content", "All templates", icon=":material/arrow_back:")
        st.markdown(f"### {state.escaped(template.name)}", width="stretch")
        st.badge(template.channel, color="blue")
        st.markdown(f"version {template.version}, {when(template.updated_at)}", width="content")
    view = state.section(SECTIONS, keep=("template", "contact"))
    {"preview": look, "write": write, "remarks": remarks}[view](template)


def look(template: Template) -> None:
    """The message of one contact, and where its links lead."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        who = st.text_input("As this contact", state.param("contact") or "", placeholder="e-mail or external id",
                            key="preview-who", on_change=_as_contact, width=320)
        send = st.button("Send a proof to capture", icon=":material/outgoing_mail:",
                         disabled=not who or not state.may("market"),
                         help="Kept under Activity, Messages as captured. Nothing leaves the house.")
    if not who:
        st.info("Type the address of a contact to see the message as that person would get it.",
                icon=":material/person_search:")
        return
    made = preview.render(state.store(), state.config(), template.name, who)
    if send:
        number = proofs.capture(state.store(), state.config(), template.name, who, by=state.actor(), now=state.now())
        st.success(f"Captured as message {number}.", icon=":material/check:")
    if template.channel == "email":
        st.markdown(f"**Subject** {state.escaped(made.subject)}")
    page, links = st.columns([3, 1])
    with page:
        kinds = [kind for kind, part in (("HTML", made.html), ("Text", made.text)) if part]
        shown = st.segmented_control("Part", kinds, default=kinds[0], required=True, label_visibility="collapsed")
        if shown == "HTML":
            sandbox(made.html or "")
        else:
            st.code(made.text, language=None, wrap_lines=True)
    with links:
        st.markdown(f"**{say_count(len(made.links), 'link is', 'links are')} tracked**")
        for url in made.links:
            st.code(url, language=None, wrap_lines=True)


def _as_contact() -> None:
    state.set_param("contact", st.session_state["preview-who"].strip() or None)


def write(template: Template) -> None:
    """The template's source. Saving makes a new version; what was sent keeps its own."""
    may = state.may("market")
    if template.channel != "email":
        _write_text(template, may)
        return
    subject = st.text_input("Subject", template.subject or "", key=f"subject:{template.version_id}", disabled=not may)
    preheader = st.text_input("Preheader", template.preheader or "", key=f"preheader:{template.version_id}", disabled=not may)
    source = st.text_area("HTML or MJML", template.source or template.html or "", height=360, key=f"html:{template.version_id}",
                          disabled=not may)
    text = st.text_area("Text (left empty it is made from the HTML)", _own_text(template), height=160, disabled=not may,
                        key=f"text:{template.version_id}")
    if st.button("Save a new version", type="primary", icon=":material/save:", disabled=not may):
        _saved(templates.save(state.store(), template.name, html=source or None, text=text or None, subject=subject or None,
                              preheader=preheader or None, by=state.actor(), now=state.now()))


def _write_text(template: Template, may: bool) -> None:
    text = st.text_area("Text", template.text or "", height=160, disabled=not may, key=f"text:{template.version_id}")
    if st.button("Save a new version", type="primary", icon=":material/save:", disabled=not may):
        _saved(templates.save(state.store(), template.name, html=None, text=text, channel=template.channel, by=state.actor(),
                              now=state.now()))


def _saved(saved: Template) -> None:
    st.toast(f"Version {saved.version} is saved." if saved.changed else "Nothing had changed.", icon=":material/check:")
    st.rerun()


def _own_text(template: Template) -> str:
    return template.text or "" if lint.has_own_text(template) else ""


def remarks(template: Template) -> None:
    """What could be better, in words."""
    found = lint.check(state.store(), template)
    if not found:
        st.success("Nothing to remark.", icon=":material/check:")
    problem_list(found)


with state.page_frame("Content"):
    if chosen := state.param("template"):
        one_template(chosen)
    else:
        listing()
