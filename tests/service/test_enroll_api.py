"""POST /v1/journeys/NAME/enroll: a website or app lets people into a journey."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from engine import access
from engine.activity import intake
from engine.journeys import versions
from engine.journeys.runner import Runner
from engine.store import Store
from tests.conftest import NOW
from tests.journeys.worlds import ANN, journey, publish
from tests.service.serving import serving

STAY = ({"id": "w", "type": "wait", "for": "9d", "next": "e"}, {"id": "e", "type": "exit"})


@pytest.fixture
def web(store: Store) -> Iterator[httpx.Client]:
    per_cart = {"policy": "per_key", "key": "props.cart"}
    publish(store, journey(*STAY, name="Cart & co", trigger={"manual": True}, reentry=per_cart))
    key = access.create_write_key(store, "shop", now=NOW)
    with serving(store) as address, httpx.Client(base_url=address, auth=(key, "")) as client:
        yield client


def test_people_enter_with_their_properties_and_each_bad_one_is_named(store: Store, web: httpx.Client) -> None:
    asked = [{"email": "ada@x.example", "properties": {"cart": 7}}, {"email": "no address"}, {"properties": {}}, "ada",
             {"userId": "u2", "properties": {"cart": 7}, "messageId": "m1"}, {"userId": "u2", "messageId": "m1"},
             {"email": "ada@x.example", "properties": {"cart": 8}}]
    answer = web.post("/v1/journeys/cart%20%26%20co/enroll", json={"contacts": asked})
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 4
    assert [(one["index"], one["code"]) for one in answer.json()["errors"]] == [
        (1, "bad_email"), (2, "nobody"), (3, "not_an_object")]
    assert web.post("/v1/journeys/Cart & co/enroll", json={"email": "bo@x.example"}).json() == {
        "success": True, "accepted": 1, "errors": []}
    intake.take(store, now=NOW)
    Runner(store).tick(NOW)
    rows = store.rows("""SELECT COALESCE(c.email, c.external_id), r.key, CAST(r.props ->> 'cart' AS BIGINT) FROM enrollment r
        JOIN contact c ON c.id = r.contact_id ORDER BY r.id""")
    assert rows == [("ada@x.example", "7", 7), ("u2", "7", 7), ("ada@x.example", "8", 8), ("bo@x.example", "", None)]


def test_whoever_may_not_is_turned_away(store: Store, web: httpx.Client) -> None:
    path, one = "/v1/journeys/cart & co/enroll", {"email": "ada@x.example"}
    assert web.post(path, json=one, auth=("tl_wrong", "")).status_code == 401
    missing = web.post("/v1/journeys/nothing/enroll", json=one)
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_journey")
    assert web.post(path, json={"contacts": []}).status_code == 400
    versions.set_status(store, "cart & co", "paused", by=ANN, now=NOW)
    paused = web.post(path, json=one)
    assert (paused.status_code, paused.json()["code"]) == (409, "not_live")
    for name in ("journey_enroll", "score_rose", "approval_given", "Lead_Assigned"):
        forged = web.post("/v1/track?strict=1", json={"userId": "u", "event": name, "properties": {}})
        assert forged.json()["errors"][0]["code"] == "reserved_name", name
