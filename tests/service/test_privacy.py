"""What a person may ask for, and how long things are kept."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest

from engine.access import COMMAND_LINE, Actor
from engine.activity import events
from engine.clock import DAY
from engine.content import templates
from engine.errors import BadInput, Conflict, Forbidden, NotFound
from engine.outreach import messages
from engine.people import accounts, chain, consent, contacts
from engine.schema import PERSON_TABLES
from engine.service import attention, privacy
from engine.service.privacy.dossier import SECTIONS
from engine.sql import sql
from engine.store import Store
from tests.conftest import NOW

ANALYST = Actor("Ann", "analyst")


@pytest.fixture
def ada(store: Store) -> int:
    """Somebody of whom a lot is known."""
    with store.transaction():
        acme = accounts.ensure_many(store, ["Acme"], now=NOW)["Acme"]
    who = contacts.save(store, {"email": "ada@example.com", "first_name": "=Ada", "account_id": acme}, by=COMMAND_LINE,
                        now=NOW, source="test").id
    template = templates.save(store, "hi", html="<p>Hi Ada</p>", subject="Hi", by=COMMAND_LINE, now=NOW)
    with store.transaction():
        contacts.add_tags(store, [who], ["vip"], now=NOW, source="test")
        consent.record(store, [who], "email", "subscribed", basis="consent", source="form", by=COMMAND_LINE, now=NOW,
                       ip="10.1.1.1")
        events.insert_events(store, [{
            "contact_id": who, "name": "page_view", "object": "/pricing", "occurred_at": NOW - 400 * DAY, "received_at": NOW,
            "props": '{"from": "ad"}', "dedupe_key": "e1", "source": "web"}])
        store.insert_many("batch", [{"id": 64, "enrollment_id": 1, "contact_id": who, "seq": 0}])
        store.run(messages.queue(sql("batch"), node_id=1, journey_id=None, campaign_id=None, channel="email",
                                 template_id=template.id), now=NOW)
        store.run("UPDATE message SET status = 'sent', sent_at = :at", at=NOW - 100 * DAY)
        messages.keep_copies(store, [{"message_id": 1, "subject": "Hi", "html": "<p>Hi Ada</p>", "text": "Hi", "links": "{}"}])
    return who


def test_every_table_that_is_for_the_person_has_a_part() -> None:
    assert set(SECTIONS) == {name for name, handling in PERSON_TABLES.items() if handling.export}


def test_the_document_holds_everything_in_words(store: Store, ada: int) -> None:
    found = privacy.dossier(store, "ada@example.com", by=COMMAND_LINE, now=NOW)
    assert found["profile"]["first_name"] == "=Ada" and found["profile"]["account"] == "Acme"
    assert found["event"][0]["props"] == {"from": "ad"} and found["event"][0]["occurred_at"].endswith("Z")
    assert (found["message"][0]["template"], found["message"][0]["html"]) == ("hi", "<p>Hi Ada</p>")
    assert found["consent"][0]["ip"] == "10.1.1.1" and found["contact_tag"][0]["tag"] == "vip"
    json.dumps(found)
    with pytest.raises(Forbidden):
        privacy.dossier(store, "ada@example.com", by=ANALYST, now=NOW)


def test_the_zip_holds_tables_that_run_nothing(store: Store, ada: int, tmp_path: Path) -> None:
    document = privacy.dossier(store, "ada@example.com", by=COMMAND_LINE, now=NOW)
    privacy.write_dossier(document, tmp_path / "ada.zip")
    with zipfile.ZipFile(tmp_path / "ada.zip") as found:
        assert json.loads(found.read("everything.json")) == document
        profile = next(csv.DictReader(io.StringIO(found.read("profile.csv").decode("utf-8-sig"))))
        assert profile["first_name"] == "'=Ada"
        assert "event.csv" in found.namelist() and "deal_contact.csv" not in found.namelist()
    with pytest.raises(BadInput, match="name a .json or .zip"):
        privacy.write_dossier(document, tmp_path / "ada.txt")


def test_a_restriction_is_kept_until_it_is_lifted(store: Store, ada: int) -> None:
    assert contacts.restrict(store, ada, True, by=COMMAND_LINE, now=NOW)
    assert contacts.get(store, ada).restricted and not contacts.restrict(store, ada, True, by=COMMAND_LINE, now=NOW)
    assert contacts.restrict(store, ada, False, by=COMMAND_LINE, now=NOW) and not contacts.get(store, ada).restricted
    with pytest.raises(NotFound):
        contacts.restrict(store, 99, True, by=COMMAND_LINE, now=NOW)


def test_requests_have_a_month_and_are_carried_out_once(store: Store, ada: int) -> None:
    made = [privacy.ask(store, "ada@example.com", kind, by=COMMAND_LINE, now=NOW) for kind in ("access", "object", "restrict")]
    assert [one.due_at - NOW for one in made] == [30 * DAY] * 3
    assert privacy.overdue(store, now=NOW + 31 * DAY) == 3
    assert any("past the month" in one.sentence for one in attention.notices(store, now=NOW + 31 * DAY, clock_now=NOW))
    for one in made:
        privacy.carry_out(store, one.id, note="done", by=COMMAND_LINE, now=NOW + 1)
    assert consent.state(store, ada, "email") == consent.state(store, ada, "sms") == "unsubscribed"
    assert contacts.get(store, ada).restricted and privacy.list_requests(store) == []
    with pytest.raises(Conflict, match="was closed on"):
        privacy.carry_out(store, made[0].id, by=COMMAND_LINE, now=NOW)
    with pytest.raises(BadInput, match="no kind of request"):
        privacy.ask(store, "ada@example.com", "complain", by=COMMAND_LINE, now=NOW)


def test_an_erasure_by_request_leaves_the_request_and_both_chains(store: Store, ada: int) -> None:
    chain.seal(store)
    made = privacy.ask(store, "ada@example.com", "erase", note="by letter, Ada Lovelace", by=COMMAND_LINE, now=NOW)
    found = privacy.carry_out(store, made.id, by=COMMAND_LINE, now=NOW + 1)
    assert (found.who, found.note, found.done_at) == (None, None, NOW + 1)
    assert contacts.find(store, "ada@example.com") is None and consent.is_suppressed(store, "ada@example.com")
    chain.seal(store)
    assert chain.verify(store).ok


def test_nothing_goes_before_somebody_said_when(store: Store, ada: int) -> None:
    assert privacy.sweep(store, dry_run=False, by=COMMAND_LINE, now=NOW) == []
    for kind, days in (("events", 365), ("message_copies", 90), ("silent_contacts", 30)):
        privacy.keep_for(store, kind, days, by=COMMAND_LINE, now=NOW)
    silent = contacts.save(store, {"email": "bo@example.com"}, by=COMMAND_LINE, now=NOW - 40 * DAY, source="test").id
    counted = {one.kind: one.count for one in privacy.sweep(store, dry_run=True, by=COMMAND_LINE, now=NOW)}
    assert counted == {"events": 1, "message_copies": 1, "silent_contacts": 1} and contacts.get(store, silent)
    swept = {one.kind: one.count for one in privacy.sweep(store, dry_run=False, by=COMMAND_LINE, now=NOW)}
    assert swept == counted
    assert store.one("SELECT COUNT(*) FROM event WHERE name = 'page_view'") == 0 and messages.find_copy(store, 1) is None
    assert contacts.find(store, "bo@example.com") is None and contacts.get(store, ada)
    assert store.one("SELECT COUNT(*) FROM dirty_contact WHERE contact_id = :id", id=ada) >= 1
    privacy.keep_for(store, "events", None, by=COMMAND_LINE, now=NOW)
    assert [one.days for one in privacy.kept(store)] == [None, 90, 30]
    for kind, days, words in (("mail", 3, "no time limit|nothing that has"), ("events", 0, "give 1 to")):
        with pytest.raises(BadInput, match=words):
            privacy.keep_for(store, kind, days, by=COMMAND_LINE, now=NOW)
