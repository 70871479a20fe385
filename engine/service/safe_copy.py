"""A copy of a live workspace to try things in: it can mail nobody, whatever is configured, and no write key opens it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .. import schema
from ..access import list_write_keys, revoke_write_key, set_setting
from ..errors import Conflict
from ..store import Store
from . import backup

SETTING = "safe_copy"  # when it was made; from then on nothing may leave it


@dataclass(frozen=True)
class Clone:
    """What was written. queued: messages that wait in the copy and will be captured there."""

    files: tuple[str, ...]
    contacts: int
    queued: int


def clone(store: Store, target: Path, *, now: int) -> Clone:
    """Copy while it runs, then shut every way out. The copy is put in its place when it is shut, never before.

    Raises BadInput: PostgreSQL, no such folder. Conflict: the file exists.
    """
    wanted = (target, target.with_name(f"{target.name}-inbox"))
    for file in wanted:
        if file.exists():
            raise Conflict(f"{file} exists: name another file, or remove it first")
    part = target.with_name(f"{target.name}.open")
    try:
        backup.backup(store, part)
        found = _shut(part, now)
        files = [(part.with_name(file.name.replace(target.name, part.name, 1)), file) for file in wanted]
        done = [(source, file) for source, file in files if source.exists()]
        for source, file in done:
            os.replace(source, file)
    finally:
        for leftover in target.parent.glob(f"{part.name}*"):
            leftover.unlink()
    return Clone(tuple(str(file) for _, file in done), *found)


def _shut(part: Path, now: int) -> tuple[int, int]:
    """Capture only, and no key known; how many contacts there are and messages wait."""
    copy = schema.open_store(f"sqlite:///{part}")
    try:
        set_setting(copy, "capture_only", True)
        set_setting(copy, SETTING, {"made_at": now})
        for key in list_write_keys(copy):
            revoke_write_key(copy, key.name, now=now)
        return (int(copy.one("SELECT COUNT(*) FROM contact c WHERE c.anonymous = 0")),
                int(copy.one("SELECT COUNT(*) FROM message m WHERE m.status IN ('queued', 'admitted', 'sending')")))
    finally:
        copy.close()
