"""S5, S6 and S12: intents, the lifecycle and the desk of sales, through the command line on a virtual clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.clock import DAY, HOUR, parse_moment
from tests.conftest import NOW

from .office import Capture, Office

pytestmark = pytest.mark.slow

PRICING = {"event": "page_view", "where": {"object": {"op": "is", "value": "/pricing"}}, "op": "at_least", "count": 3}
NO_DEMO = {"event": "demo_booked", "op": "at_most", "count": 0}


@pytest.fixture
def office(url: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.delenv("SMTP_URL", raising=False)
    monkeypatch.setenv("THROUGHLINE_SECRET", "story")
    return Office(url, tmp_path, capsys)


# ------------------------------------------------------------ S5: two intents

TALK = """name: Talk to us
goal: {rule: {event: demo_booked}}
entry: {trigger: {segment: Ready to talk, on: entered}}
nodes:
  - {id: hand_over, type: stage, to: mql, next: offer}
  - {id: offer, type: send, template: consultation, priority: 10, next: done}
  - {id: done, type: exit, reason: with sales}
"""
SERIES = """name: Numbers for beginners
goal: {rule: {event: demo_booked}}
entry: {trigger: {segment: Learning, on: entered}}
exit:
  - {rule: {stage: [customer]}, reason: became a customer}
nodes:
  - {id: first, type: send, template: lesson one, next: pause}
  - {id: pause, type: wait, for: 2d, next: second}
  - {id: second, type: send, template: lesson two, next: done}
  - {id: done, type: exit, reason: finished}
"""


def test_s5_two_intents_two_journeys_and_no_double_mail(office: Office) -> None:
    """Whoever looks at prices three times without a demo goes to sales, whoever reads for beginners gets the series. Ada does
    both within the hour: she is in both segments and both journeys, and mailed once a day.

    Handing over is the stage node and routing here; the nodes Task and Notify are journeys' own."""
    office.people("email\nada@x.test\nbo@x.test\ncy@x.test\ndi@x.test\n")
    office.letters("consultation", "lesson one", "lesson two")
    office.ask("segments", "save", "Ready to talk", "--rule", office.file({"all": [PRICING, NO_DEMO]}))
    office.ask("segments", "save", "Learning", "--rule", office.file(
        {"event": "ebook_downloaded", "where": {"topic": {"op": "is", "value": "beginner"}}}))
    office.ask("routing", "rep", "rita@sales.test", "--name", "Rita")
    office.publish(TALK)
    office.publish(SERIES)
    office.ask("tick")

    for who, views in (("ada@x.test", 3), ("cy@x.test", 3), ("di@x.test", 2)):
        if who.startswith("cy"):
            office.ask("events", "send", who, "demo_booked")
        for _ in range(views):
            office.ask("events", "send", who, "page_view", "--object", "/pricing")
    for who, topic in (("ada@x.test", "beginner"), ("bo@x.test", "beginner"), ("di@x.test", "expert")):
        office.ask("events", "send", who, "ebook_downloaded", "--props", f'{{"topic": "{topic}"}}')
    office.ask("tick")

    assert office.show("ada@x.test")["segments"] == ["Learning", "Ready to talk"]
    assert {one["name"] for one in office.show("ada@x.test")["journeys"]} == {"Talk to us", "Numbers for beginners"}
    assert [lead["who"] for lead in office.ask("leads", "queue", "--rep", "rita")] == ["ada@x.test"]
    assert office.mails("ada@x.test") == [("consultation", 0)], "of the two due now, the one that matters more"
    assert office.mails("bo@x.test") == [("lesson one", 0)]
    assert office.mails("cy@x.test") == office.mails("di@x.test") == []

    for hour in (1, 15, 16, 47, 48, 63, 64, 90):
        office.now = NOW + hour * HOUR
        office.ask("tick")
    assert office.mails("ada@x.test") == [("consultation", 0), ("lesson one", 16), ("lesson two", 64)]
    assert office.mails("bo@x.test") == [("lesson one", 0), ("lesson two", 48)]


# ------------------------------------------------------------ S6: lifecycle

STAGES: list[tuple[str, Any, list[str]]] = [
    ("subscriber", {"consent": "email", "is": "subscribed"}, []),
    ("lead", {"event": "ebook_downloaded"}, []),
    ("mql", {"score": {"op": "at_least", "value": 50}}, []),
    ("opportunity", {"event": "demo_attended"}, []),
    ("customer", {"event": "purchase", "within": "90d"}, ["--regress"]),
    ("at-risk", {"days_since": "purchase", "op": "at_least", "value": 90}, []),
    ("lost", {"time_in_stage": "at-risk", "op": "at_least", "value": "60d"}, []),
]
GREETINGS = {"subscriber": "welcome", "mql": "product", "customer": "onboarding", "lost": "come back"}


