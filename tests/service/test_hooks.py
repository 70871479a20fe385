"""Inbound webhooks: mapped by paths, one bad thing does not turn the others away, and nobody forges what is ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from engine.access import COMMAND_LINE, Actor
from engine.activity.intake import take
from engine.errors import BadInput, Forbidden, Invalid, NotFound
from engine.people import contacts
from engine.service import hook_signing, hooks
from engine.service.hook_presets import PRESETS
from engine.store import Store
from tests.conftest import NOW
from tests.service.serving import serving

SHOP = {"items": "data.orders", "email": "customer.email",
        "fields": {"first_name": "customer.name", "account": "customer.company", "Plan": "=pro"},
        "event": {"name": "=order_placed", "object": "lines.0.title", "value": "total", "currency": "cur", "occurred_at": "at",
                  "message_id": "id", "props": {"lines": "lines"}}}
ORDER = {"id": 7, "customer": {"email": "ada@x.test", "name": "Ada", "company": "Acme"}, "total": "12.50", "cur": "EUR",
         "at": "2026-09-20T10:00:00Z", "lines": [{"title": "Chair"}]}


@pytest.fixture
def web(store: Store) -> Iterator[httpx.Client]:
    with serving(store) as address, httpx.Client(base_url=address) as client:
        yield client


def made(store: Store, mapping: Any = SHOP, **more: Any) -> str:
    key = hooks.save(store, "Shop", mapping, by=COMMAND_LINE, now=NOW, **more)
    assert key is not None
    return f"/h/{key}"


def test_what_is_posted_becomes_contacts_and_events(store: Store, web: httpx.Client) -> None:
    url = made(store)
    nameless = ORDER | {"customer": {"email": None}, "id": 8}
    broken = ORDER | {"customer": {"email": "no address"}, "id": 9}
    answer = web.post(url, json={"data": {"orders": [ORDER, nameless, broken, "x"]}})
    assert answer.status_code == 200 and answer.json()["accepted"] == 1
    assert [one["index"] for one in answer.json()["errors"]] == [1, 2, 3]
    assert "nobody is named: nothing stands at 'customer.email'" in answer.json()["errors"][0]["message"]
    web.post(url, json={"data": {"orders": [ORDER]}})
    assert take(store, now=NOW) == 1, "the same order twice is one"
    ada = contacts.get(store, "ada@x.test")
    assert (ada.first_name, ada.account, ada.fields) == ("Ada", "Acme", {"Plan": "pro"})
    event = store.records("SELECT e.name, e.object, e.value_minor, e.currency, e.source FROM event e")[0]
    assert event == {"name": "order_placed", "object": "chair", "value_minor": 1_250, "currency": "EUR",
                     "source": "webhook Shop"}
    kept = hooks.faults(store, "Shop")
    assert len(kept) == 3 and kept[-1]["item"] == nameless and hooks.faults(store, "Sho") == []


def test_only_its_key_opens_it_until_it_is_revoked(store: Store, web: httpx.Client) -> None:
    url = made(store)
    assert store.one("SELECT COUNT(*) FROM hook h WHERE h.key_hash = :key", key=url[3:]) == 0
    assert web.post("/h/hk_guess", json={}).status_code == 404
    assert web.post(url, content=b"{not json").json()["code"] == "invalid_json"
    assert web.post(url, json={"data": {}}).json()["message"] == "there is no list at 'data.orders'"
    assert web.post(url, content=b"x" * (hooks.BODY_BYTES + 1)).json()["code"] == "too_large"
    hooks.revoke(store, "shop", by=COMMAND_LINE, now=NOW)
    with serving(store) as again:
        assert httpx.post(again + url, json={}).status_code == 404
    assert hooks.save(store, "Shop", SHOP, by=COMMAND_LINE, now=NOW), "a revoked one is made anew, with another key"


@pytest.mark.parametrize(("mapping", "where", "message"), [
    ([], "mapping", "write a JSON object"), ({"fields": {"a": "b"}}, "email", "whose it is"),
    ({"email": "e"}, "fields", "what becomes of it"),
    ({"email": "e", "event": {"object": "x"}}, "event.name", "name the event"),
    ({"email": "e", "evnt": {}, "fields": {"a": "b"}}, "evnt", "there is no 'evnt'"),
    ({"email": "a..b", "fields": {"a": "b"}}, "email", "is no path"),
    ({"email": "e", "event": {"name": "=email_clicked"}}, "event.name", "told by the engine itself"),
    ({"email": "e", "fields": {"email_consent": "=subscribed"}}, "fields.email_consent", "its own proof")])
def test_a_mapping_is_checked_before_it_is_saved(memory: Store, mapping: Any, where: str, message: str) -> None:
    found = {one.where: one.message for one in hooks.check(mapping)}
    assert message in found[where]
    with pytest.raises(Invalid):
        hooks.save(memory, "Shop", mapping, by=COMMAND_LINE, now=NOW)


def test_a_sample_shows_what_would_become_of_it(memory: Store) -> None:
    done = hooks.try_out(memory, SHOP, json.dumps({"data": {"orders": [ORDER, ORDER | {"total": "much"}]}}), now=NOW)
    assert done.said[0] == "ada@x.test: first_name = Ada; Plan = pro; account = Acme; event order_placed"
    assert "much" in done.said[1] and [one.index for one in done.faults] == [1]
    assert hooks.new_fields(memory, SHOP) == ["Plan"] and contacts.find(memory, "ada@x.test") is None
    with pytest.raises(BadInput, match="line 1, column 2"):
        hooks.try_out(memory, SHOP, "{", now=NOW)
    with pytest.raises(NotFound):
        hooks.get(memory, "Shop")
    with pytest.raises(Forbidden):
        hooks.save(memory, "Shop", SHOP, by=Actor("Ann", "marketer"), now=NOW)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_reads_all_of_what_the_tool_sends(memory: Store, name: str) -> None:
    preset = PRESETS[name]
    assert preset.scheme in hook_signing.SCHEMES
    done = hooks.try_out(memory, preset.mapping, json.dumps(preset.sample), name=name, now=NOW)
    assert done.faults == [] and "ada@example.com" in done.said[0]
    (event,) = (one.payload for one in done.items if one.kind == "track")
    event_paths = preset.mapping["event"]
    assert {"event", *event_paths.keys() - {"name", "message_id"}} <= event.keys(), "no path of it leads nowhere"
    assert event["props"].keys() == event_paths["props"].keys()
    fields = next((one.payload["traits"] | one.payload for one in done.items if one.kind == "identify"), {})
    assert preset.mapping.get("fields", {}).keys() <= fields.keys()


def test_an_event_of_ours_can_not_come_by_a_path_either(memory: Store) -> None:
    mapping = {"email": "who", "event": {"name": "type"}}
    posted = [{"who": "ada@x.test", "type": name} for name in ("email_clicked", "signed")]
    done = hooks.translate(posted, mapping, "T")
    assert [one.kind for one in done.items] == ["refused", "track"]


# ------------------------------------------------------------ who posts

BODY = json.dumps(ORDER, ensure_ascii=False, indent=2).encode() + b"\r\n"  # no tool writes JSON as we would write it
ONE = {"email": "customer.email", "event": {"name": "=order_placed", "message_id": "id"}}


def mac(text: bytes, secret: str = "s3cret") -> bytes:
    return hmac.new(secret.encode(), text, hashlib.sha256).digest()


def headers_of(scheme: str, body: bytes, secret: str = "s3cret", at: int | None = None) -> dict[str, str]:
    """What each tool's own documentation says it sends."""
    stamp = str(int(time.time()) if at is None else at)
    plain, stamped = mac(body, secret), mac(stamp.encode() + b"." + body, secret).hex()
    return {"shopify": {"X-Shopify-Hmac-Sha256": base64.b64encode(plain).decode()},
            "woocommerce": {"X-WC-Webhook-Signature": base64.b64encode(plain).decode()},
            "stripe": {"Stripe-Signature": f"t={stamp},v1={stamped},v0={'0' * 64}"},
            "calendly": {"Calendly-Webhook-Signature": f"t={stamp},v1={stamped}"},
            "typeform": {"Typeform-Signature": "sha256=" + base64.b64encode(plain).decode()},
            "github": {"X-Hub-Signature-256": "sha256=" + plain.hex()},
            "hmac": {"X-Own": "v=" + plain.hex()},
            "zoom": {"x-zm-signature": "v0=" + mac(b"v0:" + stamp.encode() + b":" + body, secret).hex(),
                     "x-zm-request-timestamp": stamp}}[scheme]


