"""S10 with the journeys of the gallery: webinars, customers from the first order to the last, subscribers who fall silent, and
a cart whose owner nobody knew. By the command line on a clock that the story sets; the cart through the collector."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from engine.clock import DAY, HOUR, iso
from engine.journeys import gallery
from tests.conftest import NOW

from .conftest import Inside, visit
from .office import Capture, Office

pytestmark = pytest.mark.slow


@pytest.fixture
def office(url: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.delenv("SMTP_URL", raising=False)
    monkeypatch.setenv("THROUGHLINE_SECRET", "story")
    return Office(url, tmp_path, capsys)


def open_from_the_gallery(office: Office, *keys: str, existing: str = "new-only") -> None:
    for key in keys:
        office.ask("journeys", "start", key)
        office.ask("journeys", "publish", office.file(gallery.get(key).text), "--existing", existing)


def until(office: Office, *hours: int) -> None:
    """The runner comes round at these hours of the story."""
    for hour in hours:
        office.now = NOW + hour * HOUR
        office.ask("tick")


def mails(office: Office, who: str) -> list[tuple[str, int]]:
    return office.mails(f"{who}@x.test")


def by_day(office: Office, who: str) -> list[tuple[str, int]]:
    return [(name, hour // 24) for name, hour in mails(office, who)]


def does(office: Office, who: str, event: str, thing: str | None = None, **props: Any) -> None:
    office.ask("events", "send", f"{who}@x.test", event, *(["--object", thing] if thing else []), "--props", json.dumps(props))


# ------------------------------------------------------------ a webinar


def test_s10_a_webinar_that_moves_is_reminded_of_and_followed_up_by_who_stayed(office: Office) -> None:
    """Reminders a day and an hour before the new time; who registers late gets only what lies ahead; the file of attendees
    comes the next day. Each reminder has a link to a calendar file."""
    office.people("email\nada@x.test\nbo@x.test\ncy@x.test\ndi@x.test\n")
    open_from_the_gallery(office, "webinar_reminders", "webinar_follow_up")
    first, begins = NOW + 5 * DAY, NOW + 6 * DAY
    for who in ("ada", "bo", "cy"):
        does(office, who, "webinar_registered", webinar_id="w", starts_at=iso(first))
    until(office, 0, 24)
    for who in ("ada", "bo", "cy"):
        does(office, who, "webinar_registered", webinar_id="w", starts_at=iso(begins))
    until(office, 25, 4 * 24, 5 * 24 - 1)
    assert mails(office, "ada") == [], "the old time brings nothing"
    until(office, 5 * 24, 6 * 24 - 2)
    does(office, "di", "webinar_registered", webinar_id="w", starts_at=iso(begins))
    until(office, 6 * 24 - 1, 6 * 24)
    reminded = [("webinar_reminder", 5 * 24), ("webinar_reminder", 6 * 24 - 1)]
    assert (mails(office, "ada"), mails(office, "di")) == (reminded, reminded[1:])
    sent = office.ask("messages", "list")
    assert all("/d/" in office.ask("messages", "show", str(one["id"]))["copy"]["html"] for one in sent)

    office.now = begins + 20 * HOUR
    attended = iso(begins + 600)
    office.ask("import", "events", office.file(
        f"email,event,occurred_at,props.share\nada@x.test,webinar_attended,{attended},0.9\n"
        f"bo@x.test,webinar_attended,{attended},0.25\n"), "--live")
    until(office, 6 * 24 + 20, 6 * 24 + 32, 6 * 24 + 36)
    last = {who: mails(office, who)[-1] for who in ("ada", "bo", "cy", "di")}
    assert last == {"ada": ("webinar_recording", 6 * 24 + 32), "bo": ("webinar_rest", 6 * 24 + 32),
                    "cy": ("webinar_missed", 6 * 24 + 36), "di": ("webinar_missed", 6 * 24 + 36)}


# ------------------------------------------------------------ customers


BAGS = """name: A bag for the camera
goal: {rule: {event: purchase, where: {object: bag}}}
entry: {trigger: {segment: Camera and no bag, on: entered}}
exit: [{rule: {event: purchase, where: {object: bag}}, reason: has one}]
nodes:
  - {id: settle, type: wait, for: 14d, next: show}
  - {id: show, type: send, template: bags, next: done}
  - {id: done, type: exit}
