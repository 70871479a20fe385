"""Tables in files as rows of text: CSV of any common dialect and encoding, and XLSX, told apart by content.

A table is read twice: once to learn what it is, once to use it. Nothing of it is kept in memory.
"""

from __future__ import annotations

import codecs
import csv
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, NamedTuple

from charset_normalizer import from_bytes

from ..errors import BadInput
from ..lazy import openpyxl

DELIMITERS = (",", ";", "\t", "|")
BLANKS = " "  # any run of them; looked for only in a file whose columns somebody has named
LINE = "#"  # as the value of an added column: the name of the file and the line, so that a row has an identity
GUARD = "'"  # before a cell that a spreadsheet would take for a formula
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
SAMPLE = 256 * 1024  # characters looked at for the delimiter
MOST_CONTROL = 0.05  # of them in a text: noise holds 11 %, a damaged text the odd one, which is a fault of its row
LONGEST_CELL = 131_072  # characters; also what an open quote may swallow
_BLOCK = 1 << 20
LARGEST_WORKBOOK = 1 << 30  # bytes unpacked: a workbook is a zip archive, and may be a bomb
_CONTROL = [chr(code) for code in range(32) if chr(code) not in "\t\n\v\f\r"]
_OTHER_KINDS = ((b"%PDF", "a PDF"), (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls): save it as .xlsx or CSV"),
                (b"\x1f\x8b", "a gzip archive: unpack it first"), (b"\x89PNG", "a picture"), (b"\xff\xd8\xff", "a picture"),
                (b"SQLite format 3", "a SQLite database"), (b"PAR1", "a Parquet file"), (b"{\\rtf", "a text document"))


class Line(NamedTuple):
    """A row and the line of the file it begins on. `fault`: why it can not be read; `cells` are empty then."""

    number: int
    cells: Sequence[str]
    fault: str | None = None


@dataclass(frozen=True)
class Table:
    """A table in a file. `header` holds the names as written, '' where there is none; delimiter None: a workbook."""

    path: Path
    name: str
    encoding: str
    delimiter: str | None
    header: tuple[str, ...]
    header_line: int

    def lines(self) -> Iterator[Line]:
        """The rows below the header. Blank lines are passed over, a row of empty cells comes without cells, and a row of
        another width is a fault."""
        for line in _raw_lines(self.path, self.encoding, self.delimiter):
            if line.number > self.header_line and (line.fault or line.cells):
                yield line if line.fault else self._fitted(line)

    def _fitted(self, line: Line) -> Line:
        """Cells beside the table are dropped where they are empty. A row may end early where its last cell is empty, and
        below a nameless column."""
        wide, found = len(self.header), len(line.cells)
        if not any(line.cells):
            return Line(line.number, ())
        if found == wide:
            return line
        if found > wide and not any(cell.strip() for cell in line.cells[wide:]):
            return Line(line.number, line.cells[:wide])
        if found < wide and (self.delimiter is None or not line.cells[-1].strip() or not any(self.header[found:])):
            return Line(line.number, [*line.cells, *[""] * (wide - found)])
        return Line(line.number, [], f"the row has {found} cells, the header has {wide}")


@dataclass(frozen=True)
class Changed(Table):
    """A table read through `change`, which makes the cells of a line those of another header."""

    inner: Table
    change: Callable[[Line], Sequence[str]]

    def lines(self) -> Iterator[Line]:
        """The rows as changed, under the numbers they have in the file."""
        for line in self.inner.lines():
            yield line if line.fault or not line.cells else Line(line.number, self.change(line))


def changed(table: Table, header: Sequence[str], change: Callable[[Line], Sequence[str]]) -> Changed:
    """The table with another header, and with what `change` makes of each line."""
    return Changed(table.path, table.name, table.encoding, table.delimiter, tuple(header), table.header_line, table, change)


def _with_added(table: Table, added: Sequence[str]) -> Table:
    """With columns that the file does not have: `NAME=VALUE`, the same in every row, or `NAME=#`. Raises BadInput."""
    pairs = [(name.strip(), value.strip()) for name, _, value in (text.partition("=") for text in added)]
    for text, (name, value) in zip(added, pairs, strict=True):
        if not name or not value:
            raise BadInput(f"--add {text!r}: write COLUMN=VALUE, for example --add event=purchase or --add external_id=#")
        if name in table.header:
            raise BadInput(f"--add {text}: the file has a column {name!r} already")
    return changed(table, [*table.header, *(name for name, _ in pairs)], lambda line: [
        *line.cells, *(f"{table.name}:{line.number}" if value == LINE else value for _, value in pairs)]) if pairs else table


