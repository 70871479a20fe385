"""Inbound webhooks: a URL per source that takes whatever JSON its tool posts, and a mapping that says what becomes of it.

    {"items": "data.orders",                            where the list of things is; without it the body itself
     "email": "customer.email",                         who: email or external_id, one at least
     "fields": {"first_name": "customer.first_name"},   facts of the contact, by field
     "event": {"name": "=order_placed", "object": "id", "value": "total", "currency": "currency", "occurred_at": "created_at",
               "message_id": "id", "props": {"items": "line_items.0.title"}}}

A path goes through objects by key and lists by number (`a.b.0.c`); text after `=` stands for itself. Pure functions up to the
table of hooks at the end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import audit
from ..access import Actor, hashed_key, new_key, require, setting
from ..activity.inbox import Item, Waiting, as_json
from ..activity.reading import read_event, read_moment, read_traits, read_who
from ..errors import BadInput, Invalid, NotFound, Problem
from ..people.fields import catalogue
from ..sql import fold
from ..store import Store
from . import hook_signing
from .tracking import OWN_NAMES

PATH = "/h/"  # of the collector
BODY_BYTES = 500 * 1024
MOST_ITEMS = 1_000
WHO = ("email", "external_id")
EVENT = ("name", "object", "value", "value_minor", "currency", "occurred_at", "message_id", "props")
KEYS = ("items", *WHO, "fields", "event")
_NOT_OURS = frozenset({"email_consent", "sms_consent", "consent", "fit_score", "engagement_score", "id"})
_DEEPEST = 20


@dataclass(frozen=True)
class Fault:
    """One thing of a payload that could not be used: its place in the list, and why."""

    index: int
    message: str


@dataclass(frozen=True)
class Outcome:
    """What a payload comes to. items: for the inbox, refused ones among them; said: what each would do, in words."""

    items: list[Item]
    faults: list[Fault]
    said: list[str]


# ------------------------------------------------------------ the mapping


def check(mapping: Any) -> list[Problem]:
    """Everything that is wrong with a mapping; the same draws the marks on the page and guards saving."""
    if not isinstance(mapping, dict):
        return [Problem("mapping", "shape", "write a JSON object: {\"email\": \"customer.email\", …}")]
    found = [Problem(str(key), "unknown_key", f"there is no {str(key)!r}; there are {', '.join(KEYS)}")
             for key in mapping if key not in KEYS]
    found += [problem for key in ("items", *WHO) if key in mapping for problem in _path_problem(key, mapping[key])]
    if not any(key in mapping for key in WHO):
        found.append(Problem("email", "missing", "say where the email or the external_id stands: whose it is"))
    if not mapping.get("fields") and not mapping.get("event"):
        found.append(Problem("fields", "missing", "say what becomes of it: `fields` of the contact, an `event`, or both"))
    return [*found, *_table_problems("fields", mapping.get("fields", {})), *_event_problems(mapping.get("event"))]


def _table_problems(where: str, table: Any) -> list[Problem]:
    if not isinstance(table, dict):
        return [Problem(where, "shape", "write an object: {\"name\": \"path\"}")]
    taken = [Problem(f"{where}.{name}", "not_ours", "a webhook does not say this: consent needs its own proof")
             for name in table if where == "fields" and fold(str(name)) in _NOT_OURS]
    return taken + [problem for name, path in table.items() for problem in _path_problem(f"{where}.{name}", path)]


def _event_problems(event: Any) -> list[Problem]:
    if event is None:
        return []
    if not isinstance(event, dict):
        return [Problem("event", "shape", "write an object: {\"name\": \"=order_placed\", …}")]
    found = [Problem(f"event.{key}", "unknown_key", f"there is no {key!r}; there are {', '.join(EVENT)}")
             for key in event if key not in EVENT]
    if "name" not in event:
        found.append(Problem("event.name", "missing", "name the event: a path, or =order_placed for always the same"))
    named = event.get("name")
    if isinstance(named, str) and named.startswith("=") and fold(named[1:].strip()) in OWN_NAMES:
        found.append(Problem("event.name", "reserved", f"{named[1:]} is told by the engine itself: name it differently"))
    found += [problem for key in EVENT if key in event and key != "props"
              for problem in _path_problem(f"event.{key}", event[key])]
    return found + _table_problems("event.props", event.get("props", {}))


def _path_problem(where: str, path: Any) -> list[Problem]:
    if not isinstance(path, str) or not path.strip() or len(path) > 300:
        return [Problem(where, "path", "write a path such as customer.email, or = and a text")]
    if not path.startswith("=") and (".." in path or path.startswith(".") or path.endswith(".") or path.count(".") >= _DEEPEST):
        return [Problem(where, "path", f"{path!r} is no path: write names with dots between, such as customer.email")]
    return []


def find(document: Any, path: str) -> Any:
    """What stands at a path; None where nothing does."""
    if path.startswith("="):
        return path[1:]
    here = document
    for step in path.split("."):
        if isinstance(here, dict):
            here = here.get(step)
        elif isinstance(here, list) and step.isdecimal():
            here = here[int(step)] if int(step) < len(here) else None
        else:
            return None
    return here


# ------------------------------------------------------------ payloads


def translate(document: Any, mapping: Mapping[str, Any], name: str, *, currency: str = "USD", now: int = 0) -> Outcome:
    """Items for the inbox. One bad thing of a list is kept aside with its reason, the others are taken.

    Raises BadInput: no list where the mapping says that one is, or too long a one.
    """
    items, faults, said = list[Item](), list[Fault](), list[str]()
    for index, thing in enumerate(_things(document, mapping)):
        try:
            made, words = _thing(thing, mapping, name, currency, now)
            items += made
            said.append(words)
        except BadInput as error:
            faults.append(Fault(index, str(error)))
            said.append(f"refused: {error}")
            items.append(Item("refused", f"hook:{_digest([name, thing])}",
                              {"reason": str(error), "item": thing, "source": _source(name)}))
    return Outcome(items, faults, said)


def _things(document: Any, mapping: Mapping[str, Any]) -> list[Any]:
    found = find(document, mapping["items"]) if "items" in mapping else document
    if "items" in mapping and not isinstance(found, list):
        raise BadInput(f"there is no list at {mapping['items']!r}")
    listed = found if isinstance(found, list) else [found]
    if len(listed) > MOST_ITEMS:
        raise BadInput(f"{len(listed):,} things at once: send at most {MOST_ITEMS:,}")
    return listed


def _thing(thing: Any, mapping: Mapping[str, Any], name: str, currency: str, now: int) -> tuple[list[Item], str]:
    if not isinstance(thing, dict):
        raise BadInput(f"{as_json(thing)[:60]} is no JSON object")
    who = {key: value for key in WHO if key in mapping and (value := _text(find(thing, mapping[key]))) is not None}
    if not who:
        raise BadInput("nobody is named: nothing stands at " + " or ".join(repr(mapping[key]) for key in WHO if key in mapping))
    names = read_who(who).names
    made, words = list[Item](), list[str]()
    if fields := _fields(thing, mapping):
        payload = who | {"traits": fields, "source": _source(name)}
        if account := _text(fields.pop("account", None)):
            payload["account"] = account
        read_traits(payload)
        made.append(Item("identify", f"hook:{_digest([name, 'fields', thing])}", payload))
        words += [f"{key} = {value}" for key, value in fields.items()] + ([f"account = {account}"] if account else [])
    if event := mapping.get("event"):
        made.append(_event(thing, event, who, name, currency, now))
        words.append(f"event {made[-1].payload['event']}")
    return made, f"{', '.join(names.values())}: {'; '.join(words) or 'nothing'}"


def _fields(thing: Any, mapping: Mapping[str, Any]) -> dict[str, Any]:
    found = ((name, find(thing, path)) for name, path in (mapping.get("fields") or {}).items())
    return {name: value for name, value in found if value is not None and value != ""}


def _event(thing: Any, event: Mapping[str, Any], who: dict[str, str], name: str, currency: str, now: int) -> Item:
    found = {key: find(thing, path) for key, path in event.items() if key != "props"}
    if fold(str(found.get("name") or "")) in OWN_NAMES:
        raise BadInput(f"{found['name']} is told by the engine itself")
    props = {key: value for key, path in event.get("props", {}).items() if (value := find(thing, path)) is not None}
    payload = who | {"event": found.get("name"), "object": _text(found.get("object")), "value": found.get("value"),
                     "value_minor": found.get("value_minor"),
                     "currency": found.get("currency"), "occurred_at": found.get("occurred_at"), "props": props,
                     "source": _source(name)}
    payload = {key: value for key, value in payload.items() if value is not None}
    read_moment(payload.get("occurred_at"))
    given = _text(found.get("message_id"))
    key = f"hook:{fold(name)}:{given[:200]}:{payload.get('event')}" if given else f"hook:{_digest([name, 'event', thing])}"
    read_event(Waiting(0, now, "track", key, payload), currency)
    return Item("track", key, payload)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, bool | dict | list):
        return None
    word = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return word.strip() or None


def _source(name: str) -> str:
    return f"webhook {name}"


def _digest(parts: Any) -> str:
    return hashlib.sha256(as_json(parts).encode()).hexdigest()[:40]


# ------------------------------------------------------------ saved


@dataclass(frozen=True)
class Hook:
    """A webhook; its key is not kept. signing: how whoever posts is vouched for (`hook_signing`); None: by the key alone."""

    id: int
    name: str
    mapping: dict[str, Any]
    sample: str | None
    created_at: int
    revoked_at: int | None
    signing: dict[str, Any] | None


def save(store: Store, name: str, mapping: Any, *, sample: str | None = None, signing: Any = None, by: Actor,
         now: int) -> str | None:
    """Make a webhook, or change one; the key of a new one, shown this once. Without a sample or signing the old one stays.

    Raises Invalid: the mapping or the signing; BadInput: the name or the sample.
    """
    require(by, "administer")
    name = " ".join(name.split())
    if not name or len(name) > 100 or not name.isprintable():
        raise BadInput("a webhook needs a name of 1 to 100 characters")
    if problems := check(mapping) + (hook_signing.check(signing) if signing is not None else []):
        raise Invalid(problems)
    if sample is not None:
        read_sample(sample)
    row = {"key": fold(name), "name": name, "mapping": json.dumps(mapping), "sample": sample, "updated_at": now,
           "signing": json.dumps(signing) if signing is not None else None}
    with store.transaction():
        audit.record(store, by, "webhook saved", name, now=now, **({"signing": signing} if signing is not None else {}))
        if store.one("SELECT 1 FROM hook h WHERE h.key = :key AND h.revoked_at IS NULL", key=row["key"]):
            store.run("UPDATE hook SET name = :name, mapping = AS_JSON(:mapping), sample = COALESCE(:sample, sample), "
                      "signing = COALESCE(AS_JSON(:signing), signing), updated_at = :updated_at WHERE key = :key", **row)
            return None
        store.run("DELETE FROM hook WHERE key = :key", key=row["key"])
        key, hashed = new_key("hk_")
        store.insert_many("hook", [row | {"key_hash": hashed, "created_at": now}])
    return key


def sign(store: Store, name: str, signing: Any, *, by: Actor, now: int) -> Hook:
    """Say how the tool signs what it posts, or with None that its URL alone opens it. Raises NotFound, Invalid."""
    require(by, "administer")
    if problems := hook_signing.check(signing) if signing is not None else []:
        raise Invalid(problems)
    found = get(store, name)
    with store.transaction():
        store.run("UPDATE hook SET signing = AS_JSON(:signing), updated_at = :now WHERE id = :id", id=found.id, now=now,
                  signing=json.dumps(signing) if signing is not None else None)
        audit.record(store, by, "webhook signing changed", found.name, now=now, signing=signing)
    return get(store, name)


def turned_away(hook: Hook, reason: str, agent: str) -> Item:
    """What is kept of a request that nobody vouched for: never its body."""
    payload = {"reason": reason, "item": {"sender": agent[:200]}, "source": _source(hook.name)}
    return Item("refused", f"hook:{_digest([hook.name, payload])}", payload)


def read_sample(text: str) -> Any:
    """A payload as somebody pasted it. Raises BadInput with line and column."""
    if len(text) > BODY_BYTES:
        raise BadInput(f"the sample is larger than {BODY_BYTES // 1024} KB")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"the sample is not JSON at line {error.lineno}, column {error.colno}: {error.msg}") from None


def try_out(store: Store, mapping: Any, sample: str, *, name: str = "try", now: int) -> Outcome:
    """What a payload would come to; nothing is kept. Raises Invalid: the mapping; BadInput: the sample."""
    if problems := check(mapping):
        raise Invalid(problems)
    return translate(read_sample(sample), mapping, name, currency=str(setting(store, "currency", "USD")), now=now)


def new_fields(store: Store, mapping: Mapping[str, Any]) -> list[str]:
    """Fields that the mapping fills and that do not exist yet: the first value makes them."""
    known = {*catalogue(store), "account"}
    return [name for name in mapping.get("fields") or {} if fold(" ".join(name.split())) not in known]


def get(store: Store, name: str) -> Hook:
    """A webhook by name. Raises NotFound."""
    row = store.row(f"{_SELECT} WHERE h.key = :key", key=fold(" ".join(name.split())))
    if row is None:
        raise NotFound(f"there is no webhook {name!r}: `hooks list` shows them")
    return _hook(row)


def list_hooks(store: Store) -> list[Hook]:
    """All of them by name, revoked ones too."""
    return [_hook(row) for row in store.rows(f"{_SELECT} ORDER BY h.key")]


def find_by_key(store: Store, key: str) -> Hook | None:
    """The webhook that a key opens; None for a stranger's."""
    row = store.row(f"{_SELECT} WHERE h.key_hash = :hash AND h.revoked_at IS NULL", hash=hashed_key(key))
    return _hook(row) if row else None


