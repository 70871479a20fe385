"""The rule language: what it means, what it refuses, what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.access import set_setting
from engine.audience import segments
from engine.audience.explaining import explain_rule
from engine.audience.rules import LEAVES, OPERATORS, STAGES, Known, Named, Rule, filters, known, parse, parse_filter
from engine.errors import Invalid
from engine.maths.zones import learn_zone
from engine.people.fields import BUILT_IN, Field
from engine.store import Store
from tests.conftest import NOW

DAY = 86_400
FIELDS = {field.key: field for field in (
    Field("industry", "Industry", "text", "cf_1"), Field("employees", "Employees", "number", "cf_2"),
    Field("birthday", "Birthday", "date", "cf_3"), Field("size", "Size", "enum", "cf_4", ("Small", "Large")),
    Field("vip", "VIP", "bool", "cf_5"), Field("topics", "Topics", "list", "cf_6"))}
KNOWN = Known(BUILT_IN | FIELDS, {}, {"newsletter": Named(7, "Newsletter")}, {"high engagement": Named(3, "High engagement")},
              {"welcome": Named(4, "Welcome")}, {"buys": Named(5, "buys")})


def problems(document: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as caught:
        parse(document, KNOWN)
    return [(problem.where, problem.code) for problem in caught.value.problems]


@pytest.mark.parametrize(("document", "where", "code"), [
    ({}, "rule", "shape"), ([], "rule", "shape"), ("tag", "rule", "shape"), (None, "rule", "shape"),
    ({"all": []}, "all", "empty_group"), ({"any": {}}, "any", "empty_group"), ({"not": None}, "not", "shape"),
    ({"flag": 1}, "rule", "leaf"), ({"tag": "a", "list": "Newsletter"}, "rule", "leaf"),
    ({"all": [{"tag": "a"}], "tag": "b"}, "rule", "leaf"),
    ({"tag": "a", "colour": "b"}, "colour", "unknown_key"), ({"tag": ""}, "tag", "value"), ({"tag": 3}, "tag", "value"),
    ({"field": "nope", "op": "is", "value": 1}, "field", "field"),
    ({"field": "industry", "op": "almost", "value": "x"}, "op", "operator"),
    ({"field": "industry", "op": "at_least", "value": "x"}, "op", "operator"),
    ({"field": "industry", "op": "is", "value": 5}, "value", "value"),
    ({"field": "industry", "op": "is"}, "value", "value"),
    ({"field": "industry", "op": "is", "value": "a\x00"}, "value", "value"),
    ({"tag": "half a letter \ud800"}, "tag", "value"),
    ({"field": "employees", "op": "is", "value": "5"}, "value", "value"),
    ({"field": "employees", "op": "is", "value": True}, "value", "value"),
    ({"field": "employees", "op": "is", "value": float("nan")}, "value", "value"),
    ({"field": "employees", "op": "between", "value": [5]}, "value", "value"),
    ({"field": "employees", "op": "between", "value": [5, 1]}, "value", "value"),
    ({"field": "employees", "op": "in", "value": []}, "value", "value"),
    ({"field": "employees", "op": "is_set", "value": 1}, "value", "value"),
    ({"field": "birthday", "op": "before", "value": "soon"}, "value", "value"),
    ({"field": "birthday", "op": "within_last", "value": "a week"}, "value", "value"),
    ({"field": "size", "op": "is", "value": "Medium"}, "value", "value"),
    ({"field": "vip", "op": "is", "value": 1}, "value", "value"),
    ({"list": "Nobody"}, "list", "list"), ({"segment": "Nobody"}, "segment", "segment"),
    ({"stage": ["mql", "boss"]}, "stage", "stage"), ({"stage": []}, "stage", "value"),
    ({"consent": "pigeon", "is": "subscribed"}, "consent", "channel"),
    ({"consent": "email", "is": "keen"}, "is", "state"),
    ({"score": 5}, "score", "shape"), ({"score": {"op": "at_least", "value": 5}, "group": "wit"}, "group", "group"),
    ({"event": "page_view", "where": {"object": {"op": "is", "value": 5}}}, "where.object.value", "value"),
    ({"event": "page_view", "where": {"": 5}}, "where", "property"),
    ({"event": "page_view", "op": "is", "count": 2}, "op", "operator"),
    ({"event": "page_view", "count": -1}, "count", "value"), ({"event": "page_view", "count": 1.5}, "count", "value"),
    ({"event": "page_view", "within": "7"}, "within", "duration"), ({"event": "page_view", "within": 7}, "within", "duration"),
    ({"event": "page_view", "within": "-7d"}, "within", "duration"),
    ({"last": 0, "of": "email_sent", "all": "email_opened"}, "last", "value"),
    ({"last": 3, "of": "email_sent"}, "rule", "value"), ({"last": 3, "all": "email_opened"}, "of", "value"),
    ({"last": 3, "of": "email_sent", "all": "a", "any": "b"}, "rule", "value"),
    ({"last": 3, "of": {"event": "email_sent", "when": 1}, "all": "a"}, "of.when", "unknown_key"),
    ({"sequence": []}, "sequence", "shape"), ({"sequence": [{"event": "a"}]}, "sequence", "value"),
    ({"sequence": [{"event": "a"}, {"event": None}]}, "sequence[1].event", "value"),
    ({"sequence": [{"event": "a"}, 5]}, "sequence[1]", "value"),
    ({"sequence": [{"event": "a"}, {"event": "b"}], "within": "soon"}, "within", "duration"),
    ({"sequence": [{"event": "a"}, {"event": "b"}], "without": {}}, "without.event", "value"),
    ({"probability": "purchase_14d", "op": "at_least", "value": 0.4}, "probability", "model"),
    ({"probability": "buys", "op": "at_least", "value": 40}, "value", "value"), ({"probability": "buys"}, "value", "value"),
    ({"probability": "buys", "top": 10}, "top", "value"), ({"persona": "Nobody"}, "persona", "persona"),
    ({"persona": []}, "persona", "value"),
    ({"anniversary": "industry"}, "anniversary", "field"),
    ({"anniversary": "birthday", "offset": "-36h"}, "offset", "duration"),
    ({"anniversary": "birthday", "offset": 7}, "offset", "duration"),
    ({"time_in_stage": "boss", "value": "14d"}, "time_in_stage", "stage"),
    ({"time_in_stage": "mql", "op": "is", "value": "14d"}, "op", "operator"),
    ({"time_in_stage": "mql", "value": 14}, "value", "duration"),
    ({"spent": "most", "value": 5}, "spent", "value"), ({"spent": "total", "op": "exactly", "value": 5}, "op", "operator"),
    ({"spent": "total"}, "value", "value"), ({"spent": "total", "value": 0}, "value", "value"),
    ({"spent": "total", "value": "5"}, "value", "value"), ({"spent": "total", "value": 0.005}, "value", "value"),
    ({"spent": "total", "value": 1.5, "currency": "JPY"}, "value", "value"),
    ({"spent": "total", "value": 5, "currency": "euro"}, "currency", "currency"),
    ({"spent": "total", "value": 5, "within": "a year"}, "within", "duration"),
    ({"event": "email_opened", "of": "nowhere"}, "of", "template"), ({"percent": 0, "salt": "x"}, "percent", "value"),
    ({"percent": 10}, "salt", "value"),
])
def test_what_is_not_understood_is_refused_where_it_stands(document: Any, where: str, code: str) -> None:
    assert (where, code) in problems(document)


def test_every_problem_is_named_with_its_path() -> None:
    found = problems({"all": [{"tag": "a"}, {"any": [{"field": "nope"}, {"event": "x", "where": {"object": {"op": "?"}}}]}]})
    assert found == [("all[1].any[0].field", "field"), ("all[1].any[1].where.object.op", "operator")]


def test_a_rule_has_at_most_twenty_levels_and_two_hundred_leaves() -> None:
    deep: Any = {"tag": "x"}
    for _ in range(19):
        deep = {"not": deep}
    parse(deep, KNOWN)
    assert [code for _, code in problems({"not": deep})] == ["depth"]
    parse({"all": [{"any": [{"tag": "x"}] * 100}] * 2}, KNOWN)
    assert [code for _, code in problems({"all": [{"any": [{"tag": "x"}] * 67}] * 3})] == ["leaves"]


@pytest.mark.parametrize(("document", "sentence"), [
    ({"field": "industry", "op": "is", "value": "technology"}, 'Industry is "technology"'),
    ({"field": "employees", "op": "between", "value": [50, 200]}, "Employees is between 50 and 200"),
    ({"field": "INDUSTRY", "op": "in", "value": ["a", "b"]}, 'Industry is one of "a" or "b"'),
    ({"all": [{"tag": "vip"}, {"not": {"stage": "lost"}}]}, 'has the tag "vip" and not (is at the stage lost)'),
    ({"any": [{"tag": "a"}, {"all": [{"tag": "b"}, {"list": "newsletter"}]}]},
     'has the tag "a" or (has the tag "b" and is on the list "Newsletter")'),
    ({"event": "page_view", "where": {"object": {"op": "is", "value": "/pricing"}}, "count": 2, "within": "7d"},
     'did page_view where object is "/pricing" at least 2 times in the last 7 days'),
    ({"event": "purchase", "op": "exactly", "count": 0, "within": "30d"}, "did not do purchase in the last 30 days"),
    ({"consent": "email", "is": "subscribed", "topic": "news"}, 'is subscribed to email about "news"'),
    ({"score": {"op": "at_least", "value": 50}, "group": "engagement"}, "engagement score is at least 50"),
    ({"days_since": "purchase", "op": "at_least", "value": 60}, "last did purchase at least 60 days ago"),
    ({"spent": "total", "value": 1500, "currency": "eur", "within": "365d"},
     "spent at least 1,500 EUR in the last 365 days"),
    ({"spent": "average", "op": "less_than", "value": 19.5}, "spent less than 19.5 USD an order (or nothing)"),
    ({"last": 3, "of": "email_sent", "all": "email_opened"}, "opened all of the last 3 emails"),
    ({"last": 2, "of": {"event": "invited"}, "any": "came"}, "did came after at least one of the last 2 invited"),
    ({"sequence": [{"event": "webinar"}, {"event": "paper"}], "within": "14d", "without": {"event": "demo"},
      "completed_within": "30d"},
     "did webinar and then did paper within 14 days without demo in between, completed in the last 30 days"),
    ({"time_in_stage": "MQL", "value": "14d"}, "has been at the stage mql for at least 14 days"),
    ({"anniversary": "birthday"}, "today is the anniversary of Birthday"),
    ({"anniversary": "Birthday", "offset": "-1d"}, "today is 1 day before the anniversary of Birthday"),
    ({"event": "email_opened", "of": "welcome", "within": "7d"},
     'did email_opened of the message "Welcome" in the last 7 days'),
    ({"sequence": [{"event": "cart"}], "within": "2h", "without": {"event": "purchase"}},
     "did cart without purchase within 2 hours after it"),
])
def test_the_sentence_says_the_rule(document: Any, sentence: str) -> None:
    rule = parse(document, KNOWN)
    assert rule.sentence() == sentence
    assert parse(json.loads(json.dumps(rule.document())), KNOWN) == rule


def test_signals_name_events_windows_facts_and_segments() -> None:
    rule = parse({"all": [{"event": "page_view", "where": {"object": "/Pricing"}, "within": "7d"},
                          {"segment": "high engagement"}, {"any": [{"tag": "x"}, {"event": "purchase"}]}]}, KNOWN)
    found = rule.signals()
    assert found.events == {("page_view", "/pricing"), ("purchase", None)}
    assert found.windows == {("page_view", "/pricing", 7 * DAY)}
    assert found.contact and found.segments == {3}


# ------------------------------------------------------------ on the engines


def people(store: Store, rows: list[dict[str, Any]]) -> None:
    base = {"id": 0, "email": None, "first_name": None, "stage": None, "engagement_score": 0, "hash31": 1, "anonymous": 0,
            "created_at": NOW, "updated_at": NOW}
    store.insert_many("contact", [base | {"id": at, "hash31": at * 7919} | row for at, row in enumerate(rows, 1)])


def did(store: Store, contact_id: int, name: str, ago: int, thing: str | None = None, props: Any = None, **more: Any) -> None:
    at = NOW - ago
    key = f"{contact_id}-{name}-{store.one('SELECT count(*) FROM event')}"
    store.insert_many("event", [{"contact_id": contact_id, "name": name, "object": thing, "occurred_at": at, "received_at": at,
                                 "props": json.dumps(props or {}), "dedupe_key": key, "source": "test"} | more])


def matching(store: Store, document: Any, now: int = NOW) -> set[int]:
    rule: Rule = parse(document, known(store))
    found = {row[0] for row in store.rows(rule.members(), now=now)}
    one_by_one = {row[0] for row in store.rows(f"SELECT c.id FROM contact c WHERE c.anonymous = 0 AND {_text(rule)}",
                                               **_values(rule), now=now)}
    assert found == one_by_one
    return found


def _text(rule: Rule) -> str:
    return rule.probe().render()[0]


def _values(rule: Rule) -> dict[str, Any]:
    return rule.probe().render()[1]


def test_windows_are_half_open_and_the_future_does_not_count(store: Store) -> None:
    with store.transaction():
        people(store, [{} for _ in range(5)])
        for contact, ago in ((1, 0), (2, 7 * DAY - 1), (3, 7 * DAY), (4, -1)):
            did(store, contact, "page_view", ago)
    assert matching(store, {"event": "page_view", "within": "7d"}) == {1, 2}
    assert matching(store, {"event": "page_view"}) == {1, 2, 3}
    assert matching(store, {"event": "page_view", "op": "exactly", "count": 0}) == {4, 5}
    assert matching(store, {"event": "page_view", "op": "at_most", "count": 1, "within": "7d"}) == {1, 2, 3, 4, 5}


def test_spending_is_counted_in_one_currency_and_by_people_only(store: Store) -> None:
    euro = {"currency": "EUR"}
    with store.transaction():
        people(store, [{} for _ in range(6)])
        for contact, minor, more in (
                (1, 30_000, euro), (1, 20_000, euro), (2, 49_999, euro), (2, 1, euro | {"verdict": "machine"}),
                (3, 50_000, {"currency": "USD"}), (3, None, {"currency": None}), (4, 60_000, euro), (4, -20_000, euro),
                (5, 50_000, euro), (5, 0, euro), (5, None, {"currency": None})):
            did(store, contact, "purchase", 40 * DAY if minor == 30_000 else DAY, value_minor=minor, **more)
    spent = {"spent": "total", "value": 500, "currency": "EUR"}
    assert matching(store, spent) == {1, 5}
    assert matching(store, spent | {"op": "less_than"}) == {2, 3, 4, 6}
    assert matching(store, spent | {"within": "30d"}) == {5}
    average = {"spent": "average", "value": 250, "currency": "EUR"}  # an order of 0 is one, an order without a value is none
    assert matching(store, average) == {1, 2, 5} and matching(store, average | {"value": 250.01}) == {2}
    assert matching(store, {"spent": "total", "value": 500}) == {3}, "the workspace's own currency is USD"
    set_setting(store, "currency", "EUR")
    assert matching(store, {"spent": "total", "value": 500}) == {1, 5}
    seen = explain_rule(store, parse({"all": [spent, average]}, known(store)), 1, "one", now=NOW).lines
    assert [line.observed for line in seen[1:]] == [{"orders": "2", "spent": "500"}, {"orders": "2", "average order": "250"}]


def test_counts(store: Store) -> None:
    with store.transaction():
        people(store, [{} for _ in range(4)])
        for contact in (2, 3, 3, 4, 4, 4):
            did(store, contact, "visit", 5)
    assert matching(store, {"event": "visit", "op": "at_least", "count": 2}) == {3, 4}
    assert matching(store, {"event": "visit", "op": "more_than", "count": 2}) == {4}
    assert matching(store, {"event": "visit", "op": "at_most", "count": 1}) == {1, 2}
    assert matching(store, {"event": "visit", "op": "less_than", "count": 3}) == {1, 2, 3}
    assert matching(store, {"event": "visit", "op": "exactly", "count": 2}) == {3}
    assert matching(store, {"event": "visit", "op": "at_least", "count": 0}) == {1, 2, 3, 4}
    assert matching(store, {"event": "visit", "op": "at_most", "count": 0}) == {1}


def test_a_machine_does_not_count(store: Store) -> None:
    with store.transaction():
        people(store, [{}, {}, {}])
        for contact, verdict in ((1, "machine"), (2, "human"), (3, None)):
            did(store, contact, "email_opened", 5, verdict=verdict)
    assert matching(store, {"event": "email_opened"}) == {2, 3}


def test_properties_compare_by_their_type(store: Store) -> None:
    with store.transaction():
        people(store, [{} for _ in range(6)])
        for contact, value in ((1, 5), (2, "5"), (3, 5.5), (4, True), (5, None)):
            did(store, contact, "buy", 5, props={"n": value, "größe": "XL", 'a"\\b': 1, "Plan": "Größe_1"})
        did(store, 6, "buy", 5)
    of = {"event": "buy"}
    assert matching(store, of | {"where": {"n": 5}}) == {1}
    assert matching(store, of | {"where": {"n": "5"}}) == {2}
    assert matching(store, of | {"where": {"n": True}}) == {4}
    assert matching(store, of | {"where": {"n": {"op": "at_least", "value": 5}}}) == {1, 3}
    assert matching(store, of | {"where": {"n": {"op": "is_not", "value": 5}}}) == {3}
    assert matching(store, of | {"where": {"n": {"op": "is_set"}}}) == {1, 2, 3, 4}
    assert matching(store, of | {"where": {"n": {"op": "is_not_set"}}}) == {5, 6}
    assert matching(store, of | {"where": {"größe": "xl"}}) == {1, 2, 3, 4, 5}
    assert matching(store, of | {"where": {'a"\\b': 1}}) == {1, 2, 3, 4, 5}
    assert matching(store, of | {"where": {"Plan": {"op": "contains", "value": "GRÖSSE_"}}}) == set()
    assert matching(store, of | {"where": {"Plan": {"op": "contains", "value": "GRÖßE_"}}}) == {1, 2, 3, 4, 5}
    assert matching(store, of | {"where": {"Plan": {"op": "contains", "value": "e%1"}}}) == set()


def test_the_value_of_an_event_counts_in_whole_money(store: Store) -> None:
    with store.transaction():
        people(store, [{} for _ in range(4)])
        did(store, 1, "purchase", 5, value_minor=4999, currency="USD")
        did(store, 2, "purchase", 5, value_minor=50, currency="JPY")
        did(store, 3, "purchase", 5, props={"value": 50})
        did(store, 4, "purchase", 5)
    assert matching(store, {"event": "purchase", "where": {"value": {"op": "at_least", "value": 50}}}) == {2, 3}
    assert matching(store, {"event": "purchase", "where": {"value": 49.99}}) == {1}


def test_objects_match_without_case(store: Store) -> None:
    with store.transaction():
        people(store, [{}, {}, {}])
        did(store, 1, "page_view", 5, "/preise/größe")
        did(store, 2, "page_view", 5, "/pricing")
        did(store, 3, "page_view", 5)
    assert matching(store, {"event": "page_view", "where": {"object": "/Preise/GRÖßE"}}) == {1}
    assert matching(store, {"event": "page_view", "where": {"object": {"op": "starts_with", "value": "/PR"}}}) == {1, 2}
    assert matching(store, {"event": "page_view", "where": {"object": {"op": "is_not_set"}}}) == {3}


@pytest.mark.parametrize("most", [1, 2, 3, 4])
def test_the_last_object_that_is_looked_at_is_tested_too(store: Store, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(filters, "MOST_OBJECTS", most)  # of three there are: fewer, as many, more
    with store.transaction():
        people(store, [{}, {}, {}])
        for contact, page in ((1, "/a"), (2, "/b/pricing"), (3, "/c")):
            did(store, contact, "page_view", 5, page)
    assert matching(store, {"event": "page_view", "where": {"object": {"op": "contains", "value": "pricing"}}}) == {2}


def test_a_missing_value_matches_nothing_but_not_around_it_does(store: Store) -> None:
    with store.transaction():
        people(store, [{"first_name": "Ada"}, {"first_name": None}, {"first_name": "ÉVA"}, {"anonymous": 1}])
    for op in ("is", "is_not", "contains", "starts_with"):
        assert 2 not in matching(store, {"field": "first_name", "op": op, "value": "ada"})
    assert matching(store, {"not": {"field": "first_name", "op": "is", "value": "ADA"}}) == {2, 3}
    assert matching(store, {"field": "first_name", "op": "is", "value": "éva"}) == {3}
    assert matching(store, {"field": "first_name", "op": "is_not_set"}) == {2}


def test_a_date_stands_for_its_whole_day(store: Store) -> None:
    midnight = NOW // DAY * DAY
    with store.transaction():
        people(store, [{"created_at": midnight + at} for at in (-1, 0, DAY - 1, DAY)])
    day = "2026-09-21"
    assert matching(store, {"field": "created_at", "op": "is", "value": day}) == {2, 3}
    assert matching(store, {"field": "created_at", "op": "before", "value": day}) == {1}
    assert matching(store, {"field": "created_at", "op": "after", "value": day}) == {4}
    assert matching(store, {"field": "created_at", "op": "between", "value": ["2026-09-20", day]}) == {1, 2, 3}
    assert matching(store, {"field": "created_at", "op": "within_last", "value": "1d"}) == {1, 2}


def test_days_since_counts_whole_days_since_the_last_time(store: Store) -> None:
    with store.transaction():
        people(store, [{} for _ in range(4)])
        for contact, ago in ((1, 90 * DAY), (1, 60 * DAY), (2, 60 * DAY - 1), (3, -5)):
            did(store, contact, "purchase", ago)
    assert matching(store, {"days_since": "purchase", "op": "at_least", "value": 60}) == {1}
    assert matching(store, {"days_since": "purchase", "op": "at_most", "value": 60}) == {1, 2}
    assert matching(store, {"days_since": "purchase", "op": "exactly", "value": 59}) == {2}
    assert matching(store, {"not": {"days_since": "purchase", "op": "at_least", "value": 60}}) == {2, 3, 4}


def test_the_last_few_messages_and_what_came_of_each(store: Store) -> None:
    with store.transaction():
        people(store, [{} for _ in range(6)])
        for contact in range(1, 7):
            for mail in range(3 if contact != 5 else 2):
                did(store, contact, "email_sent", 1_000 - 100 * mail, f"mail {mail}", message_id=contact * 10 + mail)
        for contact, opened, verdict in ((1, (0, 1, 2), "human"), (2, (0, 2, 2), None), (3, (0, 1, 2), "machine"),
                                         (5, (0, 1), None)):
            for mail in opened:  # all opened after the last one was sent
                did(store, contact, "email_opened", 500 - mail, message_id=contact * 10 + mail, verdict=verdict)
    whole = {"last": 3, "of": "email_sent", "all": "email_opened"}
    assert matching(store, whole) == {1}
    assert matching(store, {"last": 3, "of": "email_sent", "any": "email_opened"}) == {1, 2}
    assert matching(store, {"last": 2, "of": "email_sent", "all": "email_opened"}) == {1, 5}
    assert matching(store, {"not": whole}) == {2, 3, 4, 5, 6}
    found = segments.count(store, parse(whole, known(store)), now=NOW)
    assert (found.count, found.total, found.unjudged) == (1, 6, 1)  # machines alone opened the mails of the third


def test_without_ids_an_answer_belongs_to_the_newest_message_before_it(store: Store) -> None:
    with store.transaction():
        people(store, [{} for _ in range(3)])
        for contact in (1, 2, 3):
            for mail in range(2):
                did(store, contact, "letter", 1_000 - 500 * mail, f"mail {mail}")
        did(store, 1, "reply", 900)
        did(store, 1, "reply", 400)
        did(store, 2, "reply", 400)
        did(store, 2, "reply", 300)
        did(store, 3, "reply", 300, "mail 0")  # an answer to the first one, though the second was out
        did(store, 3, "reply", 300, "mail 1")
    assert matching(store, {"last": 2, "of": "letter", "all": "reply"}) == {1, 3}


def test_a_sequence_is_strictly_in_the_order_of_what_happened(store: Store) -> None:
    with store.transaction():
        people(store, [{} for _ in range(5)])
        for contact, name, ago in ((1, "b", 40), (1, "a", 50), (2, "b", 50), (2, "a", 40), (3, "a", 50), (3, "c", 45),
                                   (3, "b", 40), (4, "a", 90), (4, "c", 80), (4, "a", 50), (4, "b", 40), (5, "a", 50)):
            did(store, contact, name, ago)
    steps = {"sequence": [{"event": "a"}, {"event": "b"}]}
    assert matching(store, steps) == {1, 3, 4}
    assert matching(store, steps | {"within": "10s"}) == {1, 3, 4}
    assert matching(store, steps | {"within": "9s"}) == set()
    assert matching(store, steps | {"without": {"event": "c"}}) == {1, 4}
    assert matching(store, steps | {"completed_within": "40s"}) == set()
    assert matching(store, steps | {"completed_within": "41s"}) == {1, 3, 4}
    alone = {"sequence": [{"event": "a"}], "without": {"event": "b"}}
    assert matching(store, alone) == {2, 5}
    assert matching(store, alone | {"within": "5s"}) == {1, 2, 3, 4, 5}
    assert matching(store, alone | {"within": "50s"}) == {5}
    assert matching(store, alone | {"within": "51s"}) == set()


def test_an_anniversary_begins_at_midnight_where_the_person_lives(store: Store) -> None:
    zones = ("Pacific/Kiritimati", "Europe/Berlin", None, "Pacific/Honolulu")
    with store.transaction():
        for zone in zones:
            if zone:
                learn_zone(store, zone)
        people(store, [{"time_zone": zone, "created_at": 951_782_400 + 3_600} for zone in zones])  # 29 February 2000
    midnight = 1_772_236_800  # 2026-02-28T00:00Z
    leap, rule = 1_835_395_200, {"anniversary": "created_at"}  # 2028-02-29T00:00Z
    assert matching(store, rule, midnight - 14 * 3_600) == {1}
    assert matching(store, rule, midnight - 14 * 3_600 - 1) == set()
    assert matching(store, rule, midnight) == {1, 2, 3}
    assert matching(store, rule, midnight + 10 * 3_600) == {2, 3, 4}  # it is the 1st of March on Kiritimati already
    assert matching(store, rule, midnight + DAY) == {4}
    assert matching(store, rule, leap) == {1, 2, 3} and matching(store, rule, leap - DAY) == set()
    assert matching(store, rule | {"offset": "-7d"}, midnight - 7 * DAY) == {1, 2, 3}
    assert matching(store, rule | {"offset": "1d"}, midnight + DAY) == {1, 2, 3}


def test_time_in_stage_runs_from_the_newest_change_to_it(store: Store) -> None:
    with store.transaction():
        people(store, [{"stage": "mql", "created_at": NOW - 14 * DAY}, {"stage": "mql"}, {"stage": "lead"}])
        store.insert_many("contact_change", [
            {"contact_id": 2, "kind": "stage", "name": "stage", "old": "lead", "new": stage, "at": NOW - ago, "source": "s"}
            for stage, ago in (("mql", 90 * DAY), ("lead", 50 * DAY), ("mql", 14 * DAY - 1))])
    rule = {"time_in_stage": "mql", "value": "14d"}
    assert matching(store, rule | {"op": "at_least"}) == {1}
    assert matching(store, rule | {"op": "more_than"}) == set()
    assert matching(store, rule | {"op": "less_than"}) == {2}
    assert matching(store, rule | {"op": "at_most"}) == {1, 2}


def test_an_event_filter_keeps_what_it_belongs_to(store: Store) -> None:
    found = parse_filter({"event": "email_clicked", "of": "hello", "where": {"object": "https://x.test/A"}}, known(store))
    assert (found.name, found.of, found.event) == ("email_clicked", "hello", ("email_clicked", "https://x.test/a"))
    assert parse_filter(found.document(), known(store)) == found
    with store.transaction():
        people(store, [{}])
        did(store, 1, "email_clicked", 5, "https://x.test/a")
        did(store, 1, "email_clicked", 5, "https://x.test/b")
    assert store.one(f"SELECT count(*) FROM event e WHERE {found.match('e').render()[0]}", **found.match("e").render()[1]) == 1
    for wrong in ({}, "purchase", {"event": ""}, {"event": "x", "when": 1}, {"event": "x", "of": 3}):
        with pytest.raises(Invalid):
            parse_filter(wrong, known(store))


def test_every_leaf_and_operator_is_described_in_the_manual() -> None:
    manual = (Path(__file__).resolve().parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
    missing = [key for key in LEAVES if f'{{"{key}":' not in manual] + [
        key for key in (*OPERATORS, *STAGES[2:3]) if key not in manual]
    assert not missing


def test_every_leaf_and_operator_has_its_words() -> None:
    for leaf in LEAVES.values():
        assert leaf.label and leaf.group and leaf.asks and leaf.key in {ask.key for ask in leaf.asks}
    for operator in OPERATORS.values():
        assert operator.label and operator.words and operator.forms
        assert ("{value}" in operator.words) == (operator.takes != "nothing")
