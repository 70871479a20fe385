"""The tables, who owns them, and how a database comes to have them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ..config import MEMORY_URL, sqlite_path
from ..errors import BadInput
from ..store import Migration, PostgresStore, SqliteStore, Store
from ..store.postgres import SEARCH_VECTOR, functions
from ..store.sqlite import MEMORY
from .person import PERSON_TABLES, Handling
from .tables import INBOX, ROW, TABLES, TEMPORARY, Table

BRANCHES = 64  # a token's id is enrollment_id * BRANCHES + branch: an enrollment's tokens are one key range
SEARCHED = ("email", "first_name", "last_name", "external_id", "phone")

_FTS = (
    f"CREATE VIRTUAL TABLE contact_search USING fts5({', '.join(SEARCHED)}, content='contact', content_rowid='id', "
    "tokenize='unicode61 remove_diacritics 2')",
    f"""CREATE TRIGGER contact_search_new AFTER INSERT ON contact BEGIN INSERT INTO contact_search
        (rowid, {', '.join(SEARCHED)}) VALUES (new.id, {', '.join('new.' + name for name in SEARCHED)}); END""",
    f"""CREATE TRIGGER contact_search_gone AFTER DELETE ON contact BEGIN INSERT INTO contact_search
        (contact_search, rowid, {', '.join(SEARCHED)}) VALUES ('delete', old.id,
        {', '.join('old.' + name for name in SEARCHED)}); END""",
    # only on the searched columns: a runner that moves scores must not rewrite the index
    f"""CREATE TRIGGER contact_search_changed AFTER UPDATE OF {', '.join(SEARCHED)} ON contact BEGIN
        INSERT INTO contact_search (contact_search, rowid, {', '.join(SEARCHED)})
        VALUES ('delete', old.id, {', '.join('old.' + name for name in SEARCHED)});
        INSERT INTO contact_search (rowid, {', '.join(SEARCHED)})
        VALUES (new.id, {', '.join('new.' + name for name in SEARCHED)}); END""",
)


def _loop(store: Store) -> None:
    """The tables of the first release."""
    if isinstance(store, PostgresStore):
        for function in functions():
            store.run(function)
    for table in TABLES:
        store.script(table.statements)
    if isinstance(store, PostgresStore):
        store.script(INBOX.statements)
        store.run(f"CREATE INDEX contact_search ON contact USING gin (({SEARCH_VECTOR}))")
    else:
        store.script(_FTS)


MIGRATIONS: list[Migration] = [("0001_loop", _loop)]
_BY_NAME = {table.name: table for table in (*TABLES, INBOX)}


def open_store(url: str, *, create: bool = False) -> Store:
    """Open a workspace. Raises BadInput: no such database, or one of another version.

    create: make the file and its tables where they are missing, and bring older tables up to date.
    """
    store = _connect(url, create)
    try:
        _check(store, create)
    except BaseException:
        store.close()
        raise
    return store


def open_memory() -> Store:
    """An empty workspace in memory, for trials and tests.

    Making its tables takes 22 ms, so a process makes them once; each workspace gets a copy in 2 ms.
    """
    store = SqliteStore(MEMORY, on_connect=TEMPORARY, inbox_setup=INBOX.statements)
    store.copy_from(_blank(tuple(MIGRATIONS)))
    return store


@cache
def _blank(_: tuple[Migration, ...]) -> SqliteStore:
    """The workspace that others are copied from."""
    made = open_store(MEMORY_URL, create=True)
    assert isinstance(made, SqliteStore)
    return made


def start_over(store: Store) -> None:
    """Throw away everything the workspace holds: empty tables, as if just made. For the demo company only."""
    tables = [table.name for table in (*TABLES, INBOX)]
    with store.transaction():
        if store.backend == "sqlite":
            tables = ["contact_search", *tables[:-1]]
        store.script([f"DROP TABLE IF EXISTS {name}" for name in tables])
        for _, apply in MIGRATIONS:
            apply(store)


def _check(store: Store, create: bool) -> None:
    applied, known = store.migrated(), [name for name, _ in MIGRATIONS]
    if newer := [name for name in applied if name not in known]:
        raise BadInput(f"{_shown(store.url)} was made by a newer version ({newer[-1]}): install that version")
    if create:
        store.migrate(MIGRATIONS)
    elif missing := [name for name in known if name not in applied]:
        raise BadInput(f"{_shown(store.url)} lacks {missing[0]}: run `python -m engine init` first")


def version(store: Store) -> str:
    """The newest migration that has been applied."""
    return (store.migrated() or ["none"])[-1]


def owner_of(table: str) -> str:
    """The room that alone writes a table."""
    return _BY_NAME[table].owner


def set_watermark(store: Store, name: str, event_id: int, at: int) -> None:
    """How far the consumer `name` has come."""
    store.upsert_many("watermark", [{"name": name, "event_id": event_id, "at": at}], key=("name",))


def watermark(store: Store, name: str) -> tuple[int, int]:
    """(event_id, at) of a consumer; zeros before its first time."""
    found = store.row("SELECT event_id, at FROM watermark WHERE name = :name", name=name)
    return (found[0], found[1]) if found else (0, 0)


def _connect(url: str, create: bool) -> Store:
    path = sqlite_path(url)
    if path is None:
        return PostgresStore(url, on_connect=TEMPORARY)
    if str(path) != MEMORY:
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not Path(path).exists():
            raise BadInput(f"there is no database {path}: make it with `python -m engine --db {url} init`")
    return SqliteStore(path, on_connect=TEMPORARY, inbox_setup=INBOX.statements)


def _shown(url: str) -> str:
    """A URL without its password."""
    return url if "@" not in url else url.split("://")[0] + "://…@" + url.rsplit("@", 1)[1]


__all__ = ["BRANCHES", "INBOX", "MIGRATIONS", "PERSON_TABLES", "ROW", "TABLES", "TEMPORARY", "Handling", "Table",
           "open_memory", "open_store", "owner_of", "set_watermark", "start_over", "version", "watermark"]
