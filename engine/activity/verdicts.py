"""Second thoughts about events: what was taken for a person's doing was a machine's, or the other way round."""

from __future__ import annotations

from collections.abc import Sequence

from .. import audit
from ..access import Actor, require
from ..errors import BadInput, NotFound
from ..people import dirty
from ..people.lookups import rows_in
from ..store import Store
from . import events

VERDICTS = ("human", "machine")
_LONGEST = 500


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
        found = {row[0]: row[1:] for row in rows_in(
            store, "SELECT e.id, e.contact_id, e.verdict FROM event e WHERE e.id IN ({values})", event_ids)}
        if missing := [one for one in event_ids if one not in found]:
            raise NotFound(f"there is no event {missing[0]}")
        other = [(event, who, old) for event, (who, old) in found.items() if old != verdict]
        store.insert_many("verdict_change", [{"event_id": event, "old": old, "new": verdict, "at": now, "actor": by.name,
                                              "reason": why.strip()[:_LONGEST] or None} for event, _, old in other])
        events.set_verdict(store, [event for event, _, _ in other], verdict)
        dirty.mark(store, {who for _, who, _ in other})
        audit.record(store, by, "events judged", verdict, now=now, events=len(other))
    return len(other)
