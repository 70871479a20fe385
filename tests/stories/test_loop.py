"""The whole way round through public doors only: a CSV in, a segment, a journey, mail, a click, a deal, ROI."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time

import pytest

from engine.clock import DAY, iso

from .conftest import ROOT, Doors, Inside, page_of, tracked, visit

pytestmark = pytest.mark.slow

PEOPLE = """email,first_name,industry,locale
ada@example.com,Ada,technology,en
bo@example.com,Bo,technology,de
cleo@example.com,Cleo,farming,en
"""
JOURNEY = """name: Welcome series
campaign: Newsletter growth
goal: {rule: {event: purchase}, within: 30d}
entry:
  trigger: {segment: Tech, on: entered}
  reentry: {policy: cooldown, after: 90d}
exit:
  - {rule: {tag: bought}, reason: bought}
nodes:
  - {id: hello, type: send, template: welcome, next: clicked}
  - id: clicked
    type: wait_for
    event: {event: email_clicked, of: hello}
    timeout: 2d
    on: {happened: engaged, timeout: story}
  - {id: engaged, type: tag, add: [high engagement], next: points}
  - {id: points, type: score, points: 20, reason: clicked the welcome mail, next: done}
  - {id: story, type: send, template: testimonial, next: done}
  - {id: done, type: exit, reason: finished}
"""
WELCOME = """<html><body><p>Hello {{ contact.first_name | default("you") }}</p>
<p><a href="https://shop.example/popular?ref=1&x=2">Popular posts</a></p></body></html>"""


def prepare(doors: Doors) -> None:
    """Everything a team defines before the first contact comes in."""
    rule = {"all": [{"field": "industry", "op": "is", "value": "technology"}]}
    doors.cli("import", "contacts", doors.file("one.csv", "email,industry\nfirst@example.com,farming\n"))
    doors.cli("segments", "save", "Tech", "--rule", doors.file("tech.json", json.dumps(rule)))
    doors.cli("templates", "save", "welcome", doors.file("welcome.html", WELCOME), "--subject",
              "Welcome {{ contact.first_name }}")
    doors.cli("templates", "save", "testimonial", doors.file("story.html", "<p>What others say</p>"), "--subject", "A story")
    made = doors.cli("journeys", "publish", doors.file("welcome.yaml", JOURNEY))
    assert (made["number"], made["fresh"]) == (1, True)
    doors.cli("tick")


@pytest.fixture
def door(doors: Doors, request: pytest.FixtureRequest) -> Doors:
    """On SQLite each command is a process of its own, on a server all of them run in this one."""
    return doors if doors.url.startswith("sqlite") else request.getfixturevalue("inside")


def test_the_whole_way_round(door: Doors, collector: str) -> None:
    doors = door
    prepare(doors)
    report = doors.cli("import", "contacts", doors.file("people.csv", PEOPLE), "--consent", "email:subscribed:signup")
    assert (report["read"], report["created"], report["rows_in_error"]) == (3, 3, [])

    tally = doors.cli("tick")
    assert (tally["enrolled"], tally["sent"]) == (2, 2)
    mail = doors.post.to("ada@example.com")[0]
    assert mail["Subject"] == "Welcome Ada"
    assert "Hello Ada" in page_of(mail)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert not doors.post.to("cleo@example.com"), "not in the segment"

    status, location, _ = visit(tracked(mail)[0])
    assert (status, location) == (302, "https://shop.example/popular?ref=1&x=2")
    doors.cli("tick")
    shown = doors.cli("contacts", "show", "ada@example.com")
    assert "high engagement" in shown["tags"]
    assert doors.cli("score", "explain", "ada@example.com")["engagement"] == 20
    passage = doors.cli("journeys", "explain", "ada@example.com")[0]
    assert [(step["node"], step["port"]) for step in passage["steps"]] == [
        ("hello", "sent"), ("clicked", "happened"), ("engaged", "next"), ("points", "next"), ("done", "end")]
    assert passage["steps"][1]["event"].startswith("email_clicked")

    later = int(time.time()) + 2 * DAY + 60
    doors.cli("tick", now=later)
    assert [mail["Subject"] for mail in doors.post.to("bo@example.com")] == ["Welcome Bo", "A story"]
    assert len(doors.post.to("ada@example.com")) == 1
    close_the_deal(doors)


def close_the_deal(doors: Doors) -> None:
    """A deal closes, and the campaign is credited with it."""
    now = int(time.time())
    doors.cli("import", "deals", doors.file("deals.csv", "deal_id,email,name,amount,currency,created_at,closed_at,won\n"
              f"d1,ada@example.com,Big,12000,EUR,{iso(now)},{iso(now + 3600)},true\n"))
    doors.cli("import", "costs", doors.file("costs.csv", "campaign,channel,category,amount,currency,from,to\n"
              f"Newsletter growth,email,platform,3000,EUR,{iso(now - DAY)},{iso(now + DAY)}\n"))
    roi = doors.cli("roi", "--since", iso(now - 2 * DAY) or "", "--until", iso(now + 2 * DAY) or "",
                    "--campaign", "Newsletter growth", now=now + 2 * DAY)
    assert roi["cost_minor"] == 300_000
    assert roi["credited_minor"] == 1_200_000
    assert roi["roi"] == 3.0


def test_without_a_consent_row_nobody_is_mailed(inside: Inside) -> None:
    prepare(inside)
    inside.cli("import", "contacts", inside.file("people.csv", PEOPLE))
    tally = inside.cli("tick")
    assert (tally["enrolled"], tally["sent"]) == (2, 0)
    assert inside.post.received == []
    reasons = {message["reason"] for message in inside.cli("messages", "list", "--status", "skipped")}
    assert reasons == {"no_consent"}


def test_one_click_ends_all_mail(inside: Inside, collector: str) -> None:
    prepare(inside)
    inside.cli("import", "contacts", inside.file("people.csv", PEOPLE), "--consent", "email:subscribed:signup")
    inside.cli("tick")
    header = inside.post.to("bo@example.com")[0]["List-Unsubscribe"]
    address = header.split("<", 1)[1].split(">", 1)[0]
    assert visit(address)[0] == 200, "looking at the page changes nothing"
    status, location, _ = visit(address, b"List-Unsubscribe=One-Click", {"Content-Type": "application/x-www-form-urlencoded"})
    assert (status, location) == (200, "")
    again = inside.cli("import", "contacts", inside.file("people.csv", PEOPLE), "--consent", "email:subscribed:signup")
    assert again["created"] == 0
    inside.cli("tick", now=int(time.time()) + 2 * DAY + 60)
    assert [mail["Subject"] for mail in inside.post.to("bo@example.com")] == ["Welcome Bo"]


def test_a_website_sends_events_with_its_key(inside: Inside, collector: str) -> None:
    prepare(inside)
    inside.cli("import", "contacts", inside.file("people.csv", PEOPLE), "--consent", "email:subscribed:signup")
    key = inside.cli("keys", "create", "shop")["key"]
    login = {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode(), "Content-Type": "application/json"}
    body = {"event": "purchase", "anonymousId": "cookie-1", "properties": {"revenue": 20, "currency": "EUR"}, "messageId": "m1"}
    assert visit(f"{collector}/v1/track", json.dumps(body).encode(), login)[0] == 200
    known = {"userId": "u-1", "anonymousId": "cookie-1", "traits": {"email": "bo@example.com"}, "messageId": "m2"}
    assert visit(f"{collector}/v1/identify", json.dumps(known).encode(), login)[0] == 200
    inside.cli("tick")
    timeline = inside.cli("contacts", "show", "bo@example.com")["timeline"]
    assert any("purchase" in entry["text"] for entry in timeline), "what happened before the name was known counts"
    assert visit(f"{collector}/v1/track", b"{", login)[0] == 400
    wrong = login | {"Authorization": "Basic " + base64.b64encode(b"wrong:").decode()}
    assert visit(f"{collector}/v1/track", json.dumps(body).encode(), wrong)[0] == 401
    assert visit(f"{collector}/c/Zm9yZ2Vk")[0] == 404


DRIP = """name: Three letters
goal: none
entry: {trigger: {event: subscribed}}
nodes:
  - {id: one, type: send, template: one, next: rest}
  - {id: rest, type: wait, for: 1s, next: two}
  - {id: two, type: send, template: two, next: rest2}
  - {id: rest2, type: wait, for: 1s, next: three}
  - {id: three, type: send, template: three, next: done}
  - {id: done, type: exit}