def signing_of(scheme: str, *names: str) -> dict[str, Any]:
    own = {"header": "X-Own", "code": "hex", "prefix": "v="} if scheme == "hmac" else {}
    return {"scheme": scheme, "secrets": list(names or ("SHOP_HOOK",))} | own


@pytest.mark.parametrize("scheme", hook_signing.SCHEMES)
def test_only_the_very_bytes_that_the_tool_signed_are_vouched_for(scheme: str) -> None:
    signing, now = signing_of(scheme), int(time.time())
    given = headers_of(scheme, BODY, at=now)
    assert hook_signing.check(signing) == []
    folded = httpx.Headers(given)
    hook_signing.vouch(signing, folded, BODY, ["s3cret"], now=now)
    hook_signing.vouch(signing, folded, BODY, ["new", "s3cret"], now=now)
    name = next(iter(given))
    for headers, body, secrets in ((folded, BODY.strip(), ["s3cret"]), (folded, BODY, ["other"]), ({}, BODY, ["s3cret"]),
                                   (httpx.Headers(given | {name: ""}), BODY, ["s3cret"]),
                                   (httpx.Headers(given | {name: "t=1,v1=,sha256=é"}, encoding="latin-1"), BODY, ["s3cret"])):
        with pytest.raises(hook_signing.Unsigned):
            hook_signing.vouch(signing, headers, body, secrets, now=now)
    if hook_signing.SCHEMES[scheme].clock:
        for later in (now + 301, now - 301):
            with pytest.raises(hook_signing.Unsigned, match="300 seconds"):
                hook_signing.vouch(signing, folded, BODY, ["s3cret"], now=later)


