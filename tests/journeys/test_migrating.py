"""Publishing while people are under way: who stays, who moves, who is timed anew; nobody is lost."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import strategies as st

from engine.errors import BadInput, Conflict
from engine.journeys import documents, enrolling, migrating, versions
from engine.journeys.migrating import Wish
from engine.outreach import limits
from engine.store import Store

from .test_properties import _dropped, furnish, on_each_engine, opened  # noqa: F401 (a fixture)
from .worlds import (
    ANN,
    START,
    Document,
    Life,
    add_contacts,
    add_templates,
    journey,
    journeys,
    lives,
    post,
    publish,
    record,
    runner,
    tick,
    trail,
)

T0 = START
END = {"id": "e", "type": "exit"}


def wait(key: str, for_: str, next_: str = "e") -> Document:
    return {"id": key, "type": "wait", "for": for_, "next": next_}


def begun(store: Store, *nodes: Document, people: int = 2, **more: Any) -> Any:
    """Everybody has entered version 1 and stands where it holds them."""
    add_contacts(store, people)
    add_templates(store, "t", "u")
    publish(store, journey(*nodes, **more))
    engine = runner(store)
    for contact in range(1, people + 1):
        record(store, contact, "signup", T0)
    engine.tick(T0)
    return engine


def again(store: Store, wish: Wish | None, *nodes: Document, now: int = T0 + 10, **more: Any) -> migrating.Plan:
    """Publish version 2 with a wish; what was said beforehand."""
    text = documents.dump(journey(*nodes, **more))
    said = migrating.plan(store, text, wish or Wish(), now=now)
    migrating.publish(store, text, wish, by=ANN, now=now)
    return said


def standing(store: Store) -> list[tuple[Any, ...]]:
    """(version, node, due in seconds after the start) of everybody."""
    return [(number, key, due - T0) for number, key, due in store.rows("""SELECT v.number, n.key, t.due_at FROM token t
        JOIN node n ON n.id = t.node_id JOIN enrollment r ON r.id = t.enrollment_id
        JOIN journey_version v ON v.id = n.version_id WHERE v.id = r.version_id ORDER BY t.id""")]


def test_complaint_6_a_live_journey_is_edited_and_waiting_people_move_as_counted_before(store: Store) -> None:
    """COMPLAINTS 6: elsewhere people end in limbo; here they are counted, moved, and nobody is sent back or lost."""
    engine = begun(store, wait("w", "300s", "t"), {"id": "t", "type": "tag", "add": ["x"], "next": "e"}, END)
    said = again(store, Wish(retime=True), wait("w", "100s", "t"), {"id": "t", "type": "tag", "add": ["y"], "next": "e"}, END)
    assert (said.moving, said.staying) == (2, 0)
    assert [(one.node, one.people, one.to, one.changed, one.at_once) for one in said.nodes] == [("w", 2, "w", True, 0)]
    engine.tick(T0 + 20)
    assert standing(store) == [(2, "w", 100)] * 2
    tick(engine, T0 + 100)
    assert trail(store) == ["w.moved", "w.next", "t.next", "e.end"]
    assert store.one("SELECT t.name FROM contact_tag k JOIN tag t ON t.id = k.tag_id LIMIT 1") == "y"
    assert store.one("SELECT COUNT(*) FROM enrollment r JOIN journey_version v ON v.id = r.version_id WHERE v.number = 2") == 2


@pytest.mark.parametrize(("wish", "expected"), [(None, (1, 300)), (Wish(), (2, 300)), (Wish(retime=True), (2, 100)),
                                                (Wish(nodes={"w": None}), (1, 300))], ids=str)
def test_people_stay_move_or_are_timed_anew(memory: Store, wish: Wish | None, expected: tuple[int, int]) -> None:
    engine = begun(memory, wait("w", "300s"), END, people=1)
    again(memory, wish, wait("w", "100s"), END)
    engine.tick(T0 + 20)
    assert standing(memory) == [(expected[0], "w", expected[1])]


def test_whoever_has_waited_long_enough_goes_on_at_once_and_is_counted(memory: Store) -> None:
    engine = begun(memory, wait("w", "300s"), END)
    said = again(memory, Wish(retime=True), wait("w", "100s"), END, now=T0 + 150)
    assert said.nodes[0].at_once == 2
    engine.tick(T0 + 150)
    assert trail(memory) == ["w.moved", "w.next", "e.end"]


def test_a_step_that_is_gone_keeps_its_people_on_the_old_version_unless_they_are_mapped(memory: Store) -> None:
    engine = begun(memory, wait("w", "300s"), END)
    said = again(memory, Wish(), wait("v", "50s"), END)
    assert (said.moving, said.staying, said.nodes[0].why) == (0, 2, "gone")
    engine.tick(T0 + 20)
    assert standing(memory) == [(1, "w", 300)] * 2
    said = again(memory, Wish(retime=True, nodes={"w": "v"}), wait("v", "60s"), END, now=T0 + 30)
    assert (said.moving, said.nodes[0].to) == (2, "v")
    engine.tick(T0 + 30)
    assert standing(memory) == [(3, "v", 60)] * 2


def test_a_mapping_that_names_nothing_is_refused(memory: Store) -> None:
    begun(memory, wait("w", "300s"), END)
    for nodes, what in (({"w": "nowhere"}, "the new version has"), ({"x": "w"}, "no step 'x'")):
        with pytest.raises(BadInput, match=what):
            again(memory, Wish(nodes=nodes), wait("w", "100s"), END)
    assert versions.get_live(memory, "j").number == 1


def test_complaint_1_a_queued_message_goes_along_and_is_not_sent_twice_by_an_edit(store: Store) -> None:
    send = {"id": "m", "type": "send", "template": "t", "next": "e"}
    engine = begun(store, send, END, people=1)
    again(store, Wish(), {**send, "next": "late"}, wait("late", "50s"), END)
    engine.tick(T0 + 10)
    post(store, T0 + 20)
    engine.tick(T0 + 20)
    assert trail(store) == ["m.moved", "m.sent"] and standing(store) == [(2, "late", 70)]
    assert store.one("SELECT COUNT(*) FROM message") == 1


def test_a_wait_mapped_to_a_message_sends_it_and_a_message_mapped_to_a_wait_is_called_off(store: Store) -> None:
    send = {"id": "m", "type": "send", "template": "t", "next": "e"}
    engine = begun(store, wait("w", "300s", "m"), send, END, people=1)
    again(store, Wish(nodes={"w": "m"}), send, END)
    engine.tick(T0 + 10)
    assert store.rows("SELECT status FROM message") == [("queued",)]
    again(store, Wish(nodes={"m": "w"}), wait("w", "100s"), END, now=T0 + 20)
    engine.tick(T0 + 20)
    assert store.rows("SELECT status, reason FROM message") == [("canceled", "moved")] and standing(store) == [(3, "w", 120)]


def test_a_click_on_a_message_of_a_renamed_step_still_counts(memory: Store) -> None:
    def nodes(name: str) -> list[Document]:
        return [{"id": name, "type": "send", "template": "t", "next": "c"},
                {"id": "c", "type": "wait_for", "event": {"event": "email_clicked", "of": name}, "timeout": "500s",
                 "next": "e"}, END]

    engine = begun(memory, *nodes("m"), people=1)
    tick(engine, T0 + 1)
    again(memory, Wish(nodes={"m": "hello"}), *nodes("hello"))
    engine.tick(T0 + 20)
    record(memory, 1, "email_clicked", T0 + 30)
    with memory.transaction():
        memory.run("UPDATE event SET message_id = 1 WHERE name = 'email_clicked'")
    engine.tick(T0 + 30)
    assert trail(memory)[-2:] == ["c.happened", "e.end"]


def test_a_limit_that_changed_keeps_people_where_they_are_unless_they_are_timed_anew(memory: Store) -> None:
    def waits(timeout: str) -> Document:
        return {"id": "w", "type": "wait_for", "event": {"event": "a"}, "timeout": timeout, "next": "e"}

    engine = begun(memory, waits("300s"), END)
    said = again(memory, Wish(), waits("100s"), END)
    assert (said.staying, said.nodes[0].why) == (2, "limit")
    again(memory, Wish(retime=True), waits("90s"), END, now=T0 + 20)
    engine.tick(T0 + 20)
    assert standing(memory) == [(3, "w", 90)] * 2, "through version 2, which nobody could move to"


def test_of_one_enrollment_every_branch_moves_or_none(store: Store) -> None:
    fork = {"id": "f", "type": "fork", "on": {"p": "a", "q": "b"}}
    join = {"id": "j", "type": "join", "next": "e"}
    engine = begun(store, fork, wait("a", "300s", "j"), wait("b", "400s", "j"), join, END)
    other = {**fork, "on": {"p": "a", "q": "c"}}
    said = again(store, Wish(), other, wait("a", "300s", "j"), wait("c", "400s", "j"), join, END)
    assert (said.moving, said.staying) == (0, 2)
    swapped = {**fork, "on": {"q": "b", "p": "a"}}
    said = again(store, Wish(), swapped, wait("b", "400s", "j"), wait("a", "300s", "j"), join, END, now=T0 + 11)
    assert {one.why for one in said.nodes} == {"other_branch"}
    engine.tick(T0 + 20)
    assert {number for number, _, _ in standing(store)} == {1}


def test_a_drained_journey_lets_nobody_in_and_everybody_finish(memory: Store) -> None:
    engine = begun(memory, wait("w", "100s"), END, people=3)
    versions.set_status(memory, "j", "draining", by=ANN, now=T0)
    record(memory, 3, "signup", T0 + 5)
    with pytest.raises(Conflict, match="draining"):
        enrolling.enroll_matching(memory, "j", by=ANN, now=T0)
    with pytest.raises(Conflict, match="3 people are still in"):
        versions.set_status(memory, "j", "archived", by=ANN, now=T0)
    tick(engine, T0 + 100)
    assert memory.rows("SELECT status, COUNT(*) FROM enrollment GROUP BY 1") == [("finished", 3)]
    versions.set_status(memory, "j", "archived", by=ANN, now=T0 + 100)
    record(memory, 2, "signup", T0 + 110)
    tick(engine, T0 + 110)
    assert memory.one("SELECT COUNT(*) FROM enrollment") == 3


def test_what_waits_in_a_paused_journey_does_not_leave_before_it_goes_on(store: Store) -> None:
    begun(store, {"id": "m", "type": "send", "template": "t", "transactional": True, "next": "e"}, END, people=1)
    versions.set_status(store, "j", "paused", by=ANN, now=T0)
    assert limits.admit(store, now=T0 + 5) == 0
    versions.set_status(store, "j", "live", by=ANN, now=T0 + 10)
    assert limits.admit(store, now=T0 + 10) == 1
    assert store.rows("SELECT status FROM message") == [("admitted",)]


def test_letting_everybody_go_ends_passages_and_calls_mail_off(store: Store) -> None:
    engine = begun(store, {"id": "m", "type": "send", "template": "t", "next": "e"}, END, people=3)
    assert migrating.let_go(store, "j", by=ANN, now=T0 + 5) == 3
    engine.tick(T0 + 5)
    assert store.rows("SELECT DISTINCT status, reason FROM enrollment") == [("exited", "archived")]
    assert store.rows("SELECT DISTINCT status FROM message") == [("canceled",)]
    assert store.one("SELECT COUNT(*) FROM token") == 0


def test_complaint_13_an_exit_rule_takes_people_out_of_a_paused_journey(store: Store) -> None:
    """COMPLAINTS 13 and HubSpot's paused workflows: what happens meanwhile is neither lost nor sent."""
    engine = begun(store, {"id": "w", "type": "wait_for", "event": {"event": "a"}, "next": "e"}, END,
                   exit=[{"rule": {"event": "stop"}, "reason": "stop"}])
    versions.set_status(store, "j", "paused", by=ANN, now=T0)
    record(store, 1, "stop", T0 + 5)
    record(store, 2, "a", T0 + 5)
    tick(engine, T0 + 10)
    assert trail(store, 1) == ["w.exited"] and trail(store, 2) == []
    versions.set_status(store, "j", "live", by=ANN, now=T0 + 20)
    tick(engine, T0 + 20)
    assert trail(store, 2) == ["w.happened", "e.end"]


