"""`init`, `doctor`, `backup`, `sql` and the commands that are promised, on both engines."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import click
import pytest

from engine import schema
from engine.__main__ import gather
from engine.clock import HOUR
from engine.commands import pending, workspace
from engine.commands.common import Command, Group, run, takes_call
from engine.schema import open_store
from engine.service import health
from tests.conftest import ENGINES, NOW, fresh_url

Capture = pytest.CaptureFixture[str]


@click.command("read-now", cls=Command)
@takes_call
def read_now(call: Any) -> None:
    """The moment a command takes it to be."""
    call.answer({"now": call.now})


@click.command("fault", cls=Command)
@takes_call
def fault(call: Any) -> None:
    """A fault of ours."""
    raise ZeroDivisionError


CLI = Group("engine")
for one in (*workspace.COMMANDS, *pending.COMMANDS, read_now, fault):
    CLI.add_command(one)


def ask(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    code = run(CLI, list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def refused(capsys: Capture, *arguments: str) -> str:
    """The one line that a wrong request gets."""
    code, out, err = ask(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ") and err.count("\n") == 1
    return err


# ------------------------------------------------------------ init


@pytest.mark.parametrize("engine", ENGINES)
def test_init_makes_a_workspace_and_a_second_init_changes_nothing(engine: str, tmp_path: Path, capsys: Capture) -> None:
    with fresh_url(engine, tmp_path) as url:
        for _ in range(2):
            code, out, _ = ask(capsys, "--db", url, "init", "--json")
            assert code == 0
            assert json.loads(out) == {"backend": engine, "schema_version": schema.MIGRATIONS[-1][0], "contacts": 0}


def test_a_small_demo_without_a_demo_is_refused_without_touching_anything(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "new"
    assert "--demo" in refused(capsys, "--db", f"sqlite:///{folder}/a.db", "init", "--small")
    assert not folder.exists()


def test_a_workspace_that_is_not_there_is_not_made_by_asking(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "new"
    assert "init" in refused(capsys, "--db", f"sqlite:///{folder}/a.db", "doctor")
    assert not folder.exists()


# ------------------------------------------------------------ doctor


def test_doctor_is_content_with_a_new_workspace(url: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THROUGHLINE_SECRET", "s" * 40)
    monkeypatch.delenv("SMTP_URL", raising=False)
    code, out, _ = ask(capsys, "--db", url, "doctor", "--json")
    found = json.loads(out)
    assert (code, found["ok"]) == (0, True), found
    assert all(set(check) == {"name", "ok", "detail", "fix"} for check in found["checks"])


def test_doctor_exits_with_one_when_the_runner_is_silent(url: str, capsys: Capture) -> None:
    store = open_store(url)
    health.beat(store, "runner", now=NOW, detail={"state": "running"})
    store.close()
    assert ask(capsys, "--db", url, "--now", str(NOW + 10), "doctor")[0] == 0
    code, out, _ = ask(capsys, "--db", url, "--now", str(NOW + HOUR), "doctor")
    assert code == 1
    assert "BAD  runner: running, last breathed 1 hour ago" in out


# ------------------------------------------------------------ backup


def test_a_backup_is_a_workspace(tmp_path: Path, capsys: Capture) -> None:
    url, copy = f"sqlite:///{tmp_path}/a.db", tmp_path / "copy of #1 50%.db"
    store = open_store(url, create=True)
    with store.transaction():
        store.insert_many("watermark", [{"name": "a", "event_id": 1, "at": NOW}])
    with store.inbox.transaction():
        store.inbox.insert_many("inbox", [{"received_at": NOW, "kind": "track", "dedupe_key": "1", "payload": "{}"}])
    code, out, _ = ask(capsys, "--db", url, "backup", str(copy), "--json")
    assert code == 0 and json.loads(out)["files"] == [f"{copy}-inbox", str(copy)]
    assert copy.stat().st_mode & 0o777 == 0o600
    restored = open_store(f"sqlite:///{copy}")
    assert restored.one("SELECT at FROM watermark") == NOW
    assert restored.inbox.one("SELECT COUNT(*) FROM inbox") == 1
    restored.close()
    store.close()


def test_a_backup_is_taken_beside_an_open_transaction(tmp_path: Path, capsys: Capture) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    store = open_store(url, create=True)
    with store.transaction():
        store.insert_many("watermark", [{"name": "half", "event_id": 1, "at": NOW}])
        assert ask(capsys, "--db", url, "backup", str(tmp_path / "b.db"))[0] == 0
    assert sqlite3.connect(tmp_path / "b.db").execute("SELECT COUNT(*) FROM watermark").fetchone() == (0,)
    store.close()


def test_a_backup_overwrites_nothing_and_leaves_nothing_half_done(tmp_path: Path, capsys: Capture) -> None:
    url, taken = f"sqlite:///{tmp_path}/a.db", tmp_path / "taken.db"
    open_store(url, create=True).close()
    taken.write_text("precious")
    assert "exists" in refused(capsys, "--db", url, "backup", str(taken))
    assert "exists" in refused(capsys, "--db", url, "backup", str(tmp_path / "a.db"))
    assert "not a folder" in refused(capsys, "--db", url, "backup", str(tmp_path / "no" / "b.db"))
    assert taken.read_text() == "precious"
    assert not list(tmp_path.glob("*.part*")) and not list(tmp_path.glob("taken*inbox"))


def test_a_backup_of_postgresql_says_how(capsys: Capture, tmp_path: Path) -> None:
    with fresh_url("postgresql", tmp_path) as url:
        open_store(url, create=True).close()
        assert "pg_dump" in refused(capsys, "--db", url, "backup", str(tmp_path / "b.db"))


# ------------------------------------------------------------ sql


def test_sql_answers_rows(url: str, capsys: Capture) -> None:
    store = open_store(url)
    with store.transaction():
        store.insert_many("watermark", [{"name": "it's 50%", "event_id": 1, "at": 2}])
    store.close()
    query = "SELECT w.name, w.at + 1 AS next, NULL AS none FROM watermark w WHERE w.name LIKE '%:x%' OR w.at = 2;"
    assert json.loads(ask(capsys, "--db", url, "--json", "sql", query)[1]) == [{"name": "it's 50%", "next": 3, "none": None}]
    assert ask(capsys, "--db", url, "sql", query)[1] == "name\tnext\tnone\nit's 50%\t3\t\n"
    assert ask(capsys, "--db", url, "sql", "WITH x AS (SELECT 1 AS a) SELECT a FROM x WHERE a > 1")[1] == "a\n"


@pytest.mark.parametrize("query", [
    "DELETE FROM watermark", "SELECT 1; DELETE FROM watermark", "SELECT 1; COMMIT; BEGIN READ WRITE; DELETE FROM watermark",
    "WITH gone AS (DELETE FROM watermark RETURNING name) SELECT * FROM gone", "", "PRAGMA query_only=0",
    "SELECT * FROM nowhere", "SELECT :name", "SELECT 'open", "SET default_transaction_read_only = off",
])
def test_sql_only_reads(url: str, capsys: Capture, query: str) -> None:
    store = open_store(url)
    with store.transaction():
        store.insert_many("watermark", [{"name": "a", "event_id": 1, "at": 2}])
    assert refused(capsys, "--db", url, "sql", query).startswith("error: sql: ")
    assert store.one("SELECT COUNT(*) FROM watermark") == 1
    store.close()


# ------------------------------------------------------------ promised, and the frame


@pytest.mark.parametrize("arguments", [
    ["predict", "train", "--file", "x.csv", "--target", "y"], ["discover", "--file", "-"], ["bounce", "mail.eml"],
])
def test_a_promised_command_says_not_yet(arguments: list[str], capsys: Capture) -> None:
    assert "not yet" in refused(capsys, *arguments)


def test_common_options_are_taken_before_and_after_the_command(capsys: Capture) -> None:
    for arguments in (["--json", "--now", "1800000000", "read-now"], ["read-now", "--json", "--now", "2027-01-15T08:00:00Z"]):
        assert json.loads(ask(capsys, *arguments)[1]) == {"now": 1_800_000_000}
    assert "is not a moment" in refused(capsys, "read-now", "--now", "yesterday")


def test_a_wrong_request_is_one_line(capsys: Capture) -> None:
    assert "No such command" in refused(capsys, "frobnicate")
    assert "No such option" in refused(capsys, "init", "--frobnicate")
    assert "mysql" in refused(capsys, "--db", "mysql://localhost/x", "init")


def test_a_fault_of_ours_is_exit_code_one_with_its_trace(capsys: Capture) -> None:
    code, out, err = ask(capsys, "fault")
    assert (code, out) == (1, "")
    assert "ZeroDivisionError" in err


def test_no_command_shows_the_help(capsys: Capture) -> None:
    code, out, err = ask(capsys)
    assert code == 2 and "Usage:" in err and not out
    assert ask(capsys, "--help")[0] == 0


def test_the_workspace_goes_into_files_and_comes_back(url: str, capsys: Capture, tmp_path: Path) -> None:
    folder = str(tmp_path / "files")
    assert run(gather(), ["--db", url, "journeys", "start", "upsell"]) == 0
    assert run(gather(), ["--db", url, "export", folder]) == 0
    capsys.readouterr()
    assert run(gather(), ["--db", url, "--json", "apply", folder, "--dry-run"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["unchanged"] == ["messages/next_plan", "messages/next_plan_reminder"]
    assert (answer["created"], answer["changed"], answer["removed"]) == ([], [], [])


def test_a_clone_has_to_be_a_safe_one(capsys: Capture) -> None:
    assert run(gather(), ["clone", "copy.db"]) == 2
    assert "say --safe" in capsys.readouterr().err
