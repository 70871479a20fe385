"""What a website says of a person or a company, as fields: new facts become fields of their own, within reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..access import RUNNER
from ..errors import BadInput
from ..people.fields import CONTACT, Entity, Field, catalogue, check_name, define_many, parse_value
from ..sql import fold
from ..store import Store

MOST_MADE = 200  # fields in all, up to which a call may make new ones: write keys are no secret in a browser
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*", re.ASCII)


def define_missing(store: Store, said: Iterable[Mapping[str, Any]], *, now: int, entity: Entity = CONTACT) -> None:
    """Make fields for facts never heard of, of the kind of their first value. Needs a transaction."""
    known = catalogue(store, entity)
    wanted: dict[str, tuple[str, tuple[str, ...]]] = {}
    seen = set(known)
    for traits in said:
        for name, value in traits.items():
            if fold(name) not in seen and value is not None and (kind := kind_of(value)) and _can_name(name, entity):
                seen.add(fold(name))
                wanted[name] = (kind, ())
    room = MOST_MADE - (len(known) - len(entity.built_in))
    if wanted and room > 0:
        define_many(store, dict(list(wanted.items())[:room]), by=RUNNER, now=now, entity=entity)


def usable(fields: Mapping[str, Field], traits: Mapping[str, Any],
           read: Callable[[Field, Any], Any] = parse_value) -> tuple[dict[str, Any], list[str]]:
    """Values by field key, and what is wrong with the others."""
    values, reasons = {}, []
    for name, value in traits.items():
        field = fields.get(fold(" ".join(name.split())))
        try:
            if field is None:
                reasons.append(f"{name[:60]!r} is not a field, and can not become one")
            elif read(field, value) is not None:
                values[field.key] = value
        except BadInput as error:
            reasons.append(f"{field.name if field else name}: {error}")
    return values, reasons


def kind_of(value: Any) -> str | None:
    """The kind of field that fits a JSON value; None for what no field holds."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, list):
        return "list" if all(isinstance(item, str | int | float) for item in value) else None
    if not isinstance(value, str) or not value.strip():
        return None
    if _DAY.fullmatch(value.strip()):
        return "date"
    return "datetime" if _MOMENT.fullmatch(value.strip()) else "text"


def _can_name(name: str, entity: Entity) -> bool:
    try:
        check_name(name, entity)
    except BadInput:
        return False
    return True
