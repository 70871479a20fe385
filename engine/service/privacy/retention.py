"""How long things are kept. Nothing is thrown away unless somebody said after how many days, and could see how much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ... import audit
from ...access import Actor, require, set_setting, setting
from ...activity import events
from ...clock import DAY
from ...errors import BadInput
from ...outreach import messages
from ...people import dirty
from ...store import Store
from .erasing import erase

SETTING = "retention_days"
SHORTEST, LONGEST = 1, 36_500
KINDS = {
    "events": "events of contacts, by when they happened",
    "message_copies": "the text of messages that were sent; that they were sent stays known",
    "silent_contacts": "contacts of whom nothing has been heard and who never agreed to mail: erased as on request",
}
CHUNK = 2_000


@dataclass(frozen=True)
class Kept:
    """One kind and after how many days it goes; None: kept for good."""

    kind: str
    words: str
    days: int | None


@dataclass(frozen=True)
class Swept:
    """How many rows (contacts, for silent ones) of a kind are past their days, and whether they are gone now."""

    kind: str
    count: int
    gone: bool


def kept(store: Store) -> list[Kept]:
    """Every kind with its days."""
    said = setting(store, SETTING, {})
    return [Kept(kind, words, said.get(kind)) for kind, words in KINDS.items()]


def keep_for(store: Store, kind: str, days: int | None, *, by: Actor, now: int) -> list[Kept]:
    """Say after how many days a kind goes, None: never. Raises BadInput."""
    require(by, "administer")
    if kind not in KINDS:
        raise BadInput(f"{kind!r} is nothing that has a time limit: choose one of {', '.join(KINDS)}")
    if days is not None and not SHORTEST <= days <= LONGEST:
        raise BadInput(f"{days} days: give {SHORTEST} to {LONGEST:,}")
    said = {name: value for name, value in (setting(store, SETTING, {}) | {kind: days}).items() if value is not None}
    with store.transaction():
        set_setting(store, SETTING, said)
        audit.record(store, by, "retention", kind, now=now, days=days)
    return kept(store)


def sweep(store: Store, *, dry_run: bool, by: Actor, now: int) -> list[Swept]:
    """Throw away what is past its days, some thousand rows to the transaction; with dry_run only count it."""
    require(by, "administer")
    done = []
    for one in kept(store):
        if one.days is None:
            continue
        before = now - one.days * DAY
        count = _COUNT[one.kind](store, before) if dry_run else sum(_sweep(store, one.kind, before, by, now))
        done.append(Swept(one.kind, count, not dry_run))
    if not dry_run and any(one.count for one in done):
        with store.transaction():
            audit.record(store, by, "retention swept", "workspace", now=now, **{one.kind: one.count for one in done})
    return done


AUTOMATIC, LAST = "retention_automatic", "retention_last"  # settings


@dataclass(frozen=True)
class Automatic:
    """Whether the runner throws things away once a day, and what it did the last time (counts by kind)."""

    on: bool
    last_at: int | None
    last: dict[str, int]


def automatic(store: Store) -> Automatic:
    """How it stands with the timer."""
    last = setting(store, LAST, {})
    return Automatic(bool(setting(store, AUTOMATIC, False)), last.get("at"), last.get("gone", {}))


def switch_automatic(store: Store, on: bool, *, by: Actor, now: int) -> Automatic:
    """Have the runner throw away what is past its days, once a day; or not."""
    require(by, "administer")
    with store.transaction():
        set_setting(store, AUTOMATIC, on)
        audit.record(store, by, "retention on a timer" if on else "retention by hand", "workspace", now=now)
    return automatic(store)


def sweep_daily(store: Store, *, by: Actor, now: int) -> list[Swept] | None:
    """What the runner does: sweep when it is switched on and a day has passed since the last time; None: not now."""
    known = automatic(store)
    if not known.on or (known.last_at is not None and 0 <= now - known.last_at < DAY):
        return None
    done = sweep(store, dry_run=False, by=by, now=now)
    set_setting(store, LAST, {"at": now, "gone": {one.kind: one.count for one in done}})
    return done


def _sweep(store: Store, kind: str, before: int, by: Actor, now: int) -> Iterator[int]:
    while True:
        with store.transaction():
            if kind == "events":
                whose = events.delete_before(store, before, limit=CHUNK)
                dirty.mark(store, set(whose))
                count = len(whose)
            elif kind == "message_copies":
                count = messages.drop_copies(store, before, limit=CHUNK)
            else:
                silent = _silent(store, before, CHUNK // 10)
                for contact_id in silent:
                    erase(store, contact_id, by=by, now=now)
                count = len(silent)
        yield count
        if not count:
            return


_SILENT = """FROM contact c WHERE c.created_at < :before AND c.updated_at < :before
    AND NOT EXISTS (SELECT 1 FROM event e WHERE e.contact_id = c.id AND e.occurred_at >= :before)
    AND NOT EXISTS (SELECT 1 FROM consent s WHERE s.contact_id = c.id AND s.status = 'subscribed')
    AND NOT EXISTS (SELECT 1 FROM deal_contact d WHERE d.contact_id = c.id)
    AND NOT EXISTS (SELECT 1 FROM enrollment r WHERE r.contact_id = c.id AND r.status = 'active')"""


def _silent(store: Store, before: int, limit: int) -> list[int]:
    return [row[0] for row in store.rows(f"SELECT c.id {_SILENT} ORDER BY c.id LIMIT :limit", before=before, limit=limit)]


def _count_silent(store: Store, before: int) -> int:
    return int(store.one(f"SELECT COUNT(*) {_SILENT}", before=before))


_COUNT = {"events": events.count_before, "message_copies": messages.count_copies, "silent_contacts": _count_silent}
