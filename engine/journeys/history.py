"""Passages that lie in the past, written whole: for a made-up or restored company. The runner goes on where they stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from ..schema import BRANCHES
from ..store import Store


def node_ids(store: Store, journey: str) -> dict[str, int]:
    """Node ids of the live version by key. Empty when there is no such journey."""
    return dict(store.rows("SELECT n.key, n.id FROM node n JOIN journey j ON j.version_id = n.version_id WHERE j.name = :name",
                           name=journey))


def load_enrollments(store: Store, rows: Iterable[dict[str, Any]]) -> int:
    """Passages with the ids they are given: every column of the table. Needs a transaction."""
    return store.insert_many("enrollment", rows)


def load_steps(store: Store, rows: Iterable[dict[str, Any]]) -> int:
    """Rows of the step log, and their counts at the nodes: token_id, node_id, seq, at, port, seen, reason.

    Needs a transaction.
    """
    listed = list(rows)
    counts = Counter((row["node_id"], row["port"]) for row in listed if row["port"] not in _NOT_COUNTED)
    store.insert_many("node_stat", [{"node_id": node, "port": port, "n": n} for (node, port), n in counts.items()])
    return store.insert_many("step", listed)


def load_tokens(store: Store, rows: Iterable[dict[str, Any]]) -> int:
    """Where people stand, on the trunk: enrollment_id, contact_id, node_id, due_at, arrived_at, seq, since_event.

    Needs a transaction.
    """
    return store.insert_many("token", [{**row, "id": row["enrollment_id"] * BRANCHES, "shard": 0, "memo": None}
                                       for row in rows])


_NOT_COUNTED = frozenset({"exited", "pulled", "called_off"})  # what the hearing writes, which counts no port
