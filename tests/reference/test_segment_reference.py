"""Segment's own documents and clients: every example of a known call is taken and stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from segment.analytics.client import Client  # type: ignore[import-untyped]

from engine import access
from engine.activity import inbox
from engine.activity.intake import refusals, take
from engine.clock import parse_moment
from engine.people import contacts
from engine.service.tracking import KINDS
from engine.store import Store
from tests.conftest import NOW
from tests.service.serving import serving

pytestmark = pytest.mark.slow

LATER = parse_moment("2026-12-01")  # after the recordings were made
TRACKED = {"track": None, "page": "page_view", "screen": "screen_view"}


@pytest.fixture
def web(store: Store) -> Iterator[httpx.Client]:
    key = access.create_write_key(store, "website", now=NOW)
    with serving(store) as address, httpx.Client(base_url=address, auth=(key, "")) as client:
        yield client


@pytest.fixture
def expected(shared_data: Callable[[str], Path]) -> Callable[[str], Any]:
    return lambda name: json.loads(shared_data(f"expected/{name}.json").read_text())


def events(store: Store) -> list[tuple[Any, ...]]:
    return store.rows("SELECT e.name, e.object, e.value_minor, e.currency FROM event e ORDER BY e.id")


def test_every_example_of_the_specification_is_taken_and_stored(
        store: Store, web: httpx.Client, expected: Callable[[str], Any]) -> None:
    examples = [(one["type"], one["json"]) for one in expected("segment_spec")["examples"] if one["type"] in (*KINDS, "batch")]
    assert {"alias", "group", "identify", "page", "screen", "track"} <= {kind for kind, _ in examples}
    for kind, example in examples:
        document = {key: value for key, value in example.items() if key != "writeKey"}
        answer = web.post(f"/v1/{kind}", params={"strict": 1}, json=document)
        assert answer.status_code == 200 and answer.json()["errors"] == [], example
    calls = [{"type": kind} | call for kind, example in examples for call in example.get("batch", [example])]
    arrived = inbox.count(store)
    assert arrived == len(calls)
    take(store, now=LATER)
    assert list(refusals(store)["reason"]) == [] and inbox.count(store) == 0
    for call in calls:
        _is_stored(store, call)


def _is_stored(store: Store, call: dict[str, Any]) -> None:
    """Whoever a call names is known by each of its names; a call with a key of its own left its event."""
    for kind, name in (("external_id", call.get("userId")), ("anonymous_id", call.get("anonymousId"))):
        if name and not (kind == "anonymous_id" and call.get("userId")):
            assert store.one("SELECT 1 FROM identifier WHERE kind = :kind AND value = :name", kind=kind, name=str(name)), call
    if call.get("type") in TRACKED and call.get("messageId"):
        row = store.row("SELECT name FROM event WHERE dedupe_key = :key", key=f"{call['type']}:{call['messageId']}")
        assert row == (TRACKED[call["type"]] or call["event"],), call


@pytest.mark.parametrize("client", ["python", "node"])
def test_recorded_requests_of_segments_clients_are_understood(
        store: Store, web: httpx.Client, expected: Callable[[str], Any], client: str) -> None:
    for request in expected("segment_http")[client]["requests"]:
        headers = {key: value for key, value in request["headers"].items()
                   if key.lower() not in ("host", "authorization", "content-length", "connection", "accept-encoding")}
        for _ in range(2):  # clients repeat what they believe lost
            answer = web.post(request["path"], params={"strict": 1}, headers=headers, content=json.dumps(request["json"]))
            assert answer.json() == {"success": True, "accepted": len(request["json"]["batch"]), "errors": []}
    assert take(store, now=LATER) == 3 and list(refusals(store)["reason"]) == []
    ana = contacts.get(store, "019mr8mf4r")
    assert (ana.email, ana.first_name, ana.last_name, ana.account) == ("ana@example.com", "Ana", "Gómez", "Acme Inc")
    assert ana.fields["plan"] == "pro" and ("anonymous_id", "anon-123") in ana.identifiers
    assert events(store) == [("Order Completed", None, 3995, "USD"), ("page_view", "/pricing", None, None),
                             ("screen_view", "home", None, None)]
    assert store.one("SELECT COUNT(*) FROM contact") == 1  # the popup's visitor became Ana


@pytest.mark.parametrize("gzip", [False, True])
def test_segments_python_client_posts_to_us(store: Store, gzip: bool) -> None:
    key = access.create_write_key(store, "app", now=NOW)
    failures: list[object] = []
    with serving(store) as address:
        client = Client(key, host=address, gzip=gzip, on_error=lambda error, _: failures.append(error), max_retries=1)
        client.identify("u1", {"email": "ada@example.com", "plan": "pro"})
        client.track("u1", "Order Completed", {"revenue": 5, "currency": "JPY"})
        client.page("u1", "Docs", "Pricing", {"url": "https://example.com/pricing"})
        client.alias("visitor", "u1")
        for n in range(250):
            client.track("u1", f"step {n}")
        client.shutdown()
    assert failures == []
    assert take(store, now=LATER) == 252
    assert events(store)[:3] == [("Order Completed", None, 5, "JPY"), ("page_view", "/pricing", None, None),
                                 ("step 0", None, None, None)]
    assert [row[0] for row in events(store)[2:]] == [f"step {n}" for n in range(250)]
    assert contacts.get(store, "ada@example.com").external_id == "u1"


def test_segments_python_client_hears_that_its_key_is_wrong(store: Store) -> None:
    failures: list[object] = []
    with serving(store) as address:
        client = Client("tl_wrong", host=address, on_error=lambda error, _: failures.append(error), max_retries=1)
        client.track("u1", "x")
        client.shutdown()
    assert len(failures) == 1 and "write key" in str(failures[0]) and inbox.count(store) == 0
