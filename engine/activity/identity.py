"""Whose event is it? Names to contacts, for many items at once; and what identify and alias calls say of people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..access import RUNNER
from ..clock import WEEK
from ..people import accounts, contacts
from ..people.fields import catalogue
from ..store import Store
from .events import NAMED_NOW, insert_events
from .inbox import Waiting, as_json
from .reading import NAMES, Who
from .traits import define_missing, usable

_ASK = 500  # values per statement, always as many, so that its text never changes
_HOLES = ", ".join(f":v{n}" for n in range(_ASK))
_BY_NAME = f"SELECT i.value, i.contact_id FROM identifier i WHERE i.kind = :kind AND i.value IN ({_HOLES})"
_BY_MESSAGE = f"SELECT m.id, m.contact_id FROM message m WHERE m.id IN ({_HOLES})"
_LIVING = f"SELECT c.id, c.anonymous FROM contact c WHERE c.id IN ({_HOLES})"
_VISITED = f"""SELECT i.value, e.id FROM identifier i CROSS JOIN contact c CROSS JOIN event e
    WHERE i.kind = 'anonymous_id' AND i.value IN ({_HOLES}) AND c.id = i.contact_id AND c.anonymous = 1
    AND e.contact_id = c.id AND e.received_at > :since AND e.historic = 0 AND e.verdict IS DISTINCT FROM 'machine'"""
MOST_VISITS = 200
_MERGED = f"SELECT m.loser_id, m.keeper_id FROM contact_merge m WHERE m.loser_id IN ({_HOLES}) ORDER BY m.id"


@dataclass(frozen=True)
class Identify:
    """What somebody says of a person: fields by name, and the account where one is named, with facts of it."""

    item: Waiting
    who: Who
    traits: dict[str, Any]
    account: str | None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Alias:
    """Two names of one person."""

    item: Waiting
    who: Who
    previous: Who


@dataclass(frozen=True)
class Refused:
    """An item, or a part of one, that can not be used, and why."""

    item: Waiting
    reason: str


class People:
    """The contacts that a set of items names, looked up at once."""

    def __init__(self, store: Store, whos: Iterable[Who]) -> None:
        listed = list(whos)
        self._by_name: dict[tuple[str, str], int] = {
            (kind, value): contact for kind in NAMES
            for value, contact in _asked(store, _BY_NAME, {getattr(who, kind) for who in listed} - {None}, kind=kind)}
        messages = {who.message_id for who in listed if who.message_id}
        self._by_message: dict[int, int] = dict(_asked(store, _BY_MESSAGE, messages))
        self._now = current_ids(store, {who.contact_id for who in listed if who.contact_id} | set(self._by_message.values()))

    def find(self, who: Who) -> int | None:
        """The contact by its strongest name; None when nobody has it."""
        if who.contact_id is not None:
            return self._now.get(who.contact_id)
        if who.message_id is not None:
            return self._now.get(self._by_message.get(who.message_id, 0))
        return next((found for kind, value in who.names.items() if (found := self._by_name.get((kind, value)))), None)


def current_ids(store: Store, ids: set[int]) -> dict[int, int]:
    """Each id of a contact that exists, itself or as part of another one, with the id that it has now."""
    living = {row[0] for row in _asked(store, _LIVING, ids)}
    moved = {row[0]: row[1] for row in _asked(store, _MERGED, ids - living)}
    further = current_ids(store, set(moved.values())) if moved else {}
    return {one: one for one in living} | {one: further[to] for one, to in moved.items() if to in further}


def resolve(store: Store, whos: Sequence[Who], *, now: int) -> list[int | str]:
    """The contact of each, made where a name is new; or why there is none. Needs a transaction."""
    people = People(store, whos)
    found = [people.find(who) for who in whos]
    strangers = list(dict.fromkeys(who for who, contact in zip(whos, found, strict=True) if contact is None and who.nameable))
    saved = contacts.upsert_many(store, [_first(who) for who in strangers], now=now, source="event") if strangers else []
    made = dict(zip(strangers, saved, strict=True))
    return [contact if contact is not None else _made(who, made.get(who)) for who, contact in zip(whos, found, strict=True)]


def _made(who: Who, saved: contacts.Saved | None) -> int | str:
    if saved is None:
        named = ("contact", who.contact_id) if who.contact_id is not None else ("message", who.message_id)
        return f"there is no {named[0]} {named[1]}"
    return saved.refused or saved.id


def _first(who: Who) -> dict[str, Any]:
    """The strongest name alone: an event says that it happened, not that two names are one person."""
    return dict([next(iter(who.names.items()))])


def _keys(who: Who) -> dict[str, Any]:
    return who.names | ({"contact_id": who.contact_id} if who.contact_id is not None else {})


# ------------------------------------------------------------ what is said of people


def identify(store: Store, said: Sequence[Identify], *, now: int) -> list[Refused]:
    """Write what is said of people, in order; what could not be used. Needs a transaction."""
    if not said:
        return []
    define_missing(store, (one.traits for one in said), now=now)
    fields = catalogue(store)
    kept = [usable(fields, one.traits) for one in said]
    ids = accounts.ensure_many(store, dict.fromkeys(one.account for one in said if one.account), now=now)
    visits = _visits(store, {one.who.anonymous_id for one in said if len(one.who.names) > 1} - {None}, now)
    rows = [_keys(one.who) | values | ({"account_id": ids[one.account]} if one.account else {})
            for one, (values, _) in zip(said, kept, strict=True)]
    saved = contacts.upsert_many(store, rows, now=now, source="api")
    _introduce(store, visits, ((one.who.anonymous_id, row) for one, row in zip(said, saved, strict=True)), now)
    dropped = [Refused(one.item, reason) for one, (_, reasons) in zip(said, kept, strict=True) for reason in reasons]
    dropped += _tell(store, [one for one in said if one.account and one.facts], ids, now)
    return dropped + [Refused(one.item, row.refused) for one, row in zip(said, saved, strict=True) if row.refused]


def _tell(store: Store, said: Sequence[Identify], ids: dict[str, int], now: int) -> list[Refused]:
    """Write what is said of companies, in order; what could not be used."""
    if not said:
        return []
    define_missing(store, (one.facts for one in said), now=now, entity=accounts.COMPANY)
    known, rows, dropped = accounts.catalogue(store), dict[int, dict[str, Any]](), list[Refused]()
    for one in said:
        values, reasons = usable(known, one.facts, accounts.read_fact)
        number = ids[one.account or ""]
        rows[number] = rows.get(number, {"id": number}) | accounts.read_facts(known, values)
        dropped += [Refused(one.item, reason) for reason in reasons]
    accounts.save_facts(store, rows.values(), now=now)
    return dropped


def alias(store: Store, said: Sequence[Alias], *, now: int) -> list[Refused]:
    """Make two names one person, in order; what could not be used. Needs a transaction.

    A visitor becomes the person. Two people become one only where they are known under different kinds of name: write keys
    are no secret in a browser, and a merge can not be taken back.
    """
    return [Refused(one.item, reason) for one in said if (reason := _alias(store, one, now))]


def _alias(store: Store, said: Alias, now: int) -> str | None:
    people = People(store, (said.who, said.previous))
    target, before = people.find(said.who), people.find(said.previous)
    row: dict[str, Any] = {}
    if before is None or _is_visitor(store, before):
        row = said.who.names | {"anonymous_id": said.previous.anonymous_id}
    elif target is None:
        row = {"contact_id": before} | said.who.names
    if row:
        visits = _visits(store, {said.previous.anonymous_id, said.who.anonymous_id} - {None}, now)
        saved = contacts.upsert_many(store, [row], now=now, source="api")[0]
        _introduce(store, visits, ((browser, saved) for browser in visits), now)
        return saved.refused
    return None if target is None or before is None or target == before else _join(store, target, before, now)


def _visits(store: Store, browsers: Iterable[Any], now: int) -> dict[str | None, list[int]]:
    """What visitors without a name did within the last week, by the name of their browser: ids of events, rising."""
    found: dict[str | None, list[int]] = defaultdict(list)
    for browser, event in sorted(_asked(store, _VISITED, browsers, since=now - WEEK)):
        found[browser].append(event)
    return found


def _introduce(store: Store, visits: dict[str | None, list[int]], named: Iterable[tuple[str | None, contacts.Saved]],
               now: int) -> None:
    """Say whom the visitors turned out to be, so that journeys hear what they did."""
    insert_events(store, [
        {"contact_id": row.id, "name": NAMED_NOW, "occurred_at": now, "received_at": now, "source": "engine",
         "props": as_json({"events": visits[browser][-MOST_VISITS:]}),
         "dedupe_key": f"visitor_named:{row.id}:{visits[browser][-1]}"}
        for browser, row in named if browser in visits and not row.refused])


def _is_visitor(store: Store, contact_id: int) -> bool:
    return bool(store.one("SELECT c.anonymous FROM contact c WHERE c.id = :id", id=contact_id))


def _join(store: Store, keeper: int, loser: int, now: int) -> str | None:
    pair = store.records("SELECT c.email, c.external_id FROM contact c WHERE c.id IN (:keeper, :loser)", keeper=keeper,
                         loser=loser)
    for kind in ("email", "external_id"):
        if len({row[kind] for row in pair if row[kind]}) > 1:
            return f"contacts {keeper} and {loser} both have an {kind.replace('_', ' ')} of their own: merge them by hand"
    contacts.merge(store, keeper, loser, by=RUNNER, now=now)
    return None


def _asked(store: Store, statement: str, values: Iterable[Any], **params: object) -> list[tuple[Any, ...]]:
    listed, found = sorted(values), []
    for at in range(0, len(listed), _ASK):
        part = listed[at:at + _ASK]
        part += part[-1:] * (_ASK - len(part))
        found += store.rows(statement, **params, **{f"v{n}": value for n, value in enumerate(part)})
    return found


__all__ = ["Alias", "Identify", "People", "Refused", "alias", "current_ids", "identify", "resolve"]
