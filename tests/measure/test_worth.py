"""Customer value by groups of people: the same as plain pandas over the raw rows, and nothing typical said of a handful."""

from __future__ import annotations

import random
from typing import Any

import pandas as pd
import pytest

from engine.access import COMMAND_LINE
from engine.audience import personas, segments
from engine.clock import DAY
from engine.errors import BadInput
from engine.maths.stats import wilson
from engine.measure import groups, worth
from engine.store import Store

from .world import NOW, World, day

SOURCES = ("Fair", "Webinar", None)


def crowd(store: Store, seed: int = 7) -> pd.DataFrame:
    """Sixty buyers of three sources with orders in two currencies, some without a value, some given back; one row per
    purchase, `at` of an order only."""
    world, dice, rows = World(store), random.Random(seed), []
    for number in range(60):
        source = SOURCES[number % 3]
        who = world.contact(f"c{number}", source=source)
        first = dice.randint(10, 200)
        for _ in range(dice.choice([1, 1, 2, 3])):
            at, currency = day(first - dice.randint(0, 9)), dice.choice(["EUR", "EUR", "EUR", "JPY"])
            value = dice.choice([None, 500, 4_000, 90_000])
            world.event(who, "purchase", at, value_minor=value, currency=currency if value else None)
            if value == 90_000 and dice.random() < 0.3:
                world.event(who, "purchase", at + DAY, value_minor=-value, currency=currency)
                rows.append({"who": who, "source": source or "no source", "at": None, "currency": currency, "value": -value})
            rows.append({"who": who, "source": source or "no source", "at": at, "currency": currency if value else None,
                         "value": value})
    return pd.DataFrame(rows)


def ask(store: Store, by: str | None = None, since: int = 0, until: int = NOW + 1) -> worth.ByGroup:
    return worth.by_group(store, groups.read(store, by) if by else None, since=since, until=until, now=NOW)


@pytest.mark.parametrize("by", ["source", None])
def test_it_is_what_plain_pandas_finds(store: Store, by: str | None) -> None:
    orders = crowd(store)
    since, until = day(150), day(20)
    first = orders.groupby("who")["at"].transform("min")
    orders = orders[(first >= since) & (first < until)]
    again = orders.groupby("who")["at"].count().gt(1)
    priced = orders.dropna(subset=["currency"]).assign(group=orders["source"] if by else worth.EVERYBODY)
    expected: dict[tuple[str, str], dict[str, Any]] = {}
    for (group, currency), own in priced.groupby(["group", "currency"]):
        each = own.groupby("who")["value"].sum()
        expected[group, currency] = {"buyers": len(each), "orders": own["at"].count(), "revenue_minor": own["value"].sum(),
                                     "average_order_minor": round(own["value"].sum() / own["at"].count()), "mean": each.mean(),
                                     "median": each.median(), "repeat_buyers": int(again[each.index].sum())}
    found = ask(store, by, since, until)
    assert {(one.group, one.currency) for one in found.parts} == set(expected) and len(expected) > 1
    assert found.unpriced == orders["who"].nunique() - priced["who"].nunique() > 0
    for one in found.parts:
        wanted = expected[one.group, one.currency]
        mean, median = wanted.pop("mean"), wanted.pop("median")
        assert {name: getattr(one, name) for name in wanted} == wanted
        if one.buyers < worth.LEAST_BUYERS:
            assert (one.mean_minor, one.median_minor, one.repeat_rate, one.repeat_ci) == (None,) * 4 and one.why_not
        else:
            assert (one.mean_minor, one.median_minor) == (round(mean), round(median)) and one.why_not is None
            assert one.repeat_rate == one.repeat_buyers / one.buyers
            assert one.repeat_ci == wilson(one.repeat_buyers, one.buyers)
    assert found.currencies == ["EUR", "JPY"] and any("counted apart" in note for note in found.notes)


def test_everybody_counts_as_who_they_were_at_their_first_order(store: Store) -> None:
    personas.save(store, "Builder", {"tag": "no builder"}, by=COMMAND_LINE, now=day(50))
    segments.save(store, "Hot", {"tag": "no hot"}, by=COMMAND_LINE, now=day(50))
    world = World(store)
    ids = dict(store.rows("SELECT s.name, s.id FROM segment s"))
    ada, bo, old = (world.contact(name) for name in ("ada", "bo", "old"))
    for at, change in ((day(40), "entered"), (day(20), "left")):
        for name in ("Persona: Builder", "Hot"):
            world.insert("segment_change", segment_id=ids[name], contact_id=ada, change=change, at=at)
    for who, days in ((ada, 30), (ada, 10), (bo, 30), (old, 60)):
        world.event(who, "purchase", day(days), value_minor=1_000, currency="EUR")
    shape = {one.group: (one.buyers, one.orders, one.repeat_buyers) for one in ask(store, "persona").parts}
    assert shape == {"Builder": (1, 2, 1), "no persona": (1, 1, 0), "not kept yet": (1, 1, 0)}
    assert [one.group for one in ask(store, "segment:Hot").parts] == ["in Hot", "not in Hot", "not kept yet"]
    assert any("kept since" in note for note in ask(store, "persona").notes)
    assert {one.group for one in ask(store, "persona", since=day(50)).parts} == {"Builder", "no persona"}


def test_machines_test_people_visitors_and_the_future_do_not_count(store: Store) -> None:
    world = World(store)
    ada, robot, tester, visitor = (world.contact("ada"), world.contact("robot"), world.contact("tester", is_test=1),
                                   world.contact("visitor", anonymous=1))
    for who in (ada, tester, visitor):
        world.event(who, "purchase", day(5), value_minor=1_000, currency="EUR")
    world.event(robot, "purchase", day(5), verdict="machine", value_minor=1_000, currency="EUR")
    world.event(ada, "purchase", NOW + DAY, value_minor=1_000, currency="EUR")
    (only,) = ask(store).parts
    assert (only.group, only.buyers, only.orders, only.revenue_minor) == ("everybody", 1, 1, 1_000)
    assert only.mean_minor is None and only.why_not == "fewer than 10 buyers"


def test_nobody_and_an_empty_span(store: Store) -> None:
    found = ask(store, "source")
    assert (found.by, found.parts, found.currencies, found.unpriced) == ("source", [], [], 0)
    with pytest.raises(BadInput, match="the span is empty"):
        ask(store, since=NOW, until=NOW)
