"""Double opt-in: asked by mail, confirmed by a button, nothing else in between, and forgotten when nobody answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from engine import clock
from engine.access import COMMAND_LINE
from engine.activity import inbox
from engine.config import Config
from engine.content import templates
from engine.errors import BadInput, Conflict, NotFound
from engine.outreach import delivery, limits, messages, opt_in
from engine.people import consent, contacts
from engine.store import Store
from tests.conftest import NOW
from tests.service.serving import SECRET, serving

DAY = 86_400
TEXT = "Yes, send me the <b>newsletter</b>."
CONFIG = Config(secret=SECRET, public_url="https://hear.example", mail_from="Acme News <news@acme.example>")


@pytest.fixture
def web(store: Store) -> Iterator[httpx.Client]:
    with serving(store) as address, httpx.Client(base_url=address) as client:
        yield client


def ask(store: Store, email: str = "ada@x.test", now: int = NOW, **more: Any) -> opt_in.Asked:
    return opt_in.sign_up(store, email, text_shown=TEXT, source="form", ip="203.0.113.9", by=COMMAND_LINE, now=now, **more)


def send(store: Store, now: int) -> None:
    limits.admit(store, now=now)
    delivery.deliver(store, CONFIG, now=now)


def link_in(store: Store, message_id: int) -> str:
    """The path behind the button of the mail, the same in HTML and text."""
    copy = messages.find_copy(store, message_id)
    assert copy is not None and copy.html and copy.text
    found = re.search(r"/y/[\w=-]+", copy.html)
    assert found and found.group() in copy.text and found.group() not in str(copy.links)
    return found.group()


def newest(store: Store, contact_id: int) -> dict[str, Any]:
    return store.records("SELECT s.status, s.basis, s.source, s.text_shown, s.ip FROM consent s WHERE s.contact_id = :id "
                         "AND s.topic = '' ORDER BY s.id DESC LIMIT 1", id=contact_id)[0]


def test_only_the_button_confirms_and_the_ledger_has_the_proof(store: Store, web: httpx.Client) -> None:
    now = clock.now()
    asked = ask(store, now=now)
    assert newest(store, asked.contact_id) == {"status": "pending", "basis": "double opt-in", "source": "form",
                                               "text_shown": TEXT, "ip": "203.0.113.9"}
    with store.transaction():
        marketing = messages.queue_one(store, asked.contact_id, opt_in.template(store, now=now), now=now)
    send(store, now)
    assert messages.get(store, asked.message_id).status == "sent"
    assert messages.get(store, marketing).reason == "no_consent", "nothing else is written before"
    path = link_in(store, asked.message_id)
    looked = web.get(path)
    assert looked.status_code == 200 and "&lt;b&gt;newsletter&lt;/b&gt;" in looked.text and "<form" in looked.text
    assert web.head(path).status_code == 200 and consent.state(store, asked.contact_id, "email") == "pending"
    assert "You are signed up" in web.post(path, data={"answer": "yes"}).text
    found = newest(store, asked.contact_id)
    assert (found["status"], found["text_shown"], found["ip"]) == ("subscribed", TEXT, "127.0.0.1")
    assert "You are signed up" in web.post(path).text and "You are signed up" in web.get(path).text
    told = [one.payload["event"] for one in inbox.read(store, after=0, limit=10) if one.payload.get("event") == "subscribed"]
    assert told == ["subscribed"], "once, however often the button is pressed"
    assert web.get("/y/" + "x" * 32).status_code == 404 and web.post("/y/preview").status_code == 404


def test_a_no_is_kept_and_an_old_refusal_can_be_taken_back_by_its_owner(store: Store, web: httpx.Client) -> None:
    now = clock.now()
    asked = ask(store, now=now)
    send(store, now)
    assert "Nothing will be sent" in web.post(link_in(store, asked.message_id), data={"answer": "no"}).text
    assert newest(store, asked.contact_id)["status"] == "unsubscribed" and consent.is_suppressed(store, "ada@x.test")
    with pytest.raises(Conflict, match="only they themselves"):
        ask(store, now=now)
    again = ask(store, now=now, themselves=True)
    send(store, now)
    assert messages.get(store, again.message_id).status == "sent", "who unsubscribed still gets what they asked for"
    web.post(link_in(store, again.message_id))
    assert newest(store, asked.contact_id)["status"] == "subscribed" and not consent.is_suppressed(store, "ada@x.test")


def test_a_link_holds_for_seven_days_and_a_question_is_sent_three_times(store: Store) -> None:
    asked = ask(store)
    send(store, NOW)
    open_ = opt_in.find_question(store, asked.message_id, now=NOW + 7 * DAY)
    late = opt_in.find_question(store, asked.message_id, now=NOW + 7 * DAY + 1)
    assert open_ and late and (open_.state, late.state) == ("open", "expired")
    with pytest.raises(Conflict, match="expired"):
        opt_in.confirm(store, late, ip=None, now=NOW + 8 * DAY)
    assert [ask(store, now=NOW + 8 * DAY).mails, ask(store, now=NOW + 9 * DAY).mails] == [2, 3]
    with pytest.raises(Conflict, match="3 times"):
        ask(store, now=NOW + 9 * DAY)
    old = opt_in.find_question(store, asked.message_id, now=NOW + 9 * DAY)
    assert old and old.state == "open", "asked again, the first mail's link holds again too"
    assert opt_in.confirm(store, old, ip=None, now=NOW + 9 * DAY) and not opt_in.confirm(
        store, opt_in.find_question(store, asked.message_id, now=NOW + 60 * DAY) or old, ip=None, now=NOW + 60 * DAY)
    with pytest.raises(Conflict, match="subscribed already"):
        ask(store, now=NOW + 61 * DAY)


def test_nobody_waits_longer_than_thirty_days(store: Store) -> None:
    contacts.save(store, {"email": "known@x.test"}, by=COMMAND_LINE, now=NOW, source="fair")
    known, stranger, quick = ask(store, "known@x.test"), ask(store, "new@x.test"), ask(store, "quick@x.test")
    assert (known.made, stranger.made) == (False, True)
    send(store, NOW)
    question = opt_in.find_question(store, quick.message_id, now=NOW)
    assert question and opt_in.confirm(store, question, ip=None, now=NOW)
    assert opt_in.purge(store, by=COMMAND_LINE, now=NOW + 30 * DAY - 1) == opt_in.Lapsed(0, 0)
    assert opt_in.purge(store, by=COMMAND_LINE, now=NOW + 30 * DAY) == opt_in.Lapsed(2, 1)
    assert contacts.find(store, "new@x.test") is None and messages.find_copy(store, stranger.message_id) is None
    assert contacts.find(store, "known@x.test") and contacts.find(store, "quick@x.test")
    assert ask(store, "new@x.test", now=NOW + 31 * DAY).mails == 1, "the address may sign up again"
    late = opt_in.find_question(store, known.message_id, now=NOW + 30 * DAY)
    assert late and late.state == "expired"


def test_bad_questions_are_refused(store: Store) -> None:
    made = contacts.save(store, {"external_id": "X"}, by=COMMAND_LINE, now=NOW, source="test").id
    with pytest.raises(BadInput, match="no email address"):
        opt_in.ask(store, made, text_shown=TEXT, source="form", by=COMMAND_LINE, now=NOW)
    with pytest.raises(BadInput, match="kept as the proof"):
        opt_in.ask(store, made, text_shown=" ", source="form", by=COMMAND_LINE, now=NOW)
    with pytest.raises(NotFound):
        ask(store, "nobody")


def test_the_team_may_word_the_mail_itself(memory: Store) -> None:
    templates.save(memory, opt_in.TEMPLATE, html='<a href="{{ confirm_url }}">Ja</a>', subject="Bitte", by=COMMAND_LINE,
                   now=NOW)
    asked = ask(memory)
    send(memory, NOW)
    copy = messages.find_copy(memory, asked.message_id)
    assert copy and copy.subject == "Bitte" and ">Ja</a>" in str(copy.html)
