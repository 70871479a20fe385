"""Two carts are two passages, each with what brought it there; and who may enter again."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from engine.activity import inbox, intake
from engine.activity.inbox import Item
from engine.clock import DAY, HOUR
from engine.errors import BadInput
from engine.journeys import reading
from engine.journeys.triggers import Reentry
from engine.people import contacts
from engine.store import Store

from .worlds import ANN, START, Document, add_contacts, add_templates, journey, publish, record, runner, tick, trail

PER_CART = {"policy": "per_key", "key": "props.cart_id"}
SAME_CART = {"where": {"cart_id": {"trigger": "cart_id"}}}
CART = journey(
    {"id": "idle", "type": "wait_for", "event": {"event": "cart_updated", **SAME_CART}, "timeout": "4h",
     "on": {"happened": "again", "timeout": "dear"}},
    {"id": "again", "type": "go_to", "node": "idle"},
    {"id": "dear", "type": "condition", "rule": {"trigger": "value", "op": "at_least", "value": 50},
     "on": {"yes": "remind", "no": "end"}},
    {"id": "remind", "type": "send", "template": "cart", "next": "end"},
    {"id": "end", "type": "exit"},
    name="Abandoned cart", trigger={"event": "cart_updated"}, reentry=PER_CART,
    exit=[{"rule": {"event": "ordered", **SAME_CART}, "reason": "ordered"}])


def carts(store: Store) -> list[tuple[Any, ...]]:
    return store.rows("SELECT r.key, r.status, r.reason FROM enrollment r ORDER BY r.id")


@pytest.fixture
def shop(store: Store) -> Store:
    add_contacts(store, 1)
    add_templates(store, "cart")
    publish(store, CART)
    return store


def test_each_cart_waits_for_its_own_last_change_and_leaves_by_its_own_order(shop: Store) -> None:
    engine = runner(shop)
    record(shop, 1, "cart_updated", START + 1, cart_id=7, value=80)
    record(shop, 1, "cart_updated", START + 1, cart_id="8", value=80)
    record(shop, 1, "cart_updated", START + 1, cart_id=9, value=20)
    tick(engine, START + 1)
    record(shop, 1, "cart_updated", START + 3 * HOUR, cart_id="7", value=90)
    tick(engine, START + 3 * HOUR)
    record(shop, 1, "ordered", START + 3 * HOUR + 5, cart_id=8)
    tick(engine, START + 3 * HOUR + 5)
    assert carts(shop) == [("7", "active", None), ("8", "exited", "ordered"), ("9", "active", None)]
    tick(engine, START + 5 * HOUR)
    assert carts(shop)[0] == ("7", "active", None), "four hours after the last change of that cart"
    assert carts(shop)[2] == ("9", "finished", "finished")
    tick(engine, START + 7 * HOUR)
    assert carts(shop)[0] == ("7", "finished", "finished")
    assert shop.rows("SELECT m.status, r.key FROM message m JOIN enrollment r ON r.id = m.enrollment_id") == [("sent", "7")]
    record(shop, 1, "cart_updated", START + 8 * HOUR, cart_id=7, value=80)
    tick(engine, START + 8 * HOUR)
    assert [row[0] for row in carts(shop)] == ["7", "8", "9", "7"], "again once it has left"


def test_only_a_rule_inside_a_journey_may_ask_what_brought_somebody_there(store: Store) -> None:
    add_templates(store, "cart")
    known = reading.known(store)
    outside = {**CART, "entry": {"trigger": {"event": "a", "where": {"x": {"trigger": "y"}}}}}
    assert [one.code for one in reading.check(outside, known) if one.severity == "error"][0] == "no_trigger_yet"
    wrong: list[Document] = [{"trigger": ""}, {"trigger": "x", "op": "sounds_like", "value": 1},
                             {"event": "a", "where": {"x": {"trigger": "y", "op": "is"}}}]
    for rule in wrong:
        document = journey({"id": "c", "type": "condition", "rule": rule, "next": "e"}, {"id": "e", "type": "exit"})
        assert any(one.severity == "error" for one in reading.check(document, known)), rule
    rule = reading.read(CART, known).nodes[2].rule  # type: ignore[attr-defined]
    assert rule.sentence() == "the trigger's value is at least 50" and rule.document() == CART["nodes"][2]["rule"]
    assert reading.read(CART, known).nodes[0].describe() == (
        "Wait until cart_updated where cart_id is the trigger's cart_id, at most 4 hours.")
    same = reading.read(CART, known).exits[0].rule
    assert rule.of_passages and same.of_passages
    for one in (rule, same):
        with pytest.raises(BadInput, match="only of people who are in it"):
            one.members()
    wider = {**CART, "goal": {"rule": {"event": "ordered", **SAME_CART}}}
    assert any("counted of everybody" in one.message for one in reading.check(wider, known))


@pytest.mark.parametrize(("policy", "expected"), [
    ({"policy": "never"}, [0]),
    ({"policy": "after_finish"}, [0, 2, 4]),
    ({"policy": "cooldown", "after": "50h"}, [0, 3]),
    ({"policy": "concurrent"}, [0, 1, 2, 3, 4]),
    ({"policy": "never", "key": "props.cart_id"}, [0, 1]),
])
def test_who_may_enter_again(store: Store, policy: Document, expected: list[int]) -> None:
    add_contacts(store, 1)
    publish(store, journey({"id": "w", "type": "wait", "for": "30h", "next": "e"}, {"id": "e", "type": "exit"},
                           trigger={"event": "go"}, reentry=policy))
    engine = runner(store)
    for day in range(5):
        record(store, 1, "go", START + day * DAY, cart_id=day % 2)
        tick(engine, START + day * DAY)
        tick(engine, START + day * DAY + 12 * HOUR)
    assert [(row[0] - START) // DAY for row in store.rows("SELECT r.started_at FROM enrollment r ORDER BY r.id")] == expected


def test_the_policy_is_said_in_words() -> None:
    said = [Reentry(policy="never").sentence(), Reentry(policy="cooldown", after="90d", key="props.cart_id").sentence(),
            Reentry(policy="per_key", key="object").sentence()]
    assert said == ["Each person enters once, ever.",
                    "People may enter again 90 days after they last entered, for each cart_id by itself.",
                    "People may be in it once at a time for each object, and again once they have left."]


def test_two_carts_of_one_moment_are_told_apart_in_one_tick(shop: Store) -> None:
    for cart in (1, 2, 1):
        record(shop, 1, "cart_updated", START + 1, cart_id=cart, value=1)
    tick(runner(shop), START + 1)
    assert [row[0] for row in carts(shop)] == ["1", "2"]
    assert trail(shop) == ["idle.happened", "again.next"], "the second change of the first cart is heard by it alone"


def test_a_visitors_cart_counts_once_somebody_says_whose_it_is(shop: Store) -> None:
    """Four hours after its last change, although nobody knew whose it was then; an order meanwhile, or a week, ends it."""
    engine, numbers = runner(shop), count()
    contacts.save(shop, {"email": "bo@example.com"}, by=ANN, now=START, source="test")

    def happens(at: int, *said: tuple[str, Document]) -> None:
        inbox.put(shop, [Item(kind, f"v{next(numbers)}", payload) for kind, payload in said], now=START + at)
        intake.take(shop, now=START + at)
        tick(engine, START + at)

    def cart(visitor: str, event: str = "cart_updated") -> tuple[str, Document]:
        return "track", {"anonymous_id": visitor, "event": event, "props": {"cart_id": f"of {visitor}", "value": 80}}

    def named(visitor: str, email: str) -> tuple[str, Document]:
        return "identify", {"anonymous_id": visitor, "email": email, "traits": {}}

    happens(0, cart("ada"), cart("bo"), cart("cy"), cart("di"))
    happens(HOUR, cart("ada"), cart("bo", "ordered"))
    assert carts(shop) == []
    happens(2 * HOUR, named("ada", "ada@example.com"), named("bo", "bo@example.com"))
    assert sorted(carts(shop)) == [("of ada", "active", None), ("of bo", "exited", "ordered")]
    happens(5 * HOUR - 1)
    assert shop.rows("SELECT COUNT(*) FROM message") == [(0,)]
    happens(5 * HOUR, ("alias", {"email": "cy@example.com", "previous": "cy"}), named("ada", "ada@example.com"))
    assert sorted(carts(shop)) == [("of ada", "finished", "finished"), ("of bo", "exited", "ordered"),
                                   ("of cy", "finished", "finished")]
    happens(8 * DAY, named("di", "di@example.com"))
    assert len(carts(shop)) == 3 and shop.rows("SELECT COUNT(*) FROM message") == [(2,)]
