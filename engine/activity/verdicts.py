"""Second thoughts about events: what was taken for a person's doing was a machine's, or the other way round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .. import audit
from ..access import Actor, require
from ..errors import BadInput, Conflict, NotFound
from ..people import dirty
from ..people.lookups import rows_in
from ..store import Store
from . import events

VERDICTS = ("human", "machine")
# What scanners of mail and crawlers do as well as people, judged when it came in or not.
IN_DOUBT = frozenset({"email_opened", "email_clicked", "page_view", "screen_view", "form_submitted"})
_LONGEST, _NAMED = 500, 20


def in_doubt(name: str, verdict: str | None) -> bool:
    """Whether a machine could have done an event of this name, or somebody has judged it already."""
    return bool(verdict) or name in IN_DOUBT


@dataclass(frozen=True)
class Change:
    """One second thought. old, new: human, machine or None = not judged."""

    at: int
    old: str | None
    new: str | None
    actor: str
    reason: str | None


def judge(store: Store, event_ids: Sequence[int], verdict: str, why: str = "", *, by: Actor, now: int) -> int:
    """Say of events that a human or a machine did them; how many were said otherwise before.

    Kept with its moment: whoever asks how things were known then hears the former verdict. Rules, scores and waits from here
    on go by the new one. Raises BadInput: no such verdict, or no event given. NotFound: there is no such event.
    """
    require(by, "market")
    if verdict not in VERDICTS:
        raise BadInput(f"verdict {verdict!r}: choose one of {', '.join(VERDICTS)}")
    if not event_ids:
        raise BadInput("no event given: `events list` shows their ids")
    with store.transaction():
        store.serialize("event")
        found = _found(store, event_ids)
        other = [(event, who, old) for event, (who, old) in found.items() if old != verdict]
        _write(store, other, dict.fromkeys(found, verdict), why.strip()[:_LONGEST] or None, by, now)
        audit.record(store, by, "events judged", verdict, now=now, events=len(other), ids=[row[0] for row in other[:_NAMED]])
    return len(other)


def take_back(store: Store, event_ids: Sequence[int], *, by: Actor, now: int) -> int:
    """Undo the newest second thought about each event: it is judged as before, or not at all; how many.

    That, too, is kept with its moment. Raises NotFound: there is no such event. Conflict: nobody has judged one of them.
    """
    require(by, "market")
    with store.transaction():
        store.serialize("event")
        found = _found(store, event_ids)
        before: dict[int, str | None] = {row[0]: row[1] for row in rows_in(  # the newest one comes last
            store, "SELECT v.event_id, v.old FROM verdict_change v WHERE v.event_id IN ({values}) ORDER BY v.id", found)}
        if untouched := [one for one in found if one not in before]:
            raise Conflict(f"nobody has judged event {untouched[0]}: there is nothing to take back")
        _write(store, [(event, who, old) for event, (who, old) in found.items()], before, "taken back", by, now)
        audit.record(store, by, "verdict taken back", "events", now=now, events=len(found), ids=list(found)[:_NAMED])
    return len(found)


def history(store: Store, event_id: int) -> list[Change]:
    """Second thoughts about an event, the newest first."""
    return [Change(*row) for row in store.rows("SELECT v.at, v.old, v.new, v.actor, v.reason FROM verdict_change v "
                                               "WHERE v.event_id = :id ORDER BY v.id DESC", id=event_id)]


def _found(store: Store, event_ids: Sequence[int]) -> dict[int, tuple[int, str | None]]:
    found = {row[0]: (row[1], row[2]) for row in rows_in(
        store, "SELECT e.id, e.contact_id, e.verdict FROM event e WHERE e.id IN ({values})", event_ids)}
    if missing := [one for one in event_ids if one not in found]:
        raise NotFound(f"there is no event {missing[0]}")
    return found


def _write(store: Store, other: Sequence[tuple[int, int, str | None]], said: dict[int, str | None], why: str | None, by: Actor,
           now: int) -> None:
    """other: event, whose it is, verdict until now. said: the new one of each event."""
    store.insert_many("verdict_change", [{"event_id": event, "old": old, "new": said[event], "at": now, "actor": by.name,
                                          "reason": why} for event, _, old in other])
    events.set_verdicts(store, {event: said[event] for event, _, _ in other})
    dirty.mark(store, {who for _, who, _ in other})
