"""Errands: what is carried out of the house that is no message to the contact: webhooks, and notices to our own people.

Status: queued → done, dead or canceled. A webhook goes at least once: a process that dies between an answer and its mark asks
again, with the same idempotency key. A notice is a mail and goes at most once: it is `sending` on disk before it leaves, and
what a dead process left so is `unknown`. Only this module writes the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .. import audit
from ..access import Actor, require
from ..errors import BadInput, Conflict, NotFound, listing
from ..sql import Sql, sql
from ..store import Store

STATUSES = ("queued", "sending", "done", "dead", "unknown", "canceled")
CAPTURED = "captured, nothing left the house"  # stands in the detail of what stayed here
_AGAIN = ("dead", "unknown")  # what a person may try again


@dataclass(frozen=True)
class Errand:
    """One errand, as a person wants to see it. detail: the answer, or why there was none. Times are UTC seconds."""

    id: int
    kind: str
    contact: str | None
    journey: str | None
    node: str | None
    target: str
    status: str
    attempts: int
    created_at: int
    due_at: int
    done_at: int | None
    detail: str | None


def queue(rows: Sql, *, kind: str, node_id: int, journey_id: int, target: str, body: str | None, holds: bool) -> Sql:
    """An errand for each of `rows`, once per (node, token, visit).

    rows: a FROM item with id (the token), enrollment_id, contact_id and seq (the visit). `:now` stays free.
    """
    return sql(
        """INSERT INTO errand (kind, journey_id, enrollment_id, node_id, token_id, visit, contact_id, target, body, holds,
            created_at, due_at)
        SELECT CAST(:kind AS TEXT), CAST(:journey_id AS BIGINT), b.enrollment_id, CAST(:node_id AS BIGINT), b.id, b.seq,
            b.contact_id, CAST(:target AS TEXT), AS_JSON(:body), CAST(:holds AS BIGINT), :now, :now
        FROM {rows} b WHERE 1 = 1 ON CONFLICT (token_id, visit, node_id) DO NOTHING""",
        kind=kind, node_id=node_id, journey_id=journey_id, target=target, body=body, holds=int(holds), rows=rows)


def add(store: Store, rows: Iterable[dict[str, Any]], *, now: int) -> int:
    """Notices of no journey, whose end nobody waits for. Keys: contact_id, target, body (JSON text). Needs a transaction."""
    common = {"kind": "notice", "holds": 0, "created_at": now, "due_at": now, "told_at": now}
    return store.insert_many("errand", [common | row for row in rows])


def due(store: Store, *, now: int, limit: int) -> list[dict[str, Any]]:
    """Errands whose turn it is. moot: the contact that waited for it has gone on."""
    return store.records(
        """SELECT h.id, h.kind, h.contact_id, h.target, h.body, h.attempts, h.round, h.visit, j.name AS journey, n.key AS node,
            r.props, CASE WHEN h.holds = 1 AND h.round = 0 AND NOT EXISTS (SELECT 1 FROM token t WHERE t.id = h.token_id
                AND t.node_id = h.node_id AND t.seq = h.visit) THEN 1 ELSE 0 END AS moot
        FROM errand h LEFT JOIN journey j ON j.id = h.journey_id LEFT JOIN node n ON n.id = h.node_id
        LEFT JOIN enrollment r ON r.id = h.enrollment_id
        WHERE h.status = 'queued' AND h.due_at <= :now ORDER BY h.due_at, h.id LIMIT :limit""", now=now, limit=limit)


def claim(store: Store, ids: Iterable[int]) -> None:
    """They are about to be handed over. Needs a transaction."""
    store.run_many("UPDATE errand SET status = 'sending' WHERE id = :id AND status = 'queued'", [{"id": one} for one in ids])


def abandon(store: Store, *, now: int) -> int:
    """What a dead process left in `sending` may or may not have left; how many. The caller is the only one who sends."""
    if not store.one("SELECT 1 FROM errand h WHERE h.status = 'sending' LIMIT 1"):
        return 0
    with store.transaction(durable=True):
        return store.run("UPDATE errand SET status = 'unknown', done_at = :now, detail = 'interrupted: it may or may not have "
                         "arrived' WHERE status = 'sending'", now=now)


def mark(store: Store, errand_id: int, status: str, detail: str, *, now: int, due_at: int | None = None,
         tried: bool = True) -> None:
    """Write what an attempt came to; with status queued it is tried again at `due_at`. Needs a transaction."""
    store.run("""UPDATE errand SET status = :status, detail = :detail, attempts = attempts + :tried, due_at = COALESCE(
        CAST(:due_at AS BIGINT), due_at), done_at = CASE WHEN :status = 'queued' THEN NULL ELSE :now END WHERE id = :id""",
              id=errand_id, status=status, detail=detail[:1_000], now=now, due_at=due_at, tried=int(tried))


def untold(store: Store, limit: int) -> list[dict[str, Any]]:
    """Errands whose end has not gone to the inbox yet, oldest first."""
    return store.records(
        """SELECT h.id, h.kind, h.contact_id, h.status, h.detail, h.round, h.done_at, n.key AS node, j.name AS journey
        FROM errand h LEFT JOIN journey j ON j.id = h.journey_id LEFT JOIN node n ON n.id = h.node_id
        WHERE h.told_at IS NULL AND h.status IN ('done', 'dead') ORDER BY h.id LIMIT :limit""", limit=limit)


def told(store: Store, ids: Iterable[int], *, now: int) -> None:
    """Their ends are in the inbox. Needs a transaction."""
    store.run_many("UPDATE errand SET told_at = :now WHERE id = :id", [{"now": now, "id": item} for item in ids])


# ------------------------------------------------------------ for people


def list_errands(store: Store, *, status: str | None = None, limit: int = 100) -> list[Errand]:
    """The newest first. Raises BadInput: no such status."""
    if status is not None and status not in STATUSES:
        raise BadInput(f"status {status!r}: choose one of {', '.join(STATUSES)}")
    where = "WHERE h.status = :status" if status else ""
    return [Errand(*row) for row in store.rows(f"""SELECT h.id, h.kind, COALESCE(c.email, c.external_id), j.name, n.key,
            h.target, h.status, h.attempts, h.created_at, h.due_at, h.done_at, h.detail
        FROM errand h LEFT JOIN contact c ON c.id = h.contact_id LEFT JOIN journey j ON j.id = h.journey_id
        LEFT JOIN node n ON n.id = h.node_id {where} ORDER BY h.id DESC LIMIT :limit""", status=status, limit=limit)]


def counts(store: Store) -> dict[str, int]:
    """How many errands stand at each status."""
    return dict(store.rows("SELECT h.status, COUNT(*) FROM errand h GROUP BY h.status"))


def retry(store: Store, ids: Sequence[int], *, by: Actor, now: int) -> int:
    """Try dead and unknown errands again from the start; how many. Raises NotFound: no such errand. Conflict: neither."""
    require(by, "market")
    with store.transaction():
        for errand_id in ids:
            status = store.one("SELECT h.status FROM errand h WHERE h.id = :id", id=errand_id)
            if status is None:
                raise NotFound(f"errand {errand_id}: there is none; `errands list` shows what there is")
            if status not in _AGAIN:
                raise Conflict(f"errand {errand_id} is {status}: only a dead or unknown one can be tried again")
        done = store.run_many("""UPDATE errand SET status = 'queued', due_at = :now, attempts = 0, round = round + 1,
            done_at = NULL, told_at = NULL WHERE id = :id AND status IN ('dead', 'unknown')""",
                              [{"id": item, "now": now} for item in ids])
        audit.record(store, by, "errands tried again", listing([str(item) for item in ids]), now=now, ids=list(ids))
    return done
