"""Contacts, events and deals pulled from another database on a timer: a query, a column that rises, and how far we have come.

The database is named by any SQLAlchemy URL; SQLAlchemy and the driver are installed by whoever needs them. The URL holds a
password, so it stands in the environment or in a file that only its owner can read, and here is its name only. Rows go through
the same door as a file; the watermark moves with what has been imported, part by part.
"""

from __future__ import annotations

import csv
import importlib
import json
import logging
import re
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from .. import audit
from ..access import Actor, require
from ..activity.traces import Traces
from ..clock import HOUR, MINUTE, parse_duration
from ..config import SECRET_NAME, Config, named_secret
from ..errors import BadInput, NotFound, ThroughlineError
from ..people import fields
from ..sql import fold
from ..store import Store
from .importing import Options, Report, deals, events, import_contacts, import_deals, import_events
from .importing.contacts import parse_consent

KINDS = ("contacts", "events", "deals")
PART = 20_000  # rows imported at once; the watermark moves that often
SHORTEST_S, LONGEST_S = 5 * MINUTE, 31 * 24 * HOUR
ERRORS_KEPT = 1_000  # of each pull, the newest
RETRY_S = 10 * MINUTE  # after a run that failed
_LINE, _NO_NAME = re.compile(r"\r\n|\r|\n"), re.compile(r"[^\w.-]")
log = logging.getLogger(__name__)
INSTALL = ("a pull needs SQLAlchemy and the driver of your database: `pip install SQLAlchemy`, and for example "
           "`pip install psycopg2-binary` (PostgreSQL), `pymysql` (MySQL), `snowflake-sqlalchemy` or `sqlalchemy-bigquery`")


@dataclass(frozen=True)
class Pull:
    """A pull as it was saved. secret: the name of the URL; column: what rises; settings: maps, list, consent, live, dates.

    state: on or off. last: what the newest run did, as a document.
    """

    id: int
    name: str
    kind: str
    secret: str
    query: str
    column: str
    every_s: int
    settings: Mapping[str, Any]
    state: str
    watermark: Any
    next_at: int
    last_at: int | None
    last: Mapping[str, Any] | None


@dataclass
class Ran:
    """What a run did, in rows. watermark: how far it has come; problem: why it ended early."""

    name: str
    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    errors: int = 0
    watermark: Any = None
    problem: str | None = None
    batches: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class PullError:
    """A row that could not be taken, as it came."""

    at: int
    column: str | None
    message: str
    row: dict[str, str]


# ------------------------------------------------------------ saved


def save(store: Store, name: str, *, kind: str, secret: str, query: str, column: str, every: str = "1h",
         settings: Mapping[str, Any] | None = None, by: Actor, now: int) -> Pull:
    """Make a pull, or change one; a changed query begins where the old one had come. Raises BadInput."""
    require(by, "administer")
    name, settings = _checked_name(name), dict(settings or {})
    every_s = parse_duration(every)
    if kind not in KINDS:
        raise BadInput(f"pull {name}: {kind!r} can not be pulled: choose one of {', '.join(KINDS)}")
    if not SHORTEST_S <= every_s <= LONGEST_S:
        raise BadInput(f"pull {name}: every {every} is not between 5m and 31d")
    if not SECRET_NAME.fullmatch(secret):
        raise BadInput(f"pull {name}: give the *name* under which the URL stands in the environment (or in a file of "
                       "`secrets`), for example WAREHOUSE_URL, not the URL itself")
    query = query.strip().rstrip(";").strip()
    if not re.match(r"(select|with)\b", query, re.IGNORECASE) or ";" in query:
        raise BadInput(f"pull {name}: the query is one SELECT")
    if not column.strip():
        raise BadInput(f"pull {name}: name the column of the query that rises, for example updated_at")
    _options(settings)
    row = {"key": fold(name), "name": name, "kind": kind, "secret": secret, "query": query, "column_name": column.strip(),
           "every_s": every_s, "settings": json.dumps(settings), "state": "on", "updated_at": now}
    with store.transaction():
        if store.one("SELECT 1 FROM pull p WHERE p.key = :key", key=row["key"]):
            sets = ", ".join(f"{key} = " + ("AS_JSON(:settings)" if key == "settings" else f":{key}") for key in row)
            store.run(f"UPDATE pull SET {sets}, next_at = :updated_at WHERE key = :key", **row)
        else:
            store.insert_many("pull", [row | {"next_at": now, "created_at": now}])
        audit.record(store, by, "pull saved", name, now=now, kind=kind, secret=secret, every_s=every_s)
    return get(store, name)