"""


def test_s10_customers_are_sold_what_goes_with_it_asked_and_won_back(office: Office) -> None:
    """Cross-sell by what was ever bought; a survey after a month, followed up by its score; and half a year later a letter to
    those who stayed away."""
    office.people("email\nada@x.test\nbo@x.test\ncy@x.test\ndi@x.test\n")
    office.letters("bags")
    bought = [{"event": "purchase", "where": {"object": "camera"}}, {"not": {"event": "purchase", "where": {"object": "bag"}}}]
    office.ask("segments", "save", "Camera and no bag", "--rule", office.file({"all": bought}))
    long_ago = f"email,event,object,occurred_at\ncy@x.test,purchase,bag,{iso(NOW - 300 * DAY)}\n"
    office.ask("import", "events", office.file(long_ago))
    open_from_the_gallery(office, "nps_survey", "win_back")
    office.publish(BAGS)
    office.ask("tick")
    for who, thing in (("ada", "camera"), ("bo", "camera"), ("cy", "camera"), ("di", "tripod")):
        does(office, who, "purchase", thing)
    until(office, 0, 5 * 24)
    does(office, "bo", "purchase", "bag")
    until(office, 5 * 24 + 1, 14 * 24, 30 * 24)
    asked = {who: by_day(office, who) for who in ("ada", "bo", "cy", "di")}
    assert asked == {"ada": [("bags", 14), ("nps_ask", 30)], "bo": [("nps_ask", 30)], "cy": [("nps_ask", 30)],
                     "di": [("nps_ask", 30)]}, "bo bought one in time, cy had one, di has no camera"

    for who, score in (("ada", 10), ("bo", 8), ("cy", 3)):
        does(office, who, "survey_answered", score=score)
    until(office, 31 * 24, 41 * 24)
    after = {who: [name for name, _ in mails(office, who)][-1] for who in ("ada", "bo", "cy", "di")}
    assert after == {"ada": "nps_promoter", "bo": "nps_ask", "cy": "nps_detractor", "di": "nps_ask"}
    assert office.show("cy@x.test")["tags"] == ["call detractor"]

    until(office, 180 * 24, 183 * 24)
    does(office, "ada", "purchase", "lens")
    until(office, 185 * 24, 187 * 24, 193 * 24, 197 * 24)
    won = {who: by_day(office, who)[-2:] for who in ("ada", "cy")}
    assert won == {"ada": [("nps_promoter", 31), ("win_back_hello", 180)], "cy": [("win_back_hello", 180),
                                                                                 ("win_back_offer", 187)]}
    assert by_day(office, "bo")[-1] == ("win_back_offer", 193), "half a year after the second order, not the first"
    ends = {who: office.ask("journeys", "explain", f"{who}@x.test", "--journey", "Win back customers")[0]["reason"]
            for who in ("ada", "cy")}
    assert ends == {"ada": "came back", "cy": "stayed away"} and office.show("cy@x.test")["stage"] == "lost"


# ------------------------------------------------------------ subscribers who fall silent


def test_s10_the_silent_are_asked_what_they_would_read_then_told_and_let_go(office: Office) -> None:
    """Ada answers the first mail, Bo the last one of the sunset, Cy never: only he is written to no more."""
    office.people("email\nada@x.test\nbo@x.test\ncy@x.test\ndi@x.test\n")
    sent = "".join(f"{who}@x.test,email_sent,{iso(NOW - day * DAY)}\n" for who in ("ada", "bo", "cy") for day in (70, 80, 90))
    office.ask("import", "events", office.file(f"email,event,occurred_at\n{sent}"))
    open_from_the_gallery(office, "re_engagement", "sunset", existing="enter")
    until(office, 0, 24)
    does(office, "ada", "email_clicked")
    until(office, 25, 7 * 24, 17 * 24, 20 * 24)
    assert [name for name, _ in mails(office, "ada")] == ["still_interested"] and mails(office, "di") == []
    told = [("still_interested", 0), ("best_of", 7), ("sunset_last_mail", 20)]
    assert by_day(office, "bo") == by_day(office, "cy") == told
    does(office, "bo", "email_clicked")
    until(office, 21 * 24, 34 * 24 + 1)
    tags = {who: office.show(f"{who}@x.test")["tags"] for who in ("ada", "bo", "cy")}
    assert tags == {"ada": ["re-engaged"], "bo": ["re-engaged"], "cy": ["low engagement"]}
    ends = {who: office.ask("journeys", "explain", f"{who}@x.test", "--journey", "Sunset")[0]["reason"] for who in ("bo", "cy")}
    assert ends == {"bo": "stays", "cy": "removed"}


# ------------------------------------------------------------ a cart whose owner nobody knew


def test_s10_an_anonymous_cart_counts_once_identified(inside: Inside, collector: str) -> None:
    """Four hours after its last change, not after the name became known; whose order came first is left alone."""
    doors, start = inside, int(time.time())
    login = {"Authorization": "Basic " + base64.b64encode(f"{doors.cli('keys', 'create', 'shop')['key']}:".encode()).decode(),
             "Content-Type": "application/json"}

    def post(kind: str, **body: Any) -> None:
        assert visit(f"{collector}/v1/{kind}", json.dumps({**body, "messageId": str(time.time_ns())}).encode(), login)[0] == 200

    doors.cli("import", "contacts", doors.file("people.csv", "email\nada@example.com\nbo@example.com\n"), "--consent",
              "email:subscribed:signup")
    doors.cli("journeys", "start", "abandoned_cart")
    doors.cli("journeys", "publish", doors.file("cart.yaml", gallery.get("abandoned_cart").text))
    for browser in ("ada", "bo"):
        post("track", anonymousId=browser, event="cart_updated", properties={"cart_id": f"cart of {browser}"})
    doors.cli("tick")
    post("track", anonymousId="bo", event="purchase", properties={"cart_id": "cart of bo"})
    doors.cli("tick")
    assert doors.cli("journeys", "list")[0]["entered"] == 0, "visitors enter no journey"
    for browser in ("ada", "bo"):
        post("identify", anonymousId=browser, traits={"email": f"{browser}@example.com"})
    doors.cli("tick", now=start + HOUR)
    doors.cli("tick", now=start + 4 * HOUR - 60)
    assert doors.post.received == []
    doors.cli("tick", now=start + 4 * HOUR + 60)
    assert [(mail["To"], mail["Subject"]) for mail in doors.post.received] == [
        ("ada@example.com", "You left something behind")]
    assert doors.cli("journeys", "explain", "bo@example.com")[0]["reason"] == "bought"
