"""Writing what has been decided about contacts, in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...access import salt
from ...maths.assignment import hash31_of
from ...maths.zones import learn_zone
from ...store import Store
from .. import accounts, dirty
from ..fields import Field, said
from ..identity import address_hash, normalized_hash

CLEAR: Any = type("Clear", (), {"__repr__": lambda _: "CLEAR"})()  # a value that empties a field
INNER = {name: Field(name, name, "number", name) for name in ("account_id", "anonymous")}
_CHANGE_KIND = {"stage": "stage", "owner": "owner", "account_id": "account"}
_CHANGE_NAME = {"account_id": "account"}
_IDENTIFIER = ("kind", "value", "contact_id", "address_hash")


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of one row. `refused` says why it was not taken, `field` what was at fault; `id` is 0 then."""

    id: int
    created: bool
    changed: bool
    refused: str | None = None
    field: str | None = None


@dataclass(slots=True, eq=False)
class Person:
    """One contact as a batch sees it: what the database holds by field key, and what it will hold."""

    id: int
    fresh: bool
    was: dict[str, Any]
    now: dict[str, Any]
    identity: str = ""
    names: list[tuple[str, str]] = field(default_factory=list)
    touched: bool = False  # some row was about this contact
    moved: bool = False  # some row changed it, perhaps back

    @property
    def differs(self) -> bool:
        return self.moved and self.now != self.was

    @property
    def changes(self) -> list[str]:
        return [key for key, value in self.now.items() if value != self.was.get(key)]

    @property
    def words(self) -> str:
        """Email and external id, for a message."""
        known = [self.now.get("email"), self.now.get("external_id") and f"external id {self.now['external_id']}"]
        return ", ".join(word for word in known if word) or "a visitor"


def write(store: Store, people: Iterable[Person], fields: Mapping[str, Field], *, now: int, source: str) -> None:
    """Contacts, identifiers, change log and the marks for the watch. Needs a transaction."""
    listed = sorted(people, key=lambda person: person.id)
    fresh = [person for person in listed if person.fresh]
    changed = [person for person in listed if not person.fresh and person.differs]
    _insert(store, fresh, fields, now, source)
    _update(store, changed, fields, now)
    _identify(store, [*fresh, *(person for person in listed if not person.fresh)])
    _log(store, changed, now, source)
    _leave_accounts(store, changed, now, source)
    dirty.mark(store, [person.id for person in (*fresh, *changed)])
    for zone in {person.now["time_zone"] for person in (*fresh, *changed) if person.now.get("time_zone")}:
        learn_zone(store, zone)


def _insert(store: Store, people: Sequence[Person], fields: Mapping[str, Field], now: int, source: str) -> None:
    used = set().union(*(person.now for person in people)) - {"source", "created_at"}
    keys = [key for key in fields if key in used]
    columns = ["id", "hash31", "source", "created_at", "updated_at", *(fields[key].column for key in keys)]
    store.insert_rows("contact", columns, [
        (person.id, hash31_of(person.identity), person.now.get("source") or source, person.now.get("created_at") or now, now,
         *map(person.now.get, keys)) for person in people])


def _update(store: Store, people: Sequence[Person], fields: Mapping[str, Field], now: int) -> None:
    """Only the columns that change anywhere in the batch: a score that moves must not touch the search index."""
    keys = list(dict.fromkeys(key for person in people for key in person.changes))
    sets = ", ".join(f"{fields[key].column} = :{fields[key].column}" for key in keys)
    rows = [{"id": person.id, "updated_at": now, **{fields[key].column: person.now[key] if key in person.now
             else person.was.get(key) for key in keys}} for person in people]
    store.run_many(f"UPDATE contact SET {sets}, updated_at = :updated_at WHERE id = :id", rows)


def _identify(store: Store, people: Sequence[Person]) -> None:
    """A visitor id moves to whoever used it last; the other kinds stay with their holder."""
    secret = salt(store)
    named = [(kind, value, person.id, normalized_hash(secret, value) if kind == "email" else None)
             for person in people for kind, value in person.names]
    phones = [("phone", phone, person.id, address_hash(secret, phone)) for person in people
              if (phone := person.now.get("phone")) and phone != person.was.get("phone")]
    store.insert_rows("identifier", _IDENTIFIER, [row for row in named if row[0] != "anonymous_id"])
    store.upsert_many("identifier", [dict(zip(_IDENTIFIER, row, strict=True)) for row in named if row[0] == "anonymous_id"],
                      key=("kind", "value"))
    store.insert_rows("identifier", _IDENTIFIER, phones, or_ignore=True)


def _leave_accounts(store: Store, people: Sequence[Person], now: int, source: str) -> None:
    """Whoever changes companies leaves the roles there behind, and the company counts its people again."""
    gone = [person for person in people if (was := person.was.get("account_id")) and person.now.get("account_id") != was]
    if not gone:
        return
    accounts.touch(store, {person.was["account_id"] for person in gone})
    held = accounts.leave(store, [person.id for person in gone])
    store.insert_many("contact_change", [{"contact_id": who, "kind": "role", "name": role, "old": role, "new": None, "at": now,
                                          "source": source} for who, roles in held.items() for role in roles])


def _log(store: Store, people: Sequence[Person], now: int, source: str) -> None:
    changes = [(person, key) for person in people for key in person.changes if key != "anonymous"]
    accounts = {value for person, key in changes if key == "account_id" for value in (person.was.get(key), person.now[key])}
    names = {one: store.one("SELECT a.name FROM account a WHERE a.id = :id", id=one) for one in accounts if one}
    store.insert_many("contact_change", [
        {"contact_id": person.id, "kind": _CHANGE_KIND.get(key, "field"), "name": _CHANGE_NAME.get(key, key),
         **{side: said(names.get(value, value) if key == "account_id" else value)
            for side, value in (("old", person.was.get(key)), ("new", person.now[key]))}, "at": now, "source": source}
        for person, key in changes])
