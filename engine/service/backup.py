"""A consistent copy of a workspace while it runs."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from ..activity import inbox
from ..errors import BadInput, Conflict
from ..store import SqliteStore, Store

_MOST_WAITING = 1_000_000


@dataclass(frozen=True)
class Copy:
    """What a backup consists of. files: paths in the order they were written."""

    files: tuple[str, ...]
    size_bytes: int


def backup(store: Store, target: Path) -> Copy:
    """Copy the database and its inbox with SQLite's backup interface; writers are not held up.

    The inbox goes first: what intake takes in between is in both copies and is known by its key, never in neither.
    Raises BadInput: PostgreSQL, or no such folder. Conflict: the target exists.
    """
    if not isinstance(store, SqliteStore) or store.private:
        raise BadInput("backup copies SQLite files: for PostgreSQL use pg_dump --format=custom --file=FILE URL "
                       "(consistent while running), pg_restore brings it back")
    inbox = target.with_name(f"{target.name}-inbox")
    _check(target, inbox)
    pairs = [(Path(f"{store.path}-inbox"), inbox), (Path(store.path), target)]
    for source, copy in pairs:
        if source.exists():
            _copy(source, copy)
    written = [copy for _, copy in pairs if copy.exists()]
    return Copy(tuple(map(str, written)), sum(file.stat().st_size for file in written))


def restore(store: Store, source: Path) -> None:
    """Put a copy made by `backup` in the place of what the workspace holds, also while others have it open.

    What waits in the inbox is thrown away. Raises BadInput: PostgreSQL, or there is no such copy.
    """
    if not isinstance(store, SqliteStore) or store.private:
        raise BadInput("only SQLite files are put back this way: for PostgreSQL use pg_restore")
    if not source.exists():
        raise BadInput(f"{source} is not there")
    with store.gate:
        reader, writer = sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True), sqlite3.connect(store.path)
        try:
            reader.backup(writer)
            writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            reader.close()
            writer.close()
    inbox.discard(store, [waiting.id for waiting in inbox.read(store, after=0, limit=_MOST_WAITING)])


def _check(*targets: Path) -> None:
    for file in targets:
        if not file.parent.is_dir():
            raise BadInput(f"{file.parent} is not a folder: make it first")
        if file.exists():
            raise Conflict(f"{file} exists: name another file, or remove it first")


def _copy(source: Path, target: Path) -> None:
    """One read of one moment into a file that only its owner can read, in place when it is whole and sound."""
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        _fill(source, part)
        os.replace(part, target)
    finally:
        for leftover in (part, Path(f"{part}-wal"), Path(f"{part}-shm")):
            leftover.unlink(missing_ok=True)


def _fill(source: Path, target: Path) -> None:
    reader, writer = sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True), sqlite3.connect(target)
    try:
        reader.backup(writer)  # all pages in one step: in smaller ones every write of the runner starts it over
        writer.execute("PRAGMA journal_mode=DELETE")  # one whole file; opening it as a workspace switches back
        if (found := writer.execute("PRAGMA quick_check").fetchone()[0]) != "ok":
            raise BadInput(f"the copy of {source} is damaged: {found}")
    finally:
        reader.close()
        writer.close()
