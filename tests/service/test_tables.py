"""Files as they come: dialects, encodings, broken rows, and files that are no tables."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from openpyxl import Workbook

from engine.errors import BadInput
from engine.service.columns import Reading, scan
from engine.service.tables import Line, Table, open_table


def read(path: Path, **options: Any) -> tuple[Table, list[Line]]:
    with open_table(str(path), **options) as table:
        return table, list(table.lines())


def write(folder: Path, content: bytes | str, name: str = "f.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


ROWS = [["email", "name"], ["ada@x.test", "Ünal, \"A\""], ["bo@x.test", "line one\nline two"], ["cy@x.test", ""]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_common_dialect_reads_the_same(tmp_path: Path, delimiter: str, encoding: str, end: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(ROWS)
    table, lines = read(write(tmp_path, text.getvalue().encode(encoding)))
    assert table.header == ("email", "name") and table.delimiter == delimiter
    assert table.encoding == encoding.removesuffix("-sig")
    assert [list(line.cells) for line in lines] == ROWS[1:]
    assert [line.number for line in lines] == [2, 3, 5]


def test_a_row_of_another_width_is_named_by_its_line(tmp_path: Path) -> None:
    _, lines = read(write(tmp_path, "a,b,c\n1,2\n1,2,3,4\n\n1,2,3,,\n1,\n\"x\ny\",2\n"))
    assert [(line.number, line.fault) for line in lines] == [
        (2, "the row has 2 cells, the header has 3"), (3, "the row has 4 cells, the header has 3"), (5, None), (6, None),
        (7, "the row has 2 cells, the header has 3")]
    assert lines[3].cells == ["1", "", ""]


def test_broken_quotes_are_faults_of_their_line(tmp_path: Path) -> None:
    _, lines = read(write(tmp_path, 'a,b\n"x"y,1\n2,3\n"never closed,4\n5,6\n'))
    assert [(line.number, list(line.cells), bool(line.fault)) for line in lines] == [
        (2, [], True), (3, ["2", "3"], False), (4, [], True)]
    assert "never closed" in str(lines[2].fault)


def test_excel_may_say_its_delimiter(tmp_path: Path) -> None:
    table, lines = read(write(tmp_path, "sep=;\r\na;b\r\n1,5;2\r\n"))
    assert table.header == ("a", "b") and [list(line.cells) for line in lines] == [["1,5", "2"]]


def test_a_row_of_nothing_comes_without_cells(tmp_path: Path) -> None:
    _, lines = read(write(tmp_path, "a,b\n,\n\n1,2\n"))
    assert [(line.number, list(line.cells)) for line in lines] == [(2, []), (4, ["1", "2"])]


def test_a_workbook_is_read_whatever_its_name(tmp_path: Path) -> None:
    book = Workbook()
    book.active.append(["email", "when", "day", "n", "x", "ok", None])
    book.active.append(["a@x.test", datetime(2026, 3, 1, 9, 30), date(2026, 3, 2), 3.0, 1.5, True])
    book.active.append([None, None])
    book.active.append(["b@x.test"])
    book.save(tmp_path / "f.csv")
    table, lines = read(tmp_path / "f.csv")
    assert table.encoding == "xlsx" and table.delimiter is None
    assert [list(line.cells) for line in lines] == [
        ["a@x.test", "2026-03-01T09:30:00", "2026-03-02", "3", "1.5", "true"], ["b@x.test", "", "", "", "", ""]]
    assert [line.number for line in lines] == [2, 4]


@pytest.mark.parametrize(("content", "why"), [
    (b"", "empty"), (b"\xef\xbb\xbf\n \n", "empty"), (b"%PDF-1.7 x", "a PDF"), (gzip.compress(b"a,b", mtime=0), "gzip"),
    (b"\xd0\xcf\x11\xe0\xa1", "old Excel"), (b"PK\x03\x04 garbage", "zip archive"), (b"<html><body>", "web page"),
    (json.dumps([{"a": 1}]).encode(), "JSON"), (b"a,b\n1,\x00\x01\x00\n" * 9, "not a text file"),
])
def test_what_is_no_table_is_called_by_its_name(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        read(write(tmp_path, content))


def test_missing_files_and_encodings(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        read(tmp_path / "absent.csv")
    with pytest.raises(BadInput, match="no encoding 'klingon'"):
        read(write(tmp_path, "a\n1\n"), encoding="klingon")
    with pytest.raises(BadInput, match="not ascii text"):
        read(write(tmp_path, "a\nü\n"), encoding="ascii")
    assert read(write(tmp_path, "имя,b\nИван,2\n".encode("cp1251")), encoding="cp1251")[0].header == ("имя", "b")


def test_cyrillic_is_not_taken_for_western_letters(tmp_path: Path) -> None:
    text = "имя,город\n" + "Иван Петров,Москва\nАнна Сидорова,Санкт-Петербург\n" * 20
    table, lines = read(write(tmp_path, text.encode("cp1251")))
    assert table.header == ("имя", "город") and lines[0].cells[1] == "Москва"


def test_standard_input_is_read_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"a;b\n1;2\n")))
    with open_table("-") as table:
        assert table.name == "standard input"
        assert [list(line.cells) for line in table.lines()] == [list(line.cells) for line in table.lines()] == [["1", "2"]]


# ------------------------------------------------------------ columns


def kinds(tmp_path: Path, *cells: str) -> Any:
    path = write(tmp_path, "x;y\n" + "".join(f"{cell};1\n" for cell in cells))
    with open_table(str(path)) as table:
        return scan(table)[0][0]


@pytest.mark.parametrize(("cells", "kind"), [
    (["1", "-2.5", "", "1e3"], "number"), (["1,234", "5"], "number"), (["1,5", "2"], "number"), (["1.234,5"], "number"),
    (["007", "8"], "text"), (["12345678901234567"], "text"), (["+49 170 12"], "text"), (["true", "FALSE"], "bool"),
    (["Yes", "No"], "text"), (["2026-03-01", "2026-3-2"], "date"), (["2026-03-01", "2026-03-01T10:00:00Z"], "datetime"),
    (["1.08.2019", "31.08.2019"], "date"), (["26-02-2018 19:58", "08-05-2018 20:17"], "datetime"),
    (["3/14/26", "1/2/26"], "date"), (["13/1/2026", "1/13/2026"], "text"), (["32/1/2026"], "text"),
    (["5 Mar 2026", "March 7, 2026"], "date"), (["2026-02-30"], "text"), (["1", "x"], "text"), (["", ""], None),
    (["1", "true"], "text"),
])
def test_a_kind_holds_for_the_whole_column(tmp_path: Path, cells: list[str], kind: str | None) -> None:
    assert kinds(tmp_path, *cells).kind == kind


@pytest.mark.parametrize(("cells", "order", "first"), [
    (["1.08.2019", "31.08.2019"], "dmy", "2019-08-01"), (["3/4/2026", "3/14/2026"], "mdy", "2026-03-04"),
    (["08-05-2018 20:17", "26-02-2018 19:58"], "dmy", "2018-05-08T20:17:00"),
    (["3/14/68 1:05 pm"], "mdy", "2068-03-14T13:05:00"),
    (["5-Mar-2026"], None, "2026-03-05"),
])
def test_the_order_of_dates_is_found_in_the_column(tmp_path: Path, cells: list[str], order: str | None, first: str) -> None:
    column = kinds(tmp_path, *cells)
    assert column.order == order
    assert column.converter(column.kind, Reading())(cells[0]) == first


def test_dates_that_can_be_read_in_two_ways_ask(tmp_path: Path) -> None:
    column = kinds(tmp_path, "3/4/2026", "5/6/2026")
    with pytest.raises(BadInput, match="--dates dmy or --dates mdy"):
        column.converter("date", Reading())
    assert column.converter("date", Reading(dates="mdy"))("3/4/2026") == "2026-03-04"


def test_decimal_commas_become_points(tmp_path: Path) -> None:
    column = kinds(tmp_path, "1.234,5", "2")
    assert column.converter("number", Reading())("1.234,5") == "1234.5"
    assert kinds(tmp_path, "1,234", "0.5").converter("number", Reading()) is None


@pytest.mark.parametrize(("text", "asks", "first"), [
    ("name;paid\na;1.234\nb;56", "numbers", None), ("name;paid\na;1,234\nb;56", "numbers", None),
    ("name;paid;share\na;1.234;0,5\nb;56;7", None, "1234"), ("name;paid;share\na;1.234;0.5\nb;56;7", None, "1.234"),
    ("name;paid;share;x\na;1.234;0.5;0,5", "numbers", None), ("name,paid\na,1.234", None, "1.234"),
    ('name,paid\na,"1,234"', None, "1,234"), ("name;paid\na;1234", None, "1234"), ("name;paid\na;1.234\nb;1.5", None, "1.234"),
    ("name;paid\na;1.234\nb;soon", None, "1.234")])
def test_numbers_that_can_be_read_in_two_ways_ask(tmp_path: Path, text: str, asks: str | None, first: str | None) -> None:
    file = tmp_path / "f.csv"
    file.write_text(text + "\n")
    with open_table(str(file)) as table:
        paid = scan(table)[0][1]
    assert paid.asks == asks
    if asks:
        with pytest.raises(BadInput, match="--numbers point or --numbers comma"):
            paid.converter("number", Reading())
        assert paid.converter("number", Reading(numbers="point")) is None
        assert paid.converter("number", Reading(numbers="comma"))("1.234") == "1234"
        assert paid.converter("text", Reading()) is None, "a text is left as it is"
    else:
        change = paid.converter("number", Reading()) or str
        assert change(text.split("\n")[1].split(";" if ";" in text else ",", 1)[1].split(";")[0].strip('"')) == first
