"""Who stands where in a published version, and who went which way: what the canvas counts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from ..schema import BRANCHES
from ..store import Store
from .layout import START


@dataclass(frozen=True)
class Passages:
    """Enrollments of one version."""

    entered: int
    under_way: int
    finished: int


def waiting(store: Store, version_id: int) -> dict[str, int]:
    """People per node, nodes with nobody left out."""
    rows = store.rows(f"""SELECT n.key, (SELECT COUNT(*) FROM token t WHERE t.shard IN ({shards(store)}) AND t.node_id = n.id)
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


def under_way(store: Store, journey_id: int) -> int:
    """Enrollments in progress, in every version of a journey."""
    return int(store.one("""SELECT COUNT(*) FROM journey_version v JOIN enrollment r ON r.version_id = v.id
        AND r.status = 'active' WHERE v.journey_id = :journey""", journey=journey_id))


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


def shards(store: Store) -> str:
    """All shards by name, so that the index on shard and node serves."""
    most = store.one("SELECT MAX(t.shard) FROM token t") or 0
    return ", ".join(str(shard) for shard in range(most + 1))
