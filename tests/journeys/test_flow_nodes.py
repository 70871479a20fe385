"""Nodes that pace people, feed them from a library, or make something happen elsewhere."""

from __future__ import annotations

from engine.access import COMMAND_LINE
from engine.clock import DAY, HOUR
from engine.content import templates
from engine.journeys.runner import Runner
from engine.people import contacts
from engine.store import Store

from .worlds import Document, add_contacts, add_templates, journey, publish, record, runner, tick, trail

T0 = 1_760_000_000 // DAY * DAY
END = {"id": "e", "type": "exit"}


def start(store: Store, *graphs: Document, people: int = 1, size: int = 1_000) -> Runner:
    add_contacts(store, people)
    publish(store, *graphs)
    for contact in range(1, people + 1):
        record(store, contact, "signup", T0)
    engine = runner(store, size)
    tick(engine, T0)
    return engine


def through(store: Store) -> int:
    return int(store.one("SELECT COUNT(*) FROM step s JOIN node n ON n.id = s.node_id WHERE n.type = 'rate_limit' "
                         "AND s.port = 'next'"))


def test_a_rate_limit_lets_so_many_through_and_has_no_burst_after_an_outage(store: Store) -> None:
    engine = start(store, journey({"id": "r", "type": "rate_limit", "count": 3, "per": "1h", "next": "e"}, END), people=11,
                   size=2)
    assert through(store) == 3
    tick(engine, T0 + HOUR - 1)
    assert through(store) == 3
    tick(engine, T0 + HOUR)
    assert through(store) == 6
    record(store, 1, "signup", T0 + HOUR)
    tick(engine, T0 + HOUR)
    assert through(store) == 6, "whoever comes later stands behind those who wait"
    tick(engine, T0 + 9 * HOUR)
    assert through(store) == 9, "slots that went by while nothing ran are lost"
    tick(engine, T0 + 10 * HOUR)
    assert through(store) == 12


def test_a_nurture_library_sends_the_next_unseen_and_new_content_goes_on(store: Store) -> None:
    add_templates(store, "n1", "n2", "n3")
    graph = journey({"id": "n", "type": "nurture", "library": "n", "otherwise": "wait",
                     "on": {"sent": "w", "skipped": "w", "failed": "w"}},
                    {"id": "w", "type": "wait", "for": "1d", "next": "again"},
                    {"id": "again", "type": "go_to", "node": "n", "after": "1m"})
    engine = start(store, graph)
    for day in range(1, 6):
        tick(engine, T0 + day * DAY + 60 * day)
    assert sent(store) == ["n1", "n2", "n3"]
    templates.save(store, "n4", html="<p>new</p>", subject="new", by=COMMAND_LINE, now=T0 + 6 * DAY)
    tick(engine, T0 + 7 * DAY)
    assert sent(store) == ["n1", "n2", "n3", "n4"]


def sent(store: Store, contact: int = 1) -> list[str]:
    return [row[0] for row in store.rows("""SELECT t.name FROM message m JOIN template t ON t.id = m.template_id
        WHERE m.contact_id = :contact ORDER BY m.id""", contact=contact)]


def test_two_passages_of_one_person_get_two_different_messages_whatever_the_batch(store: Store) -> None:
    add_templates(store, "a", "b", "c")
    add_contacts(store, 2)
    publish(store, journey({"id": "n", "type": "nurture", "templates": ["c", "a", "b"],
                            "on": {"sent": "e", "skipped": "e", "failed": "e", "exhausted": "e"}}, END,
                           reentry={"policy": "concurrent"}))
    for _ in range(4):
        record(store, 1, "signup", T0)
    record(store, 2, "signup", T0)
    tick(runner(store), T0)
    assert (sent(store), sent(store, 2)) == (["c", "a", "b"], ["c"])
    assert store.one("SELECT COUNT(*) FROM step WHERE port = 'exhausted'") == 1


def test_what_was_skipped_counts_as_unseen(store: Store) -> None:
    add_templates(store, "a", "b")
    add_contacts(store, 3)
    publish(store, journey({"id": "n", "type": "nurture", "templates": ["a", "b"],
                            "on": {"sent": "e", "skipped": "e", "failed": "e", "exhausted": "e"}}, END))
    engine = runner(store)
    for at in (T0, T0 + DAY):
        record(store, 3, "signup", at)  # the postman of these tests skips every third person
        tick(engine, at)
    assert sent(store, 3) == ["a", "a"]
    assert trail(store, 3) == ["n.skipped", "e.end"] * 2


