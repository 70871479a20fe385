"""Several processes on one workspace: gates, leases, migrations, and what a kill leaves behind."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine import schema
from engine.errors import BadInput, Busy
from engine.schema import open_store
from engine.store import SqliteStore, Store
from engine.store import sqlite as sqlite_module
from engine.store.gate import WriteGate
from tests.conftest import ENGINES, fresh_url, postgres_url

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    """A Python process that runs the code beside us."""
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), *arguments], cwd=ROOT, text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@contextmanager
def beside(code: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The same, once it has said `ready`; killed afterwards."""
    process = start(code, *arguments)
    try:
        assert process.stdout and process.stdout.readline() == "ready\n", process.communicate()[1]
        yield process
    finally:
        process.kill()
        process.communicate()


HOLD = """
    import sys, time
    from engine.schema import open_store
    store = open_store(sys.argv[1])
    with store.transaction():
        store.insert_many("watermark", [{"name": "half", "event_id": 1, "at": 1}])
        print("ready", flush=True)
        time.sleep(60)
"""
LEASE = """
    import sys, time
    from engine.schema import open_store
    with open_store(sys.argv[1]).lock("runner") as mine:
        print("ready" if mine else "taken", flush=True)
        time.sleep(60)
"""


# ------------------------------------------------------------ the gate


def test_the_gate_lets_one_process_write_and_names_it_on_timeout(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    store = open_store(url, create=True)
    assert isinstance(store, SqliteStore) and isinstance(store.gate, WriteGate)
    with beside(HOLD, url) as other:
        assert store.one("SELECT COUNT(*) FROM watermark") == 0, "readers do not wait"
        store.gate.timeout_s = 0.2
        with pytest.raises(Busy, match=rf"held after 0.2 s by process {other.pid} MainThread"), store.transaction():
            pass
    with store.transaction():
        assert store.one("SELECT COUNT(*) FROM watermark") == 0, "a killed writer leaves nothing"
    store.close()


def test_the_gate_lets_one_thread_write(tmp_path: Path) -> None:
    gates = [WriteGate(tmp_path / "gate", timeout_s=5), WriteGate(tmp_path / "gate", timeout_s=0.05)]
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with gates[0]:
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=hold, name="holder")
    thread.start()
    inside.wait(10)
    with pytest.raises(Busy, match="holder"), gates[1]:
        pass
    leave.set()
    thread.join()
    with gates[1]:
        pass


