"""Exports of other tools: known by their headers, with tags, stages and consent; a no is on the suppression list too."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.access import COMMAND_LINE
from engine.errors import BadInput
from engine.people import consent, contacts
from engine.service import importing
from engine.service.importing import Move
from engine.store import Store

from ..conftest import NOW

MAILCHIMP = {
    "subscribed_members_export_1.csv": "Email Address,First Name,Last Name,Phone Number,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,"
    'TIMEZONE,LEID,EUID,TAGS\nada@x.test,Ada,Berg,+4930901820,4,2024-03-05 10:00:00,203.0.113.9,Europe/Berlin,1,e1,'
    '"""vip"",""Press list"""\nbo@x.test,Bo,,,2,2024-04-05 10:00:00,,,2,e2,\n',
    "unsubscribed_members_export_1.csv": "Email Address,First Name,MEMBER_RATING,OPTIN_TIME,UNSUB_TIME,LEID\n"
    "cy@x.test,Cy,2,2023-01-01 00:00:00,2024-01-01 00:00:00,3\nbad,,,,,4\n",
    "cleaned_members_export_1.csv": "Email Address,MEMBER_RATING,OPTIN_TIME,CLEAN_TIME,LEID\n"
    "di@x.test,1,2023-01-01 00:00:00,2024-01-01 00:00:00,5\n",
    "campaigns.csv": "Title,Subject\nMay,Hello\n"}
HUBSPOT = {"contacts.csv": "Record ID,First Name,Last Name,Email,Phone Number,Contact owner,Lifecycle Stage,Create Date,"
           "Associated Company,Unsubscribed from all email,Email hard bounce reason,Lead Status\n"
           "101,Ada,Berg,ada@x.test,,Sal,Marketing Qualified Lead,2024-03-05 10:00,Acme,false,,Open\n"
           "102,Bo,,bo@x.test,,,Evangelist,2024-03-05 10:00,,true,,\n"
           "103,Cy,,cy@x.test,,,Other,2024-03-05 10:00,,,Unknown user,\n"}
KLAVIYO = {"profiles.csv": "Email,Klaviyo ID,First Name,Last Name,Organization,Phone Number,Time Zone,Email Marketing Consent,"
           "SMS Marketing Consent,Email Suppressions,Profile Created On\n"
           "ada@x.test,K1,Ada,Berg,Acme,+4930901820,Europe/Berlin,SUBSCRIBED,SUBSCRIBED,[],2024-03-05 10:00:00\n"
           "bo@x.test,K2,Bo,,,,,NEVER_SUBSCRIBED,,,2024-03-05 10:00:00\n"
           "cy@x.test,K3,Cy,,,,,SUBSCRIBED,,HARD_BOUNCE,2024-03-05 10:00:00\n"}
MAUTIC = {"contacts.csv": "id,firstname,lastname,company,email,mobile,timezone,preferred_locale,points,stage,tags,"
          "doNotContact\n"
          "7,Ada,Berg,Acme,ada@x.test,,Europe/Berlin,de_DE,55,lead,vip|press,0\n8,Bo,,,bo@x.test,,,,0,Hot,,1\n9,Cy,,,cy@x.test,,,,,,,2\n"}


def move(store: Store, folder: Path, tool: str, files: dict[str, str]) -> Move:
    for name, text in files.items():
        (folder / name).write_text(text)
    return importing.move_in(store, tool, str(folder), by=COMMAND_LINE, now=NOW)


def said(store: Store, channel: str = "email") -> dict[str, str | None]:
    return {row[0].split("@")[0]: consent.state(store, row[1], channel)
            for row in store.rows("SELECT c.email, c.id FROM contact c ORDER BY c.email")}


def suppressed(store: Store) -> list[str]:
    return [who for who in ("ada", "bo", "cy", "di") if consent.is_suppressed(store, f"{who}@x.test")]


def test_mailchimp(store: Store, tmp_path: Path) -> None:
    done = move(store, tmp_path, "mailchimp", MAILCHIMP)
    assert [(one.file.split("_")[0], one.report.created, one.report.errors, one.suppressed) for one in done.files] == [
        ("subscribed", 2, 0, 0), ("cleaned", 1, 0, 1), ("unsubscribed", 1, 1, 1)]
    assert done.passed_over == ["campaigns.csv"] and any("journeys" in line for line in done.left)
    assert said(store) == {"ada": "subscribed", "bo": "subscribed", "cy": "unsubscribed", "di": "bounced"}
    assert suppressed(store) == ["cy", "di"]
    ada = contacts.get(store, "ada@x.test")
    assert (ada.tags, ada.time_zone, ada.phone) == (("Press list", "vip"), "Europe/Berlin", "+4930901820")
    assert ada.created_at == 1_709_632_800 and "LEID" not in ada.fields and ada.fields["MEMBER_RATING"] == 4
    assert [one.line for one in done.files[2].report.rows_in_error] == [3]
    again = importing.move_in(store, "mailchimp", str(tmp_path), by=COMMAND_LINE, now=NOW + 9)
    assert [(one.report.unchanged, one.suppressed) for one in again.files] == [(2, 0), (1, 0), (1, 0)]


def test_hubspot(store: Store, tmp_path: Path) -> None:
    move(store, tmp_path, "hubspot", HUBSPOT)
    assert said(store) == {"ada": None, "bo": "unsubscribed", "cy": "bounced"} and suppressed(store) == ["bo", "cy"]
    ada = contacts.get(store, "101")
    assert (ada.stage, ada.account, ada.owner, ada.fields["Lead Status"]) == ("mql", "Acme", "Sal", "Open")
    assert contacts.get(store, "bo@x.test").stage == "evangelist" and contacts.get(store, "cy@x.test").stage == "other"


def test_klaviyo(store: Store, tmp_path: Path) -> None:
    move(store, tmp_path, "klaviyo", KLAVIYO)
    assert said(store) == {"ada": "subscribed", "bo": None, "cy": "bounced"} and suppressed(store) == ["cy"]
    assert said(store, "sms")["ada"] == "subscribed" and contacts.get(store, "K1").account == "Acme"


def test_mautic(store: Store, tmp_path: Path) -> None:
    move(store, tmp_path, "mautic", MAUTIC)
    assert said(store) == {"ada": None, "bo": "unsubscribed", "cy": "bounced"} and suppressed(store) == ["bo", "cy"]
    ada = contacts.get(store, "7")
    assert (ada.tags, ada.stage, ada.locale, ada.fields["points"]) == (("press", "vip"), "lead", "de_DE", 55)
    bo = contacts.get(store, "8")
    assert (bo.stage, bo.fields["mautic stage"]) == (None, "Hot")  # a stage of their own is kept as a word


@pytest.mark.parametrize(("tool", "files"), [("mailchimp", MAILCHIMP), ("hubspot", HUBSPOT), ("klaviyo", KLAVIYO),
                                             ("mautic", MAUTIC)])
def test_a_file_is_recognized_by_its_header(tool: str, files: dict[str, str]) -> None:
    assert {importing.recognize(text.splitlines()[0].split(",")) for text in files.values()} - {None} == {tool}
    assert importing.recognize(["email", "first_name"]) is None


@pytest.mark.parametrize(("tool", "files", "why"), [
    ("pipedrive", {}, "there are hubspot, klaviyo, mailchimp, mautic"), ("mailchimp", {}, "no CSV or XLSX file in it"),
    ("mailchimp", HUBSPOT, "no file looks like an export of mailchimp"),
])
def test_a_wrong_folder_is_refused_and_nothing_is_changed(store: Store, tmp_path: Path, tool: str, files: dict[str, str],
                                                          why: str) -> None:
    with pytest.raises(BadInput, match=why):
        move(store, tmp_path, tool, files)
    assert store.one("SELECT COUNT(*) FROM import_batch") == 0
