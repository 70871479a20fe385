"""A rule as the editor holds it: a tree with an id for each row, so that every input keeps its place while others move.

A group is `{"id", "group": all | any | none, "kids": […]}`, a condition `{"id", "leaf": its word, "doc": its document}`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from engine.audience.rules import IN_JOURNEYS, LEAVES

Tree = dict[str, Any]
GROUP_WORDS = {"all": "all of these", "any": "any of these", "none": "none of these"}
# What a condition holds right after it was added: enough to be seen, and mostly to be counted.
STARTS: dict[str, dict[str, Any]] = {
    "field": {"field": "email", "op": "is_set"}, "account": {"account": "industry", "op": "is_set"}, "tag": {"tag": None},
    "buying_role": {"buying_role": []},
    "list": {"list": None}, "segment": {"segment": None}, "stage": {"stage": []},
    "consent": {"consent": "email", "is": "subscribed"}, "score": {"score": {"op": "at_least", "value": 10}},
    "event": {"event": None}, "days_since": {"days_since": None, "op": "at_least", "value": 30},
    "spent": {"spent": "total", "op": "at_least", "value": 100},
    "last": {"last": 3, "of": "email_sent", "all": "email_opened"},
    "sequence": {"sequence": [{"event": None}, {"event": None}], "within": "14d"},
    "time_in_stage": {"time_in_stage": "mql", "op": "at_least", "value": "14d"}, "anniversary": {"anniversary": "created_at"},
    "probability": {"probability": None, "op": "at_least", "value": 0.5}, "persona": {"persona": []},
    "affinity": {"affinity": None, "op": "at_least", "value": 1},
    "percent": {"percent": 10, "salt": "pilot"},
}


def new_id() -> str:
    """A name for a row, never used before."""
    return secrets.token_hex(4)


def new_leaf(word: str) -> Tree:
    """A condition as it is added."""
    return {"id": new_id(), "leaf": word, "doc": deepcopy(STARTS.get(word, {word: None}))}


def new_group(mode: str = "any") -> Tree:
    """A group as it is added, with nothing in it yet."""
    return {"id": new_id(), "group": mode, "kids": []}


def from_document(document: Any) -> Tree:
    """The tree of a rule; its root is always a group."""
    tree = _read(document) if document else new_group("all")
    return tree if "group" in tree else {"id": new_id(), "group": "all", "kids": [tree]}


def _read(document: dict[str, Any]) -> Tree:
    # a leaf may have a key that names a group elsewhere
    if word := next((key for key in (LEAVES | IN_JOURNEYS) if key in document), None):
        return {"id": new_id(), "leaf": word, "doc": deepcopy(document)}
    for mode in ("all", "any"):
        if mode in document:
            return {"id": new_id(), "group": mode, "kids": [_read(part) for part in document[mode]]}
    inner = document["not"]
    kids = inner["any"] if set(inner) == {"any"} else [inner]
    return {"id": new_id(), "group": "none", "kids": [_read(part) for part in kids]}


def to_document(tree: Tree) -> Any:
    """The rule of a tree. Empty groups inside are left out; an empty whole is None."""
    if "leaf" in tree:
        return {key: _written(value) for key, value in tree["doc"].items()
                if (value is not None and value != {}) or key == tree["leaf"]}
    parts = [part for kid in tree["kids"] if (part := to_document(kid)) is not None]
    if not parts:
        return None
    if tree["group"] == "none":
        return {"not": parts[0] if len(parts) == 1 and "any" not in parts[0] else {"any": parts}}
    return {tree["group"]: parts}


def _written(value: Any) -> Any:
    """Steps of a sequence without the tests that they do not have."""
    steps = isinstance(value, list) and value and all(isinstance(one, dict) for one in value)
    return [{key: part for key, part in step.items() if part != {}} for step in value] if steps else value


def rows(tree: Tree) -> Iterator[Tree]:
    """Every row of a tree, from top to bottom."""
    yield tree
    for kid in tree.get("kids", ()):
        yield from rows(kid)


def remove(tree: Tree, row_id: str) -> None:
    """Take a row out, wherever it stands."""
    for row in rows(tree):
        if "kids" in row:
            row["kids"] = [kid for kid in row["kids"] if kid["id"] != row_id]
