"""Each node does what its sentence says."""

from __future__ import annotations

from typing import Any

import pytest

from engine.clock import DAY
from engine.errors import Invalid
from engine.journeys import documents, reading, versions
from engine.journeys.runner import Runner
from engine.store import Store

from .worlds import ANN, Document, add_contacts, add_templates, journey, post, publish, record, runner, state, tick, trail

T0 = 1_760_000_000 // 60 * 60
PAID = {"event": "order", "where": {"amount": {"op": "at_least", "value": 100}}}
END = {"id": "e", "type": "exit"}


def node(kind: str, id_: str, next_: str | None = "e", **settings: Any) -> Document:
    return {"id": id_, "type": kind, **({"next": next_} if next_ else {}), **settings}


def start(store: Store, *graphs: Document, people: int = 1) -> Runner:
    add_contacts(store, people)
    add_templates(store, "hi")
    publish(store, *graphs)
    for contact in range(1, people + 1):
        record(store, contact, "signup", T0)
    engine = runner(store)
    tick(engine, T0)
    return engine


def test_wait_for_takes_the_matching_event_only(store: Store) -> None:
    engine = start(store, journey(node("wait_for", "w", event=PAID, timeout="1000s"), END))
    record(store, 1, "order", T0 + 5, amount=20)
    tick(engine, T0 + 10)
    assert trail(store) == []
    record(store, 1, "order", T0 + 15, amount=100)
    tick(engine, T0 + 20)
    assert trail(store) == ["w.happened", "e.end"]


def test_a_late_runner_still_tells_in_time_from_too_late_and_a_tie_is_in_time(store: Store) -> None:
    engine = start(store, journey(node("wait_for", "w", event=PAID, timeout="100s"), END), people=2)
    record(store, 1, "order", T0 + 100, amount=100)
    record(store, 2, "order", T0 + 101, amount=100)
    tick(engine, T0 + 500)
    assert trail(store, 1)[0] == "w.happened"
    assert trail(store, 2)[0] == "w.timeout"


def test_two_waits_in_a_row_see_two_events_of_one_tick_in_order(store: Store) -> None:
    graph = journey(node("wait_for", "x", "m", event={"event": "a"}, timeout="99s"), node("send", "m", "y", template="hi"),
                    node("wait_for", "y", event={"event": "b"}, timeout="99s"), END)
    engine = start(store, graph, people=2)
    for name in "ab":
        record(store, 1, name, T0 + 1)
    for name in "ba":
        record(store, 2, name, T0 + 1)
    tick(engine, T0 + 2)
    assert trail(store, 1) == ["x.happened", "m.sent", "y.happened", "e.end"]
    assert trail(store, 2) == ["x.happened", "m.sent"]


def test_wait_for_a_rule_passes_at_once_or_when_it_becomes_true(store: Store) -> None:
    graph = journey(node("wait_for", "w", rule={"event": "b"}, timeout="1000s"), END)
    add_contacts(store, 2)
    record(store, 1, "b", T0 - 5)
    engine = runner(store)
    tick(engine, T0 - 1)
    publish(store, graph)
    for contact in (1, 2):
        record(store, contact, "signup", T0)
    tick(engine, T0)
    assert (trail(store, 1), trail(store, 2)) == (["w.happened", "e.end"], [])
    record(store, 2, "b", T0 + 5)
    tick(engine, T0 + 6)
    assert trail(store, 2) == ["w.happened", "e.end"]


def test_wait_for_a_rule_that_time_alone_makes_true(store: Store) -> None:
    quiet = {"event": "b", "op": "at_most", "count": 0, "within": "100s"}
    add_contacts(store, 1)
    publish(store, journey(node("wait_for", "w", rule=quiet, timeout="1000s"), END))
    record(store, 1, "b", T0)
    record(store, 1, "signup", T0)
    engine = runner(store)
    tick(engine, T0)
    tick(engine, T0 + 99)
    assert trail(store) == []
    tick(engine, T0 + 100)
    assert trail(store) == ["w.happened", "e.end"]