def get(store: Store, name: str) -> Pull:
    """A pull by name, in any case. Raises NotFound."""
    found = store.row(f"{_SELECT} WHERE p.key = :key", key=fold(" ".join(name.split())))
    if found is None:
        raise NotFound(f"there is no pull {name!r}: `pulls list` shows them")
    return _pull(found)


def list_pulls(store: Store) -> list[Pull]:
    """All of them by name."""
    return [_pull(row) for row in store.rows(f"{_SELECT} ORDER BY p.key")]


def switch(store: Store, name: str, on: bool, *, by: Actor, now: int) -> Pull:
    """Let the runner pull, or not."""
    require(by, "administer")
    found = get(store, name)
    with store.transaction():
        store.run("UPDATE pull SET state = :state, next_at = :now WHERE id = :id", state="on" if on else "off", now=now,
                  id=found.id)
        audit.record(store, by, "pull switched on" if on else "pull switched off", found.name, now=now)
    return get(store, name)


def rewind(store: Store, name: str, *, by: Actor, now: int) -> Pull:
    """Forget how far it has come: the next run reads everything again, which changes nothing that is known already."""
    require(by, "administer")
    found = get(store, name)
    with store.transaction():
        store.run("UPDATE pull SET watermark = NULL, next_at = :now WHERE id = :id", now=now, id=found.id)
        audit.record(store, by, "pull rewound", found.name, now=now)
    return get(store, name)


def errors(store: Store, name: str, *, limit: int = 100) -> list[PullError]:
    """Rows that could not be taken, the newest first."""
    return [PullError(at, column, message, json.loads(row)) for at, column, message, row in store.rows(
        "SELECT e.at, e.column_name, e.message, e.payload FROM pull_error e WHERE e.pull_id = :id ORDER BY e.id DESC "
        "LIMIT :limit",
        id=get(store, name).id, limit=limit)]


def forget(store: Store, known: Traces) -> int:
    """Throw away rows that could not be taken and speak of a person; how many. Needs a transaction."""
    gone = [row[0] for row in store.rows("SELECT e.id, e.payload FROM pull_error e ORDER BY e.id")
            if known.are_in(json.loads(row[1]))]
    return store.run_many("DELETE FROM pull_error WHERE id = :id", [{"id": row} for row in gone])


_SELECT = ("SELECT p.id, p.name, p.kind, p.secret, p.query, p.column_name, p.every_s, p.settings, p.state, p.watermark, "
           "p.next_at, p.last_at, p.last FROM pull p")


def _pull(row: Sequence[Any]) -> Pull:
    number, name, kind, secret, query, column, every_s, settings, state, watermark, next_at, last_at, last = row
    return Pull(number, name, kind, secret, query, column, every_s, json.loads(settings), state,
                json.loads(watermark) if watermark else None, next_at, last_at, json.loads(last) if last else None)


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > 100 or not name.isprintable():
        raise BadInput("a pull needs a name of 1 to 100 characters")
    return name


def _options(settings: Mapping[str, Any]) -> tuple[Options, dict[str, Any]]:
    """How rows are read, and what contacts get besides. Raises BadInput: a setting there is not."""
    if unknown := sorted(settings.keys() - {"maps", "list", "consent", "live", "dates"}):
        raise BadInput(f"there is no setting {unknown[0]!r} of pulls: maps, list, consent, live, dates")
    agreed = [parse_consent(text) for text in settings.get("consent", ())]
    return (Options(maps=tuple(settings.get("maps", ())), dates=settings.get("dates"), live=bool(settings.get("live"))),
            {"list_name": settings.get("list"), "agreed": agreed})


# ------------------------------------------------------------ running


