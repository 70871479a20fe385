"""Segment's tracking format: from the JSON of a request to items for the inbox. Pure functions.

https://segment.com/docs/connections/spec/ describes it; `docs/tracking.md` says what we make of each call. One bad item is
turned away with its reason, the rest of its batch is kept.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ..activity.events import DECIDED, INTERNAL
from ..activity.inbox import Item
from ..activity.reading import path_of, read_moment, read_name
from ..content.templates import CHANNELS
from ..errors import BadInput
from ..sql import fold

ITEM_BYTES, BATCH_BYTES = 32 * 1024, 500 * 1024
KINDS = ("track", "identify", "page", "screen", "group", "alias")
# A write key is no secret in a browser: nobody may forge a click, or a signal of the engine to itself.
OWN_NAMES = INTERNAL | DECIDED | {"message_skipped"} | {
    f"{channel}_{end}" for channel in CHANNELS
    for end in ("sent", "opened", "clicked", "unsubscribed", "failed", "bounced", "complained")}
_DEPTH = 30
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_CAMPAIGN = {"source": "utm_source", "medium": "utm_medium", "name": "utm_campaign", "term": "utm_term",
             "content": "utm_content"}
_TRAITS = {"firstname": "first_name", "lastname": "last_name", "timezone": "time_zone",
           "preferredchannel": "preferred_channel"}
# What a page on the open internet may not say about a person: it is decided here, or asked for with a text shown.
_OURS = frozenset({"id", "email_consent", "sms_consent", "consent", "stage", "owner", "source", "tags", "lists", "account",
                   "created_at", "updated_at", "fit_score", "engagement_score", "hash31", "anonymous", "restricted", "is_test",
                   "external_id", "externalid"})
# … and about a company: its domain decides who belongs to it.
_OURS_OF_COMPANIES = frozenset({"id", "name", "domain"})
_COMPANY_TRAITS = {"address city": "city", "address country": "country"}


@dataclass(frozen=True)
class Refusal:
    """One item that was turned away: its place in the batch, a stable code and a sentence."""

    index: int
    code: str
    message: str


@dataclass(frozen=True)
class Translated:
    """What a request came to."""

    items: list[Item]
    refusals: list[Refusal]


class _No(Exception):
    """An item that can not be used."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def translate(document: dict[str, Any], kind: str) -> Translated:
    """Items of a request to /v1/<kind>; `batch` holds several. Refused ones become items too, so that they can be seen."""
    messages = document.get("batch") if kind == "batch" else [document]
    if not isinstance(messages, list):
        raise BadInput("a batch needs `batch`: a list of calls")
    items, refusals = [], []
    for index, message in enumerate(messages):
        try:
            items.append(_item(message, None if kind == "batch" else kind, document))
        except (_No, BadInput) as error:
            refusals.append(Refusal(index, getattr(error, "code", "bad_value"), str(error)))
            items.append(_refused(message, str(error)))
    return Translated(items, refusals)


def enrollments(document: dict[str, Any], journey_id: int) -> Translated:
    """Items of a request to /v1/journeys/NAME/enroll: `contacts`, a list of {userId or email, properties, messageId}, or one
    of them. Raises BadInput: no list."""
    asked = document.get("contacts", [document])
    if not isinstance(asked, list) or not asked:
        raise BadInput("write `contacts`: a list of objects with userId or email, and properties")
    items, refusals = [], []
    for index, one in enumerate(asked):
        try:
            items.append(_enrollment(one, journey_id))
        except (_No, BadInput) as error:
            refusals.append(Refusal(index, getattr(error, "code", "bad_value"), str(error)))
            items.append(_refused(one, str(error)))
    return Translated(items, refusals)


def _enrollment(one: Any, journey_id: int) -> Item:
    if not isinstance(one, dict):
        raise _No("not_an_object", "a contact is a JSON object with userId or email")
    if not _shallow(one, _DEPTH) or not _small(one):
        raise _No("too_large", f"at most {ITEM_BYTES // 1024} KB and {_DEPTH} levels for each")
    email = one.get("email")
    if email is not None and (not isinstance(email, str) or not _EMAIL.fullmatch(email.strip())):
        raise _No("bad_email", f"{str(email)[:60]!r} is no email address")
    who = _who(one) if one.get("userId") else {}
    who |= {"email": email.strip()} if email else {}
    if not who.get("external_id") and not who.get("email"):
        raise _No("nobody", "say who enters: userId or email")
    payload = who | {"journey_id": journey_id, "props": _object(one, "properties"), "source": "api"}
    return Item("enroll", _key(one, "enroll"), payload)


