"""A pass that is cut off at any statement is ended before anything new is heard."""

from __future__ import annotations

from engine.schema import open_store
from engine.store import Store

from . import worlds
from .test_properties import Crash, failing
from .worlds import START, add_contacts, journey, publish, record, runner, state, trail

SAYS_AND_LEAVES = journey(
    {"id": "both", "type": "fork", "on": {"p": "say", "q": "listen"}},
    {"id": "say", "type": "emit", "event": "a", "next": "listened"},
    {"id": "listen", "type": "wait_for", "event": {"event": "a"}, "timeout": "1d", "next": "mark"},
    {"id": "mark", "type": "tag", "add": ["heard"], "next": "together"},
    {"id": "listened", "type": "condition", "rule": {"tag": "heard"}, "on": {"yes": "together", "no": "out"}},
    {"id": "out", "type": "exit", "ends": "passage"},
    {"id": "together", "type": "join", "next": "end"},
    {"id": "end", "type": "exit"},
)


def walk(store: Store, crash_at: int | None) -> bool:
    """One signup, one tick; with a crash at a statement, another runner ticks after it. Whether it came to the crash."""
    add_contacts(store, 1)
    publish(store, SAYS_AND_LEAVES)
    record(store, 1, "signup", START + 1)
    crashed = False
    store.on_statement = failing(crash_at) if crash_at else None
    try:
        runner(store, size=1).tick(START + 2)
    except Crash:
        crashed = True
    store.on_statement = None
    worlds.tick(runner(store), START + 2)
    return crashed


def test_what_a_pass_gives_rise_to_is_heard_after_it_even_after_a_crash() -> None:
    """The exit ends the other branch in the pass in which the event was recorded: the branch never hears it."""
    undisturbed = open_store("sqlite:///:memory:", create=True)
    walk(undisturbed, None)
    assert "out.end" in trail(undisturbed) and "mark.next" not in trail(undisturbed)
    statement, crashed = 1, True
    while crashed:
        statement += 3  # no transaction of the runner is shorter
        store = open_store("sqlite:///:memory:", create=True)
        crashed = walk(store, statement)
        assert state(store) == state(undisturbed), f"crashed at statement {statement}"
        assert not store.one("SELECT SUM(w.at) FROM watermark w WHERE w.name = 'pass'"), "the pass was ended"
        store.close()
    assert statement > 40
    undisturbed.close()
