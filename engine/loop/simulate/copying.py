"""A copy of a workspace in memory: everybody or a sample, as it is now or as it was at a moment of the past.

It writes every table of the copy and none of the workspace, which it only reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...journeys import documents
from ...journeys.nodes import node_types
from ...journeys.runner import OPEN_PASS
from ...people import accounts
from ...people.fields import CONTACT, KINDS, catalogue
from ...people.lookups import rows_in
from ...schema import PERSON_TABLES, TABLES, open_memory, set_watermark
from ...sql import Sql, fold, join, sql
from ...store import CHUNK, Store
from .needs import Wanted, only

Row = dict[str, Any]
# What a simulation never reads: who works here, what was done by hand, texts of mail, logs that it begins anew.
SKIPPED = frozenset({
    "app_user", "write_key", "audit", "heartbeat", "import_batch", "quality_count", "chain_link", "contact_merge", "kept_apart",
    "privacy_request", "refusal", "message_copy", "step", "node_stat", "dirty_contact", "contact_change", "account_change",
    "journey_draft", "watermark", "task_turn", "cost"})
# Of the past: made anew, not copied.
WORKED_OUT = frozenset({"segment_member", "segment_change", "score_level", "token", "entry_moment"})
MOMENTS = ("received_at", "started_at", "entered_at", "at", "created_at")  # when a row came to be; the first that there is
BARS = "c.anonymous = 0 AND c.is_test = 0"
LISTENERS = ("journeys", "watch", "scoring", "routing")  # to events, also where they have never listened yet
BY_SEGMENT_LOG = frozenset({"lifecycle", "scoring of states"})  # their mark is a line of a log that the past begins anew
FROM_THE_START = BY_SEGMENT_LOG | {"affinity"}  # which the copy works out anew, from the events there were
NUMBERED = ("event", "journey_version", "segment_change", "enrollment", "message", "stage_change", "score_entry",
            "contact_change")
_MIX = 1_000_003
_NUMBERS = {"number": float, "date": int, "datetime": int, "bool": int}
_COLUMN = re.compile(r"(?:^|,)\s*([a-z_]\w*)\s+(?:\{|TEXT)", re.MULTILINE)


@dataclass(frozen=True)
class Cut:
    """What to copy. at: as it was then, None: as it is. events: those to bring along, None: all. journey: the id of the one
    that is tried, whose people of the past stay behind; None where it has never been published."""

    people: tuple[int, ...]
    total: int
    at: int | None = None
    events: Wanted | None = None
    journey: int | None = None
    segments: frozenset[int] = frozenset()
    without: frozenset[str] = frozenset()  # tables that nothing here asks for
    alone: bool = False  # definitions only: other journeys stand still, the tried one begins anew


@dataclass
class Copied:
    """The copy, and contacts of the sample who did not exist yet at its moment: their rows, to come in later."""

    store: Store
    later: list[Row] = field(default_factory=list)
    under_way: int = 0  # people of the tried journey who were inside and stay behind


def pick(store: Store, *, sample: int | None, seed: int) -> tuple[tuple[int, ...], int]:
    """Ids of contacts, a sample by arithmetic on their hash so that one seed picks the same ones; and how many there are."""
    total = int(store.one(f"SELECT COUNT(*) FROM contact c WHERE {BARS}"))
    most = total if sample is None else min(sample, total)
    found = store.rows(f"""SELECT c.id FROM contact c WHERE {BARS}
        ORDER BY (c.hash31 * {_MIX} + CAST(:seed AS BIGINT) * 7919) % 2147483647, c.id LIMIT :most""",
                       seed=seed, most=most)
    return tuple(sorted(row[0] for row in found)), total


def copy(store: Store, cut: Cut) -> Copied:
    """The copy. Raises nothing of its own: what can be read can be copied."""
    made = Copied(open_memory())
    wanted = [table for table in TABLES if table.name not in SKIPPED | cut.without
              and not (cut.at is not None and table.name in WORKED_OUT)]
    with made.store.transaction():
        if not cut.alone:
            made.store.script(f"DROP {kind} {name}" for kind, name in made.store.rows(_ALONGSIDE))
        _columns(store, made.store)
        for table in wanted:
            _copy_table(store, made, cut, table.name)
        if not cut.alone:
            made.store.script(statement for table in TABLES for statement in table.statements)
        _marks(store, made.store, cut)
    return made


# Indexes are made at the end, at once, for a third of the price; the words to search by not at all: nobody searches a copy.
_ALONGSIDE = "SELECT m.type, m.name FROM sqlite_master m WHERE m.type = 'trigger' OR (m.type = 'index' AND m.sql IS NOT NULL)"


def _columns(store: Store, target: Store) -> None:
    """The workspace's own fields."""
    for entity in (CONTACT, accounts.COMPANY):
        there = set(target.columns(entity.key))
        target.script([f"ALTER TABLE {entity.key} ADD COLUMN {one.column} {KINDS[one.kind].type}"
                       for one in catalogue(store, entity).values() if one.made and one.column not in there])


