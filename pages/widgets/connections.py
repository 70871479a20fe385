"""Settings, connections: webhooks of other tools, and pulls from other databases."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from engine.clock import say_duration
from engine.errors import BadInput
from engine.service import hook_signing, hooks, pulls
from engine.service.hook_presets import PRESETS
from engine.service.hooks import Hook
from engine.service.pulls import Pull, Ran

from . import state
from .person import when
from .tables import say_count

START = """{"email": "customer.email",
 "fields": {"first_name": "customer.first_name"},
 "event": {"name": "=order_placed", "object": "id",
           "value": "total", "message_id": "id"}}"""
SAMPLE = '{"id": 1, "total": "12.50", "customer": {"email": "ada@example.com", "first_name": "Ada"}}'


def section(may: bool) -> None:
    """Both, one below the other."""
    _hooks(may)
    _pulls(may)


# ------------------------------------------------------------ webhooks


def _hooks(may: bool) -> None:
    st.subheader("Webhooks", anchor=False)
    st.caption("A shop, a payment, calendar or form tool posts its JSON to an address of its own; a mapping says "
               "what becomes of it.")
    if fresh := st.session_state.pop("fresh-hook", None):
        st.success("Give this address to the tool now: it is shown this once, only the hash of its key is kept.",
                   icon=":material/key:")
        st.code(fresh, language=None)
    for one in hooks.list_hooks(state.store()):
        _hook(one, may)
    with st.expander("Make a webhook, or change one", icon=":material/webhook:"):
        _edit_hook(may)


def _hook(one: Hook, may: bool) -> None:
    refused = hooks.faults(state.store(), one.name, limit=20)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(one.name, width="stretch")
            if one.revoked_at:
                st.badge("revoked", color="gray")
            else:
                st.badge("signed" if one.signing else "not signed", color="green" if one.signing else "orange")
            if refused:
                st.badge(f"{len(refused)}{'+' if len(refused) == 20 else ''} refused", color="orange")
            st.caption(f"since {when(one.created_at)}")
            if may and not one.revoked_at and st.button("Revoke", key=f"revoke-hook-{one.id}", icon=":material/block:",
                                                        type="tertiary"):
                hooks.revoke(state.store(), one.name, by=state.actor(), now=state.now())
                st.rerun()
        if not one.revoked_at:
            _signing_line(one)
        with st.expander("Mapping, sample, what was refused"):
            left, right = st.columns(2)
            left.code(json.dumps(one.mapping, indent=1, ensure_ascii=False), language="json")
            right.code(one.sample or "no sample was given", language="json" if one.sample else None)
            if refused:
                st.dataframe([{"at": when(row["at"]), "why": row["reason"],
                               "payload": json.dumps(row["item"], ensure_ascii=False)} for row in refused],
                             hide_index=True, placeholder="–", column_config={
                                 "at": st.column_config.TextColumn("At", width="small"), "why": "Why", "payload": "Payload"})


def _signing_line(one: Hook) -> None:
    st.caption(state.escaped(f"Posts are {hook_signing.describe(one.signing)}."))
    if one.signing and (problem := hook_signing.trouble(one.signing, state.config().database_url)):
        st.error(state.escaped(f"Everything is refused: {problem}"), icon=":material/key_off:")


def _edit_hook(may: bool) -> None:
    left, right = st.columns(2)
    name = left.text_input("Name", placeholder="Shop", key="hook-name")
    preset = right.selectbox("Begin with", list(PRESETS), index=None, placeholder="a mapping of your own", key="hook-preset",
                             format_func=lambda one: PRESETS[one].title, on_change=_begin)
    if preset:
        st.caption(f"{PRESETS[preset].title}. On the other side: {PRESETS[preset].note}")
    left, right = st.columns(2)
    st.session_state.setdefault("hook-mapping", START)
    st.session_state.setdefault("hook-sample", SAMPLE)
    mapping = left.text_area("Mapping", height=240, key="hook-mapping",
                             help="A path goes through the JSON by keys and numbers, dots between: lines.0.title. After = "
                                  "stands a text for itself. items: where the list is.")
    sample = right.text_area("A payload as the tool sends it", height=240, key="hook-sample")
    signing = _edit_signing()
    with st.container(horizontal=True):
        tried = st.button("Try it", icon=":material/science:", key="hook-try")
        saved = st.button("Save", type="primary", disabled=not may, key="hook-save")
    if tried or saved:
        with state.boundary():
            document = _json(mapping)
            if tried:
                _show(document, sample)
            else:
                _save_hook(name, document, sample, signing)


def _edit_signing() -> dict[str, Any] | None:
    """How the tool signs; None: as it was, and not at all for a new webhook."""
    left, middle, right = st.columns(3)
    scheme = left.selectbox("Signed by", list(hook_signing.SCHEMES), index=None, key="hook-scheme",
                            placeholder="not said: stays as it is", format_func=lambda one: hook_signing.SCHEMES[one].title)
    secret = middle.text_input("Name of the secret", placeholder="SHOP_HOOK", key="hook-secret", disabled=not scheme,
                               help="The secret itself stands in the environment variable of this name, or in the file of this "
                                    "name in the folder `secrets` beside the database.")
    old = right.text_input("Name of the secret before it", placeholder="none", key="hook-old", disabled=not scheme,
                           help="While the tool changes its secret, either is taken. Empty it afterwards.")
    own = {}
    if scheme == "hmac":
        left, middle, right = st.columns(3)
        own = {"header": left.text_input("Header", placeholder="X-Signature", key="hook-header").strip(),
               "code": middle.selectbox("Written as", hook_signing.CODES, key="hook-code"),
               "prefix": right.text_input("Behind", placeholder="sha256=", key="hook-prefix").strip()}
    names = [word.strip() for word in (secret, old) if word.strip()]
    return {"scheme": scheme, "secrets": names} | own if scheme else None


def _begin() -> None:
    """A preset was chosen: its mapping, and a payload to try it with."""
    if chosen := st.session_state["hook-preset"]:
        st.session_state["hook-mapping"] = json.dumps(PRESETS[chosen].mapping, indent=1)
        st.session_state["hook-sample"] = json.dumps(PRESETS[chosen].sample, indent=1)
        st.session_state["hook-scheme"] = PRESETS[chosen].scheme


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"the mapping is not JSON at line {error.lineno}, column {error.colno}: {error.msg}") from None


def _show(document: Any, sample: str) -> None:
    done = hooks.try_out(state.store(), document, sample, now=state.now())
    refused = {one.index for one in done.faults}
    for place, words in enumerate(done.said):
        st.markdown(f"{':red[:material/close:]' if place in refused else ':green[:material/check:]'} {state.escaped(words)}")
    if fresh := hooks.new_fields(state.store(), document):
        st.caption(f"The first value makes new fields: {', '.join(map(state.escaped, fresh))}.")
    st.caption("Nothing was changed.")


def _save_hook(name: str, document: Any, sample: str, signing: dict[str, Any] | None) -> None:
    key = hooks.save(state.store(), name, document, sample=sample or None, signing=signing, by=state.actor(), now=state.now())
    if key:
        st.session_state["fresh-hook"] = f"{state.config().public_url}{hooks.PATH}{key}"
    st.rerun()


# ------------------------------------------------------------ pulls


def _pulls(may: bool) -> None:
    st.subheader("Pulls from other databases", anchor=False)
    st.caption("The runner asks a warehouse or CRM for what is new, on a timer. The address with the password stands in the "
               "environment or in a file that only its owner can read; here is its name only.")
    for one in pulls.list_pulls(state.store()):
        _pull(one, may)
    with st.expander("Make a pull, or change one", icon=":material/database:"):
        _edit_pull(may)


def _pull(one: Pull, may: bool) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(f"{one.name}: {one.kind} from {one.secret}, every {say_duration(one.every_s)}", width="stretch")
            st.badge(one.state, color="green" if one.state == "on" else "gray")
            tried = st.button("Try", key=f"pull-try-{one.id}", icon=":material/science:", type="tertiary", disabled=not may)
            ran = st.button("Run now", key=f"pull-run-{one.id}", icon=":material/play_arrow:", type="tertiary",
                            disabled=not may)
            turn = "Switch off" if one.state == "on" else "Switch on"
            if may and st.button(turn, key=f"pull-switch-{one.id}", type="tertiary"):
                pulls.switch(state.store(), one.name, one.state != "on", by=state.actor(), now=state.now())
                st.rerun()
        if tried or ran:
            with st.spinner("Asking the other database"):
                done = pulls.run(state.store(), state.config(), one.name, by=state.actor(), now=state.now(), dry_run=tried)
            _result(done, tried)
        elif one.last:
            _result(Ran(one.name, **one.last), False, when(one.last_at))
        if one.watermark is not None:
            st.caption(f"Has come to {state.escaped(one.column)} = {state.escaped(_words(one.watermark))}; "
                       f"runs next {when(one.next_at)}.")
        if wrong := pulls.errors(state.store(), one.name, limit=50):
            with st.expander(f"{say_count(len(wrong), 'row', 'rows')} could not be taken"):
                st.dataframe([{"at": when(row.at), "column": row.column or "", "why": row.message,
                               "row": json.dumps(row.row, ensure_ascii=False)} for row in wrong], hide_index=True)


def _result(done: Ran, dry: bool, at: str = "") -> None:
    if done.problem:
        st.error(state.escaped(done.problem), icon=":material/error:")
        return
    would = "would be " if dry else ""
    st.caption(f"{f'{at}: ' if at else ''}{say_count(done.read, 'row', 'rows')} read, {done.created:,} {would}created, "
               f"{done.updated:,} {would}updated, {done.unchanged:,} unchanged, {done.errors:,} in error.")


def _words(watermark: Any) -> str:
    return next(iter(watermark.values())) if isinstance(watermark, dict) else str(watermark)


def _edit_pull(may: bool) -> None:
    with st.form("pull", border=False):
        left, middle, right = st.columns(3)
        name, kind = left.text_input("Name", placeholder="Customers"), middle.selectbox("What it brings", pulls.KINDS)
        secret = right.text_input("Name of the address", placeholder="WAREHOUSE_URL")
        query = st.text_area("Query", placeholder="select email, first_name, plan, updated_at from customers", height=120)
        left, middle, right = st.columns(3)
        column = left.text_input("Column that rises", placeholder="updated_at")
        every = middle.text_input("Every", "1h")
        on_list = right.text_input("Put contacts on the list", placeholder="none")
        maps = st.text_input("What columns fill, where it is not their name", placeholder="mail=email; plan_name=Plan")
        if st.form_submit_button("Save", type="primary", disabled=not may):
            with state.boundary():
                settings = {"maps": [word.strip() for word in maps.split(";") if word.strip()], "list": on_list.strip()}
                pulls.save(state.store(), name, kind=str(kind), secret=secret.strip(), query=query, column=column,
                           every=every.strip(), settings={key: value for key, value in settings.items() if value},
                           by=state.actor(), now=state.now())
                st.rerun()