limits: {caps: ignore}
"""


def test_complaint_22_a_drip_runs_in_one_process(inside: Inside) -> None:
    """COMPLAINTS 22: a list with a series needs no second product, no queue and no cron: `run` alone writes three letters."""
    doors = inside
    for name in ("one", "two", "three"):
        doors.cli("templates", "save", name, doors.file(f"{name}.html", f"<p>{name}</p>"), "--subject", name)
    doors.cli("import", "contacts", doors.file("one.csv", "email\nada@example.com\n"), "--consent", "email:subscribed:signup")
    doors.cli("journeys", "publish", doors.file("drip.yaml", DRIP))
    words = [sys.executable, "-m", "engine", "--db", doors.url, "run", "--interval", "0.2"]
    with subprocess.Popen(words, cwd=ROOT, env=doors.env, stderr=subprocess.DEVNULL) as runner:
        doors.cli("events", "send", "ada@example.com", "subscribed")
        until = time.monotonic() + 60
        while len(doors.post.received) < 3 and time.monotonic() < until:
            time.sleep(0.1)
        runner.terminate()
    assert [mail["Subject"] for mail in doors.post.to("ada@example.com")] == ["one", "two", "three"]
    doors.cli("tick")  # the runner may have been stopped between the third letter and the end
    passage, = doors.cli("journeys", "explain", "ada@example.com")
    assert (passage["status"], runner.returncode) == ("finished", 0)