def revoke(store: Store, name: str, *, by: Actor, now: int) -> Hook:
    """Its URL works no longer."""
    require(by, "administer")
    found = get(store, name)
    with store.transaction():
        store.run("UPDATE hook SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL", now=now, id=found.id)
        audit.record(store, by, "webhook revoked", found.name, now=now)
    return get(store, name)


def faults(store: Store, name: str, *, limit: int = 50) -> list[dict[str, Any]]:
    """What came by a webhook and could not be used, the newest first: at, reason, item."""
    rows = store.rows("SELECT r.at, r.reason, r.payload FROM refusal r WHERE CAST(r.payload AS TEXT) LIKE :own ESCAPE '\\' "
                      "ORDER BY r.id DESC LIMIT :limit", own=f"%{_plain(json.dumps(_source(name))[1:-1])}%", limit=limit)
    read = ((at, reason, json.loads(payload)) for at, reason, payload in rows)
    return [{"at": at, "reason": reason, "item": payload.get("item", payload)} for at, reason, payload in read
            if payload.get("source") == _source(name)]


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_SELECT = "SELECT h.id, h.name, h.mapping, h.sample, h.created_at, h.revoked_at, h.signing FROM hook h"


def _hook(row: Any) -> Hook:
    return Hook(row[0], row[1], json.loads(row[2]), row[3], row[4], row[5], json.loads(row[6]) if row[6] else None)