def greeting(stage: str, template: str) -> str:
    return f"""name: {template}
goal: {{rule: {{event: purchase}}}}
entry:
  trigger: {{event: stage_changed, where: {{object: {{op: is, value: {stage}}}}}}}
  reentry: {{policy: after_finish}}
exit:
  - {{rule: {{not: {{stage: [{stage}]}}}}, reason: went on}}
nodes:
  - {{id: mail, type: send, template: {template}, next: stay}}
  - {{id: stay, type: wait, for: 30d, next: done}}
  - {{id: done, type: exit, reason: finished}}
"""


LONG_NURTURE = """name: Long nurture
goal: {rule: {event: purchase}}
entry: {trigger: {event: ebook_downloaded}}
exit: [{rule: {stage: [customer]}, reason: became a customer}]
nodes:
  - {id: long, type: wait, for: 60d, next: done}
  - {id: done, type: exit}
"""


def test_s6_a_life_from_subscriber_to_lost_and_back(office: Office) -> None:
    """Every stage by its rule, with history and time in stage; the mail of the stage; out of nurture at the purchase itself;
    the coverage page names the stages that no journey looks after."""
    office.ask("import", "contacts", office.file("email\nada@x.test\n"))
    office.letters(*GREETINGS.values())
    for stage, rule, more in STAGES:
        office.ask("stages", "rule", stage, office.file(rule), *more)
    office.ask("score", "rule", "Pricing", office.file({"event": "page_view", "points": 25}))
    office.ask("routing", "rep", "rita@sales.test", "--name", "Rita", "--hours", "00:00-24:00", "--days", "0,1,2,3,4,5,6")
    for stage, template in GREETINGS.items():
        office.publish(greeting(stage, template))
    office.publish(LONG_NURTURE)
    office.ask("tick")

    def stage() -> str:
        return str(office.show("ada@x.test")["stage"])

    office.now += DAY
    office.people("email\nada@x.test\n")
    office.ask("tick")
    assert stage() == "subscriber" and office.mails("ada@x.test") == [("welcome", 24)]
    office.now += DAY
    office.does("ada@x.test", "ebook_downloaded")
    assert stage() == "lead"
    office.now += DAY
    office.does("ada@x.test", "page_view")
    office.does("ada@x.test", "page_view")
    assert stage() == "mql" and office.mails("ada@x.test")[-1] == ("product", 72)
    office.now += HOUR
    office.ask("leads", "accept", str(office.ask("leads", "queue", "--rep", "rita")[0]["id"]))
    assert stage() == "sal"
    office.now += DAY
    office.does("ada@x.test", "demo_attended")
    assert stage() == "opportunity"
    office.now += 3 * DAY
    office.ask("events", "send", "ada@x.test", "purchase")
    office.now += 5
    office.ask("tick")  # the tick that takes the purchase in does all of it
    assert stage() == "customer" and office.mails("ada@x.test")[-1][0] == "onboarding"
    passages = {one["journey"]: one for one in office.ask("journeys", "explain", "ada@x.test")}
    assert (passages["product"]["status"], passages["product"]["reason"]) == ("exited", "went on")
    nurture = passages["Long nurture"]
    assert (nurture["reason"], nurture["ended_at"]) == ("became a customer", office.now), "not at its next step, weeks later"

    bought = office.now
    assert [one["stage"] for one in office.ask("stages", "coverage") if one["in_none"]] == []
    office.wait(90 * DAY)
    assert stage() == "at-risk"
    assert [one["stage"] for one in office.ask("stages", "coverage") if one["in_none"]] == ["at-risk"]
    office.wait(60 * DAY - 10)
    assert stage() == "at-risk"
    office.wait(20)
    assert stage() == "lost" and office.mails("ada@x.test")[-1][0] == "come back"
    office.wait(DAY)
    office.does("ada@x.test", "purchase")
    assert stage() == "customer", "back by the rule that is marked regress"

    flow = {one["stage"]: one for one in office.ask("stages", "flow", "--since", str(NOW))}
    assert list(flow) == ["subscriber", "lead", "mql", "sal", "opportunity", "customer", "at-risk", "lost"]
    assert flow["lead"]["median_days"] == 1.0 and flow["at-risk"]["median_days"] == pytest.approx(60, abs=0.01)
    assert flow["lost"]["fell_back"] == 1 and flow["customer"]["moved_on"] == 1
    assert office.ask("segments", "count", "--rule", office.file({"stage": "opportunity"}),
                      "--as-of", str(bought - DAY))["count"] == 1


# ------------------------------------------------------------ S12: the sales view

