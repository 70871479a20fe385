"""The `event` table: what happened to whom, in the order in which the engine came to know it.

Rising `id` is that order on both engines: on PostgreSQL whoever writes events passes `store.serialize("event")` first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ..lazy import pd
from ..sql import Sql, fold, sql
from ..store import CHUNK, Store

OBJECT_LENGTH = 500
# Signals of the engine to itself; the timeline shows what they stand for, or nothing.
INTERNAL = frozenset({"segment_entered", "segment_left", "contact_changed", "stage_changed", "sales_asked",
                      "journey_enroll", "journey_finished", "journey_exited", "date_reached", "schedule_reached",
                      "visitor_named"})
# Told by rooms of ours of what they decided: for people too, and nobody else may say so.
DECIDED = frozenset({"score_rose", "score_fell", "lead_assigned", "lead_accepted", "lead_rejected", "lead_overdue",
                     "errand_done", "errand_failed", "approval_given", "approval_declined"})
# A visitor has a name from here on. Its properties hold `events`: the ids of what they did lately as a visitor.
NAMED_NOW = "visitor_named"
_COLUMNS = ("contact_id", "name", "object", "occurred_at", "received_at", "value_minor", "currency", "props", "dedupe_key",
            "source", "historic", "verdict", "message_id")


def insert_events(store: Store, rows: Iterable[dict[str, Any]]) -> int:
    """Write events in order, passing over known dedupe keys; how many were new. Needs a transaction.

    Keys of a row: contact_id, name, occurred_at, received_at, props (JSON text), dedupe_key, source; optional: object
    (folded here), value_minor, currency, historic, verdict, message_id.
    """
    listed = [_values(row) for row in rows]
    store.serialize("event")
    return sum(store.insert_rows("event", _COLUMNS, listed[at:at + CHUNK], or_ignore=True)
               for at in range(0, len(listed), CHUNK))


def load_events(store: Store, rows: Iterable[dict[str, Any]]) -> int:
    """Write events of the past with the ids they are given, which must rise. Needs a transaction.

    Every column and `id`; nobody else may be writing events, since ids are the order in which they became known.
    """
    listed = list(rows)
    return sum(store.insert_many("event", listed[at:at + CHUNK]) for at in range(0, len(listed), CHUNK))


def set_verdicts(store: Store, said: Mapping[int, str | None]) -> None:
    """Who did them after all, by event id. Needs a transaction; `verdicts.judge` keeps what was said before."""
    store.run_many("UPDATE event SET verdict = :verdict WHERE id = :id",
                   [{"id": one, "verdict": verdict} for one, verdict in said.items()])


def emit_from(select: Sql, *, source: str = "engine", valued: bool = False) -> Sql:
    """Events of our own, straight from a SELECT of the running transaction; `:now` is when they happened.

    select: contact_id, name, object (folded text or NULL), props (JSON or its text), dedupe_key. Ordered, it gives ids in
    that order. valued: also value_minor and currency. On PostgreSQL call `store.serialize("event")` first.
    """
    more, own = (", value_minor, currency", ", s.value_minor, s.currency") if valued else ("", "")
    return sql(
        f"""INSERT INTO event (contact_id, name, object, occurred_at, received_at, props, dedupe_key, source{more})
        SELECT s.contact_id, s.name, s.object, :now, :now, AS_JSON(s.props), s.dedupe_key, :source{own}
        FROM ({{select}}) s WHERE true ON CONFLICT (dedupe_key) DO NOTHING""", select=select, source=source)


def last_id(store: Store) -> int:
    """The newest event id, 0 when nothing has happened."""
    return int(store.one("SELECT COALESCE(MAX(e.id), 0) FROM event e"))


def names_between(store: Store, low: int, high: int) -> set[str]:
    """Names of the events with an id in (low, high], our own signals among them."""
    return {row[0] for row in store.rows("SELECT DISTINCT e.name FROM event e WHERE e.id > :low AND e.id <= :high",
                                         low=low, high=high)}


def as_object(text: Any) -> str | None:
    """The main property of an event as it is stored and compared; None for nothing."""
    folded = fold(str(text)).strip()[:OBJECT_LENGTH] if text is not None else ""
    return folded or None


def _values(row: dict[str, Any]) -> tuple[Any, ...]:
    """In the order of the columns."""
    get = row.get
    return (row["contact_id"], row["name"], as_object(get("object")), row["occurred_at"], row["received_at"],
            get("value_minor"), get("currency"), row["props"], row["dedupe_key"], row["source"], get("historic", 0),
            get("verdict"), get("message_id"))


# ------------------------------------------------------------ for people

MOST_NAMES = 500


def recent(store: Store, *, name: str | None = None, names: Collection[str] = (), before: int | None = None,
           limit: int = 100) -> pd.DataFrame:
    """The newest events that the engine has seen, internal signals left out.

    Columns: id, contact_id, who, name, object, occurred_at, value_minor, currency, source, verdict. names: only these, if any,
    unless `name` says which. before: an event id.
    """
    listed = ", ".join(f"'{one}'" for one in sorted(names or INTERNAL))
    tests = ["e.name = :name"] if name else [f"(e.name || '') {'' if names else 'NOT '}IN ({listed})"]
    tests += ["e.id < :before"] if before is not None else []
    return store.frame(f"""SELECT e.id, e.contact_id, COALESCE(c.email, c.external_id, 'a visitor') AS who, e.name, e.object,
            e.occurred_at, e.value_minor, e.currency, e.source, e.verdict
        FROM event e LEFT JOIN contact c ON c.id = e.contact_id WHERE {' AND '.join(tests)} ORDER BY e.id DESC LIMIT :limit""",
                       name=name, before=before, limit=limit)


def names(store: Store) -> list[str]:
    """Every event name there is, by one look at the index for each; our own signals left out."""
    found = store.rows("""WITH RECURSIVE n(name) AS (SELECT MIN(e.name) FROM event e UNION ALL
        SELECT (SELECT MIN(f.name) FROM event f WHERE f.name > n.name) FROM n WHERE n.name IS NOT NULL)
        SELECT n.name FROM n WHERE n.name IS NOT NULL LIMIT :most""", most=MOST_NAMES)
    return [row[0] for row in found if row[0] not in INTERNAL]


def objects(store: Store, name: str, *, limit: int = 200) -> list[str]:
    """The objects (paths, links, products) of an event, in alphabetical order."""
    found = store.rows("""WITH RECURSIVE n(object) AS (SELECT MIN(e.object) FROM event e WHERE e.name = :name UNION ALL
        SELECT (SELECT MIN(f.object) FROM event f WHERE f.name = :name AND f.object > n.object) FROM n
        WHERE n.object IS NOT NULL) SELECT n.object FROM n WHERE n.object IS NOT NULL LIMIT :most""", name=name, most=limit)
    return [row[0] for row in found]


def count_before(store: Store, before: int) -> int:
    """How many events happened before a moment."""
    return sum(int(store.one("SELECT COUNT(*) FROM event e WHERE e.name = :name AND e.occurred_at < :before", name=name,
                             before=before)) for name in names(store))


def delete_before(store: Store, before: int, *, limit: int) -> list[int]:
    """Delete events that happened before a moment, at most `limit`; whose they were, once for each. Needs a transaction."""
    for name in names(store):
        found = store.rows("SELECT e.id, e.contact_id FROM event e WHERE e.name = :name AND e.occurred_at < :before "
                           "ORDER BY e.occurred_at, e.id LIMIT :limit", name=name, before=before, limit=limit)
        if found:
            store.run_many("DELETE FROM event WHERE id = :id", [{"id": row[0]} for row in found])
            return [row[1] for row in found]
    return []