def test_a_wait_bound_to_a_message_hears_only_the_clicks_of_that_message(store: Store) -> None:
    graph = journey(node("send", "one", "two", template="hi"), node("send", "two", "w", template="hi"),
                    node("wait_for", "w", event={"event": "email_clicked", "of": "two"}, timeout="1000s"), END)
    engine = start(store, graph)
    first, second = (row[0] for row in store.rows("SELECT id FROM message ORDER BY id"))
    for message, expected in ((first, ["one.sent", "two.sent"]), (second, ["one.sent", "two.sent", "w.happened", "e.end"])):
        record(store, 1, "email_clicked", T0 + 5)
        with store.transaction():
            store.run("UPDATE event SET message_id = :m WHERE id = (SELECT MAX(x.id) FROM event x)", m=message)
        tick(engine, T0 + 6)
        assert trail(store) == expected


def test_a_send_holds_its_token_until_the_message_is_terminal(store: Store) -> None:
    graph = journey({"id": "m", "type": "send", "template": "hi", "on": {"sent": "w", "skipped": "e", "failed": "e"}},
                    node("wait", "w", **{"for": "100s"}), END)
    add_contacts(store, 3)
    add_templates(store, "hi")
    publish(store, graph)
    for contact in (1, 3):
        record(store, contact, "signup", T0)
    engine = runner(store)
    engine.tick(T0)
    assert store.rows("SELECT status, COUNT(*) FROM message GROUP BY 1") == [("queued", 2)]
    engine.tick(T0 + 50)
    assert trail(store, 1) == []
    post(store, T0 + 70)
    tick(engine, T0 + 70)
    assert (trail(store, 1), trail(store, 3)) == (["m.sent"], ["m.skipped", "e.end"])
    assert store.rows("SELECT due_at FROM token") == [(T0 + 170,)], "the wait counts from the real send"


def test_the_first_matching_case_wins(store: Store) -> None:
    cases = [{"port": "hot", "rule": {"score": {"op": "at_least", "value": 50}}},
             {"port": "warm", "rule": {"score": {"op": "at_least", "value": 10}}}]
    add_contacts(store, 3)
    with store.transaction():
        store.run("UPDATE contact SET fit_score = CASE id WHEN 1 THEN 60 WHEN 2 THEN 20 ELSE 0 END")
    publish(store, journey(node("branch", "b", cases=cases), END))
    for contact in (1, 2, 3):
        record(store, contact, "signup", T0)
    tick(runner(store), T0)
    assert [trail(store, contact)[0] for contact in (1, 2, 3)] == ["b.hot", "b.warm", "b.else"]


def test_split_follows_its_weights_and_two_splits_are_independent(memory: Store) -> None:
    graph = journey(node("split", "s", "z", arms={"a": 3, "b": 1}), node("split", "z", arms={"a": 3, "b": 1}), END)
    add_contacts(memory, 4000)
    publish(memory, graph)
    with memory.transaction():
        memory.run("""INSERT INTO event (contact_id, name, occurred_at, received_at, props, dedupe_key, source)
            SELECT id, 'signup', :at, :at, '{}', 's' || id, 'test' FROM contact""", at=T0)
    tick(runner(memory), T0)
    both = memory.rows("""SELECT a.port, b.port, COUNT(*) FROM step a JOIN step b ON b.token_id = a.token_id
        AND b.seq = a.seq + 1 WHERE a.seq = 0 GROUP BY 1, 2""")
    expected = {("a", "a"): 2250, ("a", "b"): 750, ("b", "a"): 750, ("b", "b"): 250}
    assert sum((count - expected[x, y]) ** 2 / expected[x, y] for x, y, count in both) < 16.3  # chi2, df 3, p = .001


def test_any_join_calls_the_other_branches_off(store: Store) -> None:
    graph = journey({"id": "f", "type": "fork", "on": {"a": "w", "b": "x"}}, node("tag", "x", "j", add=["x"]),
                    node("wait", "w", "j", **{"for": "50s"}), node("join", "j", mode="any", timeout="99s"), END)
    start(store, graph)
    assert trail(store) == ["f.a", "x.next", "w.called_off", "j.joined", "e.end"]


def test_a_branch_called_off_sends_nothing_more(store: Store) -> None:
    graph = journey({"id": "f", "type": "fork", "on": {"a": "m", "b": "x"}}, node("send", "m", "j", template="hi"),
                    node("tag", "x", "j", add=["x"]), node("join", "j", mode="any", timeout="99s"), END)
    add_contacts(store, 1)
    add_templates(store, "hi")
    publish(store, graph)
    record(store, 1, "signup", T0)
    runner(store).tick(T0)
    assert trail(store) == ["f.a", "x.next", "m.called_off", "j.joined", "e.end"]
    assert store.rows("SELECT status, reason FROM message") == [("canceled", "called_off")]


