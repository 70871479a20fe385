"""What people do on one day of the demo: they read and click, visit, download, sign up, buy, leave. All through the inbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from ...access import RUNNER
from ...activity import inbox
from ...activity.inbox import Item
from ...audience import lifecycle
from ...clock import DAY, HOUR
from ...people import consent, contacts, deals
from ...store import Store
from . import selling
from .content import LETTERS, SITE
from .past import DEAL_MINOR, PAGES
from .people import FIRST, INDUSTRIES, LAST, OWNERS, ZONES
from .walks import MACHINE_RATE, delay

SIGNUPS, VISITS, LOOKERS, EBOOKS, BUYERS, WEBINAR = 33, 150, 4, 6, 4, 60  # a day at 20,000 contacts; a webinar each fortnight
UNSUBSCRIBE_RATE = 0.004  # of mails
PAPER_RATE, DEMO_RATES = 0.25, {"ebook_thanks": 0.20, "ebook_thanks_personal": 0.28}
HEALTHCARE_BUY_RATE = 0.7
_PATHS = {letter.name: letter.path for letter in LETTERS}
_NAMES, _WEIGHTS = [path for path, _ in PAGES], [weight for _, weight in PAGES]


@dataclass
class Day:
    """One day, from `since` to `until`. The same day of the same demo always goes the same way."""

    store: Store
    since: int
    until: int
    scale: float
    answered_until: int  # mails sent up to here have had their answer

    def __post_init__(self) -> None:
        self.rng = Random(self.until)
        self._n = 0
        self._newest = int(self.store.one("SELECT COALESCE(MAX(c.id), 0) FROM contact c"))

    def happen(self) -> int:
        """Put everything into the inbox; how many items."""
        selling.answer(self.store, self.since)
        customers: list[int] = []
        items = [*self._signups(), *self._responses(), *self._visits(), *self._intents(), *self._purchases(customers)]
        self._become_customers(customers)
        items.sort(key=lambda item: item.payload["occurred_at"])
        return inbox.put(self.store, items, now=self.until)

    # ------------------------------------------------------------ each kind

    def _signups(self) -> list[Item]:
        """New subscribers, each with a row of consent."""
        rows = [self._stranger(place) for place in range(max(1, round(SIGNUPS * self.scale)))]
        with self.store.transaction():
            ids = [saved.id for saved in contacts.upsert_many(self.store, rows, now=self.until, source="sign-up form")]
            consent.record(self.store, ids, "email", "subscribed", basis="consent", source="sign-up form", by=RUNNER,
                           now=self.until, text_shown="Yes, write to me once a month.")
            lifecycle.catch_up(self.store, ids, now=self.until, source="sign-up form", live=False)
        return [self._item(who, "subscribed", row["created_at"], "newsletter") for who, row in zip(ids, rows, strict=True)]

    def _stranger(self, place: int) -> dict[str, Any]:
        rng, first, last = self.rng, self.rng.choice(FIRST), self.rng.choice(LAST)
        return {"email": f"{first}.{last}.{self.until // DAY}-{place}@mail.example".lower(), "first_name": first,
                "last_name": last, "time_zone": rng.choice(ZONES), "industry": rng.choice(INDUSTRIES)[0],
                "stage": "subscriber", "source": "website", "created_at": self._moment()}

    def _responses(self) -> Iterator[Item]:
        """To the mails sent since yesterday's look: opens, clicks, scanners, and now and then somebody leaves."""
        leaving = []
        for message, who, template, sent_at, hash31 in self.store.rows(_SENT, since=self.answered_until, until=self.until - 1):
            keen = (hash31 % 997 / 997) ** 2
            url = SITE + _PATHS.get(template, "/")
            if self.rng.random() < MACHINE_RATE:
                yield self._item(who, "email_opened", sent_at + 3, None, message_id=message, verdict="machine")
                yield self._item(who, "email_clicked", sent_at + 4, url, message_id=message, verdict="machine")
            if self.rng.random() < 0.35 + 0.45 * keen:
                opened = min(sent_at + delay(self.rng), self.until - 240)
                yield self._item(who, "email_opened", opened, None, message_id=message, verdict="human")
                if self.rng.random() < 0.2 + 0.5 * keen:
                    clicked = opened + self.rng.randrange(10, 240)
                    yield self._item(who, "email_clicked", clicked, url, message_id=message, verdict="human")
                    yield self._item(who, "page_view", clicked + 2, _PATHS.get(template, "/"))
            if self.rng.random() < UNSUBSCRIBE_RATE:
                leaving.append(who)
                yield self._item(who, "email_unsubscribed", self.until - 60, None, message_id=message)
            if self.rng.random() < DEMO_RATES.get(template, 0.0):
                yield self._item(who, "demo_booked", self.until - self.rng.randrange(HOUR, 6 * HOUR), "/demo")
        with self.store.transaction():
            consent.record(self.store, leaving, "email", "unsubscribed", basis="request", source="link in a mail", by=RUNNER,
                           now=self.until)

    def _visits(self) -> Iterator[Item]:
        for _ in range(round(VISITS * self.scale)):
            who, at = self._anybody(), self._moment()
            for place, path in enumerate(self.rng.choices(_NAMES, _WEIGHTS, k=self.rng.randrange(1, 5))):
                yield self._item(who, "page_view", min(at + 60 * place, self.until), path)

    def _intents(self) -> Iterator[Item]:
        """Looks at prices, ebooks, and every other week a webinar."""
        for _ in range(max(1, round(LOOKERS * self.scale))):
            who, at = self._anybody(), self._moment()
            for place in range(2):
                yield self._item(who, "page_view", min(at + 300 * place, self.until), "/pricing")
        for _ in range(max(1, round(EBOOKS * self.scale))):
            yield self._item(self._anybody(), "ebook_downloaded", self._moment(), "/ebook/handbook", campaign="Product growth")
        if self.until // DAY % 14 == 0:
            for _ in range(max(2, round(WEBINAR * self.scale))):
                who, at = self._anybody(), self.since + 16 * HOUR
                yield self._item(who, "webinar_attended", at, "numbers live", campaign="Webinar program")
                if self.rng.random() < PAPER_RATE:
                    yield self._item(who, "whitepaper_downloaded", min(at + HOUR, self.until), "/whitepaper",
                                     campaign="Webinar program")

    def _purchases(self, customers: list[int]) -> Iterator[Item]:
        """Mostly anybody; most of the healthcare people who came from the webinar to the white paper."""
        wanted = {self._anybody() for _ in range(max(1, round(BUYERS * self.scale)))}
        week = self.until - 7 * DAY
        wanted |= {who for (who,) in self.store.rows(_SEEKERS, low=week - DAY, high=week)
                   if self.rng.random() < HEALTHCARE_BUY_RATE}
        for who in sorted(wanted):
            customers.append(who)
            at = self._moment()
            yield self._item(who, "purchase", at, "team", value_minor=9_900, currency="USD")
            if self.rng.random() < 0.6:
                yield self._item(who, "feature_used", min(at + HOUR, self.until), "dashboard")

    def _become_customers(self, ids: list[int]) -> None:
        rows: list[dict[str, Any]] = []
        for who in ids:
            amount = int(self.rng.uniform(*DEAL_MINOR)) // 100 * 100
            rows.append({"deal_id": f"D{who}-{self.until // DAY}", "name": f"Deal {who}", "amount_minor": amount,
                         "stage": "won", "currency": "USD", "won": 1, "created_at": self.since, "closed_at": self.until,
                         "owner": OWNERS[who % len(OWNERS)], "contact_ids": [who]})
        with self.store.transaction():
            self.store.serialize("event")
            contacts.upsert_many(self.store, [{"contact_id": who, "stage": "customer"} for who in ids], now=self.until,
                                 source="purchase")
            lifecycle.catch_up(self.store, ids, now=self.until, source="purchase", live=True)
            deals.upsert_many(self.store, rows, now=self.until)

    # ------------------------------------------------------------ small things

    def _anybody(self) -> int:
        return self.rng.randrange(1, self._newest + 1)

    def _moment(self) -> int:
        return self.rng.randrange(self.since + 1, self.until - HOUR)

    def _item(self, who: int, event: str, at: int, thing: str | None, *, campaign: str | None = None, **more: Any) -> Item:
        self._n += 1
        props: dict[str, Any] = {"campaign": campaign} if campaign else {}
        if event == "page_view":
            props = {"path": thing, "url": f"{SITE}{thing}"}
        elif event == "email_clicked":
            props = {"url": thing}
        source = "collector" if event.startswith("email_") else "website"
        return Item("track", f"demo day:{self.until}:{self._n}", {
            "contact_id": who, "event": event, "object": thing, "occurred_at": at, "props": props, "source": source, **more})


_SENT = """SELECT e.message_id, e.contact_id, t.name, e.occurred_at, c.hash31 FROM event e JOIN message m ON m.id = e.message_id
    JOIN template t ON t.id = m.template_id JOIN contact c ON c.id = e.contact_id
    WHERE e.name = 'email_sent' AND e.occurred_at > :since AND e.occurred_at <= :until
    AND c.source IS DISTINCT FROM 'try it as me' ORDER BY e.id"""
_SEEKERS = """SELECT DISTINCT p.contact_id FROM event p JOIN event w ON w.contact_id = p.contact_id
    AND w.name = 'webinar_attended' AND w.occurred_at < p.occurred_at JOIN contact c ON c.id = p.contact_id
    WHERE p.name = 'whitepaper_downloaded' AND p.occurred_at > :low AND p.occurred_at <= :high
    AND c.cf_1 = 'healthcare' ORDER BY p.contact_id"""
