"""What happened in the past (or, with `live`, now), from a file through the same door as every other event."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from ...access import Actor, require, setting
from ...activity import inbox, intake
from ...activity.inbox import Item, Waiting
from ...activity.reading import read_event, read_who
from ...errors import BadInput
from ...people.lookups import rows_in
from ...store import Store
from ..columns import scan
from .job import Job, Options, Report, Row, RowFault, blame, column_of, open_file
from .mapping import Plan, need, plan_events

TARGETS = {"email": "text", "external_id": "text", "event": "text", "occurred_at": "datetime", "object": "text",
           "value": "number", "currency": "text", "message_id": "text"}
NAMED = ("external_id", "email")
PROPERTY = "props."
_PLAIN = ("object", "value", "currency")


def import_events(store: Store, path: str, *, by: Actor, now: int, options: Options | None = None) -> Report:
    """Take events in from a file. Imported events count in rules and reports and wake nothing, unless `live`.

    Raises BadInput before anything is changed: file, mapping, dates, numbers.
    """
    require(by, "market")
    options = options or Options()
    with open_file(path, options) as table:
        columns, total = scan(table)
        plan = plan_events(columns, options.maps, TARGETS, options.reading, PROPERTY)
        need(plan, [NAMED, ("event",), ("occurred_at",)])
        job = _EventsJob(Job(store, "events", table, by, now, options), plan)
        for rows in job.job.chunks(plan.uses, total):
            job.take(rows)
        return job.job.report(plan.columns)


class _EventsJob:
    """The events of one file, chunk by chunk."""

    def __init__(self, job: Job, plan: Plan) -> None:
        self.job, self.plan = job, plan
        self.kinds = {use.target: use.kind for use in plan.uses}
        self.currency = str(setting(job.store, "currency", "USD"))
        self.rehearsed: set[int] = set()  # what a dry run would have taken in earlier chunks

    def take(self, rows: Sequence[Row]) -> None:
        """Hand in what is new and have it taken in at once, so that the next chunk knows of it."""
        items: dict[str, Item] = {}
        read = 0
        for row in rows:
            try:
                item = self._item(row)
            except RowFault as fault:
                self.job.tally.refuse(row.line, column_of(self.plan.uses, fault.target), str(fault))
                continue
            items.setdefault(item.dedupe_key, item)
            read += 1
        fresh = self._fresh(items)
        self.job.tally.created += len(fresh)
        self.job.tally.unchanged += read - len(fresh)
        if not self.job.options.dry_run:
            inbox.put(self.job.store, fresh, now=self.job.now)
            self.job.store.insist(lambda: intake.take(self.job.store, now=self.job.now))

    def _fresh(self, items: dict[str, Item]) -> list[Item]:
        known = {row[0] for row in rows_in(self.job.store, "SELECT e.dedupe_key FROM event e "
                                           "WHERE e.dedupe_key IN ({values})", items)}
        fresh = [item for key, item in items.items() if key not in known and hash(key) not in self.rehearsed]
        if self.job.options.dry_run:
            self.rehearsed |= {hash(item.dedupe_key) for item in fresh}
        return fresh

    def _item(self, row: Row) -> Item:
        """The event of a row, checked with the eyes of the intake. Raises RowFault."""
        payload: dict[str, Any] = {name: row.cells[name].strip() for name in (*NAMED, *_PLAIN) if name in row.cells}
        payload["props"] = {use.target.removeprefix(PROPERTY): _typed(row.cells[use.target], use.kind)
                            for use in self.plan.uses if use.target.startswith(PROPERTY) and use.target in row.cells}
        payload |= {"event": row.cells.get("event"), "occurred_at": row.cells.get("occurred_at"),
                    "source": "import", "historic": int(not self.job.options.live)}
        for name in ("event", "occurred_at"):
            if not payload[name]:
                raise RowFault(name, f"the {'moment' if name == 'occurred_at' else 'name of the event'} is missing")
        return self._checked(payload, row.cells.get("message_id"))

    def _checked(self, payload: dict[str, Any], given: str | None) -> Item:
        with blame("email" if "email" in payload else "external_id"):
            names = read_who(payload).names
        try:
            event = read_event(Waiting(0, self.job.now, "track", "", payload), self.currency)
        except BadInput as error:
            raise RowFault(_at_fault(str(error)), str(error)) from None
        facts = [names, payload["event"], event["occurred_at"], {name: payload.get(name) for name in _PLAIN},
                 payload["props"]]
        key = f"track:{given.strip()[:200]}" if given else f"import:{_digest(facts)}"
        return Item("track", key, payload)


def _digest(facts: Any) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:40]


def _typed(cell: str, kind: str) -> Any:
    """A property as JSON: numbers and truth as such where the whole column is."""
    word = cell.strip()
    if kind == "number":
        number = float(word.replace(",", ""))
        return int(number) if number.is_integer() else number
    return word.lower() == "true" if kind == "bool" else word


def _at_fault(message: str) -> str | None:
    """The intake names what it can not read; that is the target here."""
    words = {"event": "event name", "value": "amount", "currency": "currency", "occurred_at": "moment"}
    return next((target for target, word in words.items() if word in message), None)
