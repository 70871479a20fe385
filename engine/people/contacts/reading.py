"""Finding contacts and showing one whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import BadInput, NotFound
from ...sql import fold
from ...store import Store
from ..fields import catalogue, shown
from ..identity import normalize_address
from ..lookups import rows_in

_OWN = ("id", "email", "external_id", "phone", "first_name", "last_name", "time_zone", "locale", "preferred_channel", "stage",
        "owner", "source", "fit_score", "engagement_score", "hash31", "anonymous", "restricted", "do_not_sell", "is_test",
        "created_at", "updated_at")


@dataclass(frozen=True)
class Contact:
    """One person. `fields` holds the custom fields that have a value, by name, dates as ISO text."""

    id: int
    email: str | None
    external_id: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    time_zone: str | None
    locale: str | None
    preferred_channel: str | None
    stage: str | None
    owner: str | None
    source: str | None
    account: str | None
    fit_score: int
    engagement_score: int
    hash31: int
    anonymous: bool
    restricted: bool
    do_not_sell: bool
    is_test: bool
    created_at: int
    updated_at: int
    fields: dict[str, Any]
    tags: tuple[str, ...]
    lists: tuple[str, ...]
    identifiers: tuple[tuple[str, str], ...]


def find(store: Store, who: str) -> int | None:
    """The contact behind an email address or external id, whatever case it is typed in; None for a stranger.

    Raises BadInput: several external ids differ from it by case only.
    """
    word = who.strip()
    if not word:
        return None
    exact = store.one("SELECT i.contact_id FROM identifier i WHERE (i.kind = 'email' AND i.value = :email) "
                      "OR (i.kind = 'external_id' AND i.value = :word) ORDER BY i.kind LIMIT 1",
                      email=normalize_address(word), word=word)
    return int(exact) if exact is not None else _find_folded(store, word)


def _find_folded(store: Store, word: str) -> int | None:
    compared = "lower(i.value)" if word.isascii() else "fold(i.value)"
    found = store.rows(f"SELECT DISTINCT i.contact_id, i.value FROM identifier i WHERE i.kind = 'external_id' "
                       f"AND {compared} = :word LIMIT 3", word=fold(word))
    if len({row[0] for row in found}) > 1:
        raise BadInput(f"{word!r} fits several external ids: {', '.join(row[1] for row in found)}; spell it exactly")
    return int(found[0][0]) if found else None


def must_find(store: Store, who: str) -> int:
    """Like `find`. Raises NotFound."""
    found = find(store, who)
    if found is None:
        raise NotFound(f"there is no contact {who!r}: name one by email address or external id")
    return found


def get(store: Store, who: str | int) -> Contact:
    """A contact by email, external id or its number. Raises NotFound."""
    contact_id = who if isinstance(who, int) else must_find(store, who)
    own = store.row(f"SELECT {', '.join('c.' + name for name in _OWN)}, a.name FROM contact c "
                    "LEFT JOIN account a ON a.id = c.account_id WHERE c.id = :id", id=contact_id)
    if own is None:
        raise NotFound(f"there is no contact {contact_id}")
    values = dict(zip((*_OWN, "account"), own, strict=True))
    flags = {name: bool(values[name]) for name in ("anonymous", "restricted", "do_not_sell", "is_test")}
    return Contact(**values | flags, fields=_custom(store, contact_id), tags=_names(store, "tag", contact_id),
                   lists=_names(store, "list", contact_id), identifiers=_identifiers(store, contact_id))


def _custom(store: Store, contact_id: int) -> dict[str, Any]:
    own = [field for field in catalogue(store).values() if field.made]
    if not own:
        return {}
    row = store.row(f"SELECT {', '.join('c.' + field.column for field in own)} FROM contact c WHERE c.id = :id",
                    id=contact_id)
    return {field.name: shown(field, value) for field, value in zip(own, row or (), strict=True) if value is not None}


def _names(store: Store, what: str, contact_id: int) -> tuple[str, ...]:
    return tuple(row[0] for row in store.rows(
        f"SELECT t.name FROM {what} t JOIN contact_{what} m ON m.{what}_id = t.id WHERE m.contact_id = :id "
        "ORDER BY t.name", id=contact_id))


def _identifiers(store: Store, contact_id: int) -> tuple[tuple[str, str], ...]:
    return tuple((row[0], row[1]) for row in store.rows(
        "SELECT i.kind, i.value FROM identifier i WHERE i.contact_id = :id ORDER BY i.kind, i.value", id=contact_id))


# ------------------------------------------------------------ many at once


def holders(store: Store, kind: str, values: Sequence[str]) -> dict[str, int]:
    """Which contact holds each identifier of a kind; unknown ones are absent."""
    return {row[0]: row[1] for row in rows_in(store, "SELECT i.value, i.contact_id FROM identifier i WHERE i.kind = :kind "
                                              "AND i.value IN ({values})", values, kind=kind)}


def current(store: Store, ids: Sequence[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
    """Columns of many contacts, by id."""
    statement = f"SELECT c.id, {', '.join('c.' + name for name in columns)} FROM contact c WHERE c.id IN ({{values}})"
    return {row[0]: dict(zip(columns, row[1:], strict=True)) for row in rows_in(store, statement, ids)}


def labeled(store: Store, what: str, contact_ids: Iterable[int]) -> set[tuple[int, int]]:
    """The (contact, tag or list) pairs of contacts."""
    return {(row[0], row[1]) for row in rows_in(store, f"SELECT m.contact_id, m.{what}_id FROM contact_{what} m "
                                                "WHERE m.contact_id IN ({values})", contact_ids)}
