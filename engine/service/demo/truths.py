"""What is planted in the demo, so that somebody who looks can find it. docs/demo.md names each; tests hold the data to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import sqrt
from random import Random

from ...clock import DAY, HOUR, MINUTE
from ...maths.assignment import arm_of
from . import paths
from .people import Person
from .walks import Happening, Past, Points, Walk

HEALTHCARE, HEALTHCARE_RATE = 260, 0.7  # people with webinar then white paper, and how many buy in 14 days
ARM, PLAIN_RATE, PERSONAL_RATE = 1_000, 0.20, 0.28
WEBINAR, WEBINAR_RATE, EARLY, EARLY_Z = 1_740, 0.2, 0.3, 2.8
PRICING, PRICING_RATE = 1_500, 0.3
LOST_TOUR, LOST_TOUR_SMALL = 0.22, 0.6  # of the long tour, people who were never enrolled: a broken sample ratio
OTHER_BUYERS, READERS_BUY = 0.04, 0.12
MARGIN = 60 * DAY  # what is planted has run its course before the past ends


@dataclass(slots=True)
class Story:
    """The past being made. scale: 1, or 0.1 for the small demo; segment: the id of who looks at pricing."""

    past: Past
    rng: Random
    people: list[Person]
    since: int
    scale: float
    segment: int
    demos: dict[int, int] = field(default_factory=dict)  # contact → when a demo was booked
    buys: dict[int, Happening] = field(default_factory=dict)
    sources: dict[int, str] = field(default_factory=dict)  # contact → campaign whose people it belongs to

    def few(self, count: float) -> int:
        """A count at the scale of this demo."""
        return round(count * self.scale)

    def event(self, person: Person, name: str, at: int, thing: str | None = None, **more: object) -> Happening:
        """Note an event of a person."""
        return self.past.add(Happening(at, person.id, name, thing, **more))  # type: ignore[arg-type]

    def book_demo(self, person: Person, at: int) -> None:
        """A demo is booked, once."""
        if person.id not in self.demos:
            self.event(person, "demo_booked", at, "/demo")
            self.demos[person.id] = at

    def buy(self, person: Person, at: int) -> None:
        """The first purchase makes a customer."""
        if person.id in self.buys or at > self.past.until:
            return
        value = self.rng.choice((49_00, 99_00, 99_00, 199_00, 499_00))
        plan = {4900: "starter", 9900: "team", 19900: "business", 49900: "company"}[value]
        self.buys[person.id] = self.event(person, "purchase", at, plan, value_minor=value)
        person.customer_at = at

    def walk(self, person: Person, journey: str, trigger: Happening) -> Walk:
        """A passage that customers leave, where the journey says so."""
        bought = self.buys.get(person.id) if journey in ("welcome", "ebook") else None
        exits = (bought.at, bought, "became a customer") if bought and bought.at > trigger.at else None
        return Walk(self.past, self.rng, person, journey, trigger, exits)


def plant(story: Story) -> None:
    """Everything planned, each group of people apart from the others."""
    settled = [one for one in story.people if one.mailable and one.created_at < story.past.until - MARGIN - 20 * DAY]
    story.rng.shuffle(settled)
    seekers, rest = _take(settled, story.few(HEALTHCARE), lambda one: one.industry == "healthcare")
    arms, rest = _ebook_arms(story, rest)
    viewers, rest = _take(rest, story.few(WEBINAR), lambda one: one.industry != "healthcare")
    lookers, rest = _take(rest, story.few(PRICING))
    _webinars(story, seekers, viewers)
    _ebooks(story, arms)
    _pricing(story, lookers)
    _others(story, rest)
    _customers(story)


def _take(people: Sequence[Person], count: int, fits: object = None) -> tuple[list[Person], list[Person]]:
    """The first `count` who fit, and all the others."""
    taken = [one for one in people if fits is None or fits(one)][:count]  # type: ignore[operator]
    chosen = {one.id for one in taken}
    return taken, [one for one in people if one.id not in chosen]


def _moment(story: Story, person: Person, *, before: int = MARGIN) -> int:
    """Some daytime after she came and well before the past ends."""
    low = person.created_at + 8 * DAY
    return int(story.rng.uniform(low, max(low + DAY, story.past.until - before)))


# ------------------------------------------------------------ each truth


def _webinars(story: Story, seekers: list[Person], viewers: list[Person]) -> None:
    """Healthcare people who go on to the white paper buy; the mail's two senders make no difference, early looks apart."""
    buyers = {one.id for one in seekers[:round(len(seekers) * HEALTHCARE_RATE)]}
    readers = {one.id for one in viewers[:len(viewers) // 5]}
    attended: list[tuple[Happening, Person]] = []
    for person in (*seekers, *viewers):
        at = _webinar_day(story, person)
        story.event(person, "webinar_registered", at - 3 * DAY, "numbers live", props=_OF_WEBINARS)
        attended.append((story.event(person, "webinar_attended", at, "numbers live", props=_OF_WEBINARS), person))
        story.sources[person.id] = "Webinar program"
        if person.id in buyers or (person.id in readers and story.rng.random() < READERS_BUY):
            story.buy(person, at + 5 * DAY + story.rng.randrange(HOUR, 9 * DAY))
    attended.sort(key=lambda pair: pair[0].at)
    for event, person in attended:
        paper = _paper(story, person, event.at) if person.industry == "healthcare" or person.id in readers else None
        story.walk(person, "webinar", event).go(paths.webinar(paper))
    for event, person in _even_arms(attended):
        story.book_demo(person, event.at + story.rng.randrange(DAY, 4 * DAY))


_OF_WEBINARS = '{"campaign": "Webinar program"}'


def _webinar_day(story: Story, person: Person) -> int:
    """The webinar is on the second Tuesday or so of a month, at 16:00 and a few minutes."""
    month = 30 * DAY
    first = story.since + (person.created_at + 6 * DAY - story.since) // month * month + month
    last = story.since + (story.past.until - MARGIN - story.since) // month * month
    return story.rng.randrange(first, max(first, last) + 1, month) + 16 * HOUR + story.rng.randrange(5 * MINUTE)


def _paper(story: Story, person: Person, at: int) -> Happening:
    return story.event(person, "whitepaper_downloaded", at + story.rng.randrange(2 * HOUR, 5 * DAY), "/whitepaper",
                       props=_OF_WEBINARS)


def _even_arms(attended: Sequence[tuple[Happening, Person]]) -> Iterable[tuple[Happening, Person]]:
    """The same rate in both arms in the end, but early in the one and late in the other: a daily look finds a winner."""
    for arm, sign in (("team", 1), ("same_team", -1)):
        own = [pair for pair in attended if arm_of(pair[1].hash31, paths.WEBINAR_SALT, paths.WEBINAR_ARMS) == arm]
        early = round(len(own) * EARLY)
        apart = EARLY_Z * sqrt(2 * WEBINAR_RATE * (1 - WEBINAR_RATE) / max(early, 1)) / 2
        first = round(early * (WEBINAR_RATE + sign * apart))
        later = round(len(own) * WEBINAR_RATE) - first
        yield from _spread(own[:early], first)
        yield from _spread(own[early:], later)


def _spread(pairs: Sequence[tuple[Happening, Person]], count: int) -> list[tuple[Happening, Person]]:
    """`count` of them, evenly over the list."""
    return [pairs[place * len(pairs) // count] for place in range(count)] if count > 0 else []


def _ebook_arms(story: Story, people: Sequence[Person]) -> tuple[dict[str, list[Person]], list[Person]]:
    arms = {name: _take(people, story.few(ARM), lambda one, name=name: arm_of(
        one.hash31, paths.EBOOK_SALT, paths.EBOOK_ARMS) == name)[0] for name in paths.EBOOK_ARMS}
    chosen = {one.id for own in arms.values() for one in own}
    return arms, [one for one in people if one.id not in chosen]


def _ebooks(story: Story, arms: dict[str, list[Person]]) -> None:
    """The personal offer books more demos: 28 % against 20 %."""
    for arm, rate in (("plain", PLAIN_RATE), ("personal", PERSONAL_RATE)):
        bookers = {one.id for one in arms[arm][:round(len(arms[arm]) * rate)]}
        for person in arms[arm]:
            at = _moment(story, person)
            if person.id in bookers:
                story.book_demo(person, at + story.rng.randrange(2 * DAY, 12 * DAY))
                if story.rng.random() < 0.35:
                    story.buy(person, at + story.rng.randrange(20 * DAY, 45 * DAY))
            event = story.event(person, "ebook_downloaded", at, "/ebook/handbook", props='{"campaign": "Product growth"}')
            story.sources[person.id] = "Product growth"
            story.walk(person, "ebook", event).go(paths.ebook)


def _pricing(story: Story, people: Sequence[Person]) -> None:
    """Those who are written to and those held out buy equally often."""
    for arm in paths.PRICING_ARMS:
        own = [one for one in people if arm_of(one.hash31, paths.PRICING_SALT, paths.PRICING_ARMS) == arm]
        buyers = {one.id for one in own[:round(len(own) * PRICING_RATE)]}
        for person in own:
            at = _moment(story, person)
            for before in (2 * DAY, 0):
                story.event(person, "page_view", at - before, "/pricing", props=page("/pricing"))
            event = story.event(person, "segment_entered", at + 1, str(story.segment), source="watch",
                                props='{"segment": "Looking at pricing"}')
            if person.id in buyers:
                story.buy(person, at + story.rng.randrange(7 * DAY, 21 * DAY))
            story.sources[person.id] = "Product growth"
            story.walk(person, "pricing", event).go(paths.pricing(person.id in buyers))


def _others(story: Story, people: Sequence[Person]) -> None:
    """Some buy without having been in anything."""
    for person in people[:round(len(people) * OTHER_BUYERS)]:
        story.buy(person, _moment(story, person, before=20 * DAY))


def _customers(story: Story) -> None:
    """Everybody who bought is shown around; of the long tour some are missing. Some customers go quiet."""
    by_id = {one.id: one for one in story.people}
    lost = LOST_TOUR if story.scale == 1 else LOST_TOUR_SMALL
    for who, bought in sorted(story.buys.items()):
        person, used = by_id[who], story.rng.random() < 0.6
        if used:
            story.event(person, "feature_used", bought.at + story.rng.randrange(HOUR, 2 * DAY), "dashboard", source="product")
        long = arm_of(person.hash31, paths.TOUR_SALT, paths.TOUR_ARMS) == "long"
        if not (long and story.rng.random() < lost):
            story.walk(person, "onboarding", bought).go(paths.onboarding(used))


def page(path: str) -> str:
    """The properties of a visit to a page of our own."""
    return f'{{"path": "{path}", "url": "https://fernhill.example{path}"}}'


__all__ = ["Points", "Story", "page", "plant"]
