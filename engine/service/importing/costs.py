"""Costs from a file, into the ledger."""

from __future__ import annotations

from ...access import Actor, require
from ...errors import BadInput
from ...measure import costs
from ...store import Store
from ..columns import scan
from .job import Job, Options, Report, open_file
from .mapping import need, plan_fixed

TARGETS = dict.fromkeys(costs.FIELDS, "text") | {"from": "date", "to": "date", "amount": "number", "hours": "number",
                                                 "rate": "number"}


def import_costs(store: Store, path: str, *, by: Actor, now: int, options: Options | None = None) -> Report:
    """Write the costs of a file, each once. Two equal rows are two costs; the same file again is none. Raises BadInput."""
    require(by, "market")
    options = options or Options()
    with open_file(path, options) as table:
        columns, total = scan(table)
        plan = plan_fixed(columns, options.maps, TARGETS, options.reading)
        need(plan, [("amount", "hours"), ("from",), ("currency",)])
        job = Job(store, "costs", table, by, now, options)
        found: list[costs.Cost] = []
        for rows in job.chunks(plan.uses, total):
            for row in rows:
                try:
                    found.append(costs.parse(row.cells))
                except BadInput as error:
                    job.tally.refuse(row.line, None, str(error))
        recorded = job.write(lambda: costs.record(store, found, by=by, now=now))
        job.tally.created, job.tally.unchanged = recorded.created, recorded.unchanged
        return job.report(plan.columns)
