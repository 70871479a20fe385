"""What the columns of a table hold, judged over all of their cells: numbers, dates in which order, truth, or text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from ..errors import BadInput
from .tables import Table

Order = Literal["dmy", "mdy"]
Decimal = Literal["point", "comma"]
BLOCK = 2_000  # rows judged at a time: equal cells of a block are judged once
_DIGITS = 15  # a longer number would lose digits as a double: it is an id
_POINT = re.compile(r"[+-]?(?:0|[1-9]\d{0,14}|[1-9]\d{0,2}(?:,\d{3})+)(?:\.\d+)?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_COMMA = re.compile(r"[+-]?(?:0|[1-9]\d{0,14}|[1-9]\d{0,2}(?:\.\d{3})+)(?:,\d+)?", re.ASCII)
_TIME = r"(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?: ?([AaPp])\.?[Mm]\.?)?)?"
_YMD = re.compile(rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}}){_TIME}(Z|[+-]\d{{2}}:?\d{{2}})?", re.ASCII)
_XXY = re.compile(rf"(\d{{1,2}})[-/.](\d{{1,2}})[-/.](\d{{4}}|\d{{2}}){_TIME}", re.ASCII)
_MONTHS = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)}
_DAY_MONTH = re.compile(rf"(\d{{1,2}})[- ]([A-Za-z]{{3,9}})\.?[-, ]+(\d{{4}}){_TIME}", re.ASCII)
_MONTH_DAY = re.compile(rf"([A-Za-z]{{3,9}})\.? (\d{{1,2}}),? (\d{{4}}){_TIME}", re.ASCII)
_COMPACT = re.compile(r"(?:19|20)\d{6}", re.ASCII)
_HAS_DIGIT = re.compile(r"[A-Za-z]{0,9}\.?[ ]?\d")  # every way to write a date begins like this
_BOOLS = frozenset({"true", "false"})


@dataclass(frozen=True)
class Reading:
    """How dates and numbers are to be read where they can be read in two ways; None: as the file shows, else it is asked."""

    dates: Order | None = None
    numbers: Decimal | None = None


@dataclass
class Column:
    """One column. `kind` is what all of its cells are; None: it has none that are filled."""

    index: int
    name: str
    could_be: set[str] = field(default_factory=lambda: {"point", "comma", "bool", "dates"})
    filled: bool = False
    timed: bool = False
    numeric_dates: bool = False
    first: int = 0  # the largest first and second number of dates like 3/4/2026
    second: int = 0
    points: bool = False  # some cell is a number with a decimal point only, with a decimal comma only
    commas: bool = False
    grouped: bool = False  # some cell is a number like 1.234 or 1,234
    beside: Decimal | None = None  # what the rest of the file shows of such numbers
    compact: bool = True  # every cell is a day like 19970131, for a target that wants a date

    @property
    def kind(self) -> str | None:
        if not self.filled:
            return None
        if {"point", "comma"} & self.could_be:
            return "number"
        if "bool" in self.could_be:
            return "bool"
        return ("datetime" if self.timed else "date") if "dates" in self.could_be else "text"

    @property
    def order(self) -> Order | None:
        """Day or month first, where a number above 12 tells; None where it does not matter or nothing tells."""
        return "dmy" if self.first > 12 else "mdy" if self.second > 12 else None

    @property
    def decimal(self) -> Decimal | None:
        """Which sign its numbers have before their decimals, where they show it."""
        return None if self.points == self.commas else "comma" if self.commas else "point"

    @property
    def asks(self) -> Literal["dates", "numbers"] | None:
        """What it holds that can be read in two ways while nothing in the file tells which."""
        if self.kind in ("date", "datetime") and self.numeric_dates and self.order is None:
            return "dates"
        two_ways = self.kind == "number" and self.grouped and not (self.points or self.commas or self.beside)
        return "numbers" if two_ways else None

    def converter(self, kind: str, reading: Reading) -> Callable[[str], str] | None:
        """What makes a cell of this column readable as a value of the kind; None: nothing is needed.

        Raises BadInput: dates or numbers that can be read in two ways, and nobody said which.
        """
        if kind == "number":
            if self.asks == "numbers" and not reading.numbers:
                raise BadInput(f"column {self.name!r}: its numbers can be read with a decimal point or a decimal comma (1.234 "
                               "as 1.234 or as 1234); say which with --numbers point or --numbers comma")
            chosen = self.decimal or (self.grouped and (reading.numbers or self.beside))
            return _from_comma if chosen == "comma" else None
        if kind not in ("date", "datetime"):
            return None
        if self.filled and self.compact:
            return lambda cell: _compact_day(cell.strip()) or cell
        order = reading.dates or self.order
        if order is None and self.numeric_dates:
            raise BadInput(f"column {self.name!r}: its dates can be read with the day or the month first; say which with "
                           "--dates dmy or --dates mdy")
        return lambda cell: iso_date(cell, order or "dmy")

    @property
    def settled(self) -> bool:
        """Whether it is plain text, so that no more needs to be seen."""
        return self.filled and not (self.could_be or self.points or self.commas or self.numeric_dates)

    def see(self, cells: Iterable[str]) -> None:
        """Judge some more cells."""
        for cell in {word for cell in cells if (word := cell.strip())}:
            self.filled = True
            point, comma = _POINT.fullmatch(cell), _COMMA.fullmatch(cell)
            self.compact = self.compact and bool(_COMPACT.fullmatch(cell)) and _compact_day(cell) is not None
            if point or comma:
                self.points |= not comma
                self.commas |= not point
                self.grouped |= bool(point and comma and not cell.lstrip("+-").isdigit())
                self.could_be &= {name for name, holds in (("point", point), ("comma", comma)) if holds}
            elif self._is_date(cell):
                self.could_be &= {"dates"}
            else:
                self.could_be &= {"bool"} if cell.lower() in _BOOLS else set()

    def _is_date(self, cell: str) -> bool:
        if numeric := _XXY.fullmatch(cell):
            first, second = int(numeric[1]), int(numeric[2])
            if max(first, second) > 31 or min(first, second) > 12:
                return False
            self.numeric_dates = True
            self.first, self.second = max(self.first, first), max(self.second, second)
            self.timed |= numeric[4] is not None
            return self.first <= 12 or self.second <= 12
        found = _iso(cell, "dmy") if _HAS_DIGIT.match(cell) else None
        self.timed |= bool(found and "T" in found)
        return found is not None


def scan(table: Table) -> tuple[list[Column], int]:
    """Every column over the whole table, and how many rows there are."""
    columns = [Column(index, name) for index, name in enumerate(table.header)]
    rows, block = 0, list[Sequence[str]]()
    for line in table.lines():
        rows += 1
        if line.cells:
            block.append(line.cells)
        if len(block) == BLOCK:
            _see(columns, block)
            block.clear()
    _see(columns, block)
    shown = {column.decimal for column in columns if column.kind == "number"} - {None}
    likely: Decimal | None = None if table.delimiter == ";" else "point"  # the semicolon is where the comma is in numbers
    for column in columns:
        column.beside = next(iter(shown)) if len(shown) == 1 else likely
    return columns, rows


def _see(columns: Sequence[Column], block: Sequence[Sequence[str]]) -> None:
    for column, cells in zip(columns, zip(*block, strict=True), strict=False):
        if not column.settled:
            column.see(cells)


def _compact_day(cell: str) -> str | None:
    return _spelled(cell[:4], cell[4:6], cell[6:], (None, None, None, None))


def iso_date(cell: str, order: Order) -> str:
    """A date as ISO 8601; what is none comes back as it is, for the field to refuse."""
    return _iso(cell.strip(), order) or cell


def _iso(cell: str, order: Order) -> str | None:
    if found := _YMD.fullmatch(cell):
        return _spelled(found[1], found[2], found[3], found.groups()[3:7], found[8] or "")
    if found := _XXY.fullmatch(cell):
        day, month = (found[1], found[2]) if order == "dmy" else (found[2], found[1])
        return _spelled(_full_year(found[3]), month, day, found.groups()[3:7])
    if found := _DAY_MONTH.fullmatch(cell):
        return _spelled(found[3], str(_MONTHS.get(found[2][:3].lower(), 0)), found[1], found.groups()[3:7])
    if found := _MONTH_DAY.fullmatch(cell):
        return _spelled(found[3], str(_MONTHS.get(found[1][:3].lower(), 0)), found[2], found.groups()[3:7])
    return None


def _full_year(digits: str) -> str:
    return digits if len(digits) == 4 else f"{'19' if digits > '68' else '20'}{digits}"


def _spelled(year: str, month: str, day: str, clock: tuple[str | None, ...], zone: str = "") -> str | None:
    hour, minute, second, half = clock
    try:
        whole = date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None
    if hour is None:
        return whole if not zone else None
    number = int(hour) % 12 + (12 if half in ("p", "P") else 0) if half else int(hour)
    if number > 23 or int(minute or 0) > 59 or int(second or 0) > 59:
        return None
    return f"{whole}T{number:02}:{minute}:{second or '00'}{zone}"


def _from_comma(cell: str) -> str:
    """1.234,5 as 1234.5."""
    return cell.strip().replace(".", "").replace(",", ".")
