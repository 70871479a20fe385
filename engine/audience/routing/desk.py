"""What a rep does with a lead: accept, reject with a reason, snooze, call."""

from __future__ import annotations

import secrets
from typing import Any

from ... import audit
from ...access import Actor, require
from ...clock import DAY
from ...errors import BadInput, Conflict, NotFound
from ...people import contacts
from ...store import Store
from .. import lifecycle
from .reps import had_turn, rep_of
from .rounds import end_turn, policy, tell

# Why a lead comes back to marketing, and the stage it goes back to.
REASONS = {
    "not_ready": ("Interested, not ready yet", "lead"),
    "no_answer": ("Could not be reached", "lead"),
    "no_budget": ("No budget", "lead"),
    "wrong_person": ("Not the right person there", "other"),
    "bad_fit": ("Will never be a customer", "other"),
    "bad_data": ("Wrong or invented details", "other"),
}
OUTCOMES = {"reached": "Spoke with them", "voicemail": "Left a message", "no_answer": "Nobody answered",
            "wrong_number": "Wrong number"}
LONGEST_SNOOZE_S = 14 * DAY
_NOTE = 2_000


def accept(store: Store, task: int, *, by: Actor, now: int) -> None:
    """Accept a lead: the contact is sales-accepted (stage sal) and the rep's own. Raises NotFound, Conflict."""
    with store.transaction():
        contact_id = _mine(store, task, by, now)
        end_turn(store, task, "accepted", now)
        _answer(store, task, "accepted", by, now)
        _stage(store, contact_id, "sal", f"accepted by {by.name}", now)
        tell(store, contact_id, "lead_accepted", None, f"task:{task}:accepted", now)
        audit.record(store, by, "lead accepted", f"contact {contact_id}", now=now)


def reject(store: Store, task: int, reason: str, note: str = "", *, by: Actor, now: int) -> None:
    """Give a lead back to marketing with a reason of REASONS. Raises BadInput, NotFound, Conflict."""
    if reason not in REASONS:
        raise BadInput(f"reason {reason!r}: choose one of {', '.join(REASONS)}")
    with store.transaction():
        contact_id = _mine(store, task, by, now)
        end_turn(store, task, "rejected", now)
        _answer(store, task, "rejected", by, now, reason=reason, note=note.strip()[:_NOTE] or None)
        _stage(store, contact_id, REASONS[reason][1], f"rejected by {by.name}", now)
        tell(store, contact_id, "lead_rejected", reason, f"task:{task}:rejected", now, note=note.strip()[:_NOTE])
        audit.record(store, by, "lead rejected", f"contact {contact_id}", now=now, reason=reason)


def snooze(store: Store, task: int, until: int, *, by: Actor, now: int) -> None:
    """Put a lead aside until a moment; the deadline moves with it. Raises BadInput: past, or more than two weeks."""
    if not now < until <= now + LONGEST_SNOOZE_S:
        raise BadInput(f"snooze until a moment ahead, at most {LONGEST_SNOOZE_S // DAY} days")
    with store.transaction():
        contact_id = _mine(store, task, by, now)
        rep = rep_of(store, by) or _owner(store, task)
        due = rep.hours.after(until, policy(store).accept_within_s) if rep else until
        store.run("UPDATE task SET snoozed_until = :until, due_at = :due WHERE id = :id", until=until, due=due, id=task)
        audit.record(store, by, "lead snoozed", f"contact {contact_id}", now=now, until=until)


def take(store: Store, task: int, *, by: Actor, now: int) -> None:
    """Take a lead from the fallback queue or from another rep. Raises BadInput: the actor takes no leads."""
    if rep_of(store, by) is None:
        raise BadInput(f"{by.name} takes no leads: an administrator adds reps under Routing")
    with store.transaction():
        _mine(store, task, by, now)


