"""The ordinary part of the past: visits, the welcome series, lifecycle stages, scores and deals."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ...clock import DAY, HOUR, MINUTE
from . import paths
from .people import OWNERS, Person
from .truths import Story, page
from .walks import Points

PAGES = (("/", 26), ("/blog/first-numbers", 18), ("/blog/popular", 12), ("/features", 12), ("/customers", 8),
         ("/blog/after-the-ebook", 7), ("/webinar", 5), ("/help", 5), ("/about", 4), ("/integrations", 3))
VISITS = 66  # page views of the keenest, in the year
FIT = {"healthcare": 25, "technology": 20, "finance": 15, "education": 10}
RANK = {name: place for place, name in enumerate(("subscriber", "lead", "mql", "sal", "opportunity", "customer"))}
AT_RISK_AFTER, AT_RISK_RATE = 90 * DAY, 0.15
DEAL_MINOR = (60_000, 350_000)


def live_through(story: Story) -> None:
    """Everybody's year but for what was planted."""
    for person in story.people:
        _subscribe(story, person)
        _visit(story, person)
    _stages(story)


def _subscribe(story: Story, person: Person) -> None:
    if person.said in ("subscribed", "unsubscribed", "bounced"):
        event = story.event(person, "subscribed", person.created_at, "newsletter")
        if person.mailable:
            story.walk(person, "welcome", event).go(paths.welcome)
    if person.said == "unsubscribed":
        story.event(person, "email_unsubscribed", person.created_at + 40 * DAY, source="collector")


def _visit(story: Story, person: Person) -> None:
    """Visits of a few pages each; one look at prices at most, so that looking twice means something."""
    rng, until = story.rng, story.past.until
    span_s = until - person.created_at
    left = int(rng.expovariate(1 / (1 + VISITS * person.keen)) * (0.35 + 0.65 * span_s / (365 * DAY)))
    names, weights = [path for path, _ in PAGES], [weight for _, weight in PAGES]
    origin = _ORIGINS[rng.randrange(len(_ORIGINS))]
    while left > 0 and span_s > DAY:
        at = person.created_at + int(rng.random() * span_s)
        for place, path in enumerate(rng.choices(names, weights, k=min(left, rng.randrange(1, 6)))):
            story.event(person, "page_view", at + place * 70, path, props=origin % (path, path) if place == 0 else page(path))
            left -= 1
    if rng.random() < 0.12 and span_s > DAY:
        story.event(person, "page_view", person.created_at + int(rng.random() * span_s), "/pricing", props=page("/pricing"))


_OWN = '{"path": "%s", "url": "https://fernhill.example%s"'
_ORIGINS = (_OWN + "}", _OWN + "}", _OWN + "}", _OWN + ', "referrer": "https://search.example/"}',
            _OWN + ', "utm_source": "search", "utm_medium": "paid", "utm_campaign": "Product growth"}',
            _OWN + ', "utm_source": "linkedin", "utm_medium": "social", "utm_campaign": "Newsletter growth"}')


# ------------------------------------------------------------ stages and scores


def _stages(story: Story) -> None:
    """Forward only, by what each did; later a part of the customers is at risk, and no journey cares."""
    moves: dict[int, list[tuple[int, str]]] = {}
    wanted = {"ebook_downloaded": "lead", "webinar_attended": "mql", "segment_entered": "mql", "demo_booked": "sal"}
    points = {"ebook_downloaded": 5, "webinar_attended": 10, "demo_booked": 15}
    for one in story.past.happenings:
        if one.name in wanted:
            moves.setdefault(one.who, []).append((one.at, wanted[one.name]))
        if one.name in points:
            story.past.points.append(Points(one.who, "engagement", points[one.name], one.name.replace("_", " "), one.at))
    for person in story.people:
        if person.industry in FIT:
            story.past.points.append(Points(person.id, "fit", FIT[person.industry], f"industry {person.industry}",
                                            person.created_at))
        if person.customer_at:
            moves.setdefault(person.id, []).append((person.customer_at, "customer"))
        for at, stage in sorted(moves.get(person.id, ())):
            if at <= story.past.until and RANK[stage] > RANK[person.stages[-1][1]]:
                person.stages.append((at, stage))
        at_risk = (person.customer_at or math.inf) + AT_RISK_AFTER
        if at_risk < story.past.until and story.rng.random() < AT_RISK_RATE:
            person.stages.append((int(at_risk), "at-risk"))


# ------------------------------------------------------------ deals and costs


def deals(story: Story) -> Iterator[dict[str, Any]]:
    """Won with most purchases, lost or open with demos that came to nothing."""
    rng, until = story.rng, story.past.until
    for who, at in sorted({**story.demos, **{who: one.at for who, one in story.buys.items()}}.items()):
        bought, source = story.buys.get(who), story.sources.get(who)
        if at > until:
            continue
        if bought and source == "Webinar program" and rng.random() < 0.75:
            continue  # they take the small plan without talking to anybody
        amount = int(rng.uniform(*DEAL_MINOR)) // 100 * 100
        row: dict[str, Any] = {"deal_id": f"D{who}", "name": f"Deal {who}", "amount_minor": amount, "currency": "USD",
                               "owner": OWNERS[who % len(OWNERS)], "contact_ids": [who],
                               "source_campaign": source if rng.random() < 0.3 else None}
        if bought:
            yield row | {"stage": "won", "won": 1, "created_at": at - 9 * DAY, "closed_at": at + HOUR}
        elif rng.random() < 0.6:
            yield row | {"stage": "lost", "won": 0, "created_at": at, "closed_at": min(at + 30 * DAY, until),
                         "lost_reason": rng.choice(("price", "no time", "another tool"))}
        else:
            yield row | {"stage": rng.choice(("meeting", "proposal")), "created_at": at + 5 * MINUTE}


CAMPAIGNS = {  # owner, goal, budget in minor units
    "Webinar program": ("Rosa Lindqvist", "300 people from healthcare at a webinar each quarter", 22_000_000),
    "Product growth": ("Marc Oyelaran", "1,000 customers who use three features or more", 4_000_000),
    "Newsletter growth": ("Rosa Lindqvist", "15,000 readers who open one letter a month", 1_000_000)}
COSTS = (("Webinar program", "event", "speakers and platform", 1_250_000), ("Webinar program", "event", "advertising", 420_000),
         ("Product growth", "email", "content", 90_000), ("Product growth", "paid", "advertising", 160_000),
         ("Newsletter growth", "email", "content", 60_000), (None, None, "platform", 80_000))  # minor units a month
