"""Tags and lists of contacts. Names keep their spelling and compare without case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...errors import BadInput
from ...sql import fold
from ...store import CHUNK, Store
from .. import dirty
from .reading import labeled

Pairs = Iterable[tuple[int, int]]
LONGEST = 200


def ensure_tags(store: Store, names: Iterable[str]) -> dict[str, int]:
    """Tags by the names given, made where they are missing. Needs a transaction."""
    return _ensure(store, "tag", names, {})


def ensure_lists(store: Store, names: Iterable[str], *, now: int) -> dict[str, int]:
    """Lists by the names given, made where they are missing. Needs a transaction."""
    return _ensure(store, "list", names, {"created_at": now})


def add_tags(store: Store, contact_ids: Iterable[int], names: Sequence[str], *, now: int, source: str) -> int:
    """Give contacts tags; how many they did not have yet. Needs a transaction."""
    tags = ensure_tags(store, names)
    pairs = [(who, tag) for who in contact_ids for tag in tags.values()]
    return len(add_pairs(store, "tag", pairs, now=now, source=source))


def remove_tags(store: Store, contact_ids: Iterable[int], names: Sequence[str], *, now: int, source: str) -> int:
    """Take tags away; how many there were. Needs a transaction."""
    tags = _known(store, "tag", names)
    return _remove_pairs(store, "tag", [(who, tag) for who in contact_ids for tag in tags], now=now, source=source)


def add_to_list(store: Store, contact_ids: Iterable[int], name: str, *, now: int, source: str) -> int:
    """Put contacts on a list, made where it is missing; how many were not on it yet. Needs a transaction."""
    (found,) = ensure_lists(store, [name], now=now).values()
    return len(add_pairs(store, "list", [(who, found) for who in contact_ids], now=now, source=source))


def remove_from_list(store: Store, contact_ids: Iterable[int], name: str, *, now: int, source: str) -> int:
    """Take contacts off a list; how many were on it. Needs a transaction."""
    return _remove_pairs(store, "list", [(who, found) for who in contact_ids for found in _known(store, "list", [name])],
                         now=now, source=source)


def add_pairs(store: Store, what: str, pairs: Pairs, *, now: int, source: str) -> list[tuple[int, int]]:
    """(contact, tag or list) pairs, logged where they are new; which ones were. Needs a transaction."""
    wanted = list(dict.fromkeys(pairs))
    held = labeled(store, what, (who for who, _ in wanted))
    fresh = [pair for pair in wanted if pair not in held]
    for at in range(0, len(fresh), CHUNK):
        part = fresh[at:at + CHUNK]
        store.insert_many(f"contact_{what}", [{"contact_id": who, f"{what}_id": label, "at": now} for who, label in part],
                          or_ignore=True)
        _log(store, what, part, "new", now, source)
    return fresh


def _remove_pairs(store: Store, what: str, pairs: Pairs, *, now: int, source: str) -> int:
    wanted = list(dict.fromkeys(pairs))
    held = labeled(store, what, (who for who, _ in wanted))
    gone = [pair for pair in wanted if pair in held]
    store.run_many(f"DELETE FROM contact_{what} WHERE contact_id = :who AND {what}_id = :label",
                   [{"who": who, "label": label} for who, label in gone])
    _log(store, what, gone, "old", now, source)
    return len(gone)


def _log(store: Store, what: str, pairs: Sequence[tuple[int, int]], side: str, now: int, source: str) -> None:
    names: dict[int, str] = {row[0]: row[1] for row in store.rows(f"SELECT t.id, t.name FROM {what} t")}
    empty = {"old": None, "new": None}
    store.insert_many("contact_change", [
        {"contact_id": who, "kind": what, "name": names[label], **empty, side: names[label], "at": now, "source": source}
        for who, label in pairs])
    dirty.mark(store, dict.fromkeys(who for who, _ in pairs))


def _ensure(store: Store, what: str, names: Iterable[str], more: dict[str, int]) -> dict[str, int]:
    keys = {name: fold(check_label(name, what)) for name in names}
    spelled = {key: name.strip() for name, key in reversed(keys.items())}
    known = {row[0]: row[1] for row in store.rows(f"SELECT t.key, t.id FROM {what} t")}
    store.insert_many(what, [{"key": key, "name": name, **more} for key, name in spelled.items() if key not in known],
                      or_ignore=True)
    if spelled.keys() - known.keys():
        known = {row[0]: row[1] for row in store.rows(f"SELECT t.key, t.id FROM {what} t")}
    return {name: known[key] for name, key in keys.items()}


def check_label(name: str, what: str) -> str:
    """The name of a tag or list, trimmed. Raises BadInput."""
    trimmed = name.strip()
    if not trimmed or len(trimmed) > LONGEST or not trimmed.isprintable():
        raise BadInput(f"{name[:60]!r} can not name a {what}: use 1 to {LONGEST} characters on one line")
    return trimmed


def _known(store: Store, what: str, names: Sequence[str]) -> list[int]:
    found = [store.one(f"SELECT t.id FROM {what} t WHERE t.key = :key", key=fold(name.strip())) for name in names]
    return [label for label in found if label is not None]