@pytest.mark.slow
@on_each_engine(graph=journeys(), life=lives(), seed=st.integers(0, 10_000))
def test_moving_people_conserves_them(engine: str, graph: Document, life: Life, seed: int) -> None:
    """Whatever is redrawn and wished for: as many passages as before, each with the tokens it had, one place each."""
    chance = random.Random(seed)
    with opened(engine) as store:
        furnish(store)
        publish(store, graph)
        moving, now = runner(store, 2, 2), START
        for pause, happenings in life:
            for contact, name in happenings:
                record(store, contact, name, now + 1)
            now += pause
            tick(moving, now)
            before = store.rows("SELECT t.id, t.contact_id, t.seq, t.since_event FROM token t ORDER BY t.id")
            said, moves = redraw(store, graph, chance, now)
            if moves:
                migrating.advance(store, (0,), 1, now=now, chunk=2)
                assert store.rows("SELECT t.id, t.contact_id, t.seq, t.since_event FROM token t ORDER BY t.id") == before
                assert store.rows("SELECT SUM(m.moved), SUM(m.stayed) FROM journey_move m WHERE m.at = :now", now=now) == [
                    (said.moving, said.staying)]
                assert in_their_version(store)
            now += 1
            tick(moving, now)
        assert store.one("""SELECT COUNT(*) FROM enrollment r WHERE (r.status = 'active') <>
            EXISTS (SELECT 1 FROM token t WHERE t.id BETWEEN r.id * 64 AND r.id * 64 + 63)""") == 0
        assert in_their_version(store)
        assert store.one("""SELECT COUNT(*) FROM (SELECT 1 AS one FROM message GROUP BY token_id, visit
            HAVING COUNT(*) > 1) q""") == 0


