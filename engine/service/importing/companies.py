"""Companies from a file, by name: facts are filled in and changed, and a domain brings the people who write from there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...access import Actor, require
from ...people import accounts, employers, fields
from ...people.fields import Field
from ...people.lookups import rows_in
from ...sql import fold
from ...store import Store
from ..columns import scan
from .job import Job, Options, Report, Row, RowFault, blame, column_of, open_file
from .mapping import Plan, need, plan_fields

NAME = {"name": Field("name", "name", "text", "name")}
Values = list[tuple[Row, dict[str, Any]]]


def import_accounts(store: Store, path: str, *, by: Actor, now: int, options: Options | None = None) -> Report:
    """Make and change companies. Raises BadInput before anything is changed: file, mapping."""
    require(by, "market")
    options = options or Options()
    with open_file(path, options) as table:
        columns, total = scan(table)
        plan = plan_fields(columns, options.maps, NAME | accounts.catalogue(store), options.reading, kept=accounts.ROLLED,
                           entity=accounts.COMPANY)
        need(plan, [("name",)])
        job = Job(store, "accounts", table, by, now, options)
        job.more |= {"linked": 0, "new_fields": dict(plan.new)}
        known = accounts.catalogue(store) | {fold(name): Field(fold(name), name, kind, "") for name, kind in plan.new.items()}
        for rows in job.chunks(plan.uses, total):
            _take(job, plan, known, rows)
        return job.report(plan.columns)


def _take(job: Job, plan: Plan, known: Mapping[str, Field], rows: Sequence[Row]) -> None:
    values: Values = []
    for row in rows:
        try:
            values.append((row, _values(row, known)))
        except RowFault as fault:
            job.tally.refuse(row.line, column_of(plan.uses, fault.target), str(fault))
    created, updated, linked, taken = job.write(lambda: _write(job, plan, values))
    for place, holder in taken.items():
        job.tally.refuse(values[place][0].line, column_of(plan.uses, "domain"), f"the domain belongs to {holder} already")
    job.tally.created += created
    job.tally.updated += updated
    job.tally.unchanged += len(values) - len(taken) - created - updated
    job.more["linked"] += linked


def _values(row: Row, known: Mapping[str, Field]) -> dict[str, Any]:
    if "name" not in row.cells:
        raise RowFault("name", "the name of the company is missing")
    with blame("name"):
        accounts.check_name(row.cells["name"])
    found: dict[str, Any] = {"name": row.cells["name"].strip()}
    for key, cell in row.cells.items():
        if key != "name":
            with blame(key):
                found[key] = accounts.read_fact(known[key], cell)
    return found


def _write(job: Job, plan: Plan, values: Values) -> tuple[int, int, int, dict[int, str]]:
    """How many were made, changed, and how many people came; and the rows (by place) whose domain is another company's. Needs a
    transaction."""
    store, now = job.store, job.now
    if plan.new:
        fields.define_many(store, {name: (kind, ()) for name, kind in plan.new.items()}, by=job.by, now=now,
                           entity=accounts.COMPANY)
    store.serialize("contact")
    known = accounts.find_many(store, [accounts.check_name(found["name"]) for _, found in values])
    taken = _taken(store, values, known)
    good = [found for place, (_, found) in enumerate(values) if place not in taken]
    ids = accounts.ensure_many(store, [found["name"] for found in good], now=now)
    rows: dict[int, dict[str, Any]] = {}
    for found in good:
        number = ids[found["name"]]
        rows[number] = rows.get(number, {}) | {key: value for key, value in found.items() if key != "name"} | {"id": number}
    changed = accounts.save_facts(store, rows.values(), now=now)
    domains = {number: row["domain"] for number, row in rows.items() if row.get("domain") and number in changed}
    created = len(rows.keys() - set(known.values()))
    return created, len(changed & set(known.values())), employers.bring(store, domains, now=now), taken


def _taken(store: Store, values: Values, known: dict[str, int]) -> dict[int, str]:
    """Rows whose domain belongs to another company, in the database or further up in the file: the company's name."""
    wanted = [found["domain"] for _, found in values if found.get("domain")]
    held = {domain: (number, name) for domain, number, name in rows_in(
        store, "SELECT a.domain, a.id, a.name FROM account a WHERE a.domain IN ({values})", wanted)}
    first: dict[str, str] = {}
    found_: dict[int, str] = {}
    for place, (_, found) in enumerate(values):
        key, domain = accounts.check_name(found["name"]), found.get("domain")
        if not domain:
            continue
        number, name = held.get(domain, (known.get(key), found["name"]))
        if number != known.get(key):
            found_[place] = name
        elif accounts.check_name(first.setdefault(domain, found["name"])) != key:
            found_[place] = first[domain]
    return found_
