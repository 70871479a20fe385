"""The facts that contacts and companies can have: built in, or made by the team as a typed column of its own."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from .. import audit
from ..access import Actor, require
from ..clock import DAY, iso, parse_moment
from ..errors import BadInput, listing
from ..maths.zones import find_zone
from ..sql import Sql, fold, sql
from ..store import Store

MOST_FIELDS = 500  # an engine takes 1,600 to 2,000 columns; the rest is kept for what comes later
LONGEST_TEXT = 100_000
LONGEST_NAME = 120
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_EPOCH = date(1970, 1, 1).toordinal()
_WORDS = {"true": 1, "yes": 1, "y": 1, "t": 1, "1": 1, "on": 1, "false": 0, "no": 0, "n": 0, "f": 0, "0": 0, "off": 0}


@dataclass(frozen=True)
class Field:
    """One fact. `key` is the folded name, `column` the column it is kept in; date and datetime are UTC seconds there."""

    key: str
    name: str
    kind: str
    column: str
    options: tuple[str, ...] = ()

    @property
    def made(self) -> bool:
        """Whether the team made it."""
        return self.column.startswith("cf_")


@dataclass(frozen=True)
class Entity:
    """Who has fields. key: its table, and its word in the catalogue. built_in: what it has from the start; reserved: names
    that are no field of anybody's making."""

    key: str
    built_in: Mapping[str, Field]
    reserved: frozenset[str]


@dataclass(frozen=True)
class Kind:
    """What a kind of field is stored as, how a value is read, and how it is shown."""

    type: str
    read: Callable[[Field, Any], Any]
    show: Callable[[Any], Any] = lambda value: value


# ------------------------------------------------------------ values


def parse_value(field: Field, text: Any) -> Any:
    """The stored value of what was typed or sent. Raises BadInput: not a value of this field.

    Empty text means no value and gives None. Values of the right type pass.
    """
    if text is None or (isinstance(text, str) and (not text or text.isspace())):
        return None
    if field.column == "time_zone":
        return _zone(text)
    return KINDS[field.kind].read(field, text)


def shown(field: Field, value: Any) -> Any:
    """A stored value as people and JSON know it: ISO text for dates, true and false, lists."""
    return None if value is None else KINDS[field.kind].show(value)


def as_text(field: Field, alias: str) -> Sql:
    """The stored value as text for the change log, the same on both engines."""
    column = sql(f"{alias}.{field.column}")
    return number_text(column) if field.kind == "number" else sql("CAST({column} AS TEXT)", column=column)


def number_text(number: Sql) -> Sql:
    """A number as text, 5.0 as `5`."""
    return sql("CASE WHEN abs({number}) < 1e15 AND {number} = CAST({number} AS BIGINT) "
               "THEN CAST(CAST({number} AS BIGINT) AS TEXT) ELSE CAST({number} AS TEXT) END", number=number)


def said(value: Any) -> str | None:
    """A stored value as text for the change log: 5.0 is `5`."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return None if value is None else str(value)


def _text(_: Field, value: Any) -> str:
    word = value.strip() if isinstance(value, str) else _plain(value)
    if len(word) > LONGEST_TEXT:
        raise BadInput(f"a text of {len(word):,} characters is too long: {LONGEST_TEXT:,} at most")
    if word.isascii() and "\x00" not in word:
        return word
    if "\x00" in word:
        raise BadInput("the text holds a NUL character")
    return word.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | tuple) else str(value)


def _number(_: Field, value: Any) -> float:
    word = value.strip() if isinstance(value, str) else value
    if isinstance(word, str):
        if _GROUPED.fullmatch(word):
            word = word.replace(",", "")
        if not _NUMBER.fullmatch(word):
            raise BadInput(f"{_short(value)} is not a number")
    elif isinstance(word, bool) or not isinstance(word, int | float):
        raise BadInput(f"{_short(value)} is not a number")
    try:
        number = float(word)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise BadInput(f"{_short(value)} is not a number that can be kept")
    return number


def _date(_: Field, value: Any) -> int:
    """UTC midnight of the day."""
    if isinstance(value, str) and _DAY.fullmatch(value.strip()):
        try:
            return (date.fromisoformat(value.strip()).toordinal() - _EPOCH) * DAY
        except ValueError:
            raise BadInput(f"{_short(value)} is not a day of the calendar") from None
    return _moment(_, value) // DAY * DAY


def _moment(_: Field, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadInput(f"{_short(value)} is not a date")
    try:
        return parse_moment(value)
    except (ValueError, OverflowError):
        raise BadInput(f"{_short(value)} is not a date") from None


def _bool(_: Field, value: Any) -> int:
    found = _WORDS.get(str(int(value)) if isinstance(value, bool) else str(value).strip().lower())
    if found is None:
        raise BadInput(f"{_short(value)} is not true or false")
    return found


def _option(field: Field, value: Any) -> str:
    word = fold(_text(field, value))
    for option in field.options:
        if fold(option) == word:
            return option
    raise BadInput(f"{_short(value)} is not one of {listing(list(field.options))}")


def _list(_: Field, value: Any) -> str:
    """A JSON list of texts; from text, items stand between semicolons."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            raise BadInput(f"{_short(value)} is not a JSON list") from None
    items = value.split(";") if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise BadInput(f"{_short(value)} is not a list")
    return json.dumps([_text(_, item) for item in items if str(item).strip()], ensure_ascii=False)


