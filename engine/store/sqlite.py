"""The embedded default: one SQLite file (and one beside it for the inbox)."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, ClassVar

from ..errors import BadInput
from ..lazy import sqlite_utils
from ..sql import fold
from .base import CHUNK, Migration, Row, Statement, Store
from .gate import NoGate, WriteGate, try_lock

PAGE_SIZE = 8_192  # bytes, of a new file: the runner moves a tenth more people a second than with 4,096, and rules read as fast
WAL_LIMIT = 64 << 20  # bytes of write-ahead log at which a writer stops to check it in
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "vboxsf", "prl_fs", "fuse.sshfs",
                                  "fuse.glusterfs", "ceph", "afs", "virtiofs", "fuse.vmhgfs-fuse"})
MEMORY = ":memory:"


class SqliteStore(Store):
    """A file, or `:memory:` for simulation and tests."""

    backend: ClassVar[str] = "sqlite"
    hole: ClassVar[str] = "?"
    types: ClassVar[dict[str, str]] = {
        "id": "INTEGER PRIMARY KEY AUTOINCREMENT", "big": "INTEGER", "real": "REAL", "json": "TEXT",
    }

    def __init__(
        self, path: str | Path, *, on_connect: Sequence[str] = (), inbox_setup: Sequence[str] = (), cache_mb: int = 64
    ) -> None:
        super().__init__(f"sqlite:///{path}", on_connect)
        self.path = path if str(path) == MEMORY else Path(path)
        self.cache_mb = cache_mb
        self.private = str(path) == MEMORY
        self.gate: WriteGate | NoGate = NoGate() if self.private else WriteGate(Path(f"{path}.gate"))
        self._alone = threading.RLock()  # a private database has one connection for all threads
        self._checked_at = 0.0
        self._inbox_setup = tuple(inbox_setup)
        self._inbox: SqliteStore | None = None
        if not self.private:
            self._open_file()

    def _open_file(self) -> None:
        file = Path(self.path)
        if not file.parent.is_dir():
            raise BadInput(f"{file.parent} is not a folder: make it first, or name another database file")
        refuse_network(file)
        with nullcontext() if _is_write_ahead(file) else self.gate:  # readers of a made file wait for nobody
            self._give(self._connect())

    # ------------------------------------------------------------ connections

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(self.path, isolation_level=None, timeout=30, cached_statements=1024,
                                         check_same_thread=False)
            connection.create_function("fold", 1, _fold, deterministic=True)
            if not _counts():
                connection.create_function("power", 2, _power, deterministic=True)
            for pragma in (f"page_size={PAGE_SIZE}", "journal_mode=WAL", "synchronous=NORMAL", "wal_autocheckpoint=0",
                           "temp_store=MEMORY", f"cache_size=-{self.cache_mb * 1024}", "mmap_size=0", "foreign_keys=OFF"):
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.DatabaseError as error:
            raise BadInput(f"{self.path} can not be opened as a SQLite database: {error}") from error
        for statement in self.on_connect:
            connection.execute(statement.format(**self.types))
        connection.execute("PRAGMA query_only=1")
        return connection

    def _take(self) -> Any:
        if self.private:
            self._alone.acquire()
            return self._free[0] if self._free else self._first()
        return super()._take()

    def _first(self) -> sqlite3.Connection:
        self._free.append(self._connect())
        return self._free[0]  # type: ignore[no-any-return]

    def _give(self, connection: Any) -> None:
        if self.private:
            self._alone.release()
        else:
            super()._give(connection)

    # ------------------------------------------------------------ transactions

    @contextmanager
    def transaction(self, durable: bool = False) -> Iterator[None]:
        if self.writing:
            yield
            return
        with self.gate:
            connection = self._take()
            try:
                with self._begun(connection, durable):
                    yield
            finally:
                self._give(connection)

    @contextmanager
    def _begun(self, connection: sqlite3.Connection, durable: bool) -> Iterator[None]:
        connection.execute("PRAGMA query_only=0")
        try:
            if durable:
                connection.execute("PRAGMA synchronous=FULL")
            connection.execute("BEGIN IMMEDIATE")
            self._local.connection, self._local.depth = connection, 1
            yield
            self._notice("COMMIT")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        finally:
            self._local.connection, self._local.depth = None, 0
            if durable:
                connection.execute("PRAGMA synchronous=NORMAL")
            self._check_in(connection)
            connection.execute("PRAGMA query_only=1")

    def _check_in(self, connection: sqlite3.Connection) -> None:
        """Move a large log into the file, under the gate, at most once a second."""
        if self.private or time.monotonic() - self._checked_at < 1:
            return
        log = Path(f"{self.path}-wal")
        if log.exists() and log.stat().st_size > WAL_LIMIT:
            self._checked_at = time.monotonic()
            connection.execute("PRAGMA busy_timeout=50")  # a long reader may keep part of the log; the next one tries
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            connection.execute("PRAGMA busy_timeout=30000")

    # ------------------------------------------------------------ statements

    def _execute(self, connection: Any, text: str, values: dict[str, Any]) -> Any:
        return connection.execute(text, values)

    def _many(self, connection: Any, text: str, rows: Sequence[Row] | Sequence[dict[str, Any]]) -> int:
        return int(connection.executemany(text, rows).rowcount)

    def stream(self, statement: Statement, size: int = CHUNK, **params: Any) -> Iterator[list[Row]]:
        text, values = self._ready(statement, params)
        with self._connection() as connection:
            cursor = connection.execute(text, values)
            try:
                while chunk := cursor.fetchmany(size):
                    yield chunk
            finally:
                cursor.close()  # an unfinished one would keep its snapshot, and the log from being checked in

    def new_ids(self, table: str, count: int) -> list[int]:
        self._must_write()
        last = self.one("SELECT seq FROM sqlite_sequence WHERE name = :table", table=table) or 0
        return list(range(last + 1, last + count + 1))

    def script(self, statements: Iterable[str]) -> None:
        self._must_write()
        for statement in statements:
            self._notice(statement)
            self._local.connection.execute(statement.format(**self.types))

    def _search(self, asked: Sequence[str], limit: int, *, whole: bool) -> list[int]:
        match = " ".join(f'"{word}"' if whole else f'"{word}"*' for word in asked)
        return [row[0] for row in self.rows("SELECT rowid FROM contact_search WHERE contact_search MATCH :match "
                                            "ORDER BY rowid DESC LIMIT :limit", match=match, limit=limit)]

    def migrate(self, migrations: Sequence[Migration]) -> list[str]:
        known = sqlite_utils.Migrations("throughline")
        for name, apply in migrations:
            known(name=name)(lambda _, apply=apply: apply(self))
        with self.transaction():
            before = set(self.migrated())
            known.apply(sqlite_utils.Database(self._local.connection))
            return [name for name, _ in migrations if name not in before]

    def migrated(self) -> list[str]:
        if not self.columns("_sqlite_migrations"):
            return []
        return [row[0] for row in self.rows("SELECT name FROM _sqlite_migrations ORDER BY id")]

    def serialize(self, name: str) -> None:
        """The write gate already does."""

    def after_fill(self, table: str) -> None:
        """SQLite probes temporary tables by key and needs no statistics."""

    def plan(self, statement: Statement, **params: Any) -> str:
        text, values = self._ready(statement, params)
        with self._connection() as connection:
            connection.execute("PRAGMA query_only=0")  # the plan of a write is asked for, nothing is written
            try:
                found = connection.execute("EXPLAIN QUERY PLAN " + text, values).fetchall()
            finally:
                connection.execute(f"PRAGMA query_only={int(not self.writing)}")
        return "\n".join(row[3] for row in found)

    def columns(self, table: str) -> list[str]:
        return [row[1] for row in self.rows(f"PRAGMA table_info({table})")]

    def copy_from(self, other: SqliteStore) -> None:
        """Become what the other one is; its inbox and temporary tables stay there."""
        with other._connection() as source, self._connection() as target:
            source.backup(target)

    @property
    def inbox(self) -> Store:
        with self._alone:
            if self._inbox is None:
                path = MEMORY if self.private else f"{self.path}-inbox"
                self._inbox = SqliteStore(path, on_connect=(), cache_mb=8)
                with self._inbox.transaction():
                    self._inbox.script(self._inbox_setup)
            return self._inbox

    @contextmanager
    def lock(self, name: str) -> Iterator[bool]:
        if self.private:
            yield True
            return
        file = os.open(f"{self.path}.{name}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            yield try_lock(file)
        finally:
            os.close(file)

    def close(self) -> None:
        if self._inbox:
            self._inbox.close()
        super().close()

    def dialect(self, text: str) -> str:
        return _translated(text)


def _is_write_ahead(file: Path) -> bool:
    """Whether the header of the file says so; switching a file over needs it alone."""
    with suppress(FileNotFoundError), file.open("rb") as opened:
        return opened.read(20)[18:20] == b"\x02\x02"
    return False


def _fold(value: Any) -> Any:
    return fold(value) if isinstance(value, str) else value


@cache
def _counts() -> bool:
    """Whether this SQLite was built with its mathematical functions; not every one is."""
    with closing(sqlite3.connect(":memory:")) as trial:
        return bool(trial.execute("SELECT COUNT(*) FROM pragma_function_list WHERE name = 'power'").fetchone()[0])


def _power(base: float | None, exponent: float | None) -> float | None:
    return None if base is None or exponent is None else float(base) ** exponent


_JSON_PATH = r"""'$."' || \2 || '"'"""
# A path reaches no key that JSON writes with a backslash (SQLite 3.40), so those are looked for one by one.
_ODD_KEY = r"\2 GLOB '*[^-a-zA-Z0-9_ .$/]*'"


def _json(chosen: str) -> str:
    """An expression over {kind} and {value} of one key of a document."""
    by_path = chosen.format(kind=rf"json_type(\1, {_JSON_PATH})", value=rf"json_extract(\1, {_JSON_PATH})")
    by_key = chosen.format(kind="pair.type", value="pair.value")
    return (rf"(CASE WHEN {_ODD_KEY} THEN (SELECT {by_key} FROM json_each(\1) pair WHERE pair.key = \2 LIMIT 1) "
            rf"ELSE {by_path} END)")


_MACROS = (
    (re.compile(r"\bGREATEST\("), "MAX("),
    (re.compile(r"\bLEAST\("), "MIN("),
    (re.compile(r"\bAS_JSON\((:?[\w.]+)\)"), r"\1"),
    (re.compile(r"\bJSON_NUMBER\(([\w.]+), (:\w+)\)"),
     _json("CASE WHEN {kind} IN ('integer', 'real') AND abs({value}) < 1e308 THEN {value} END")),
    (re.compile(r"\bJSON_TEXT\(([\w.]+), (:\w+)\)"), _json("CASE WHEN {kind} = 'text' THEN {value} END")),
    (re.compile(r"\bJSON_BOOL\(([\w.]+), (:\w+)\)"), _json("CASE {kind} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END")),
    (re.compile(r"\bJSON_KIND\(([\w.]+), (:\w+)\)"),
     _json("CASE {kind} WHEN 'text' THEN 'string' WHEN 'integer' THEN 'number' WHEN 'real' THEN 'number' "
           "WHEN 'true' THEN 'boolean' WHEN 'false' THEN 'boolean' ELSE {kind} END")),
    (re.compile(r"\bVIA\(id\)"), "NOT INDEXED"),  # in the order of the ids, so that what is asked of each lies side by side
    (re.compile(r"\bVIA\((\w+)\)"), r"INDEXED BY \1"),
    (re.compile(r"\bHASHES\(\)"), "FALSE"),  # what is grouped or looked up is sorted
    (re.compile(r"\bMONTH_DAY\(([\w.]+)\)"), r"strftime('%m-%d', \1, 'unixepoch')"),
)


@lru_cache(8192)
def _translated(text: str) -> str:
    for macro, meaning in _MACROS:
        text = macro.sub(meaning, text)
    return text


def file_system(path: Path, mounts: str | None = None) -> str:
    """The type of the file system that a path lies on, as the kernel names it; empty where it does not say.

    mounts: the text of /proc/mounts, read when it is not given.
    """
    place = str(path.resolve())
    best, kind = "", ""
    for line in (_mounts() if mounts is None else mounts).splitlines():
        _, point, name, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        if (place == point or place.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
            best, kind = point, name
    return kind


def refuse_network(file: Path, mounts: str | None = None) -> None:
    """Raise BadInput where the locks of SQLite would not hold."""
    if (system := file_system(file, mounts)) in NETWORK_FILE_SYSTEMS:
        raise BadInput(f"{file} lies on a {system} file system, where SQLite's locks do not hold: "
                       "use a local disk, or PostgreSQL")


def _mounts() -> str:
    try:
        return Path("/proc/mounts").read_text()
    except OSError:
        return ""
