"""`roi` through the command line, on both engines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.__main__ import gather
from engine.access import COMMAND_LINE
from engine.audience import segments
from engine.commands.common import run
from engine.measure import costs
from engine.measure.costs import Cost
from engine.schema import open_store
from tests.measure.world import NOW, World, day

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def filled(url: str) -> str:
    store = open_store(url)
    world = World(store)
    ada = world.contact("ada", created_at=day(20), stage="lead")
    world.event(ada, "email_clicked", day(5), message_id=world.message(ada, world.campaign("Spring"), day(6)))
    world.deal([ada], 450_000)
    costs.record(store, [Cost(100_000, "EUR", day(30), day(29), campaign="Spring")], by=COMMAND_LINE, now=NOW)
    store.close()
    return url


def test_by_groups_of_people(filled: str, capsys: Capture) -> None:
    assert run(gather(), ["--db", filled, "segments", "list"]) == 0
    store = open_store(filled)
    segments.save(store, "Hot", {"tag": "no"}, by=COMMAND_LINE, now=day(90))
    store.close()
    capsys.readouterr()
    asked = ["--db", filled, "--now", str(NOW), "roi", "--by", "segment:Hot"]
    assert run(gather(), ["--json", *asked]) == 0
    found = json.loads(capsys.readouterr().out)
    (part,) = found["groups"]["parts"]
    assert (part["group"], part["sent"], part["clicked"], part["leads"]) == ("not in Hot", 1, 1, 1)
    assert part["credited_minor"] == found["credited_minor"] == 450_000 and found["groups"]["moments"]["credited_minor"]
    assert run(gather(), asked) == 0
    assert "  not in Hot: 1 messages, 1 clicked, 1 leads, 0 MQLs, 1.0 customers" in capsys.readouterr().out


def ask(url: str, capsys: Capture, *arguments: str) -> Any:
    assert run(gather(), ["--db", url, "--now", str(NOW), "roi", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_one_document(filled: str, capsys: Capture) -> None:
    found = ask(filled, capsys)
    assert (found["cost_minor"], found["credited_minor"], found["roi"], found["currency"]) == (100_000, 450_000, 3.5, "EUR")
    assert (found["cpl_minor"], found["cac_minor"]) == (100_000, 100_000)
    assert found["incremental_minor"] is None and "holdout" in found["reasons"]["incremental_minor"]
    assert found["since"] == "1970-01-01T00:00:00Z"


def test_span_campaign_and_model(filled: str, capsys: Capture) -> None:
    assert ask(filled, capsys, "--since", str(day(28)))["reasons"]["roi"] == "undefined: the cost is 0"
    assert ask(filled, capsys, "--campaign", "spring", "--model", "last")["credited_minor"] == 450_000
    assert ask(filled, capsys, "--lookback", "2d")["no_touch_minor"] == 450_000


def test_what_happens_this_second_counts(filled: str, capsys: Capture) -> None:
    store = open_store(filled)
    World(store).deal([1], 50_000, closed_at=NOW)
    store.close()
    assert ask(filled, capsys)["closed_won_minor"] == 500_000
    assert ask(filled, capsys, "--until", str(NOW))["closed_won_minor"] == 450_000


def test_plain_lines(filled: str, capsys: Capture) -> None:
    assert run(gather(), ["--db", filled, "roi", "--until", str(NOW)]) == 0
    out = capsys.readouterr().out
    assert "ROI: 350.0 %" in out
    assert "Cost: 1,000.00 EUR" in out
    assert "Incremental: unknown" in out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--model", "markov"), "not yet"),
        (("--model", "magic"), "'magic' is unknown"),
        (("--campaign", "none"), "there are Spring"),
        (("--since", "2026-01-02", "--until", "2026-01-01"), "later than"),
        (("--since", "soon"), "'soon' is not a moment"),
        (("--lookback", "long"), "'long' is not a duration"),
        (("--lookback", "0d"), "look-back"),
        (("--half-life-days", "-1"), "half-life"),
    ],
)
def test_bad_requests_are_one_line(arguments: tuple[str, ...], word: str, filled: str, capsys: Capture) -> None:
    assert run(gather(), ["--db", filled, "roi", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert word in err


def test_what_customers_are_worth_by_where_they_came_from(filled: str, capsys: Capture) -> None:
    store = open_store(filled)
    world = World(store)
    for number in range(10):
        who = world.contact(f"c{number}", source="Fair")
        for days in (20, 10) if number < 3 else (20,):
            world.event(who, "purchase", day(days), value_minor=1_000 * (number + 1), currency="EUR")
    world.event(world.contact("di"), "purchase", day(20), value_minor=700, currency="EUR")
    store.close()
    asked = ["--db", filled, "--now", str(NOW), "worth", "--by", "source"]
    assert run(gather(), ["--json", *asked]) == 0
    fair, none = json.loads(capsys.readouterr().out)["parts"]
    assert [fair[name] for name in ("group", "buyers", "orders", "revenue_minor", "median_minor", "repeat_rate")] == [
        "Fair", 10, 13, 61_000, 6_000, 0.3]
    assert [none[name] for name in ("group", "buyers", "mean_minor", "why_not")] == [
        "no source", 1, None, "fewer than 10 buyers"]
    assert run(gather(), asked) == 0
    said = capsys.readouterr().out
    assert "Fair: 10 buyers, 13 orders, 610.00 EUR, 46.92 EUR an order; a buyer brings 61.00 EUR on average, 60.00 EUR" in said
    assert "no source: 1 buyers, 1 orders, 7.00 EUR, 7.00 EUR an order; what a buyer brings is not said: fewer than 10" in said
    assert run(gather(), [*asked, "--since", str(NOW)]) == 0 and "Nobody ordered" in capsys.readouterr().out
    assert run(gather(), [*asked, "--until", "2001-01-01", "--since", "2002-01-01"]) == 2
