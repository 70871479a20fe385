"""Every journey of the gallery on the people of the demo: they enter, mail is written for them, everybody comes out again."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from engine.access import COMMAND_LINE
from engine.activity import inbox
from engine.activity.inbox import Item
from engine.clock import DAY, HOUR, MINUTE, iso
from engine.journeys import gallery, versions
from engine.journeys.enrolling import launch
from engine.loop import watchdog
from engine.loop.tick import Loop
from engine.people import contacts
from engine.schema import open_store
from engine.service import demo
from engine.store import Store
from tests.conftest import NOW
from tests.service.demo_copies import CONFIG

pytestmark = pytest.mark.slow
KEYS = [entry.key for entry in gallery.entries()]
BUSY_DAYS = 3  # days that the demo itself fills: it signs people up, reads mail, downloads, buys
QUIET = (4, 5, 6, 8, 10, 13, 17, 22, 27, 32, 40, 50, 62, 74, 84)  # days on which only the clock goes on
WEBINAR_DAY, SURVEY_DAY = 4, 32
NUMBERS = count()
BRANCHES = {"webinar_follow_up": {"rest", "missed"}, "nps_survey": {"sorry"}, "long_chain": {"invite"}, "sunset": {"gone"},
            "re_engagement": {"back", "silent"}, "re_permission": {"stays", "silent"}, "customer_onboarding": {"help"}}
MATCHING_ENTER = ("re_engagement", "re_permission", "win_back")
MAILABLE = """SELECT c.id FROM contact c WHERE c.anonymous = 0 AND (SELECT s.status FROM consent s WHERE s.contact_id = c.id
    AND s.channel = 'email' ORDER BY s.at DESC, s.id DESC LIMIT 1) = 'subscribed' ORDER BY c.id"""


@dataclass
class Company:
    """The demo on a day of its own, with a shop and a product beside its website."""

    store: Store
    began: int
    names: dict[str, str] = field(default_factory=dict)

    def happens(self, event: str, people: Iterable[int], after_s: int = 0, **more: Any) -> None:
        at = self.began + after_s
        said = {"event": event, "occurred_at": at, "source": "shop", **more}
        inbox.put(self.store, [Item("track", f"shop:{next(NUMBERS)}", {"contact_id": who, **said}) for who in people], now=at)

    def know(self, people: Iterable[int], **facts: Any) -> None:
        with self.store.transaction():
            contacts.upsert_many(self.store, [{"contact_id": who, **facts} for who in people], now=self.began, source="test")

    def of(self, key: str, query: str) -> list[tuple[Any, ...]]:
        """Rows about one journey: `j` in the query."""
        return self.store.rows(f"{query} AND j.name = :name", name=self.names[key])


@pytest.fixture(scope="module")
def company(fresh_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """All of them live at once, and three months gone by."""
    path = tmp_path_factory.mktemp("gallery") / "demo.db"
    shutil.copy(fresh_demo, path)
    store = open_store(f"sqlite:///{path}")
    made = Company(store, demo.now(store, NOW))
    publish_everything(made)
    what_the_demo_does_not_do(made)
    demo.pass_days(store, CONFIG, BUSY_DAYS, since=made.began, clock_now=NOW)
    loop = Loop(store, CONFIG)
    for day in QUIET:
        answers(made, day)
        loop.tick(made.began + day * DAY)
    yield made
    store.close()


def publish_everything(company: Company) -> None:
    """The demo's own five let their people finish, so that nobody is welcomed twice."""
    store, now, own = company.store, company.began, company.store.rows("SELECT j.name FROM journey j")
    for (name,) in own:
        versions.set_status(store, name, "draining", by=COMMAND_LINE, now=now)
    taken = gallery.names_taken(store)
    for entry in gallery.entries():
        name = f"{entry.title}, new" if entry.title.lower() in taken else entry.title
        draft = gallery.start(store, entry.key, name, by=COMMAND_LINE, now=now)
        launch(store, draft.document, existing="enter" if entry.key in MATCHING_ENTER else "new-only", by=COMMAND_LINE, now=now)
        company.names[entry.key] = name


