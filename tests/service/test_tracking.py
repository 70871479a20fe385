"""Segment's format to inbox items: who, when, what; and each bad item with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import BadInput
from engine.service.tracking import translate


def one(kind: str, **message: Any) -> dict[str, Any]:
    done = translate({"userId": "u1", **message}, kind)
    assert not done.refusals
    return done.items[0].payload


@pytest.mark.parametrize(("message", "code"), [
    ({"event": "x"}, "no_identity"),
    ({"userId": "", "anonymousId": None, "event": "x"}, "no_identity"),
    ({"userId": True, "event": "x"}, "no_identity"),
    ({"userId": "u"}, "bad_value"),
    ({"userId": "u", "event": "  "}, "bad_value"),
    ({"userId": "u", "event": "e" * 201}, "bad_value"),
    ({"userId": "u", "event": "x", "timestamp": "yesterday"}, "bad_value"),
    ({"userId": "u", "event": "x", "properties": [1]}, "bad_value"),
])
def test_a_bad_call_is_refused_with_a_reason_and_kept_aside(message: dict[str, Any], code: str) -> None:
    done = translate(message, "track")
    assert [one.code for one in done.refusals] == [code] and done.refusals[0].message
    assert [(item.kind, item.payload["item"]) for item in done.items] == [("refused", message)]


def test_a_bad_item_leaves_the_rest_of_its_batch() -> None:
    good: dict[str, Any] = {"type": "track", "userId": "u", "event": "x"}
    deep: dict[str, Any] = {**good, "properties": {}}
    inner = deep["properties"]
    for _ in range(40):
        inner["a"] = {}
        inner = inner["a"]
    done = translate({"batch": [good, "text", {"type": "dance", "userId": "u"}, deep, {**good, "event": None}, good]}, "batch")
    assert [item.kind for item in done.items] == ["track", "refused", "refused", "refused", "refused", "track"]
    assert [(one.index, one.code) for one in done.refusals] == [
        (1, "not_an_object"), (2, "unknown_type"), (3, "too_deep"), (4, "bad_value")]


def test_a_batch_without_a_list_is_refused_whole() -> None:
    with pytest.raises(BadInput, match="batch"):
        translate({"batch": {"type": "track"}}, "batch")


def test_an_address_as_user_id_is_an_address() -> None:
    assert one("track", userId="Ada@Example.com", event="x")["email"] == "Ada@Example.com"
    assert "external_id" not in one("track", userId="Ada@Example.com", event="x")
    assert one("track", userId=17, event="x")["external_id"] == "17"


def test_an_address_in_the_context_names_only_whom_nothing_else_names() -> None:
    context = {"traits": {"email": "ada@example.com"}}
    assert "email" not in one("track", event="x", context=context)
    assert one("track", userId=None, anonymousId="a", event="x", context=context)["email"] == "ada@example.com"


def test_names_and_times_of_a_page_view() -> None:
    payload = one("page", name="Pricing", category="Docs", timestamp="2026-01-05T10:00:00.500Z", sentAt="2026-01-05T10:00:01Z",
                  properties={"url": "https://example.com/pricing?utm_source=news&utm_medium=email&gclid=7&q=1"},
                  context={"ip": "8.8.8.8", "userAgent": "Firefox", "page": {"path": "/pricing", "referrer": "https://a.example/"},
                           "campaign": {"name": "Spring", "source": "letter"}})
    assert payload["event"] == "page_view" and payload["occurred_at"] == 1767607200.5 and payload["sent_at"] == 1767607201
    assert payload["props"] == {
        "url": "https://example.com/pricing?utm_source=news&utm_medium=email&gclid=7&q=1", "name": "Pricing",
        "category": "Docs", "path": "/pricing", "utm_campaign": "Spring", "utm_source": "letter", "utm_medium": "email",
        "gclid": "7", "referrer": "https://a.example/", "user_agent": "Firefox", "ip": "8.8.8.8"}


def test_a_forwarded_call_was_corrected_by_whoever_forwards_it() -> None:
    times = {"originalTimestamp": "2026-01-05T09:00:00Z", "timestamp": "2026-01-05T10:00:00Z", "sentAt": "2026-01-05T09:00:05Z"}
    assert one("track", event="x", **times)["occurred_at"] == 1767603600
    assert one("track", event="x", receivedAt="2026-01-05T10:00:05Z", **times) == {
        "external_id": "u1", "occurred_at": 1767607200.0, "event": "x", "props": {}, "source": "api"}


def test_traits_become_fields_and_ours_are_left_out() -> None:
    payload = one("identify", anonymousId="a", context={"timezone": "Europe/Berlin"}, traits={
        "email": "ana@example.com", "name": "Ana María Gómez", "plan": "pro", "address": {"city": "Lima", "geo": {"lat": 1}},
        "email_consent": "subscribed", "stage": "customer", "owner": "me", "tags": ["vip"], "id": 7, "nothing": None})
    assert payload["email"] == "ana@example.com" and payload["external_id"] == "u1" and payload["anonymous_id"] == "a"
    assert payload["traits"] == {"first_name": "Ana María", "last_name": "Gómez", "plan": "pro", "address city": "Lima",
                                 "time_zone": "Europe/Berlin"}
    assert one("identify", traits={"name": "Cher"})["traits"] == {"first_name": "Cher"}
    assert one("identify", traits={"firstName": "Ana", "name": "x y"})["traits"] == {"first_name": "Ana", "name": "x y"}


def test_a_group_is_the_account_and_an_alias_needs_both_names() -> None:
    assert one("group", groupId="acme", traits={"name": "Acme Inc"})["account"] == "Acme Inc"
    assert one("group", groupId="acme")["account"] == "acme"
    assert one("alias", previousId="anon-123")["previous"] == "anon-123"
    assert [bad.code for bad in translate({"userId": "u"}, "alias").refusals] == ["no_identity"]
    assert [bad.code for bad in translate({"userId": "u"}, "group").refusals] == ["no_group"]


def test_the_key_is_the_senders_else_the_call_itself_when_it_says_when() -> None:
    def key(kind: str = "track", **message: Any) -> str:
        return translate({"userId": "u", "event": "x", **message}, kind).items[0].dedupe_key

    assert key(messageId="m") == key(messageId="m", event="y") != key("page", messageId="m")
    assert key(timestamp=1767607200) == key(timestamp=1767607200, sentAt="2026-01-05T10:00:00Z") != key(timestamp=1767607201)
    assert key() != key()
