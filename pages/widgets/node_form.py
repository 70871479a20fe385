"""The side panel of a step: a form made from the settings its type declares, with what is wrong beside each."""

from __future__ import annotations

from typing import Any

import streamlit as st
from pydantic import BaseModel, ValidationError

from engine.errors import BadInput
from engine.journeys.nodes import Known, Node, node_types

from .inputs import Choices, Setting, ask, settings

_SHARED = frozenset(Node.model_fields)


def node_form(node: dict[str, Any], known: Known, choices: Choices, *, key: str,
              readonly: bool = False) -> dict[str, Any] | None:
    """The form of one node of a document; the changed node once somebody applies it, else None."""
    cls = node_types().get(str(node.get("type")))
    if cls is None:
        st.warning(f"There is no step of the type {node.get('type')!r}. Change it in the text.", icon=":material/warning:")
        return None
    st.markdown(f"**:material/{cls.icon}: {cls.label}**")
    st.caption((cls.__doc__ or "").strip().splitlines()[0])
    with st.container(key=f"panel:{key}"):
        name = st.text_input("Name", str(node["id"]), key=f"{key}:id", disabled=readonly, max_chars=60)
        left = _other_ways(cls, node, key)
        held = {name: value for name, value in node.items() if name not in left}
        made, unread = fill_in(cls, held, choices, known, key=key, skip=_SHARED | left | {"type"})
        made = _branches(cls, made, key)
        note = st.text_area("Note", node.get("note") or "", key=f"{key}:note", placeholder="What colleagues should know",
                            height="content", max_chars=1_000)
    changed = set_key({**made, "id": name.strip() or node["id"]}, "note", note.strip() or None)
    if readonly:
        return None
    applied = st.button("Apply", key=f"{key}:apply", type="primary", icon=":material/check:", width="stretch",
                        disabled=unread or changed == node)
    return changed if applied and changed != node else None


def fill_in(cls: type[BaseModel], document: dict[str, Any], choices: Choices, known: Known, *, key: str,
            skip: frozenset[str] = frozenset()) -> tuple[dict[str, Any], bool]:
    """Inputs for every setting of a model: the document as typed, and whether something could not be read."""
    made, unread, places = dict(document), False, {}
    for one in settings(cls.model_json_schema()):
        if one.name in skip:
            continue
        try:
            said = ask(one, document.get(one.name), f"{key}:{one.name}", choices)
            made = set_key(made, one.name, None if _left_out(one, said, document) else said)
        except BadInput as error:
            unread = True
            _wrong(str(error))
        places[one.name] = st.empty()
    for name, message in _problems(cls, made, known).items():
        if name in places and not unread:
            with places[name]:
                _wrong(message)
    return made, unread


def _other_ways(cls: type[Node], node: dict[str, Any], key: str) -> frozenset[str]:
    """Where a step can be set up in several ways, ask which; the settings that belong to the others only."""
    if not cls.ways:
        return frozenset()
    names = list(cls.ways)
    now = next((name for name in names if cls.ways[name][0] in node), names[0])
    chosen = st.selectbox("How", names, index=names.index(now), key=f"{key}:how")
    return frozenset(one for own in cls.ways.values() for one in own) - frozenset(cls.ways[chosen])


def _left_out(setting: Setting, said: Any, document: dict[str, Any]) -> bool:
    """A setting that says what it says by itself is not written, unless the file had it."""
    return said is None or (setting.name not in document and said == setting.default)


def _problems(cls: type[BaseModel], document: dict[str, Any], known: Known) -> dict[str, str]:
    try:
        cls.model_validate(document, context={"known": known})
    except ValidationError as error:
        words = {"missing": "is needed"}
        return {str(item["loc"][0] if item["loc"] else next(iter(document), "")):
                words.get(item["type"], item["msg"].removeprefix("Value error, ")) for item in error.errors()}
    return {}


def _wrong(message: str) -> None:
    st.caption(f":red[:material/error: {message}]")


def _branches(cls: type[Node], document: dict[str, Any], key: str) -> dict[str, Any]:
    """Where the ways out are named by the author, their names."""
    if "on" not in cls.fresh:
        return document
    held = document.get("on") or {}
    names = st.multiselect("Branches", list(held), list(held), key=f"{key}:on", accept_new_options=True)
    return {**document, "on": {name: held.get(name, "") for name in names}}


def set_key(given: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A copy with a key set, or left out for None."""
    return {name: old for name, old in given.items() if name != key} if value is None else {**given, key: value}
