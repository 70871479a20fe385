"""Changing one contact by hand: facts, account, stage, tags, lists and consent in one go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import audit
from ..access import Actor, require
from ..audience import lifecycle
from ..errors import BadInput, NotFound, listing
from ..journeys.enrolling import enroll
from ..people import accounts, consent, contacts, fields
from ..people.contacts import CLEAR, Contact
from ..people.contacts.labels import ensure_lists
from ..sql import fold
from ..store import CHUNK, Store


@dataclass(frozen=True)
class Edit:
    """What is to change. values: field name → text or value, '' empties it. consents: (channel, status, source)."""

    values: Mapping[str, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()
    untags: Sequence[str] = ()
    lists: Sequence[str] = ()
    unlists: Sequence[str] = ()
    consents: Sequence[tuple[str, str, str]] = ()


def edit_contact(store: Store, who: str, edit: Edit, *, by: Actor, now: int, source: str = "by hand") -> Contact:
    """Change a contact; an email address nobody has yet makes a new one. Raises BadInput, Conflict, NotFound, Forbidden."""
    require(by, "sell")
    values = _values(store, edit.values)
    with store.transaction():
        store.serialize("event")
        found = contacts.find(store, who)
        if found is None and "@" not in who:
            raise NotFound(f"there is no contact {who!r}: name one by email address or external id, or a new one by email")
        if "account" in values:
            values["account_id"] = _account(store, values.pop("account"), now)
        saved = contacts.save(store, {"email": who} | values if found is None else {"contact_id": found} | values, by=by,
                              now=now, source=source)
        _labels(store, saved.id, edit, now, source)
        for channel, status, where in edit.consents:
            consent.record(store, [saved.id], channel, status, basis="manual", source=where, by=by, now=now)
        if "stage" in values:
            lifecycle.catch_up(store, [saved.id], now=now, source=source, live=True, by_hand=True)
        return contacts.get(store, saved.id)


MOST_AT_ONCE = 50_000  # people of one bulk change
MOST_ENROLLED = 1_000


def label_many(store: Store, contact_ids: Sequence[int], *, tag: str | None = None, untag: str | None = None,
               on_list: str | None = None, off_list: str | None = None, by: Actor, now: int) -> int:
    """Give or take tags and lists, for many people; how many of them changed. Raises BadInput: too many, or a bad name."""
    require(by, "sell")
    if len(contact_ids) > MOST_AT_ONCE:
        raise BadInput(f"{len(contact_ids):,} people at once are too many: at most {MOST_AT_ONCE:,}")
    changed = 0
    for at in range(0, len(contact_ids), CHUNK):
        part = contact_ids[at:at + CHUNK]
        with store.transaction():
            changed += contacts.add_tags(store, part, [tag], now=now, source="by hand") if tag else 0
            changed += contacts.remove_tags(store, part, [untag], now=now, source="by hand") if untag else 0
            changed += contacts.add_to_list(store, part, on_list, now=now, source="by hand") if on_list else 0
            changed += contacts.remove_from_list(store, part, off_list, now=now, source="by hand") if off_list else 0
            what = {"tag": tag, "untag": untag, "on_list": on_list, "off_list": off_list}
            audit.record(store, by, "contacts labeled", f"{len(part)} contacts", now=now,
                         **{key: value for key, value in what.items() if value})
    return changed


def enroll_many(store: Store, contact_ids: Sequence[int], journey: str, *, by: Actor, now: int) -> int:
    """Ask for many people to enter a journey; how many were asked for. Whoever has neither address nor id is passed over."""
    names = [found.email or found.external_id for found in (contacts.get(store, one) for one in contact_ids[:MOST_ENROLLED])]
    with store.transaction():
        return sum(1 for who in names if who and enroll(store, who, journey, by=by, now=now))


def create_list(store: Store, name: str, *, by: Actor, now: int) -> None:
    """Make an empty list. Raises BadInput: a bad name, or one that is taken."""
    require(by, "market")
    with store.transaction():
        if store.one("SELECT 1 FROM list t WHERE t.key = :key", key=fold(" ".join(name.split()))):
            raise BadInput(f"there is a list {name!r} already")
        ensure_lists(store, [name], now=now)
        audit.record(store, by, "list made", name, now=now)


def consents_of(store: Store, contact_id: int) -> dict[tuple[str, str], str]:
    """What a contact said last, by channel and topic."""
    found = store.rows("SELECT s.channel, s.topic, s.status FROM consent s WHERE s.contact_id = :id ORDER BY s.at, s.id",
                       id=contact_id)
    return {(channel, topic): status for channel, topic, status in found}


def _values(store: Store, given: Mapping[str, Any]) -> dict[str, Any]:
    known = fields.catalogue(store)
    values: dict[str, Any] = {}
    for name, value in given.items():
        key = fold(name.strip())
        if key not in known and key != "account":
            raise BadInput(f"there is no field {name!r}; there are {listing([*known, 'account'], 60)}")
        values[key] = lifecycle.check_stage(value) if key == "stage" and value else CLEAR if value == "" else value
    return values


def _account(store: Store, name: Any, now: int) -> Any:
    return CLEAR if name is CLEAR else accounts.ensure_many(store, [str(name)], now=now)[str(name)]


def _labels(store: Store, contact_id: int, edit: Edit, now: int, source: str) -> None:
    contacts.add_tags(store, [contact_id], edit.tags, now=now, source=source)
    contacts.remove_tags(store, [contact_id], edit.untags, now=now, source=source)
    for name in edit.lists:
        contacts.add_to_list(store, [contact_id], name, now=now, source=source)
    for name in edit.unlists:
        contacts.remove_from_list(store, [contact_id], name, now=now, source=source)