def test_join_all_goes_on_when_a_branch_ends_elsewhere_or_time_is_up(store: Store) -> None:
    graph = journey({"id": "f", "type": "fork", "on": {"a": "j", "b": "w", "c": "long"}},
                    node("wait", "w", "out", **{"for": "50s"}), {"id": "out", "type": "exit"},
                    node("wait", "long", "j", **{"for": "5000s"}), node("join", "j", timeout="99s"), END)
    engine = start(store, graph)
    tick(engine, T0 + 50)
    assert trail(store) == ["f.a", "w.next", "out.end"]
    tick(engine, T0 + 99)
    assert trail(store)[3:] == ["long.called_off", "j.timeout", "e.end"]


def test_join_all_goes_on_at_once_when_the_last_missing_branch_ends_elsewhere(store: Store) -> None:
    graph = journey({"id": "f", "type": "fork", "on": {"a": "j", "b": "w"}}, node("wait", "w", "m", **{"for": "50s"}),
                    node("tag", "m", "out", add=["x"]), {"id": "out", "type": "exit"},
                    node("join", "j", "v", timeout="9000s"), node("wait", "v", **{"for": "9s"}), END)
    engine = start(store, graph)
    tick(engine, T0 + 50)
    assert trail(store) == ["f.a", "w.next", "m.next", "out.end", "j.joined"]
    assert store.rows("SELECT seq FROM token") == [(4,)], "visits go on from the highest of all branches"


def test_a_goal_pulls_from_inside_a_fork(store: Store) -> None:
    graph = journey(
        {"id": "f", "type": "fork", "on": {"a": "w", "b": "v"}}, node("wait", "w", "j", **{"for": "5000s"}),
        node("wait", "v", "j", **{"for": "5000s"}), node("join", "j", "g", timeout="9000s"),
        {"id": "g", "type": "goal", "rule": PAID, "on": {"reached": "m", "missed": "e"}}, node("tag", "m", add=["paid"]), END)
    engine = start(store, graph, people=2)
    record(store, 1, "order", T0 + 7, amount=500)
    tick(engine, T0 + 10)
    assert trail(store, 1) == ["f.a", "w.pulled", "v.pulled", "g.reached", "m.next", "e.end"]
    assert trail(store, 2) == ["f.a"]
    tick(engine, T0 + 9000)
    assert trail(store, 2)[-2:] == ["g.missed", "e.end"]


def test_an_exit_rule_ends_at_once_and_calls_queued_messages_off(store: Store) -> None:
    rule = {"all": [PAID, {"not": {"stage": ["lead"]}}]}
    graph = journey(node("send", "m", "w", template="hi"), node("wait", "w", **{"for": "5000s"}), END,
                    exit=[{"rule": rule, "reason": "bought"}])
    add_contacts(store, 2)
    add_templates(store, "hi")
    publish(store, graph)
    engine = runner(store)
    with store.transaction():
        store.run("UPDATE contact SET stage = 'lead' WHERE id = 2")
    for contact in (1, 2):
        record(store, contact, "signup", T0)
    engine.tick(T0)
    for contact in (1, 2):
        record(store, contact, "order", T0 + 7, amount=500)
    engine.tick(T0 + 10)
    assert store.rows("SELECT contact_id, status, reason FROM enrollment ORDER BY 1") == [
        (1, "exited", "bought"), (2, "active", None)]
    assert store.rows("SELECT contact_id, status FROM message ORDER BY 1") == [(1, "canceled"), (2, "queued")]


def test_whoever_matches_an_exit_rule_of_plain_facts_leaves_on_entering(store: Store) -> None:
    add_contacts(store, 2)
    with store.transaction():
        store.run("UPDATE contact SET stage = 'customer' WHERE id = 1")
    publish(store, journey(node("wait", "w", **{"for": "50s"}), END,
                           exit=[{"rule": {"stage": ["customer"]}, "reason": "became a customer"}]))
    for contact in (1, 2):
        record(store, contact, "signup", T0)
    tick(runner(store), T0)
    assert store.rows("SELECT contact_id, status FROM enrollment ORDER BY 1") == [(1, "exited"), (2, "active")]
    assert trail(store, 1) == ["w.exited"]


