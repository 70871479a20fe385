"""The JSON Schema of a journey file, made from the classes that read it: for editors that complete and check as one types."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from . import notes
from .graph import ExitRule, Limits, Target
from .nodes import node_types
from .reading import KEYS, NO_GOAL
from .triggers import Entry, trigger_types

_RULES = "see docs/rules.md"
_SHARED: dict[str, dict[str, Any]] = {
    "rule": {"type": "object", "minProperties": 1, "description": f"a rule over everything known of a contact; {_RULES}"},
    "event": {"type": "object", "required": ["event"], "additionalProperties": False,
              "properties": {"event": {"type": "string", "minLength": 1}, "where": {"type": "object"},
                             "of": {"type": "string", "description": "a node whose message it must belong to"}},
              "description": f"events of a name whose properties pass every test; {_RULES}"},
}
_OURS = frozenset({"kind", "label", "last", "title"})  # words of the form, which no reader of a schema needs


def file_schema() -> dict[str, Any]:
    """The whole schema, in the 2020-12 dialect."""
    shared: dict[str, Any] = dict(_SHARED)
    nodes = {name: _model(cls, shared) for name, cls in sorted(node_types().items())}
    for name, schema in nodes.items():
        schema["required"] = sorted({*schema.get("required", ()), "id", "type"})
        schema["description"] = (node_types()[name].__doc__ or "").strip().splitlines()[0]
        shared[f"node_{name}"] = schema
    parts = {"entry": _model(Entry, shared), "goal": {"anyOf": [_model(Target, shared), {"const": NO_GOAL}]},
             "limits": _model(Limits, shared),
             "exit": {"type": "array", "items": _model(ExitRule, shared)},
             "nodes": {"type": "array", "minItems": 1,
                       "items": {"oneOf": [{"$ref": f"#/$defs/node_{name}"} for name in nodes]}},
             "notes": {"type": "array", "maxItems": notes.MOST, "items": {
                 "type": "object", "required": ["id", "text", "at"], "additionalProperties": False, "properties": {
                     "id": {"type": "string", "minLength": 1}, "text": {"type": "string", "maxLength": notes.LONGEST},
                     "at": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}}}},
             "layout": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "number"}, "minItems": 2,
                                                                   "maxItems": 2}}}
    parts["entry"]["properties"]["trigger"] = _triggers(shared)
    properties = {key: parts.get(key, {"type": "string"}) for key in KEYS}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A journey of Throughline", "type": "object",
            "properties": properties, "required": ["name", "entry", "nodes"], "additionalProperties": False,
            "$defs": dict(sorted(shared.items()))}


def _triggers(shared: dict[str, Any]) -> dict[str, Any]:
    """One trigger or a list of them."""
    for name, cls in sorted(trigger_types().items()):
        schema = dict(_SHARED["event"]) if name == "event" else _model(cls, shared)
        shared[f"trigger_{name}"] = schema | {"required": sorted({*schema.get("required", ()), name}),
                                              "description": (cls.__doc__ or "").strip().splitlines()[0]}
    one = {"oneOf": [{"$ref": f"#/$defs/trigger_{name}"} for name in sorted(trigger_types())]}
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


def _model(cls: type[BaseModel], shared: dict[str, Any]) -> dict[str, Any]:
    """The schema of one class; what it refers to goes to `shared`."""
    schema = cls.model_json_schema()
    for name, inner in schema.pop("$defs", {}).items():
        shared[name] = _plain(inner)
    return dict(_plain(schema))


def _plain(part: Any) -> Any:
    """Without our own words; rules and event filters by name."""
    if isinstance(part, list):
        return [_plain(one) for one in part]
    if not isinstance(part, dict):
        return part
    if part.get("kind") in _SHARED and "type" not in part and "anyOf" not in part:
        return {"$ref": f"#/$defs/{part['kind']}"}
    if isinstance(named := part.get("properties"), dict):
        part = {**part, "properties": {name: _plain(inner) for name, inner in named.items()}}
        return {key: value if key == "properties" else _plain(value) for key, value in part.items() if key not in _OURS}
    return {key: _plain(value) for key, value in part.items() if key not in _OURS}
