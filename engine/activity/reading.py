"""From the payload of an inbox item to the row of an event: names, moments, objects, money. Pure functions.

Raises BadInput where an item can not be understood; the intake keeps it aside with that reason.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from ..clock import parse_moment
from ..errors import BadInput
from ..maths.money import parse_currency, to_minor
from ..people.accounts import LONGEST
from ..people.identity import normalize_email
from ..sql import fold
from .events import INTERNAL, as_object
from .inbox import Waiting, as_json, storable

NAME_LENGTH, KEY_LENGTH = 200, 500
NAMES = ("external_id", "email", "anonymous_id")  # what a person can be called by, strongest first
_NUMBER = re.compile(r"-?\d{5,}(\.\d+)?", re.ASCII)
_LARGEST = 1 << 62
_MONEY = ("revenue", "value", "total")
_MILLISECONDS_FROM = 100_000_000_000  # a number above is milliseconds, as browsers count


@dataclass(frozen=True)
class Who:
    """The names by which an item knows its person, strongest first."""

    contact_id: int | None = None
    message_id: int | None = None
    external_id: str | None = None
    email: str | None = None
    anonymous_id: str | None = None

    @property
    def names(self) -> dict[str, str]:
        """The names by kind, strongest first."""
        given = ((kind, getattr(self, kind)) for kind in NAMES)
        return {kind: value for kind, value in given if value is not None}

    @property
    def nameable(self) -> bool:
        """Whether a contact can be made of it: an id of ours names one that exists, or nobody."""
        return self.contact_id is None and self.message_id is None


def read_who(payload: dict[str, Any]) -> Who:
    """Raises BadInput: nobody is named, or a name can not be one."""
    email = _key(payload, "email")
    who = Who(_id(payload, "contact_id"), _id(payload, "message_id"), _key(payload, "external_id"),
              normalize_email(email) if email else None, _key(payload, "anonymous_id"))
    if who == Who():
        raise BadInput("nobody is named: give an external id, an email address or an anonymous id")
    return who


def read_previous(payload: dict[str, Any]) -> Who:
    """The earlier name in an alias: an id of any kind, or an address. Raises BadInput."""
    name = _key(payload, "previous")
    if name is None:
        raise BadInput("an alias needs the previous name")
    try:
        email = normalize_email(name) if "@" in name else None
    except BadInput:
        email = None
    return Who(external_id=name, email=email, anonymous_id=name)


def read_event(item: Waiting, default_currency: str = "USD") -> dict[str, Any]:
    """The columns of an event but for its contact. Raises BadInput."""
    payload, props = item.payload, item.payload.get("props") or {}
    if not isinstance(props, dict):
        raise BadInput("props is not an object")
    name = read_name(payload.get("event"))
    if fold(name) in INTERNAL:
        raise BadInput(f"{name} is a signal of the engine to itself: name the event differently")
    value_minor, currency = _money(payload, props, default_currency)
    historic = int(bool(payload.get("historic")))
    return {
        "name": name, "object": as_object(_object(name, payload, props)),
        "occurred_at": read_occurred(payload, item.received_at, clamp=not historic), "received_at": item.received_at,
        "value_minor": value_minor, "currency": currency, "props": as_json(props), "dedupe_key": item.dedupe_key,
        "source": str(payload.get("source") or "api")[:100], "historic": historic, "verdict": _verdict(payload),
        "message_id": _id(payload, "message_id"),
    }


def read_enrollment(item: Waiting) -> dict[str, Any]:
    """The columns of the event by which somebody outside asks for a contact to enter a journey. Raises BadInput."""
    journey_id, props = _id(item.payload, "journey_id"), item.payload.get("props") or {}
    if journey_id is None or not isinstance(props, dict):
        raise BadInput("an enrollment names a journey, and its props are an object")
    return {"name": "journey_enroll", "object": str(journey_id), "occurred_at": item.received_at,
            "received_at": item.received_at, "props": as_json(props), "dedupe_key": item.dedupe_key, "historic": 0,
            "source": str(item.payload.get("source") or "api")[:100]}


def read_name(value: Any) -> str:
    """An event name as it was given, trimmed. Raises BadInput: none, or too long."""
    name = storable(value).strip() if isinstance(value, str) else ""
    if not name:
        raise BadInput("the event has no name")
    if len(name) > NAME_LENGTH:
        raise BadInput(f"the event name {name[:40]}… has {len(name)} characters, at most {NAME_LENGTH} are possible")
    return name


def read_occurred(payload: dict[str, Any], received_at: int, *, clamp: bool) -> int:
    """When it happened by our clock: received - (sent - occurred), where the sender said by its own clock when it sent.

    clamp: never later than it was received.
    """
    occurred, sent = read_moment(payload.get("occurred_at")), read_moment(payload.get("sent_at"))
    if occurred is None:
        return received_at
    corrected = math.floor(received_at - (sent - occurred)) if sent is not None else math.floor(occurred)
    return min(corrected, received_at) if clamp else corrected


def read_moment(value: Any) -> float | None:
    """UTC seconds of ISO text or an epoch in seconds or milliseconds; None for nothing. Raises BadInput."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadInput(f"{value!r} is not a moment")
    if isinstance(value, str):
        return _fraction(value)
    seconds = value / 1_000 if abs(value) > _MILLISECONDS_FROM else value
    parse_moment(seconds)  # the years that exist
    return float(seconds)


