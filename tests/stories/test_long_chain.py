"""S3 through public doors: one prospect from a white paper to the first days as a customer."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from engine.clock import DAY, HOUR
from engine.journeys import gallery

from .conftest import Inside, tracked, visit

pytestmark = pytest.mark.slow
ADA = "ada@example.com"


def test_from_white_paper_to_customer(inside: Inside, collector: str) -> None:
    doors, start = inside, int(time.time())
    login = {"Authorization": "Basic " + base64.b64encode(f"{doors.cli('keys', 'create', 'site')['key']}:".encode()).decode(),
             "Content-Type": "application/json"}

    def post(kind: str, **body: Any) -> None:
        said = {"userId": "u-1", "messageId": f"m-{kind}-{len(json.dumps(body))}-{time.time_ns()}", **body}
        status, _, answer = visit(f"{collector}/v1/{kind}", json.dumps(said).encode(), login)
        assert status == 200, answer

    def happens(event: str, **properties: Any) -> None:
        post("track", event=event, properties=properties)

    doors.cli("journeys", "start", "long_chain")
    doors.cli("journeys", "publish", doors.file("chain.yaml", gallery.get("long_chain").text))
    doors.cli("import", "contacts", doors.file("people.csv", f"external_id,email,first_name,owner,stage\nu-1,{ADA},Ada,"
              "sam@example.com,lead\n"), "--consent", "email:subscribed:signup")

    happens("whitepaper_downloaded")
    doors.cli("tick", now=start + HOUR)
    assert [mail["Subject"] for mail in doors.post.to(ADA)] == ["Your white paper, and what to read next"]
    assert visit(tracked(doors.post.to(ADA)[0])[0])[0] == 302
    post("page", properties={"path": "/pricing", "url": "https://www.example.com/pricing"})
    doors.cli("tick", now=start + DAY)
    shown = doors.cli("contacts", "show", ADA)
    assert "call now" in shown["tags"]
    assert doors.cli("score", "explain", ADA)["engagement"] == 30
    assert doors.post.to("sam@example.com"), "the owner is told"
    assert [mail["Subject"] for mail in doors.post.to(ADA)][1:] == ["An invitation to a demo made for you"]

    happens("demo_attended")
    doors.cli("tick", now=start + 2 * DAY)
    happens("purchase", revenue=900, currency="EUR")
    doors.cli("tick", now=start + 3 * DAY)
    assert doors.cli("contacts", "show", ADA)["stage"] == "customer"
    doors.cli("tick", now=start + 11 * DAY)
    assert [mail["Subject"] for mail in doors.post.to(ADA)][2:] == [
        "After the demo, the links and the answers", "Welcome aboard", "The three steps that people miss"]
    passage = doors.cli("journeys", "explain", ADA, now=start + 11 * DAY)[0]
    assert (passage["status"], passage["reason"]) == ("finished", "became a customer")
    assert [step["node"] for step in passage["steps"] if step["port"]] == [
        "hello", "pricing", "warm", "call", "tell", "invite", "demo", "after", "bought", "customer", "aboard", "week", "steps",
        "done"]
