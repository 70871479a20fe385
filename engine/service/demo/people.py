"""Who the demo company knows: accounts, contacts with consent or without, duplicates and bad addresses among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from ...access import Actor
from ...clock import DAY
from ...maths.assignment import hash31_of
from ...people import accounts, consent, contacts
from ...store import CHUNK, Store

FIRST, LAST = (part.split() for part in (Path(__file__).parent / "content" / "names.txt").read_text().split("--"))
INDUSTRIES = (("healthcare", 15), ("technology", 28), ("retail", 20), ("education", 12), ("manufacturing", 15),
              ("finance", 10))
ZONES = ("Europe/Berlin", "Europe/London", "America/New_York", "America/Chicago", "America/Los_Angeles", "Asia/Tokyo",
         "Australia/Sydney", "America/Sao_Paulo")
SOURCES = ("website", "website", "webinar", "ebook", "referral", "fair", "import")
TOOLS = ("spreadsheets", "spreadsheets", "another tool", "nothing yet")  # what a company looks at its numbers with
OWNED = 4  # one company in so many has belonged to a rep for long; the others' people are free
OWNERS = ("Rita Sales", "Tom Sales", "Mina Sales")
WORDS = (("Blue", "North", "Clear", "Green", "Bright", "Stone", "River", "Silver", "Open", "True", "High", "Swift"),
         ("field", "bridge", "point", "harbor", "works", "line", "gate", "peak", "wood", "stream", "mark", "haven"),
         ("Health", "Software", "Stores", "School", "Tools", "Capital", "Clinic", "Labs", "Trade", "Systems"))
TYPOS = ("gmial.com", "hotmial.com", "yaho.com", "outlok.com", "gmail.con")
NOT_MAILABLE = (("", 55), ("unsubscribed", 25), ("bounced", 12), ("pending", 8))  # the rest, by the newest word on consent


@dataclass(slots=True)
class Person:
    """One contact as the story needs it. said: subscribed, another consent, or '' for never asked."""

    id: int
    email: str
    hash31: int
    industry: str
    created_at: int
    said: str
    keen: float  # 0 to 1: how much she clicks and visits
    customer_at: int | None = None
    stages: list[tuple[int, str]] = field(default_factory=list)

    @property
    def mailable(self) -> bool:
        return self.said == "subscribed"


def make_accounts(store: Store, rng: Random, count: int, *, now: int) -> list[tuple[int, str, str]]:
    """Companies: (id, domain, industry) of each."""
    names = [f"{a}{b} {c}" for a in WORDS[0] for b in WORDS[1] for c in WORDS[2]]
    picked = rng.sample(names, count)
    with store.transaction():
        ids = accounts.ensure_many(store, picked, now=now)
        made = [(ids[name], name.lower().replace(" ", "-") + ".example", _weighted(rng, INDUSTRIES)) for name in picked]
        accounts.save_facts(store, [{"id": number, "domain": domain, "industry": industry,
                                     "employees": int(10 ** rng.uniform(0.7, 3.6)), "works with": TOOLS[number % len(TOOLS)]}
                                    for number, domain, industry in made],
                            now=now)
    return made


def make_contacts(store: Store, rng: Random, count: int, mailable_count: int, companies: Sequence[tuple[int, str, str]], *,
                  since: int, until: int, by: Actor) -> list[Person]:
    """Contacts who came between the two moments, a few more each month; ids are in order of coming."""
    rows: list[dict[str, Any]] = []
    people: list[Person] = []
    taken: set[str] = set()
    days = sorted(since + int((until - since) * rng.random() ** 0.8) for _ in range(count))
    mailable = set(rng.sample(range(count), mailable_count))
    twin = None
    for place, at in enumerate(days):
        row = _row(rng, companies, at, taken, twin if place % 333 == 332 else None, bad=place % 130 == 7)
        twin = row
        said = "subscribed" if place in mailable else _weighted(rng, NOT_MAILABLE)
        rows.append(row)
        people.append(Person(0, row["email"], hash31_of(row["email"]), row["industry"], at, said, rng.random() ** 2,
                             stages=[(at, row["stage"])]))
    for at in range(0, count, CHUNK):
        with store.transaction():
            saved = contacts.upsert_many(store, rows[at:at + CHUNK], now=until, source="demo")
            for person, one in zip(people[at:at + CHUNK], saved, strict=True):
                person.id = one.id
            _consent(store, people[at:at + CHUNK], by, until)
    return people


def _row(rng: Random, companies: Sequence[tuple[int, str, str]], at: int, taken: set[str], twin: dict[str, Any] | None,
         bad: bool) -> dict[str, Any]:
    """A contact; twin: the same person over again under another address; bad: an address with a typing error."""
    account, domain, industry = rng.choice(companies)
    first, last = rng.choice(FIRST), rng.choice(LAST)
    facts = {"first_name": first, "last_name": last, "account_id": account, "industry": industry,
             "phone": f"+4420{rng.randrange(10**7, 10**8)}", "time_zone": rng.choice(ZONES)}
    if twin:
        facts |= {key: twin[key] for key in ("first_name", "last_name", "phone", "account_id", "industry")}
    if bad:
        domain = rng.choice(TYPOS)
    email = f"{facts['first_name']}.{facts['last_name']}@{domain}".lower()
    number = 1
    while email in taken:
        number += 1
        email = f"{facts['first_name']}.{facts['last_name']}{number}@{domain}".lower()
    taken.add(email)
    locale, rep = rng.choice(("en", "en", "en", "de", "fr", "es")), rng.choice(OWNERS)
    return {"email": email, **facts, "locale": locale, "created_at": at, "source": rng.choice(SOURCES), "stage": "subscriber",
            "owner": rep if account % OWNED == 0 else None}


def _consent(store: Store, people: Sequence[Person], by: Actor, until: int) -> None:
    """A row for everybody who was asked; refused and dead addresses also stand on the suppression list."""
    rows = []
    for person in people:
        if person.said in ("unsubscribed", "bounced"):
            rows.append(_said(person, "subscribed", person.created_at, by))
        if person.said:
            rows.append(_said(person, person.said, person.created_at if person.mailable else _later(person, until), by))
    consent.load(store, rows)
    consent.suppress_entries(store, [
        consent.Entry(person.email, consent.place("channel", "email", ""), person.said, _later(person, until))
        for person in people if person.said == "bounced"], evidence="demo", by=by)


def _later(person: Person, until: int) -> int:
    return min(person.created_at + 40 * DAY, until)


def _said(person: Person, status: str, at: int, by: Actor) -> dict[str, object]:
    return {"contact_id": person.id, "channel": "email", "topic": "", "purpose": "marketing", "status": status,
            "basis": "consent", "source": "sign-up form", "text_shown": "Yes, write to me once a month.", "ip": None,
            "at": at, "actor": by.name}


def _weighted(rng: Random, choices: Sequence[tuple[str, int]]) -> str:
    return rng.choices([name for name, _ in choices], [weight for _, weight in choices])[0]