def redraw(store: Store, graph: Document, chance: random.Random, now: int) -> tuple[migrating.Plan, bool]:
    """Another version: some settings changed, sometimes a renamed step; and a wish drawn at random."""
    renamed = chance.choice([None, *(node["id"] for node in graph["nodes"] if node["type"] in ("wait", "score"))])
    text = documents.dump({**graph, "nodes": [changed(node, chance) for node in graph["nodes"]]})
    if renamed:
        text = text.replace(f"{renamed}\n", f"{renamed}x\n").replace(f"{renamed},", f"{renamed}x,").replace(
            f"{renamed}}}", f"{renamed}x}}")
    mapped = {renamed: f"{renamed}x"} if renamed and chance.random() < 0.5 and f"{renamed}x" in text else {}
    known = {row[0] for row in store.rows("""SELECT DISTINCT n.key FROM node n JOIN enrollment r
        ON r.version_id = n.version_id AND r.status = 'active'""")}
    wish = Wish(chance.random() < 0.5, {old: new for old, new in mapped.items() if old in known})
    said = migrating.plan(store, text, wish, now=now)
    made = versions.publish(store, text, by=ANN, now=now)
    return said, bool(made.fresh and migrating.ask(store, "j", wish, by=ANN, now=now))


def changed(node: Document, chance: random.Random) -> Document:
    if node["type"] == "wait" and "for" in node and chance.random() < 0.5:
        return {**node, "for": chance.choice(["10s", "500s"])}
    return {**node, "timeout": chance.choice(["10s", "700s"])} if "timeout" in node and chance.random() < 0.3 else node


def in_their_version(store: Store) -> bool:
    return store.one("""SELECT COUNT(*) FROM token t JOIN node n ON n.id = t.node_id JOIN enrollment r ON r.id = t.enrollment_id
        WHERE n.version_id <> r.version_id""") == 0
