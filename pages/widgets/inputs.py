"""One input per kind of setting. A kind is what a setting's schema says it is; nothing here knows a node type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from engine.audience.rules import Known
from engine.journeys import documents
from engine.journeys.nodes.times import CONTACT, WEEKDAYS
from engine.maths.zones import zone_names

from . import rule_editor, rule_tree

Words = tuple[str, ...]


@dataclass(frozen=True)
class Choices:
    """What settings may name in this workspace, by kind. rules: what their rules may; without it a rule is asked as text."""

    by_kind: Mapping[str, Words] = field(default_factory=dict)
    nodes: Words = ()
    rules: Known | None = None


@dataclass(frozen=True)
class Setting:
    """One setting of a form: its name in the file, its schema with variants resolved, and whether it may be left out."""

    name: str
    kind: str
    options: Words = ()
    required: bool = False
    default: Any = None
    low: int | None = None
    high: int | None = None
    help: str | None = None
    parts: tuple[Setting, ...] = ()  # of each thing in a list of things
    words: str | None = None  # what the form calls it

    @property
    def label(self) -> str:
        """The name in words."""
        return self.words or self.name.replace("_", " ").capitalize()


def settings(schema: Mapping[str, Any]) -> list[Setting]:
    """The settings of a pydantic model's JSON schema, in its order."""
    return _settings(schema, schema.get("$defs", {}))


def things(name: str, schema: Mapping[str, Any]) -> Setting:
    """A setting that is a list of what the schema describes."""
    return Setting(name, "things", parts=tuple(settings(schema)))


