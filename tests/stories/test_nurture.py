"""S1, an ebook and what follows; S10, carts, birthdays and webinars: by the command line, on a clock that the story sets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.clock import DAY, HOUR, parse_moment
from tests.conftest import NOW

from .office import Capture, Office


@pytest.fixture
def office(url: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.delenv("SMTP_URL", raising=False)
    monkeypatch.setenv("THROUGHLINE_SECRET", "story")
    return Office(url, tmp_path, capsys)


def does(office: Office, who: str, event: str, thing: str | None = None, **props: object) -> None:
    """Somebody does something with an object and properties, and the runner comes round."""
    more = ["--object", thing] if thing else []
    office.does(who, event, *more, "--props", json.dumps(props))


# ------------------------------------------------------------ S1

EBOOK = """name: Ebook nurture
goal: {rule: {event: email_clicked}}
entry: {trigger: {form: Marketing guide}}
exit: [{rule: {stage: [customer]}, reason: became a customer}]
nodes:
  - {id: day1, type: wait, for: 24h, next: thanks}
  - {id: thanks, type: send, template: thanks, next: day3}
  - {id: day3, type: wait, for: 2d, next: case}
  - {id: case, type: send, template: case study, next: day7}
  - {id: day7, type: wait, for: 4d, next: demo}
  - {id: demo, type: send, template: demo call, next: late}
  - {id: late, type: wait, for: 3d, next: ready}
  - {id: ready, type: goal, rule: {event: email_clicked}, on: {reached: points, missed: over}}
  - {id: points, type: score, points: 20, group: engagement, next: owner}
  - {id: owner, type: task, why: wants a demo, next: invite}
  - {id: invite, type: send, template: invitation, transactional: true, next: won}
  - {id: won, type: exit, reason: sales-ready}
  - {id: over, type: exit, reason: no click}
"""


def test_s1_an_ebook_is_followed_by_three_mails_and_a_click_leads_to_sales(office: Office) -> None:
    office.letters("thanks", "case study", "demo call", "invitation")
    office.people("email\nada@example.com\nbo@example.com\ncy@example.com\n")
    office.publish(EBOOK)
    for who in ("ada", "bo", "cy"):
        does(office, f"{who}@example.com", "form_submitted", "Marketing guide")
    does(office, "cy@example.com", "form_submitted", "Another form")
    office.wait(24 * HOUR)
    office.wait(48 * HOUR)
    assert office.mails("ada@example.com") == [("thanks", 24), ("case study", 72)]
    office.now += 60
    does(office, "ada@example.com", "email_clicked")
    assert office.mails("ada@example.com")[-1] == ("invitation", 72), "at once, and away from the rest"
    office.ask("contacts", "set", "cy@example.com", "stage=customer")
    office.wait(96 * HOUR - 60)
    assert office.mails("bo@example.com") == [("thanks", 24), ("case study", 72), ("demo call", 168)]
    assert [name for name, _ in office.mails("ada@example.com")] == ["thanks", "case study", "invitation"]
    assert [name for name, _ in office.mails("cy@example.com")] == ["thanks", "case study"]
    office.wait(3 * DAY)
    ends = {who: office.ask("journeys", "explain", f"{who}@example.com")[0]["reason"] for who in ("ada", "bo", "cy")}
    assert ends == {"ada": "sales-ready", "bo": "no click", "cy": "became a customer"}
    assert office.ask("score", "explain", "ada@example.com")["engagement"] == 20


# ------------------------------------------------------------ S10

CART = """name: Abandoned cart
goal: {rule: {event: purchase}}
entry:
  trigger: {event: cart_updated}
  reentry: {policy: per_key, key: props.cart_id}
exit: [{rule: {event: purchase, where: {cart_id: {trigger: cart_id}}}, reason: ordered}]
limits: {caps: ignore}
nodes:
  - id: idle
    type: wait_for
    event: {event: cart_updated, where: {cart_id: {trigger: cart_id}}}
    timeout: 4h
    on: {happened: again, timeout: remind}
  - {id: again, type: go_to, node: idle}
  - {id: remind, type: send, template: cart, next: done}
  - {id: done, type: exit}
