"""The calendar file that a reminder leads to."""

from __future__ import annotations

import re
from typing import Any

import httpx

from engine.access import COMMAND_LINE
from engine.config import Config
from engine.content import templates
from engine.journeys import documents, versions
from engine.loop.tick import Loop
from engine.outreach import messages
from engine.people import consent, contacts
from engine.store import Store
from tests.conftest import NOW
from tests.journeys.worlds import record
from tests.service.serving import SECRET, serving

CONFIG = Config(secret=SECRET, public_url="https://hear.example")
JOURNEY = {"name": "Reminders", "goal": "none", "entry": {"trigger": {"event": "registered"},
                                                         "reentry": {"policy": "concurrent", "key": "props.webinar_id"}},
           "nodes": [{"id": "remind", "type": "send", "template": "remind", "next": "done"}, {"id": "done", "type": "exit"}]}
LONG = "Größer, schneller; und weiter: was im nächsten Jahr auf alle zukommt, die davon leben"


def paths(store: Store, *happenings: dict[str, Any]) -> list[str]:
    """Where the calendar link of each reminder leads, in order."""
    templates.save(store, "remind", html='<p><a href="{{ calendar_url }}">Calendar</a></p>', subject="Soon", by=COMMAND_LINE,
                   now=NOW)
    versions.publish(store, documents.dump(JOURNEY), by=COMMAND_LINE, now=NOW)
    ada = contacts.save(store, {"email": "ada@x.test"}, by=COMMAND_LINE, now=NOW, source="test").id
    with store.transaction():
        consent.record(store, [ada], "email", "subscribed", basis="consent", source="test", by=COMMAND_LINE, now=NOW)
    loop, links = Loop(store, CONFIG), []
    for number, props in enumerate(happenings, 1):
        record(store, ada, "registered", NOW, **props)
        loop.tick(NOW + number * 86_400)
        copy = messages.find_copy(store, number)
        assert copy and copy.html and not copy.links, "our own link is not tracked"
        links += re.findall(r"https://hear.example(/d/[^\"]+)", copy.html)
    return links


def lines(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/calendar")
    assert all(len(line.encode()) <= 75 for line in answer.text.split("\r\n"))
    unfolded = answer.text.replace("\r\n ", "")
    return dict(line.split(":", 1) for line in unfolded.strip().split("\r\n"))


def test_a_reminder_leads_to_a_calendar_file_and_a_date_that_moved_takes_its_place(store: Store) -> None:
    told = {"webinar_id": "w1", "title": LONG, "url": "https://acme.test/w1", "minutes": 45, "location": "Room 1\nEND:VEVENT"}
    first, moved = paths(store, told | {"starts_at": "2026-10-01T15:00:00+02:00"}, told | {"starts_at": "2026-10-02T13:00:00Z"})
    with serving(store) as address, httpx.Client(base_url=address) as web:
        one, other = lines(web.get(first)), lines(web.get(moved))
    assert (one["DTSTART"], one["DTEND"]) == ("20261001T130000Z", "20261001T134500Z")
    assert one["SUMMARY"].replace("\\", "") == LONG and one["SUMMARY"].count("\\") == 3
    assert one["URL"] == "https://acme.test/w1" and one["LOCATION"] == "Room 1 END:VEVENT"
    assert other["UID"] == one["UID"] and int(other["SEQUENCE"]) > int(one["SEQUENCE"])
    assert other["DTSTART"] == "20261002T130000Z"


def test_without_a_date_there_is_no_file_and_nobody_forges_one(store: Store) -> None:
    (path,) = paths(store, {"webinar_id": "w1", "starts_at": "soon"})
    with serving(store) as address, httpx.Client(base_url=address) as web:
        assert web.get(path).status_code == 404
        assert web.get(path[:-6] + "AA.ics").status_code == 404
        assert web.get("/d/preview.ics").status_code == 404


def test_no_other_scheme_than_the_webs_gets_into_a_calendar(store: Store) -> None:
    (path,) = paths(store, {"webinar_id": "w1", "starts_at": 1_800_000_000, "url": "javascript:alert(1)"})
    with serving(store) as address, httpx.Client(base_url=address) as web:
        found = lines(web.get(path))
    assert "URL" not in found and found["SUMMARY"] == "Reminders" and found["DTSTART"] == "20270115T080000Z"
