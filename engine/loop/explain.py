"""Why is somebody where they are in a journey: the step log in words."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import NotFound
from ..journeys import documents, passengers, reading, versions
from ..journeys.graph import Journey
from ..journeys.passengers import Standing
from ..people import contacts
from ..store import Store

_EVENT_SEEN = frozenset({"wait_for", "approval"})


@dataclass(frozen=True)
class Taken:
    """One step. seen: the evidence as an integer; event: what that event was, where it is one."""

    at: int
    node: str
    sentence: str
    port: str | None
    reason: str | None
    seen: int | None
    event: str | None


@dataclass(frozen=True)
class Passage:
    """One enrollment. key: which of several at once it is, by the key of the re-entry policy. paused: it stands still until
    its journey is resumed."""

    journey: str
    version: int
    status: str
    reason: str | None
    started_at: int
    ended_at: int | None
    entered_by: str
    steps: list[Taken]
    waiting: list[Standing]
    key: str | None = None
    paused: bool = False


def explain(store: Store, who: str, journey: str | None = None) -> list[Passage]:
    """Every passage of a contact, newest first, of one journey or of all. Raises NotFound."""
    contact_id = contacts.find(store, who)
    if contact_id is None:
        raise NotFound(f"there is no contact {who!r}")
    return passages_of(store, contact_id, journey)


def passages_of(store: Store, contact_id: int, journey: str | None = None) -> list[Passage]:
    """The same of a contact by id."""
    only = versions.find_journey(store, journey) if journey else None
    where = "AND r.journey_id = :journey" if only else ""
    rows = store.rows(f"""SELECT r.id, j.name, v.number, v.document, r.status, r.reason, r.started_at, r.ended_at, e.name,
            NULLIF(r.key, ''), CASE WHEN r.status = 'active' AND j.status = 'paused' THEN 1 ELSE 0 END
        FROM enrollment r JOIN journey j ON j.id = r.journey_id JOIN journey_version v ON v.id = r.version_id
        LEFT JOIN event e ON e.id = r.since_event
        WHERE r.contact_id = :contact {where} ORDER BY r.id DESC""", contact=contact_id, journey=only)
    known = reading.known(store)
    here = passengers.standing(store, [row[0] for row in rows if row[4] == "active"], known)
    return [_passage(store, row, reading.read(documents.load(row[3]), known), here.get(row[0], [])) for row in rows]


def _passage(store: Store, row: tuple[object, ...], graph: Journey, waiting: list[Standing]) -> Passage:
    id_, name, number, _, status, reason, started_at, ended_at, entered_by, key, paused = row
    sentences = {node.id: node.describe() for node in graph.nodes}
    return Passage(
        journey=str(name), version=int(str(number)), status=str(status), reason=reason and str(reason),  # type: ignore[arg-type]
        started_at=int(str(started_at)), ended_at=None if ended_at is None else int(str(ended_at)),
        entered_by=str(entered_by), steps=_steps(store, int(str(id_)), sentences),
        waiting=waiting, key=key and str(key), paused=bool(paused))  # type: ignore[arg-type]


def _steps(store: Store, enrollment: int, sentences: dict[str, str]) -> list[Taken]:
    rows = store.rows("""SELECT s.at, n.key, n.type, s.port, COALESCE(s.reason, m.reason, h.detail), s.seen,
            (SELECT e.name || COALESCE(' ' || e.object, '') FROM event e WHERE e.id = ABS(s.seen))
        FROM step s JOIN node n ON n.id = s.node_id
        LEFT JOIN message m ON m.node_id = s.node_id AND m.token_id = s.token_id AND m.visit = s.seq
        LEFT JOIN errand h ON h.token_id = s.token_id AND h.visit = s.seq AND h.node_id = s.node_id AND h.status = 'dead'
        WHERE s.token_id BETWEEN :low AND :low + 63 ORDER BY s.id""", low=enrollment * 64)
    return [Taken(at, key, sentences.get(key, ""), port, reason, seen,
                  event if kind in _EVENT_SEEN or port in ("exited", "pulled") else None)
            for at, key, kind, port, reason, seen, event in rows]