def test_a_store_waits_for_a_thread_that_writes(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/a.db", create=True)
    order: list[str] = []
    inside = threading.Event()

    def hold() -> None:
        with store.transaction():
            inside.set()
            time.sleep(0.2)
            order.append("first")

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(10)
    with store.transaction():
        order.append("second")
    thread.join()
    store.close()
    assert order == ["first", "second"]


def test_a_writer_beside_a_busy_one_gets_its_turn(tmp_path: Path) -> None:
    """SQLite's own queue let a second writer starve; here it waits for a batch or two."""
    store = open_store(f"sqlite:///{tmp_path}/a.db", create=True)
    stop, waited = threading.Event(), []

    def busy() -> None:
        while not stop.is_set():
            with store.transaction():
                time.sleep(0.005)
            time.sleep(0.001)

    thread = threading.Thread(target=busy)
    thread.start()
    for _ in range(30):
        began = time.perf_counter()
        with store.transaction():
            waited.append(time.perf_counter() - began)
    stop.set()
    thread.join()
    store.close()
    assert sorted(waited)[27] < 1.0, waited


# ------------------------------------------------------------ leases


def test_a_lease_is_one_processs_and_dies_with_it(url: str) -> None:
    store = open_store(url)
    with beside(LEASE, url) as other:
        with store.lock("runner") as mine:
            assert not mine
        with store.lock("another name") as mine:
            assert mine
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert eventually_free(store, "runner")
    store.close()


def eventually_free(store: Store, name: str) -> bool:
    for _ in range(100):
        with store.lock(name) as mine:
            if mine:
                return True
        time.sleep(0.05)
    return False


def test_a_lease_is_given_back_and_not_shared_within_a_process(store: Store) -> None:
    with store.lock("runner") as first, store.lock("runner") as second:
        assert (first, second) == (True, False)
    with store.lock("runner") as again:
        assert again


def test_a_server_that_restarts_costs_a_failure_and_no_more() -> None:
    """What a lease held is free again, and connections that broke are replaced."""
    with postgres_url() as url:
        store = open_store(url, create=True)
        with store.lock("runner") as mine:
            assert mine
            held = ("l.locktype = 'advisory' AND CAST(l.objid AS BIGINT) = "
                    "CAST(hashtext(current_schema() || ' lease runner') AS BIGINT) & 4294967295")
            ended = store.rows(f"SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE {held} AND l.pid <> pg_backend_pid()")
            assert ended == [(True,)]
            assert eventually_free(store, "runner")
        assert eventually_free(store, "runner")
        with store.transaction():
            store.insert_many("dirty_contact", [{"contact_id": 1}])
        assert store.one("SELECT COUNT(*) FROM dirty_contact") == 1
        store.close()


def test_two_workspaces_of_one_server_do_not_meet_in_a_lock() -> None:
    with postgres_url() as one, postgres_url() as other:
        stores = [open_store(url, create=True) for url in (one, other)]
        with stores[0].lock("runner") as first, stores[1].lock("runner") as second:
            assert first and second
        with stores[0].transaction():
            stores[0].serialize("event")
            with stores[1].transaction():
                stores[1].serialize("event")
        for store in stores:
            store.close()


# ------------------------------------------------------------ migrations


@pytest.mark.parametrize("engine", ENGINES)
def test_four_processes_may_start_at_once(engine: str, tmp_path: Path) -> None:
    code = """
        import sys
        from engine.schema import open_store, version
        print("ready", flush=True)
        sys.stdin.readline()
        store = open_store(sys.argv[1], create=True)
        with store.transaction():
            store.insert_many("dirty_contact", [{"contact_id": int(sys.argv[2])}])
        print(version(store))
    """
    with fresh_url(engine, tmp_path) as url:
        started = [start(code, url, str(n)) for n in range(4)]
        for process in started:
            assert process.stdout and process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        answers = [process.communicate(timeout=60) for process in started]
        assert [out.strip() for out, _ in answers] == [schema.MIGRATIONS[-1][0]] * 4, answers
        store = open_store(url)
        assert sorted(store.rows("SELECT contact_id FROM dirty_contact")) == [(0,), (1,), (2,), (3,)]
        assert store.migrated() == [name for name, _ in schema.MIGRATIONS]
        store.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_failing_migration_leaves_nothing(engine: str, tmp_path: Path) -> None:
    def broken(store: Store) -> None:
        store.script(["CREATE TABLE half (a {big})"])
        raise ZeroDivisionError

    with fresh_url(engine, tmp_path) as url:
        store = open_store(url, create=True)
        with pytest.raises(ZeroDivisionError):
            store.migrate([*schema.MIGRATIONS, ("0099_broken", broken)])
        assert store.columns("half") == []
        assert store.migrated() == [name for name, _ in schema.MIGRATIONS]
        done = store.migrate([*schema.MIGRATIONS, ("0099_mended", lambda s: s.script(["CREATE TABLE whole (a {big})"]))])
        assert done == ["0099_mended"] and store.columns("whole") == ["a"]
        store.close()
        with pytest.raises(BadInput, match="made by a newer version"):
            open_store(url)


def test_a_workspace_of_an_older_version_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, ("0002_next", lambda store: store.script(
        ["CREATE TABLE next_one (a {big})"]))])
    with pytest.raises(BadInput, match=r"lacks 0002_next: run `python -m engine init` first"):
        open_store(url)
    for _ in range(2):
        store = open_store(url, create=True)
        assert store.columns("next_one") == ["a"]
        store.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.db"
    file.write_text("dear diary, " * 100)
    for create in (False, True):
        with pytest.raises(BadInput, match="can not be opened as a SQLite database"):
            open_store(f"sqlite:///{file}", create=create)
    assert file.read_text().startswith("dear diary")


