"""Who stands where in a published version, and who went which way: what the canvas counts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from ..schema import BRANCHES
from ..store import Store
from .layout import START

MOST_PEOPLE = 1_000


@dataclass(frozen=True)
class Standing:
    """Somebody at a node. arrived_at, due_at: UTC seconds; due_at is when the node looks again, unless an event comes."""

    contact_id: int
    name: str
    email: str | None
    arrived_at: int
    due_at: int


@dataclass(frozen=True)
class Passages:
    """Enrollments of one version."""

    entered: int
    under_way: int
    finished: int


def waiting(store: Store, version_id: int) -> dict[str, int]:
    """People per node, nodes with nobody left out."""
    rows = store.rows(f"""SELECT n.key, (SELECT COUNT(*) FROM token t WHERE t.shard IN ({_shards(store)}) AND t.node_id = n.id)
        FROM node n WHERE n.version_id = :version""", version=version_id)
    return {key: count for key, count in rows if count}


def port_counts(store: Store, version_id: int) -> dict[str, dict[str, int]]:
    """How many left by each port, ever; by the start: how many entered."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for key, port, count in store.rows("""SELECT n.key, s.port, SUM(s.n) FROM node n JOIN node_stat s ON s.node_id = n.id
            WHERE n.version_id = :version GROUP BY n.key, s.port""", version=version_id):
        found[key][port] = int(count)
    entered = store.one("SELECT COUNT(*) FROM enrollment r WHERE r.version_id = :version", version=version_id)
    return {START: {"next": entered}, **found} if entered else dict(found)


def passages(store: Store, version_id: int) -> Passages:
    """How many entered the version, and where they are."""
    counts: dict[str, int] = dict(store.rows(
        "SELECT r.status, COUNT(*) FROM enrollment r WHERE r.version_id = :version GROUP BY r.status", version=version_id))
    entered, under_way = sum(counts.values()), counts.get("active", 0)
    return Passages(entered, under_way, entered - under_way)


def people_at(store: Store, version_id: int, key: str, *, limit: int = 100) -> list[Standing]:
    """Who stands at a node, those that have been there longest first; at most 1,000."""
    rows = store.rows(f"""SELECT c.id,
            COALESCE(NULLIF(TRIM(COALESCE(c.first_name, '') || ' ' || COALESCE(c.last_name, '')), ''), c.email,
            c.external_id, '?'), c.email, t.arrived_at, t.due_at
        FROM node n JOIN token t ON t.shard IN ({_shards(store)}) AND t.node_id = n.id JOIN contact c ON c.id = t.contact_id
        WHERE n.version_id = :version AND n.key = :key ORDER BY t.arrived_at, t.id LIMIT :limit""",
        version=version_id, key=key, limit=min(limit, MOST_PEOPLE))
    return [Standing(*row) for row in rows]


def where_is(store: Store, version_id: int, contact_id: int) -> list[str]:
    """The nodes at which a contact stands in this version; where it ended, when it has left."""
    here = store.rows(f"""SELECT n.key FROM enrollment r JOIN token t ON t.id BETWEEN r.id * {BRANCHES}
            AND r.id * {BRANCHES} + {BRANCHES - 1} JOIN node n ON n.id = t.node_id
        WHERE r.version_id = :version AND r.contact_id = :contact AND r.status = 'active' ORDER BY t.id""",
        version=version_id, contact=contact_id)
    if here:
        return [row[0] for row in here]
    last = store.one(f"""SELECT n.key FROM enrollment r JOIN step s ON s.token_id BETWEEN r.id * {BRANCHES}
            AND r.id * {BRANCHES} + {BRANCHES - 1} JOIN node n ON n.id = s.node_id
        WHERE r.version_id = :version AND r.contact_id = :contact ORDER BY s.id DESC LIMIT 1""",
        version=version_id, contact=contact_id)
    return [last] if last else []


def _shards(store: Store) -> str:
    """All shards by name, so that the index on shard and node serves."""
    most = store.one("SELECT MAX(t.shard) FROM token t") or 0
    return ", ".join(str(shard) for shard in range(most + 1))
