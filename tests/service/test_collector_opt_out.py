"""Unsubscribing: never by looking, at once by asking, once however often it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from engine.access import RUNNER
from engine.activity import inbox
from engine.activity.intake import take
from engine.content import links
from engine.errors import Busy
from engine.people import consent, contacts
from engine.store import Store
from tests.conftest import NOW
from tests.service.serving import SECRET, serving

ADA = "ada@example.com"


@pytest.fixture
def web(store: Store) -> Iterator[httpx.Client]:
    with serving(store) as address, httpx.Client(base_url=address) as client:
        yield client


@pytest.fixture
def ada(store: Store) -> int:
    with store.transaction():
        made = contacts.save(store, {"email": ADA}, by=RUNNER, now=NOW, source="test").id
        consent.record(store, [made], "email", "subscribed", basis="consent", source="form", by=RUNNER, now=NOW)
    return made


def mailed(store: Store, contact_id: int, address: str | None = ADA) -> int:
    with store.transaction():
        store.insert_many("message", [{"contact_id": contact_id, "channel": "email", "template_id": 1, "status": "sent",
                                       "address": address, "created_at": NOW, "due_at": NOW}])
    return int(store.one("SELECT MAX(id) FROM message"))


def path(message_id: int) -> str:
    return f"/u/{links.unsubscribe_token(SECRET, message_id)}"


def refused(store: Store, contact_id: int) -> tuple[str | None, bool]:
    return consent.state(store, contact_id, "email"), consent.is_suppressed(store, ADA)


@pytest.mark.parametrize("look", ["GET", "HEAD"])
def test_looking_changes_nothing(store: Store, web: httpx.Client, ada: int, look: str) -> None:
    answer = web.request(look, path(mailed(store, ada)))
    assert answer.status_code == 200 and "set-cookie" not in answer.headers
    assert refused(store, ada) == ("subscribed", False) and inbox.count(store) == 0
    if look == "GET":
        assert '<form method="post">' in answer.text and "a•••@example.com" in answer.text and ADA not in answer.text


@pytest.mark.parametrize("body", [
    {"data": {"List-Unsubscribe": "One-Click"}}, {"files": {"List-Unsubscribe": (None, "One-Click")}},
    {"data": {"confirm": "yes"}}, {}], ids=["form", "multipart", "button", "empty"])
def test_a_post_unsubscribes_before_it_answers(store: Store, web: httpx.Client, ada: int, body: dict[str, Any]) -> None:
    answer = web.post(path(mailed(store, ada)), **body)
    assert answer.status_code == 200 and "set-cookie" not in answer.headers and not answer.history
    assert refused(store, ada) == ("unsubscribed", True)  # with no tick in between
    assert take(store, now=NOW) == 1
    assert store.rows("SELECT contact_id, name, message_id FROM event") == [(ada, "email_unsubscribed", 1)]


def test_asking_again_changes_nothing_more(store: Store, web: httpx.Client, ada: int) -> None:
    message = mailed(store, ada)
    assert [web.post(path(message)).status_code for _ in range(3)] == [200] * 3
    assert store.one("SELECT COUNT(*) FROM consent WHERE status = 'unsubscribed'") == 1
    assert store.one("SELECT COUNT(*) FROM suppression") == 1
    assert take(store, now=NOW) == 1
    ledger = store.row("SELECT source, actor, ip, text_shown FROM consent WHERE status = 'unsubscribed'")
    assert ledger == (f"unsubscribe link of message {message}", "recipient", "127.0.0.1",
                      "You will get no more marketing email at this address.")


def test_the_address_that_was_written_to_is_the_one_that_rests(store: Store, web: httpx.Client, ada: int) -> None:
    message = mailed(store, ada, "old@example.com")
    web.post(path(message))
    assert consent.is_suppressed(store, "OLD@example.com") and not consent.is_suppressed(store, ADA)
    assert consent.state(store, ada, "email") == "unsubscribed"


def test_a_link_of_a_message_that_is_gone_still_answers(web: httpx.Client) -> None:
    assert web.get(path(99)).status_code == 200 and web.post(path(99)).status_code == 200


def test_a_forged_link_unsubscribes_nobody(store: Store, web: httpx.Client, ada: int) -> None:
    token = links.unsubscribe_token(b"another secret", mailed(store, ada))
    assert web.post(f"/u/{token}").status_code == 404
    assert refused(store, ada) == ("subscribed", False)


def test_the_preferences_link_leads_to_the_same_page(store: Store, web: httpx.Client, ada: int) -> None:
    place = f"/p/{links.preferences_token(SECRET, mailed(store, ada))}"
    assert web.get(place).status_code == 200 and refused(store, ada) == ("subscribed", False)
    assert web.post(place).status_code == 200 and refused(store, ada) == ("unsubscribed", True)


def test_a_database_that_is_busy_is_no_broken_promise(
        store: Store, web: httpx.Client, ada: int, monkeypatch: pytest.MonkeyPatch) -> None:
    message = mailed(store, ada)

    def busy(*_: Any, **__: Any) -> bool:
        raise Busy("held")

    with monkeypatch.context() as patch:
        patch.setattr("engine.service.opt_out.unsubscribe", busy)
        answer = web.post(path(message))
        assert answer.status_code == 503 and "try again" in answer.text.lower()
    assert web.post(path(message)).status_code == 200 and refused(store, ada) == ("unsubscribed", True)
