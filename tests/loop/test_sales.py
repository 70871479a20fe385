"""From a visit to a customer in ticks: points, a line, a stage, a rep, a hold, a purchase, and out of nurture."""

from __future__ import annotations

from engine import config
from engine.access import COMMAND_LINE, Actor
from engine.activity import recording
from engine.audience import lifecycle, routing, scoring
from engine.clock import DAY
from engine.content import templates
from engine.journeys import versions
from engine.loop.explain import explain
from engine.loop.tick import tick
from engine.people import consent, contacts
from engine.store import Store
from tests.conftest import NOW

NURTURE = """name: Nurture
entry: {trigger: {event: ebook_downloaded}}
exit:
  - {rule: {stage: [customer]}, reason: became a customer}
nodes:
  - {id: pause, type: wait, for: 1d, next: mail}
  - {id: mail, type: send, template: tips, next: long}
  - {id: long, type: wait, for: 30d, next: done}
  - {id: done, type: exit, reason: finished}
"""


def test_a_visitor_becomes_a_lead_of_a_rep_and_leaves_nurture_at_the_purchase(store: Store) -> None:
    settings = config.Config(secret=b"s" * 40)
    ada = contacts.save(store, {"email": "ada@example.com"}, by=COMMAND_LINE, now=NOW, source="form").id
    with store.transaction():
        consent.record(store, [ada], "email", "subscribed", basis="form", source="form", by=COMMAND_LINE, now=NOW)
    templates.save(store, "tips", html="<p>Tips</p>", subject="Tips", by=COMMAND_LINE, now=NOW)
    versions.publish(store, NURTURE, by=COMMAND_LINE, now=NOW)
    rita = Actor("Rita", "sales")
    routing.save_rep(store, routing.Rep("rita@x.test", "Rita"), by=COMMAND_LINE, now=NOW)
    scoring.save_rule(store, "Pricing", {"event": "page_view", "points": 30}, by=COMMAND_LINE, now=NOW)
    lifecycle.save_rule(store, "mql", {"score": {"op": "at_least", "value": 50}}, by=COMMAND_LINE, now=NOW)
    lifecycle.save_rule(store, "customer", {"event": "purchase"}, by=COMMAND_LINE, now=NOW)
    tick(store, settings, now=NOW)

    def does(event: str, now: int) -> None:
        recording.record_event(store, "ada@example.com", event, by=COMMAND_LINE, now=now)
        tick(store, settings, now=now)

    does("ebook_downloaded", NOW + 1)
    does("page_view", NOW + 2)
    assert contacts.get(store, ada).stage is None
    does("page_view", NOW + 3)  # 60 points: over the line, an MQL, and on a desk, all in this tick
    assert (contacts.get(store, ada).stage, contacts.get(store, ada).owner) == ("mql", "rita@x.test")
    assert store.rows("SELECT name, object FROM event WHERE name IN ('score_rose', 'lead_assigned') ORDER BY name") == [
        ("lead_assigned", "rita@x.test"), ("score_rose", "mql")]
    lead = routing.queue(store, "rita@x.test", now=NOW + 4)[0]
    until = routing.call_today(store, ada, by=rita, now=NOW + DAY - 60)
    tick(store, settings, now=NOW + DAY + 60)
    waiting = explain(store, "ada@example.com")[0].waiting[0]
    assert (waiting.node, waiting.reason, waiting.due_at) == ("mail", "held", until)
    tick(store, settings, now=until)
    assert explain(store, "ada@example.com")[0].waiting[0].node == "long"
    routing.accept(store, lead.id, by=rita, now=until)
    does("purchase", until + 5)
    found = explain(store, "ada@example.com")[0]
    assert (found.status, found.reason) == ("exited", "became a customer")
    assert [row[0] for row in store.rows("SELECT new FROM stage_change ORDER BY id")] == ["mql", "sal", "customer"]
