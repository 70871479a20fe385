"""The public door, driven on a port: opens, clicks, events, and everything that must be turned away."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from engine import access
from engine.activity import inbox
from engine.content import links
from engine.store import Store
from tests.conftest import NOW
from tests.service.serving import SECRET, serving

TRACK = {"userId": "u1", "event": "Signed Up", "messageId": "m1"}


@pytest.fixture
def web(store: Store) -> Iterator[httpx.Client]:
    with serving(store) as address, httpx.Client(base_url=address) as client:
        yield client


@pytest.fixture
def key(store: Store) -> str:
    return access.create_write_key(store, "website", now=NOW)


def waiting(store: Store) -> list[dict[str, Any]]:
    return [item.payload for item in inbox.read(store, after=0, limit=1_000)]


def link_to(store: Store, url: str) -> int:
    return links.Book(store).ids([(1, url)])[(1, url)]


# ------------------------------------------------------------ opens and clicks


def test_an_open_is_on_disk_before_the_picture_leaves(store: Store, web: httpx.Client) -> None:
    answer = web.get(f"/o/{links.open_token(SECRET, 7)}.gif", headers={"User-Agent": "Thunderbird"})
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/gif" and answer.content[:6] == b"GIF89a"
    assert "no-store" in answer.headers["cache-control"]
    assert waiting(store) == [{"message_id": 7, "event": "email_opened", "source": "collector",
                               "props": {"user_agent": "Thunderbird", "ip": "127.0.0.1"}}]


def test_a_click_leads_only_where_the_message_said(store: Store, web: httpx.Client) -> None:
    url = "https://shop.example/sale;v=1?a=b&c=%20d#top"
    token = links.click_token(SECRET, 7, link_to(store, url))
    answer = web.get(f"/c/{token}")
    assert answer.status_code == 302 and answer.headers["location"] == url
    assert waiting(store)[0]["props"]["url"] == url and waiting(store)[0]["event"] == "email_clicked"


def test_a_head_request_is_told_apart(store: Store, web: httpx.Client) -> None:
    token = links.click_token(SECRET, 7, link_to(store, "https://a.example/"))
    assert web.head(f"/c/{token}").status_code == 302
    assert waiting(store)[0]["props"]["method"] == "HEAD"


@pytest.mark.parametrize("change", [
    lambda token: "A" + token[1:], lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"), lambda token: token[:-2],
    lambda token: "https:%2f%2fevil.example", lambda token: "é" * 32])
def test_a_forged_link_leads_nowhere(store: Store, web: httpx.Client, change: Any) -> None:
    click = change(links.click_token(SECRET, 7, link_to(store, "https://a.example/")))
    opened = change(links.open_token(SECRET, 7))
    for path in (f"/c/{click}", f"/o/{opened}.gif", f"/u/{opened}"):
        answer = web.get(path)
        assert answer.status_code == 404 and "location" not in answer.headers
    assert waiting(store) == []


def test_a_token_serves_one_purpose(store: Store, web: httpx.Client) -> None:
    token = links.click_token(SECRET, 7, link_to(store, "https://a.example/"))
    assert [web.get(f"{path}{token}").status_code for path in ("/o/", "/u/")] == [404, 404]
    assert web.post(f"/u/{token}").status_code == 404


def test_a_link_that_is_no_web_address_or_is_gone_leads_nowhere(store: Store, web: httpx.Client) -> None:
    script = links.click_token(SECRET, 7, link_to(store, "javascript:alert(1)"))
    gone = links.click_token(SECRET, 7, 999)
    assert [web.get(f"/c/{token}").status_code for token in (script, gone)] == [404, 404]


# ------------------------------------------------------------ events


def basic(key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


def test_a_key_comes_as_user_or_in_the_body(store: Store, web: httpx.Client, key: str) -> None:
    assert web.post("/v1/track", json=TRACK, auth=(key, "")).json() == {"success": True}
    assert web.post("/v1/track", json={**TRACK, "writeKey": key}).status_code == 200
    assert web.post("/v1/t", content=json.dumps({**TRACK, "writeKey": key}), headers={"Content-Type": "text/plain"}).is_success
    assert [payload["event"] for payload in waiting(store)] == ["Signed Up"] * 3


def test_a_wrong_key_is_refused(store: Store, web: httpx.Client, key: str) -> None:
    for request in ({"auth": ("tl_wrong", ""), "json": TRACK}, {"json": {**TRACK, "writeKey": "tl_wrong"}}, {"json": TRACK},
                    {"json": TRACK, "headers": {"Authorization": "Basic ???"}}):
        answer = web.post("/v1/track", **request)
        assert answer.status_code == 401 and "\n" not in answer.json()["message"] and answer.json()["success"] is False
    access.revoke_write_key(store, "website", now=NOW)
    assert web.post("/v1/track", json=TRACK, auth=(key, "")).status_code == 401
    assert waiting(store) == []


@pytest.mark.parametrize(("content", "code"), [
    (b"{", "invalid_json"), (b"", "invalid_json"), (b"[]", "invalid_json"), (b'{"a": NaN}', "invalid_json"),
    (b"\xff\xfe{", "invalid_json"), (b"[" * 20_000, "invalid_json"), (b'{"a": ' + b"9" * 5_000 + b"}", "invalid_json"),
    (b'{"userId": "u", "event": "x", "properties": {"a": "' + b"x" * 33_000 + b'"}}', "too_large")])
def test_what_can_not_be_read_is_refused_in_one_line(
        store: Store, web: httpx.Client, key: str, content: bytes, code: str) -> None:
    answer = web.post("/v1/track", content=content, headers=basic(key))
    assert answer.status_code == 400 and answer.json()["code"] == code and "\n" not in answer.json()["message"]
    assert waiting(store) == []


def test_sizes_hold_for_packed_bodies_too(store: Store, web: httpx.Client, key: str) -> None:
    headers = basic(key) | {"Content-Encoding": "gzip"}
    assert web.post("/v1/track", content=gzip.compress(json.dumps(TRACK).encode()), headers=headers).status_code == 200
    bomb = gzip.compress(b"[" + b" " * 50_000_000 + b"]")
    assert web.post("/v1/batch", content=bomb, headers=headers).json()["code"] == "too_large"
    assert web.post("/v1/batch", content=b"not gzip", headers=headers).json()["code"] == "bad_gzip"
    assert web.post("/v1/batch", content=gzip.compress(b"{}")[:-4], headers=headers).json()["code"] == "bad_gzip"
    assert len(waiting(store)) == 1


def test_an_item_too_large_does_not_take_its_batch_along(store: Store, web: httpx.Client, key: str) -> None:
    large = {"type": "track", "userId": "u", "event": "x", "properties": {"a": "x" * 33_000}}
    answer = web.post("/v1/batch?strict=1", json={"batch": [large, {"type": "track", **TRACK}]}, auth=(key, ""))
    assert answer.status_code == 200 and answer.json()["accepted"] == 1
    assert [(bad["index"], bad["code"]) for bad in answer.json()["errors"]] == [(0, "too_large")]


def test_strict_lists_what_was_refused_and_keeps_the_rest(store: Store, web: httpx.Client, key: str) -> None:
    batch = {"batch": [{"type": "track", "event": "x"}, {"type": "track", **TRACK}, {"type": "track", "userId": "u"}]}
    assert web.post("/v1/batch", json=batch, auth=(key, "")).json() == {"success": True}
    answer = web.post("/v1/batch?strict=1", json=batch, auth=(key, "")).json()
    assert answer["success"] is False and answer["accepted"] == 1
    assert [(bad["index"], bad["code"]) for bad in answer["errors"]] == [(0, "no_identity"), (2, "bad_value")]
    assert [item.kind for item in inbox.read(store, after=0, limit=9)] == ["refused", "track", "refused"] * 2


def test_browsers_on_other_sites_may_post(web: httpx.Client, key: str) -> None:
    asked = web.options("/v1/track", headers={"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"})
    assert asked.status_code == 204 and asked.headers["access-control-allow-origin"] == "*"
    assert "authorization" in asked.headers["access-control-allow-headers"].lower()
    assert web.post("/v1/track", json=TRACK, auth=(key, "")).headers["access-control-allow-origin"] == "*"


def test_what_is_not_there_says_so(web: httpx.Client, key: str) -> None:
    assert web.post("/v1/dance", json=TRACK, auth=(key, "")).status_code == 404
    assert web.get("/v1/track").status_code == 405 and web.get("/nowhere").status_code == 404
    assert web.get("/health").json() == {"ok": True, "waiting": 0, "problem": None}


# ------------------------------------------------------------ trouble, and many at once


def test_a_disk_that_is_full_hides_no_picture_and_breaks_no_link(
        store: Store, web: httpx.Client, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    token = links.click_token(SECRET, 7, link_to(store, "https://a.example/"))

    def full(*_: Any, **__: Any) -> int:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("engine.activity.inbox.write", full)
        assert web.get(f"/o/{links.open_token(SECRET, 7)}.gif").status_code == 200
        assert web.get(f"/c/{token}").headers["location"] == "https://a.example/"
        refused = web.post("/v1/track", json=TRACK, auth=(key, ""))
        assert refused.status_code == 503 and refused.json()["code"] == "busy"
        assert web.get("/health").status_code == 503 and "no space" in web.get("/health").json()["problem"]
    assert web.post("/v1/track", json=TRACK, auth=(key, "")).status_code == 200
    assert web.get("/health").json()["ok"] is True and len(waiting(store)) == 1


def test_requests_that_come_together_are_committed_together(
        store: Store, web: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    commits: list[int] = []
    write = inbox.write

    def slow(store: Store, rows: list[dict[str, Any]], *, durable: bool) -> int:
        assert durable
        commits.append(len(rows))
        time.sleep(0.1)
        return write(store, rows, durable=durable)

    monkeypatch.setattr("engine.activity.inbox.write", slow)
    paths = [f"/o/{links.open_token(SECRET, n)}.gif" for n in range(40)]
    with ThreadPoolExecutor(20) as pool:
        assert {answer.status_code for answer in pool.map(web.get, paths)} == {200}
    assert sum(commits) == 40 and len(commits) < 20
    assert sorted(payload["message_id"] for payload in waiting(store)) == list(range(40))
