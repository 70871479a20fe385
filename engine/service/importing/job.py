"""What every import shares: options, the report, chunks of rows, and the note that it happened."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, TypeVar

from ...access import Actor
from ...errors import BadInput
from ...store import CHUNK, Store
from ..batches import Batch
from ..columns import Decimal, Order, Reading
from ..tables import GUARD, Line, Table, open_table, plain_cell
from .mapping import Use

Found = TypeVar("Found")
MANY = 10_000  # new rows, after which the planner of a server is told how large its tables have become
FILLED = {"contacts": ("contact", "identifier", "consent", "contact_list"), "accounts": ("account",), "events": ("event",),
          "deals": ("deal", "deal_contact"), "predictions": ("prediction",)}
MOST_ERRORS = 1_000  # listed one by one; the others are counted


@dataclass(frozen=True)
class Options:
    """How a file is to be read. maps: `column=field`. columns: names for a file without a header row. added: `column=value`
    on top. progress: called with rows done and rows in all."""

    maps: tuple[str, ...] = ()
    dates: Order | None = None
    numbers: Decimal | None = None
    encoding: str | None = None
    dry_run: bool = False
    live: bool = False
    columns: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    progress: Callable[[int, int], None] | None = None

    @property
    def reading(self) -> Reading:
        """What was said of dates and numbers."""
        return Reading(self.dates, self.numbers)


@dataclass(frozen=True)
class RowError:
    """Why a row was refused: the line it begins on, the column at fault (None: the row as a whole)."""

    line: int
    column: str | None
    message: str


class Row(NamedTuple):
    """A row as text by target, empty cells left out."""

    line: int
    cells: dict[str, str]


@dataclass
class Tally:
    """Counts as they grow."""

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    errors: int = 0
    rows_in_error: list[RowError] = field(default_factory=list)

    def refuse(self, line: int, column: str | None, message: str) -> None:
        """Count a row in error, and list it while the list is short."""
        self.errors += 1
        if len(self.rows_in_error) < MOST_ERRORS:
            self.rows_in_error.append(RowError(line, column, message))

    def count(self, created: bool, changed: bool) -> None:
        """Count a row that was taken."""
        self.created += created
        self.updated += changed and not created
        self.unchanged += not (created or changed)


@dataclass(frozen=True)
class Report:
    """What an import did. `errors` counts all rows in error, `rows_in_error` lists the first thousand.

    columns: column → what it fills; None for a column that was left out. more: counts of this kind of import.
    """

    read: int
    created: int
    updated: int
    unchanged: int
    skipped: int
    rows_in_error: list[RowError]
    errors: int
    encoding: str
    delimiter: str | None
    columns: dict[str, str | None]
    dry_run: bool
    notes: list[str]
    more: dict[str, Any]
    batch: int | None = None

    def document(self) -> dict[str, Any]:
        """For --json."""
        return {key: value for key, value in asdict(self).items() if key != "more"} | self.more


def open_file(path: str, options: Options) -> AbstractContextManager[Table]:
    """The table in a file, read as the options say. Raises BadInput."""
    return open_table(path, encoding=options.encoding, columns=options.columns, added=options.added)


class Job:
    """One import on its way."""

    def __init__(self, store: Store, kind: str, table: Table, by: Actor, now: int, options: Options) -> None:
        self.store, self.kind, self.table, self.by, self.now, self.options = store, kind, table, by, now, options
        self.tally = Tally()
        self.notes: list[str] = []
        self.more: dict[str, Any] = {}
        self.source = f"import {table.name}"
        self.batch: Batch | None = None

    def chunks(self, uses: Sequence[Use], total: int) -> Iterator[list[Row]]:
        """Rows of the table, some thousand at a time; rows that can not be read are refused here."""
        if not self.options.dry_run:
            self.batch = Batch(self.store, self.kind, self.table.name, self.source, by=self.by, now=self.now)
        lines: list[Line] = []
        for line in self.table.lines():
            self.tally.read += 1
            if line.fault:
                self.tally.refuse(line.number, None, line.fault)
            elif not line.cells:
                self.tally.skipped += 1
            else:
                lines.append(line)
            if len(lines) == CHUNK:
                yield _rows(uses, lines)
                lines = []
                self._progress(total)
        if lines:
            yield _rows(uses, lines)
        self._progress(total)

    def write(self, work: Callable[[], Found]) -> Found:
        """What `work` answers, done in one transaction; undone on a dry run. It may be called again from the beginning
        (a runner beside it on PostgreSQL), so it counts nothing: counting is for afterwards."""
        return self.store.insist(lambda: self._once(work))

    def _once(self, work: Callable[[], Found]) -> Found:
        try:
            with self.store.transaction():
                if self.batch:
                    with self.batch.noting():
                        return work()
                found = work()
                raise _Undone
        except _Undone:
            pass
        return found

    def report(self, columns: Mapping[str, str | None]) -> Report:
        """Note the counts and hand them over."""
        tally, table = self.tally, self.table
        counts = {name: getattr(tally, name) for name in ("read", "created", "updated", "unchanged", "skipped", "errors")}
        if self.batch:
            self.batch.finish(counts | self.more)
        if tally.created >= MANY and not self.options.dry_run:
            with self.store.transaction():
                for filled in FILLED.get(self.kind, ()):
                    self.store.after_fill(filled)
        listed = sorted(tally.rows_in_error, key=lambda one: one.line)
        return Report(**counts, rows_in_error=listed, encoding=table.encoding, delimiter=table.delimiter,
                      columns=dict(columns), dry_run=self.options.dry_run, notes=self.notes, more=self.more,
                      batch=self.batch.id if self.batch else None)

    def _progress(self, total: int) -> None:
        if self.options.progress:
            self.options.progress(self.tally.read, total)


@contextmanager
def uncollected() -> Iterator[None]:
    """Without the cyclic garbage collector, which finds nothing here and took a fifth of the time looking."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Undone(Exception):
    """Takes a dry run back."""


class RowFault(Exception):
    """Why one row can not be taken, and the target at fault."""

    def __init__(self, target: str | None, message: str) -> None:
        super().__init__(message)
        self.target = target


@contextmanager
def blame(target: str) -> Iterator[None]:
    """Say of bad input which cell it came from."""
    try:
        yield
    except BadInput as error:
        raise RowFault(target, str(error)) from None


def column_of(uses: Sequence[Use], target: str | None) -> str | None:
    """The column of the file that fills a target."""
    return next((use.column for use in uses if use.target == target), target)


def _rows(uses: Sequence[Use], lines: Sequence[Line]) -> list[Row]:
    """The cells of rows by target, read column by column: equal cells of a column are read once."""
    columns = []
    for use in uses:
        cells = [line.cells[use.index] for line in lines]
        meaning = {cell: _meaning(use, cell) for cell in set(cells)}
        columns.append([meaning[cell] for cell in cells])
    targets = [use.target for use in uses]
    return [Row(line.number, {target: cell for target, cell in zip(targets, cells, strict=True) if cell})
            for line, cells in zip(lines, zip(*columns, strict=True), strict=True)]


def _meaning(use: Use, cell: str) -> str:
    """A cell as the value of its kind is written; '' where there is nothing in it."""
    if not cell or cell.isspace():
        return ""
    if use.convert or cell[0] == GUARD:
        cell = plain_cell(cell)
    return use.convert(cell) if use.convert else cell
