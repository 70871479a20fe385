"""Inbound webhooks: mapped by paths, one bad thing does not turn the others away, and nobody forges what is ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from engine.access import COMMAND_LINE, Actor
from engine.activity.intake import take
from engine.errors import BadInput, Forbidden, Invalid, NotFound
from engine.people import contacts
from engine.service import hooks
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
