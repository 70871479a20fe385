"""Hygiene on the command line: look, fix, settle duplicates, and take an import back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import gather
from engine.commands.common import run

FILE = ("email,phone,first_name,last_name,time_zone\nada.berg@c.test,030 901820,Ada,Berg,Europe/Berlin\n"
        "adaberg@c.test,,Ada,Bergh,Europe/Berlin\nbo@gmial.com,,Bo,,Europe/Berlin\n")
Capture = pytest.CaptureFixture[str]


class Shell:
    def __init__(self, url: str, capsys: Capture) -> None:
        self.url, self.capsys = url, capsys

    def __call__(self, *words: str, code: int = 0) -> Any:
        assert run(gather(), [*words, "--db", self.url, "--json", "--now", "2026-09-21T12:00:00Z"]) == code
        out, error = self.capsys.readouterr()
        return error if code else json.loads(out)


@pytest.fixture
def shell(url: str, capsys: Capture, tmp_path: Path) -> Shell:
    (tmp_path / "people.csv").write_text(FILE)
    shell = Shell(url, capsys)
    assert shell("import", "contacts", str(tmp_path / "people.csv"))["batch"] == 1
    return shell


def test_what_is_wrong_is_shown_fixed_and_taken_back(shell: Shell) -> None:
    found = shell("quality", "show")
    assert (found["contacts"], found["clean"]) == (3, 0)
    assert {one["kind"]: one["count"] for one in found["findings"]} == {
        "slip": 1, "duplicate": 1, "phone": 1, "no_consent": 3}
    assert shell("quality", "fix", "slip") == {"batch": 2, "fixed": 1, "left": 0}
    assert shell("contacts", "show", "bo@gmail.com")["first_name"] == "Bo"
    assert shell("import", "undo", "2")["restored"] == 1
    assert shell("contacts", "show", "bo@gmial.com")["first_name"] == "Bo"
    assert "has no fix" in shell("quality", "fix", "role", code=2)
    assert {one["kind"]: one["count"] for one in shell("quality", "history")}["slip"] == 1


def test_a_pair_is_merged_taken_apart_and_kept_apart(shell: Shell) -> None:
    (pair,) = shell("contacts", "duplicates")["shown"]
    assert (pair["keep"], pair["lose"]) == ("ada.berg@c.test", "adaberg@c.test") and "mailbox" in pair["why"]
    shell("contacts", "merge", pair["keep"], pair["lose"])
    assert shell("contacts", "duplicates")["pairs"] == 0
    assert shell("contacts", "unmerge", pair["keep"])["email"] == "adaberg@c.test"
    assert "nobody was merged" in shell("contacts", "unmerge", pair["keep"], code=2)
    shell("contacts", "apart", pair["keep"], pair["lose"])
    assert shell("contacts", "duplicates")["pairs"] == 0 and shell("sql", "SELECT COUNT(*) AS n FROM contact") == [{"n": 3}]


def test_an_import_is_listed_and_undone(shell: Shell) -> None:
    (past,) = shell("import", "list")
    assert (past["id"], past["kind"], past["file"], past["undoable"]) == (1, "contacts", "people.csv", True)
    assert shell("import", "undo", "1")["removed"] == 3
    assert "undone already" in shell("import", "undo", "1", code=2)
    assert "no import 9" in shell("import", "undo", "9", code=2)


def test_addresses_are_judged_without_a_database(capsys: Capture) -> None:
    addresses = ["ada@example.com", "ada@gmial.com", "no-reply@example.com", "x@mailinator.com", "nobody at all"]
    assert run(gather(), ["validate", "email", *addresses, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["ok"] for one in found] == [True, False, False, False, False]
    assert [one["suggestion"] for one in found][1] == "ada@gmail.com" and found[2]["role"] and found[3]["disposable"]
    assert found[4]["address"] is None and "email address" in found[4]["reason"]
