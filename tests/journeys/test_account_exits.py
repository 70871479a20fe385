"""Exits for everybody at a company: what a colleague does takes all of them out, and nobody else."""

from __future__ import annotations

from engine.journeys.reading import check, known
from engine.store import Store

from .worlds import START, add_contacts, journey, publish, record, runner, tick

WON = {"rule": {"event": "deal_won"}, "scope": "account", "reason": "their company bought"}
WAIT = ({"id": "w", "type": "wait", "for": "9d", "next": "done"}, {"id": "done", "type": "exit"})


def at_work(store: Store) -> None:
    """Contacts 1, 2 and 3 at one company, 4 at another, 5 and 6 at none; all of them in the journey but 3."""
    add_contacts(store, 6)
    with store.transaction():
        store.run("UPDATE contact SET account_id = CASE WHEN id <= 3 THEN 7 WHEN id = 4 THEN 8 END")
    publish(store, journey(*WAIT, exit=[WON]))
    for contact in (1, 2, 4, 5, 6):
        record(store, contact, "signup", START)


def left(store: Store) -> dict[int, str]:
    return dict(store.rows("SELECT r.contact_id, r.reason FROM enrollment r WHERE r.status = 'exited'"))


def test_a_colleague_who_is_not_even_enrolled_takes_everybody_out(store: Store) -> None:
    at_work(store)
    engine = runner(store, size=2, chunk=2)
    tick(engine, START + 1)
    record(store, 3, "deal_won", START + 5)
    tick(engine, START + 6)
    assert left(store) == dict.fromkeys((1, 2), "their company bought")
    record(store, 5, "deal_won", START + 7)
    tick(engine, START + 8)
    assert sorted(left(store)) == [1, 2, 5], "without a company one speaks for oneself only"


def test_what_a_colleague_did_before_one_entered_does_not_count(store: Store) -> None:
    add_contacts(store, 3)
    with store.transaction():
        store.run("UPDATE contact SET account_id = 7")
    publish(store, journey(*WAIT, exit=[WON]))
    record(store, 3, "deal_won", START)
    record(store, 1, "signup", START + 1)
    tick(runner(store), START + 2)
    assert left(store) == {}
    record(store, 2, "deal_won", START + 3)
    tick(runner(store), START + 4)
    assert sorted(left(store)) == [1]


def test_such_an_exit_needs_an_event(memory: Store) -> None:
    graph = journey(*WAIT, exit=[{"rule": {"stage": "customer"}, "scope": "account", "reason": "x"}])
    found = [one for one in check(graph, known(memory)) if one.severity == "error"]
    assert [one.where for one in found] == ["exit[0]"] and "name an event in the rule" in found[0].message
