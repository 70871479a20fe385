"""What the people of an account add up to, kept on the account so that rules and lists can ask for it.

people            contacts who belong to it, visitors known by a cookie only left out
score             the engagement scores of all of them added, and the highest fit score among them: three who read a little
                  are worth as much as one who reads three times as much, while fit is a fact of the company and counts once
open_deals        deals of at least one of them that are neither won nor lost
won_deals         deals of at least one of them that were won
roles             the buying roles that somebody there has
last_active_at    the day (its UTC midnight) on which somebody who belonged to it last did something; messages that we sent and
                  notes of our own are no deeds of theirs. It only rises: whoever leaves takes nothing away.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from ...clock import DAY
from ...store import CHUNK, Store
from .. import dirty
from ..fields import Field, said
from ..lookups import rows_in

ROLLED: dict[str, Field] = {name: Field(name, name, kind, column) for name, kind, column in (
    ("people", "number", "people"), ("score", "number", "score"), ("open_deals", "number", "open_deals"),
    ("won_deals", "number", "won_deals"), ("roles", "list", "roles"), ("last_activity", "date", "last_active_at"))}
_COLUMNS = tuple(field.column for field in ROLLED.values())
# What the engine notes of people, by source and by name: no deed of theirs.
_OURS = "'watch', 'engine', 'journey', 'delivery', 'admission', 'scoring', 'sales'"
_DEED = f"e.verdict IS DISTINCT FROM 'machine' AND e.source NOT IN ({_OURS}) AND e.name <> 'journey_enroll'"
_LATEST = "MAX(LEAST(e.occurred_at, e.received_at))"
Days = dict[int, int]  # the newest day of activity by account


def touch(store: Store, account_ids: Iterable[int]) -> None:
    """Have these accounts rolled up again: somebody left. Whoever comes is known by the mark of the contact. Needs a
    transaction."""
    store.insert_rows("dirty_account", ["account_id"], [(number,) for number in account_ids])


def roll_up(store: Store, *, marks: int, low: int, upto: int, now: int) -> set[int]:
    """Make the roll-ups true of accounts about whose people something is new: marked as changed (`dirty_contact`, ids up to
    `marks`), gone, or with an event in (low, upto]. The contacts of whom a rule that asks for it may have changed."""
    if not store.one("SELECT 1 FROM account a LIMIT 1"):
        return set()
    left = store.rows("SELECT d.id, d.account_id FROM dirty_account d")
    touched = {row[0] for row in store.rows(
        "SELECT DISTINCT c.account_id FROM dirty_contact d CROSS JOIN contact c WHERE d.id <= :marks AND c.id = +d.contact_id "
        "AND c.account_id IS NOT NULL", marks=marks)} | {row[1] for row in left}
    days = _newer(store, _days(store, marks, low, upto))
    changed = _write(store, touched, days, now)
    if left:
        with store.transaction():
            store.run_many("DELETE FROM dirty_account WHERE id = :id", [{"id": row[0]} for row in left])
    return _askers(store, changed)


def roll_up_everything(store: Store, *, now: int, log: bool = True) -> int:
    """Work out every account anew; how many differed. log: note what changed, as something that happened now."""
    numbers = {row[0] for row in store.rows("SELECT a.id FROM account a")}
    days = _by_day(store.rows(f"SELECT c.account_id, {_LATEST} FROM event e JOIN contact c ON c.id = e.contact_id "
                              f"WHERE c.account_id IS NOT NULL AND {_DEED} GROUP BY c.account_id"))
    return len({number for changed in _write(store, numbers, days, now, log).values() for number in changed})


def _days(store: Store, marks: int, low: int, upto: int) -> Days:
    """The newest activity among new events, and among all events of people who changed: they may have just come."""
    fresh = store.rows(f"SELECT c.account_id, {_LATEST} FROM event e CROSS JOIN contact c WHERE e.id > :low AND e.id <= :upto "
                       f"AND c.id = +e.contact_id AND c.account_id IS NOT NULL AND {_DEED} GROUP BY c.account_id",
                       low=low, upto=upto) if upto > low else []
    came = store.rows(
        f"SELECT d.account_id, {_LATEST} FROM (SELECT DISTINCT c.id, c.account_id FROM dirty_contact m CROSS JOIN contact c "
        "WHERE m.id <= :marks AND c.id = +m.contact_id AND c.account_id IS NOT NULL) d CROSS JOIN event e "
        f"WHERE e.contact_id = +d.id AND {_DEED} GROUP BY d.account_id", marks=marks)
    return _by_day([*fresh, *came])


def _newer(store: Store, days: Days) -> Days:
    """Those that say something new: most companies that are active today were so an hour ago."""
    held = rows_in(store, "SELECT a.id, COALESCE(a.last_active_at, -1) FROM account a WHERE a.id IN ({values})", days)
    return {number: days[number] for number, day in held if days[number] > day}


def _by_day(rows: Iterable[Sequence[Any]]) -> Days:
    found: Days = {}
    for account, at in rows:
        found[account] = max(at // DAY * DAY, found.get(account, 0))
    return found


def _write(store: Store, touched: set[int], days: Days, now: int, log: bool = True) -> dict[str, set[int]]:
    """Write what differs, and log it; the accounts by the roll-up that changed. Only of those touched are the people added up:
    a new day is written without asking any of them, and the first hour of a day brings thousands of them."""
    changed: dict[str, set[int]] = defaultdict(set)
    numbers = sorted(touched | set(days))
    for at in range(0, len(numbers), CHUNK):
        part = numbers[at:at + CHUNK]
        with store.transaction():
            store.serialize("account")
            fresh = _computed(store, [number for number in part if number in touched])
            for number, name in _write_part(store, part, fresh, days, now, log):
                changed[name].add(number)
    return changed


def _write_part(store: Store, numbers: Sequence[int], fresh: dict[int, list[Any]], days: Days, now: int,
                log: bool) -> list[tuple[int, str]]:
    moved: list[tuple[int, str, Any, Any]] = []
    rows: list[dict[str, Any]] = []
    for number, *old in rows_in(store, f"SELECT a.id, {', '.join('a.' + name for name in _COLUMNS)} FROM account a "
                                "WHERE a.id IN ({values})", numbers):
        active = max(filter(None, (old[-1], days.get(number))), default=None)
        new = [*fresh.get(number, old[:-1]), active]
        if new != old:
            rows.append({"id": number, **dict(zip(_COLUMNS, new, strict=True))})
            moved += [(number, name, was, value) for name, was, value in zip(ROLLED, old, new, strict=True) if was != value]
    store.run_many(f"UPDATE account SET {', '.join(f'{name} = :{name}' for name in _COLUMNS)} WHERE id = :id", rows)
    store.insert_many("account_change", [{"account_id": number, "name": name, "old": said(was), "new": said(value), "at": now}
                                         for number, name, was, value in moved if log])
    return [(number, name) for number, name, _, _ in moved]


def _computed(store: Store, numbers: Sequence[int]) -> dict[int, list[Any]]:
    """people, score, open and won deals, roles of each account."""
    found: dict[int, list[Any]] = {number: [0, 0, 0, 0, None] for number in numbers}
    there = "FROM contact c WHERE c.account_id IN ({values}) AND c.anonymous = 0"
    for number, people, engagement, fit in rows_in(store, "SELECT c.account_id, COUNT(*), CAST(SUM(c.engagement_score) AS "
                                                   f"BIGINT), MAX(c.fit_score) {there} GROUP BY c.account_id", numbers):
        found[number][:2] = [people, engagement + fit]
    for number, still_open, won in rows_in(
            store, "SELECT q.account_id, CAST(SUM(CASE WHEN d.won IS NULL THEN 1 ELSE 0 END) AS BIGINT), CAST(SUM(COALESCE("
            "d.won, 0)) AS BIGINT) FROM (SELECT DISTINCT c.account_id, x.deal_id FROM contact c JOIN deal_contact x "
            "ON x.contact_id = c.id WHERE c.account_id IN ({values})) q JOIN deal d ON d.id = q.deal_id GROUP BY q.account_id",
            numbers):
        found[number][2:4] = [still_open, won]
    roles: dict[int, set[str]] = defaultdict(set)
    for number, role in rows_in(store, "SELECT c.account_id, r.role FROM contact c JOIN buying_role r ON r.contact_id = c.id "
                                "WHERE c.account_id IN ({values})", numbers):
        roles[number].add(role)
    for number, held in roles.items():
        found[number][4] = json.dumps(sorted(held))
    return found


def _askers(store: Store, changed: dict[str, set[int]]) -> set[int]:
    """Everybody at the changed accounts, where some rule asks for what changed: else nobody need be looked at again. Who is on
    a journey is marked, so that the journey hears of it."""
    asked = _asked(store, [name for name, numbers in changed.items() if numbers])
    numbers = set().union(*(changed[name] for name in asked)) if asked else set()
    people = rows_in(store, "SELECT c.id, CASE WHEN EXISTS (SELECT 1 FROM enrollment r WHERE r.contact_id = c.id "
                     "AND r.status = 'active') THEN 1 ELSE 0 END FROM contact c WHERE c.account_id IN ({values})",
                     sorted(numbers))
    found: dict[int, int] = dict(people)
    if on_the_way := [who for who, active in found.items() if active]:
        with store.transaction():
            dirty.mark(store, on_the_way)
    return set(found)


def _asked(store: Store, names: Sequence[str]) -> list[str]:
    """Those of the roll-ups that a rule of a segment or of a running journey names, or seems to."""
    if not names:
        return []
    texts = [row[0].casefold() for row in store.rows(
        "SELECT CAST(s.rule AS TEXT) FROM segment s WHERE CAST(s.rule AS TEXT) LIKE '%account%' UNION ALL "
        "SELECT v.document FROM journey_version v WHERE v.status IN ('live', 'draining') AND v.document LIKE '%account%'")]
    return [name for name in names if any(name in text for text in texts)]
