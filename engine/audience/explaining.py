"""Why somebody matches a rule, or why not: every condition with its verdict and with what was observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..clock import iso
from ..people import contacts
from ..sql import Sql, sql
from ..store import Store
from . import segments
from .rules import Every, Leaf, Look, Never, Node, Rule, Some, known, parse

_DATES = frozenset({"date", "datetime"})


@dataclass(frozen=True)
class Line:
    """A group or a condition. depth: groups around it. matches: its verdict. observed: what was found, by label."""

    depth: int
    sentence: str
    matches: bool
    observed: dict[str, str | None]


@dataclass(frozen=True)
class Explained:
    """matches: the verdict, which the lines add up to. there: whether there was such a contact, known by more than a cookie.

    at: the moment it is about (UTC seconds).
    """

    segment: str | None
    who: str
    at: int
    matches: bool
    there: bool
    lines: tuple[Line, ...]


def explain(store: Store, name: str, who: str, *, now: int, past: bool = False) -> Explained:
    """Why a contact (email or external id) is in a segment, or not. Raises NotFound.

    past: with the rule of today, as it was known at `now`: facts as they were, and the events that had arrived.
    """
    found = segments.get(store, name)
    return explain_rule(store, parse(found.rule, known(store)), contacts.get(store, who).id, who, now=now, past=past,
                        segment=found.name)


def explain_rule(store: Store, rule: Rule, contact_id: int, who: str, *, now: int, past: bool = False,
                 segment: str | None = None) -> Explained:
    """The same for any rule."""
    upto = store.one("SELECT COALESCE(MAX(e.id), 0) FROM event e WHERE e.received_at <= :now", now=now) if past else None
    look = Look(each=True, upto=None if upto is None else sql(":upto", upto=upto), past=past)
    ask = _Asking(store, contact_id, now, look)
    matches = ask.node(rule.root, 0)
    there = bool(ask.one(sql("c.anonymous = 0 AND c.created_at <= :now" if past else "c.anonymous = 0")))
    return Explained(segment, who, now, matches and there, there, tuple(ask.lines))


class _Asking:
    """One contact, asked node by node; groups add up what their parts said."""

    def __init__(self, store: Store, contact_id: int, now: int, look: Look) -> None:
        self.store, self.contact_id, self.now, self.look = store, contact_id, now, look
        self.lines: list[Line] = []

    def node(self, node: Node, depth: int) -> bool:
        place = len(self.lines)
        self.lines.append(Line(depth, "", False, {}))  # its place is before its parts, its verdict after theirs
        line = self._leaf(node, depth) if isinstance(node, Leaf) else self._group(node, depth)
        self.lines[place] = line
        return line.matches

    def one(self, condition: Sql) -> Any:
        return self.store.one(sql("SELECT CASE WHEN {condition} THEN 1 ELSE 0 END FROM contact c WHERE c.id = :id",
                                  condition=condition, id=self.contact_id), now=self.now)

    def _leaf(self, leaf: Leaf, depth: int) -> Line:
        observed = {label: self._said(leaf, label, expression) for label, expression in leaf.observed(self.look).items()}
        return Line(depth, leaf.sentence(), bool(self.one(leaf.condition(self.look))), observed)

    def _group(self, node: Node, depth: int) -> Line:
        parts = [node.part] if isinstance(node, Never) else node.parts if isinstance(node, Every | Some) else []
        verdicts = [self.node(part, depth + 1) for part in parts]
        if isinstance(node, Never):
            return Line(depth, "none of this", not any(verdicts), {})
        every = isinstance(node, Every)
        return Line(depth, "all of these" if every else "at least one of these", all(verdicts) if every else any(verdicts), {})

    def _said(self, leaf: Leaf, label: str, expression: Sql) -> str | None:
        value = self.store.one(sql("SELECT {value} FROM contact c WHERE c.id = :id", value=expression, id=self.contact_id),
                               now=self.now)
        kind = getattr(getattr(leaf, "field", None), "kind", None)
        if value is None:
            return None
        if label.startswith("last") or label.endswith("since") or (label == "value" and kind in _DATES):
            return iso(int(value))
        if label == "value" and kind == "bool":
            return "yes" if value else "no"
        return str(int(value) if isinstance(value, float) and value.is_integer() else value)
