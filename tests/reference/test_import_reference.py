"""Public files as they were found in the wild, read and imported."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.access import COMMAND_LINE
from engine.clock import iso
from engine.errors import BadInput
from engine.people import contacts
from engine.people.addresses import meant_domain
from engine.people.contacts import normalize_email
from engine.people.contacts.listing import Wanted
from engine.service import exporting, importing
from engine.service.columns import Reading, scan
from engine.service.importing import Options
from engine.service.tables import open_table
from engine.store import Store

from ..conftest import NOW

pytestmark = pytest.mark.slow

Find = Callable[[str], Path]


def bring(store: Store, path: Path, *maps: str, **options: Any) -> Any:
    return importing.import_contacts(store, str(path), by=COMMAND_LINE, now=NOW, options=Options(maps=maps, **options))


def test_the_leads_come_in_once(store: Store, shared_data: Find) -> None:
    path = shared_data("leads/Leads.csv")
    first = bring(store, path, "Prospect ID=external_id")
    assert (first.read, first.created, first.errors, len(first.columns)) == (9240, 9240, 0, 37)
    again = bring(store, path, "Prospect ID=external_id")
    assert (again.created, again.updated, again.unchanged) == (0, 0, 9240)
    with path.open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    found = contacts.get(store, row["Prospect ID"])
    assert found.fields["Tags"] == row["Tags"] and found.tags == ()
    assert found.fields["TotalVisits"] == float(row["TotalVisits"])
    column = store.one("SELECT f.column_name FROM field f WHERE f.key = 'converted'")
    assert store.one(f"SELECT COUNT(*) FROM contact c WHERE c.{column} = 1") == 3561


@pytest.mark.parametrize("name", ["made_cp1252_semicolon.csv", "made_utf8_bom.csv"])
def test_one_bad_one_nameless_one_twice(memory: Store, shared_data: Find, name: str) -> None:
    report = bring(memory, shared_data(f"csv_messy/{name}"))
    assert report.encoding == ("cp1252" if "cp1252" in name else "utf-8")
    assert (report.read, report.created, report.updated) == (6, 3, 1)
    assert sorted((one.line, one.column or "") for one in report.rows_in_error) == [(6, ""), (7, "Email")]
    assert contacts.get(memory, "ana.gómez@example.com").fields["Notes"] == "duplicate by case and trailing space"
    assert contacts.get(memory, "jörg@example.de").fields["Notes"] == "line one\nline two"
    again = bring(memory, shared_data(f"csv_messy/{name}"))
    assert (again.created, again.updated, again.unchanged) == (0, 0, 4)


def test_ragged_rows_and_a_lonely_header(memory: Store, shared_data: Find) -> None:
    ragged = bring(memory, shared_data("csv_messy/made_ragged.csv"))
    assert (ragged.read, ragged.created, [one.line for one in ragged.rows_in_error]) == (3, 1, [2, 3])
    assert bring(memory, shared_data("csv_messy/made_only_header.csv")).read == 0


@pytest.mark.parametrize(("name", "rows", "columns", "delimiter"), [
    ("real_semicolon_dmy_dots.csv", 30, 10, ";"), ("real_semicolon_all_quoted_headers_with_dots.csv", 100, 21, ";"),
    ("real_crlf.csv", 100, 12, ","), ("real_dmy_dates_ambiguous.csv", 842, 14, ","),
])
def test_dialects(shared_data: Find, name: str, rows: int, columns: int, delimiter: str) -> None:
    with open_table(str(shared_data(f"csv_messy/{name}"))) as table:
        assert (scan(table)[1], len(table.header), table.delimiter) == (rows, columns, delimiter)
        assert not [line for line in table.lines() if line.fault]


def test_day_first_dates(memory: Store, shared_data: Find) -> None:
    bring(memory, shared_data("csv_messy/real_dmy_dates_ambiguous.csv"), "mql_id=external_id")
    found = memory.rows("SELECT c.id FROM contact c ORDER BY c.id LIMIT 2")
    assert [contacts.get(memory, row[0]).fields["won_date"] for row in found] == [
        "2018-02-26T19:58:00Z", "2018-05-08T20:17:00Z"]


# ------------------------------------------------------------ what the list of messy files promises


def test_every_messy_file_gives_what_is_expected(shared_data: Find) -> None:
    """All files of the list: rows, columns, delimiter, encoding, and what their first dates are read as."""
    wanted = {one["file"]: one["expected"] for one in json.loads(shared_data("expected/csv_messy.json").read_text())["files"]}
    found: dict[str, dict[str, Any]] = {}
    for name in wanted:
        with open_table(str(shared_data(f"csv_messy/{name}"))) as table:
            columns, rows = scan(table)
            lines = list(table.lines())
            found[name] = {"rows": rows, "data_rows": rows, "columns": len(columns), "delimiter": table.delimiter,
                           "encoding": table.encoding, "lines in error": [line.number for line in lines if line.fault],
                           "dates": {one.name: [one.converter(str(one.kind), Reading())(line.cells[one.index])  # type: ignore[misc]
                                                for line in lines[:2]] for one in columns if one.kind in ("date", "datetime")},
                           "converted": sum(line.cells[table.header.index("Converted")] == "1" for line in lines)
                           if "Converted" in table.header else 0,
                           "empty cells": sum(not cell for line in lines for cell in line.cells)}
    for name, expected in wanted.items():
        for key in expected.keys() & {"rows", "data_rows", "columns", "delimiter", "encoding"}:
            assert found[name][key] == expected[key], (name, key)
    workbook = found["real_xlsx_named_csv.csv"]
    assert (workbook["rows"], workbook["columns"], workbook["converted"]) == (9240, 37, 3561)
    assert found["made_ragged.csv"]["lines in error"] == [2, 3]
    semicolon = found["real_semicolon_dmy_dots.csv"]
    assert semicolon["dates"]["Date"][0] == wanted["real_semicolon_dmy_dots.csv"]["first_date"]
    assert semicolon["empty cells"] == wanted["real_semicolon_dmy_dots.csv"]["empty_cells"]
    deals = wanted["real_dmy_dates_ambiguous.csv"]
    assert [date[:16] for date in found["real_dmy_dates_ambiguous.csv"]["dates"]["won_date"]] == [
        deals["first_won_date"], deals["row2_won_date"]]


def test_formulas_come_back_unharmed_and_leave_harmless(memory: Store, shared_data: Find) -> None:
    assert bring(memory, shared_data("csv_messy/made_formula_injection.csv")).created == 2
    header, *rows = exporting.contact_rows(memory, Wanted(), now=NOW)
    names = [row[header.index("name")] for row in rows]
    assert [contacts.get(memory, f"{who}@example.com").fields["name"][0] for who in "ab"] == ["=", "@"]
    assert all(str(name).startswith("'") for name in names)


# ------------------------------------------------------------ whole data sets


def test_olist_leads_and_deals_in_both_date_styles(memory: Store, shared_data: Find) -> None:
    leads = bring(memory, shared_data("olist/olist_marketing_qualified_leads_dataset.csv"), "mql_id=external_id")
    assert (leads.read, leads.created, leads.errors) == (8000, 8000, 0)
    for name in ("olist/olist_closed_deals_dataset.csv", "csv_messy/real_dmy_dates_ambiguous.csv"):
        deals = bring(memory, shared_data(name), "mql_id=external_id")
        assert (deals.read, deals.errors, deals.created) == (842, 0, 0), name
    first = contacts.get(memory, "5420aad7fec3549a85876ba1c529bd84").fields
    assert first["won_date"] == "2018-02-26T19:58:00Z" and first["business_segment"] == "pet"
    column = memory.one("SELECT f.column_name FROM field f WHERE f.key = 'origin'")
    assert memory.one(f"SELECT COUNT(*) FROM contact c WHERE c.{column} = 'organic_search'") == 2296


def test_hillstrom_has_no_identity_but_its_lines(memory: Store, shared_data: Find, tmp_path: Path) -> None:
    with shared_data("hillstrom/hillstrom.csv").open(newline="") as file:
        (tmp_path / "hillstrom.csv").write_text("".join(line for line, _ in zip(file, range(3_001), strict=False)))
    _hillstrom(memory, tmp_path / "hillstrom.csv", 3_000)


def test_hillstrom_whole(memory: Store, shared_data: Find) -> None:
    _hillstrom(memory, shared_data("hillstrom/hillstrom.csv"), 64_000)
    column = memory.one("SELECT f.column_name FROM field f WHERE f.key = 'segment'")
    assert memory.one(f"SELECT COUNT(*) FROM contact c WHERE c.{column} = 'Mens E-Mail'") == 21_307


def _hillstrom(store: Store, path: Path, rows: int) -> None:
    first = bring(store, path, added=("external_id=#",))
    assert (first.read, first.created, first.errors) == (rows, rows, 0)
    assert bring(store, path, added=("external_id=#",)).unchanged == rows
    one = contacts.get(store, "hillstrom.csv:2")
    assert one.fields["history"] == 142.44 and one.fields["segment"] == "Womens E-Mail"


CDNOW = {"columns": ("customer", "external_id", "occurred_at", "quantity", "value"),
         "added": ("event=purchase", "currency=USD")}


def test_cdnow_has_no_header_and_runs_of_blanks(memory: Store, shared_data: Find) -> None:
    path = str(shared_data("cdnow/CDNOW_sample.txt"))
    wanted = json.loads(shared_data("expected/cdnow.json").read_text())["sample"]
    options = Options(maps=("customer=-",), **CDNOW)  # type: ignore[arg-type]
    report = importing.import_events(memory, path, by=COMMAND_LINE, now=NOW, options=options)
    assert (report.read, report.errors) == (wanted["rows"], 0)
    assert memory.one("SELECT COUNT(DISTINCT e.contact_id) FROM event e") == wanted["customers"]
    first, last = memory.row("SELECT MIN(e.occurred_at), MAX(e.occurred_at) FROM event e") or (0, 0)
    assert (str(iso(first))[:10], str(iso(last))[:10]) == (wanted["first"], wanted["last"])
    # the same purchase twice on one day is one event: the file has no order number, and tells such rows apart by nothing
    assert report.created + report.unchanged == wanted["rows"] and report.unchanged < 50
    again = importing.import_events(memory, path, by=COMMAND_LINE, now=NOW, options=options)
    assert (again.created, again.unchanged) == (0, wanted["rows"])


def test_slips_of_well_known_domains(shared_data: Find) -> None:
    cases = json.loads(shared_data("expected/email_addresses.json").read_text())
    missed = {case["typo"] for case in cases["domain_typos"] if meant_domain(case["typo"]) != case["correct"]}
    assert missed == {"hotmailmail.com"}  # docs/quality.md says why
    assert not [domain for domain in cases["domain_not_typos"] if meant_domain(domain)]


def test_addresses_of_the_standards_suite(shared_data: Find) -> None:
    cases = json.loads(shared_data("expected/email_addresses.json").read_text())["isemail"]
    wrong = [case["address"] for case in cases if isinstance(case["marketing_import_expectation"], bool)
             and _passes(case["address"]) != case["marketing_import_expectation"]]
    assert not wrong


def _passes(address: str) -> bool:
    try:
        normalize_email(address)
    except BadInput:
        return False
    return True
