"""Whether the workspace is well: who still breathes, and what `doctor` looks at."""

from __future__ import annotations

import json
import logging
import os
import shutil
import smtplib
import socket
import sqlite3
import stat
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal
from urllib.parse import urlsplit

from .. import clock, schema
from ..clock import MINUTE
from ..config import Config, secret_file
from ..outreach import policy
from ..store import SqliteStore, Store
from ..store.sqlite import NETWORK_FILE_SYSTEMS, WAL_LIMIT, file_system

BEAT_EVERY_S = 5
SILENT_AFTER_S = MINUTE  # a process that has not breathed for so long is taken for dead
LEAST_FREE_BYTES = 1 << 30
OLDEST_SQLITE, OLDEST_POSTGRES = (3, 40, 0), 150_000
_MODES = {"journal_mode": "wal", "synchronous": 1, "wal_autocheckpoint": 0, "mmap_size": 0, "query_only": 1}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Heartbeat:
    """The last sign of life of a process. at: UTC seconds."""

    name: str
    at: int
    pid: int
    host: str
    detail: dict[str, Any]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; `fix` says what to do when it is not ok."""

    name: str
    ok: bool
    detail: str
    fix: str = ""


# ------------------------------------------------------------ heartbeats


def beat(store: Store, name: str, *, now: int, detail: dict[str, Any] | None = None) -> None:
    """Write a sign of life."""
    row = {"name": name, "at": now, "pid": os.getpid(), "host": socket.gethostname(), "detail": json.dumps(detail or {})}
    with store.transaction():
        store.upsert_many("heartbeat", [row], key=("name",))


def heartbeats(store: Store) -> list[Heartbeat]:
    """The last sign of life of each process that ever ran."""
    return [Heartbeat(name, at, pid, host, json.loads(detail)) for name, at, pid, host, detail in
            store.rows("SELECT h.name, h.at, h.pid, h.host, h.detail FROM heartbeat h ORDER BY h.name")]


@dataclass(frozen=True)
class Breath:
    """How the runner is. state: well, trouble (its last ticks failed), silent (stopped or dead), never (has not run yet)."""

    state: Literal["well", "trouble", "silent", "never"]
    words: str
    help: str


def schema_version(store: Store) -> str:
    """The newest migration of the workspace."""
    return schema.version(store)


def runner_state(store: Store, *, now: int) -> Breath:
    """Whether somebody moves the journeys on."""
    found = next((one for one in heartbeats(store) if one.name == "runner"), None)
    if found is None:
        return Breath("never", "Runner has not run yet", "Nothing moves until it runs: make run starts it.")
    ago_s = max(now - found.at, 0)
    ago = clock.in_words(ago_s if ago_s < MINUTE else ago_s // MINUTE * MINUTE)
    if ago_s > SILENT_AFTER_S or found.detail.get("state") == "stopped":
        return Breath("silent", f"Runner silent for {ago}", "Journeys stand still until it runs: make run, or its service.")
    if found.detail.get("failures"):
        return Breath("trouble", "Runner in trouble", str(found.detail.get("problem") or "its last ticks failed: see its log"))
    return Breath("well", f"Runner breathed {ago} ago", f"Its last tick took {found.detail.get('last_tick_s', 0)} s.")


class Heart:
    """Beats in a thread of its own while the process lives, also through a long tick."""

    def __init__(self, store: Store, name: str, every_s: float = BEAT_EVERY_S) -> None:
        self._store, self._name, self._every_s = store, name, every_s
        self._detail: dict[str, Any] = {"state": "starting"}
        self._stop, self._news = False, threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{name}-heart", daemon=True)

    def say(self, **detail: Any) -> None:
        """What the next beats carry. A new state is told at once."""
        changed = detail.get("state", self._detail["state"]) != self._detail["state"]
        self._detail = self._detail | detail
        if changed:
            self._news.set()

    def __enter__(self) -> Heart:
        self._beat()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop = True
        self._news.set()
        self._thread.join()
        self._detail = self._detail | {"state": "stopped"}
        self._beat()

    def _run(self) -> None:
        while not self._stop:
            self._news.wait(self._every_s)
            self._news.clear()
            if not self._stop:
                self._beat()

    def _beat(self) -> None:
        try:
            beat(self._store, self._name, now=clock.now(), detail=self._detail)
        except Exception:  # a database that is away for a moment must not end the process
            log.exception("%s: the heartbeat could not be written", self._name)


# ------------------------------------------------------------ doctor


def checks(store: Store, config: Config, *, now: int) -> list[Check]:
    """Everything `doctor` looks at, in the order it is shown."""
    return [_schema(store), *_engine(store), *_disk(store), *_breath(store, now), *_mail(config), _quiet(store),
            _secret(config)]


def _schema(store: Store) -> Check:
    return Check("schema", True, schema.version(store))  # a workspace of another version is not opened at all


def _engine(store: Store) -> list[Check]:
    if isinstance(store, SqliteStore):
        return [_sqlite_version(), _sqlite_modes(store), _write_ahead_log(store)]
    number = int(store.one("SHOW server_version_num"))
    return [Check("postgresql version", number >= OLDEST_POSTGRES, store.one("SHOW server_version"),
                  "install PostgreSQL 15 or newer")]


def _sqlite_version() -> Check:
    return Check("sqlite version", sqlite3.sqlite_version_info >= OLDEST_SQLITE, sqlite3.sqlite_version,
                 "use a Python built with SQLite 3.40 or newer")


def _sqlite_modes(store: SqliteStore) -> Check:
    found = {name: store.one(f"PRAGMA {name}") for name in _MODES}
    wrong = [f"{name} is {found[name]}" for name, right in _MODES.items() if found[name] != right]
    return Check("sqlite modes", not wrong, ", ".join(wrong) or "write-ahead log, one gate for writers, read-only readers",
                 "let no other program change the settings of the file; restart")


def _write_ahead_log(store: SqliteStore) -> Check:
    log_file = Path(f"{store.path}-wal")
    size = log_file.stat().st_size if log_file.exists() else 0
    return Check("write-ahead log", size < 8 * WAL_LIMIT, f"{size >> 20} MB",
                 "a reader keeps it from being checked in: end long exports and queries")


def _disk(store: Store) -> list[Check]:
    if not isinstance(store, SqliteStore) or store.private:
        return []
    file = Path(store.path)
    system, free = file_system(file), shutil.disk_usage(file.parent).free
    return [
        Check("file system", system not in NETWORK_FILE_SYSTEMS, system or "unknown", "move the database to a local disk"),
        Check("disk space", free >= max(LEAST_FREE_BYTES, file.stat().st_size // 10), f"{free >> 20:,} MB free",
              "free some space, or move the database to a larger disk"),
    ]


def _breath(store: Store, now: int) -> list[Check]:
    found = heartbeats(store)
    missing = [] if any(one.name == "runner" for one in found) else [
        Check("runner", True, "has not run yet: `make run` or `python -m engine run` starts it")]
    return missing + [_one_breath(one, now) for one in found]


def _one_breath(one: Heartbeat, now: int) -> Check:
    age_s, state = now - one.at, one.detail.get("state", "running")
    alive = age_s <= SILENT_AFTER_S and state != "stopped"
    failures = one.detail.get("failures", 0)
    trouble = f", {failures} failed ticks in a row: {one.detail.get('problem')}" if failures else ""
    return Check(one.name, alive and not failures, f"{state}, last breathed {clock.in_words(max(age_s, 0))} ago "
                 f"(process {one.pid} on {one.host}){trouble}",
                 "see its log" if alive else "start it: `make run`, or its service")


def _quiet(store: Store) -> Check:
    """Off until somebody sets them; said here so that nobody has to find out by a mail at night."""
    told = policy.document(store)["hours"]
    words = ", ".join(f"{key} {value}" for key, value in told.items())
    return Check("quiet hours", True, words or "none are set, messages leave at any hour: Settings, Limits, or `limits set`")


def _mail(config: Config) -> list[Check]:
    if not config.smtp_url:
        return [Check("mail", True, "no SMTP_URL: messages are captured and nothing leaves")]
    return [
        Check("mail sender", bool(config.mail_from), config.mail_from or "none",
              "set MAIL_FROM to the address that mail comes from"),
        Check("public address", not _is_loopback(config.public_url), config.public_url,
              "set PUBLIC_URL to where recipients reach the collector, else links in mail lead nowhere"),
        _mail_server(config.smtp_url),
    ]


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in {"localhost", "::1", ""} or host.startswith("127.")


def _mail_server(url: str) -> Check:
    """Whether it answers; nothing is sent and nobody logs in."""
    parts = urlsplit(url)
    kind = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
    where = f"{parts.hostname}:{parts.port or (465 if parts.scheme == 'smtps' else 25)}"
    try:
        with kind(parts.hostname or "", parts.port or 0, timeout=5) as server:
            code, _ = server.noop()
    except (OSError, smtplib.SMTPException) as error:
        return Check("mail server", False, f"{where} does not answer: {error}", "check SMTP_URL and the network")
    return Check("mail server", code == 250, f"{where} answers", "look at the log of the mail server")


def _secret(config: Config) -> Check:
    if os.environ.get("THROUGHLINE_SECRET"):
        return Check("secret", True, "from THROUGHLINE_SECRET")
    path = secret_file(config.database_url)
    mode = stat.S_IMODE(path.stat().st_mode)
    return Check("secret", mode & 0o077 == 0, f"{path}, mode {mode:04o}", f"chmod 600 {path}")


