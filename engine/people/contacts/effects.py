"""What journey nodes do to contacts, as statements over the rows of `batch` that leave their node (b.port is set).

The batch drives every statement: contacts are found by id. Several rows may be of one contact, so all is aggregated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...errors import BadInput
from ...sql import Sql, fold, join, sql
from .. import dirty
from ..fields import BUILT_IN, Field, as_text, number_text, said
from .labels import check_label

SCORES = {"fit": "fit_score", "engagement": "engagement_score"}
NOT_BY_JOURNEY = frozenset({"email", "external_id", "created_at", "stage"})  # identity is nobody's to set; stage has rules
_PLAIN = frozenset({"first_name", "last_name", "locale", "owner", "preferred_channel"})  # built-in fields that SQL can check
_LEAVING = sql("SELECT DISTINCT b.contact_id FROM batch b WHERE b.port IS NOT NULL")
_SOURCE = sql("'journey node ' || CAST(:node AS TEXT)")


def field_effects(field: Field, value: Any) -> list[Sql]:
    """Set a field to a stored value (None empties it); unchanged contacts are left alone. Raises BadInput."""
    if field.column in NOT_BY_JOURNEY:
        raise BadInput(f"a journey can not set {field.name!r}")
    return _set(field, value, "owner" if field.column == "owner" else "field")


def copy_effects(source: Field, target: Field) -> list[Sql]:
    """Set a field to what another of the same kind holds, empty or not. Raises BadInput."""
    if target.column in NOT_BY_JOURNEY or source.kind != target.kind:
        raise BadInput(f"a journey can not copy {source.name!r} to {target.name!r}")
    change = _Change(lambda alias: sql(f"{alias}.{source.column}"), as_text(source, "c"))
    return _write(target, change, "owner" if target.column == "owner" else "field")


def reads_trigger(field: Field) -> bool:
    """Whether a field can take a property of an event: its own checks (a time zone, a phone) are not those of SQL."""
    return field.kind in ("text", "number", "bool", "enum") and (field.column.startswith("cf_") or field.column in _PLAIN)


def trigger_effects(field: Field, prop: str) -> list[Sql]:
    """Set a field to a property of what brought each row into its journey (of several rows of a contact, the newest passage).
    Where that is missing or no value of the field, nothing changes. Raises BadInput: a field that can not take one."""
    if not reads_trigger(field):
        raise BadInput(f"a journey can not set {field.name!r} from what brought somebody there")
    rows = sql("""SELECT v.contact_id, v.value FROM (SELECT n.contact_id,
            (SELECT {value} FROM enrollment r WHERE r.id = n.newest) AS value FROM (SELECT b.contact_id,
                MAX(b.enrollment_id) AS newest FROM batch b WHERE b.port IS NOT NULL GROUP BY b.contact_id) n) v
        WHERE v.value IS NOT NULL""", value=_brought(field, prop))
    text = number_text(sql("w.value")) if field.kind == "number" else sql("CAST(w.value AS TEXT)")
    return _write(field, _Change(lambda _: sql("w.value"), text), "owner" if field.column == "owner" else "field", rows=rows)


def _brought(field: Field, prop: str) -> Sql:
    """The property, as the field keeps it; NULL when it is none for it."""
    if field.kind == "number":
        return sql("JSON_NUMBER(r.props, :prop)", prop=prop)
    if field.kind == "bool":
        return sql("CAST(JSON_BOOL(r.props, :prop) AS BIGINT)", prop=prop)
    word = sql("""CASE WHEN JSON_KIND(r.props, :prop) IN ('string', 'number')
        THEN NULLIF(TRIM(CAST(r.props ->> CAST(:prop AS TEXT) AS TEXT)), '') END""", prop=prop)
    if field.kind != "enum":
        return word
    options = join(", ", [sql(":option", option=option) for option in field.options])
    return sql("CASE WHEN {word} IN ({options}) THEN {word} END", word=word, options=options)


def increment_effects(field: Field, by: float) -> list[Sql]:
    """Add to a number for each row, an empty one counting as 0. The ledger row comes last: it is what keeps a repeated
    visit from counting twice. Raises BadInput: no number."""
    if field.kind != "number":
        raise BadInput(f"{field.name!r} is no number")
    counted = sql("""SELECT b.contact_id, COUNT(*) * CAST(:by AS DOUBLE PRECISION) AS more FROM batch b WHERE b.port IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM field_step s WHERE s.node_id = :node AND s.token_id = b.id AND s.visit = b.seq)
        GROUP BY b.contact_id""", by=by)
    column = field.column
    new = sql(f"COALESCE(c.{column}, 0) + w.more")
    return [
        sql("""INSERT INTO contact_change (contact_id, kind, name, old, new, at, source)
            SELECT c.id, 'field', :name, {old}, {new}, :now, {source} FROM ({counted}) w CROSS JOIN contact c
            WHERE c.id = +w.contact_id""", name=field.key, old=as_text(field, "c"), new=number_text(new), source=_SOURCE,
            counted=counted),
        dirty.marks(sql("SELECT w.contact_id FROM ({counted}) w", counted=counted)),
        sql(f"""UPDATE contact SET {column} = COALESCE(contact.{column}, 0) + w.more, updated_at = :now FROM ({{counted}}) w
            WHERE contact.id = +w.contact_id""", counted=counted),
        sql("""INSERT INTO field_step (node_id, token_id, visit) SELECT :node, b.id, b.seq FROM batch b
            WHERE b.port IS NOT NULL ON CONFLICT DO NOTHING"""),
    ]


def stage_effects(stage: str) -> list[Sql]:
    """Set the lifecycle stage. For `audience.lifecycle`, which knows the stages and keeps their history."""
    return _set(BUILT_IN["stage"], stage, "stage")


@dataclass(frozen=True)
class _Change:
    """A value as SQL over a contact alias, and the same as text over c."""

    value: Callable[[str], Sql]
    text: Sql


def _set(field: Field, value: Any, kind: str) -> list[Sql]:
    bound = sql("NULL") if value is None else sql(":value", value=value)
    return _write(field, _Change(lambda _: bound, sql("CAST(:new AS TEXT)", new=said(value))), kind, value is None)


def _write(field: Field, change: _Change, kind: str, empties: bool = False, rows: Sql = _LEAVING) -> list[Sql]:
    """rows: a SELECT of contact_id, and of what `change` speaks of under the alias w."""
    def differs(alias: str) -> Sql:
        column = f"{alias}.{field.column}"
        if empties:
            return sql(f"{column} IS NOT NULL")
        return sql(f"{column} IS DISTINCT FROM {{value}}", value=change.value(alias))

    parts = {"leaving": rows, "differs": differs("c")}
    log = sql("""INSERT INTO contact_change (contact_id, kind, name, old, new, at, source)
        SELECT c.id, :kind, :name, {old}, {new}, :now, {source}
        FROM ({leaving}) w CROSS JOIN contact c WHERE c.id = +w.contact_id AND {differs}""",
              kind=kind, name=field.key, old=as_text(field, "c"), new=change.text, source=_SOURCE, **parts)
    marks = dirty.marks(sql("SELECT c.id AS contact_id FROM ({leaving}) w CROSS JOIN contact c "
                            "WHERE c.id = +w.contact_id AND {differs}", **parts))
    write = sql(f"""UPDATE contact SET {field.column} = {{value}}, updated_at = :now FROM ({{leaving}}) w
        WHERE contact.id = +w.contact_id AND {{differs}}""", value=change.value("contact"), leaving=rows,
                differs=differs("contact"))
    return [log, marks, write]


def tag_effects(add: tuple[str, ...] = (), remove: tuple[str, ...] = ()) -> list[Sql]:
    """Give tags, then take tags; only what changes is logged. Raises BadInput: a name that can not be a tag."""
    made = [sql("INSERT INTO tag (key, name) SELECT :key, :name WHERE NOT EXISTS (SELECT 1 FROM tag t WHERE t.key = :key) "
                "ON CONFLICT (key) DO NOTHING", key=fold(name), name=name)
            for name in (check_label(name, "tag") for name in add)]
    return [*made, *_label("tag", add, remove)]


def list_effects(add: tuple[str, ...] = (), remove: tuple[str, ...] = ()) -> list[Sql]:
    """Put on lists that there are, then take off; only what changes is logged."""
    return _label("list", add, remove)


def score_effects(points: int, group: str) -> list[Sql]:
    """Move a score by points for each row. To run before the ledger rows of the same visit are written, which keep a
    repeated visit from counting twice. Raises BadInput: no such group."""
    if group not in SCORES:
        raise BadInput(f"no score group {group!r}: choose one of {', '.join(SCORES)}")
    column = SCORES[group]
    counted = sql("""SELECT b.contact_id, COUNT(*) * :points AS points FROM batch b WHERE b.port IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM score_entry s WHERE s.node_id = :node AND s.token_id = b.id AND s.visit = b.seq)
        GROUP BY b.contact_id""", points=points)
    return [
        dirty.marks(sql("SELECT w.contact_id FROM ({counted}) w", counted=counted)),
        sql(f"""UPDATE contact SET {column} = contact.{column} + w.points, updated_at = :now FROM ({{counted}}) w
            WHERE contact.id = +w.contact_id""", counted=counted),
    ]


def _label(what: str, add: tuple[str, ...], remove: tuple[str, ...]) -> list[Sql]:
    return [*(_add(what, add) if add else []), *(_remove(what, remove) if remove else [])]


def _add(what: str, names: tuple[str, ...]) -> list[Sql]:
    missing = _pairs(what, names, sql("NOT EXISTS"))
    return [_log(what, missing, "new"), _marks(missing),
            sql(f"INSERT INTO contact_{what} (contact_id, {what}_id, at) SELECT p.contact_id, p.label_id, :now "
                "FROM ({pairs}) p WHERE true ON CONFLICT DO NOTHING", pairs=missing)]


def _remove(what: str, names: tuple[str, ...]) -> list[Sql]:
    held = _pairs(what, names, sql("EXISTS"))
    return [_log(what, held, "old"), _marks(held),
            sql(f"""DELETE FROM contact_{what} WHERE contact_id IN ({{leaving}})
                AND {what}_id IN (SELECT t.id FROM {what} t WHERE t.key IN ({{keys}}))""", leaving=_LEAVING,
                keys=_keys(what, names))]


def _pairs(what: str, names: tuple[str, ...], test: Sql) -> Sql:
    return sql(f"""SELECT w.contact_id, t.id AS label_id, t.name FROM ({{leaving}}) w CROSS JOIN {what} t
        WHERE t.key IN ({{keys}}) AND {{test}} (SELECT 1 FROM contact_{what} m WHERE m.contact_id = w.contact_id
        AND m.{what}_id = t.id)""", leaving=_LEAVING, keys=_keys(what, names), test=test)


def _keys(what: str, names: tuple[str, ...]) -> Sql:
    return join(", ", [sql(":key", key=fold(check_label(name, what))) for name in names])


def _log(what: str, pairs: Sql, side: str) -> Sql:
    old, new = ("p.name", "NULL") if side == "old" else ("NULL", "p.name")
    return sql(f"""INSERT INTO contact_change (contact_id, kind, name, old, new, at, source)
        SELECT p.contact_id, '{what}', p.name, {old}, {new}, :now, {{source}} FROM ({{pairs}}) p""",
               source=_SOURCE, pairs=pairs)


def _marks(pairs: Sql) -> Sql:
    return dirty.marks(sql("SELECT DISTINCT p.contact_id FROM ({pairs}) p", pairs=pairs))
