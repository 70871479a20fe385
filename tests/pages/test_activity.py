"""Activity: events, messages with their copies, the runner, refusals, audit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine import clock
from engine.access import COMMAND_LINE
from engine.activity import events
from engine.config import Config
from engine.content import templates
from engine.journeys import enrolling, versions
from engine.loop.tick import Loop
from engine.outreach import messages
from engine.service import attention, health, users
from engine.store import Store
from pages.widgets import live_events

from .running import open_page, well, words


def sent(store: Store, contact_id: int) -> int:
    made = templates.save(store, "Hello", html="<p>Hi</p>", subject="Hi", by=COMMAND_LINE, now=1)
    with store.transaction():
        store.run("INSERT INTO message (contact_id, channel, template_id, status, reason, created_at, due_at) VALUES "
                  "(:who, 'email', :template, 'unknown', 'interrupted', 1, 1)", who=contact_id, template=made.id)
        number = int(store.one("SELECT MAX(m.id) FROM message m"))
        messages.keep_copies(store, [{"message_id": number, "subject": "Hi <b>", "html": "<script>alert(1)</script><p>Hi</p>",
                                      "text": "Hi", "links": json.dumps({"https://t.example/c/1": "https://shop.example/"})}])
    return number


def test_events_stand_newest_first(workspace: Store, cast: dict[str, int]) -> None:
    assert "Nothing has happened yet" in words(well(open_page("activity")))
    with workspace.transaction():
        events.insert_events(workspace, [{"contact_id": cast["ada"], "name": name, "occurred_at": at, "received_at": at,
                                          "props": "{}", "dedupe_key": name, "source": "test"}
                                         for at, name in enumerate(("page_view", "purchase"), start=1)])
    assert list(well(open_page("activity")).dataframe[0].value["name"]) == ["purchase", "page_view"]
    assert list(well(open_page("activity", event="page_view")).dataframe[0].value["name"]) == ["page_view"]


def test_a_hit_is_judged_by_the_dialog_of_the_timeline(workspace: Store, cast: dict[str, int],
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    at = well(open_page("activity"))
    assert "that a machine could have done" in words(well(at.toggle(key="judging").set_value(True).run()))
    with workspace.transaction():
        events.insert_events(workspace, [{"contact_id": cast["ada"], "name": name, "object": "/pricing", "occurred_at": 9,
                                          "received_at": 9, "props": "{}", "dedupe_key": str(place), "source": "test",
                                          "verdict": "machine" if place == 1 else None}
                                         for place, name in enumerate(("page_view", "page_view", "purchase"))])
    at = well(open_page("activity"))
    at.toggle(key="judging").set_value(True).run()
    table = well(at).dataframe[0].value
    assert (list(table["name"]), list(table["ask"])) == (["page_view", "page_view"], ["A person?", "A machine?"])
    clicked = live_events.link_table

    def click(frame: Any, link: str, open_row: Any, *rest: Any, **more: Any) -> list[int]:
        open_row(1)
        return clicked(frame, link, open_row, *rest, **more)

    with workspace.transaction():  # what comes in after the table was drawn must not shift what a click is about
        events.insert_events(workspace, [{"contact_id": cast["bo"], "name": "page_view", "object": "/", "occurred_at": 10,
                                          "received_at": 10, "props": "{}", "dedupe_key": "x", "source": "test"}])
    monkeypatch.setattr(live_events, "link_table", click)
    at.run()
    assert "visited /pricing" in words(well(at)) and "Nobody has judged it" in words(at)


def test_a_message_is_shown_in_a_sandbox_with_its_links(workspace: Store, cast: dict[str, int]) -> None:
    number = sent(workspace, cast["ada"])
    at = well(open_page("activity", view="messages"))
    assert at.dataframe[0].value["status"].tolist() == ["unknown"]
    at = well(open_page("activity", view="messages", message=number))
    assert "https://shop.example/" in words(at) and "Hi \\<b\\>" in words(at)
    next(one for one in at.button if one.label == "Queue again").click().run()
    assert messages.get(workspace, number).status == "queued"


ASKING = """name: Offers
goal: {rule: {event: purchase}}
entry: {trigger: {manual: true}}
nodes:
  - {id: ask, type: approval, question: "Send the offer?", timeout: 3d, on: {approved: tell, declined: out, timeout: out}}
  - {id: tell, type: notify, to: owner, text: "{{ contact.email }} may have it", next: out}
  - {id: out, type: exit}
"""


def test_a_question_is_answered_and_a_dead_errand_tried_again(workspace: Store, cast: dict[str, int]) -> None:
    assert "Nobody waits for an answer" in words(well(open_page("activity", view="approvals")))
    assert "No webhook and no notice yet" in words(well(open_page("activity", view="errands")))
    now = clock.now()
    versions.publish(workspace, ASKING, by=COMMAND_LINE, now=now)
    enrolling.enroll(workspace, "ada@x.example", "Offers", by=COMMAND_LINE, now=now)
    loop = Loop(workspace, Config(secret=b"s"))
    loop.tick(now)
    at = well(open_page("activity", view="approvals"))
    assert "Send the offer?" in words(at) and "**1 person waits**" in words(at)
    assert "1 person waits for somebody's yes or no." in [one.sentence for one in attention.notices(
        workspace, now=now, clock_now=now)]
    next(one for one in at.button if one.label == "Approve").click().run()
    assert "Nobody waits for an answer" in words(well(open_page("activity", view="approvals")))
    loop.tick(now + 60)
    at = well(open_page("activity", view="errands"))
    assert at.dataframe[0].value[["kind", "status", "detail"]].values.tolist() == [
        ["notice", "dead", "the contact has no owner"]]
    assert next(one for one in at.button if "again" in one.label).disabled
    assert "1 webhook or notice was given up: look at the answers and try again." in [
        one.sentence for one in attention.notices(workspace, now=now, clock_now=now)]


def test_the_runner_the_refused_and_the_audit_log(workspace: Store) -> None:
    assert "has not run yet" in words(well(open_page("activity", view="runner")))
    health.beat(workspace, "runner", now=1, detail={"state": "running", "last_tick_s": 0.5})
    at = well(open_page("activity", view="runner"))
    assert "0.5 s" in words(at)
    at.button[-1].click().run()
    assert "schema" in words(well(at))
    assert "0 items" in words(well(open_page("activity", view="refused")))
    users.save_capture_only(workspace, True, by=COMMAND_LINE, now=1)
    assert well(open_page("activity", view="audit")).dataframe[0].value["action"].tolist() == ["setting saved"]
