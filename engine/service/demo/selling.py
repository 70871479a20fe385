"""How the demo company scores and sells: score and stage rules, three reps, routes, and what the reps do on a day."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

from ...access import Actor
from ...audience import lifecycle, routing, scoring
from ...audience.routing import Lead, Rep
from ...clock import DAY, HOUR
from ...errors import Conflict
from ...maths.working import WorkingHours
from ...store import Store
from .people import OWNERS

_ZONES = ("Europe/London", "America/New_York", "Asia/Tokyo")
REPS = tuple(Rep(f"{name.split()[0].lower()}@fernhill.example", name, weight, room, WorkingHours(zone))
             for name, zone, weight, room in zip(OWNERS, _ZONES, (2, 2, 1), (40, 40, 25), strict=True))
SCORES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Looked at prices", {"event": "page_view", "where": {"object": "/pricing"}, "points": 10, "max_per_day": 2,
                          "max_per_contact": 6}),
    ("Read what customers say", {"event": "page_view", "where": {"object": "/customers"}, "points": 5, "max_per_day": 1,
                                 "max_per_contact": 4}),
    ("Downloaded an ebook", {"event": "ebook_downloaded", "points": 5, "max_per_day": 1}),
    ("Read the white paper", {"event": "whitepaper_downloaded", "points": 10, "max_per_contact": 2}),
    ("Came to a webinar", {"event": "webinar_attended", "points": 10, "max_per_day": 1}),
    ("Booked a demo", {"event": "demo_booked", "points": 15, "max_per_contact": 2}),
    ("Left the newsletter", {"event": "email_unsubscribed", "points": -20, "max_per_contact": 1}),
    ("Company of 50 to 200", {"rule": {"account": "employees", "op": "between", "value": [50, 200]}, "points": 10,
                              "group": "fit"}),
)
# At risk has no rule, as it has no journey: that somebody sees that is the point.
STAGES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("lead", {"event": "ebook_downloaded"}),
    ("mql", {"any": [{"score": {"op": "at_least", "value": 50}}, {"event": "demo_booked", "within": "30d"},
                     {"event": "webinar_attended", "within": "30d"},
                     {"event": "page_view", "where": {"object": "/pricing"}, "op": "at_least", "count": 2, "within": "7d"}]}),
    ("customer", {"event": "purchase"}),
)
ROUTES: tuple[tuple[str, dict[str, Any] | None, tuple[str, ...]], ...] = (
    ("Americas", {"field": "time_zone", "op": "starts_with", "value": "America/"}, (REPS[1].email,)),
    ("Europe", {"field": "time_zone", "op": "starts_with", "value": "Europe/"}, (REPS[0].email, REPS[1].email)),
    ("Asia and everybody else", None, ()),
)
# What becomes of a lead on the day after it came. One rep lets leads lie: docs/demo.md names him.
SLOW_REP, SLOW, UNANSWERED = REPS[1].email, 6, 1  # of ten
ACCEPTED, REJECTED, CALLED = 0.65, 0.25, 0.3  # of those answered; the others are snoozed
TAKEN = 2  # of the fallback queue, by each rep and day
_REASONS = ("not_ready", "not_ready", "no_answer", "no_budget", "bad_fit", "wrong_person")
_OUTCOMES = ("reached", "reached", "voicemail", "no_answer")
DONE_AFTER_S = 6 * DAY


def set_up(store: Store, *, by: Actor, now: int) -> None:
    """Rules, reps and routes, as of the moment from which the real loop runs."""
    routing.save_policy(store, routing.Policy(accept_within_s=8 * HOUR), by=by, now=now)
    for rep in REPS:
        routing.save_rep(store, rep, by=by, now=now)
    for place, (name, rule, reps) in enumerate(ROUTES, start=1):
        routing.save_route(store, name, rule, reps, place=place, by=by, now=now)
    for name, document in SCORES:
        scoring.save_rule(store, name, document, by=by, now=now)
    for stage, rule in STAGES:
        lifecycle.save_rule(store, stage, rule, by=by, now=now)


def answer(store: Store, since: int) -> None:
    """What the reps do on the day that begins: most leads get an answer within the hours of work."""
    rng, acts = Random(since + 7), list[tuple[int, int, Callable[[], object]]]()  # dice of its own: the others' stay the same
    for rep in routing.list_reps(store):
        by = Actor(rep.name, "sales")
        own = sorted(routing.leads(store, rep.email, "open", now=since), key=lambda one: one.id)
        for lead in [*own, *(routing.queue(store, None, now=since)[:TAKEN] if rep.email != SLOW_REP else [])]:
            at = max(rep.hours.after(max(since, lead.created_at), round(rng.uniform(0.3, 6.5) * HOUR)), since + 1)
            lies = lead.id * 7 % 10 < (SLOW if rep.email == SLOW_REP else UNANSWERED)
            if not lies and at < since + DAY - HOUR and (lead.snoozed_until or 0) <= at:
                acts += [(when, len(acts) + place, act) for place, (when, act) in enumerate(_of(store, rng, lead, by, at))]
        for lead in routing.leads(store, rep.email, "accepted", now=since):
            if since - (lead.answered_at or since) > DONE_AFTER_S:
                routing.finish(store, lead.id, by=by, now=since)
    for _, _, act in sorted(acts, key=lambda one: one[:2]):
        with suppress(Conflict):  # two took the same one, or somebody who tries the demo out was faster
            act()


def _of(store: Store, rng: Random, lead: Lead, by: Actor, at: int) -> list[tuple[int, Callable[[], object]]]:
    """What becomes of one lead: acts with their moments."""
    chance, called = rng.random(), rng.random() < CALLED
    reason, outcome, days = rng.choice(_REASONS), rng.choice(_OUTCOMES), rng.randrange(1, 4)
    if chance < ACCEPTED:
        then = at + HOUR // 2
        calls = [(at, lambda: routing.call_today(store, lead.contact_id, by=by, now=at)),
                 (then, lambda: routing.log_call(store, lead.contact_id, outcome, by=by, now=then))] if called else []
        return [(at, lambda: routing.accept(store, lead.id, by=by, now=at)), *calls]
    if chance < ACCEPTED + REJECTED:
        return [(at, lambda: routing.reject(store, lead.id, reason, by=by, now=at))]
    return [(at, lambda: routing.snooze(store, lead.id, at + days * DAY, by=by, now=at))]
