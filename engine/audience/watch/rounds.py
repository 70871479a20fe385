"""One round of the watch over every segment."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...activity import events
from ...clock import DAY
from ...people import accounts, dirty
from ...schema import set_watermark, watermark
from ...sql import sql
from ...store import CHUNK, Store
from ..rules import known
from .membership import CONSUMER, Changes, Segment, fill, live_segments, look
from .staleness import Stale, by_event, by_time

FEW = 5_000  # so many contacts are looked at one by one, however small the workspace is
AUDIT_S = DAY  # how long a segment may go without being worked out anew
SHARE = 10  # of all contacts, one in so many: from there on working out everything is cheaper


@dataclass(frozen=True)
class Tally:
    """What a round did. looked_at: contacts asked about, per segment; noticed: contact_changed events for journeys;
    full: segments worked out anew; mended: members that the audit of one segment found to be kept wrongly; broken: segments
    whose rule names something that is gone."""

    looked_at: int = 0
    entered: int = 0
    left: int = 0
    noticed: int = 0
    full: int = 0
    mended: int = 0
    broken: tuple[str, ...] = ()

    @property
    def changed(self) -> int:
        """How much there is for others to hear."""
        return self.entered + self.left + self.noticed


@dataclass
class _Round:
    """What one round knows: events (low, upto], time (before, now], contacts that changed, members that did so far."""

    store: Store
    now: int
    low: int
    upto: int
    before: int
    most: int
    dirtied: set[int] | None
    stale: tuple[Stale, ...] = ()
    moved: dict[int, frozenset[int]] = field(default_factory=dict)
    looked_at: int = 0
    full: int = 0

    def segment(self, one: Segment) -> Changes:
        """Make one segment true."""
        contacts = self._whom(one) if one.rule and one.settled and self.now >= self.before else None
        if contacts is None:
            found = fill(self.store, one, now=self.now)
            self.full += 1
        else:
            found = look(self.store, one, contacts, now=self.now, upto=self.upto) if contacts else Changes()
            self.looked_at += len(contacts)
        self.moved[one.id] = found.contacts
        return found

    def _whom(self, one: Segment) -> set[int] | None:
        """Contacts to ask about; None when they are so many that everybody is cheaper."""
        moved = frozenset().union(*(self.moved.get(used, frozenset()) for used in one.uses))
        found: set[int] = set()
        for some in (self.dirtied, moved, *(stale[one.id] for stale in self.stale)):
            if some is None or len(found | some) > self.most:
                return None
            found |= some
        return found

    def listen(self, segments: Sequence[Segment]) -> None:
        """Ask once, for all segments that can be kept true bit by bit, what events and time may have changed."""
        rules = {one.id: one.signals for one in segments if one.rule and one.settled}
        if self.dirtied is not None and self.now >= self.before:
            self.stale = (by_event(self.store, rules, low=self.low, high=self.upto, most=self.most),
                          by_time(self.store, rules, before=self.before, now=self.now, most=self.most))


def refresh(store: Store, *, now: int, upto: int, audit: bool = True) -> Tally:
    """Make every segment true at `now`, counting events up to the id `upto`. One round at a time; another waits for none.

    audit: also work out one segment anew that nobody has worked out for a day.
    """
    if _quiet(store, now, upto):
        return Tally()
    with store.lock(CONSUMER) as free:
        return _refresh(store, now, upto, audit) if free else Tally()


def _refresh(store: Store, now: int, upto: int, audit: bool) -> Tally:
    low, before = watermark(store, CONSUMER)
    most = max(FEW, int(store.one("SELECT COALESCE(MAX(c.id), 0) FROM contact c")) // SHARE)
    rows, dirtied = _dirty(store, most)
    colleagues = accounts.roll_up(store, marks=rows[-1] if rows else 0, low=low, upto=upto, now=now)
    dirtied |= colleagues
    segments = live_segments(store, known(store))
    this = _Round(store, now, low, upto, before, most, dirtied if len(dirtied) <= most else None)
    this.listen(segments)
    changes = [this.segment(one) for one in segments if one.rule]
    noticed = _notice(store, rows, now)
    mended = _audit(store, segments, now, upto) if audit else 0
    with store.transaction():
        set_watermark(store, CONSUMER, upto, now)
    return Tally(this.looked_at, sum(len(one.entered) for one in changes), sum(len(one.left) for one in changes),
                 noticed, this.full, mended, _broken(segments))


def _audit(store: Store, segments: Sequence[Segment], now: int, upto: int) -> int:
    """One segment that has not been worked out anew for a day: how many members were kept wrongly. They are put right."""
    due = store.one("SELECT s.id FROM segment s WHERE s.status = 'live' AND s.refreshed_at <= :then "
                    "ORDER BY s.refreshed_at, s.id LIMIT 1", then=now - AUDIT_S)
    for one in segments:
        if one.id == due and one.rule:
            found = len(fill(store, one, now=now, upto=upto).contacts)
            with store.transaction():
                store.run("UPDATE segment SET differences = :found WHERE id = :id", found=found, id=one.id)
            return found
    return 0


def _quiet(store: Store, now: int, upto: int) -> bool:
    """Nothing happened, no time passed, no rule was saved: not even the lock is taken."""
    return watermark(store, CONSUMER) == (upto, now) and not store.one(
        "SELECT EXISTS (SELECT 1 FROM dirty_contact) OR EXISTS (SELECT 1 FROM dirty_account) OR EXISTS "
        "(SELECT 1 FROM segment s WHERE s.refreshed_at IS NULL)")


def _broken(segments: Sequence[Segment]) -> tuple[str, ...]:
    return tuple(one.name for one in segments if one.rule is None)


def _dirty(store: Store, most: int) -> tuple[array[int], set[int]]:
    """The marks there are, by id, and whose they are; of whom is no longer counted once they are more than `most`."""
    rows, contacts = array("q"), set[int]()
    for part in store.stream("SELECT d.id, d.contact_id FROM dirty_contact d ORDER BY d.id"):
        rows.extend(row[0] for row in part)
        if len(contacts) <= most:
            contacts.update(row[1] for row in part)
    return rows, contacts


def _notice(store: Store, rows: Sequence[int], now: int) -> int:
    """Tell journeys about changed contacts on their way, and take the rows off: by their ids, since others came since."""
    noticed = 0
    for at in range(0, len(rows), CHUNK):
        part = rows[at:at + CHUNK]
        with store.transaction():
            store.serialize("event")
            store.run("DELETE FROM picked")
            store.insert_many("picked", [{"id": row} for row in part])
            store.after_fill("picked")
            noticed += store.run(_NOTICE, now=now)
            dirty.clear(store, part)
    return noticed


_NOTICE = events.emit_from(sql("""SELECT d.contact_id, 'contact_changed' AS name, CAST(NULL AS TEXT) AS object, '{}' AS props,
        'contact_changed:' || MAX(d.id) AS dedupe_key
    FROM picked p CROSS JOIN dirty_contact d WHERE d.id = +p.id AND EXISTS
        (SELECT 1 FROM enrollment r WHERE r.contact_id = d.contact_id AND r.status = 'active')
    GROUP BY d.contact_id ORDER BY MAX(d.id)"""), source="watch")
