"""The operators of the rule language, one row each, and what a value must be for each kind of field."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ...clock import DAY, in_words, parse_duration, parse_moment
from ...errors import BadInput, listing
from ...sql import Sql, fold, join, sql
from .reader import LONGEST_TEXT, Reader, usable_text

Takes = Literal["nothing", "one", "two", "many", "duration"]
FAMILY = {"text": "text", "enum": "text", "number": "number", "date": "time", "datetime": "time", "bool": "bool",
          "list": "list"}
KIND_WORDS = {"text": "a text", "enum": "one of its options", "number": "a number", "bool": "true or false",
              "date": "a date like 2026-03-01", "datetime": "a moment like 2026-03-01T09:00:00Z", "list": "a text"}
MOST_VALUES = 1_000


@dataclass(frozen=True)
class Column:
    """What is compared: an SQL expression, its kind, and whether its text is stored folded."""

    expression: Sql
    kind: str
    folded: bool = False


@dataclass(frozen=True)
class Operator:
    """One comparison. `forms` says it in SQL per family of kinds: {x} the column, :a and :z the (first and last) value."""

    key: str
    label: str  # as a choice in a menu
    words: str  # in a sentence: {value} is where the value stands
    takes: Takes
    forms: Mapping[str, str] = field(hash=False)

    @property
    def looks_inside(self) -> bool:
        """Whether it looks for a part of a text, and not for a whole one."""
        return self.key in ("contains", "starts_with", "ends_with")

    def allows(self, kind: str) -> bool:
        """Whether a field of this kind can be compared so."""
        return FAMILY[kind] in self.forms


_LIKE = {"text": "{x} LIKE :a ESCAPE '\\'"}
_INSIDE = {"text": "INSTR({x}, :a) > 0"}  # a tenth faster than LIKE
# A list is JSON text of trimmed texts: an unescaped quote behind `[` or `, ` opens an item and nothing else.
_HOLDS = {"list": "({x} LIKE :a ESCAPE '\\' OR {x} LIKE :z ESCAPE '\\')"}
_SET, _NOT_SET = "{x} IS NOT NULL", "{x} IS NULL"
_FAMILIES = ("text", "number", "time", "bool", "list")
# Of a day, :a is its first second and :z its last: a date without a time of day stands for the whole day.
OPERATORS: dict[str, Operator] = {row.key: row for row in (
    Operator("is", "is", "is {value}", "one",
             {"text": "{x} = :a", "number": "{x} = :a", "time": "{x} BETWEEN :a AND :z", "bool": "{x} = :a"}),
    Operator("is_not", "is not", "is not {value}", "one",
             {"text": "{x} <> :a", "number": "{x} <> :a", "time": "{x} NOT BETWEEN :a AND :z", "bool": "{x} <> :a"}),
    Operator("contains", "contains", "contains {value}", "one", _INSIDE | _HOLDS),
    Operator("starts_with", "starts with", "starts with {value}", "one", _LIKE),
    Operator("ends_with", "ends with", "ends with {value}", "one", _LIKE),
    Operator("at_least", "is at least", "is at least {value}", "one", {"number": "{x} >= :a", "time": "{x} >= :a"}),
    Operator("at_most", "is at most", "is at most {value}", "one", {"number": "{x} <= :a", "time": "{x} <= :z"}),
    Operator("more_than", "is more than", "is more than {value}", "one", {"number": "{x} > :a", "time": "{x} > :z"}),
    Operator("less_than", "is less than", "is less than {value}", "one", {"number": "{x} < :a", "time": "{x} < :a"}),
    Operator("between", "is between", "is between {value}", "two",
             {"number": "{x} BETWEEN :a AND :z", "time": "{x} BETWEEN :a AND :z"}),
    Operator("before", "is before", "is before {value}", "one", {"time": "{x} < :a"}),
    Operator("after", "is after", "is after {value}", "one", {"time": "{x} > :z"}),
    Operator("within_last", "is within the last", "is within the last {value}", "duration",
             {"time": "({x} > :now - :a AND {x} <= :now)"}),
    Operator("in", "is one of", "is one of {value}", "many", {"text": "{x} IN ({many})", "number": "{x} IN ({many})"}),
    Operator("not_in", "is none of", "is none of {value}", "many",
             {"text": "{x} NOT IN ({many})", "number": "{x} NOT IN ({many})"}),
    Operator("is_set", "is known", "is known", "nothing", dict.fromkeys(_FAMILIES, _SET)),
    Operator("is_not_set", "is not known", "is not known", "nothing", dict.fromkeys(_FAMILIES, _NOT_SET)),
)}


@dataclass(frozen=True)
class Comparison:
    """An operator with its values, as they stand in the document, for one kind of field."""

    operator: Operator
    kind: str
    values: tuple[Any, ...]

    def sql(self, column: Column) -> Sql:
        """The comparison as a condition; NULL where the column is."""
        template = self.operator.forms[FAMILY[self.kind]]
        holes = {"x": _cell(column, self.values) if FAMILY[self.kind] in ("text", "list") else column.expression}
        bound = self._bound()
        if "{many}" in template:
            return sql(template, **holes, many=join(", ", [sql(":v", v=value) for value in bound]))
        given = {"a": bound[0], "z": bound[-1]} if bound else {}
        return sql(template, **holes, **{name: value for name, value in given.items() if f":{name}" in template})

    def _bound(self) -> list[Any]:
        """What is bound: folded text, patterns, seconds, numbers as floats."""
        if self.operator.takes == "duration":
            return [parse_duration(self.values[0])]
        if FAMILY[self.kind] == "time":
            spans = [span_of(value) for value in self.values]
            return [spans[0][0], spans[-1][1]] if spans else []
        if FAMILY[self.kind] == "number":
            return [float(value) for value in self.values]
        if self.kind == "bool":
            return [int(value) for value in self.values]
        folded = [fold(value) for value in self.values]
        if self.kind == "list":
            return [pattern for value in folded for pattern in _item_patterns(value)]
        return [_pattern(self.operator.key, value) if "LIKE" in self.operator.forms["text"] else value for value in folded]

    @property
    def window_s(self) -> int | None:
        """Seconds after which a moment falls out of the comparison by itself."""
        return parse_duration(self.values[0]) if self.operator.takes == "duration" else None

    def words(self) -> str:
        """The comparison inside a sentence."""
        return self.operator.words.replace("{value}", self._said())

    def _said(self) -> str:
        if self.operator.takes == "duration":
            return in_words(parse_duration(self.values[0]))
        return (" or " if self.operator.takes == "many" else " and ").join(say(value) for value in self.values)

    def document(self) -> dict[str, Any]:
        """As in the file."""
        if self.operator.takes == "nothing":
            return {"op": self.operator.key}
        many = self.operator.takes in ("two", "many")
        return {"op": self.operator.key, "value": list(self.values) if many else self.values[0]}


def say(value: Any) -> str:
    """A value in a sentence."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


