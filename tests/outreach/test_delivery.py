"""Delivery: from admitted to an event in the inbox, through the capture and the SMTP transport."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from engine import access
from engine.access import COMMAND_LINE
from engine.activity import inbox
from engine.content import links, templates
from engine.errors import BadInput
from engine.outreach import delivery, limits, messages
from engine.outreach.delivery import Sent
from engine.sql import sql
from engine.store import Store
from tests.conftest import NOW

from .conftest import CONFIG, Cast, contact
from .post_office import post_office

Queue = Callable[..., list[int]]


def test_an_admitted_message_is_rendered_and_captured(store: Store, cast: Cast, queue: Queue) -> None:
    (number,) = queue(cast.ada)
    assert limits.admit(store, now=NOW) == 1
    assert delivery.deliver(store, CONFIG, now=NOW + 5).sent == 1
    message, copy = messages.get(store, number), messages.find_copy(store, number)
    assert (message.status, message.transport, message.sent_at, message.email) == ("sent", "capture", NOW + 5,
                                                                                   "ada@mail.example")
    assert copy and copy.subject == "Hi" and "Hello Ada" in (copy.html or "") and "Hello Ada" in (copy.text or "")


def test_links_in_the_mail_count_clicks_and_lead_where_their_author_said(store: Store, cast: Cast, queue: Queue) -> None:
    (number,) = queue(cast.ada)
    limits.admit(store, now=NOW)
    delivery.deliver(store, CONFIG, now=NOW)
    copy = messages.find_copy(store, number)
    assert copy and "shop.example" not in (copy.html or "")
    ((tracked, url),) = copy.links.items()
    said = links.read_click(CONFIG.secret, tracked.rsplit("/", 1)[1])
    assert said and said.message_id == number and links.url_of(store, said.link_id) == url == "https://shop.example/offer?a=1&b=2"
    assert 'href="https://shop.example/offer?a=1&amp;b=2"' in (copy.untracked().html or "")


def test_the_outcome_reaches_the_inbox_once(store: Store, cast: Cast, queue: Queue) -> None:
    (number,) = queue(cast.ada)
    limits.admit(store, now=NOW)
    delivery.deliver(store, CONFIG, now=NOW)
    delivery.deliver(store, CONFIG, now=NOW + 60)
    (item,) = inbox.read(store, after=0, limit=10)
    assert item.payload["event"] == "email_sent" and item.payload["message_id"] == number
    assert item.payload["object"] == "hello" and item.payload["contact_id"] == cast.ada


def test_the_newest_version_and_the_newest_name_are_sent(store: Store, cast: Cast, queue: Queue) -> None:
    (number,) = queue(cast.ada)
    limits.admit(store, now=NOW)
    templates.save(store, "hello", html="<p>New {{ contact.first_name }}</p>", subject="Newer", by=COMMAND_LINE, now=NOW)
    with store.transaction():
        store.run("UPDATE contact SET first_name = 'Adele' WHERE id = :id", id=cast.ada)
    delivery.deliver(store, CONFIG, now=NOW)
    copy = messages.find_copy(store, number)
    assert copy and copy.subject == "Newer" and "New Adele" in (copy.html or "")


def test_only_one_delivery_runs_at_a_time(store: Store, cast: Cast, queue: Queue) -> None:
    queue(cast.ada)
    limits.admit(store, now=NOW)
    with store.lock("delivery") as free:
        assert free and delivery.deliver(store, CONFIG, now=NOW) == Sent()
    assert delivery.deliver(store, CONFIG, now=NOW).sent == 1


def test_a_message_that_can_not_be_rendered_fails_and_says_why(store: Store, cast: Cast, queue: Queue) -> None:
    templates.save(store, "cart", html="<p>{{ event.product }}</p>", subject="Cart", by=COMMAND_LINE, now=NOW)
    (number,), (fine,) = queue(cast.ada, template="cart"), queue(cast.bo, message_class="transactional")
    limits.admit(store, now=NOW)
    assert delivery.deliver(store, CONFIG, now=NOW) == Sent(sent=1, failed=1)
    broken = messages.get(store, number)
    assert (broken.status, broken.reason) == ("failed", "not_rendered") and "event.product" in (broken.detail or "")
    assert messages.get(store, fine).status == "sent"


def test_the_limit_holds(store: Store, queue: Queue) -> None:
    queue(*(contact(store, f"p{number}@mail.example") for number in range(7)))
    limits.admit(store, now=NOW)
    assert [delivery.deliver(store, CONFIG, now=NOW, limit=3).sent for _ in range(4)] == [3, 3, 1, 0]


def test_mail_goes_over_smtp_when_there_is_a_server(store: Store, cast: Cast, queue: Queue) -> None:
    with post_office() as office:
        config = replace(CONFIG, smtp_url=f"smtp://127.0.0.1:{office.port}?timeout=5")
        (number,) = queue(cast.ada)
        limits.admit(store, now=NOW)
        assert delivery.deliver(store, config, now=NOW).sent == 1
    (mail,) = office.parsed()
    assert mail["From"] == "Acme News <news@acme.example>" and mail["Subject"] == "Hi"
    leaving = mail["List-Unsubscribe"].strip("<>").rsplit("/", 1)[1]
    assert links.read_unsubscribe(CONFIG.secret, leaving) == number
    assert messages.get(store, number).transport == "smtp"


def test_a_safe_copy_mails_nobody_whatever_is_configured(store: Store, cast: Cast, queue: Queue) -> None:
    access.set_setting(store, "capture_only", True)
    with post_office() as office:
        queue(cast.ada)
        limits.admit(store, now=NOW)
        delivery.deliver(store, replace(CONFIG, smtp_url=f"smtp://127.0.0.1:{office.port}"), now=NOW)
    assert not office.mails and messages.counts(store) == {"sent": 1}


def test_a_wrong_setting_stops_before_anything_is_claimed(store: Store, cast: Cast, queue: Queue) -> None:
    queue(cast.ada)
    limits.admit(store, now=NOW)
    with pytest.raises(BadInput, match="MAIL_FROM"):
        delivery.deliver(store, replace(CONFIG, smtp_url="smtp://mail.example", mail_from=None), now=NOW)
    assert messages.counts(store) == {"admitted": 1}


def test_a_refused_recipient_is_a_bounce(store: Store, queue: Queue) -> None:
    with post_office() as office:
        (number,) = queue(contact(store, "gone@mail.example"))
        limits.admit(store, now=NOW)
        delivery.deliver(store, replace(CONFIG, smtp_url=f"smtp://127.0.0.1:{office.port}"), now=NOW)
    assert (messages.get(store, number).status, messages.get(store, number).reason) == ("failed", "bounced")
    said = [(item.payload["event"], item.payload["props"].get("code")) for item in inbox.read(store, after=0, limit=9)]
    assert said == [("email_failed", None), ("email_bounced", "550")]


def test_a_refusal_for_now_is_tried_again_with_growing_pauses_and_ends(store: Store, queue: Queue) -> None:
    with post_office() as office:
        config = replace(CONFIG, smtp_url=f"smtp://127.0.0.1:{office.port}?timeout=5")
        (number,) = queue(contact(store, "busy@mail.example"))
        limits.admit(store, now=NOW)
        now, pauses = NOW, []
        while messages.get(store, number).status == "admitted":
            delivery.deliver(store, config, now=now)
            assert delivery.deliver(store, config, now=now) == Sent(), "not before it is due again"
            pauses.append(messages.get(store, number).due_at - now)
            now = messages.get(store, number).due_at
    assert pauses[:-1] == list(delivery.BACKOFF_S) and messages.get(store, number).attempts == delivery.MOST_ATTEMPTS
    assert (messages.get(store, number).status, messages.get(store, number).reason) == ("failed", "deferred")


def test_an_outage_costs_one_attempt_of_one_message_and_then_a_pause(store: Store, queue: Queue) -> None:
    config = replace(CONFIG, smtp_url="smtp://127.0.0.1:1?timeout=1")  # nobody listens on port 1
    numbers = queue(*(contact(store, f"p{number}@mail.example") for number in range(4)))
    limits.admit(store, now=NOW)
    assert delivery.deliver(store, config, now=NOW) == Sent(later=1, untried=3, closed=True)
    assert delivery.deliver(store, config, now=NOW + 1) == Sent(closed=True)
    assert sorted(messages.get(store, number).attempts for number in numbers) == [0, 0, 0, 1]
    with post_office() as office:
        config = replace(config, smtp_url=f"smtp://127.0.0.1:{office.port}")
        assert delivery.deliver(store, config, now=NOW + delivery.PAUSE_S).sent == 4


def test_an_erased_contact_gets_nothing(store: Store, cast: Cast, queue: Queue) -> None:
    (number,) = queue(cast.ada)
    limits.admit(store, now=NOW)
    with store.transaction():
        store.run("DELETE FROM contact WHERE id = :id", id=cast.ada)
    assert delivery.deliver(store, CONFIG, now=NOW) == Sent(skipped=1)
    assert messages.get(store, number).reason == "erased"


def test_a_canceled_message_stays_at_home(store: Store, cast: Cast, queue: Queue) -> None:
    (number,) = queue(cast.ada)
    limits.admit(store, now=NOW)
    with store.transaction():
        assert store.run(messages.cancel(sql("message.contact_id = :who", who=cast.ada), "exited")) == 1
    assert delivery.deliver(store, CONFIG, now=NOW) == Sent() and messages.get(store, number).reason == "exited"


def test_names_can_not_add_headers_and_text_can_not_add_markup(store: Store, queue: Queue) -> None:
    with post_office() as office:
        evil = contact(store, "eve@mail.example", 'Eve"\r\nBcc: all@mail.example\r\n\r\n<script>x</script>')
        queue(evil)
        limits.admit(store, now=NOW)
        delivery.deliver(store, replace(CONFIG, smtp_url=f"smtp://127.0.0.1:{office.port}"), now=NOW)
    (mail,) = office.parsed()
    page = mail.get_body(("html",))
    assert mail["Bcc"] is None and page is not None and "<script>" not in page.get_content()
    assert {address.addr_spec for address in mail["To"].addresses} == {"eve@mail.example"}
