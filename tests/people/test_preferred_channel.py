"""The channel somebody prefers: from a file, by hand, by a journey; asked for in rules, handed out, merged and erased."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from engine.access import COMMAND_LINE
from engine.audience.rules import known, parse
from engine.errors import BadInput, Invalid
from engine.people import contacts, fields
from engine.people.contacts.listing import Wanted
from engine.service import exporting, privacy
from engine.service.importing.contacts import import_contacts
from engine.service.importing.looking import look
from engine.service.tracking import translate
from engine.store import Store

from ..conftest import NOW
from .test_effects import act


def save(store: Store, **values: object) -> int:
    return contacts.save(store, values, by=COMMAND_LINE, now=NOW, source="test").id


def test_a_file_brings_it_whatever_the_case_and_a_channel_that_is_none_is_refused_by_line(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("email,preferred_channel\nada@x.test,SMS\nbo@x.test,\ncy@x.test,pigeon\n")
    report = import_contacts(store, str(file), by=COMMAND_LINE, now=NOW)
    assert [(one.line, one.column) for one in report.rows_in_error] == [(4, "preferred_channel")]
    assert "chat, email, print, push, sms" in report.rows_in_error[0].message
    assert [contacts.get(store, who).preferred_channel for who in ("ada@x.test", "bo@x.test")] == ["sms", None]
    file.write_text("email,Preferred contact method\nbo@x.test,Email\n")
    assert [one.target for one in look(store, str(file)).guesses] == ["email", "preferred_channel"]


def test_it_is_set_by_hand_and_by_the_website_and_emptied_again(store: Store) -> None:
    ada = save(store, email="ada@x.test", preferred_channel="sms")
    with pytest.raises(BadInput, match="'fax' is not one of chat"):
        save(store, email="ada@x.test", preferred_channel="fax")
    assert contacts.get(store, ada).preferred_channel == "sms"
    contacts.save(store, {"contact_id": ada, "preferred_channel": contacts.CLEAR}, by=COMMAND_LINE, now=NOW, source="test")
    assert contacts.get(store, ada).preferred_channel is None
    said = translate({"userId": "u", "traits": {"preferredChannel": "push"}}, "identify").items[0].payload
    assert said["traits"] == {"preferred_channel": "push"}


def test_rules_ask_for_it_now_and_as_it_was(store: Store) -> None:
    ada, bo = save(store, email="ada@x.test", preferred_channel="sms"), save(store, email="bo@x.test")
    contacts.save(store, {"contact_id": ada, "preferred_channel": "email"}, by=COMMAND_LINE, now=NOW + 10, source="test")
    rule = parse({"field": "preferred_channel", "op": "is", "value": "SMS"}, known(store))
    assert store.rows(rule.members(), now=NOW + 10) == []
    assert store.rows(rule.members(past=True), now=NOW + 5) == [(ada,)]
    unset = parse({"field": "preferred_channel", "op": "is_not_set"}, known(store))
    assert store.rows(unset.members(), now=NOW + 10) == [(bo,)]
    with pytest.raises(Invalid, match="chat, email"):
        parse({"field": "preferred_channel", "op": "is", "value": "pigeon"}, known(store))


def test_a_journey_sets_it_and_only_to_a_channel(store: Store) -> None:
    ada = save(store, email="ada@x.test")
    field = fields.BUILT_IN["preferred_channel"]
    act(store, contacts.field_effects(field, fields.parse_value(field, "Chat")), (1, ada, "next"))
    assert contacts.get(store, ada).preferred_channel == "chat" and contacts.reads_trigger(field)
    with pytest.raises(BadInput, match="pigeon"):
        fields.parse_value(field, "pigeon")


def test_it_is_exported_handed_out_merged_and_erased_with_the_person(store: Store) -> None:
    keep, lose = save(store, email="ada@x.test"), save(store, email="ada@old.test", preferred_channel="sms")
    contacts.merge(store, keep, lose, by=COMMAND_LINE, now=NOW)
    out = io.StringIO()
    exporting.export_contacts(store, out, Wanted(), now=NOW)
    head, row = (line.split(",") for line in out.getvalue().splitlines())
    assert row[head.index("preferred_channel")] == "sms"
    assert privacy.dossier(store, "ada@x.test", by=COMMAND_LINE, now=NOW)["profile"]["preferred_channel"] == "sms"
    privacy.erase(store, keep, by=COMMAND_LINE, now=NOW)
    assert store.one("SELECT COUNT(*) FROM contact c WHERE c.preferred_channel IS NOT NULL") == 0