"""


def test_s10_each_cart_is_reminded_of_four_hours_after_its_last_change(office: Office) -> None:
    text = "<p>Cart {{ trigger.cart_id }} waits</p>"
    office.ask("templates", "save", "cart", office.file(text), "--subject", "Cart {{ trigger.cart_id }}")
    office.people("email\nada@example.com\n")
    office.publish(CART)
    ada = "ada@example.com"
    does(office, ada, "cart_updated", cart_id="a")
    does(office, ada, "cart_updated", cart_id="b")
    does(office, ada, "cart_updated", cart_id="c")
    office.wait(2 * HOUR)
    does(office, ada, "cart_updated", cart_id="a")
    does(office, ada, "purchase", cart_id="b")
    office.wait(2 * HOUR)
    assert office.mails(ada) == [("cart", 4)]
    office.wait(2 * HOUR)
    assert office.mails(ada) == [("cart", 4), ("cart", 6)]
    shown = [office.ask("messages", "show", str(one["id"]))["copy"]["subject"]
             for one in sorted(office.ask("messages", "list", "--contact", ada), key=lambda one: one["id"])]
    assert sorted(shown) == ["Cart a", "Cart c"]


BIRTHDAY = """name: Birthday
goal: none
entry: {trigger: {date: birthday, every: year, at: 09:00}}
nodes:
  - {id: wish, type: send, template: wishes, next: done}
  - {id: done, type: exit}
"""


def test_s10_a_birthday_is_wished_each_year_in_the_morning_where_they_live(office: Office) -> None:
    office.letters("wishes")
    office.people("email,birthday,time_zone\nleap@example.com,1996-02-29,Pacific/Auckland\nmay@example.com,1990-05-05,\n")
    office.publish(BIRTHDAY)
    for year in (2027, 2028):
        for moment in (f"{year}-02-27T00:00Z", f"{year}-02-27T19:59Z", f"{year}-02-27T20:00Z", f"{year}-02-28T20:00Z",
                       f"{year}-05-05T08:59Z", f"{year}-05-05T09:00Z"):
            office.now = parse_moment(moment)
            office.ask("tick")
    hours = {who: [NOW + hour * HOUR for _, hour in office.mails(f"{who}@example.com")] for who in ("leap", "may")}
    leap = [parse_moment("2027-02-27T20:00Z"), parse_moment("2028-02-28T20:00Z")]  # 09:00 on the 28th, on the 29th
    may = [parse_moment("2027-05-05T09:00Z"), parse_moment("2028-05-05T09:00Z")]
    assert all(abs(found - wanted) < HOUR for found, wanted in zip(hours["leap"], leap, strict=True))
    assert all(abs(found - wanted) < HOUR for found, wanted in zip(hours["may"], may, strict=True))


WEBINAR = """name: Webinar
goal: {rule: {event: attended}}
limits: {caps: ignore, quiet: ignore}
entry:
  trigger: {date: starts_at, of: webinar_registered, offset: [-24h, -1h]}
  reentry: {policy: after_finish, key: props.webinar}
nodes:
  - {id: soon, type: condition, rule: {trigger: offset, op: is, value: -1h}, on: {yes: hour, no: day}}
  - {id: hour, type: send, template: in an hour, next: done}
  - {id: day, type: send, template: tomorrow, next: done}
  - {id: done, type: exit}
"""


def test_s10_webinar_reminders_follow_the_date_and_late_registrants_skip_what_is_past(office: Office) -> None:
    office.letters("in an hour", "tomorrow")
    office.people("email\nada@example.com\nbo@example.com\n")
    office.publish(WEBINAR)
    begins = NOW + 10 * DAY
    does(office, "ada@example.com", "webinar_registered", webinar="w", starts_at=begins)
    office.wait(DAY)
    does(office, "ada@example.com", "webinar_registered", webinar="w", starts_at=begins + 2 * DAY)  # it moves
    for _ in range(9):
        office.wait(DAY)
    assert office.mails("ada@example.com") == [], "the old date brings nothing"
    office.wait(DAY)
    office.wait(20 * HOUR)
    does(office, "bo@example.com", "webinar_registered", webinar="w", starts_at=begins + 2 * DAY)
    office.wait(3 * HOUR)
    office.wait(HOUR)
    assert office.mails("ada@example.com") == [("tomorrow", 11 * 24), ("in an hour", 12 * 24 - 1)]
    assert office.mails("bo@example.com") == [("in an hour", 12 * 24 - 1)]