def safe_cell(text: str) -> str:
    """Text that no spreadsheet runs as a formula."""
    return GUARD + text if _is_risky(text) else text


def plain_cell(text: str) -> str:
    """What `safe_cell` was given."""
    return text[1:] if text.startswith(GUARD) and _is_risky(text) else text


def _is_risky(text: str) -> bool:
    return text.lstrip(GUARD).startswith(FORMULA)


@contextmanager
def open_table(path: str, *, encoding: str | None = None, columns: Sequence[str] = (),
               added: Sequence[str] = ()) -> Iterator[Table]:
    """Learn what the file is; `-` is standard input. Raises BadInput: not a table, or not readable.

    columns: the names of the columns of a file without a header row. added: `NAME=VALUE` columns on top.
    """
    with _on_disk(path) as file:
        table = _learn(file, "standard input" if path == "-" else Path(path).name, encoding, columns)
        yield _with_added(table, added)


@contextmanager
def _on_disk(path: str) -> Iterator[Path]:
    if path != "-":
        yield Path(path)
        return
    with tempfile.NamedTemporaryFile() as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        yield Path(file.name)


def _learn(path: Path, name: str, encoding: str | None, columns: Sequence[str]) -> Table:
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
    if not start.strip(b"\0 \t\r\n\xef\xbb\xbf"):
        raise BadInput(f"{name}: the file is empty")
    if start.startswith(b"PK"):
        return _with_header(path, name, "xlsx", None, columns)
    _refuse_other_kinds(start, name)
    found = _check_encoding(encoding, name) if encoding else _find_encoding(path, start)
    return _with_header(path, name, found, _find_delimiter(path, found, name, columns), columns)


def _with_header(path: Path, name: str, encoding: str, delimiter: str | None, columns: Sequence[str]) -> Table:
    if columns:
        return Table(path, name, encoding.replace("utf-8-sig", "utf-8"), delimiter, tuple(columns), 0)
    for line in _raw_lines(path, encoding, delimiter):
        if line.fault:
            raise BadInput(f"{name}: line {line.number}: {line.fault}")
        if any(cell.strip() for cell in line.cells):
            header = tuple(" ".join(cell.replace("\ufeff", "").replace("\u200b", "").split()) for cell in line.cells)
            return Table(path, name, encoding.replace("utf-8-sig", "utf-8"), delimiter, header, line.number)
    raise BadInput(f"{name}: the file is empty")


def _refuse_other_kinds(start: bytes, name: str) -> None:
    for mark, words in _OTHER_KINDS:
        if start.startswith(mark):
            raise BadInput(f"{name}: this is {words}, not a table: export it as CSV or XLSX" if ":" not in words else
                           f"{name}: this is {words}")
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if re.match(rb"<(!doctype|!--|\?xml|html|head|meta|style|body|table|div)\b", text):
        raise BadInput(f"{name}: this is a web page or XML, not a table: export it as CSV or XLSX")
    if text.startswith((b"{", b"[")):
        raise BadInput(f"{name}: this is JSON, not a table: export it as CSV or XLSX")


# ------------------------------------------------------------ text


