"""SQL as a value: text and what is bound to it, composed without string surgery.

    sql("x.name = :name AND {more}", name="purchase", more=other)

`:name` given as an argument is bound, `{name}` splices another Sql, and a `:name` that is not given stays free: the
runner supplies it (now, upto, node, ...). Bound names are numbered when the whole statement is rendered, so two
fragments may both say `:seconds`, and equal statements render to equal text, which keeps statement caches warm.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

_QUOTED = r"'(?:[^']|'')*'"
_HOLE = re.compile(rf"(?<![:\w]):([a-z_]\w*)|\{{([a-z_]\w*)\}}|{_QUOTED}")  # quoted text is no place for holes


@dataclass(frozen=True, slots=True)
class Bind:
    value: Any


@dataclass(frozen=True)
class Sql:
    pieces: tuple[str | Bind, ...]

    def render(self) -> tuple[str, dict[str, Any]]:
        """Statement text and the values bound to it."""
        return self._rendered

    @cached_property
    def _rendered(self) -> tuple[str, dict[str, Any]]:
        texts, values = render_all([self])
        return texts[0], values

    def mentions(self, alias: str) -> bool:
        """Whether the text reads a column of the table alias."""
        return bool(self.columns(alias))

    def columns(self, alias: str) -> set[str]:
        """The columns of the table alias that the text reads."""
        return {found for piece in self.pieces if isinstance(piece, str) for found in re.findall(rf"\b{alias}\.(\w+)", piece)}


def free_names(text: str, translate: str = r"%(\1)s") -> str:
    """Rewrite every `:name` outside quotes; the way to another driver's placeholder style."""
    hole = re.compile(rf"{_QUOTED}|(?<![:\w]):([a-z_]\w*)")
    return hole.sub(lambda found: found.expand(translate) if found.group(1) else found.group(), text)


def render_all(statements: Iterable[Sql]) -> tuple[list[str], dict[str, Any]]:
    """Several statements whose bound values share one dictionary."""
    names: dict[Any, str] = {}

    def name(piece: str | Bind) -> str:
        if isinstance(piece, str):
            return piece
        return ":" + names.setdefault((type(piece.value), piece.value), f"p{len(names)}")

    texts = ["".join(name(piece) for piece in statement.pieces) for statement in statements]
    return texts, {bound: value for (_, value), bound in names.items()}


def sql(template: str, **parts: Any) -> Sql:
    """Compose a statement. Raises KeyError: a `{hole}` without a part; ValueError: a part without a hole."""
    pieces: list[str | Bind] = []
    used: set[str] = set()
    for text, bound, spliced in _read(template):
        if text:
            pieces.append(text)
        if spliced:
            pieces.extend(parts[spliced].pieces)
            used.add(spliced)
        elif bound in parts:
            pieces.append(Bind(parts[bound]))
            used.add(bound)
        elif bound:
            pieces.append(f":{bound}")
    if len(used) < len(parts):
        raise ValueError(f"parts never used: {sorted(parts.keys() - used)}")
    return Sql(tuple(pieces))


@lru_cache(8192)
def _read(template: str) -> tuple[tuple[str, str, str], ...]:
    """The holes of a template: the text before each, the name to bind, the name to splice; the rest of the text at the end."""
    found: list[tuple[str, str, str]] = []
    at = 0
    for hole in _HOLE.finditer(template):
        if hole[1] or hole[2]:
            found.append((template[at:hole.start()], hole[1] or "", hole[2] or ""))
            at = hole.end()
    return (*found, (template[at:], "", ""))


def join(separator: str, fragments: Iterable[Sql]) -> Sql:
    """Fragments in order with the separator between them."""
    pieces: list[str | Bind] = []
    for fragment in fragments:
        pieces += [separator, *fragment.pieces] if pieces else fragment.pieces
    return Sql(tuple(pieces))


def case(arms: Iterable[tuple[Sql, Sql]], otherwise: Sql | None = None) -> Sql:
    """CASE over (condition, value) pairs, the first match wins."""
    whens = [sql("WHEN {when} THEN {then}", when=when, then=then) for when, then in arms]
    tail = [sql("ELSE {value}", value=otherwise)] if otherwise else []
    return sql("CASE {arms} END", arms=join(" ", [*whens, *tail]))


def fold(text: str) -> str:
    """Text as it is compared: without case, one character for one. The same on both engines (a test holds them to it)."""
    if text.isascii():
        return text.lower()
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)