def span_of(value: str | int | float) -> tuple[int, int]:
    """First and last second that a date or moment stands for. Raises BadInput."""
    start = parse_moment(value)
    bare = isinstance(value, str) and len(value.strip()) == 10 and value.strip()[4:5] == "-"
    return (start, start + DAY - 1) if bare else (start, start)


# ------------------------------------------------------------ reading


def read_comparison(reader: Reader, kind: str, options: Sequence[str] = (), longest: int = LONGEST_TEXT) -> Comparison | None:
    """The `op` and `value` of a leaf. Problems go to the reader; None when there was one."""
    key = reader.take("op", "is")
    operator = OPERATORS.get(key) if isinstance(key, str) else None
    possible = [row.key for row in OPERATORS.values() if row.allows(kind)]
    if operator is None or not operator.allows(kind):
        reader.take("value")
        found = "unknown operator" if operator is None else "operator"
        reader.problem("op", "operator", f"{found} {key!r} for {kind}: choose one of {listing(possible, 20)}")
        return None
    values = _read_values(reader, operator, kind, options)
    if values is None:
        return None
    if FAMILY[kind] == "text" and longest < LONGEST_TEXT:
        values = [value[:longest] for value in values]
    return Comparison(operator, kind, tuple(values))


def _read_values(reader: Reader, operator: Operator, kind: str, options: Sequence[str]) -> list[Any] | None:
    given = reader.take("value")
    if operator.takes == "nothing" and not reader.has("value"):
        return []
    several = operator.takes in ("two", "many")
    values = given if several and isinstance(given, list) else [given]
    wrong = _misshapen(operator, reader.has("value"), given) or next(
        (why for value in values if (why := _refused(operator, kind, options, value))), "")
    if not wrong and operator.takes == "two" and _order(kind, values[0]) > _order(kind, values[1]):
        wrong = f"{say(values[0])} comes after {say(values[1])}: write the smaller one first"
    if wrong:
        reader.problem("value", "value", wrong)
        return None
    return values


