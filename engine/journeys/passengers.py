"""The people behind every number of a journey: who stands where and why, who entered, who left, who went which way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..clock import FOREVER
from ..errors import BadInput
from ..schema import BRANCHES
from ..sql import Sql, join, sql
from ..store import Store
from . import documents, reading, versions
from .flow import shards
from .nodes import Known

WHO = {"inside": "r.status = 'active'", "left": "r.status <> 'active'", "everybody": "1 = 1"}
MOST_ROWS = 1_000  # of one page
MOST_COUNTED = 10_000  # beyond it nobody pages, and the count says "or more"
_NAME = """COALESCE(NULLIF(TRIM(COALESCE(c.first_name, '') || ' ' || COALESCE(c.last_name, '')), ''), c.email, c.external_id,
    'no name')"""


@dataclass(frozen=True)
class Wanted:
    """Whose passages. who: inside, left or everybody. node: those who stand there; with a port, those who left it by that.

    version: its number, None: all of them. stage: where they are in their life as a customer, '' for none, None: any.
    """

    who: str = "everybody"
    node: str | None = None
    port: str | None = None
    version: int | None = None
    stage: str | None = None


@dataclass(frozen=True)
class Standing:
    """Where somebody waits. due_at: when they are looked at next; None when only an event brings them on. reason: a code
    of `limits.REASONS` when a message is held back."""

    node: str
    sentence: str
    since: int
    due_at: int | None
    reason: str | None = None


@dataclass(frozen=True)
class Passenger:
    """One enrollment. entered_by: the event that caused it, None: erased since. Times in UTC seconds."""

    id: int
    contact_id: int
    name: str
    version: int
    status: str
    reason: str | None
    entered_at: int
    ended_at: int | None
    entered_by: str | None
    standing: tuple[Standing, ...] = ()


def page(store: Store, journey: str, wanted: Wanted, *, known: Known | None = None, offset: int = 0,
         limit: int = 50) -> list[Passenger]:
    """One page of them: at a step those who have waited longest first, else those who entered last.

    known: what a journey may refer to, where it has been read already.
    Raises NotFound: no such journey. BadInput: a port without its step, an unknown `who`, or too large a page.
    """
    if not 0 < limit <= MOST_ROWS or offset < 0:
        raise BadInput(f"a page has 1 to {MOST_ROWS:,} rows")
    journey_id, at_step = versions.find_journey(store, journey), bool(wanted.node and not wanted.port)
    order = f"(SELECT MIN(t.arrived_at) FROM token t WHERE {_OF_PASSAGE}), r.id" if at_step else "r.id DESC"
    via = "VIA(id)" if not at_step and wanted.who != "inside" and _many(store, journey_id, wanted.version) else ""
    rows = store.rows(sql(f"""SELECT r.id, r.contact_id, {_NAME}, v.number, r.status, r.reason, r.started_at, r.ended_at,
            (SELECT e.name FROM event e WHERE e.id = r.since_event), v.id
        FROM enrollment r JOIN contact c ON c.id = r.contact_id JOIN journey_version v ON v.id = r.version_id
        WHERE r.id IN (SELECT r.id FROM enrollment r {via} CROSS JOIN contact c WHERE c.id = r.contact_id AND {{where}}
            ORDER BY {order} LIMIT :limit OFFSET :offset)
        ORDER BY {order}""", where=_where(store, journey_id, wanted), limit=limit, offset=offset))
    here = standing(store, [row[0] for row in rows if row[4] == "active"], known or reading.known(store))
    return [replace(Passenger(*row[:9]), standing=tuple(here.get(row[0], ()))) for row in rows]


def count(store: Store, journey: str, wanted: Wanted) -> int:
    """How many, counted up to 10,000. Raises as `page` does."""
    where = _where(store, versions.find_journey(store, journey), wanted)
    return int(store.one(sql("""SELECT COUNT(*) FROM (SELECT r.id FROM enrollment r JOIN contact c ON c.id = r.contact_id
        WHERE {where} LIMIT :most) q""", where=where, most=MOST_COUNTED)))


def _many(store: Store, journey_id: int, version: int | None) -> bool:
    """Whether so many passed that a page is sooner full from the newest enrollment of all than all of theirs are sorted."""
    return bool(store.one(sql("SELECT 1 FROM enrollment r WHERE {mine} LIMIT 1 OFFSET :most", most=MOST_COUNTED,
                              mine=_of_versions(journey_id, version))))


_OF_PASSAGE = f"t.id BETWEEN r.id * {BRANCHES} AND r.id * {BRANCHES} + {BRANCHES - 1}"


def _where(store: Store, journey_id: int, wanted: Wanted) -> Sql:
    """The test of an enrollment `r` of a contact `c`."""
    if wanted.who not in WHO:
        raise BadInput(f"who {wanted.who!r}: choose one of {', '.join(WHO)}")
    if wanted.port and not wanted.node:
        raise BadInput(f"the way out {wanted.port!r} needs its step")
    tests = [_of_versions(journey_id, wanted.version), sql(WHO[wanted.who])]
    nodes = _nodes(store, journey_id, wanted) if wanted.node else None
    if wanted.node and not nodes:  # no such step, or nobody went that way: no passage need be looked at
        tests.append(sql("1 = 0"))
    elif nodes and wanted.port:
        tests.append(sql(f"""EXISTS (SELECT 1 FROM step s WHERE s.token_id BETWEEN r.id * {BRANCHES} AND r.id * {BRANCHES}
            + {BRANCHES - 1} AND s.port = :port AND s.node_id IN ({{nodes}}))""", port=wanted.port, nodes=nodes))
    elif nodes:
        tests.append(sql(f"""r.id IN (SELECT t.enrollment_id FROM token t WHERE t.shard IN ({shards(store)})
            AND t.node_id IN ({{nodes}}))""", nodes=nodes))
    if wanted.stage is not None:
        tests.append(sql("c.stage = :stage", stage=wanted.stage) if wanted.stage else sql("c.stage IS NULL"))
    return join(" AND ", tests)


def _of_versions(journey_id: int, number: int | None) -> Sql:
    one = sql("AND v.number = :number", number=number) if number is not None else sql("")
    return sql("r.version_id IN (SELECT v.id FROM journey_version v WHERE v.journey_id = :id {one})", id=journey_id, one=one)


def _nodes(store: Store, journey_id: int, wanted: Wanted) -> Sql | None:
    """Ids of the step in the versions that have it, with a port in those where anybody left by it; None: there are none. For a
    way all versions are looked at: who moved on to a newer one went it in an older one."""
    number, port = (None, wanted.port) if wanted.port else (wanted.version, None)
    ids = [row[0] for row in store.rows("""SELECT n.id FROM node n JOIN journey_version v ON v.id = n.version_id
        WHERE v.journey_id = :journey AND n.key = :key AND v.number = COALESCE(CAST(:number AS BIGINT), v.number)
        AND (CAST(:port AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM node_stat s WHERE s.node_id = n.id AND s.port = :port))""",
        journey=journey_id, key=wanted.node, number=number, port=port)]
    return join(", ", [sql(":id", id=one) for one in ids]) if ids else None


def names(store: Store, contact_ids: Iterable[int]) -> dict[int, str]:
    """What contacts are called, by id; ids that nobody has are left out."""
    wanted = [sql(":id", id=one) for one in contact_ids]
    return dict(store.rows(sql(f"SELECT c.id, {_NAME} FROM contact c WHERE c.id IN ({{ids}})", ids=join(", ", wanted)))
                if wanted else ())


def standing(store: Store, enrollments: Iterable[int], known: Known) -> dict[int, list[Standing]]:
    """Where the passages of these ids wait: enrollment -> one place for each branch. Those that ended are left out."""
    wanted = [sql(":id", id=one) for one in enrollments]
    if not wanted:
        return {}
    rows = store.rows(sql(f"""SELECT r.id, r.version_id, n.key, t.arrived_at, COALESCE(m.due_at, t.due_at), m.reason
        FROM enrollment r JOIN token t ON {_OF_PASSAGE} JOIN node n ON n.id = t.node_id
        LEFT JOIN message m ON m.token_id = t.id AND m.visit = t.seq AND m.node_id = t.node_id AND m.status = 'queued'
        WHERE r.id IN ({{ids}}) ORDER BY t.id""", ids=join(", ", wanted)))
    told = {version: _sentences(store, version, known) for version in {row[1] for row in rows}}
    found: dict[int, list[Standing]] = defaultdict(list)
    for id_, version, key, since, due_at, reason in rows:
        found[id_].append(Standing(key, told[version].get(key, ""), since, None if due_at >= FOREVER else due_at, reason))
    return dict(found)


def _sentences(store: Store, version: int, known: Known) -> dict[str, str]:
    document = store.one("SELECT v.document FROM journey_version v WHERE v.id = :id", id=version)
    return {node.id: node.describe() for node in reading.read(documents.load(document), known).nodes}


def steps(store: Store, journey: str) -> dict[str, list[str]]:
    """Every step that a version has or had, with the ways by which anybody left it. Raises NotFound."""
    found: dict[str, list[str]] = {}
    for key, port in store.rows("""SELECT DISTINCT n.key, s.port FROM node n JOIN journey_version v ON v.id = n.version_id
            LEFT JOIN node_stat s ON s.node_id = n.id WHERE v.journey_id = :id ORDER BY n.key, s.port""",
            id=versions.find_journey(store, journey)):
        found.setdefault(key, []).extend([port] if port else [])
    return found