def _check_encoding(encoding: str, name: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise BadInput(f"{name}: no encoding {encoding!r}: write for example utf-8, cp1252 or utf-16") from None


def _find_encoding(path: Path, start: bytes) -> str:
    """By byte order mark, by zeros, by whether all of it is UTF-8; else one of the old code pages."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if start[1::2].count(0) > len(start) // 4:
        return "utf-16-le"
    if start[::2].count(0) > len(start) // 4:
        return "utf-16-be"
    if _decodes(path, "utf-8"):
        return "utf-8-sig"
    return _code_page(path)


def _code_page(path: Path) -> str:
    """Western Windows where few letters lie above ASCII; a language with an alphabet of its own is looked at."""
    with path.open("rb") as file:
        sample = file.read(_BLOCK)
    letters = sum(byte > 0x7F or 65 <= byte & 0xDF <= 90 for byte in sample)
    if sum(byte >= 0xC0 for byte in sample) > letters * 0.3:
        best = from_bytes(sample).best()
        if best and _decodes(path, best.encoding):
            return best.encoding
    return "cp1252" if _decodes(path, "cp1252") else "latin-1"


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    with path.open("rb") as file:
        try:
            while block := file.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _find_delimiter(path: Path, encoding: str, name: str, columns: Sequence[str]) -> str:
    """The one that cuts the most rows into as many cells as the header, more than one."""
    with path.open(encoding=encoding, newline="") as file:
        try:
            sample = file.read(SAMPLE)
        except UnicodeError:
            raise BadInput(f"{name}: not {encoding} text") from None
        complete = not file.read(1)
    if sum(map(sample.count, _CONTROL)) > len(sample) * MOST_CONTROL:
        raise BadInput(f"{name}: this is not a text file: export the table as CSV or XLSX")
    if said := _said_delimiter(sample):
        return said
    lines = sample.splitlines(keepends=True)
    scores = [(_agreement(lines if complete else lines[:-1] or lines, delimiter), -place, delimiter)
              for place, delimiter in enumerate(DELIMITERS)]
    best = max(scores)
    return BLANKS if columns and not best[0][1] else best[2]


def _said_delimiter(sample: str) -> str | None:
    """Excel's first line `sep=;`."""
    found = re.match(r"\ufeff?sep=([,;|\t])\r?\n", sample)
    return found.group(1) if found else None


def _agreement(lines: list[str], delimiter: str) -> tuple[float, int]:
    try:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return (0.0, 0)
    if not widths or widths[0] < 2:
        return (0.0, 0)
    return (sum(width == widths[0] for width in widths) / len(widths), widths[0])


def _raw_lines(path: Path, encoding: str, delimiter: str | None) -> Iterator[Line]:
    return _sheet_lines(path) if delimiter is None else _text_lines(path, encoding, delimiter)


def _text_lines(path: Path, encoding: str, delimiter: str) -> Iterator[Line]:
    """Each row with the line it begins on. A quote that never closes swallows the rest: that is a fault of its line."""
    with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as file:
        lines = (" ".join(line.split()) for line in file) if delimiter == BLANKS else file
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        begins, nul = 1, _may_hold_nul(path, encoding)
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Line(begins, [], _csv_fault(str(error), reader.line_num > begins))
            except UnicodeError:
                raise BadInput(f"{path.name}: line {begins}: not {encoding} text; name the encoding") from None
            else:
                if nul and any("\0" in cell for cell in cells):
                    yield Line(begins, [], "the row holds a NUL character, which no text does")
                elif not (begins == 1 and len(cells) <= 2 and cells and cells[0].startswith("sep=")):
                    yield Line(begins, cells)
            begins = reader.line_num + 1


def _may_hold_nul(path: Path, encoding: str) -> bool:
    """Whether it is worth looking at each cell: PostgreSQL keeps no NUL, wherever it stands."""
    if encoding.startswith("utf-16"):
        return True
    with path.open("rb") as file:
        return any(b"\0" in block for block in iter(lambda: file.read(_BLOCK), b""))


def _csv_fault(message: str, lines: bool) -> str:
    """lines: it goes over several of them."""
    if "field larger" in message and not lines:
        return f"a cell is longer than {LONGEST_CELL:,} characters"
    if "end of data" in message or "field larger" in message:
        return "a quote opens here and is never closed"
    if "expected after" in message:
        return "text follows a closing quote; a quote inside a cell is written twice"
    return f"the row can not be read: {message}"


# ------------------------------------------------------------ workbooks


def _sheet_lines(path: Path) -> Iterator[Line]:
    """Rows of the first sheet. Values come as the text that a CSV would hold."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > LARGEST_WORKBOOK:
                raise BadInput(f"{path.name}: the workbook is too large: export the sheet as CSV")
        book = openpyxl.load_workbook(path.open("rb"), read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, OSError, ValueError):
        raise BadInput(f"{path.name}: this is a zip archive, not an Excel workbook: export the table as CSV or XLSX") \
            from None
    try:
        for number, row in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
            cells = [_cell(value) for value in row]
            while cells and not cells[-1]:
                cells.pop()
            yield Line(number, cells)
    finally:
        book.close()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date | time) else str(value)
