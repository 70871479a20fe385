"""Scores as the contact carries them, for rules, lists and pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...store import Store
from .. import dirty
from ..lookups import rows_in
from .effects import SCORES


def set_scores(store: Store, rows: Iterable[tuple[int, Mapping[str, int]]], *, now: int) -> int:
    """Write (contact, score by group); how many differ. The watch looks at those again. Needs a transaction."""
    wanted = dict(rows)
    columns = list(SCORES.values())
    listed = ", ".join("c." + name for name in columns)
    held = rows_in(store, f"SELECT c.id, {listed} FROM contact c WHERE c.id IN ({{values}})", wanted)
    differ = [who for who, *scores in held if scores != [wanted[who][group] for group in SCORES]]
    sets = ", ".join(f"{name} = :{name}" for name in columns)
    store.run_many(f"UPDATE contact SET {sets}, updated_at = :now WHERE id = :id",
                   [{"id": who, "now": now, **{SCORES[group]: score for group, score in wanted[who].items()}}
                    for who in differ])
    dirty.mark(store, differ)
    return len(differ)