def _item(message: Any, kind: str | None, envelope: dict[str, Any]) -> Item:
    if not isinstance(message, dict):
        raise _No("not_an_object", "a call is a JSON object")
    if not _shallow(message, _DEPTH):
        raise _No("too_deep", f"nested deeper than {_DEPTH} levels")
    if kind is None and not _small(message):
        raise _No("too_large", f"a call is at most {ITEM_BYTES // 1024} KB")
    kind = kind or str(message.get("type") or message.get("action") or "")
    if kind not in KINDS:
        raise _No("unknown_type", f"type {kind[:40]!r}: one of {', '.join(KINDS)}")
    if kind == "alias":
        return _alias(message)
    if kind == "identify":
        return _identify(message)
    return _group(message) if kind == "group" else _event(message, kind, envelope)


# ------------------------------------------------------------ the calls


def _event(message: dict[str, Any], kind: str, envelope: dict[str, Any]) -> Item:
    name = _name(message) if kind == "track" else f"{kind}_view"
    props = dict(_object(message, "properties"))
    if kind != "track":
        props |= {key: message[key] for key in ("name", "category") if message.get(key) and key not in props}
    context = _object(message, "context")
    for key, value in _circumstances(context, props, kind).items():
        props.setdefault(key, value)
    payload = _who(message) | _times(message, envelope) | {"event": name, "props": props, "source": "api"}
    return Item("track", _key(message, kind), payload)


def _name(message: dict[str, Any]) -> str:
    name = read_name(message.get("event"))
    if fold(name) in OWN_NAMES:
        raise _No("reserved_name", f"{name} is told by the engine itself: name the event differently")
    return name


def _identify(message: dict[str, Any]) -> Item:
    traits = _object(message, "traits") or _object(_object(message, "context"), "traits")
    payload = _who(message, traits) | {"traits": _fields(traits, _object(message, "context")), "source": "api"}
    return Item("identify", _key(message, "identify"), payload)


def _group(message: dict[str, Any]) -> Item:
    group, traits = message.get("groupId", message.get("group_id")), _object(message, "traits")
    name = traits.get("name") or group
    if not isinstance(name, str | int) or not str(name).strip():
        raise _No("no_group", "a group call needs `groupId`")
    facts = {_COMPANY_TRAITS.get(key.lower(), key): value for key, value in _flat(traits).items()
             if key.lower() not in _OURS_OF_COMPANIES}
    payload = _who(message) | {"account": str(name).strip(), "account_traits": facts, "traits": {}, "source": "api"}
    return Item("identify", _key(message, "group"), payload)


def _alias(message: dict[str, Any]) -> Item:
    previous = _text(message.get("previousId", message.get("previous_id")))
    if previous is None or _text(message.get("userId", message.get("user_id"))) is None:
        raise _No("no_identity", "an alias call needs `userId` and `previousId`")
    return Item("alias", _key(message, "alias"), _who(message) | {"previous": previous, "source": "api"})


def _refused(message: Any, reason: str) -> Item:
    kept = message if _shallow(message, _DEPTH) and _small(message) else None
    return Item("refused", f"refused:{secrets.token_hex(8)}", {"reason": reason, "item": kept})


# ------------------------------------------------------------ who and when


def _who(message: dict[str, Any], traits: dict[str, Any] | None = None) -> dict[str, Any]:
    user = _text(message.get("userId", message.get("user_id")))
    browser = _text(message.get("anonymousId", message.get("anonymous_id")))
    email = _text((traits or _object(_object(message, "context"), "traits")).get("email")) if traits or not user else None
    if user and _EMAIL.fullmatch(user):  # many sites use the address as the id
        user, email = None, email or user
    who = {"external_id": user, "email": email if email and _EMAIL.fullmatch(email) else None, "anonymous_id": browser}
    if not any(who.values()):
        raise _No("no_identity", "a call needs `userId` or `anonymousId`")
    return {key: value for key, value in who.items() if value}