def test_stripe_rolls_its_secret_with_two_signatures() -> None:
    at = int(time.time())
    new, old = (mac(f"{at}.".encode() + BODY, secret).hex() for secret in ("new", "old"))
    given = httpx.Headers({"Stripe-Signature": f"t={at},v1={new},v1={old}"})
    hook_signing.vouch(signing_of("stripe"), given, BODY, ["old"], now=at)


def test_an_unsigned_post_is_refused_and_the_page_says_why(store: Store, web: httpx.Client,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_HOOK", "s3cret")
    url = made(store, ONE, signing=signing_of("stripe"))
    refused = [web.post(url, content=b"{not even JSON", headers={"User-Agent": "curl/8"}), web.post(url, content=BODY),
               web.post(url, content=BODY, headers=headers_of("stripe", BODY, "guess"))]
    assert [(one.status_code, one.json()["code"]) for one in refused] == [(401, "not_signed")] * 3
    assert refused[0].json()["message"] == "not signed: there is no header Stripe-Signature"
    assert web.post(url, content=BODY, headers=headers_of("stripe", BODY)).json()["accepted"] == 1
    assert take(store, now=NOW) == 1
    why = hooks.faults(store, "Shop")
    assert [one["reason"].partition(":")[0] for one in why] == ["wrongly signed", "not signed"], "once a minute for each reason"
    assert why[-1]["item"] == {"sender": "curl/8"} and "ada@x.test" not in str(why), "what nobody vouched for is not kept"


def test_a_secret_is_kept_out_of_the_database_and_replaced_without_a_gap(store: Store, web: httpx.Client,
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLD_HOOK", "s3cret")
    url = made(store, ONE, signing=signing_of("shopify", "OLD_HOOK"))
    assert "s3cret" not in str(store.rows("SELECT h.signing FROM hook h"))
    monkeypatch.delenv("OLD_HOOK")
    answer = web.post(url, content=BODY, headers=headers_of("shopify", BODY))
    assert (answer.status_code, answer.json()["message"]) == (503, "the secret of this webhook is not set up")
    take(store, now=NOW)
    assert "OLD_HOOK stands neither in the environment" in hooks.faults(store, "Shop")[0]["reason"]
    monkeypatch.setenv("OLD_HOOK", "s3cret")
    monkeypatch.setenv("NEW_HOOK", "n3w")
    hooks.sign(store, "Shop", signing_of("shopify", "NEW_HOOK", "OLD_HOOK"), by=COMMAND_LINE, now=NOW)
    with serving(store) as again:
        both = [httpx.post(again + url, content=BODY, headers=headers_of("shopify", BODY, one)).status_code
                for one in ("s3cret", "n3w", "other")]
    assert both == [200, 200, 401]
    hooks.save(store, "Shop", ONE, by=COMMAND_LINE, now=NOW)
    kept = hooks.get(store, "Shop").signing
    assert kept and kept["secrets"] == ["NEW_HOOK", "OLD_HOOK"], "a new mapping does not open it"
    assert hooks.sign(store, "Shop", None, by=COMMAND_LINE, now=NOW).signing is None


def test_tools_that_knock_before_they_send_are_answered(store: Store, web: httpx.Client,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_HOOK", "s3cret")
    url = made(store, ONE, signing=signing_of("zoom"))
    assert web.post(url, data={"webhook_id": "12"}).status_code == 200, "WooCommerce, before its first order"
    assert web.post(url, data={"webhook_id": "x"}).status_code == 401
    question = json.dumps({"event": "endpoint.url_validation", "payload": {"plainToken": "qgg8vlvZRS6UYooatFL8Aw"}}).encode()
    assert web.post(url, content=question).status_code == 401, "whoever had texts signed here could forge the next post"
    answer = web.post(url, content=question, headers=headers_of("zoom", question)).json()
    assert answer == {"plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": mac(b"qgg8vlvZRS6UYooatFL8Aw").hex()}


@pytest.mark.parametrize(("signing", "where", "message"), [
    ({"scheme": "trust"}, "signing.scheme", "choose how the tool signs"),
    ({"scheme": "stripe", "secrets": []}, "signing.secrets", "name the secret"),
    ({"scheme": "stripe", "secrets": ["a", "b", "c"]}, "signing.secrets", "while it is changed, two"),
    ({"scheme": "stripe", "secrets": ["whsec/5+WAB"]}, "signing.secrets", "not the secret itself"),
    ({"scheme": "stripe", "secrets": ["A"], "header": "X"}, "signing.header", "there is no 'header'"),
    ({"scheme": "hmac", "secrets": ["A"], "header": "X Y"}, "signing.header", "name the header"),
    ({"scheme": "hmac", "secrets": ["A"], "header": "X", "code": "rot13"}, "signing.code", "hex or base64")])
def test_how_a_tool_signs_is_checked_before_it_is_saved(memory: Store, signing: Any, where: str, message: str) -> None:
    assert message in {one.where: one.message for one in hook_signing.check(signing)}[where]
    with pytest.raises(Invalid):
        hooks.save(memory, "Shop", ONE, signing=signing, by=COMMAND_LINE, now=NOW)
