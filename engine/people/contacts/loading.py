"""Many facts of the past at once, for a made-up or restored company. Nothing here wakes a journey or logs a change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...store import Store
from .labels import ensure_tags


def load_states(store: Store, rows: Iterable[dict[str, Any]]) -> int:
    """Where contacts stand now: id, stage, fit_score, engagement_score, updated_at. Needs a transaction."""
    return store.run_many("""UPDATE contact SET stage = :stage, fit_score = :fit_score, engagement_score = :engagement_score,
        updated_at = :updated_at WHERE id = :id""", rows)


def load_changes(store: Store, rows: Iterable[dict[str, Any]]) -> int:
    """Lines of the change log: contact_id, kind, name, old, new, at, source. Needs a transaction."""
    return store.insert_many("contact_change", rows)


def load_tags(store: Store, rows: Iterable[tuple[int, str, int]]) -> int:
    """(contact, tag name, when it was given); one that is there stays. Needs a transaction."""
    listed = list(rows)
    tags = ensure_tags(store, dict.fromkeys(name for _, name, _ in listed))
    return store.insert_many("contact_tag", [{"contact_id": who, "tag_id": tags[name], "at": at} for who, name, at in listed],
                             or_ignore=True)
