"""Contacts from a file, with their accounts, tags, lists and consent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ...access import Actor, require
from ...audience import lifecycle
from ...errors import BadInput
from ...people import accounts, consent, contacts, fields
from ...people.contacts import Saved
from ...people.contacts.labels import add_pairs, check_label, ensure_lists, ensure_tags
from ...sql import fold
from ...store import Store
from ..columns import scan
from ..tables import Table
from .job import Job, Options, Report, Row, RowFault, blame, column_of, open_file, uncollected
from .mapping import KEPT_BY_ENGINE, MARK, Plan, need, plan_fields

CONSENTS = {"email_consent": "email", "sms_consent": "sms"}
LABELS = {"tags": "tag", "lists": "list"}
SPECIAL = ("account", *LABELS, *CONSENTS)
LONGEST_SOURCE = 200  # of a consent: one line that says where it was given


@dataclass(frozen=True)
class Agreed:
    """What everybody in the file said, and where: `--consent email:subscribed:signup`."""

    channel: str
    status: str
    source: str


@dataclass
class _Extras:
    """What a row says besides fields."""

    account: str | None = None
    labels: dict[str, list[str]] = field(default_factory=dict)
    consents: dict[str, str] = field(default_factory=dict)


def parse_consent(text: str) -> Agreed:
    """`channel:status:source`, the source one line. Raises BadInput."""
    channel, _, rest = text.partition(":")
    status, _, source = rest.partition(":")
    if not source.strip() or len(source) > LONGEST_SOURCE or not source.strip().isprintable():
        raise BadInput(f"--consent {text[:60]!r}: write channel:status:source, for example email:subscribed:signup form")
    agreed = Agreed(fold(channel.strip()), fold(status.strip()), source.strip())
    consent.check(agreed.channel, agreed.status)
    return agreed


def import_contacts(store: Store, path: str, *, by: Actor, now: int, options: Options | None = None,
                    list_name: str | None = None, agreed: Sequence[Agreed] = ()) -> Report:
    """Create and change contacts from a file. Raises BadInput before anything is changed: file, mapping, dates."""
    options = options or Options()
    with uncollected(), open_file(path, options) as table:
        return import_table(store, table, by=by, now=now, options=options, list_name=list_name, agreed=agreed)


def import_table(store: Store, table: Table, *, by: Actor, now: int, options: Options, list_name: str | None = None,
                 agreed: Sequence[Agreed] = ()) -> Report:
    """The same for a table that is open."""
    require(by, "market")
    columns, total = scan(table)
    plan = plan_fields(columns, options.maps, fields.catalogue(store), options.reading, special=SPECIAL, kept=KEPT_BY_ENGINE)
    need(plan, [contacts.NAMED])
    if list_name is not None:
        check_label(list_name, "list")
    job = _ContactsJob(Job(store, "contacts", table, by, now, options), plan, list_name, agreed)
    for rows in job.job.chunks(plan.uses, total):
        job.take(rows)
    return job.report()


class _ContactsJob:
    """The contacts of one file, chunk by chunk."""

    def __init__(self, job: Job, plan: Plan, list_name: str | None, agreed: Sequence[Agreed]) -> None:
        self.job, self.plan, self.list_name, self.agreed = job, plan, list_name, agreed
        self.consent = Counter(recorded=0, kept=0, suppressed=0)
        self.special = any(use.target.startswith(MARK) or use.target == "stage" for use in plan.uses)
        self.rehearsed: set[int] = set()  # whom a dry run would have made in an earlier chunk

    def take(self, rows: Sequence[Row]) -> None:
        """One transaction: fields, accounts, contacts, labels, consent."""
        taken: list[tuple[Row, _Extras]] = []
        for row in rows:
            try:
                taken.append((row, _extras(row) if self.special else _NOTHING))
            except RowFault as fault:
                self._refuse(row, fault.target, str(fault))
        saved, touched, said = self.job.write(lambda: self._write(taken))
        self.consent.update(said)
        self._count(taken, saved, touched)

    def _write(self, taken: Sequence[tuple[Row, _Extras]]) -> tuple[list[Saved], set[int], Counter[str]]:
        """What became of each row, the contacts for whom a label or consent was news, and what became of consent."""
        self._define()
        saved = self._save(taken)
        done = [(one, extras) for one, (_, extras) in zip(saved, taken, strict=True) if not one.refused]
        labeled = self._label(done)
        agreed, said = self._consent(done)
        if any(use.target == "stage" for use in self.plan.uses):
            lifecycle.catch_up(self.job.store, [one.id for one, _ in done], now=self.job.now, source=self.job.source,
                               live=False)
        return saved, labeled | agreed, said

    def report(self) -> Report:
        """Counts, with what became of consent and the fields that are new."""
        for name in self.plan.new:
            if (built_in := fold(name).replace(" ", "_").replace("-", "")) in fields.BUILT_IN:
                self.job.notes.append(f"column {name!r} became a field of its own; for {built_in} say "
                                      f"--map \"{name}={built_in}\"")
        self.job.more = {"consent": dict(self.consent), "new_fields": dict(self.plan.new)}
        if self.consent["kept"]:
            who = "1 contact" if self.consent["kept"] == 1 else f"{self.consent['kept']:,} contacts"
            self.job.notes.append(f"{who} said no before: a file does not change that")
        if self.consent["suppressed"]:
            which = "1 address is" if self.consent["suppressed"] == 1 else f"{self.consent['suppressed']:,} addresses are"
            self.job.notes.append(f"{which} on the suppression list, which a file does not change")
        return self.job.report(self.plan.columns)

    def _define(self) -> None:
        if self.plan.new:
            fields.define_many(self.job.store, {name: (kind, ()) for name, kind in self.plan.new.items()},
                               by=self.job.by, now=self.job.now)

    def _save(self, taken: Sequence[tuple[Row, _Extras]]) -> list[Saved]:
        job = self.job
        named = accounts.ensure_many(job.store, [extras.account for _, extras in taken if extras.account], now=job.now)
        values: list[dict[str, Any]] = []
        for row, extras in taken:
            own: dict[str, Any] = _plain(row.cells) if self.special else row.cells
            values.append(own | {"account_id": named[extras.account]} if extras.account else own)
        return contacts.upsert_many(job.store, values, now=job.now, source=job.source)

    def _label(self, done: Sequence[tuple[Saved, _Extras]]) -> set[int]:
        """Tags and lists; the contacts that got one."""
        store, now = self.job.store, self.job.now
        touched: set[int] = set()
        for column, what in LABELS.items():
            wanted = {(one.id, name) for one, extras in done for name in extras.labels.get(column, ())}
            if what == "list" and self.list_name is not None:
                wanted |= {(one.id, self.list_name) for one, _ in done}
            names = sorted({name for _, name in wanted})
            ids = ensure_tags(store, names) if what == "tag" else ensure_lists(store, names, now=now)
            pairs = sorted((who, ids[name]) for who, name in wanted)
            touched |= {who for who, _ in add_pairs(store, what, pairs, now=now, source=self.job.source)}
        return touched

    def _consent(self, done: Sequence[tuple[Saved, _Extras]]) -> tuple[set[int], Counter[str]]:
        """What the file says people agreed to; the contacts for whom that was news. A row's own word goes first."""
        touched: set[int] = set()
        said = Counter[str]()
        for agreed in (*self.agreed, *(Agreed(channel, "", "") for channel in CONSENTS.values())):
            own = {one.id: extras.consents[agreed.channel] for one, extras in done if agreed.channel in extras.consents}
            wanted = {one.id: agreed.status for one, _ in done if one.id not in own} if agreed.status else own
            if not wanted:
                continue
            found = consent.record_imported(self.job.store, wanted, agreed.channel, source=agreed.source or self.job.source,
                                            by=self.job.by, now=self.job.now)
            touched |= set(found.recorded)
            said.update(recorded=len(found.recorded), kept=found.kept, suppressed=found.suppressed)
        return touched, said

    def _count(self, taken: Sequence[tuple[Row, _Extras]], saved: Sequence[Saved], touched: set[int]) -> None:
        for (row, _), one in zip(taken, saved, strict=True):
            if one.refused:
                self._refuse(row, one.field and fold(one.field), one.refused)
            else:
                created = one.created and not self._was_rehearsed(row)
                self.job.tally.count(created, one.changed or one.id in touched)
                touched.discard(one.id)

    def _was_rehearsed(self, row: Row) -> bool:
        """A dry run forgets each chunk, so it keeps in mind whom it has made."""
        if not self.job.options.dry_run:
            return False
        names = {hash((kind, fold(row.cells[kind]))) for kind in contacts.NAMED if kind in row.cells}
        known = bool(names & self.rehearsed)
        self.rehearsed |= names
        return known

    def _refuse(self, row: Row, target: str | None, message: str) -> None:
        self.job.tally.refuse(row.line, column_of(self.plan.uses, target), message)


_NOTHING = _Extras()


def _plain(cells: dict[str, str]) -> dict[str, str]:
    return {key: cell for key, cell in cells.items() if not key.startswith(MARK)}


def _extras(row: Row) -> _Extras:
    cells = {key.removeprefix(MARK): cell for key, cell in row.cells.items() if key.startswith(MARK)}
    found = _Extras(account=cells.get("account"))
    for column, what in LABELS.items():
        with blame(MARK + column):
            found.labels[column] = [check_label(name, what) for name in cells.get(column, "").split(";") if name.strip()]
    for column, channel in CONSENTS.items():
        if column in cells:
            with blame(MARK + column):
                consent.check(channel, fold(cells[column].strip()))
            found.consents[channel] = fold(cells[column].strip())
    if "stage" in row.cells:
        with blame("stage"):
            lifecycle.check_stage(row.cells["stage"])
    if found.account:
        with blame(MARK + "account"):
            accounts.check_name(found.account)
    return found