@pytest.mark.parametrize(("first", "second", "walk"), [("goal", "stop", ["w.pulled", "g.exited"]),
                                                       ("stop", "goal", ["w.exited"])])
def test_goal_and_exit_of_one_tick_take_effect_in_the_order_of_events(
    store: Store, first: str, second: str, walk: list[str]
) -> None:
    graph = journey(node("wait", "w", "g", **{"for": "5000s"}), node("goal", "g", rule={"event": "goal"}), END,
                    exit=[{"rule": {"event": "stop"}, "reason": "stop"}])
    engine = start(store, graph)
    record(store, 1, first, T0 + 5)
    record(store, 1, second, T0 + 5)
    tick(engine, T0 + 10)
    assert trail(store) == walk
    assert store.rows("SELECT status, reason FROM enrollment") == [("exited", "stop")]


@pytest.mark.parametrize(("policy", "expected"), [
    ({"policy": "never"}, 1), ({"policy": "after_finish"}, 3), ({"policy": "cooldown", "after": "2d"}, 2),
    ({"policy": "concurrent"}, 4)])
def test_reentry(store: Store, policy: Document, expected: int) -> None:
    add_contacts(store, 1)
    publish(store, journey(node("wait", "w", **{"for": "100s"}), END, reentry=policy))
    engine = runner(store)
    for at in (T0, T0 + 10, T0 + DAY, T0 + 2 * DAY):
        record(store, 1, "signup", at)
        tick(engine, at)
        if at != T0:
            tick(engine, at + 100)
    assert store.one("SELECT COUNT(*) FROM enrollment") == expected


def test_two_carts_are_two_enrollments(store: Store) -> None:
    add_contacts(store, 1)
    publish(store, journey(node("wait", "w", **{"for": "100s"}), END, trigger={"event": "cart"},
                           reentry={"policy": "per_key", "key": "props.cart_id"}))
    for cart in ("x", "y", "x"):
        record(store, 1, "cart", T0, cart_id=cart)
    tick(runner(store), T0)
    assert store.rows("SELECT key FROM enrollment ORDER BY 1") == [("x",), ("y",)]


def test_imported_events_enroll_nobody_and_wake_nobody(store: Store) -> None:
    engine = start(store, journey(node("wait_for", "w", event={"event": "a"}, timeout="1000s"), END), people=2)
    record(store, 1, "a", T0 + 1)
    record(store, 2, "signup", T0 + 1)
    with store.transaction():
        store.run("UPDATE event SET historic = 1 WHERE occurred_at = :at", at=T0 + 1)
    tick(engine, T0 + 5)
    assert trail(store) == []


def test_two_tokens_of_one_contact_in_a_batch_both_score(store: Store) -> None:
    graph = journey({"id": "f", "type": "fork", "on": {"a": "s", "b": "s2"}}, node("score", "s", "x", points=5),
                    {"id": "x", "type": "exit"}, node("score", "s2", points=5), END, reentry={"policy": "concurrent"})
    add_contacts(store, 1)
    publish(store, graph)
    for _ in range(2):
        record(store, 1, "signup", T0)
    tick(runner(store), T0)
    assert store.one("SELECT engagement_score FROM contact") == 20 == store.one("SELECT SUM(points) FROM score_entry")


def test_set_field_tag_and_stage_change_the_contact(store: Store) -> None:
    graph = journey(node("set_field", "f", "t", field="locale", value="de"), node("tag", "t", "s", add=["New"], remove=["old"]),
                    node("stage", "s", to="mql"), END)
    start(store, graph)
    assert store.rows("SELECT locale, stage FROM contact") == [("de", "mql")]
    assert store.rows("SELECT t.name FROM contact_tag k JOIN tag t ON t.id = k.tag_id") == [("New",)]
    assert store.one("SELECT COUNT(*) FROM dirty_contact") >= 1


def test_go_to_takes_people_back_after_its_time(store: Store) -> None:
    graph = journey(node("score", "s", "c", points=2),
                    {"id": "c", "type": "condition", "rule": {"score": {"op": "at_least", "value": 6}},
                     "on": {"yes": "e", "no": "g"}}, {"id": "g", "type": "go_to", "node": "s", "after": "60s"}, END)
    engine = start(store, graph)
    for at in (60, 120):
        tick(engine, T0 + at)
    assert trail(store) == ["s.next", "c.no", "g.next"] * 2 + ["s.next", "c.yes", "e.end"]