def _times(message: dict[str, Any], envelope: dict[str, Any]) -> dict[str, Any]:
    """The sender's clock. A call that says when it was received was corrected by whoever forwards it."""
    own, corrected = message.get("originalTimestamp"), message.get("timestamp")
    if message.get("receivedAt"):
        return _moments(corrected or own, None)
    sent = message.get("sentAt") or envelope.get("sentAt")
    return _moments(own or corrected, sent) if sent else _moments(corrected or own, None)


def _moments(occurred: Any, sent: Any) -> dict[str, Any]:
    found = {"occurred_at": read_moment(occurred)}
    return found | {"sent_at": read_moment(sent)} if sent and occurred else found


def _key(message: dict[str, Any], kind: str) -> str:
    """The sender's message id; else, where it says when, the call itself; else each arrival is another one."""
    given = _text(message.get("messageId", message.get("message_id")))
    if given:
        return f"{kind}:{given[:200]}"
    if not message.get("timestamp") and not message.get("originalTimestamp"):
        return f"{kind}:{secrets.token_hex(16)}"
    said = {key: value for key, value in message.items() if key not in ("sentAt", "writeKey", "receivedAt")}
    return f"{kind}:{hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:40]}"


# ------------------------------------------------------------ what it says


def _circumstances(context: dict[str, Any], props: dict[str, Any], kind: str) -> dict[str, Any]:
    """From the context: the campaign that brought the visit, the page, the device and the address."""
    page, campaign = _object(context, "page"), _object(context, "campaign")
    found: dict[str, Any] = {}
    if kind == "page":
        found |= {key: page[key] for key in ("path", "url", "title", "search") if key in page}
        found |= {"path": path} if (path := path_of(props.get("url"))) else {}
    found |= {name: campaign[key] for key, name in _CAMPAIGN.items() if campaign.get(key)}
    url = props.get("url") or found.get("url") or page.get("url")
    found |= {key: value for key, value in _query(url).items() if key not in found}
    found |= {key: page[key] for key in ("referrer",) if page.get(key)}
    agent = context.get("userAgent") or context.get("user_agent")
    return found | {key: value for key, value in (("user_agent", agent), ("ip", context.get("ip"))) if value}


def _query(url: Any) -> dict[str, str]:
    """Campaign labels and click ids in the address of a page."""
    if not isinstance(url, str) or "?" not in url:
        return {}
    try:
        pairs = parse_qsl(urlsplit(url).query, max_num_fields=100)
    except ValueError:
        return {}
    return {key: value for key, value in pairs if key in _LABELS}


_LABELS = frozenset({*_CAMPAIGN.values(), "gclid", "fbclid", "msclkid", "ttclid", "li_fat_id"})


def _fields(traits: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
    """Traits as fields of a contact: known ones by our names, nested ones flattened, ours left out."""
    found = _flat({name: value for key, value in traits.items() for name in [_TRAITS.get(key.lower().replace("_", ""), key)]
                   if name.lower() not in _OURS and key.lower() != "email"})
    return _named(found) | {name: context[key] for key, name in (("timezone", "time_zone"), ("locale", "locale"))
                            if isinstance(context.get(key), str) and name not in found}


def _flat(traits: dict[str, Any]) -> dict[str, Any]:
    """What is known of it; of an object each part, as `name part`."""
    found: dict[str, Any] = {}
    for name, value in traits.items():
        if isinstance(value, dict):
            found |= {f"{name} {inner}": item for inner, item in value.items() if not isinstance(item, dict | list)}
        elif value is not None:
            found[name] = value
    return found


def _named(fields: dict[str, Any]) -> dict[str, Any]:
    """A full name fills first and last name where they are not given."""
    name = fields.get("name")
    if not isinstance(name, str) or "first_name" in fields or "last_name" in fields or not name.strip():
        return fields
    first, _, last = name.strip().rpartition(" ")
    parts = {"first_name": first or last} | ({"last_name": last} if first else {})
    return {key: value for key, value in fields.items() if key != "name"} | parts


def _object(holder: dict[str, Any], key: str) -> dict[str, Any]:
    value = holder.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _No("bad_value", f"`{key}` is a JSON object")
    return value


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).strip() or None


def _small(message: Any) -> bool:
    return len(json.dumps(message, ensure_ascii=False).encode("utf-8", "replace")) <= ITEM_BYTES


def _shallow(value: Any, left: int) -> bool:
    """Whether nothing is nested deeper than `left` levels."""
    if isinstance(value, dict):
        value = list(value.values())
    return left > 0 and all(_shallow(item, left - 1) for item in value) if isinstance(value, list) else True