def _zone(value: Any) -> str:
    found = find_zone(str(value))
    if found is None:
        raise BadInput(f"{_short(value)} is not a time zone: write a name such as Europe/Berlin")
    return found


def _short(value: Any) -> str:
    word = value if isinstance(value, str) else str(value)
    return repr(word if len(word) <= 60 else word[:57] + "…")


KINDS: dict[str, Kind] = {
    "text": Kind("TEXT", _text),
    "number": Kind("{real}", _number, lambda value: int(value) if float(value).is_integer() else value),
    "date": Kind("{big}", _date, lambda value: (iso(value) or "")[:10]),
    "datetime": Kind("{big}", _moment, iso),
    "bool": Kind("{big}", _bool, bool),
    "enum": Kind("TEXT", _option),
    "list": Kind("TEXT", _list, json.loads),
}

CHANNELS = ("email", "sms", "push", "chat", "print")  # what somebody may agree to, and may prefer
BUILT_IN: dict[str, Field] = {name: Field(name, name, kind, name, CHANNELS if kind == "enum" else ()) for name, kind in (
    ("email", "text"), ("external_id", "text"), ("phone", "text"), ("first_name", "text"), ("last_name", "text"),
    ("time_zone", "text"), ("locale", "text"), ("preferred_channel", "enum"), ("stage", "text"), ("owner", "text"),
    ("source", "text"), ("created_at", "datetime"), ("do_not_sell", "bool"),
)}
CONTACT = Entity("contact", BUILT_IN, frozenset({
    "id", "contact_id", "anonymous_id", "account_id", "hash31", "anonymous", "restricted", "is_test", "fit_score",
    "engagement_score", "updated_at"}))

# ------------------------------------------------------------ the catalogue


def catalogue(store: Store, entity: Entity = CONTACT) -> dict[str, Field]:
    """Every field by folded name, the built-in ones first."""
    made = store.rows("SELECT f.key, f.name, f.kind, f.column_name, f.options FROM field f "
                      "WHERE f.entity = :entity ORDER BY f.id", entity=entity.key)
    return dict(entity.built_in) | {row[0]: Field(row[0], row[1], row[2], row[3], tuple(json.loads(row[4]))) for row in made}


def check_name(name: str, entity: Entity = CONTACT) -> str:
    """The name a field can have, trimmed. Raises BadInput."""
    trimmed = " ".join(name.split())
    if not trimmed or len(trimmed) > LONGEST_NAME or not re.search(r"\w", trimmed) or not trimmed.isprintable():
        raise BadInput(f"{_short(name)} can not name a field: use 1 to {LONGEST_NAME} characters, letters or digits "
                       "among them")
    if fold(trimmed) in entity.reserved:
        raise BadInput(f"{trimmed!r} is kept for the engine: name the field differently")
    return trimmed


def define(store: Store, name: str, kind: str, *, by: Actor, now: int, options: Sequence[str] = (),
           entity: Entity = CONTACT) -> Field:
    """Make a field, or return the one of this name and kind. Raises BadInput: bad name or kind, or another kind."""
    return define_many(store, {name: (kind, options)}, by=by, now=now, entity=entity)[0]


def define_many(store: Store, wanted: Mapping[str, tuple[str, Sequence[str]]], *, by: Actor, now: int,
                entity: Entity = CONTACT) -> list[Field]:
    """Make fields in one transaction: name → (kind, options)."""
    require(by, "market")
    with store.transaction():
        store.serialize("field")
        known = catalogue(store, entity)
        made = []
        for name, (kind, options) in wanted.items():
            found = _check(known, name, kind, options, entity) or _make(store, entity, check_name(name, entity), kind,
                                                                        tuple(options), now)
            if found.key not in known:
                audit.record(store, by, "field made", found.name, now=now, kind=kind, of=entity.key)
            known[found.key] = found
            made.append(found)
    return made


def _check(known: Mapping[str, Field], name: str, kind: str, options: Sequence[str], entity: Entity) -> Field | None:
    trimmed = check_name(name, entity)
    if kind not in KINDS:
        raise BadInput(f"field {trimmed!r}: no kind {kind!r}; choose one of {', '.join(KINDS)}")
    if kind == "enum" and not options:
        raise BadInput(f"field {trimmed!r}: an enum needs its options")
    found = known.get(fold(trimmed))
    if found and found.kind != kind:
        raise BadInput(f"field {found.name!r} exists already of the kind {found.kind}, not {kind}")
    if not found and len(known) - len(entity.built_in) >= MOST_FIELDS:
        raise BadInput(f"field {trimmed!r}: there are {MOST_FIELDS} fields already, which is the most")
    return found


def _make(store: Store, entity: Entity, name: str, kind: str, options: tuple[str, ...], now: int) -> Field:
    made = store.one("INSERT INTO field (entity, key, name, kind, options, column_name, created_at) VALUES "
                     "(:entity, :key, :name, :kind, :options, '', :now) RETURNING id",
                     entity=entity.key, key=fold(name), name=name, kind=kind, options=json.dumps(options), now=now)
    column = f"cf_{made}"
    store.run("UPDATE field SET column_name = :column WHERE id = :id", column=column, id=made)
    store.script([f"ALTER TABLE {entity.key} ADD COLUMN {column} {KINDS[kind].type}"])
    if kind in ("date", "datetime"):  # the watch asks each second whose date has come
        store.script([f"CREATE INDEX {entity.key}_{column} ON {entity.key} ({column}) WHERE {column} IS NOT NULL"])
    return Field(fold(name), name, kind, column, options)
