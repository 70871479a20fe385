"""S1, an ebook and what follows; S10, carts, birthdays, anniversaries: by the command line, on a clock that the story sets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.clock import DAY, HOUR, parse_moment
from engine.journeys import gallery
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
    """Also the anniversary of becoming a customer, an hour later: of 29 February the 28th where there is none."""
    office.letters("wishes")
    office.people("email,birthday,time_zone,customer since\nleap@example.com,1996-02-29,Pacific/Auckland,\n"
                  "may@example.com,1990-05-05,,2024-02-29\n")
    office.ask("journeys", "start", "anniversary")
    office.publish(gallery.get("anniversary").text)
    office.publish(BIRTHDAY)
    for year in (2027, 2028):
        for moment in (f"{year}-02-27T00:00Z", f"{year}-02-27T19:59Z", f"{year}-02-27T20:00Z",
                       f"{year}-02-28T10:00Z", f"{year}-02-28T20:00Z", f"{year}-02-29T10:00Z" if year == 2028 else
                       f"{year}-03-01T10:00Z", f"{year}-05-05T08:59Z", f"{year}-05-05T09:00Z"):
            office.now = parse_moment(moment)
            office.ask("tick")
    hours = {who: [NOW + hour * HOUR for name, hour in office.mails(f"{who}@example.com") if name == "wishes"]
             for who in ("leap", "may")}
    thanked = [NOW + hour * HOUR for name, hour in office.mails("may@example.com") if name == "anniversary_thanks"]
    feasts = [parse_moment("2027-02-28T10:00Z"), parse_moment("2028-02-29T10:00Z")]
    assert all(abs(found - wanted) < HOUR for found, wanted in zip(thanked, feasts, strict=True))
    leap = [parse_moment("2027-02-27T20:00Z"), parse_moment("2028-02-28T20:00Z")]  # 09:00 on the 28th, on the 29th
    may = [parse_moment("2027-05-05T09:00Z"), parse_moment("2028-05-05T09:00Z")]
    assert all(abs(found - wanted) < HOUR for found, wanted in zip(hours["leap"], leap, strict=True))
    assert all(abs(found - wanted) < HOUR for found, wanted in zip(hours["may"], may, strict=True))
