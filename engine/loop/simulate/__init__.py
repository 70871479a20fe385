"""Try a journey before it is live: the real loop on a copy in memory, over what has happened or over what is to come.

Nothing is written to the workspace and nothing leaves: the copy has a postman of its own. The same journey, data, span and
seed give the same answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ... import clock
from ...access import Actor
from ...audience import routing
from ...clock import DAY, HOUR, WEEK, in_words
from ...errors import BadInput
from ...journeys import documents, drafts, reading, versions
from ...journeys.graph import Journey
from ...outreach.limits import REASONS
from ...sql import fold
from ...store import Store
from ..virtual import KINDS, World
from . import answers, copying, needs, past, report
from .copying import Copied, Cut
from .report import Collision, Day, Frame, Simulation, Walk

MOST_DAYS = 366
EXACT = 2_000  # things to happen, up to which the clock goes to the second
LONG_S = 45 * DAY  # longer spans go two hours at a time, three where everything that is live runs too; shorter ones one
BY = Actor("simulation", "admin")
Progress = Callable[[float], None]


def simulate(store: Store, text: str, *, now: int, since: int | None = None, until: int | None = None,
             forward_days: int | None = None, sample: int | None = None, seed: int = 1,
             progress: Progress | None = None) -> Simulation:
    """What the journey of a document would do.

    since, until: replay what happened in this span of the past (until: now when absent). forward_days: go on from now, with
    the last weeks repeated as what is to come. sample: so many contacts, None: everybody. progress: told the share done.
    Raises  Invalid: the document has errors. BadInput: no such span.
    """
    began = clock.monotonic()
    journey = reading.read(documents.load(text), reading.known(store))
    since, until = _span(since, until, forward_days, now)
    if sample is not None and sample < 1:
        raise BadInput(f"a sample of {sample}: give at least 1 contact")
    ahead = forward_days is not None
    beside = [one.journey for one in versions.load_live(store) if one.status != "paused"] if ahead else []
    wanted = needs.find(store, journey, beside)
    people, total = copying.pick(store, sample=sample, seed=seed)
    own = store.one("SELECT j.id FROM journey j WHERE j.key = :key", key=fold(journey.name))
    cut = Cut(people, total, None if ahead else since, wanted.events, own, wanted.segments, wanted.without)
    copied = copying.copy(store, cut)
    try:
        world, answering = _world(store, copied, cut, since, until, now, seed)
        frame = _publish(world, copying.scaled(text, len(people), total), since, until)
        _run(world, cut, until, progress)
        found = _result(store, world.store, journey, cut, frame)
        said = _assumptions(answering, copied, world, cut, frame)
        made = Simulation(journey=journey.name, mode="forward" if ahead else "replay", since=since, until=until,
                          contacts=len(people), of_contacts=total, seed=seed, assumptions=said,
                          seconds=round(clock.monotonic() - began, 2), **found)
        return replace(made, sentences=report.sentences(made))
    finally:
        copied.store.close()


def text_of(store: Store, name: str) -> str:
    """The document to try of a journey by name: its draft, where there is one, else the live version. Raises NotFound."""
    draft = drafts.open_draft(store, name)
    return drafts.called(draft.document, draft.name)


def _span(since: int | None, until: int | None, forward_days: int | None, now: int) -> tuple[int, int]:
    if forward_days is not None:
        if since is not None or until is not None:
            raise BadInput("simulate either what has happened (--since, --months) or what is to come (--forward), not both")
        if not 1 <= forward_days <= MOST_DAYS:
            raise BadInput(f"--forward {forward_days}: 1 to {MOST_DAYS} days")
        return now, now + forward_days * DAY
    until = now if until is None else until
    since = until - 90 * DAY if since is None else since
    if not since < until <= now:
        raise BadInput("a replay goes from a moment of the past to a later one that has passed: say --since and --until")
    if until - since > MOST_DAYS * DAY:
        raise BadInput(f"a replay goes over {MOST_DAYS} days at most")
    return since, until


def _world(store: Store, copied: Copied, cut: Cut, since: int, until: int, now: int,
           seed: int) -> tuple[World, answers.Answers]:
    """The copy with everything that is to happen in it."""
    ahead = cut.at is None
    if ahead:
        shift = -(-(until - since) // WEEK) * WEEK
        base = int(store.one("SELECT COALESCE(MAX(c.id), 0) FROM contact c"))
        story = past.repeat(store, cut, now=now, shift_s=shift, base=base)
    else:
        copying.regained(store, copied.store, cut)
        story = past.replay(store, cut, until, copied.later)
    answering = answers.measure(store, now=now, seed=seed, buys=ahead, replies=story.replies)
    world = World(copied.store, since, answering, step_s=_step(len(story.happenings), until - since, ahead),
                  first="contact", kinds=KINDS | {"contact": lambda world, rows: _arrive(world, [row for _, row in rows])})
    world.loop.settle(since)  # segments and scores as they stood, before anybody is told anything
    world.expect(one for one in story.happenings if one[0] <= until)
    return world, answering


def _step(happenings: int, span_s: int, ahead: bool) -> int:
    """How far the clock moves at a time."""
    return 0 if happenings <= EXACT else HOUR if span_s <= LONG_S else 3 * HOUR if ahead else 2 * HOUR


def _arrive(world: World, rows: list[dict[str, Any]]) -> None:
    with world.store.transaction():
        copying.arrive(world.store, rows)


def _publish(world: World, text: str, since: int, until: int) -> Frame:
    first, message = (int(world.store.one(f"SELECT seq FROM sqlite_sequence WHERE name = '{table}'"))
                      for table in ("enrollment", "message"))
    made = versions.publish(world.store, text, by=BY, now=since, trial=True)
    return Frame(made.journey_id, made.id, first, message, since, until)


def _run(world: World, cut: Cut, until: int, progress: Progress | None) -> None:
    """In one transaction: the copy is thrown away anyway, and two thirds of the statements would begin and end others."""
    since, whole = world.now, max(1, until - world.now)

    def after(at: int) -> None:
        if "task" not in cut.without:
            routing.waive(world.store)
        if progress:
            progress((at - since) / whole)

    with world.store.transaction(), world.store.inbox.transaction():
        world.run(until, after)


def _result(store: Store, copy: Store, journey: Journey, cut: Cut, frame: Frame) -> dict[str, Any]:
    found = report.numbers(copy, journey, frame)
    known_until = frame.since if cut.at is None else frame.until  # of what is to come no cost is known yet
    spent, currency = report.cost(store, sum(found["messages"].values()), now=known_until)
    where = copy if cut.at is None else store
    others = where.rows("""SELECT r.contact_id, j.name, r.started_at, COALESCE(r.ended_at, :until) FROM enrollment r
        JOIN journey j ON j.id = r.journey_id WHERE r.journey_id <> :journey AND r.started_at < :until
        AND (r.ended_at IS NULL OR r.ended_at > :since)""", until=frame.until, since=frame.since,
                        journey=frame.journey_id)
    return found | {"cost_minor": spent, "currency": currency, "collisions": report.collisions(copy, frame, list(others)),
                    "walk": report.walk(copy, journey, frame)}


def _assumptions(answering: answers.Answers, copied: Copied, world: World, cut: Cut, frame: Frame) -> tuple[str, ...]:
    own = world.store.rows("SELECT DISTINCT m.template_id FROM message m WHERE m.journey_id = :id AND m.id > :first",
                           id=frame.journey_id, first=frame.first_message)
    told = answering.said(frozenset(row[0] for row in own))
    if cut.at is None:
        days = -(-(frame.until - frame.since) // WEEK) * 7
        told.insert(0, f"The last {days} days happen once more: the same visits, sign-ups and purchases, by others at the same "
                       "stage and by as many newcomers.")
    elif copied.under_way:
        told.append("One person who was inside when the span began is left out." if copied.under_way == 1 else
                    f"{copied.under_way:,} people who were inside when the span began are left out.")
    if "task" not in cut.without and world.store.one("SELECT 1 FROM task t WHERE t.created_at > :since LIMIT 1",
                                                       since=frame.since):
        told.append("Sales has room for every lead and answers it in time.")
    if world.step_s:
        told.append(f"The clock moves {in_words(world.step_s)} at a time.")
    return tuple(told)


__all__ = ["REASONS", "Collision", "Day", "Simulation", "Walk", "simulate", "text_of"]