def run_due(store: Store, config: Config, *, by: Actor, now: int) -> list[Ran]:
    """Run what is due, one after the other; one that fails is tried again ten minutes later, and holds up no other."""
    due = store.rows("SELECT p.name FROM pull p WHERE p.state = 'on' AND p.next_at <= :now ORDER BY p.next_at, p.id", now=now)
    return [run(store, config, name, by=by, now=now) for (name,) in due]


def run(store: Store, config: Config, name: str, *, by: Actor, now: int, dry_run: bool = False) -> Ran:
    """Pull what is new. dry_run: the first part only, and change nothing. What goes wrong stands in the answer, and is kept."""
    require(by, "market")
    pull = get(store, name)
    done = Ran(pull.name, watermark=pull.watermark)
    try:
        with _connected(config, pull) as connection, tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"pull {_NO_NAME.sub('_', pull.name)}.csv"
            for names, rows in _parts(connection, pull):
                _take(store, pull, file, names, rows, done, by=by, now=now, dry_run=dry_run)
                if dry_run:
                    break
    except ThroughlineError as error:
        done.problem = str(error)
    except Exception as error:  # the other database is not ours: whatever comes of it, the next pull has its turn
        log.exception("pull %s failed", pull.name)
        done.problem = f"a fault of ours: {type(error).__name__}: {error}"
    if not dry_run:
        _note(store, pull, done, by, now)
    return done


def _note(store: Store, pull: Pull, done: Ran, by: Actor, now: int) -> None:
    report = {name: value for name, value in vars(done).items() if name not in ("name", "watermark")}
    with store.transaction():
        store.run("UPDATE pull SET last_at = :now, last = AS_JSON(:last), next_at = :next WHERE id = :id", now=now, id=pull.id,
                  last=json.dumps(report), next=now + (RETRY_S if done.problem else pull.every_s))
        if done.created or done.updated or done.problem:
            audit.record(store, by, "pulled", pull.name, now=now, **{**report, "batches": len(done.batches)})


def _take(store: Store, pull: Pull, file: Path, names: Sequence[str], rows: Sequence[Sequence[Any]], done: Ran, *, by: Actor,
          now: int, dry_run: bool) -> None:
    """Import a part; then the watermark and the errors, in one transaction."""
    cells = [[_cell(value) for value in row] for row in rows]
    starts = _write(file, names, cells)
    options, extra = _options(pull.settings)
    options = replace(options, maps=_maps(store, pull, names), dry_run=dry_run)
    report = _import(store, pull.kind, str(file), options, extra, by, now)
    done.read += report.read
    done.created += report.created
    done.updated += report.updated
    done.unchanged += report.unchanged
    done.errors += report.errors
    done.watermark = _plain(rows[-1][_place(names, pull)])
    if dry_run:
        return
    done.batches += [report.batch] if report.batch else []
    with store.transaction():
        store.run("UPDATE pull SET watermark = AS_JSON(:watermark) WHERE id = :id", id=pull.id,
                  watermark=json.dumps(done.watermark))
        store.insert_many("pull_error", [
            {"pull_id": pull.id, "at": now, "column_name": one.column, "message": one.message,
             "payload": json.dumps(dict(zip(names, cells[starts[one.line]], strict=True)))}
            for one in report.rows_in_error if one.line in starts])
        store.run("DELETE FROM pull_error WHERE pull_id = :id AND id <= (SELECT MAX(e.id) - :kept FROM pull_error e "
                  "WHERE e.pull_id = :id)", id=pull.id, kept=ERRORS_KEPT)


def _maps(store: Store, pull: Pull, names: Sequence[str]) -> tuple[str, ...]:
    """The column that rises is for us, unless somebody maps it or it is a column that is asked for anyway."""
    maps, rising = tuple(pull.settings.get("maps", ())), names[_place(names, pull)]
    known: dict[str, Collection[str]] = {"contacts": fields.catalogue(store), "events": events.TARGETS, "deals": deals.TARGETS}
    said = any(fold(text.rpartition("=")[0].strip()) == fold(rising) for text in maps)
    return maps if said or fold(rising) in known[pull.kind] else (*maps, f"{rising}=-")


