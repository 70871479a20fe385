"""A command that changed many contacts at once, and taking it back: an import, or a fix of what was found wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .. import audit
from ..access import Actor, require
from ..activity.events import INTERNAL
from ..audience import lifecycle
from ..errors import Conflict, NotFound
from ..people import accounts, consent, contacts, fields
from ..people.contacts import CLEAR
from ..people.contacts.reading import current
from ..people.fields import Field, said
from ..store import CHUNK, Store

TRACKED = ("contact", "contact_change", "consent")  # tables whose ids rise, and whose rows a batch may take back
Ranges = dict[str, list[list[int]]]


@dataclass(frozen=True)
class Past:
    """A batch that ran. counts: what it reported; undone_at: when it was taken back."""

    id: int
    kind: str
    file: str
    at: int
    actor: str
    counts: dict[str, Any]
    undone_at: int | None
    undoable: bool


@dataclass
class Undone:
    """What taking a batch back did, in contacts and values; `kept`: what had been touched since and stays as it is."""

    removed: int = 0
    restored: int = 0
    consents: int = 0
    kept_contacts: int = 0
    kept_values: int = 0
    kept_consents: int = 0

    @property
    def words(self) -> str:
        """One sentence for whoever asked."""
        did = (f"{self.removed:,} contacts removed, {self.restored:,} values put back, {self.consents:,} consents withdrawn")
        kept = [f"{number:,} {what}" for number, what in (
            (self.kept_contacts, "contacts that have done or been sent something since"),
            (self.kept_values, "values that were changed again since"),
            (self.kept_consents, "consents that were spoken to again since")) if number]
        return f"{did}; left as they are: {', '.join(kept)}" if kept else did


class Batch:
    """One batch on its way. `source` is written into every row it makes."""

    def __init__(self, store: Store, kind: str, file: str, source: str, *, by: Actor, now: int) -> None:
        self.store, self.source = store, source
        self.ranges: Ranges = {table: [] for table in TRACKED}
        with store.transaction():
            self.id: int = store.one(
                "INSERT INTO import_batch (kind, file, at, actor, counts, source, ranges) VALUES (:kind, :file, :at, :actor, "
                "AS_JSON(:counts), :source, AS_JSON(:ranges)) RETURNING id", kind=kind, file=file, at=now, actor=by.name,
                counts="{}", source=source, ranges=json.dumps(self.ranges))
            audit.record(store, by, "import" if file else "fix", kind, now=now, file=file, batch=self.id)

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note which rows are written here, in the transaction that writes them: a batch that dies can be undone too."""
        self.store.serialize("contact")
        before = _tops(self.store)
        yield
        for table, last in _tops(self.store).items():
            if last > before[table]:
                _extend(self.ranges[table], before[table] + 1, last)
        self.store.run("UPDATE import_batch SET ranges = AS_JSON(:ranges) WHERE id = :id", ranges=json.dumps(self.ranges),
                       id=self.id)

    def finish(self, counts: dict[str, Any]) -> None:
        """Note what was reported."""
        with self.store.transaction():
            self.store.run("UPDATE import_batch SET counts = AS_JSON(:counts) WHERE id = :id", counts=json.dumps(counts),
                           id=self.id)


def _tops(store: Store) -> dict[str, int]:
    return {table: int(store.one(f"SELECT MAX(t.id) FROM {table} t") or 0) for table in TRACKED}


def _extend(ranges: list[list[int]], first: int, last: int) -> None:
    if ranges and ranges[-1][1] == first - 1:
        ranges[-1][1] = last
    else:
        ranges.append([first, last])


def list_past(store: Store, limit: int = 20) -> list[Past]:
    """The newest batches first."""
    return [_past(row) for row in store.rows(f"{_PAST} ORDER BY b.id DESC LIMIT :limit", limit=limit)]


_PAST = ("SELECT b.id, b.kind, b.file, b.at, b.actor, b.counts, b.undone_at, b.ranges FROM import_batch b")


def _past(row: Sequence[Any]) -> Past:
    return Past(row[0], row[1], row[2], row[3], row[4], json.loads(row[5]), row[6],
                row[6] is None and any(json.loads(row[7]).values()))


def ranges_of(store: Store, batch_id: int) -> Ranges:
    """The ids of the rows that a batch wrote, by table. Raises NotFound."""
    found = store.one("SELECT b.ranges FROM import_batch b WHERE b.id = :id", id=batch_id)
    if found is None:
        raise NotFound(f"there is no import {batch_id}: `import list` shows them")
    ranges: Ranges = json.loads(found)
    return ranges


# ------------------------------------------------------------ taking it back


