"""Contacts out of the workspace, as a table that spreadsheets can open without running anything in it.

Numbers stay numbers; a text that a spreadsheet would take for a formula gets an apostrophe before it, which the import
takes away again.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from ..audience import affinity, segments
from ..errors import BadInput
from ..lazy import openpyxl
from ..people import fields
from ..people.contacts.listing import Wanted, matching
from ..people.fields import Field
from ..people.lookups import rows_in
from ..sql import Sql, sql
from ..store import Store
from .tables import safe_cell

EVERYBODY = Wanted()
SCORES = ("fit_score", "engagement_score")
CONSENTS = {"email_consent": "email", "sms_consent": "sms"}
_LAST = ("account", *SCORES, "persona", "interested_in", "tags", "lists", *CONSENTS)


def export_contacts(store: Store, out: TextIO, wanted: Wanted = EVERYBODY, *, now: int) -> int:
    """Write the contacts who fit as CSV, in chunks; how many. Raises NotFound: no such segment."""
    writer = csv.writer(out, lineterminator="\n")
    count = -1  # the header
    for row in contact_rows(store, wanted, now=now):
        writer.writerow(row)
        count += 1
    return count


def export_file(store: Store, path: Path, *, segment: str | None = None, third_party: bool = False, now: int) -> int:
    """Everybody, or the members of a segment, into a file: .csv, or a workbook by the name .xlsx. third_party: without those
    who may not be handed on.

    Raises NotFound: no such segment. BadInput: another kind of file, or not writable.
    """
    if path.suffix.lower() not in (".csv", ".xlsx"):
        raise BadInput(f"{path.name}: name a .csv or .xlsx file")
    try:
        if path.suffix.lower() == ".xlsx":
            return _workbook(path, contact_rows(store, Wanted(segment=segment, third_party=third_party), now=now))
        with path.open("w", encoding="utf-8-sig", newline="") as out:  # the mark tells Excel that it is UTF-8
            return export_contacts(store, out, Wanted(segment=segment, third_party=third_party), now=now)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None


def contact_rows(store: Store, wanted: Wanted, *, now: int) -> Iterator[list[Any]]:
    """The header, then one row per contact who fits, safe for spreadsheets: text, numbers and None. Raises NotFound.

    now: the moment at which somebody is interested in a topic.
    """
    if wanted.segment is not None:
        wanted = replace(wanted, segment=segments.get(store, wanted.segment).name)
    known = list(fields.catalogue(store).values())
    yield [safe_cell(name) for name in (*(field.name for field in known), *_LAST)]
    for chunk in store.stream(_select(store, known, wanted)):
        ids = [row[0] for row in chunk]
        labels = [affinity.of_contacts(store, ids, now=now), *(_labels(store, what, ids) for what in ("tag", "list"))]
        said = [_consents(store, channel, ids) for channel in CONSENTS.values()]
        for row in chunk:
            values = [fields.shown(field, value) for field, value in zip(known, row[1:], strict=False)]
            tail = [*row[1 + len(known):], *(";".join(found.get(row[0], ())) for found in labels),
                    *(found.get(row[0]) for found in said)]
            yield [_cell(value) for value in (*values, *tail)]


def _select(store: Store, known: Sequence[Field], wanted: Wanted) -> Sql:
    columns = ", ".join(f"c.{field.column}" for field in known)
    scores = ", ".join(f"c.{name}" for name in SCORES)
    persona = ("(SELECT p.name FROM persona p JOIN segment_member m ON m.segment_id = p.segment_id AND m.contact_id = c.id "
               "ORDER BY p.place LIMIT 1)")
    return sql(f"SELECT c.id, {columns}, a.name, {scores}, {persona} FROM contact c LEFT JOIN account a ON a.id = c.account_id "
               "WHERE {where} ORDER BY c.id", where=matching(store, wanted))


def _labels(store: Store, what: str, ids: Iterable[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for who, name in rows_in(store, f"SELECT m.contact_id, t.name FROM contact_{what} m JOIN {what} t ON t.id = m.{what}_id "
                             "WHERE m.contact_id IN ({values}) ORDER BY t.key", ids):
        found.setdefault(who, []).append(name)
    return {who: list(dict.fromkeys(names)) for who, names in found.items()}


def _consents(store: Store, channel: str, ids: Iterable[int]) -> dict[int, str]:
    return {row[0]: row[1] for row in rows_in(
        store, "SELECT s.contact_id, s.status FROM consent s WHERE s.contact_id IN ({values}) AND s.channel = :channel "
               "AND s.topic = '' ORDER BY s.at, s.id", ids, channel=channel)}


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        value = ";".join(map(str, value))
    return safe_cell(value) if isinstance(value, str) else value


def _workbook(path: Path, rows: Iterable[list[Any]]) -> int:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("contacts")
    count = -1
    for row in rows:
        sheet.append([_printable(value) for value in row])
        count += 1
    book.save(path)
    return count


def _printable(value: Any) -> Any:
    """A workbook is XML and takes no control characters."""
    return "".join(char for char in value if char >= " " or char in "\t\n\r") if isinstance(value, str) else value
