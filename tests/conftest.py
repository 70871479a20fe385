"""What all tests share: a store on each engine, a moment, and a cast of named contacts."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
from hypothesis import settings

from engine.schema import open_memory, open_store
from engine.store import Store

NOW = 1_790_000_000  # 2026-09-21T13:33:20Z, a Monday
REQUIRE_ALL = bool(os.environ.get("REQUIRE_ALL"))
POSTGRES = os.environ.get("TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/test")
ENGINES = ["sqlite", "postgresql"]

# How long an example takes says nothing about it. CI tries the same examples each time: what it refuses is what was changed;
# whoever works here tries new ones.
settings.register_profile("shared machine", deadline=None, derandomize=REQUIRE_ALL)
settings.load_profile("shared machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that wait much (a browser) and files that work much come first, in turns: no long one is left for the end.

    A browser on a busy machine now and then misses a moment that a person would have waited for: such a test gets a second
    and a third try, and the summary names it. Nothing else does; BROWSER_RERUNS=0 shows the first failure.
    """
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=int(os.environ.get("BROWSER_RERUNS", "2"))))
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    marked = {path: {mark.name for item in own for mark in item.iter_markers()} for path, own in files.items()}
    waiting = [path for path, names in marked.items() if "browser" in names]
    working = [path for path, names in marked.items() if "slow" in names and "browser" not in names]
    turns = [path for pair in zip_longest(working, waiting) for path in pair if path is not None]
    items[:] = [item for path in dict.fromkeys([*turns, *files]) for item in files[path]]


def _reach(url: str) -> str:
    """Why PostgreSQL can not be used; empty when it can."""
    try:
        psycopg.connect(url, connect_timeout=3).close()
    except psycopg.OperationalError as error:
        return str(error).strip().splitlines()[-1]
    return ""


_WHY_NOT = _reach(POSTGRES)


def need_postgres() -> None:
    """Skip with the reason where there is no server; CI refuses the skip."""
    if _WHY_NOT:
        message = f"PostgreSQL does not answer ({_WHY_NOT}): set TEST_DATABASE_URL"
        pytest.fail(message) if REQUIRE_ALL else pytest.skip(message)


@contextmanager
def postgres_url() -> Iterator[str]:
    """A schema of its own in the test database, dropped afterwards."""
    need_postgres()
    name = f"t_{int(time.time()):x}_{uuid.uuid4().hex[:12]}"
    with _admin() as admin:
        admin.execute(f"CREATE SCHEMA {name}")
        try:
            yield _url_of(name)
        finally:
            _end_connections(admin, name)
            admin.execute(f"DROP SCHEMA {name} CASCADE")


def _admin() -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(POSTGRES, autocommit=True, options="-c synchronous_commit=off -c client_min_messages=warning")


def _url_of(schema: str) -> str:
    return f"{POSTGRES}{'&' if '?' in POSTGRES else '?'}options=-csearch_path%3D{schema}%20-csynchronous_commit%3Doff"


def _end_connections(admin: psycopg.Connection[tuple[Any, ...]], schema: str) -> None:
    """Of those that a test left open inside a transaction."""
    admin.execute("SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation "
                  "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND l.pid <> pg_backend_pid()", (schema,))


