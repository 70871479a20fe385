"""What journey nodes do to contacts, as statements over the rows of `batch` that leave their node (b.port is set).

The batch drives every statement: contacts are found by id. Several rows may be of one contact, so all is aggregated.
"""

from __future__ import annotations

from typing import Any

from ...errors import BadInput
from ...sql import Sql, fold, join, sql
from .. import dirty
from ..fields import BUILT_IN, Field, as_text, said
from .labels import check_label

SCORES = {"fit": "fit_score", "engagement": "engagement_score"}
NOT_BY_JOURNEY = frozenset({"email", "external_id", "created_at", "stage"})  # identity is nobody's to set; stage has rules
_LEAVING = sql("SELECT DISTINCT b.contact_id FROM batch b WHERE b.port IS NOT NULL")
_SOURCE = sql("'journey node ' || CAST(:node AS TEXT)")


def field_effects(field: Field, value: Any) -> list[Sql]:
    """Set a field to a stored value (None empties it); unchanged contacts are left alone. Raises BadInput."""
    if field.column in NOT_BY_JOURNEY:
        raise BadInput(f"a journey can not set {field.name!r}")
    return _set(field, value, "owner" if field.column == "owner" else "field")


def stage_effects(stage: str) -> list[Sql]:
    """Set the lifecycle stage. For `audience.lifecycle`, which knows the stages and keeps their history."""
    return _set(BUILT_IN["stage"], stage, "stage")


def _set(field: Field, value: Any, kind: str) -> list[Sql]:
    parts = {"leaving": _LEAVING, "differs": _differs(f"c.{field.column}", value)}
    log = sql("""INSERT INTO contact_change (contact_id, kind, name, old, new, at, source)
        SELECT c.id, :kind, :name, {old}, CAST(:new AS TEXT), :now, {source}
        FROM ({leaving}) w CROSS JOIN contact c WHERE c.id = +w.contact_id AND {differs}""",
              kind=kind, name=field.key, old=as_text(field, "c"), new=said(value), source=_SOURCE, **parts)
    marks = dirty.marks(sql("SELECT c.id AS contact_id FROM ({leaving}) w CROSS JOIN contact c "
                            "WHERE c.id = +w.contact_id AND {differs}", **parts))
    change = sql(f"""UPDATE contact SET {field.column} = {{value}}, updated_at = :now FROM ({{leaving}}) w
        WHERE contact.id = +w.contact_id AND {{differs}}""", value=_bound(value), leaving=_LEAVING,
                 differs=_differs(f"contact.{field.column}", value))
    return [log, marks, change]


def tag_effects(add: tuple[str, ...] = (), remove: tuple[str, ...] = ()) -> list[Sql]:
    """Give tags, then take tags; only what changes is logged. Raises BadInput: a name that can not be a tag."""
    return [*(_add(add) if add else []), *(_remove(remove) if remove else [])]


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


def _differs(column: str, value: Any) -> Sql:
    return sql(f"{column} IS NOT NULL") if value is None else \
        sql(f"({column} IS NULL OR {column} <> :value)", value=value)


def _bound(value: Any) -> Sql:
    return sql("NULL") if value is None else sql(":value", value=value)


def _add(names: tuple[str, ...]) -> list[Sql]:
    made = [sql("INSERT INTO tag (key, name) SELECT :key, :name WHERE NOT EXISTS (SELECT 1 FROM tag t WHERE t.key = :key) "
                "ON CONFLICT (key) DO NOTHING", key=fold(name), name=name)
            for name in (check_label(name, "tag") for name in names)]
    missing = _pairs(names, sql("NOT EXISTS"))
    return [*made, _log(missing, "new"), _marks(missing),
            sql("INSERT INTO contact_tag (contact_id, tag_id, at) SELECT p.contact_id, p.tag_id, :now FROM ({pairs}) p "
                "WHERE true ON CONFLICT DO NOTHING", pairs=missing)]


def _remove(names: tuple[str, ...]) -> list[Sql]:
    held = _pairs(names, sql("EXISTS"))
    return [_log(held, "old"), _marks(held),
            sql("""DELETE FROM contact_tag WHERE contact_id IN ({leaving})
                AND tag_id IN (SELECT t.id FROM tag t WHERE t.key IN ({keys}))""", leaving=_LEAVING, keys=_keys(names))]


def _pairs(names: tuple[str, ...], test: Sql) -> Sql:
    return sql("""SELECT w.contact_id, t.id AS tag_id, t.name FROM ({leaving}) w CROSS JOIN tag t WHERE t.key IN ({keys})
        AND {test} (SELECT 1 FROM contact_tag m WHERE m.contact_id = w.contact_id AND m.tag_id = t.id)""",
               leaving=_LEAVING, keys=_keys(names), test=test)


def _keys(names: tuple[str, ...]) -> Sql:
    return join(", ", [sql(":key", key=fold(check_label(name, "tag"))) for name in names])


def _log(pairs: Sql, side: str) -> Sql:
    old, new = ("p.name", "NULL") if side == "old" else ("NULL", "p.name")
    return sql(f"""INSERT INTO contact_change (contact_id, kind, name, old, new, at, source)
        SELECT p.contact_id, 'tag', p.name, {old}, {new}, :now, {{source}} FROM ({{pairs}}) p""", source=_SOURCE, pairs=pairs)


def _marks(pairs: Sql) -> Sql:
    return dirty.marks(sql("SELECT DISTINCT p.contact_id FROM ({pairs}) p", pairs=pairs))
