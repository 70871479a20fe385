"""A table of contacts that a spreadsheet can open, and that comes back unchanged."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from engine.access import COMMAND_LINE
from engine.activity import events
from engine.audience import affinity
from engine.errors import BadInput, NotFound
from engine.people import consent, contacts, fields
from engine.people.contacts.listing import Wanted
from engine.service import exporting, importing
from engine.service.editing import Edit, edit_contact
from engine.service.tables import plain_cell, safe_cell
from engine.store import Store

from ..conftest import NOW


@pytest.fixture
def people(store: Store) -> Store:
    for name, kind in {"Size": "number", "Since": "date", "VIP": "bool", "Likes": "list", "Note": "text"}.items():
        fields.define(store, name, kind, by=COMMAND_LINE, now=NOW)
    edit_contact(store, "ada@x.test", Edit(
        {"first_name": '=HYPERLINK("http://evil","x")', "last_name": "@SUM(1+1)", "phone": "+49 170 123456", "Size": -5,
         "Since": "2026-03-01", "VIP": False, "Likes": ["a", "b"], "Note": "-1+1", "account": "=Acme", "stage": "mql",
         "external_id": "A1"}, tags=["vip", "+plus"], lists=["News"], consents=[("email", "subscribed", "form")]),
        by=COMMAND_LINE, now=NOW)
    edit_contact(store, "bo@x.test", Edit({"Note": "\tx", "Size": 2.5, "last_name": "'=x",
                                           "first_name": "Ünal; \"B\", ok\nline"}),
                 by=COMMAND_LINE, now=NOW)
    with store.transaction():
        contacts.create_anonymous(store, ["visitor"], now=NOW)
    return store


def exported(store: Store, **wanted: str) -> list[dict[str, str]]:
    out = io.StringIO(newline="")
    exporting.export_contacts(store, out, Wanted(**wanted), now=NOW)
    return list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))


def test_no_cell_is_a_formula_and_numbers_stay_numbers(people: Store) -> None:
    ada, bo = exported(people)
    assert ada["first_name"] == '\'=HYPERLINK("http://evil","x")' and ada["last_name"] == "'@SUM(1+1)"
    assert ada["phone"] == "'+49170123456" and ada["Note"] == "'-1+1" and ada["account"] == "'=Acme"
    assert ada["tags"] == "'+plus;vip" and bo["Note"] == "x"
    assert (ada["Size"], bo["Size"], ada["Since"], ada["VIP"], ada["Likes"]) == ("-5", "2.5", "2026-03-01", "false", "a;b")
    assert ada["email_consent"] == "subscribed" and bo["first_name"] == "Ünal; \"B\", ok\nline"


def test_the_topics_of_everybody_come_along(people: Store) -> None:
    for topic, page in (("Prices", "/pricing"), ("News", "/news")):
        affinity.save(people, topic, pages=[page], by=COMMAND_LINE, now=NOW)
    with people.transaction():
        events.insert_events(people, [
            {"contact_id": who, "name": "page_view", "object": page, "occurred_at": NOW - ago, "received_at": NOW - ago,
             "props": "{}", "dedupe_key": f"{who}{page}{ago}", "source": "web"}
            for who, page, ago in ((1, "/news", 0), (1, "/pricing", 9), (1, "/pricing", 8), (2, "/news", 40 * 86_400))])
    affinity.refresh(people, upto=events.last_id(people), now=NOW)
    assert [one["interested_in"] for one in exported(people)] == ["Prices;News", ""], "half a click is no interest"


def test_only_those_who_fit_come_out(people: Store) -> None:
    assert [one["email"] for one in exported(people, tag="vip")] == ["ada@x.test"]
    assert [one["email"] for one in exported(people, text="una")] == ["bo@x.test"]
    assert [one["email"] for one in exported(people, stage="mql", list="News")] == ["ada@x.test"]
    assert exported(people, tag="vip", stage="lead") == []


@given(st.text(alphabet=st.sampled_from("'=+-@\t\r\nab1")))
def test_the_guard_can_be_taken_off(text: str) -> None:
    assert plain_cell(safe_cell(text)) == text
    assert not safe_cell(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_what_comes_out_goes_in_unchanged(people: Store, tmp_path: Path) -> None:
    for name in ("all.csv", "all.xlsx"):
        assert exporting.export_file(people, tmp_path / name, now=NOW) == 2
        report = importing.import_contacts(people, str(tmp_path / name), by=COMMAND_LINE, now=NOW + 5)
        assert (report.created, report.updated, report.unchanged, report.errors) == (0, 0, 2, 0), report


def test_a_workbook_holds_text_as_text(people: Store, tmp_path: Path) -> None:
    exporting.export_file(people, tmp_path / "all.xlsx", now=NOW)
    header, ada, _ = load_workbook(tmp_path / "all.xlsx").active.iter_rows()
    cells = dict(zip((cell.value for cell in header), ada, strict=True))
    assert cells["first_name"].data_type == "s" and cells["first_name"].value.startswith("'=")
    assert cells["Size"].data_type == "n" and cells["Size"].value == -5


def test_only_the_members_of_a_segment(people: Store, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no segment 'Hot'"):
        exporting.export_file(people, tmp_path / "x.csv", segment="Hot", now=NOW)
    with people.transaction():
        people.insert_many("segment", [{"id": 1, "key": "hot", "name": "Hot", "rule": '{"field": "Size", "op": "is_set"}',
                                        "sentence": "", "version": 1, "created_at": NOW, "updated_at": NOW}])
        people.insert_many("segment_member", [{"segment_id": 1, "contact_id": contacts.find(people, "bo@x.test"),
                                               "entered_at": NOW}])
    assert exporting.export_file(people, tmp_path / "x.csv", segment="hot", now=NOW) == 1


def test_other_kinds_of_file_are_refused(people: Store, tmp_path: Path) -> None:
    for path, why in ((tmp_path / "x.pdf", "name a .csv"), (tmp_path / "none" / "x.csv", "No such file")):
        with pytest.raises(BadInput, match=why):
            exporting.export_file(people, path, now=NOW)


# ------------------------------------------------------------ editing, whose result is what leaves


def test_an_edit_is_one_change(people: Store) -> None:
    found = edit_contact(people, "A1", Edit({"first_name": "", "STAGE": "Customer", "account": ""}, untags=["VIP"],
                                            unlists=["news"], consents=[("email", "unsubscribed", "phone call")]),
                         by=COMMAND_LINE, now=NOW + 5)
    assert (found.first_name, found.stage, found.account, found.tags, found.lists) == (None, "customer", None, ("+plus",), ())
    assert consent.state(people, found.id, "email") == "unsubscribed"
    assert people.rows("SELECT old, new FROM stage_change ORDER BY id") == [(None, "mql"), ("mql", "customer")]
    assert people.rows("SELECT object FROM event WHERE name = 'stage_changed' ORDER BY id") == [("mql",), ("customer",)]
    assert people.rows("SELECT old, new FROM contact_change WHERE kind = 'account'") == [("=Acme", None)]


def test_a_bad_edit_changes_nothing(people: Store) -> None:
    for who, edit, why in (
        ("ada@x.test", Edit({"shoe": 1}), "no field 'shoe'; there are"),
        ("ada@x.test", Edit({"stage": "king"}), "choose one of"),
        ("ada@x.test", Edit({"Size": "big"}, tags=["x"]), "'big' is not a number"), ("Z9", Edit(), "no contact 'Z9'"),
        ("ada@x.test", Edit({"first_name": "X"}, consents=[("fax", "subscribed", "x")]), "no channel 'fax'"),
        ("nobody@", Edit(), "not an email address"),
    ):
        with pytest.raises((BadInput, NotFound), match=why):
            edit_contact(people, who, edit, by=COMMAND_LINE, now=NOW)
    assert str(contacts.get(people, "A1").first_name).startswith("=")
