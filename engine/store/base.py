"""The database behind one face. `sqlite.py` and `postgres.py` are the two backends; one behavior suite holds them equal.

Statements are written in the portable subset (docs/adr/0002) with `:name` for bound values. What differs between the
engines is in `dialect` of each backend and nowhere else. Writing happens inside `transaction()` only.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar, TypeVar

from ..lazy import pd
from ..sql import Sql
from .text import words

Row = tuple[Any, ...]
Migration = tuple[str, "Callable[[Store], None]"]  # a name that never changes, and what it does
Statement = str | Sql
Found = TypeVar("Found")
CHUNK = 5_000  # rows per bulk statement; one transaction of 400k events made a 421 MB log


class Store(ABC):
    """Rows in, rows out. Reads take any free connection; a transaction keeps one for its thread."""

    backend: ClassVar[str]
    hole: ClassVar[str]  # stands for a value bound by its place
    types: ClassVar[dict[str, str]]  # what {id}, {big}, {real}, {json} stand for in a table definition

    def __init__(self, url: str, on_connect: Sequence[str] = ()) -> None:
        self.url = url
        self.on_connect = tuple(on_connect)
        self.on_statement: Callable[[str], None] | None = None  # sees each statement first; tests kill the process here
        self._free: list[Any] = []
        self._lock = threading.Lock()
        self._local = threading.local()

    # ------------------------------------------------------------ reading

    def rows(self, statement: Statement, **params: Any) -> list[Row]:
        """All rows as tuples."""
        return self._fetch(statement, params)[1]

    def row(self, statement: Statement, **params: Any) -> Row | None:
        """The first row, None when there is none."""
        found = self.rows(statement, **params)
        return found[0] if found else None

    def one(self, statement: Statement, **params: Any) -> Any:
        """First column of the first row, None when there is no row."""
        found = self.rows(statement, **params)
        return found[0][0] if found else None

    def records(self, statement: Statement, **params: Any) -> list[dict[str, Any]]:
        """All rows as dictionaries."""
        names, found = self._fetch(statement, params)
        return [dict(zip(names, row, strict=True)) for row in found]

    def table(self, statement: Statement, **params: Any) -> tuple[list[str], list[Row]]:
        """Column names, also when there is no row, and all rows."""
        return self._fetch(statement, params)

    def frame(self, statement: Statement, **params: Any) -> pd.DataFrame:
        """All rows as a DataFrame."""
        names, found = self._fetch(statement, params)
        return pd.DataFrame.from_records(found, columns=names)

    @abstractmethod
    def stream(self, statement: Statement, size: int = CHUNK, **params: Any) -> Iterator[list[Row]]:
        """Chunks of rows of one consistent read, for exports that do not fit in memory."""

    def search(self, text: str, limit: int = 50) -> list[int]:
        """Contact ids whose name, address or ids contain words that begin with each of the given words: those first that hold
        the very words, and of each the newest first. Ranking everybody who fits took half a second where a million did."""
        asked = words(text)
        found = self._search(asked, limit, whole=True) if asked else []
        more = self._search(asked, limit, whole=False) if asked and len(found) < limit else []
        return list(dict.fromkeys([*found, *more]))[:limit]

    # ------------------------------------------------------------ writing

    @abstractmethod
    def transaction(self, durable: bool = False) -> AbstractContextManager[None]:
        """The only way to write. Inside another one of the same thread it joins it.

        durable: the commit survives a power cut, not only a killed process.
        """

    def insist(self, work: Callable[[], Found]) -> Found:
        """Do `work`, which makes its own transaction, and do it again where the server took that back because it and
        another one waited for each other. Inside a transaction nothing can be repeated: the error goes out."""
        return work()

    def run(self, statement: Statement, **params: Any) -> int:
        """Execute one statement inside a transaction; the number of rows it touched."""
        self._must_write()
        text, values = self._ready(statement, params)
        return int(self._execute(self._local.connection, text, values).rowcount)

    def run_many(self, statement: str, rows: Iterable[dict[str, Any]]) -> int:
        """One statement for many rows of values; the number of rows it touched."""
        self._must_write()
        listed = list(rows)
        self._notice(statement)
        return self._many(self._local.connection, self.dialect(statement), listed) if listed else 0

    def insert_many(self, table: str, rows: Iterable[dict[str, Any]], *, or_ignore: bool = False) -> int:
        """Insert dictionaries with equal keys. `or_ignore` passes over rows whose key is there already."""
        listed = list(rows)
        columns = list(listed[0]) if listed else []
        return self.insert_rows(table, columns, [tuple([row[name] for name in columns]) for row in listed],
                                or_ignore=or_ignore)

    def insert_rows(self, table: str, columns: Sequence[str], rows: Sequence[Row], *, or_ignore: bool = False) -> int:
        """The same for tuples in the order of the columns: values bound by place cost half of those bound by name."""
        if not rows:
            return 0
        self._must_write()
        tail = " ON CONFLICT DO NOTHING" if or_ignore else ""
        holes = ", ".join([self.hole] * len(columns))
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({holes}){tail}"
        self._notice(statement)
        return self._many(self._local.connection, statement, rows)

    def upsert_many(self, table: str, rows: Iterable[dict[str, Any]], key: Sequence[str]) -> int:
        """Insert dictionaries, or replace the other columns of the row with the same key."""
        listed = list(rows)
        if not listed:
            return 0
        columns = list(listed[0])
        sets = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
        action = f"UPDATE SET {sets}" if sets else "NOTHING"
        return self.run_many(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({_holes(columns)}) "
                             f"ON CONFLICT ({', '.join(key)}) DO {action}", listed)

    @abstractmethod
    def new_ids(self, table: str, count: int) -> list[int]:
        """Ids for rows about to be inserted in this transaction, rising and never used before."""

    @abstractmethod
    def script(self, statements: Iterable[str]) -> None:
        """Table definitions with {id}, {big}, {real}, {json} for the types of this engine."""

    @abstractmethod
    def migrate(self, migrations: Sequence[Migration]) -> list[str]:
        """Apply those not applied yet, in order, inside a transaction; their names. Safe when several processes start."""

    @abstractmethod
    def migrated(self) -> list[str]:
        """Names of the applied migrations, in order."""

    @abstractmethod
    def serialize(self, name: str) -> None:
        """Until this transaction ends, nobody else passes here under the same name."""

    @abstractmethod
    def after_fill(self, table: str) -> None:
        """A table has just been filled: let the planner know where it needs to. PostgreSQL finds out by itself only after a
        minute, and about a temporary table never."""

    # ------------------------------------------------------------ around

    @property
    @abstractmethod
    def inbox(self) -> Store:
        """Where events arrive: on SQLite a file of its own, so that public traffic never meets the runner's lock."""

    @abstractmethod
    def lock(self, name: str) -> AbstractContextManager[bool]:
        """A lease that dies with its process. Yields whether it was free."""

    @abstractmethod
    def plan(self, statement: Statement, **params: Any) -> str:
        """The query plan as text."""

    @abstractmethod
    def columns(self, table: str) -> list[str]:
        """Column names of a table, empty when there is no such table."""

    @abstractmethod
    def dialect(self, text: str) -> str:
        """Portable text to the text of this engine."""

    def close(self) -> None:
        """Give every connection back. The store can not be used afterwards."""
        with self._lock:
            for connection in self._free:
                connection.close()
            self._free.clear()

    @property
    def writing(self) -> bool:
        """Whether this thread is inside a transaction."""
        return getattr(self._local, "depth", 0) > 0

    # ------------------------------------------------------------ for the backends

    @abstractmethod
    def _search(self, asked: Sequence[str], limit: int, *, whole: bool) -> list[int]:
        """Contacts who hold all of these words (`whole`), or words that begin with them, the newest first."""

    @abstractmethod
    def _connect(self) -> Any: ...

    @abstractmethod
    def _execute(self, connection: Any, text: str, values: dict[str, Any]) -> Any: ...

    @abstractmethod
    def _many(self, connection: Any, text: str, rows: Sequence[Row] | Sequence[dict[str, Any]]) -> int: ...

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        """The thread's own connection inside a transaction, else any free one."""
        pinned = getattr(self._local, "connection", None)
        if pinned is not None:
            yield pinned
            return
        connection = self._take()
        try:
            yield connection
        finally:
            self._give(connection)

    def _take(self) -> Any:
        with self._lock:
            if self._free:
                return self._free.pop()
        return self._connect()

    def _give(self, connection: Any) -> None:
        with self._lock:
            self._free.append(connection)

    def _fetch(self, statement: Statement, params: dict[str, Any]) -> tuple[list[str], list[Row]]:
        text, values = self._ready(statement, params)
        with self._connection() as connection:
            cursor = self._execute(connection, text, values)
            names = [column[0] for column in cursor.description or ()]
            return names, cursor.fetchall() if names else []

    def _ready(self, statement: Statement, params: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        if isinstance(statement, Sql):
            statement, bound = statement.render()
            params = bound | params
        self._notice(statement)
        return self.dialect(statement), params

    def _notice(self, text: str) -> None:
        if self.on_statement:
            self.on_statement(text)

    def _must_write(self) -> None:
        if not self.writing:
            raise RuntimeError("writing needs store.transaction()")


def _holes(columns: Sequence[str]) -> str:
    return ", ".join(f":{name}" for name in columns)
