"""S2 through public doors: the welcome series of the gallery with its branches A, B and B2, and the sunset after it."""

from __future__ import annotations

import time

import pytest

from engine.clock import DAY, HOUR, iso
from engine.journeys import gallery

from .conftest import Inside, tracked, visit

pytestmark = pytest.mark.slow
WHO = ("ada", "bo", "cy", "di")


def subjects(doors: Inside, who: str) -> list[str]:
    return [str(mail["Subject"]) for mail in doors.post.to(f"{who}@example.com")]


def path(doors: Inside, who: str, now: int) -> list[str]:
    passages = doors.cli("journeys", "explain", f"{who}@example.com", "--journey", "Welcome series", now=now)
    return [f"{step['node']}.{step['port']}" for step in passages[0]["steps"] if step["port"]]


def click(doors: Inside, who: str, mail: int) -> None:
    status, location, _ = visit(tracked(doors.post.to(f"{who}@example.com")[mail])[0])
    assert status == 302 and location.startswith("https://www.example.com/")


def test_the_welcome_series_and_its_branches(inside: Inside, collector: str) -> None:
    doors, start = inside, int(time.time())
    lines = "\n".join(f"{who}@example.com,{who.title()}" for who in WHO)
    doors.cli("import", "contacts", doors.file("people.csv", f"email,first_name\n{lines}\n"), "--consent",
              "email:subscribed:signup")
    for key in ("welcome_series", "sunset"):
        doors.cli("journeys", "start", key)
        made = doors.cli("journeys", "publish", doors.file(f"{key}.yaml", gallery.get(key).text))
        assert made["number"] == 1
    happened = "\n".join(f"{who}@example.com,subscribed,{iso(start)}" for who in WHO)
    doors.cli("import", "events", doors.file("events.csv", f"email,event,occurred_at\n{happened}\n"), "--live")

    assert doors.cli("tick", now=start + 60)["sent"] == 4
    click(doors, "ada", 0)
    doors.cli("tick", now=start + HOUR)
    assert "high engagement" in doors.cli("contacts", "show", "ada@example.com")["tags"], "branch A, at once"

    doors.cli("tick", now=start + 2 * DAY + 2 * HOUR)
    assert subjects(doors, "ada") == ["Welcome to the newsletter", "A handbook to go with it"]
    assert subjects(doors, "bo")[1:] == subjects(doors, "cy")[1:] == ["How somebody like you did it"]
    click(doors, "bo", 1)
    click(doors, "di", 0)  # too late for the path
    doors.cli("tick", now=start + 3 * DAY)
    doors.cli("tick", now=start + 5 * DAY + HOUR)
    assert subjects(doors, "bo")[2:] == ["A handbook to go with it"], "branch B joins the last step of A"
    assert path(doors, "bo", start + 5 * DAY)[1:5] == ["clicked.timeout", "story.sent", "clicked2.happened", "pause2.next"]
    assert path(doors, "di", start + 5 * DAY)[1:4] == ["clicked.timeout", "story.sent", "clicked2.timeout"]
    assert path(doors, "cy", start + 5 * DAY)[-2:] == ["low.next", "done.end"], "branch B2"

    doors.cli("tick", now=start + 8 * DAY + 2 * HOUR)  # the sunset waits three days after the mark
    assert subjects(doors, "cy")[2:] == ["We stop writing in two weeks"]
    click(doors, "di", 2)
    doors.cli("tick", now=start + 9 * DAY)
    doors.cli("tick", now=start + 24 * DAY)
    passages = {who: doors.cli("journeys", "explain", f"{who}@example.com", "--journey", "Sunset", now=start + 24 * DAY)
                for who in ("cy", "di")}
    assert {who: found[0]["reason"] for who, found in passages.items()} == {"cy": "removed", "di": "stays"}
    doors.cli("enroll", "cy@example.com", "Welcome series", now=start + 120 * DAY)
    doors.cli("tick", now=start + 120 * DAY)
    assert len(subjects(doors, "cy")) == 3, "nothing more is sent to whoever was removed"