@lru_cache(4_096)
def _fraction(text: str) -> float:
    word = text.strip()
    if _NUMBER.fullmatch(word):
        return read_moment(float(word)) or 0.0
    try:
        moment = datetime.fromisoformat(word)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise BadInput(f"{word[:40]!r} is not a moment: write 2026-03-01T09:00:00Z or epoch seconds") from None


def _object(name: str, payload: dict[str, Any], props: dict[str, Any]) -> Any:
    if payload.get("object") is not None:
        return payload["object"]
    if name == "page_view":
        return props.get("path") or path_of(props.get("url"))
    if name == "screen_view":
        return props.get("name")
    return props.get("url") if name.endswith("_clicked") else None


def path_of(url: Any) -> str | None:
    """The path of a web address, None for what is none."""
    if not isinstance(url, str) or not url:
        return None
    try:
        return urlsplit(url).path or "/"
    except ValueError:  # an unclosed bracket of an IPv6 address
        return None


def _money(payload: dict[str, Any], props: dict[str, Any], default: str) -> tuple[int | None, str | None]:
    """`revenue` is money by its name; `value` and `total` may be anything (a rating, a count) unless a currency says so."""
    if payload.get("value_minor") is not None:
        return _id(payload, "value_minor"), parse_currency(str(payload.get("currency") or default))
    if payload.get("value") not in (None, ""):
        currency = parse_currency(str(payload.get("currency") or default))
        return to_minor(payload["value"], currency), currency
    given = props.get("currency")
    amounts = [props.get(name) for name in (_MONEY if given else _MONEY[:1])]
    return next((money for amount in amounts if (money := _try_money(amount, given or default))), (None, None))


def _try_money(amount: Any, currency: Any) -> tuple[int, str] | None:
    """None for what is no amount: it stays a property only."""
    if isinstance(amount, bool) or not isinstance(amount, str | int | float):
        return None
    try:
        code = parse_currency(str(currency))
        return to_minor(amount, code), code
    except BadInput:
        return None


def _id(payload: dict[str, Any], name: str) -> int | None:
    value = payload.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _LARGEST:
        raise BadInput(f"{name} {str(value)[:40]!r} is not a whole number that can be kept")
    return value


def _verdict(payload: dict[str, Any]) -> str | None:
    value = payload.get("verdict")
    if value not in (None, "human", "machine"):
        raise BadInput(f"verdict {value!r}: human or machine")
    return value


def read_account(payload: dict[str, Any]) -> str | None:
    """The name of an account. Raises BadInput: too long."""
    name = _key(payload, "account")
    if name is not None and len(name) > LONGEST:
        raise BadInput(f"the account name has {len(name)} characters, at most {LONGEST} are possible")
    return name


def read_traits(payload: dict[str, Any], key: str = "traits") -> dict[str, Any]:
    """Facts by name. Raises BadInput: not an object."""
    traits = payload.get(key) or {}
    if not isinstance(traits, dict):
        raise BadInput(f"{key} is not an object")
    return traits


def _key(payload: dict[str, Any], name: str) -> str | None:
    value = payload.get(name)
    if value is None or isinstance(value, bool | dict | list):
        return None
    word = storable(str(value)).strip()
    if len(word) > KEY_LENGTH:
        raise BadInput(f"{name} has {len(word)} characters, at most {KEY_LENGTH} are possible")
    return word or None