def test_a_second_version_lets_people_of_the_first_finish(store: Store) -> None:
    engine = start(store, journey(node("wait", "w", **{"for": "100s"}), END))
    publish(store, journey(node("tag", "t", add=["second"]), END))
    record(store, 1, "signup", T0 + 10)
    tick(engine, T0 + 10)
    assert trail(store) == [], "still inside: kept out across versions"
    tick(engine, T0 + 100)
    record(store, 1, "signup", T0 + 110)
    tick(engine, T0 + 110)
    assert trail(store) == ["w.next", "e.end", "t.next", "e.end"]


def test_a_paused_journey_stands_still_and_goes_on(store: Store) -> None:
    engine = start(store, journey(node("wait", "w", **{"for": "100s"}), END))
    versions.set_status(store, "j", "paused", by=ANN, now=T0)
    before = state(store)
    tick(engine, T0 + 500)
    assert state(store) == before
    versions.set_status(store, "j", "live", by=ANN, now=T0 + 600)
    tick(engine, T0 + 600)
    assert trail(store) == ["w.next", "e.end"]


BAD = {
    "missing edge": (journey(node("wait", "w", None, **{"for": "1d"}), END), "open_port"),
    "edge to nowhere": (journey(node("wait", "w", "gone", **{"for": "1d"}), END), "unknown_node"),
    "unknown type": (journey({"id": "x", "type": "teleport", "next": "e"}, END), "unknown_type"),
    "unreachable": (journey(END, node("wait", "w", **{"for": "1d"})), "unreachable"),
    "cycle without a wait": (journey(node("tag", "a", "b", add=["x"]), node("tag", "b", "a", add=["y"])), "loop_without_wait"),
    "twice the same id": (journey(node("tag", "e", add=["x"]), END), "duplicate_id"),
    "unknown port": (journey(node("tag", "t", add=["x"], on={"maybe": "e"}), END), "unknown_port"),
    "branches crossing": (journey({"id": "f", "type": "fork", "on": {"a": "x", "b": "x"}}, node("tag", "x", add=["x"]), END),
                          "crossed_branches"),
    "join outside": (journey(node("join", "j"), END), "wrong_join"),
    "two joins": (journey({"id": "f", "type": "fork", "on": {"a": "j", "b": "k"}}, node("join", "j"), node("join", "k"), END),
                  "second_join"),
    "unknown template": (journey(node("send", "m", template="nothing"), END), "unknown_template"),
    "unknown setting": (journey(node("wait", "w", colour="red", **{"for": "1d"}), END), "extra_forbidden"),
    "missing setting": (journey(node("condition", "c"), END), "missing"),
    "bad duration": (journey(node("wait", "w", **{"for": "soon"}), END), "value_error"),
    "unknown field in a rule": (journey(node("condition", "c", rule={"field": "shoe", "op": "is", "value": 1}), END),
                                "value_error"),
    "empty group": (journey(node("condition", "c", rule={"all": []}), END), "value_error"),
    "unknown segment": (journey(END, trigger={"segment": "Nowhere", "on": "entered"}), "unknown_segment"),
    "unknown key": (journey(END, colour="red"), "unknown_key"),
    "no nodes": (journey(), "no_nodes"),
    "unknown stage": (journey(node("stage", "s", to="king"), END), "value_error"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_documents_are_named_and_change_nothing(memory: Store, name: str) -> None:
    document, code = BAD[name]
    problems = reading.check(document, reading.known(memory))
    assert code in {problem.code for problem in problems if problem.severity == "error"}, problems
    with pytest.raises(Invalid):
        publish(memory, document)
    assert memory.one("SELECT COUNT(*) FROM journey") == 0


def test_a_file_comes_out_as_it_went_in(memory: Store) -> None:
    text = ("# ours\nname: Odd\ngoal: {rule: {event: purchase}}\nentry:\n  trigger: {event: on}\n"
            "nodes:\n  - {id: e, type: exit}\n")
    versions.publish(memory, text, by=ANN, now=T0)
    assert versions.get_live(memory, "odd").document == text
    again = versions.publish(memory, text, by=ANN, now=T0 + 5)
    assert (again.number, again.fresh) == (1, False)
    canonical = documents.dump(documents.load(text))
    assert documents.dump(documents.load(canonical)) == canonical