def undo(store: Store, batch_id: int, *, by: Actor, now: int, progress: Callable[[int, int], None] | None = None) -> Undone:
    """Take a batch back: contacts it made are removed where nothing has happened to them since, values it changed are put
    back where nobody has changed them since, consent it recorded no longer holds. Some thousand rows to the transaction;
    one that died is begun again.

    Raises  NotFound: no such batch.  Conflict: undone already, or of a kind that can not be undone.
    """
    require(by, "market")
    row = store.row(f"{_PAST} WHERE b.id = :id", id=batch_id)
    if row is None:
        raise NotFound(f"there is no import {batch_id}: `import list` shows them")
    past = _past(row)
    _refuse(past)
    taking = _Undoing(store, past, json.loads(row[7]), by, now)
    steps = [(work, first, last) for work, table in ((taking.remove, "contact"), (taking.restore, "contact_change"),
                                                     (taking.unsay, "consent"))
             for first, last in reversed(list(_parts(taking.ranges[table])))]
    for place, (work, first, last) in enumerate(steps, 1):
        store.insist(lambda work=work, first=first, last=last: taking.once(work, first, last))  # type: ignore[misc]
        if progress:
            progress(place, len(steps))
    with store.transaction():
        store.run("UPDATE import_batch SET undone_at = :now WHERE id = :id", now=now, id=batch_id)
        audit.record(store, by, "import undone", f"import {batch_id}", now=now, **vars(taking.done))
    return taking.done


def _refuse(past: Past) -> None:
    if past.undone_at is not None:
        raise Conflict(f"import {past.id} ({past.file or past.kind}) has been undone already")
    if past.kind in _INSTEAD:
        raise Conflict(f"import {past.id} brought {past.kind}, which can not be undone: only imports of contacts can. "
                       f"{_INSTEAD[past.kind]}")
    if not past.undoable:
        raise Conflict(f"import {past.id} ({past.file or past.kind}) changed nothing that could be undone")


_INSTEAD = {"events": "What happened counts in scores, segments and reports from the moment it is known",
            "deals": "Import the deals again as they should be",
            "accounts": "Import the companies again as they should be", "costs": "Import the same amounts with a minus",
            "suppressions": "An administrator can release an address by hand"}


def _parts(ranges: list[list[int]]) -> Iterator[tuple[int, int]]:
    for first, last in ranges:
        for at in range(first, last + 1, CHUNK):
            yield at, min(at + CHUNK - 1, last)


_TOUCHED = " OR ".join((
    f"EXISTS (SELECT 1 FROM event e WHERE e.contact_id = c.id AND e.name NOT IN ({', '.join(map(repr, sorted(INTERNAL)))}))",
    "EXISTS (SELECT 1 FROM message m WHERE m.contact_id = c.id)",
    "EXISTS (SELECT 1 FROM enrollment n WHERE n.contact_id = c.id)",
    "EXISTS (SELECT 1 FROM deal_contact d WHERE d.contact_id = c.id)",
    "EXISTS (SELECT 1 FROM contact_merge g WHERE g.keeper_id = c.id)",
    "EXISTS (SELECT 1 FROM contact_change x WHERE x.contact_id = c.id AND NOT (x.source = :source AND x.at = :at))",
    "EXISTS (SELECT 1 FROM consent s WHERE s.contact_id = c.id AND NOT (s.basis = 'import' AND s.at = :at))"))