def _import(store: Store, kind: str, path: str, options: Options, extra: dict[str, Any], by: Actor, now: int) -> Report:
    if kind == "contacts":
        return import_contacts(store, path, by=by, now=now, options=options, **extra)
    return (import_events if kind == "events" else import_deals)(store, path, by=by, now=now, options=options)


def _write(file: Path, names: Sequence[str], cells: Sequence[Sequence[str]]) -> dict[int, int]:
    """The part as a file; the row that begins on each line."""
    starts, line = {}, 2
    for place, row in enumerate(cells):
        starts[line] = place
        line += 1 + sum(len(_LINE.findall(cell)) for cell in row)
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(names)
        writer.writerows(cells)
    return starts


def _place(names: Sequence[str], pull: Pull) -> int:
    found = [place for place, name in enumerate(names) if fold(name) == fold(pull.column)]
    if not found:
        raise BadInput(f"pull {pull.name}: the query has no column {pull.column!r}; it has {', '.join(names)}")
    return found[0]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _plain(value: Any) -> Any:
    """A watermark as JSON keeps it; moments as text with a mark, so that they are bound as moments again."""
    if isinstance(value, datetime):
        return {"moment": value.isoformat()}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    return value if isinstance(value, int | float | str) else str(value)


def _bound(kept: Any) -> Any:
    if isinstance(kept, dict):
        return datetime.fromisoformat(kept["moment"]) if "moment" in kept else date.fromisoformat(kept["day"])
    return kept


# ------------------------------------------------------------ the other database


@contextmanager
def _connected(config: Config, pull: Pull) -> Iterator[Any]:
    """A connection to the other database. Raises BadInput in words that hold no password."""
    url = named_secret(config.database_url, pull.secret)
    try:
        alchemy = importlib.import_module("sqlalchemy")
    except ModuleNotFoundError:
        raise BadInput(f"pull {pull.name}: SQLAlchemy is not installed: {INSTALL}") from None
    errors_ = importlib.import_module("sqlalchemy.exc")
    engine = None
    try:
        engine = alchemy.create_engine(url, poolclass=importlib.import_module("sqlalchemy.pool").NullPool)
        with engine.connect() as connection:
            yield connection
    except ModuleNotFoundError as error:
        raise BadInput(f"pull {pull.name}: the driver {error.name!r} is not installed: `pip install {error.name}`; "
                       f"{INSTALL}") from None
    except errors_.NoSuchModuleError:
        raise BadInput(f"pull {pull.name}: nothing installed can read {url.split('://')[0]}://…: {INSTALL}") from None
    except errors_.ArgumentError:
        raise BadInput(f"pull {pull.name}: what stands under {pull.secret} is no URL like "
                       "postgresql://user:…@host/name") from None
    except errors_.SQLAlchemyError as error:
        raise BadInput(f"pull {pull.name}: {_said(error, url)}") from None
    finally:
        if engine is not None:
            engine.dispose()


def _said(error: Any, url: str) -> str:
    """What the other database says, in one line and without the password."""
    words = " ".join(str(getattr(error, "orig", None) or error).split())[:500]
    password = re.search(r"://[^:/@]*:([^@]+)@", url)
    return words.replace(password[1], "…") if password else words


def _parts(connection: Any, pull: Pull) -> Iterator[tuple[list[str], list[Sequence[Any]]]]:
    """Rows from the watermark on, in order, some thousand at a time; those that stand at the watermark come once more, since
    others may have been written in the same moment."""
    alchemy = importlib.import_module("sqlalchemy")
    column = connection.dialect.identifier_preparer.quote(pull.column)
    where = f"WHERE pulled.{column} >= :watermark" if pull.watermark is not None else f"WHERE pulled.{column} IS NOT NULL"
    query = alchemy.text(f"SELECT * FROM ({pull.query.replace(':', chr(92) + ':')}) AS pulled {where} ORDER BY pulled.{column}")
    params = {"watermark": _bound(pull.watermark)} if pull.watermark is not None else {}
    found = connection.execution_options(stream_results=True, max_row_buffer=PART).execute(query, params)
    names = list(found.keys())
    _place(names, pull)
    while rows := found.fetchmany(PART):
        yield names, rows