def test_a_server_that_does_not_answer_is_one_line_without_the_password() -> None:
    with pytest.raises(BadInput, match="does not answer") as raised:
        open_store("postgresql://ada:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in str(raised.value)


# ------------------------------------------------------------ the log and the disk


def test_a_writer_checks_a_large_log_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_module, "WAL_LIMIT", 200_000)
    store = open_store(f"sqlite:///{tmp_path}/a.db", create=True)
    log = tmp_path / "a.db-wal"

    def write() -> None:
        with store.transaction():
            store.insert_many("setting", [{"key": f"{time.perf_counter_ns()}-{n}", "value": "x" * 1000} for n in range(300)])

    write()
    time.sleep(1.1)  # looked at once a second at most
    write()
    assert log.stat().st_size == 0
    assert store.one("SELECT COUNT(*) FROM setting") == 600
    time.sleep(1.1)
    stream = store.stream("SELECT key FROM setting", size=10)
    next(stream)
    write()
    write()
    stream.close()
    assert store.one("SELECT COUNT(*) FROM setting") == 1200, "a reader in the way holds the log, never the writer"
    store.close()


def test_no_connection_checks_the_log_in_behind_the_gate(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/a.db", create=True)
    assert store.one("PRAGMA wal_autocheckpoint") == 0
    assert store.one("PRAGMA journal_mode") == "wal"
    assert store.one("PRAGMA mmap_size") == 0
    with store.transaction(durable=True):
        assert store.one("PRAGMA synchronous") == 2
    assert store.one("PRAGMA synchronous") == 1
    store.close()


def test_the_inbox_has_a_file_and_a_gate_of_its_own(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/a.db", create=True)
    assert store.inbox.columns("inbox")[0] == "id"
    assert {"a.db", "a.db-inbox", "a.db-inbox.gate"} <= {file.name for file in tmp_path.iterdir()}
    assert sqlite3.connect(tmp_path / "a.db").execute("SELECT 1 FROM sqlite_master WHERE name = 'inbox'").fetchone() is None
    store.close()


MOUNTS = r"""
/dev/sda1 / ext4 rw 0 0
server:/export /mnt/office nfs4 rw 0 0
share /mnt/my\040share cifs rw 0 0
/dev/sdb1 /mnt/office/local ext4 rw 0 0
host0 /Users virtiofs rw 0 0
""".strip()


@pytest.mark.parametrize(("file", "system"), [
    ("/var/lib/a.db", "ext4"), ("/mnt/office/a.db", "nfs4"), ("/mnt/officer/a.db", "ext4"), ("/mnt/my share/x/a.db", "cifs"),
    ("/mnt/office/local/a.db", "ext4"), ("/Users/ada/a.db", "virtiofs"),
])
def test_the_file_system_of_a_path(file: str, system: str) -> None:
    assert sqlite_module.file_system(Path(file), MOUNTS) == system
    if system == "ext4":
        sqlite_module.refuse_network(Path(file), MOUNTS)
    else:
        with pytest.raises(BadInput, match=rf"lies on a {system} file system.*local disk, or PostgreSQL"):
            sqlite_module.refuse_network(Path(file), MOUNTS)


def test_a_workspace_on_a_network_share_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_module, "_mounts", lambda: f"server:/x {tmp_path} nfs rw 0 0")
    with pytest.raises(BadInput, match="nfs"):
        open_store(f"sqlite:///{tmp_path}/a.db", create=True)
    assert list(tmp_path.iterdir()) == []
