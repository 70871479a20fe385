"""Deals: what sales is working on with contacts, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..sql import Sql, sql
from ..store import CHUNK, Store
from . import dirty
from .lookups import rows_in

COLUMNS = ("name", "stage", "amount_minor", "currency", "created_at", "closed_at", "won", "lost_reason", "source_campaign",
           "owner")
_KEPT = ("deal_id", *COLUMNS)
_OF_VISIT = "'journey-' || CAST(:node AS TEXT) || '-' || CAST(b.id AS TEXT) || '-' || CAST(b.seq AS TEXT)"


@dataclass(frozen=True)
class Deal:
    """A deal as it was saved. `became`: created, won or lost, where this save made it so. contact_ids: all it has now."""

    deal_id: str
    created: bool
    changed: bool
    became: tuple[str, ...]
    contact_ids: tuple[int, ...]
    values: dict[str, Any]


@dataclass(frozen=True)
class Counts:
    """What became of the rows, and the deals themselves, one per row."""

    created: int
    updated: int
    unchanged: int
    deals: list[Deal]


def upsert_many(store: Store, rows: Iterable[Mapping[str, Any]], *, now: int) -> Counts:
    """Create or change deals by `deal_id`; a value that is None or absent stays. Needs a transaction.

    Keys: deal_id, those of COLUMNS (amounts in minor units, times in UTC seconds, won 0 or 1), contact_ids (they add up).
    """
    listed = list(rows)
    store.serialize("deal")
    done = [deal for at in range(0, len(listed), CHUNK) for deal in _chunk(store, listed[at:at + CHUNK], now)]
    created = sum(deal.created for deal in done)
    updated = sum(deal.changed and not deal.created for deal in done)
    return Counts(created, updated, len(done) - created - updated, done)


def effects(name: Sql, stage: Sql | None, amount_minor: int | None, currency: str | None) -> list[Sql]:
    """For a journey: a deal for each row of `batch` that leaves its node, once per visit, owned by who owns the contact.

    name, stage: texts over the row b.
    """
    return [
        sql(f"""INSERT INTO deal (deal_id, name, stage, amount_minor, currency, created_at, owner, updated_at)
            SELECT {_OF_VISIT}, {{name}}, {{stage}}, CAST(:amount AS BIGINT), CAST(:currency AS TEXT),
                :now, c.owner, :now FROM batch b CROSS JOIN contact c WHERE c.id = +b.contact_id AND b.port IS NOT NULL
            ORDER BY b.id ON CONFLICT (deal_id) DO NOTHING""", name=name, stage=stage or sql("CAST(NULL AS TEXT)"),
            amount=amount_minor, currency=currency),
        sql(f"""INSERT INTO deal_contact (deal_id, contact_id) SELECT d.id, b.contact_id FROM batch b
            CROSS JOIN deal d WHERE d.deal_id = {_OF_VISIT} AND b.port IS NOT NULL ON CONFLICT DO NOTHING"""),
        dirty.marks(sql("SELECT DISTINCT b.contact_id FROM batch b WHERE b.port IS NOT NULL")),
    ]


def of_visit() -> Sql:
    """The deals d that `effects` made for rows b of `batch`: a FROM item."""
    return sql(f"batch b CROSS JOIN deal d WHERE d.deal_id = {_OF_VISIT} AND b.port IS NOT NULL")


def _chunk(store: Store, rows: Sequence[Mapping[str, Any]], now: int) -> list[Deal]:
    held = _held(store, list(dict.fromkeys(str(row["deal_id"]) for row in rows)))
    done, wanted = [], {}
    for row in rows:
        deal = _decide(row, held.get(str(row["deal_id"])), now)
        held[deal.deal_id] = wanted[deal.deal_id] = deal.values
        done.append(deal)
    changed = {deal.deal_id for deal in done if deal.changed}
    store.upsert_many("deal", [{"deal_id": key, **values, "updated_at": now} for key, values in wanted.items()
                               if key in changed], key=("deal_id",))
    linked, people = _link(store, done)
    dirty.mark(store, sorted({who for key in changed | linked for who in people.get(key, ())}))
    return [replace(deal, changed=deal.changed or deal.deal_id in linked, contact_ids=tuple(people.get(deal.deal_id, ())))
            for deal in done]


def _decide(row: Mapping[str, Any], old: Mapping[str, Any] | None, now: int) -> Deal:
    given = {name: row[name] for name in COLUMNS if row.get(name) is not None}
    values = {**dict.fromkeys(COLUMNS), "created_at": now, **(old or {}), **given}
    became = [] if old else ["created"]
    if values["won"] is not None and values["won"] != (old or {}).get("won"):
        became.append("won" if values["won"] else "lost")
        values["closed_at"] = values["closed_at"] if values["closed_at"] is not None else now
    return Deal(str(row["deal_id"]), old is None, values != old, tuple(became), tuple(row.get("contact_ids") or ()), values)


def _held(store: Store, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    statement = f"SELECT {', '.join('d.' + name for name in _KEPT)} FROM deal d WHERE d.deal_id IN ({{values}})"
    return {row[0]: dict(zip(COLUMNS, row[1:], strict=True)) for row in rows_in(store, statement, keys)}


def _link(store: Store, deals: Sequence[Deal]) -> tuple[set[str], dict[str, list[int]]]:
    """Tie contacts to deals; the deals that got a new one, and the contacts of each."""
    pairs = {(deal.deal_id, contact_id) for deal in deals for contact_id in deal.contact_ids}
    before = {(row[0], row[1]) for row in rows_in(
        store, "SELECT d.deal_id, m.contact_id FROM deal_contact m JOIN deal d ON d.id = m.deal_id "
               "WHERE d.deal_id IN ({values})", [deal.deal_id for deal in deals])}
    fresh = sorted(pairs - before)
    store.run_many("INSERT INTO deal_contact (deal_id, contact_id) SELECT d.id, CAST(:who AS BIGINT) FROM deal d "
                   "WHERE d.deal_id = :key ON CONFLICT DO NOTHING", [{"key": key, "who": who} for key, who in fresh])
    people: dict[str, list[int]] = {}
    for key, who in sorted(before | pairs):
        people.setdefault(key, []).append(who)
    return {key for key, _ in fresh}, people
