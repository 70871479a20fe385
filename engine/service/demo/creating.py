"""Makes the demo company: a year behind it, five journeys under way, and truths planted in its data."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ...access import Actor, set_setting
from ...activity import events
from ...audience import personas, watch
from ...audience.rules import known
from ...clock import DAY
from ...config import Config
from ...content import templates
from ...errors import Conflict
from ...measure import costs
from ...outreach import campaigns
from ...people import accounts, deals, dirty
from ...people.fields import define
from ...schema import TABLES, set_watermark, start_over
from ...store import Store
from . import behavior, content, loading, moment, past, selling, truths
from .days import pass_days
from .people import TOOLS, make_accounts, make_contacts
from .walks import Past

SEED = 20260101
CONTACTS, MAILABLE, COMPANIES, SMALL = 20_000, 12_000, 900, 0.1
YEAR, LIVE_DAYS = 365, 14  # days in all; of these the last ones run through the real loop
BY = Actor("demo", "admin")
Report = Callable[[str], None]


def create(store: Store, config: Config, *, now: int, small: bool = False, progress: Report | None = None) -> None:
    """Fill an empty workspace with the demo company, as of the beginning of the day of `now`; the same each time.

    From here on nothing is ever mailed from this workspace. Raises Conflict: it holds contacts already.
    """
    if not moment.is_ready(store) and moment.is_demo(store):
        start_over(store)  # whoever made it last was stopped halfway
    if store.one("SELECT 1 FROM contact c LIMIT 1") or store.one("SELECT 1 FROM journey j LIMIT 1"):
        raise Conflict("init --demo needs an empty workspace: this one holds contacts or journeys already; name another "
                       "database with --db")
    say, scale = progress or (lambda _: None), SMALL if small else 1.0
    today = now - now % DAY
    since, until = today - YEAR * DAY, today - LIVE_DAYS * DAY
    _settings(store, small=small, now=now, until=until)
    say("contacts")
    story = _people(store, scale, since, until)
    say("a year of events")
    truths.plant(story)
    past.live_through(story)
    _write(store, story, scale)
    with store.transaction():
        for table in TABLES:
            store.after_fill(table.name)
    selling.set_up(store, by=BY, now=until)
    say(f"{LIVE_DAYS} days through the journeys and the desks of sales")
    pass_days(store, config, LIVE_DAYS, since=until, clock_now=now)
    moment.save(store, ready=True)


def _settings(store: Store, *, small: bool, now: int, until: int) -> None:
    """First of all: nothing leaves."""
    set_setting(store, "capture_only", True)
    set_setting(store, "currency", "USD")
    set_setting(store, "sender", {"name": "Fernhill Analytics", "email": "hello@fernhill.example",
                                  "postal_address": "12 Mill Lane, Leeds LS1 4AB", "website": content.SITE})
    moment.save(store, created_at=now, clock_offset_s=0, past_until=until, answered_until=until - 1, small=small,
                ready=False)


def _people(store: Store, scale: float, since: int, until: int) -> truths.Story:
    """Fields, content and contacts; the story that is going to be told of them."""
    rng = Random(SEED)
    define(store, "industry", "text", by=BY, now=since)
    define(store, "Works with", "enum", options=sorted(set(TOOLS)), entity=accounts.COMPANY, by=BY, now=since)
    content.save_letters(store, by=BY, now=since)
    content.know_links(store)
    ids = content.save_segments(store, by=BY, now=since)
    content.save_personas(store, by=BY, now=since)
    companies = make_accounts(store, rng, round(COMPANIES * scale), now=since)
    coming = max(1, round(behavior.SIGNUPS * scale)) * LIVE_DAYS
    people = make_contacts(store, rng, round(CONTACTS * scale) - coming, round(MAILABLE * scale) - coming, companies,
                           since=since, until=until, by=BY)
    return truths.Story(Past(until), rng, people, since, scale, ids[content.PRICING_SEGMENT])


def _write(store: Store, story: truths.Story, scale: float) -> None:
    """The whole past, then the marks that say how far everybody has listened."""
    until = story.past.until
    loading.load_events(store, story.past)
    live = content.publish_journeys(store, by=BY, now=story.since)
    found = {one.name: (one.id, one.version_id) for one in templates.list_templates(store)}
    labels: dict[str, int] = dict(store.rows("SELECT j.name, j.campaign_id FROM journey j"))
    loading.load_journeys(store, story.past, live, found, {key: labels[one.journey] for key, one in live.items()})
    loading.load_people(store, story.people, story.past.points, now=until)
    with store.transaction():
        deals.upsert_many(store, past.deals(story), now=until)
    content.save_topics(store, by=BY, now=until)
    _spend(store, story.since, scale, until)
    for segment in watch.live_segments(store, known(store)):
        watch.fill(store, segment, now=until, quiet=True)
    watch.date_back(store, [one.segment_id for one in personas.list_personas(store)])
    accounts.roll_up_everything(store, now=until, log=False)
    _forget_marks(store)
    for name in (watch.CONSUMER, "journeys"):
        with store.transaction():
            set_watermark(store, name, events.last_id(store), until)


def _spend(store: Store, since: int, scale: float, until: int) -> None:
    """What each campaign cost, month by month."""
    for name, (owner, goal, budget) in past.CAMPAIGNS.items():
        campaigns.save(store, name, owner=owner, goal=goal, budget_minor=round(budget * scale), currency="USD",
                       starts_at=since, ends_at=since + 2 * 365 * DAY, utm_name=name, by=BY, now=since)
    rows = []
    for campaign, channel, category, monthly in past.COSTS:
        rows += [costs.Cost(round(monthly * scale), "USD", since + month * 30 * DAY, since + (month + 1) * 30 * DAY, category,
                            campaign, channel) for month in range(12)]
    costs.record(store, rows, by=BY, now=until)


def _forget_marks(store: Store) -> None:
    """Contacts are new to nobody: the segments have just been filled."""
    marks = [row[0] for row in store.rows("SELECT d.id FROM dirty_contact d")]
    with store.transaction():
        dirty.clear(store, marks)
