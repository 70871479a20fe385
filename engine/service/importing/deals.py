"""Deals from a file. A deal that is made or won becomes an event of its contacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...access import Actor, require, setting
from ...activity import inbox
from ...activity.inbox import Item
from ...clock import parse_moment
from ...maths.money import parse_currency, to_minor
from ...people import contacts, deals
from ...people.deals import Deal
from ...people.fields import Field, parse_value
from ...store import Store
from ..columns import scan
from .job import Job, Options, Report, Row, RowFault, blame, column_of, open_file
from .mapping import Plan, need, plan_fixed

TARGETS = {"deal_id": "text", "email": "text", "external_id": "text", "name": "text", "stage": "text", "amount": "number",
           "currency": "text", "created_at": "datetime", "closed_at": "datetime", "won": "text", "lost_reason": "text",
           "source_campaign": "text", "owner": "text"}
_TEXTS = ("name", "stage", "lost_reason", "source_campaign", "owner")
_MOMENTS = ("created_at", "closed_at")
_WON = Field("won", "won", "bool", "won")
_OUTCOMES = {"won": 1, "closed won": 1, "lost": 0, "closed lost": 0}
Refused = dict[int, tuple[str | None, str]]  # place of a row → the target at fault, and why
EVENTS = {"created": ("deal_created", "created_at"), "won": ("deal_won", "closed_at")}


def import_deals(store: Store, path: str, *, by: Actor, now: int, options: Options | None = None) -> Report:
    """Create and change deals by `deal_id`. Raises BadInput before anything is changed: file, mapping, dates."""
    require(by, "market")
    options = options or Options()
    with open_file(path, options) as table:
        columns, total = scan(table)
        plan = plan_fixed(columns, options.maps, TARGETS, options.reading)
        need(plan, [("deal_id",)])
        job = Job(store, "deals", table, by, now, options)
        currency = str(setting(store, "currency", "USD"))
        for rows in job.chunks(plan.uses, total):
            _take(job, plan, rows, currency)
        return job.report(plan.columns)


def _take(job: Job, plan: Plan, rows: Sequence[Row], currency: str) -> None:
    values: list[tuple[Row, dict[str, Any]]] = []
    for row in rows:
        try:
            values.append((row, _values(row, currency)))
        except RowFault as fault:
            job.tally.refuse(row.line, column_of(plan.uses, fault.target), str(fault))
    done, refused = job.write(lambda: _save(job, values))
    for place, (target, message) in refused.items():
        job.tally.refuse(values[place][0].line, column_of(plan.uses, target), message)
    job.tally.created += done.created
    job.tally.updated += done.updated
    job.tally.unchanged += done.unchanged


def _save(job: Job, values: Sequence[tuple[Row, dict[str, Any]]]) -> tuple[deals.Counts, Refused]:
    good, refused = _with_contacts(job, values)
    done = deals.upsert_many(job.store, good, now=job.now)
    _tell(job, done.deals)
    return done, refused


def _values(row: Row, currency: str) -> dict[str, Any]:
    cells = row.cells
    if "deal_id" not in cells:
        raise RowFault("deal_id", "the deal id is missing")
    found: dict[str, Any] = {name: cells[name].strip() for name in ("deal_id", *_TEXTS) if name in cells}
    with blame("currency"):
        code = parse_currency(cells.get("currency", currency))
    if "amount" in cells:
        with blame("amount"):
            found |= {"amount_minor": to_minor(cells["amount"].replace(",", ""), code), "currency": code}
    for name in _MOMENTS:
        if name in cells:
            with blame(name):
                found[name] = parse_moment(cells[name])
    if "won" in cells:
        with blame("won"):
            found["won"] = _OUTCOMES.get(cells["won"].strip().lower())
            found["won"] = parse_value(_WON, cells["won"]) if found["won"] is None else found["won"]
    return found


def _with_contacts(job: Job, values: Sequence[tuple[Row, dict[str, Any]]]) -> tuple[list[dict[str, Any]], Refused]:
    """Rows with the ids of their contacts, who are made where they are unknown; and those refused, by place. Needs a
    transaction."""
    asked = [(place, names) for place, (row, _) in enumerate(values) for names in _people(row)]
    saved = contacts.upsert_many(job.store, [names for _, names in asked], now=job.now, source=job.source)
    refused: Refused = {}
    ids: dict[int, list[int]] = {}
    for (place, _), one in zip(asked, saved, strict=True):
        if one.refused:
            refused.setdefault(place, (one.field, one.refused))
        else:
            ids.setdefault(place, []).append(one.id)
    good = [found | {"contact_ids": ids.get(place, [])} for place, (_, found) in enumerate(values) if place not in refused]
    return good, refused


def _people(row: Row) -> list[dict[str, str]]:
    """Whose deal it is: one contact by both names, or several, `;` between them."""
    parts = {kind: [word.strip() for word in row.cells.get(kind, "").split(";") if word.strip()] for kind in contacts.NAMED}
    if all(len(words) == 1 for words in parts.values()):
        return [{kind: words[0] for kind, words in parts.items()}]
    return [{kind: word} for kind, words in parts.items() for word in words]


def _tell(job: Job, done: Sequence[Deal]) -> None:
    """Into the inbox, before the deals are committed: should the process die between, the next import says it again
    under the same key."""
    items = [item for deal in done for what in deal.became if what in EVENTS for item in _items(job, deal, what)]
    if not job.options.dry_run:
        inbox.put(job.store, items, now=job.now)


def _items(job: Job, deal: Deal, what: str) -> list[Item]:
    """One event per contact; the money is on the first, so that it counts once."""
    event, moment = EVENTS[what]
    props = {key: deal.values[key] for key in ("name", "stage", "source_campaign") if deal.values[key]}
    base = {"event": event, "object": deal.deal_id, "occurred_at": deal.values[moment], "source": "import",
            "historic": int(not job.options.live), "props": props | {"deal_id": deal.deal_id}}
    earned = what == "won" and deal.values["amount_minor"] is not None
    money = {"value_minor": deal.values["amount_minor"], "currency": deal.values["currency"]} if earned else {}
    return [Item("track", f"{event}:{deal.deal_id}:{who}", base | {"contact_id": who} | ({} if place else money))
            for place, who in enumerate(deal.contact_ids)]