class _Undoing:
    """One batch being taken back, part by part, the newest part first."""

    def __init__(self, store: Store, past: Past, ranges: Ranges, by: Actor, now: int) -> None:
        self.store, self.past, self.ranges, self.by, self.now = store, past, ranges, by, now
        self.batch_source = store.one("SELECT b.source FROM import_batch b WHERE b.id = :id", id=past.id)
        self.source = f"undo of {self.batch_source}"
        self.fields = fields.catalogue(store)
        self.done = Undone()

    def once(self, work: Callable[[int, int], dict[str, int]], first: int, last: int) -> None:
        """One part in one transaction; counted when it is committed."""
        with self.store.transaction():
            self.store.serialize("contact")
            counted = work(first, last)
        for name, number in counted.items():
            setattr(self.done, name, getattr(self.done, name) + number)

    def remove(self, first: int, last: int) -> dict[str, int]:
        """Contacts that the batch made."""
        made = self.store.rows(f"SELECT c.id, CASE WHEN {_TOUCHED} THEN 1 ELSE 0 END FROM contact c "
                               "WHERE c.id BETWEEN :first AND :last", first=first, last=last, source=self.batch_source,
                               at=self.past.at)
        gone = [row[0] for row in made if not row[1]]
        contacts.remove(self.store, gone)
        return {"removed": len(gone), "kept_contacts": len(made) - len(gone)}

    def restore(self, first: int, last: int) -> dict[str, int]:
        """Values, tags and lists that the batch gave to contacts who were there before, and still are."""
        log = self.store.rows("SELECT x.contact_id, x.kind, x.name, x.old, x.new FROM contact_change x JOIN contact c "
                              "ON c.id = x.contact_id WHERE x.id BETWEEN :first AND :last AND x.source = :source "
                              "ORDER BY x.id DESC", first=first, last=last, source=self.batch_source)
        log = [row for row in log if not any(low <= row[0] <= high for low, high in self.ranges["contact"])]
        values = [row for row in log if row[1] not in ("tag", "list")]
        labels = [row for row in log if row[1] in ("tag", "list")]
        back, kept = self._values_back(values)
        rows = [{"contact_id": who, **given} for who, given in back.items()]
        saved = contacts.upsert_many(self.store, rows, now=self.now, source=self.source, by_hand=True)
        refused = {row["contact_id"] for row, one in zip(rows, saved, strict=True) if one.refused}
        contacts.forget_names(self.store, [(who, name, new) for who, _, name, old, new in values
                                           if name in ("email", "phone", "external_id") and who not in refused])
        if staged := [who for who, given in back.items() if "stage" in given and who not in refused]:
            lifecycle.catch_up(self.store, staged, now=self.now, source=self.source, live=False)
        put_back = sum(len(given) for who, given in back.items() if who not in refused)
        taken = self._unlabel(labels)
        return {"restored": put_back + taken, "kept_values": kept + sum(len(back[who]) for who in refused)}

    def _values_back(self, log: Sequence[Sequence[Any]]) -> tuple[dict[int, dict[str, Any]], int]:
        """What each contact gets back, and how many values had been changed again."""
        known = {**self.fields, "account": Field("account_id", "account", "number", "account_id")}
        log = [row for row in log if row[2] in known]
        columns = sorted({known[row[2]].column for row in log})
        held = current(self.store, list(dict.fromkeys(row[0] for row in log)), columns) if log else {}
        names = {row[0]: row[1] for row in self.store.rows("SELECT a.id, a.name FROM account a")} if "account_id" in columns \
            else {}
        back: dict[int, dict[str, Any]] = {}
        now_is = {(who, name): said(names.get(held[who][known[name].column], held[who][known[name].column]) if name == "account"
                                    else held[who][known[name].column]) for who, _, name, _, _ in log}
        kept = 0
        for who, _, name, old, new in log:
            if now_is[who, name] != new:
                kept += 1
                continue
            now_is[who, name] = old
            back.setdefault(who, {})[known[name].key] = self._typed(known[name], old)
        return back, kept

    def _typed(self, field: Field, old: str | None) -> Any:
        """A value of the change log as it was before it became text."""
        if old is None:
            return CLEAR
        if field.column == "account_id":
            return accounts.ensure_many(self.store, [old], now=self.now)[old]
        if field.kind == "number":
            return float(old)
        return int(old) if field.kind in ("date", "datetime", "bool") else old

    def _unlabel(self, log: Sequence[Sequence[Any]]) -> int:
        groups: dict[tuple[str, str], list[int]] = {}
        for who, kind, name, _, new in log:
            if new is not None:
                groups.setdefault((kind, name), []).append(who)
        taken = 0
        for (kind, name), ids in groups.items():
            if kind == "tag":
                taken += contacts.remove_tags(self.store, ids, [name], now=self.now, source=self.source)
            else:
                taken += contacts.remove_from_list(self.store, ids, name, now=self.now, source=self.source)
        return taken

    def unsay(self, first: int, last: int) -> dict[str, int]:
        """Consent that the batch recorded, where nobody has spoken since: what they had said before holds again, and who had
        said nothing is waiting to say it."""
        rows = self.store.rows(
            "SELECT s.contact_id, s.channel, s.topic, (SELECT MAX(n.id) FROM consent n WHERE n.contact_id = s.contact_id AND "
            "n.channel = s.channel AND n.topic = s.topic AND n.id > s.id), (SELECT p.status FROM consent p "
            "WHERE p.contact_id = s.contact_id AND p.channel = s.channel AND p.topic = s.topic AND p.id < s.id "
            "ORDER BY p.at DESC, p.id DESC LIMIT 1) FROM consent s JOIN contact c ON c.id = s.contact_id "
            "WHERE s.id BETWEEN :first AND :last AND s.basis = 'import' AND s.at = :at", first=first, last=last,
            at=self.past.at)
        kept = sum(1 for row in rows if row[3])
        for who, channel, topic, since, before in rows:
            if not since:
                consent.record(self.store, [who], channel, before or "pending", topic=topic, basis="import undone",
                               source=self.source, by=self.by, now=self.now)
        return {"consents": len(rows) - kept, "kept_consents": kept}
