"""Keeping marketing away from somebody for a while."""

from __future__ import annotations

from ...store import Store


def hold(store: Store, contact_id: int, until: int, *, now: int) -> None:
    """Marketing waits until then (UTC seconds); a longer hold stands. Needs a transaction."""
    store.run("UPDATE contact SET held_until = :until, updated_at = :now WHERE id = :id "
              "AND (held_until IS NULL OR held_until < :until)", id=contact_id, until=until, now=now)