def _copy_table(store: Store, made: Copied, cut: Cut, name: str) -> None:
    there = set(made.store.columns(name))
    columns = [one for one in store.columns(name) if one in there]
    mend = _mender(store, made, cut, name, columns)
    part: list[tuple[Any, ...]] = []
    for row in _read(store, cut, name, columns):
        mended = mend(row)
        if mended is not None:
            part.append(mended)
        if len(part) == CHUNK:
            made.store.insert_rows(name, columns, part)
            part = []
    made.store.insert_rows(name, columns, part)


def _read(store: Store, cut: Cut, name: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Rows of the people, up to the moment; of a table that knows nobody, all."""
    listed = ", ".join(f"x.{column}" for column in columns)
    person = "id" if name == "contact" else "contact_id" if name in PERSON_TABLES else None
    tests = [sql(f"x.{moment} <= :at", at=cut.at)] if (moment := _moment(name, columns)) and cut.at is not None else []
    if name == "event" and cut.events is not None:
        tests.append(sql("({only})", only=only("x", cut.events)))
    if person and len(cut.people) < cut.total:
        where = join(" AND ", [sql(f"x.{person} IN ({{some}})", some=Sql(("{values}",))), *tests])
        text, params = sql(f"SELECT {listed} FROM {name} x WHERE {{where}}", where=where).render()
        yield from rows_in(store, text, cut.people, **params)
        return
    known = frozenset(cut.people) if person else None
    place = columns.index(person) if person else 0
    where = sql(" WHERE {tests}", tests=join(" AND ", tests)) if tests else sql("")
    for chunk in store.stream(sql(f"SELECT {listed} FROM {name} x{{where}}", where=where)):
        yield from (chunk if known is None else [row for row in chunk if row[place] in known])


def _moment(name: str, columns: Sequence[str]) -> str | None:
    """The column that says since when a row is known. Contacts come in later by themselves; definitions count as they are."""
    if name == "contact" or (name not in PERSON_TABLES and name != "suppression"):
        return None
    return next((one for one in MOMENTS if one in columns), None)


# ------------------------------------------------------------ what differs in the copy


def _mender(store: Store, made: Copied, cut: Cut, name: str, columns: Sequence[str]) -> Callable[[tuple[Any, ...]], Any]:
    """What a row becomes in the copy; None: it stays behind."""
    at = {column: place for place, column in enumerate(columns)}

    def changed(row: tuple[Any, ...], **to: Any) -> tuple[Any, ...]:
        values = list(row)
        for column, value in to.items():
            values[at[column]] = value
        return tuple(values)

    if name == "setting":  # a demo's clock is ahead: here the moment is given
        return lambda row: None if row[at["key"]] == "demo" else row
    if name == "segment":  # those that nobody asks about are not kept true; of the past, all are worked out anew
        begun = {} if cut.at is None else {"refreshed_at": None}
        return lambda row: changed(row, **begun) if row[at["id"]] in cut.segments else changed(row, status="resting")
    if name == "sales_rep":  # nobody works here: sales has room for every lead, and none waits too long
        return lambda row: changed(row, capacity=None)
    if name == "task":
        return lambda row: changed(row, due_at=None)
    if cut.alone and name in ("journey", "journey_version"):
        own = at["id" if name == "journey" else "journey_id"]
        return lambda row: None if row[own] == cut.journey else changed(row, status="paused")
    if name == "journey_version" and cut.at is None:
        return lambda row: changed(row, document=scaled(row[at["document"]], len(cut.people), cut.total))
    if name == "journey":  # of the past, what others did is history: they do not run
        mine, theirs = ({"status": "live"}, {}) if cut.at is None else ({"status": "draft"}, {"status": "paused"})
        return lambda row: changed(row, **(mine if row[at["id"]] == cut.journey else theirs))
    if cut.at is None:
        return lambda row: row
    if name == "journey_version":
        return lambda row: changed(row, status="draining") if row[at["journey_id"]] == cut.journey else row
    if name == "contact":
        return _contact_then(store, made, cut, columns)
    if name == "enrollment":
        return lambda row: _passage_then(made, cut, row, at, changed)
    if name in ("contact_tag", "contact_list"):
        return _labels_then(store, cut, name, at)
    if name == "affinity":
        return lambda _: None
    if name == "score_entry":
        return lambda row: changed(row, uncounted=2)
    if name == "message":
        return lambda row: row if row[at["sent_at"]] is not None and row[at["sent_at"]] <= cut.at else None
    return lambda row: row


def _contact_then(store: Store, made: Copied, cut: Cut, columns: Sequence[str]) -> Callable[[tuple[Any, ...]], Any]:
    """Fields as they stood; whoever came later waits to come in."""
    fields = {one.key: one for one in catalogue(store).values()}
    companies: dict[str, int] = dict(store.rows("SELECT a.key, a.id FROM account a"))
    was: dict[int, Row] = {}
    for who, kind, key, old in changes(store, cut):
        if kind == "account":
            was.setdefault(who, {}).setdefault("account_id", companies.get(fold(old or "")))
        elif kind in ("field", "stage", "owner") and key in fields:
            to = None if old is None else _NUMBERS.get(fields[key].kind, str)(old)
            was.setdefault(who, {}).setdefault(fields[key].column, to)

    def then(row: tuple[Any, ...]) -> tuple[Any, ...] | None:
        values = dict(zip(columns, row, strict=True))
        values |= was.get(values["id"], {}) | {"held_until": None, "fit_score": 0, "engagement_score": 0}
        if values["created_at"] > (cut.at or 0):
            made.later.append(values)
            return None
        return tuple(values.values())

    return then


def _labels_then(store: Store, cut: Cut, name: str, at: dict[str, int]) -> Callable[[tuple[Any, ...]], Any]:
    """Tags and lists that were held; the lines given since are dropped, those taken since are read back by `regained`."""
    what = name.removeprefix("contact_")
    ids: dict[str, int] = dict(store.rows(f"SELECT t.key, t.id FROM {what} t"))
    gone = {(who, ids.get(key)) for who, kind, key, old in changes(store, cut) if kind == what and old is None}
    return lambda row: None if (row[at["contact_id"]], row[at[f"{what}_id"]]) in gone else row


def regained(store: Store, target: Store, cut: Cut) -> None:
    """Tags and lists that were held then and have been taken since."""
    for what in ("tag", "list"):
        ids: dict[str, int] = dict(store.rows(f"SELECT t.key, t.id FROM {what} t"))
        rows = [(who, ids[key], cut.at) for who, kind, key, old in changes(store, cut)
                if kind == what and old is not None and key in ids]
        with target.transaction():
            target.insert_rows(f"contact_{what}", ["contact_id", f"{what}_id", "at"], rows, or_ignore=True)


def changes(store: Store, cut: Cut) -> Iterator[tuple[int, str, str, str | None]]:
    """The first change after the moment of each fact: contact, kind, folded name, what it was before."""
    known, seen = frozenset(cut.people), set()
    for chunk in store.stream("""SELECT x.contact_id, x.kind, x.name, x.old FROM contact_change x WHERE x.at > :at
            ORDER BY x.at, x.id""", at=cut.at):
        for who, kind, name, old in chunk:
            key = (who, kind, fold(name))
            if who in known and key not in seen:
                seen.add(key)
                yield who, kind, key[2], old


def _passage_then(made: Copied, cut: Cut, row: tuple[Any, ...], at: dict[str, int],
                  changed: Callable[..., tuple[Any, ...]]) -> tuple[Any, ...]:
    """Whoever had left had left. Those inside the tried journey count as having left now: where they stood is not known."""
    ended = row[at["ended_at"]]
    if ended is not None and ended <= (cut.at or 0):
        return row
    made.under_way += row[at["journey_id"]] == cut.journey
    return changed(row, status="finished", reason=None, ended_at=cut.at, ended_event=row[at["since_event"]])


def _marks(store: Store, target: Store, cut: Cut) -> None:
    """How far everybody has listened: as far as in the workspace, or up to the newest event that was copied. New rows get
    numbers that none of the workspace has."""
    last = int(target.one("SELECT COALESCE(MAX(e.id), 0) FROM event e"))
    known = {name: (event_id, at) for name, event_id, at in store.rows("SELECT w.name, w.event_id, w.at FROM watermark w")
             if not name.startswith("inbox") and name != OPEN_PASS}
    if cut.at is not None:
        known = {name: (0 if name in FROM_THE_START else last, cut.at) for name in (*known, *LISTENERS)}
    for name, (event_id, at) in known.items():
        set_watermark(target, name, event_id, at)
    for name in NUMBERED:
        target.run("DELETE FROM sqlite_sequence WHERE name = :name", name=name)
        newest = store.one(f"SELECT COALESCE(MAX(x.id), 0) FROM {name} x")
        target.run("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :newest)", name=name, newest=newest)


def scaled(text: str, people: int, total: int) -> str:
    """The document of a journey with its quotas cut to the share of the sample, at least 1; as it is for everybody."""
    document = documents.load(text)
    cut = {str(node["id"]): {name: max(1, round(node[name] * people / total)) for name in node_types()[node["type"]].quotas
                             if isinstance(node.get(name), int)}
           for node in document.get("nodes") or [] if isinstance(node, dict) and node.get("type") in node_types()}
    if people >= total or not any(cut.values()):
        return text
    return documents.dump({**document, "nodes": [{**node, **cut.get(str(node["id"]), {})} for node in document["nodes"]]})


def arrive(target: Store, rows: Iterable[Row]) -> None:
    """Contacts come in. Needs a transaction."""
    listed = list(rows)
    if listed:
        target.insert_rows("contact", list(listed[0]), [tuple(row.values()) for row in listed], or_ignore=True)
        target.insert_rows("dirty_contact", ["contact_id"], [(row["id"],) for row in listed])
