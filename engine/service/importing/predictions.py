"""Probabilities that somebody's own model worked out, from a file."""

from __future__ import annotations

from collections.abc import Sequence

from ...access import Actor, require
from ...audience import predictions
from ...people import contacts
from ...people.identity import normalize_address
from ...people.lookups import rows_in
from ...store import Store
from ..columns import scan
from .job import Job, Options, Report, Row, RowFault, blame, column_of, open_file
from .mapping import need, plan_fixed

TARGETS = {"email": "text", "external_id": "text", "probability": "number"}


def import_predictions(store: Store, path: str, model: str, *, by: Actor, now: int, options: Options | None = None) -> Report:
    """One run of a model, as a whole: contacts that the file does not name have no prediction afterwards.

    A row of somebody unknown, or without a number from 0 to 1, is refused. Raises BadInput before anything is changed.
    """
    require(by, "analyze")
    name, options = predictions.check_name(model), options or Options()
    with open_file(path, options) as table:
        columns, total = scan(table)
        plan = plan_fixed(columns, options.maps, TARGETS, options.reading)
        need(plan, [contacts.NAMED, ("probability",)])
        job = Job(store, "predictions", table, by, now, options)
        found: dict[int, float] = {}
        for rows in job.chunks(plan.uses, total):
            known = _known(store, rows)
            for row in rows:
                try:
                    who = _who(row, known)
                    with blame("probability"):
                        found[who] = _probability(row)
                except RowFault as fault:
                    job.tally.refuse(row.line, column_of(plan.uses, fault.target), str(fault))
        if found and not options.dry_run:
            predictions.record(store, name, found, source=job.source, by=by, now=now)
        job.tally.updated = len(found)
        return job.report(plan.columns)


def _known(store: Store, rows: Sequence[Row]) -> dict[tuple[str, str], int]:
    """Contacts by (kind, value) of their names in these rows."""
    return {(kind, value): who for kind in contacts.NAMED for value, who in rows_in(
        store, f"SELECT i.value, i.contact_id FROM identifier i WHERE i.kind = '{kind}' AND i.value IN ({{values}})",
        [_name(kind, row) for row in rows if kind in row.cells])}


def _name(kind: str, row: Row) -> str:
    word = row.cells[kind].strip()
    return normalize_address(word) if kind == "email" else word


def _who(row: Row, known: dict[tuple[str, str], int]) -> int:
    for kind in contacts.NAMED:
        if kind in row.cells:
            if (kind, _name(kind, row)) in known:
                return known[kind, _name(kind, row)]
            raise RowFault(kind, f"there is no contact {row.cells[kind].strip()!r}: import contacts first")
    raise RowFault(None, "neither email nor external id: whose probability is it?")


def _probability(row: Row) -> float:
    if "probability" not in row.cells:
        raise RowFault("probability", "the probability is missing")
    try:
        number = float(row.cells["probability"])
    except ValueError:
        raise RowFault("probability", f"{row.cells['probability']!r} is not a number") from None
    if not 0 <= number <= 1:
        raise RowFault("probability", f"{number:g} is not a probability: write a number from 0 to 1")
    return number
