"""Handing contacts over, and taking leads back that nobody answered: the part of the tick that is about sales."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from ... import audit
from ...access import Actor, require, set_setting, setting
from ...activity import events
from ...clock import HOUR
from ...errors import BadInput, NotFound
from ...people import contacts
from ...schema import set_watermark, watermark
from ...store import Store
from ..rules import STAGES
from .choosing import Choice, Team, pick
from .reps import CONSUMER

ASKED = "sales_asked"  # the event by which a journey hands a contact over; its property `why` says what for
_SETTING = "routing"


@dataclass(frozen=True)
class Policy:
    """stages: entering one hands a contact over. accept_within_s: of the rep's working time. hold_s: how long "calling
    today" keeps marketing away."""

    stages: tuple[str, ...] = ("mql",)
    accept_within_s: int = 4 * HOUR
    hold_s: int = 24 * HOUR


@dataclass(frozen=True)
class Tally:
    """What a round did: leads handed over, and leads taken back because nobody answered in time."""

    handed: int = 0
    taken_back: int = 0

    @property
    def changed(self) -> int:
        """How much there is for others to hear."""
        return self.handed + self.taken_back


def policy(store: Store) -> Policy:
    """How this workspace hands over."""
    kept = setting(store, _SETTING) or {}
    return Policy(**kept | {"stages": tuple(kept["stages"])}) if kept else Policy()


def save_policy(store: Store, wanted: Policy, *, by: Actor, now: int) -> None:
    """Raises BadInput: no such stage, or times that are none."""
    require(by, "administer")
    if wrong := [one for one in wanted.stages if one not in STAGES]:
        raise BadInput(f"stage {wrong[0]!r}: choose one of {', '.join(STAGES)}")
    if wanted.accept_within_s < 60 or wanted.hold_s < 60:
        raise BadInput("an answer within, and a hold of, at least a minute")
    with store.transaction():
        set_setting(store, _SETTING, asdict(wanted))
        audit.record(store, by, "setting saved", _SETTING, now=now, value=asdict(wanted))


def refresh(store: Store, *, now: int, upto: int) -> Tally:
    """Hand over who entered a stage of the policy since the last round, and take back what is overdue."""
    low, _ = watermark(store, CONSUMER)
    if not _late(store, now) and (upto <= low or not store.one("SELECT 1 FROM sales_rep LIMIT 1")):
        return Tally()
    with store.transaction():
        store.serialize("event")
        entered = _entered(store, low, upto)
        wanted = {who: f"entered the stage {stage}" for who, stage in entered.items()} | _asked_for(store, low, upto)
        late = _late(store, now)
        team = Team(store, now) if wanted or late else None
        handed = [_hand_over(team, who, why) for who, why in wanted.items()] if team else []
        taken = [_take_back(team, *row) for row in late] if team else []
        set_watermark(store, CONSUMER, upto, now)
    return Tally(sum(handed), sum(taken))


def hand_over(store: Store, contact_id: int, why: str, *, by: Actor, now: int) -> bool:
    """Hand one contact to sales by hand. False: it is there already. Raises NotFound."""
    require(by, "sell")
    if not store.one("SELECT 1 FROM contact c WHERE c.id = :id AND c.anonymous = 0", id=contact_id):
        raise NotFound(f"there is no contact {contact_id}")
    with store.transaction():
        store.serialize("event")
        done = _hand_over(Team(store, now), contact_id, why.strip()[:500] or "by hand")
        audit.record(store, by, "handed to sales", f"contact {contact_id}", now=now, why=why)
    return done


def _entered(store: Store, low: int, upto: int) -> dict[int, str]:
    """Contacts that entered a stage of the policy and still stand there."""
    stages = policy(store).stages
    found = store.rows("""SELECT e.contact_id, e.object FROM event e JOIN contact c ON c.id = e.contact_id
        WHERE e.id > :low AND e.id <= :upto AND (e.name || '') = 'stage_changed' AND e.historic = 0
        AND c.stage = e.object AND c.anonymous = 0 ORDER BY e.id""", low=low, upto=upto)
    return {who: stage for who, stage in found if stage in stages}


