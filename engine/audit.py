"""Who changed what, when. One row per command, written in the command's own transaction."""

from __future__ import annotations

import json
from typing import Any

from .access import Actor
from .lazy import pd
from .store import Store


def record(store: Store, by: Actor, action: str, subject: str, *, now: int, **detail: Any) -> None:
    """Note a change. Call inside the transaction that makes it."""
    store.insert_many("audit", [{"at": now, "actor": by.name, "role": by.role, "action": action, "subject": subject,
                                 "detail": json.dumps(detail, default=str)}])


def recent(store: Store, *, subject: str | None = None, limit: int = 100) -> pd.DataFrame:
    """The newest entries first: at, actor, role, action, subject, detail (JSON text)."""
    where = "WHERE subject = :subject" if subject else ""
    return store.frame(f"SELECT at, actor, role, action, subject, detail FROM audit {where} ORDER BY id DESC LIMIT :limit",
                       subject=subject, limit=limit)
