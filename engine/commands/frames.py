"""Small tables from files, as text, for the commands that work without a database."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..errors import BadInput, listing
from ..lazy import pd
from ..service.tables import Table, open_table


def read_frame(path: str) -> pd.DataFrame:
    """A table of text cells; the index is the line of the file. Columns without a name are left out. Raises BadInput."""
    with open_table(path) as table:
        lines = [(line.number, _cells(line.cells, line.fault, line.number, table)) for line in table.lines()]
    header = list(table.header)
    if twice := sorted({name for name in header if name and header.count(name) > 1}):
        raise BadInput(f"{table.name}: two columns are called {twice[0]!r}: rename one")
    filled = [(number, cells) for number, cells in lines if cells]
    frame = pd.DataFrame([cells for _, cells in filled], columns=header, index=[number for number, _ in filled], dtype=str)
    return frame[[name for name in header if name]]


def rename(frame: pd.DataFrame, mappings: Sequence[str], known: Collection[str]) -> pd.DataFrame:
    """Apply `column=field` mappings. Raises BadInput: no such column, no such field, a field filled twice."""
    names: dict[str, str] = {}
    for mapping in mappings:
        column, _, field = (part.strip() for part in mapping.rpartition("="))
        if column not in frame:
            raise BadInput(f"--map {mapping}: the file has no column {column!r}; it has {listing(list(frame.columns))}")
        if field not in known:
            raise BadInput(f"--map {mapping}: {field!r} is not a field here; use {listing(list(known))}")
        names[column] = field
    kept = frame.drop(columns=[name for name in names.values() if name in frame and name not in names])
    renamed = kept.rename(columns=names)
    if not renamed.columns.is_unique:
        raise BadInput(f"two columns are mapped to one field: {listing(list(renamed.columns[renamed.columns.duplicated()]))}")
    return renamed


def _cells(cells: Sequence[str], fault: str | None, number: int, table: Table) -> list[str]:
    if fault:
        raise BadInput(f"{table.name}: line {number}: {fault}")
    return list(cells)