def _asked_for(store: Store, low: int, upto: int) -> dict[int, str]:
    """Contacts that a journey asks sales to look at, and why."""
    found: dict[int, str] = dict(store.rows("""SELECT e.contact_id, e.props ->> 'why' FROM event e
        JOIN contact c ON c.id = e.contact_id WHERE e.id > :low AND e.id <= :upto AND (e.name || '') = :name
        AND e.historic = 0 AND c.anonymous = 0 ORDER BY e.id""", low=low, upto=upto, name=ASKED))
    return found


def _late(store: Store, now: int) -> list[tuple[Any, ...]]:
    return store.rows("SELECT t.id, t.contact_id, t.owner FROM task t WHERE t.status = 'open' AND t.due_at <= :now "
                      "ORDER BY t.id", now=now)


def _hand_over(team: Team, contact_id: int, why: str) -> bool:
    store = team.store
    if store.one("SELECT 1 FROM task t WHERE t.contact_id = :id AND t.status = 'open'", id=contact_id):
        return False
    task = store.new_ids("task", 1)[0]
    store.insert_many("task", [{"id": task, "contact_id": contact_id, "why": why, "route": "", "status": "open",
                                "created_at": team.now}])
    give(team, task, contact_id, pick(team, contact_id))
    return True


def _take_back(team: Team, task: int, contact_id: int, owner: str | None) -> bool:
    """From whoever let it lie, to the next one; what lies in the fallback queue is tried again."""
    store, now = team.store, team.now
    if owner:
        there = any(rep.email == owner for rep in team.reps)
        end_turn(store, task, "breached" if there else "left", now)
        tell(store, contact_id, "lead_overdue", owner, f"task:{task}:{now}:overdue", now)
    had = {row[0] for row in store.rows("SELECT u.rep FROM task_turn u WHERE u.task_id = :id AND u.outcome = 'breached'",
                                        id=task)}
    give(team, task, contact_id, pick(team, contact_id, without=had), before=owner)
    return bool(owner)


def give(team: Team, task: int, contact_id: int, choice: Choice, *, before: str | None = None) -> None:
    """Put a task on somebody's desk, or into the fallback queue. before: whose it was. Needs a transaction that has passed
    "event"."""
    store, now, rep = team.store, team.now, choice.rep
    due = (rep.hours.after(now, policy(store).accept_within_s) if rep else
           None if choice.again_s is None else now + choice.again_s)
    store.run("UPDATE task SET owner = :owner, due_at = :due, route = :route, snoozed_until = NULL WHERE id = :id",
              owner=rep.email if rep else None, due=due, route=choice.sentence, id=task)
    team.moved(before, rep.email if rep else None)
    if rep:
        turn = store.new_ids("task_turn", 1)[0]
        store.insert_many("task_turn", [{"id": turn, "task_id": task, "rep": rep.email, "at": now}])
        team.took(choice)
        contacts.upsert_many(store, [{"contact_id": contact_id, "owner": rep.email}], now=now, source="routing")
        tell(store, contact_id, "lead_assigned", rep.email, f"task_turn:{turn}", now, why=choice.sentence)


def waive(store: Store) -> None:
    """Whatever lies on a desk or in the fallback queue counts as answered in time: nobody takes it back. For trials, where
    nobody of sales works."""
    with store.transaction():
        store.run("UPDATE task SET due_at = NULL WHERE status = 'open' AND due_at IS NOT NULL")


def end_turn(store: Store, task: int, outcome: str, now: int) -> None:
    """Whoever has the task has it no more. Needs a transaction."""
    store.run("UPDATE task_turn SET ended_at = :now, outcome = :outcome WHERE task_id = :id AND outcome IS NULL", now=now,
              outcome=outcome, id=task)


def tell(store: Store, contact_id: int, name: str, thing: str | None, key: str, now: int, **props: Any) -> None:
    """An event of sales, which journeys and rules hear. Needs a transaction."""
    events.insert_events(store, [{"contact_id": contact_id, "name": name, "object": thing, "occurred_at": now,
                                  "received_at": now, "props": json.dumps(props), "dedupe_key": key, "source": "sales"}])
