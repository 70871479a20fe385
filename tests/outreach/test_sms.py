"""The second channel: text alone, to the phone, with a consent, a cap and a way out of its own; and what falls back to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.access import COMMAND_LINE as BY
from engine.clock import DAY, HOUR
from engine.config import Config
from engine.content import links, lint, preview, templates
from engine.errors import BadInput
from engine.journeys import documents, versions
from engine.journeys.enrolling import enroll
from engine.loop.tick import tick
from engine.outreach import delivery, limits, messages
from engine.people import consent, contacts
from engine.service import opt_out
from engine.store import Store
from tests.conftest import NOW

from .conftest import CONFIG
from .post_office import post_office

LINK = "https://shop.example/now"
FALLBACK = {"name": "Reach", "goal": "none", "entry": {"trigger": {"manual": True}}, "nodes": [
    {"id": "say", "type": "send_first", "templates": ["mail", "short"], "on": {"sent": "yes", "not_sent": "no"}},
    {"id": "yes", "type": "exit", "reason": "reached"}, {"id": "no", "type": "exit", "reason": "not reached"}]}


def text(store: Store, written: str = f"Hi {{{{ contact.first_name }}}}: {LINK}") -> templates.Template:
    return templates.save(store, "short", html=written, channel="sms", by=BY, now=NOW)


def person(store: Store, address: str, phone: str = "", **said: str) -> int:
    made = contacts.save(store, {"email": address, "phone": phone, "first_name": "Ada"}, by=BY, now=NOW - DAY, source="t").id
    with store.transaction():
        for channel, status in said.items():
            consent.record(store, [made], channel, status, basis="test", source="t", by=BY, now=NOW - DAY)
    return made


def passage(store: Store, who: str, config: Config = CONFIG) -> list[tuple[str, str | None, str | None]]:
    """How the journey ended for somebody, and the status, reason and address of the message."""
    enroll(store, who, "Reach", by=BY, now=NOW)
    tick(store, config, now=NOW)
    ended = store.rows("SELECT r.reason, NULL, NULL FROM enrollment r JOIN contact c ON c.id = r.contact_id "
                       "WHERE c.email = :who", who=who)
    return ended + store.rows("SELECT m.channel || ' ' || m.status, m.reason, m.address FROM message m JOIN contact c "
                              "ON c.id = m.contact_id WHERE c.email = :who", who=who)


def test_an_sms_is_plain_text_and_stays_one(store: Store) -> None:
    made = text(store)
    assert (made.html, made.source_kind, made.subject) == (None, "text", None) and not lint.check(store, made)[1:]
    for broken in ({"html": "<p>Hi</p>"}, {"text": "Hi", "html": None, "subject": "Hi"}):
        with pytest.raises(BadInput, match="an SMS is plain text"):
            templates.save(store, "other", channel="sms", by=BY, now=NOW, **broken)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="it is for sms"):
        templates.save(store, "Short", html="<p>Hi</p>", by=BY, now=NOW)


@pytest.mark.parametrize(("written", "count"), [("a" * 160, 1), ("a" * 161, 2), ("€" * 81, 2), ("ж" * 70, 1), ("ж" * 71, 2),
                                                ("😀" * 36, 2), ("a" * 307, 3)])
def test_the_parts_of_an_sms_are_counted(written: str, count: int) -> None:
    assert lint.parts(written) == count


def test_it_goes_to_the_phone_counts_clicks_and_can_be_left(store: Store) -> None:
    who, template = person(store, "ada@mail.example", "+49 151 1234567", sms="subscribed"), text(store)
    with store.transaction():
        first, second = (messages.queue_one(store, who, template.id, channel="sms", now=NOW) for _ in range(2))
    limits.admit(store, now=NOW)
    assert delivery.deliver(store, CONFIG, now=NOW).sent == 1
    sent, copy = messages.get(store, first), messages.find_copy(store, first)
    assert copy and (sent.status, sent.address, sent.email) == ("sent", "+491511234567", "ada@mail.example")
    assert copy.html is None and "\nStop: https://hear.example/u/" in (copy.text or "") and LINK not in (copy.text or "")
    click = links.read_click(CONFIG.secret, next(iter(copy.links)).rsplit("/", 1)[1])
    assert click and links.channel_of(store, click.link_id) == "sms"
    held = messages.get(store, second)
    assert (held.status, held.reason, held.due_at) == ("queued", "capped", NOW + 24 * HOUR)  # one a day, unless told otherwise
    recipient = opt_out.find_recipient(store, first)
    assert recipient and opt_out.unsubscribe(store, recipient, now=NOW, ip=None)
    assert (consent.state(store, who, "sms"), consent.state(store, who, "email")) == ("unsubscribed", None)
    limits.admit(store, now=NOW + DAY)
    assert messages.get(store, second).reason == "unsubscribed"
    assert "Stop: " in (preview.render(store, CONFIG, "short", "ada@mail.example").text or "")


def test_who_can_not_be_mailed_gets_the_sms_and_who_agreed_to_neither_gets_nothing(store: Store) -> None:
    templates.save(store, "mail", html="<p>Hi</p>", subject="Hi", by=BY, now=NOW)
    text(store)
    versions.publish(store, documents.dump(FALLBACK), by=BY, now=NOW)
    person(store, "ada@mail.example", "+4915100000", email="unsubscribed", sms="subscribed")
    person(store, "bo@mail.example", "+4915100001", email="unsubscribed")
    person(store, "gone@mail.example", "+4915100002", email="subscribed", sms="subscribed")
    assert passage(store, "ada@mail.example") == [("reached", None, None), ("sms sent", None, "+4915100000")]
    assert passage(store, "bo@mail.example") == [("not reached", None, None), ("sms skipped", "no_consent", None)]
    with post_office() as office:  # mail leaves, and nothing is connected that carries SMS
        config = replace(CONFIG, smtp_url=f"smtp://127.0.0.1:{office.port}?timeout=5")
        assert passage(store, "gone@mail.example", config) == [("not reached", None, None),
                                                               ("sms failed", "no_carrier", "+4915100002")]
    assert store.one("SELECT COUNT(*) FROM event e WHERE e.name = 'email_bounced'") == 1
    assert store.rows("SELECT e.name, COUNT(*) FROM event e WHERE e.name LIKE 'sms%' GROUP BY 1 ORDER BY 1") == [
        ("sms_failed", 1), ("sms_sent", 1)]


def test_whoever_prefers_a_text_gets_it_first_and_the_mail_when_it_is_skipped(store: Store) -> None:
    templates.save(store, "mail", html="<p>Hi</p>", subject="Hi", by=BY, now=NOW)
    text(store)
    say = {**FALLBACK["nodes"][0], "preferred_first": True}  # type: ignore[index]
    versions.publish(store, documents.dump({**FALLBACK, "nodes": [say, *FALLBACK["nodes"][1:]]}), by=BY, now=NOW)  # type: ignore[index]
    for name, phone, prefers, said in (("ada", "+4915100000", "sms", {"sms": "subscribed"}), ("bo", "+4915100001", "sms", {}),
                                       ("cy", "+4915100002", "email", {"sms": "subscribed"}),
                                       ("di", "+4915100003", None, {"sms": "subscribed"})):
        who = person(store, f"{name}@mail.example", phone, email="subscribed", **said)
        contacts.save(store, {"contact_id": who, "preferred_channel": prefers}, by=BY, now=NOW - DAY, source="t")
    assert [passage(store, f"{name}@mail.example")[1][0] for name in ("ada", "bo", "cy", "di")] == [
        "sms sent", "email sent", "email sent", "email sent"]