def finish(store: Store, task: int, *, by: Actor, now: int) -> None:
    """An accepted lead is dealt with; its place is free. Raises NotFound, Conflict."""
    require(by, "sell")
    with store.transaction():
        contact_id = _task(store, task, "accepted")[0]
        store.run("UPDATE task SET status = 'done' WHERE id = :id", id=task)
        audit.record(store, by, "lead finished", f"contact {contact_id}", now=now)


def log_call(store: Store, contact_id: int, outcome: str, note: str = "", *, by: Actor, now: int) -> None:
    """A call that was made, as an event. Raises BadInput: no such outcome."""
    require(by, "sell")
    if outcome not in OUTCOMES:
        raise BadInput(f"outcome {outcome!r}: choose one of {', '.join(OUTCOMES)}")
    with store.transaction():
        store.serialize("event")
        tell(store, contacts.get(store, contact_id).id, "call_logged", outcome, f"call:{secrets.token_hex(12)}", now,
             by=by.name, note=note.strip()[:_NOTE])
        audit.record(store, by, "call logged", f"contact {contact_id}", now=now, outcome=outcome)


def call_today(store: Store, contact_id: int, *, by: Actor, now: int) -> int:
    """Keep marketing away from somebody whom sales is calling; until when (UTC seconds). Raises NotFound."""
    require(by, "sell")
    until = now + policy(store).hold_s
    with store.transaction():
        store.serialize("event")
        contacts.hold(store, contacts.get(store, contact_id).id, until, now=now)
        tell(store, contact_id, "calling_today", None, f"calling:{contact_id}:{now}", now, by=by.name)
        audit.record(store, by, "calling today", f"contact {contact_id}", now=now, until=until)
    return until


def _mine(store: Store, task: int, by: Actor, now: int) -> int:
    """The contact of an open task, which is the actor's from here on where the actor takes leads at all."""
    require(by, "sell")
    store.serialize("event")
    contact_id, owner = _task(store, task, "open")
    rep = rep_of(store, by)
    if rep and rep.email != owner:
        end_turn(store, task, "taken", now)
        store.insert_many("task_turn", [{"task_id": task, "rep": rep.email, "at": now}])
        had_turn(store, rep, rep.turn, rep.turn)
        due = rep.hours.after(now, policy(store).accept_within_s)
        store.run("UPDATE task SET owner = :rep, due_at = :due, route = :route WHERE id = :id", rep=rep.email, due=due,
                  route=f"taken by {rep.name}", id=task)
        contacts.upsert_many(store, [{"contact_id": contact_id, "owner": rep.email}], now=now, source="routing")
    return contact_id


def _task(store: Store, task: int, status: str) -> tuple[int, str | None]:
    found = store.row("SELECT t.contact_id, t.owner, t.status, t.answered_by FROM task t WHERE t.id = :id", id=task)
    if found is None:
        raise NotFound(f"there is no lead {task}")
    if found[2] != status:
        raise Conflict(f"lead {task} is {found[2]}" + (f" by {found[3]}" if found[3] else "") + ": look at the queue again")
    return found[0], found[1]


def _owner(store: Store, task: int) -> Any:
    return rep_of(store, str(store.one("SELECT COALESCE(t.owner, '') FROM task t WHERE t.id = :id", id=task)))


def _answer(store: Store, task: int, status: str, by: Actor, now: int, **said: str | None) -> None:
    store.run("UPDATE task SET status = :status, answered_at = :now, answered_by = :by, reason = :reason, note = :note, "
              "due_at = NULL, snoozed_until = NULL WHERE id = :id",
              **{"reason": None, "note": None} | said, status=status, now=now, by=by.name, id=task)


def _stage(store: Store, contact_id: int, stage: str, source: str, now: int) -> None:
    contacts.upsert_many(store, [{"contact_id": contact_id, "stage": stage}], now=now, source=source)
    lifecycle.catch_up(store, [contact_id], now=now, source=source, live=True, by_hand=True)
