"""What people say to each other about a journey or one of its steps."""

from __future__ import annotations

from dataclasses import dataclass

from .. import audit
from ..access import Actor, require
from ..errors import BadInput, NotFound
from ..store import Store
from .versions import find_journey

LONGEST = 2_000


@dataclass(frozen=True)
class Comment:
    """One remark. node: the step it is about, None: the journey as a whole. resolved_at: when it was dealt with."""

    id: int
    node: str | None
    at: int
    author: str
    text: str
    resolved_at: int | None


def add(store: Store, journey: str, text: str, *, node: str | None = None, by: Actor, now: int) -> Comment:
    """Say something about a journey, or one of its steps by key. Raises NotFound; BadInput: nothing said, or too much."""
    require(by, "analyze")
    said = text.strip()
    if not 0 < len(said) <= LONGEST:
        raise BadInput(f"a comment has 1 to {LONGEST:,} characters")
    with store.transaction():
        journey_id = find_journey(store, journey)
        store.insert_many("journey_comment", [{"journey_id": journey_id, "node": node, "at": now, "author": by.name,
                                               "text": said}])
        made = store.one("SELECT MAX(m.id) FROM journey_comment m WHERE m.journey_id = :id", id=journey_id)
        audit.record(store, by, "journey.comment", journey, now=now, comment=made)
    return Comment(made, node, now, by.name, said, None)


def list_comments(store: Store, journey: str) -> list[Comment]:
    """All comments of a journey: open ones first, the newest first. Raises NotFound."""
    return [Comment(*row) for row in store.rows("""SELECT m.id, m.node, m.at, m.author, m.text, m.resolved_at
        FROM journey_comment m WHERE m.journey_id = :id
        ORDER BY CASE WHEN m.resolved_at IS NULL THEN 0 ELSE 1 END, m.id DESC""", id=find_journey(store, journey))]


def resolve(store: Store, comment_id: int, *, by: Actor, now: int) -> None:
    """Say that a comment is dealt with. Raises NotFound."""
    require(by, "analyze")
    with store.transaction():
        if not store.run("UPDATE journey_comment SET resolved_at = :now WHERE id = :id AND resolved_at IS NULL", now=now,
                         id=comment_id):
            raise NotFound(f"there is no open comment {comment_id}")
        audit.record(store, by, "journey.comment_resolved", str(comment_id), now=now)
