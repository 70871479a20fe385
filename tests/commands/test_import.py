"""`import` on the command line: exact keys, one line for what is wrong, nothing changed then."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.__main__ import gather
from engine.commands.common import run

from .test_contacts import Capture, Shell

PEOPLE = "email,first_name,tags\nada@x.test,Ada,vip\nbo@x.test,Bo,\nnot one,Cy,\n"


@pytest.fixture
def shell(url: str, capsys: Capture) -> Shell:
    return Shell(url, capsys)


@pytest.fixture
def people(tmp_path: Path) -> str:
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE)
    return str(path)


def test_the_answer_has_the_keys_of_the_contract(shell: Shell, people: str) -> None:
    found = shell("import", "contacts", people, "--list", "All", "--consent", "email:subscribed:signup form")
    assert {key: found[key] for key in ("read", "created", "updated", "unchanged", "skipped", "encoding", "delimiter")} == {
        "read": 3, "created": 2, "updated": 0, "unchanged": 0, "skipped": 0, "encoding": "utf-8", "delimiter": ","}
    assert found["columns"] == {"email": "email", "first_name": "first_name", "tags": "tags"}
    assert [(one["line"], one["column"]) for one in found["rows_in_error"]] == [(4, "email")]
    assert "not an email address" in found["rows_in_error"][0]["message"]
    ada = shell("contacts", "show", "ada@x.test")
    assert (ada["lists"], ada["consent"], ada["tags"]) == (["All"], {"email": "subscribed"}, ["vip"])
    again = shell("import", "contacts", people)
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 2)


def test_a_dry_run_changes_nothing(shell: Shell, people: str) -> None:
    found = shell("import", "contacts", people, "--dry-run")
    assert found["dry_run"] and found["created"] == 2
    shell("contacts", "show", "ada@x.test", code=2)


def test_lines_for_people_to_read(url: str, people: str, capsys: Capture) -> None:
    assert run(gather(), ["--db", url, "import", "contacts", people]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "read 3: 2 created, 0 updated, 0 unchanged, 0 skipped, 1 in error" and err == ""
    assert out.splitlines()[1].startswith("line 4, email: 'not one' is not an email address")


@pytest.mark.parametrize(("arguments", "why"), [
    (["contacts", "FILE", "--map", "nosuch=email"], "the file has no column 'nosuch'; it has email, first_name, tags"),
    (["contacts", "FILE", "--map", "first_name=lastname"], "did you mean 'last_name'"),
    (["contacts", "FILE", "--map", "email=nothing"], "no column fills email or external_id"),
    (["contacts", "FILE", "--consent", "email:subscribed"], "channel:status:source"),
    (["contacts", "/no/such/file.csv"], "No such file"), (["events", "FILE"], "no column fills event"),
    (["deals", "FILE"], "no column fills deal_id"), (["costs", "FILE"], "no column fills amount or hours"),
    (["costs", "FILE", "--map", "email=money"], "there is no 'money' here; there are"),
    (["suppressions", "FILE"], "no column fills address"), (["products", "FILE"], "not yet"),
    (["--from", "mautic", "DIR"], "no such folder"),
])
def test_wrong_requests_are_one_line_and_change_nothing(shell: Shell, people: str, arguments: list[str], why: str) -> None:
    assert why in shell("import", *(people if word == "FILE" else word for word in arguments), code=2)
    assert shell("sql", "SELECT (SELECT COUNT(*) FROM contact) + (SELECT COUNT(*) FROM import_batch) AS n") == [{"n": 0}]


def test_the_other_kinds(shell: Shell, tmp_path: Path) -> None:
    def put(name: str, text: str) -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    events = put("e.csv", "email,event,occurred_at\nada@x.test,seen,2026-03-01\n")
    assert shell("import", "events", events, "--live")["created"] == 1
    assert shell("import", "events", events)["unchanged"] == 1
    deals = put("d.csv", "deal_id,email,amount,won\nD1,ada@x.test,100,1\n")
    assert shell("import", "deals", deals)["created"] == 1 and shell("import", "deals", deals)["unchanged"] == 1
    costs = put("c.csv", "campaign,amount,currency,from\nSpring,10,EUR,2026-03-01\n")
    assert shell("import", "costs", costs)["created"] == 1 and shell("import", "costs", costs)["unchanged"] == 1
    never = put("s.csv", "address,reason\nada@x.test,asked\n")
    assert shell("import", "suppressions", never)["created"] == 1
    assert shell("import", "suppressions", never)["unchanged"] == 1


def test_standard_input(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(PEOPLE.encode())))
    assert shell("import", "contacts", "-")["created"] == 2
    assert json.dumps(shell("contacts", "show", "bo@x.test")["source"]) == '"import standard input"'
