"""Approvals: who waits for a colleague's yes or no, and the answer, which is an event like any other."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .. import audit
from ..access import Actor, require
from ..activity import events
from ..content.context import trigger
from ..content.language import compile_part
from ..errors import BadInput, NotFound
from ..people import contacts
from ..sql import fold
from ..store import Store
from . import documents
from .nodes.calling import DECISIONS

LONGEST_NOTE = 500


@dataclass(frozen=True)
class Pending:
    """One question. token, visit: what the answer belongs to. due_at: when it is too late; None when never."""

    token: int
    visit: int
    contact_id: int
    who: str
    journey: str
    node: str
    question: str
    since: int
    due_at: int | None


def pending(store: Store, *, contact_id: int | None = None, limit: int = 200) -> list[Pending]:
    """Questions without an answer, the oldest first."""
    nodes = store.rows("""SELECT n.id, n.key, j.name, v.document FROM node n JOIN journey_version v ON v.id = n.version_id
        JOIN journey j ON j.id = v.journey_id WHERE n.type = 'approval' ORDER BY n.id""")
    found: list[Pending] = []
    for node_id, key, journey, document in nodes:
        rows = store.rows("""SELECT t.id, t.seq, t.contact_id, COALESCE(c.email, c.external_id, '?'), t.arrived_at, t.due_at,
                (SELECT r.props FROM enrollment r WHERE r.id = t.enrollment_id) FROM token t
            JOIN contact c ON c.id = t.contact_id WHERE t.shard BETWEEN 0 AND 63
            AND t.node_id = :node ORDER BY t.arrived_at, t.id LIMIT :limit""", node=node_id, limit=limit)
        if not rows:
            continue
        said = next(one for one in documents.load(document)["nodes"] if one["id"] == key)
        found += [Pending(token, visit, who, name, journey, key, _asked(str(said["question"]), props), since,
                          due_at if said.get("timeout") else None)
                  for token, visit, who, name, since, due_at, props in rows if contact_id in (None, who)]
    open_ = [one for one in found if not _answered(store, one)]
    return sorted(open_, key=lambda one: (one.since, one.token))[:limit]


def _asked(question: str, props: str | None) -> str:
    """The question, with what brought the person here filled in; as it is written where something it asks for is missing."""
    try:
        return compile_part(question, "question", escape=False).render(trigger(props))
    except BadInput:
        return question


def _answered(store: Store, one: Pending) -> bool:
    """Whether somebody has answered and the runner has not heard it yet."""
    return bool(store.one("SELECT 1 FROM event e WHERE e.contact_id = :who AND e.name IN (:yes, :no) AND e.object = :thing",
                          who=one.contact_id, yes=DECISIONS["approved"], no=DECISIONS["declined"], thing=_thing(one)))


def _thing(one: Pending) -> str:
    return f"{one.token}:{one.visit}"


def decide(store: Store, one: Pending, approved: bool, note: str = "", *, by: Actor, now: int) -> None:
    """Answer a question. Raises BadInput: a note too long. NotFound: it is answered, or nobody waits for it any more."""
    require(by, "sell")
    if len(note) > LONGEST_NOTE:
        raise BadInput(f"a note of {len(note)} characters: {LONGEST_NOTE} at most")
    with store.transaction():
        store.serialize("event")
        there = store.one("SELECT 1 FROM token t WHERE t.id = :id AND t.seq = :visit", id=one.token, visit=one.visit)
        if not there or _answered(store, one):
            raise NotFound(f"{one.who} does not wait for this answer any more")
        port = "approved" if approved else "declined"
        events.insert_events(store, [{
            "contact_id": one.contact_id, "name": DECISIONS[port], "object": _thing(one), "occurred_at": now,
            "received_at": now, "dedupe_key": f"approval:{_thing(one)}", "source": by.name,
            "props": json.dumps({"journey": one.journey, "node": one.node, "question": one.question, "note": note,
                                      "by": by.name})}])
        audit.record(store, by, f"journey.{port}", one.who, now=now, journey=one.journey, node=one.node, note=note)


def find_pending(store: Store, who: str, journey: str, node: str | None = None) -> Pending:
    """The open question about a contact in a journey. Raises NotFound; BadInput: there are several, name the step."""
    contact_id = contacts.must_find(store, who)
    found = [one for one in pending(store, contact_id=contact_id)
             if fold(one.journey) == fold(journey.strip()) and node in (None, one.node)]
    if not found:
        raise NotFound(f"nobody asks anything about {who!r} in the journey {journey!r}")
    if len({one.node for one in found}) > 1:
        raise BadInput(f"several steps ask about {who!r}: name one of {', '.join(sorted({one.node for one in found}))}")
    return found[0]
