"""`contacts` on the command line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import gather
from engine.commands.common import run

Capture = pytest.CaptureFixture[str]


class Shell:
    """`shell("contacts show ada@x.test")` on one workspace: the JSON answer, or the error line."""

    def __init__(self, url: str, capsys: Capture) -> None:
        self.url, self.capsys = url, capsys

    def __call__(self, *arguments: str, code: int = 0) -> Any:
        assert run(gather(), ["--db", self.url, "--json", *arguments]) == code
        out, err = self.capsys.readouterr()
        if code:
            assert out == "" and err.startswith("error: ") and err.count("\n") == 1, err
            return err
        return json.loads(out)


@pytest.fixture
def shell(url: str, capsys: Capture) -> Shell:
    return Shell(url, capsys)


def test_a_contact_is_set_and_shown_as_one_document(shell: Shell) -> None:
    made = shell("contacts", "set", "Ada@x.test", "first_name=Ada", "stage=MQL", "account=Acme", "--tag", "vip", "--list",
                 "News", "--consent", "email:subscribed:phone call", "--now", "2026-03-01T10:00:00Z")
    assert made == shell("contacts", "show", "ada@X.test")
    assert {key: made[key] for key in ("email", "first_name", "stage", "account", "tags", "lists", "consent", "created_at",
                                       "fields", "segments", "journeys", "topics")} == {
        "email": "ada@x.test", "first_name": "Ada", "stage": "mql", "account": "Acme", "tags": ["vip"], "lists": ["News"],
        "consent": {"email": "subscribed"}, "created_at": "2026-03-01T10:00:00Z", "fields": {}, "segments": [],
        "journeys": [], "topics": []}
    changed = shell("contacts", "set", "ada@x.test", "first_name=", "external_id=A1", "--untag", "VIP")
    assert (changed["first_name"], changed["external_id"], changed["tags"]) == (None, "A1", [])


def test_the_value_of_a_customer_is_shown_by_currency(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "bought.csv").write_text("email,event,occurred_at,value,currency\n" + "".join(f"{line}\n" for line in (
        "ada@x.test,purchase,2025-03-01,20.50,EUR", "ada@x.test,purchase,2025-06-01,30,EUR",
        "ada@x.test,purchase,2026-02-28,5000,JPY", "ada@x.test,purchase,2026-02-01,,", "ada@x.test,purchase,2026-03-02,99,EUR",
        "bo@x.test,page_view,2025-06-01,,")))
    shell("import", "events", str(tmp_path / "bought.csv"), "--now", "2026-03-03T00:00:00Z")
    value = shell("contacts", "show", "ada@x.test", "--now", "2026-03-01T00:00:00Z")["value"]
    assert value == {"orders": 4, "unpriced": 1, "last_order": "2026-02-28T00:00:00Z", "by_currency": [
        {"currency": "EUR", "orders": 2, "revenue_minor": 5_050, "average_order_minor": 2_525, "why_not": None,
         "first_order": "2025-03-01T00:00:00Z", "last_order": "2025-06-01T00:00:00Z", "next_12_months_minor": 5_050},
        {"currency": "JPY", "orders": 1, "revenue_minor": 5_000, "average_order_minor": 5_000, "next_12_months_minor": None,
         "why_not": "fewer than 2 orders", "first_order": "2026-02-28T00:00:00Z", "last_order": "2026-02-28T00:00:00Z"}]}
    later = shell("contacts", "show", "ada@x.test", "--now", "2027-03-01T00:00:00Z")["value"]["by_currency"][0]
    assert (later["revenue_minor"], later["next_12_months_minor"]) == (14_950, 7_475), "twice the time since the first order"
    nothing = {"orders": 0, "unpriced": 0, "last_order": None, "by_currency": []}
    assert shell("contacts", "show", "bo@x.test")["value"] == nothing


def test_wrong_requests_are_one_line(shell: Shell) -> None:
    shell("contacts", "set", "ada@x.test")
    for arguments, why in (
        (("show", "bo@x.test"), "there is no contact 'bo@x.test'"), (("set", "Z9", "first_name=Zoe"), "no contact 'Z9'"),
        (("set", "ada@x.test", "shoe=44"), "there is no field 'shoe'; there are"),
        (("set", "ada@x.test", "first_name"), "write FIELD=VALUE"),
        (("set", "ada@x.test", "--consent", "email:yes:x"), "consent can not be 'yes'"),
        (("merge", "ada@x.test", "ada@x.test"), "with itself"), (("erase", "bo@x.test"), "no contact"),
        (("export", "--segment", "Hot"), "no segment 'Hot'"),
    ):
        assert why in shell("contacts", *arguments, code=2)


def test_merge_and_erase(shell: Shell) -> None:
    shell("contacts", "set", "ada@x.test", "first_name=Ada", "--consent", "email:subscribed:x")
    shell("contacts", "set", "ada@old.test", "owner=Sal", "--consent", "email:unsubscribed:x")
    merged = shell("contacts", "merge", "ada@x.test", "ada@old.test")
    assert (merged["email"], merged["owner"], merged["consent"]) == ("ada@x.test", "Sal", {"email": "unsubscribed"})
    assert shell("contacts", "show", "ada@old.test")["id"] == merged["id"]
    erased = shell("contacts", "erase", "ada@old.test")
    assert erased["contact_id"] == merged["id"] and erased["deleted"]["identifier"] == 2
    shell("contacts", "show", "ada@x.test", code=2)


def test_export_is_a_table(shell: Shell, tmp_path: Path, capsys: Capture) -> None:
    shell("contacts", "set", "ada@x.test", "first_name==1+1")
    assert run(gather(), ["--db", shell.url, "contacts", "export"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["email"], row["first_name"]) for row in rows] == [("ada@x.test", "'=1+1")]
    assert shell("contacts", "export")[0]["email"] == "ada@x.test"
    assert shell("contacts", "export", "--out", str(tmp_path / "all.xlsx"))["contacts"] == 1
    assert (tmp_path / "all.xlsx").read_bytes().startswith(b"PK")


def test_fields_tags_and_lists(shell: Shell) -> None:
    assert shell("fields", "add", "Level", "enum", "--option", "gold", "--option", "silver")["kind"] == "enum"
    assert "needs its options" in shell("fields", "add", "Rank", "enum", code=2)
    assert "of the kind enum" in shell("fields", "add", "LEVEL", "text", code=2)
    shell("contacts", "set", "ada@x.test", "Level=GOLD", "--tag", "vip", "--list", "News")
    assert shell("contacts", "show", "ada@x.test")["fields"] == {"Level": "gold"}
    assert [one["name"] for one in shell("fields", "list") if not one["built_in"]] == ["Level"]
    assert shell("tags") == [{"name": "vip", "contacts": 1}] and shell("lists") == [{"name": "News", "contacts": 1}]