def settle(store: Store, contact: int, status: str) -> None:
    """What delivery says of the message that waits."""
    with store.transaction():
        store.run("UPDATE message SET status = :status WHERE contact_id = :who AND status = 'queued'", status=status,
                  who=contact)
    record(store, contact, "message_skipped" if status == "skipped" else f"email_{status}", T0)


def test_the_first_message_that_gets_through_is_sent(store: Store) -> None:
    add_templates(store, "a", "b", "c")
    add_contacts(store, 3)
    publish(store, journey({"id": "m", "type": "send_first", "templates": ["a", "b", "c"],
                            "on": {"sent": "e", "not_sent": "o"}}, END, {"id": "o", "type": "exit"}, limits={"priority": 7}))
    engine = runner(store)
    for contact in (1, 2, 3):
        record(store, contact, "signup", T0)
    engine.tick(T0)
    for contact, ends in ((1, ["sent"]), (2, ["skipped", "failed", "sent"]), (3, ["failed", "skipped", "skipped"])):
        for end in ends:
            assert trail(store, contact) == []
            settle(store, contact, end)
            engine.tick(T0)
    assert [trail(store, who) for who in (1, 2, 3)] == [["m.sent", "e.end"], ["m.sent", "e.end"], ["m.not_sent", "o.end"]]
    assert [sent(store, who) for who in (1, 2, 3)] == [["a"], ["c"], ["c"]]
    assert store.rows("SELECT contact_id, round, priority FROM message ORDER BY 1") == [(1, 0, 7), (2, 2, 7), (3, 2, 7)]


def test_the_channel_somebody_prefers_is_tried_first_and_then_the_others_in_order(store: Store) -> None:
    add_templates(store, "a", "b")
    templates.save(store, "c", text="c", html=None, channel="sms", by=COMMAND_LINE, now=T0)
    add_contacts(store, 5)
    prefer(store, {1: "sms", 2: "email", 3: "print", 5: "sms"})
    way = {"type": "send_first", "templates": ["a", "b", "c"], "on": {"sent": "e", "not_sent": "o"}}
    publish(store, journey({"id": "m", **way, "preferred_first": True}, END, {"id": "o", "type": "exit"}),
            journey({"id": "m", **way}, END, {"id": "o", "type": "exit"}, name="as listed", trigger={"event": "other"}))
    engine = runner(store)
    for contact in (1, 2, 3, 4):
        record(store, contact, "signup", T0)
    record(store, 5, "other", T0)
    seen: dict[int, list[tuple[str, str]]] = {}
    engine.tick(T0)
    for step in range(3):
        for contact in range(1, 6):
            seen.setdefault(contact, []).extend(store.rows("SELECT t.name, m.channel FROM message m JOIN template t "
                                                           "ON t.id = m.template_id WHERE m.contact_id = :who", who=contact))
            settle(store, contact, "failed")
        if step == 0:
            prefer(store, {1: "email", 2: "sms", 5: "email"})  # too late for whoever is on the way
        engine.tick(T0 + step)
    assert {who: [name for name, _ in tried] for who, tried in seen.items()} == {
        1: ["c", "a", "b"], 2: ["a", "b", "c"], 3: ["a", "b", "c"], 4: ["a", "b", "c"], 5: ["a", "b", "c"]}
    assert all(channel == ("sms" if name == "c" else "email") for tried in seen.values() for name, channel in tried)
    assert [trail(store, who) for who in range(1, 6)] == [["m.not_sent", "o.end"]] * 5


