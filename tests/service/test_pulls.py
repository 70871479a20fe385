"""Pulling from another database: what is new and no more, errors kept, nothing secret in a table."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from engine.access import COMMAND_LINE, Actor
from engine.config import Config
from engine.errors import BadInput, Forbidden
from engine.people import consent, contacts
from engine.service import chores, pulls
from engine.store import Store
from tests.conftest import NOW

CONFIG = Config(secret=b"x")
QUERY = "select mail as email, name as first_name, seats, changed from customer where mail <> 'a:b'"


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> sqlite3.Connection:
    path = tmp_path / "warehouse.db"
    monkeypatch.setenv("WAREHOUSE_URL", f"sqlite:///{path}")
    made = sqlite3.connect(path, isolation_level=None)
    made.execute("CREATE TABLE customer (mail TEXT, name TEXT, seats INTEGER, changed INTEGER)")
    made.executemany("INSERT INTO customer VALUES (?, ?, ?, ?)", [
        ("ada@x.test", "Ada", 5, 10), ("not an address", "No\nbody", 1, 20), ("bo@x.test", "Bo", 7, 30)])
    return made


def save(store: Store, **more: object) -> pulls.Pull:
    given = {"kind": "contacts", "secret": "WAREHOUSE_URL", "query": QUERY, "column": "changed",
             "settings": {"list": "Customers", "consent": ["email:subscribed:contract"]}} | more
    return pulls.save(store, "Customers", by=COMMAND_LINE, now=NOW, **given)  # type: ignore[arg-type]


def run(store: Store, now: int = NOW, **more: object) -> pulls.Ran:
    return pulls.run(store, CONFIG, "customers", by=COMMAND_LINE, now=now, **more)  # type: ignore[arg-type]


def counts(done: pulls.Ran) -> tuple[int, int, int, int, int]:
    assert done.problem is None
    return done.read, done.created, done.updated, done.unchanged, done.errors


def test_only_what_is_new_comes_and_what_is_wrong_is_kept(store: Store, warehouse: sqlite3.Connection) -> None:
    save(store)
    assert counts(run(store, dry_run=True)) == (3, 2, 0, 0, 1) and contacts.find(store, "ada@x.test") is None
    assert counts(run(store)) == (3, 2, 0, 0, 1)
    ada = contacts.get(store, "ada@x.test")
    assert ada.fields == {"seats": 5} and ada.lists == ("Customers",) and consent.state(store, ada.id, "email") == "subscribed"
    (wrong,) = pulls.errors(store, "Customers")
    assert (wrong.column, wrong.row["first_name"]) == ("email", "No\nbody") and "not an email address" in wrong.message
    assert pulls.get(store, "Customers").watermark == 30
    warehouse.execute("UPDATE customer SET seats = 9, changed = 40 WHERE mail = 'ada@x.test'")
    warehouse.execute("INSERT INTO customer VALUES ('late@x.test', 'Late', 1, 30), ('lost@x.test', 'Lost', 1, 29)")
    assert counts(run(store)) == (3, 1, 1, 1, 0), "what stands at the watermark comes once more, what lies before it does not"
    assert contacts.get(store, "ada@x.test").fields == {"seats": 9} and contacts.find(store, "late@x.test")
    assert counts(run(store)) == (1, 0, 0, 1, 0)
    pulls.rewind(store, "Customers", by=COMMAND_LINE, now=NOW)
    assert counts(run(store))[1:] == (1, 0, 3, 1)


def test_the_runner_pulls_when_it_is_time(store: Store, warehouse: sqlite3.Connection) -> None:
    save(store, every="1h")
    assert [one.read for one in chores.run_due(store, CONFIG, now=NOW).pulled] == [3]
    assert chores.run_due(store, CONFIG, now=NOW + 3_599).pulled == []
    assert len(chores.run_due(store, CONFIG, now=NOW + 3_600).pulled) == 1
    pulls.switch(store, "Customers", False, by=COMMAND_LINE, now=NOW)
    assert chores.run_due(store, CONFIG, now=NOW + 9_999).pulled == []


def test_a_pull_that_fails_says_why_and_is_tried_again(store: Store, warehouse: sqlite3.Connection) -> None:
    save(store, query="select mail as email, changed from customer")
    warehouse.execute("ALTER TABLE customer RENAME TO gone")
    (done,) = chores.run_due(store, CONFIG, now=NOW).pulled
    assert done.problem and "no such table: customer" in done.problem
    found = pulls.get(store, "Customers")
    assert found.last and found.last["problem"] == done.problem and found.next_at == NOW + pulls.RETRY_S
    assert found.watermark is None, "nothing was imported, so nothing moved"


def test_the_url_is_named_and_never_shown(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(store)
    here = replace(CONFIG, database_url=f"sqlite:///{tmp_path / 'w.db'}")

    def problem() -> str:
        return str(pulls.run(store, here, "customers", by=COMMAND_LINE, now=NOW).problem)

    monkeypatch.delenv("WAREHOUSE_URL", raising=False)
    assert "WAREHOUSE_URL stands neither in the environment nor in" in problem()
    file = tmp_path / "secrets" / "WAREHOUSE_URL"
    file.parent.mkdir()
    file.write_text("nodb+nodriver://me:pass@word@host/x\n")
    file.chmod(0o644)
    assert "chmod 600" in problem()
    file.chmod(0o600)
    assert "pip install SQLAlchemy" in problem() and "pass@word" not in problem()
    file.write_text("postgresql+psycopg://me:pass-word@127.0.0.1:1/x")
    assert "refused" in problem() and "pass-word" not in problem()
    monkeypatch.setattr(pulls.importlib, "import_module", _nothing)
    assert problem().startswith("pull Customers: SQLAlchemy is not installed: a pull needs SQLAlchemy")


def _nothing(name: str) -> None:
    raise ModuleNotFoundError(name=name)


@pytest.mark.parametrize(("given", "message"), [
    ({"kind": "costs"}, "can not be pulled"), ({"secret": "postgresql://me:pw@host/x"}, "not the URL itself"),
    ({"query": "delete from customer"}, "one SELECT"), ({"query": "select 1; drop table x"}, "one SELECT"),
    ({"every": "1s"}, "not between 5m and 31d"), ({"column": " "}, "that rises"), ({"settings": {"x": 1}}, "no setting 'x'")])
def test_bad_pulls_are_refused(memory: Store, given: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        save(memory, **given)
    with pytest.raises(Forbidden):
        pulls.save(memory, "x", kind="contacts", secret="X", query="select 1", column="x", by=Actor("Ann", "marketer"), now=NOW)


def test_a_column_that_the_query_lacks_is_named(store: Store, warehouse: sqlite3.Connection) -> None:
    save(store, column="modified")
    assert "modified" in str(run(store).problem)
