"""Facts as they stood at `:now`, read back from the logs: what was there before the first change after that moment.

Mergers and erasures are not undone, and a first value that came with the contact was always there.
"""

from __future__ import annotations

from ...people.fields import Field
from ...sql import Sql, sql

_TYPES = {"number": "DOUBLE PRECISION", "date": "BIGINT", "datetime": "BIGINT", "bool": "BIGINT"}
_LATER = """FROM contact_change x WHERE x.contact_id = c.id AND x.kind = :kind AND fold(x.name) = :name AND x.at > :now"""
_NEXT = f"{_LATER} ORDER BY x.at, x.id LIMIT 1"


def value(column: str, field: str, kind: str) -> Sql:
    """The column of the contact as it was."""
    logged = {"stage": "stage", "owner": "owner"}.get(column, "field")
    old = f"(SELECT CAST(x.old AS {_TYPES[kind]}) {_NEXT})" if kind in _TYPES else f"(SELECT x.old {_NEXT})"
    return sql(f"(CASE WHEN EXISTS (SELECT 1 {_LATER}) THEN {old} ELSE c.{column} END)", kind=logged, name=field)


def label(what: str, name: str, now: Sql) -> Sql:
    """Whether the contact carried a tag or stood on a list; `now`: whether it does today."""
    return sql(f"(CASE WHEN EXISTS (SELECT 1 {_LATER}) THEN (SELECT x.old IS NOT NULL {_NEXT}) ELSE {{today}} END)",
               kind=what, name=name, today=now)


def membership(segment_id: int) -> Sql:
    """Whether the contact was in the segment."""
    return sql("""COALESCE((SELECT x.change FROM segment_change x WHERE x.contact_id = c.id AND x.segment_id = :segment
        AND x.at <= :now ORDER BY x.at DESC, x.id DESC LIMIT 1), '') = 'entered'""", segment=segment_id)


def account() -> Sql:
    """The id of the account that the contact belonged to."""
    later = _LATER.replace(":kind", "'account'").replace(" AND fold(x.name) = :name", "")
    return sql(f"""(CASE WHEN EXISTS (SELECT 1 {later}) THEN (SELECT f.id FROM account f WHERE f.key =
        (SELECT fold(x.old) {later} ORDER BY x.at, x.id LIMIT 1)) ELSE c.account_id END)""")


def account_value(field: Field) -> Sql:
    """A fact of the account `a` as it was."""
    if field.key in ("name", "created_at"):
        return sql(f"a.{field.column}")
    later = "FROM account_change x WHERE x.account_id = a.id AND x.name = :name AND x.at > :now"
    return sql(f"""(CASE WHEN EXISTS (SELECT 1 {later}) THEN (SELECT CAST(x.old AS {_TYPES.get(field.kind, "TEXT")})
        {later} ORDER BY x.at, x.id LIMIT 1) ELSE a.{field.column} END)""", name=field.key)


def score(group: str | None) -> Sql:
    """The score of a group, or of both together."""
    of = sql("AND x.grp = :grp", grp=group) if group else sql("")
    return sql("(SELECT COALESCE(SUM(x.points), 0) FROM score_entry x WHERE x.contact_id = c.id {of} AND x.at <= :now)", of=of)