def _misshapen(operator: Operator, written: bool, given: Any) -> str:
    """Why the operator can not take so many values; empty when it can."""
    if operator.takes == "nothing":
        return f"{operator.key} takes no value"
    if not written:
        return f"{operator.key} needs a value"
    if operator.takes == "two":
        return "" if isinstance(given, list) and len(given) == 2 else "between takes a list of two values"
    if operator.takes == "many":
        fits = isinstance(given, list) and 0 < len(given) <= MOST_VALUES
        return "" if fits else f"{operator.key} takes a list of 1 to {MOST_VALUES:,} values"
    return f"{operator.key} takes one value, not a list" if isinstance(given, list) else ""


def _refused(operator: Operator, kind: str, options: Sequence[str], value: Any) -> str:
    """Why a value can not be used; empty when it can."""
    if operator.takes == "duration":
        return duration_refused(value)
    if not _fits(kind, value):
        return f"{_shown(value)} is not {KIND_WORDS[kind]}"
    if kind == "enum" and options and not operator.looks_inside and fold(value) not in {fold(option) for option in options}:
        return f"{say(value)} is not an option: choose one of {listing(list(options))}"
    return ""


def _fits(kind: str, value: Any) -> bool:
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300 and math.isfinite(value)
    if FAMILY[kind] == "time":
        return isinstance(value, str | int) and not isinstance(value, bool) and _is_moment(value)
    return isinstance(value, str) and usable_text(value)


def duration_refused(value: Any) -> str:
    """Why a value is no duration; empty when it is."""
    try:
        seconds = parse_duration(value) if isinstance(value, str) else 0
    except (BadInput, OverflowError):
        seconds = 0
    return "" if 0 < seconds <= 100 * 366 * DAY else (
        f"{_shown(value)} is not a duration: write a number and s, m, h, d or w, for example 7d")


def _is_moment(value: Any) -> bool:
    try:
        parse_moment(value)
    except (BadInput, OverflowError):
        return False
    return True


def _order(kind: str, value: Any) -> float:
    return span_of(value)[0] if FAMILY[kind] == "time" else float(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _cell(column: Column, values: tuple[Any, ...]) -> Sql:
    """The column as text is compared: `lower` is enough, and fast, when all that we look for is ASCII."""
    if column.folded or not values:
        return column.expression
    lower = all(isinstance(value, str) and value.isascii() for value in values)
    return sql("lower({x})" if lower else "fold({x})", x=column.expression)


def _pattern(operator: str, value: str) -> str:
    """A LIKE pattern in which nothing that a person typed is a wildcard."""
    word = _escaped(value)
    return {"starts_with": f"{word}%", "ends_with": f"%{word}"}[operator]


def _item_patterns(value: str) -> tuple[str, str]:
    """LIKE patterns for an item of a JSON list: the first one, or a later one."""
    item = _escaped(json.dumps(value.strip(), ensure_ascii=False))
    return f"[{item}%", f"%, {item}%"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
