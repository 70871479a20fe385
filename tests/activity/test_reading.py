"""What an item says: by our clock, its main property, its money, its name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.activity.events import INTERNAL, OBJECT_LENGTH
from engine.activity.inbox import Waiting
from engine.activity.reading import read_event, read_moment, read_occurred
from engine.errors import BadInput
from tests.conftest import NOW


def read(event: str = "purchase", **payload: Any) -> dict[str, Any]:
    return read_event(Waiting(1, NOW, "track", "k", {"event": event, **payload}))


@pytest.mark.parametrize(("payload", "expected"), [
    ({}, NOW),
    ({"occurred_at": NOW - 100}, NOW - 100),
    ({"occurred_at": NOW + 100}, NOW),
    ({"occurred_at": NOW + 100, "historic": True}, NOW + 100),
    ({"occurred_at": (NOW - 100) * 1000}, NOW - 100),
    ({"occurred_at": str(NOW - 100)}, NOW - 100),
    ({"occurred_at": "2026-09-21T13:00:00.999Z"}, 1_789_995_600),
    ({"occurred_at": "2026-09-21T15:00:00+02:00"}, 1_789_995_600),
    ({"occurred_at": NOW - 86_400, "sent_at": NOW - 86_390}, NOW - 10),  # a clock that is a day behind
    ({"occurred_at": NOW + 86_400, "sent_at": NOW + 86_410}, NOW - 10),  # and one that is a day ahead
    ({"occurred_at": NOW + 20, "sent_at": NOW}, NOW),  # sent before it happened: not later than it came
    ({"occurred_at": NOW - 10.4, "sent_at": NOW - 10.0}, NOW - 1),
])
def test_the_clock_of_the_sender_is_set_right(payload: dict[str, Any], expected: int) -> None:
    assert read(**payload)["occurred_at"] == expected


@given(skew=st.integers(-10**9, 10**9), ago=st.integers(0, 10**6), travel=st.integers(0, 100))
def test_a_wrong_clock_changes_nothing_but_by_the_time_of_travel(skew: int, ago: int, travel: int) -> None:
    sent = NOW - travel + skew
    found = read_occurred({"occurred_at": sent - ago, "sent_at": sent}, NOW, clamp=True)
    assert found == NOW - ago


@pytest.mark.parametrize("moment", ["yesterday", True, [1], {"a": 1}, "2026-13-01", 10**19, -10**19, "99999-01-01"])
def test_what_is_no_moment_is_refused(moment: object) -> None:
    with pytest.raises(BadInput):
        read_moment(moment)


@pytest.mark.parametrize(("event", "payload", "expected"), [
    ("page_view", {"props": {"url": "https://Example.com/Pricing/?a=b#c"}}, "/pricing/"),
    ("page_view", {"props": {"url": "https://example.com"}}, "/"),
    ("page_view", {"props": {"path": "/Docs", "url": "https://example.com/x"}}, "/docs"),
    ("page_view", {"props": {"url": "http://[broken"}}, None),
    ("page_view", {"props": {"url": 7}}, None),
    ("page_view", {}, None),
    ("email_clicked", {"props": {"url": "https://Example.com/A?b=C"}}, "https://example.com/a?b=c"),
    ("screen_view", {"props": {"name": "Home"}}, "home"),
    ("purchase", {"props": {"url": "https://example.com/x"}}, None),
    ("purchase", {"object": "  Großes ÄRGERNIS "}, "großes ärgernis"),
    ("purchase", {"object": 17}, "17"),
    ("purchase", {"object": "x" * 900}, "x" * OBJECT_LENGTH),
    ("page_view", {"object": "given", "props": {"path": "/other"}}, "given"),
])
def test_the_main_property(event: str, payload: dict[str, Any], expected: str | None) -> None:
    assert read(event, **payload)["object"] == expected


@pytest.mark.parametrize(("payload", "expected"), [
    ({"props": {"revenue": 39.95, "currency": "usd"}}, (3995, "USD")),
    ({"props": {"revenue": "39.955", "currency": "EUR"}}, (3996, "EUR")),
    ({"props": {"revenue": 500, "currency": "JPY"}}, (500, "JPY")),
    ({"props": {"revenue": 1.2345, "currency": "KWD"}}, (1235, "KWD")),
    ({"props": {"revenue": 14.99}}, (1499, "CHF")),
    ({"props": {"value": 5}}, (None, None)),
    ({"props": {"value": 5, "currency": "USD"}}, (500, "USD")),
    ({"props": {"total": 5, "currency": "USD"}}, (500, "USD")),
    ({"props": {"total": 5}}, (None, None)),
    ({"props": {"revenue": "a lot", "total": 7, "currency": "USD"}}, (700, "USD")),
    ({"props": {"revenue": True, "currency": "USD"}}, (None, None)),
    ({"props": {"revenue": 5, "currency": "gold"}}, (None, None)),
    ({"props": {"revenue": 1e300, "currency": "USD"}}, (None, None)),
    ({"props": {"revenue": -5, "currency": "USD"}}, (-500, "USD")),
    ({"value": "12.50", "currency": "EUR", "props": {"revenue": 1}}, (1250, "EUR")),
    ({"value": 3}, (300, "CHF")),
    ({"value_minor": 77, "currency": "EUR"}, (77, "EUR")),
])
def test_money_is_what_is_called_so_or_has_a_currency(payload: dict[str, Any], expected: tuple[int, str]) -> None:
    row = read_event(Waiting(1, NOW, "track", "k", {"event": "x", **payload}), "CHF")
    assert (row["value_minor"], row["currency"]) == expected


def test_names_are_kept_as_given_and_signals_of_the_engine_are_not_for_others() -> None:
    assert read("  Order Completed ")["name"] == "Order Completed"
    for name in (None, 7, "", "  ", "x" * 201, *INTERNAL, "Segment_Entered"):
        with pytest.raises(BadInput):
            read(name)  # type: ignore[arg-type]