NURTURE = """name: Nurture
goal: {rule: {event: purchase}}
entry:
  trigger: {event: ebook_downloaded}
exit:
  - {rule: {stage: [customer]}, reason: became a customer}
nodes:
  - {id: thanks, type: send, template: thanks, next: pause}
  - {id: pause, type: wait, for: 1d, next: mail}
  - {id: mail, type: send, template: case study, next: long}
  - {id: long, type: wait, for: 7d, next: done}
  - {id: done, type: exit, reason: finished}
"""


def test_s12_what_a_rep_sees_and_does(office: Office) -> None:
    """The right rep by territory, capacity and turn, with a deadline; score with reasons, touches and the next message before
    a call; calling today holds the mail and the journey's log says so; a rejected lead carries its reason back."""
    office.people("email,locale\nada@x.test,de\nbo@x.test,de\ncy@x.test,en\ndi@x.test,en\n")
    office.letters("thanks", "case study")
    office.publish(NURTURE)
    office.ask("score", "rule", "Ebook", office.file({"event": "ebook_downloaded", "points": 20}))
    office.ask("score", "rule", "Pricing", office.file({"event": "page_view", "points": 15}))
    office.ask("stages", "rule", "mql", office.file({"score": {"op": "at_least", "value": 50}}))
    for name, room in (("Rita", "1"), ("Sam", "9"), ("Tom", "9")):
        office.ask("routing", "rep", f"{name.lower()}@sales.test", "--name", name, "--capacity", room)
    office.ask("routing", "policy", "--accept-within", "16h")
    german = office.file({"field": "locale", "op": "is", "value": "de"})
    office.ask("routing", "route", "German", "--rule", german, "--rep", "rita@sales.test", "--rep", "sam@sales.test")
    office.ask("routing", "route", "Others", "--rep", "tom@sales.test", "--rep", "sam@sales.test")
    office.ask("tick")

    for who in ("ada@x.test", "bo@x.test", "cy@x.test", "di@x.test"):
        office.does(who, "ebook_downloaded")
        office.now += 60
        for path in ("/pricing", "/pricing", "/security"):
            office.ask("events", "send", who, "page_view", "--object", path)
        office.ask("tick")
    desks = {name: {lead["who"] for lead in office.ask("leads", "queue", "--rep", name)} for name in ("Rita", "Sam", "Tom")}
    assert desks == {"Rita": {"ada@x.test"}, "Sam": {"bo@x.test", "di@x.test"}, "Tom": {"cy@x.test"}}, "territory, room, turn"
    lead = office.ask("leads", "queue", "--rep", "Rita")[0]
    assert lead["due_at"] == NOW + 60 + 2 * DAY, "16 hours of work are two days"
    assert lead["why"] == "entered the stage mql"

    brief = office.ask("leads", "brief", "ada@x.test")
    assert (brief["score"], brief["stage"], brief["owner"]) == (65, "mql", "rita@sales.test")
    assert [(one["points"], one["reason"]) for one in brief["reasons"]][-1] == (20, "Ebook")
    assert [one["text"] for one in brief["touches"]] == [
        "visited /security", "visited /pricing", "visited /pricing", "ebook_downloaded"]
    ahead = brief["messages"][0]
    assert (ahead["template"], ahead["queued"], parse_moment(ahead["at"])) == ("case study", False, NOW + DAY)

    office.now = NOW + DAY - HOUR
    until = parse_moment(office.ask("leads", "calling-today", "ada@x.test")["held_until"])
    assert until == office.now + DAY
    office.wait(2 * HOUR)
    passage = office.ask("journeys", "explain", "ada@x.test")[0]
    assert [(one["node"], one["reason"]) for one in passage["waiting"]] == [("mail", "held")]
    assert office.mails("ada@x.test") == [("thanks", 0)] and office.mails("bo@x.test")[-1][0] == "case study"
    office.ask("leads", "log-call", "ada@x.test", "reached", "--note", "no budget before March")
    office.ask("leads", "reject", str(lead["id"]), "no_budget", "--note", "again in March")
    office.now = until
    office.ask("tick")
    assert office.mails("ada@x.test")[-1][0] == "case study", "the hold is over"

    ada = office.show("ada@x.test")
    assert ada["stage"] == "lead" and "call_logged reached" in [one["text"] for one in ada["timeline"]]
    report = office.ask("leads", "report", "--since", str(NOW))
    assert report["refusals"] == [{"reason": "No budget", "why": "entered the stage mql", "leads": 1}]
    assert {one["rep"]: one["rejected"] for one in report["reps"]}["rita@sales.test"] == 1
    back = {"event": "lead_rejected", "where": {"object": {"op": "is", "value": "no_budget"}}}
    assert office.ask("segments", "count", "--rule", office.file(back))["count"] == 1
