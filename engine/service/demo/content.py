"""What the demo company says and draws: its messages, segments and journeys, through the ordinary commands."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from ...access import Actor
from ...audience import affinity, personas, segments
from ...content import templates
from ...content.links import Book
from ...journeys import versions
from ...store import Store

FOLDER = Path(__file__).parent / "content"
SITE = "https://fernhill.example"
JOURNEYS = {key: f"{key}.yaml" for key in ("welcome", "ebook", "webinar", "pricing", "onboarding")}
PRICING_SEGMENT = "Looking at pricing"


@dataclass(frozen=True)
class Letter:
    """One message of the company: a headline, what it says, and where it leads. more: a second link, (words, path)."""

    name: str
    subject: str
    headline: str
    body: tuple[str, ...]
    button: str
    path: str
    more: tuple[str, str] | None = None


LETTERS = (
    Letter("welcome", "Welcome, {{ contact.first_name | default('and hello') }}", "Good to have you here",
           ("Once a month we write about what a small team can learn from its own numbers.",
            "To begin with, here is the post that most of our readers start with."),
           "Read the popular post", "/blog/first-numbers", ("Three more that people come back to", "/blog/popular")),
    Letter("ebook_offer", "The handbook that goes with it", "Numbers for a small team, the handbook",
           ("Forty pages, no form to fill in: how to choose five numbers and keep looking at them.",),
           "Get the handbook", "/ebook/handbook", ("Or join the next webinar", "/webinar")),
    Letter("testimonial", "How a clinic halved its no-shows", "Two minutes with somebody who did it",
           ("Dr. Okafor's team had six spreadsheets. This is what they look at now.",),
           "Watch the short video", "/stories/okafor"),
    Letter("ebook_thanks", "Your ebook, and two things that go with it", "Thank you for reading along",
           ("These two pieces pick up where the ebook stops.",), "See the related pieces", "/blog/after-the-ebook",
           ("Book a demo", "/demo")),
    Letter("ebook_thanks_personal", "{{ contact.first_name | default('Hello') }}, shall we look at your numbers together?",
           "Half an hour, with your own numbers",
           ("Bring one spreadsheet; we bring the questions we would ask of it.",), "Choose a time", "/demo",
           ("Read on first", "/blog/after-the-ebook")),
    Letter("case_study", "What changed in the first month", "A case study from your trade",
           ("Before and after, with the numbers that moved and those that did not.",), "Read the case study", "/stories/case"),
    Letter("demo_invite", "Would a demo help?", "A demo, if you would like one",
           ("Thirty minutes, no slides.",), "Book a demo", "/demo"),
    Letter("webinar_recording", "The recording, and the questions we did not get to", "Thank you for coming",
           ("Here is the recording. The white paper answers the questions that were left.",), "Watch the recording",
           "/webinar/recording", ("Download the white paper", "/whitepaper")),
    Letter("consultation", "A free consultation on plans", "Which plan fits? Ask somebody",
           ("Fifteen minutes with a person who knows the plans, at no cost.",), "Choose a time", "/consultation",
           ("Compare the plans", "/pricing")),
    Letter("aboard", "Welcome aboard", "Your first dashboard in ten minutes",
           ("Start with one number. Everything else can wait until tomorrow.",), "Open the short tour", "/tour/short"),
    Letter("aboard_long", "Welcome aboard: the whole tour", "Everything it can do, step by step",
           ("Six short lessons, in the order in which most teams need them.",), "Open the tour", "/tour/long"),
    Letter("first_steps", "Stuck? Most people are, here", "The three steps that people miss",
           ("Connect a source, name a number, invite a colleague.",), "Show me", "/tour/first-steps"),
)

REMINDER = "webinar_soon", "{{ contact.first_name | default('Hello') }}, our webinar begins in an hour: " + SITE + "/webinar"

SEGMENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    (PRICING_SEGMENT, {"event": "page_view", "where": {"object": {"op": "is", "value": "/pricing"}}, "op": "at_least",
                       "count": 2, "within": "7d"}),
    ("Healthcare, webinar and white paper", {"all": [
        {"field": "industry", "op": "is", "value": "healthcare"},
        {"event": "webinar_attended"}, {"event": "whitepaper_downloaded"}]}),
    ("Customers", {"stage": ["customer"]}),
    ("At risk", {"stage": ["at-risk"]}),
    ("Tech, 50 to 200 people", {"all": [{"field": "industry", "op": "is", "value": "technology"},
                                        {"account": "employees", "op": "between", "value": [50, 200]}]}),
    ("Hot leads", {"all": [{"score": {"op": "at_least", "value": 40}, "group": "engagement"},
                           {"not": {"stage": ["customer"]}}]}),
)

# Personas, in the order in which they are asked. They go by what came with the person: so they have been one since then.
PERSONAS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("Clinic manager", {"field": "industry", "op": "is", "value": "healthcare"},
     "Wants fewer no-shows. Comes to a webinar, takes the white paper to the owner, then buys. Show clinics, not charts."),
    ("Data lead", {"all": [{"field": "industry", "op": "is", "value": "technology"},
                           {"account": "employees", "op": "at_least", "value": 50}]},
     "Has every number already, in six places. Wants to try it alone and to read about plans; leave the phone out of it."),
    ("Shop owner", {"field": "industry", "op": "is", "value": "retail"},
     "Reads at night, on a phone. One number and one thing to do with it; never more than three lines."),
)


# Topics: pages and links about them, and the messages that are about nothing else.
TOPICS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("First numbers", ("/blog", "/ebook", "/tour"), ("welcome", "ebook_offer")),
    ("Plans and prices", ("/pricing", "/consultation", "/demo"), ("consultation", "demo_invite")),
    ("Customer stories", ("/stories", "/whitepaper"), ("case_study", "testimonial")),
    ("Webinars", ("/webinar",), ("webinar_recording",)),
)


def save_letters(store: Store, *, by: Actor, now: int) -> None:
    """Every message as a template."""
    page = (FOLDER / "mail.html").read_text()
    for letter in LETTERS:
        templates.save(store, letter.name, html=_written(page, letter), subject=letter.subject, by=by, now=now)
    name, text = REMINDER
    templates.save(store, name, html=None, text=text, channel="sms", by=by, now=now)


def know_links(store: Store) -> None:
    """Give every tracked link its id now: it stays the same however often the demo starts again."""
    versions_of = {one.name: one.version_id for one in templates.list_templates(store)}
    Book(store).ids([(versions_of[letter.name], SITE + path) for letter in LETTERS
                     for path in (letter.path, *([letter.more[1]] if letter.more else ()))])


def save_segments(store: Store, *, by: Actor, now: int) -> dict[str, int]:
    """Every segment; ids by name."""
    return {name: segments.save(store, name, rule, by=by, now=now).id for name, rule in SEGMENTS}


def save_personas(store: Store, *, by: Actor, now: int) -> None:
    """Who the company writes to."""
    for name, rule, notes in PERSONAS:
        personas.save(store, name, rule, notes, by=by, now=now)


def save_topics(store: Store, *, by: Actor, now: int) -> None:
    """Which of the content is about what."""
    for name, pages, mails in TOPICS:
        affinity.save(store, name, pages=pages, links=[SITE + page for page in pages], mails=mails, by=by, now=now)


def publish_journeys(store: Store, *, by: Actor, now: int) -> dict[str, versions.Version]:
    """Every journey, live; its version by key."""
    return {key: versions.publish(store, (FOLDER / file).read_text(), by=by, now=now) for key, file in JOURNEYS.items()}


def _written(page: str, letter: Letter) -> str:
    body = "\n".join(f"<p>{escape(line, quote=False)}</p>" for line in letter.body)
    more = f'<p><a href="{SITE}{letter.more[1]}">{escape(letter.more[0], quote=False)}</a></p>' if letter.more else ""
    parts = {"headline": escape(letter.headline, quote=False), "body": body, "link": SITE + letter.path,
             "button": escape(letter.button, quote=False), "more": more}
    for name, text in parts.items():
        page = page.replace(f"[[{name}]]", text)
    return page