class SweptSchemas:
    """Schemas with all tables and nothing in them. Making one takes 0.3 s, sweeping one 0.03 s.

    One connection looks after them: a new one would read the catalog of all tables again, which takes 0.08 s of the server.
    """

    def __init__(self) -> None:
        self._free: list[str] = []
        self._made: list[str] = []
        self._shape: tuple[Any, ...] = ()

    @property
    def used(self) -> bool:
        """Whether there is anything to drop."""
        return bool(self._made)

    @contextmanager
    def url(self) -> Iterator[str]:
        """One of them, for one test."""
        need_postgres()
        name = self._free.pop() if self._free else self._make()
        try:
            yield _url_of(name)
        finally:
            if self._sweep(name):
                self._free.append(name)

    def _make(self) -> str:
        name = f"t_{int(time.time()):x}_{uuid.uuid4().hex[:12]}"
        self._made.append(name)
        self._ask(f"CREATE SCHEMA {name}")
        open_store(_url_of(name), create=True).close()
        self._shape = self._shape or self._look(name)
        for table in self._tables(name):  # statistics that come and go by themselves would change plans
            self._ask(f"ALTER TABLE {name}.{table} SET (autovacuum_enabled = false)")
        return name

    @cached_property
    def _caretaker(self) -> psycopg.Connection[tuple[Any, ...]]:
        return _admin()

    def _ask(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        done = self._caretaker.execute(statement, values or None)
        return done.fetchall() if done.description else []

    def _look(self, name: str) -> tuple[Any, ...]:
        """A sum over tables, indexes and sequences with their columns, and how many migrations were applied."""
        return self._ask(
            "SELECT COUNT(*), SUM(hashtext(c.relname || ' ' || COALESCE(a.attname, ''))), "
            f"(SELECT COUNT(*) FROM {name}._migrations) FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid "
            "AND a.attnum > 0 AND NOT a.attisdropped WHERE c.relnamespace = CAST(%s AS regnamespace) "
            "AND c.relkind IN ('r', 'i', 'S', 'v')", name)[0]

    def _sweep(self, name: str) -> bool:
        """Empty its tables, restart its numbers, drop custom fields. False when the test built something else."""
        _end_connections(self._caretaker, name)
        if self._look(name) != self._shape:
            self._drop_custom_fields(name)
            if self._look(name) != self._shape:
                return False
        full = self._ask(" UNION ALL ".join(
            f"SELECT '{table}', pg_relation_size('{name}.{table}') > 1e6 FROM (SELECT 1 FROM {name}.{table} LIMIT 1) x"
            for table in self._tables(name)))
        for table, large in full:
            self._ask(f"TRUNCATE {name}.{table}" if large else f"DELETE FROM {name}.{table}")
        self._forget_statistics(name)
        for (sequence,) in self._ask("SELECT sequencename FROM pg_sequences WHERE schemaname = %s AND last_value IS NOT NULL",
                                     name):
            self._ask(f"ALTER SEQUENCE {name}.{sequence} RESTART")
        return True

    def _drop_custom_fields(self, name: str) -> None:
        for table, column in self._ask("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = %s "
                                       "AND table_name IN ('contact', 'account') AND column_name LIKE 'cf\\_%%'", name):
            self._ask(f"ALTER TABLE {name}.{table} DROP COLUMN {column}")

    def _tables(self, name: str) -> list[str]:
        return [table for (table,) in self._ask(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename <> '_migrations' ORDER BY 1", name)]

    def _forget_statistics(self, name: str) -> None:
        """Of tables that a test analyzed: the planner takes them for new again."""
        for (table,) in self._ask("SELECT relname FROM pg_class WHERE relnamespace = CAST(%s AS regnamespace) "
                                  "AND relkind = 'r' AND reltuples >= 0 AND relname <> '_migrations'", name):
            self._ask(f"TRUNCATE {name}.{table}")
            self._ask("DELETE FROM pg_statistic WHERE starelid = CAST(%s AS regclass)", f"{name}.{table}")

    def drop(self) -> None:
        """Leave the server as it was; also what killed runs left behind more than a day ago."""
        old = [name for (name,) in self._ask("SELECT nspname FROM pg_namespace WHERE nspname LIKE 't\\_%\\_%'")
               if int(name.split("_")[1], 16) < time.time() - 86_400]
        for name in (*self._made, *old):
            _end_connections(self._caretaker, name)
            self._ask(f"DROP SCHEMA IF EXISTS {name} CASCADE")
        self._caretaker.close()
        del self._caretaker
        self._made, self._free = [], []


@pytest.fixture(scope="session")
def swept_schemas() -> Iterator[SweptSchemas]:
    """What this process shares between its tests on PostgreSQL."""
    schemas = SweptSchemas()
    yield schemas
    if not _WHY_NOT:
        schemas.drop()


@contextmanager
def fresh_url(engine: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database that dies with the test."""
    if engine == "sqlite":
        yield f"sqlite:///{folder / f'{uuid.uuid4().hex[:8]}.db'}"
    else:
        with postgres_url() as url:
            yield url


def made_file(path: Path) -> str:
    """The URL of a SQLite workspace with tables and nothing in it, which is made here."""
    path.write_bytes(_blank())
    return f"sqlite:///{path}"


@cache
def _blank() -> bytes:
    """Such a file. Making its tables takes 40 ms, writing it down again 2."""
    with TemporaryDirectory() as folder:
        open_store(f"sqlite:///{folder}/blank.db", create=True).close()
        return Path(folder, "blank.db").read_bytes()


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with tables and nothing in it, on each engine."""
    if request.param == "postgresql":
        schemas: SweptSchemas = request.getfixturevalue("swept_schemas")
        with schemas.url() as made:
            yield made
    else:
        yield made_file(tmp_path / "workspace.db")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """An empty workspace on each engine."""
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture
def memory() -> Iterator[Store]:
    """An empty workspace in memory, for what does not depend on the engine."""
    opened = open_memory()
    yield opened
    opened.close()


@pytest.fixture
def shared_data() -> Callable[[str], Path]:
    """Public data sets beside the checkout; the test is skipped where they are absent."""

    def find(name: str) -> Path:
        path = Path(__file__).resolve().parents[2] / "shared" / "data" / name
        if not path.exists():
            pytest.skip(f"the data set {name} is not beside this checkout")
        return path

    return find