def _settings(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> list[Setting]:
    needed = set(schema.get("required", ()))
    parts = sorted(schema.get("properties", {}).items(), key=lambda part: bool(part[1].get("last")))
    return [_setting(name, part, name in needed, defs) for name, part in parts]


def _setting(name: str, part: Mapping[str, Any], required: bool, defs: Mapping[str, Any]) -> Setting:
    variants = [part, *(one for one in part.get("anyOf", ()) if one.get("type") != "null")]
    said = {key: value for one in reversed(variants) for key, value in one.items()}
    options = tuple(said.get("enum", ())) or ((said["const"],) if "const" in said else ())
    for kind, ref in (("things", said.get("items", {}).get("$ref", "")), ("thing", said.get("$ref", ""))):
        if inner := defs.get(ref.rpartition("/")[2]):
            return Setting(name, kind, required=required, help=part.get("description"), parts=tuple(_settings(inner, defs)))
    return Setting(name, said.get("kind") or _plain_kind(said, options), options, required, part.get("default"),
                   said.get("minimum"), said.get("maximum"), said.get("description"), words=said.get("label"))


def _plain_kind(said: Mapping[str, Any], options: Words) -> str:
    if options:
        return "choice"
    kind = said.get("type")
    if kind == "array":
        return "names" if said.get("items", {}).get("type") == "string" else "text_block"
    return {"integer": "number", "number": "decimal", "boolean": "bool", "object": "text_block", "string": "text"}.get(
        str(kind), "value")


def ask(setting: Setting, value: Any, key: str, choices: Choices) -> Any:
    """Draw the input of a setting and give back what it says; None when it is empty. Raises BadInput: not readable."""
    draw = _INPUTS.get(setting.kind)
    if draw is not None:
        return draw(setting, value, key, choices)
    return _pick(setting, value, key, choices.by_kind.get(setting.kind, setting.options))


def _pick(setting: Setting, value: Any, key: str, options: Words) -> Any:
    known = options if value is None or value in options else (*options, value)
    return st.selectbox(setting.label, known, index=known.index(value) if value in known else None, key=key,
                        placeholder="Choose", help=setting.help)


def _choice(setting: Setting, value: Any, key: str, _choices: Choices) -> Any:
    if len(setting.options) == 1 and (setting.required or setting.default is not None):
        return value
    if len(setting.options) == 1:  # said or left out
        only = setting.options[0]
        return only if st.toggle(f"{setting.label} {only}", value == only, key=key, help=setting.help) else None
    chosen = value if value in setting.options else setting.default
    return st.segmented_control(setting.label, setting.options, default=chosen, key=key, help=setting.help,
                                format_func=lambda word: str(word).replace("_", " "))


def _bool(setting: Setting, value: Any, key: str, _choices: Choices) -> Any:
    return st.toggle(setting.label, bool(setting.default if value is None else value), key=key, help=setting.help)


def _number(setting: Setting, value: Any, key: str, _choices: Choices) -> Any:
    shown = value if isinstance(value, int) else setting.default if isinstance(setting.default, int) else None
    return st.number_input(setting.label, setting.low, setting.high, shown, step=1, key=key, help=setting.help)


def _decimal(setting: Setting, value: Any, key: str, _choices: Choices) -> Any:
    """Whole numbers are written without a point."""
    shown = value if isinstance(value, int | float) else setting.default
    bounds = [None if bound is None else float(bound) for bound in (setting.low, setting.high)]
    said = st.number_input(setting.label, *bounds, None if shown is None else float(shown), step=1.0, format="%0.10g",
                           key=key, help=setting.help)
    return int(said) if said is not None and said.is_integer() else said


def _text(setting: Setting, value: Any, key: str, _choices: Choices) -> Any:
    shown = setting.default if value is None else value
    return st.text_input(setting.label, "" if shown is None else str(shown), key=key, help=setting.help) or None


def _long_text(setting: Setting, value: Any, key: str, _choices: Choices) -> Any:
    return st.text_area(setting.label, value or "", key=key, help=setting.help, height="content",
                        placeholder="{{ contact.email }} asked for a demo.") or None


def _chosen(setting: Setting, value: Any, key: str, choices: Choices) -> Any:
    """Several names of what there is."""
    held = [str(one) for one in value] if isinstance(value, list) else []
    known = tuple(dict.fromkeys((*choices.by_kind.get(setting.kind, ()), *held)))
    return st.multiselect(setting.label, known, held, key=key, help=setting.help) or None


def _hinted(hint: str) -> Callable[[Setting, Any, str, Choices], Any]:
    """A text with an example of what is meant."""
    def draw(setting: Setting, value: Any, key: str, _choices: Choices) -> Any:
        shown = setting.default if value is None else value
        return st.text_input(setting.label, "" if shown is None else str(shown), key=key, placeholder=hint,
                             help=setting.help).strip() or None
    return draw


def _weekdays(setting: Setting, value: Any, key: str, _choices: Choices) -> Any:
    """One day is written as a word, several as a list."""
    held = [value] if isinstance(value, str) else list(value or ())
    said = st.pills(setting.label, WEEKDAYS, default=[day for day in WEEKDAYS if day in held], selection_mode="multi", key=key,
                    help=setting.help, format_func=lambda day: day[:3].capitalize())
    return (said[0] if len(said) == 1 else said) if said else None


def _zone(setting: Setting, value: Any, key: str, _choices: Choices) -> Any:
    return _pick(setting, value or setting.default, key, (CONTACT, *zone_names()))


def _thing(setting: Setting, value: Any, key: str, choices: Choices) -> Any:
    """Settings that belong together."""
    held = value if isinstance(value, dict) else {}
    said = {part.name: ask(part, held.get(part.name), f"{key}:{part.name}", choices) for part in setting.parts}
    defaults = {part.name: part.default for part in setting.parts if part.name not in held}
    return {name: one for name, one in said.items() if one is not None and one != defaults.get(name)} or None


def _duration(setting: Setting, value: Any, key: str, _choices: Choices) -> Any:
    return st.text_input(setting.label, value or setting.default or "", key=key, placeholder="2d, 36h, 30m",
                         help="A number and s, m, h, d or w.").strip() or None


def _offsets(setting: Setting, value: Any, key: str, _choices: Choices) -> Any:
    """How long before or after, several at once: `-7d`, `1h`."""
    held = [str(one) for one in (value if isinstance(value, list) else [value]) if one is not None]
    said = st.multiselect(setting.label, held, held, key=key, accept_new_options=True, placeholder="On the day; or -7d, 1h",
                          help="A minus is before. A number and h, d or w.")
    return None if not said else said[0] if len(said) == 1 else said


def _free(setting: Setting, value: Any, key: str, choices: Choices) -> Any:
    """A name that is offered, or another one; digits are a number."""
    offered = choices.by_kind.get(setting.kind, ())
    shown = [*offered, *([str(value)] if value is not None and str(value) not in offered else [])]
    said = st.selectbox(setting.label, shown, index=shown.index(str(value)) if value is not None else None, key=key,
                        accept_new_options=True, placeholder="Choose or type", help=setting.help)
    return int(said) if said and said.isdecimal() else said


def _names(setting: Setting, value: Any, key: str, _choices: Choices) -> Any:
    held = [str(one) for one in (setting.default if value is None else value) or ()]
    return st.multiselect(setting.label, held, held, key=key, accept_new_options=True, placeholder="Type a name") or None


def _value(setting: Setting, value: Any, key: str, _choices: Choices) -> Any:
    typed = st.text_input(setting.label, documents.dump_value(value), key=key, help=setting.help)
    return documents.load_value(typed, setting.name) if typed.strip() else None


def _block(setting: Setting, value: Any, key: str, _choices: Choices) -> Any:
    typed = st.text_area(setting.label, documents.dump_value(value), key=key, help="Written as in the journey file.",
                         height="content")
    return documents.load_value(typed, setting.name) if typed.strip() else None


def _rule(setting: Setting, value: Any, key: str, choices: Choices) -> Any:
    """The editor of the Segments page, with its sentence and its count."""
    if choices.rules is None or not rule_editor.can_show(value):
        return _block(setting, value, key, choices)
    st.caption(setting.label)
    made = _bare(rule_editor.editor(key, value, choices.rules))
    if made is not None:
        rule_editor.outcome(made, choices.rules, key=key)
    return value if rule_editor.same(made, _bare(value), choices.rules) else made


def _bare(rule: Any) -> Any:
    """A condition that stands alone needs no group around it."""
    while isinstance(rule, dict) and len(inner := rule.get("all") or rule.get("any") or ()) == 1:
        rule = inner[0]
    return rule


def _things(setting: Setting, value: Any, key: str, choices: Choices) -> Any:
    """Things of one shape, one below the other. What is typed and not applied yet lives under the key."""
    rows: list[dict[str, Any]] = st.session_state.setdefault(f"things:{key}", [
        {"id": rule_tree.new_id(), "held": one} for one in value or []])
    st.caption(setting.label)
    made = []
    for row in list(rows):
        with st.container(border=True, key=f"thing:{key}:{row['id']}"):
            said = {part.name: ask(part, row["held"].get(part.name), f"{key}:{row['id']}:{part.name}", choices)
                    for part in setting.parts}
            st.button("Remove", key=f"{key}:{row['id']}:x", icon=":material/close:", type="tertiary", on_click=rows.remove,
                      args=(row,))
        usual = {part.name for part in setting.parts if part.name not in row["held"] and said[part.name] == part.default}
        made.append({**row["held"], **{name: held for name, held in said.items() if held is not None and name not in usual}})
    st.button("Add one", key=f"{key}:add", icon=":material/add:", type="tertiary", on_click=_add_thing, args=(rows,))
    return made or None


def _add_thing(rows: list[dict[str, Any]]) -> None:
    rows.append({"id": rule_tree.new_id(), "held": {}})


def _event(setting: Setting, value: Any, key: str, choices: Choices) -> Any:
    """An event with its tests as rules ask for them, and of which step's message it is."""
    given = value if isinstance(value, dict) else {}
    if choices.rules is None:
        return _block(setting, value, key, choices)
    st.caption(setting.label)
    plain = {part: said for part, said in given.items() if part != "of"}
    made = rule_editor.event_filter(key, plain, choices.rules)
    of = _pick(Setting("of the message of", "node"), given.get("of"), f"{key}:of", choices.nodes) if choices.nodes else None
    return {**(plain if made == plain else made), **({"of": of} if of else {})} if made else None


_INPUTS: dict[str, Callable[[Setting, Any, str, Choices], Any]] = {
    "choice": _choice, "bool": _bool, "number": _number, "decimal": _decimal, "text": _text, "duration": _duration,
    "names": _names, "value": _value, "text_block": _block, "rule": _rule, "things": _things, "event": _event,
    "thing": _thing, "clock": _hinted("09:00"), "offset": _hinted("-7d, 12h"), "date": _hinted("2026-12-24"),
    "weekdays": _weekdays, "zone": _zone,
    "offsets": _offsets, "threshold": _free, "date_field": _free, "event_name": _free,
    "lists": _chosen, "templates": _chosen, "long_text": _long_text,
}
