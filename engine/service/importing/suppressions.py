"""Addresses never to be written to, from a file."""

from __future__ import annotations

from collections.abc import Sequence

from ...access import Actor, require
from ...clock import parse_moment
from ...people import consent
from ...people.consent import Entry
from ...people.contacts import normalize_email, normalize_phone
from ...sql import fold
from ...store import Store
from ..columns import scan
from .job import Job, Options, Report, Row, RowFault, blame, column_of, open_file
from .mapping import Plan, need, plan_fixed

TARGETS = {"address": "text", "reason": "text", "at": "datetime", "level": "text", "channel": "text", "topic": "text"}


def import_suppressions(store: Store, path: str, *, by: Actor, now: int, options: Options | None = None) -> Report:
    """Put the addresses of a file on the suppression list, each once. Raises BadInput before anything is changed."""
    require(by, "market")
    options = options or Options()
    with open_file(path, options) as table:
        columns, total = scan(table)
        plan = plan_fixed(columns, options.maps, TARGETS, options.reading)
        need(plan, [("address",)])
        job = Job(store, "suppressions", table, by, now, options)
        for rows in job.chunks(plan.uses, total):
            _take(job, plan, rows)
        return job.report(plan.columns)


def _take(job: Job, plan: Plan, rows: Sequence[Row]) -> None:
    entries = []
    for row in rows:
        try:
            entries.append(_entry(row, job.now))
        except RowFault as fault:
            job.tally.refuse(row.line, column_of(plan.uses, fault.target), str(fault))
    fresh = job.write(lambda: consent.suppress_entries(job.store, entries, evidence=job.source, by=job.by))
    job.tally.created += fresh
    job.tally.unchanged += len(entries) - fresh


def _entry(row: Row, now: int) -> Entry:
    cells = row.cells
    if "address" not in cells:
        raise RowFault("address", "the address is missing")
    with blame("address"):
        address = normalize_email(cells["address"]) if "@" in cells["address"] else normalize_phone(cells["address"])
    channel = fold(cells.get("channel", "email" if "@" in address else "sms").strip())
    with blame("level"):
        place = consent.place(fold(cells.get("level", "channel").strip()), channel, cells.get("topic", "").strip())
    with blame("at"):
        at = parse_moment(cells["at"]) if "at" in cells else now
    return Entry(address, place, cells.get("reason", "imported").strip(), at)