def what_the_demo_does_not_do(company: Company) -> None:
    """Carts, trials, plans, webinars to come, birthdays, and the orders, marks and looks at prices that take their time."""
    people = iter([row[0] for row in company.store.rows(MAILABLE)])
    some = {key: [next(people) for _ in range(5)] for key in KEYS}
    company.happens("cart_updated", some["abandoned_cart"], props={"cart_id": "c1"})
    company.happens("trial_started", some["trial_to_paid"])
    company.happens("limit_near", some["upsell"])
    company.happens("whitepaper_downloaded", some["long_chain"], object="/whitepaper")
    company.happens("page_view", some["long_chain"], HOUR, object="/pricing")
    soon = {"webinar_id": "w1", "starts_at": iso(company.began + WEBINAR_DAY * DAY)}
    company.happens("webinar_registered", some["webinar_reminders"] + some["webinar_follow_up"], props=soon)
    for place in range(3):
        company.happens("purchase", some["loyalty"], place * HOUR, object="team", value=99, currency="USD")
    company.happens("purchase", some["nps_survey"], object="team", value=99, currency="USD")
    for event in ("demo_booked", "demo_booked", "whitepaper_downloaded", "whitepaper_downloaded", "ebook_downloaded"):
        company.happens(event, some["sales_hand_off"])
    for minute, path in enumerate(("/pricing", "/pricing", "/customers"), start=1):
        company.happens("page_view", some["sales_hand_off"], minute * MINUTE, object=path)
    company.happens("webinar_attended", some["sales_hand_off"])
    company.know(some["birthday"], birthday=iso(company.began + 2 * DAY)[:10].replace("2026", "1990"))
    company.know(some["anniversary"], **{"customer since": iso(company.began + 2 * DAY)[:10].replace("2026", "2024")})
    with company.store.transaction():
        contacts.remove_tags(company.store, some["sunset"], ["low engagement"], now=company.began, source="test")
        contacts.add_tags(company.store, some["sunset"], ["no permission"], now=company.began + 1, source="test")


def answers(company: Company, day: int) -> None:
    """Some come to the webinar and leave early, some answer the survey."""
    of = {WEBINAR_DAY + 1: ("webinar_follow_up", "webinar_attended", {"share": 0.2}),
          SURVEY_DAY + 8: ("nps_survey", "survey_answered", {"score": 3})}
    if day in of:
        key, event, props = of[day]
        inside = company.of(key, "SELECT r.contact_id FROM enrollment r JOIN journey j ON j.id = r.journey_id "
                                 "WHERE r.status = 'active'")
        company.happens(event, [row[0] for row in inside[:4]], (day - 1) * DAY + HOUR, props=props)


@pytest.mark.parametrize("key", KEYS)
def test_people_enter_get_mail_and_come_out_again(company: Company, key: str) -> None:
    passages = company.of(key, """SELECT r.status, r.started_at FROM enrollment r JOIN journey j ON j.id = r.journey_id
        WHERE r.id > 0""")
    left_behind = [at for status, at in passages if status == "active" and at < company.began + BUSY_DAYS * DAY]
    mails = company.of(key, "SELECT m.status, m.reason FROM message m JOIN journey j ON j.id = m.journey_id WHERE m.id > 0")
    assert len(passages) >= 4 and not left_behind
    assert sum(status == "sent" for status, _ in mails) >= 4
    assert {status for status, _ in mails} <= {"sent", "skipped", "canceled"}, "nothing fails, nothing waits"
    steps = company.of(key, """SELECT n.key FROM step s JOIN node n ON n.id = s.node_id JOIN journey_version v
        ON v.id = n.version_id JOIN journey j ON j.id = v.journey_id WHERE s.port IS NOT NULL""")
    assert len(steps) >= 2 * len(passages), "they move"
    assert BRANCHES.get(key, set()) <= {row[0] for row in steps}


def test_nobody_hangs_and_every_letter_can_be_read(company: Company) -> None:
    now = company.began + QUIET[-1] * DAY
    assert watchdog.overdue(company.store, now=now) == watchdog.stuck(company.store, now=now) == []
    assert {row[0] for row in company.store.rows("SELECT j.status FROM journey j")} == {"live", "draining"}
    letters = company.store.rows("""SELECT y.subject, y.html FROM message_copy y JOIN message m ON m.id = y.message_id
        JOIN journey j ON j.id = m.journey_id WHERE j.status = 'live'""")
    assert len(letters) > 200
    assert not [subject for subject, html in letters if "{{" in subject + html or "Hello ," in html or "None" in html]


def test_who_was_written_to_is_counted_once(company: Company) -> None:
    """What the canvas shows at the nodes is what the log says, and every mail sent is one visit of a send step."""
    store = company.store
    logged = store.rows("""SELECT s.node_id, s.port, COUNT(*) FROM step s WHERE s.port IS NOT NULL AND s.port NOT IN
        ('exited', 'pulled', 'called_off') GROUP BY 1, 2 ORDER BY 1, 2""")
    assert logged == store.rows("SELECT t.node_id, t.port, SUM(t.n) FROM node_stat t GROUP BY 1, 2 ORDER BY 1, 2")
    doubled = store.rows("SELECT m.token_id, m.node_id, m.visit FROM message m WHERE m.token_id IS NOT NULL "
                         "GROUP BY 1, 2, 3 HAVING COUNT(*) > 1")
    assert doubled == []