def test_a_look_while_a_message_is_on_its_way_forgets_neither_it_nor_the_order(store: Store) -> None:
    add_templates(store, "a", "b")
    templates.save(store, "c", text="c", html=None, channel="sms", by=COMMAND_LINE, now=T0)
    add_contacts(store, 1)
    prefer(store, {1: "sms"})
    publish(store, journey({"id": "m", "type": "send_first", "templates": ["a", "b", "c"], "preferred_first": True,
                            "on": {"sent": "e", "not_sent": "o"}}, END, {"id": "o", "type": "exit"}))
    engine = runner(store)
    record(store, 1, "signup", T0)
    engine.tick(T0)
    for day, name in enumerate(("c", "a", "b")):
        for hours in (25, 50):
            engine.tick(T0 + 3 * day * DAY + hours * HOUR)
            assert (sent(store), trail(store)) == ([name], [])
        settle(store, 1, "sent" if name == "b" else "skipped")
        engine.tick(T0 + 3 * day * DAY + 51 * HOUR)
    assert trail(store) == ["m.sent", "e.end"]


def prefer(store: Store, said: dict[int, str]) -> None:
    with store.transaction():
        contacts.upsert_many(store, [{"contact_id": who, "preferred_channel": channel} for who, channel in said.items()],
                             now=T0, source="by hand")


def test_an_exit_of_the_whole_passage_calls_the_other_branches_off(store: Store) -> None:
    add_templates(store, "hi")
    add_contacts(store, 2)
    publish(store, journey(
        {"id": "f", "type": "fork", "on": {"a": "w", "b": "m", "c": "x"}},
        {"id": "w", "type": "wait", "for": "1h", "next": "stop"},
        {"id": "m", "type": "send", "template": "hi", "next": "o"}, {"id": "x", "type": "wait", "for": "2h", "next": "e"}, END,
        {"id": "o", "type": "exit"}, {"id": "stop", "type": "exit", "reason": "enough", "ends": "passage"}))
    for contact in (1, 2):
        record(store, contact, "signup", T0)
    engine = runner(store)
    engine.tick(T0)
    engine.tick(T0 + HOUR)
    assert trail(store) == ["f.a", "w.next", "stop.end", "m.called_off", "x.called_off"] == trail(store, 2)
    assert store.rows("SELECT status, reason FROM enrollment") == [("finished", "enough")] * 2
    assert store.rows("SELECT status, reason FROM message") == [("canceled", "called_off")] * 2
    assert store.one("SELECT COUNT(*) FROM token") == 0


def test_a_jump_enters_the_other_journey_with_what_this_one_began_with(store: Store) -> None:
    other = journey({"id": "w", "type": "wait", "for": "1d", "next": "e"}, END, name="Second step", trigger={"manual": True})
    first = journey({"id": "j", "type": "jump", "journey": "second STEP"})
    add_contacts(store, 2)
    publish(store, other, first)
    record(store, 1, "signup", T0, cart_id="k7")
    engine = runner(store)
    tick(engine, T0)
    assert trail(store) == ["j.end"]
    assert store.rows("""SELECT j.name, r.status, r.reason, r.props ->> 'cart_id' FROM enrollment r
        JOIN journey j ON j.id = r.journey_id ORDER BY r.id""") == [
        ("j", "finished", "jumped to second STEP", "k7"), ("Second step", "active", None, "k7")]
    tick(engine, T0)
    assert store.one("SELECT COUNT(*) FROM event") == 2


def test_two_journeys_that_start_each_other_come_to_an_end(store: Store) -> None:
    reentry = {"policy": "concurrent"}
    add_contacts(store, 1)
    publish(store, journey(END, name="b"), journey({"id": "j", "type": "jump", "journey": "b"}, name="a", reentry=reentry))
    publish(store, journey({"id": "j", "type": "jump", "journey": "a"}, name="b", trigger={"manual": True}, reentry=reentry))
    record(store, 1, "signup", T0)
    tick(runner(store), T0)
    assert 2 < store.one("SELECT COUNT(*) FROM event") <= 21, "the loop stop"
    assert store.one("SELECT COUNT(*) FROM token") == 0


def test_an_event_of_ones_own_is_heard_by_another_journey(store: Store) -> None:
    emit = {"id": "m", "type": "emit", "event": "nurtured", "object": "Basics", "props": {"step": 3}, "next": "e"}
    heard = journey(END, name="other", trigger={"event": "nurtured", "where": {
        "object": {"op": "is", "value": "basics"}, "step": {"op": "is", "value": 3}}})
    start(store, journey(emit, END), heard)
    assert trail(store) == ["m.next", "e.end", "e.end"]
    assert store.rows("SELECT name, object, source FROM event WHERE name = 'nurtured'") == [("nurtured", "basics", "journey")]
