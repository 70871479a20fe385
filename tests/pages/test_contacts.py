"""Contacts: the table and its filters, one person, changes by hand, the import wizard."""

from __future__ import annotations

import re
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.access import COMMAND_LINE as LOCAL
from engine.access import Actor
from engine.activity import events
from engine.people import accounts, consent, contacts
from engine.service import quality
from engine.service.importing import errors_csv, look
from engine.store import Store
from tests.conftest import NOW

from .conftest import SCRIPT
from .running import open_page, well, words


def links(at) -> list[str]:
    return [one.proto.label for one in at.get("page_link")]


def names(at) -> list[str]:
    return list(at.dataframe[0].value["name"])


def test_an_empty_workspace_says_what_to_do(workspace: Store) -> None:
    at = well(open_page("contacts"))
    assert "Nobody is here yet" in words(at)
    at.button[-1].click().run()
    assert well(at).query_params["view"] in ("import", ["import"])


def test_people_are_listed_and_filtered_by_the_address(workspace: Store, cast: dict[str, int]) -> None:
    at = well(open_page("contacts"))
    assert names(at) == [SCRIPT, "Bo", "Ada Lovelace"] and "3 people" in words(at)
    assert names(well(open_page("contacts", tag="vip"))) == ["Ada Lovelace"]
    assert names(well(open_page("contacts", q="love"))) == ["Ada Lovelace"]
    assert "Nobody matches" in words(well(open_page("contacts", q="zzz")))
    assert names(well(open_page("contacts", tag="no such tag", page="99"))) == names(at), "a stale address shows what there is"


def test_a_filter_that_is_chosen_stands_in_the_address(workspace: Store, cast: dict[str, int]) -> None:
    at = open_page("contacts")
    at.selectbox(key="address:tag").select("vip").run()
    assert at.query_params["tag"] in ("vip", ["vip"]) and names(well(at)) == ["Ada Lovelace"]


def test_one_person_with_everything(workspace: Store, cast: dict[str, int]) -> None:
    at = well(open_page("contacts", contact=cast["ada"]))
    said = words(at)
    assert "Ada Lovelace" in said and "ada@x.example" in said and "Acme" in links(at)
    assert "subscribed: email (form)" in said, "the timeline says where consent came from"
    assert at.multiselect[0].value == ["vip"]
    for view in ("journeys", "score", "facts"):
        well(open_page("contacts", contact=cast["ada"], show=view))
    assert "no contact" in open_page("contacts", contact=999).error[0].value.replace("\\", "")


def judge_the_newest() -> None:
    from engine.activity.timeline import timeline
    from pages.widgets import person, state

    person.judge_dialog(timeline(state.store(), 1, kinds=frozenset({"event"}))[0])


def test_a_click_is_judged_beside_it_and_the_verdict_taken_back(workspace: Store, cast: dict[str, int],
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    with workspace.transaction():
        events.insert_events(workspace, [{"contact_id": cast["ada"], "name": name, "object": "/pricing", "occurred_at": NOW,
                                          "received_at": NOW, "props": '{"ip": "192.0.2.1"}', "dedupe_key": name, "source": "x"}
                                         for name in ("purchase", "email_clicked")])

    def asked() -> list[str]:
        toggle = next(one for one in open_page("contacts", contact=cast["ada"]).toggle if one.label.startswith("Judge"))
        return [one.label for one in well(toggle.set_value(True).run()).button if one.label.startswith("A ")]

    assert asked() == ["A machine?"], "a purchase is not in doubt"

    def said() -> list[str | None]:
        return [row[0] for row in workspace.rows("SELECT e.verdict FROM event e WHERE e.name = 'email_clicked'")]

    dialog = well(AppTest.from_function(judge_the_newest, default_timeout=30).run())
    assert "Address: 192.0.2.1" in words(dialog).replace("\\", "")
    dialog.text_input[0].input("two seconds after it was sent")
    well(next(one for one in dialog.button if one.label == "It was a machine").click().run())
    assert said() == ["machine"] and asked() == ["A person?"]
    dialog = AppTest.from_function(judge_the_newest, default_timeout=30).run()
    assert "a machine instead of not judged, two seconds after it was sent" in words(dialog)
    well(next(one for one in dialog.button if one.label.startswith("Take back")).click().run())
    assert said() == [None]
    with monkeypatch.context() as patched:
        patched.setattr("pages.widgets.state.actor", lambda: Actor("Vera", "viewer"))
        assert "Judge visits and clicks" not in [one.label for one in open_page("contacts", contact=cast["ada"]).toggle]


def test_what_a_customer_is_worth_stands_on_the_person(workspace: Store, cast: dict[str, int]) -> None:
    assert "Customer value" not in words(open_page("contacts", contact=cast["ada"]))
    with workspace.transaction():
        events.insert_events(workspace, [
            {"contact_id": cast["ada"], "name": "purchase", "object": None, "occurred_at": NOW - days * 86_400, "props": "{}",
             "received_at": NOW, "dedupe_key": str(days), "source": "x", "value_minor": minor, "currency": minor and "EUR"}
            for days, minor in ((10, None), (20, 4_000), (400, 8_000))])
    at = well(open_page("contacts", contact=cast["ada"]))
    for said in ("3, 1 of them without a value", "120 EUR", "60 EUR", " EUR, if it goes on as it did"):
        assert said in words(at)


def test_markup_in_a_name_is_text(workspace: Store, cast: dict[str, int]) -> None:
    at = well(open_page("contacts", contact=cast["cy"]))
    drawn = [str(one.value) for one in (*at.subheader, *at.markdown, *at.caption)]
    assert not [text for text in drawn if re.search(r"(?<!\\)<script", text)]
    assert "\\<script\\>" in at.subheader[0].value


def test_consent_is_changed_by_hand_with_its_proof(workspace: Store, cast: dict[str, int]) -> None:
    at = open_page("contacts", contact=cast["ada"])
    at.selectbox[0].select("unsubscribed")
    save = next(one for one in at.button if one.label == "Save")
    save.click().run()
    assert "proof" in at.error[0].value and consent.state(workspace, cast["ada"], "email") == "subscribed"
    at.text_input[-1].input("by phone")
    next(one for one in at.button if one.label == "Save").click().run()
    assert consent.state(workspace, cast["ada"], "email") == "unsubscribed"


def test_facts_are_changed_by_hand(workspace: Store, cast: dict[str, int]) -> None:
    at = open_page("contacts", contact=cast["bo"], show="facts")
    next(one for one in at.text_input if one.label == "last_name").input("Byrne")
    next(one for one in at.button if one.label == "Save" and "facts" in (one.form_id or "")).click().run()
    assert contacts.get(workspace, cast["bo"]).last_name == "Byrne"


def test_companies_lead_to_their_people(workspace: Store, cast: dict[str, int]) -> None:
    at = well(open_page("contacts", view="accounts"))
    assert list(at.dataframe[0].value["people"]) == [1] and contacts.get(workspace, cast["ada"]).account == "Acme"
    acme = accounts.must_find(workspace, "Acme")
    at = well(open_page("contacts", view="accounts", company=acme))
    assert "Ada Lovelace" in links(at) and "1 person" in words(at)
    at.multiselect(key=f"roles-{cast['ada']}").select("champion")
    at.button(key=f"roles-save-{cast['ada']}").click().run()
    assert accounts.roles_of(workspace, [cast["ada"]]) == {cast["ada"]: ("champion",)}
    for view in ("deals", "timeline"):
        well(open_page("contacts", view="accounts", company=acme, show=view))


def test_facts_of_a_company_are_changed_and_bring_its_people(workspace: Store, cast: dict[str, int]) -> None:
    acme = accounts.must_find(workspace, "Acme")
    at = open_page("contacts", view="accounts", company=acme)
    next(one for one in at.text_input if one.label == "Domain").input("x.example")
    next(one for one in at.button if one.label == "Save" and one.form_id == "company").click().run()
    assert accounts.get(workspace, acme).facts["domain"] == "x.example"
    assert contacts.get(workspace, cast["bo"]).account == "Acme"


def test_the_wizard_rehearses_before_it_writes(workspace: Store, cast: dict[str, int]) -> None:
    at = open_page("contacts", view="import")
    csv = "E-Mail Address,Vorname,Company,age\nada@x.example,Ada,Acme,41\nnew@x.example,New,Acme,22\nnobody,No,Acme,7\n"
    at.file_uploader[0].upload("people <b>.csv", csv.encode(), "text/csv").run()
    fills = [one.value for one in at.selectbox if str(one.key).startswith("map-")]
    assert fills == ["email", "first_name", "account", "age:number"]
    at.button[-1].click().run()
    assert [one.value for one in well(at).metric] == ["1", "1", "0", "1"] and not any(
        name.startswith("cf_") for name in workspace.columns("contact"))
    assert contacts.find(workspace, "new@x.example") is None, "a rehearsal writes nothing"
    next(one for one in at.button if one.label.startswith("Import 2")).click().run()
    assert "Imported: 1 created, 1 updated" in words(well(at))
    assert contacts.get(workspace, "new@x.example").fields == {"age": 22}


def press(at, label: str):
    next(one for one in at.button if one.label == label).click().run()
    return well(at)


@pytest.mark.parametrize(("text", "asks", "shown", "said", "kept"), [
    ("email,since\na@x.example,3/4/2026\n", "dates", "since (3/4/2026)", "month first (12/31/2026)", {"since": "2026-03-04"}),
    ("email;paid\na@x.example;1.234\n", "numbers", "paid (1.234)", "decimal comma (1.234,5)", {"paid": 1234.0})])
def test_what_can_be_read_in_two_ways_is_asked_about(workspace: Store, text: str, asks: str, shown: str, said: str,
                                                     kept: dict[str, Any]) -> None:
    at = open_page("contacts", view="import")
    at.file_uploader[0].upload("d.csv", text.encode(), "text/csv").run()
    assert f"{shown} can be read in two ways" in at.radio(key=f"import-{asks}").label.replace("\\", "")
    assert next(one for one in at.button if one.label == "Rehearse").disabled
    at.radio(key=f"import-{asks}").set_value(said).run()
    press(press(at, "Rehearse"), "Import 1 row")
    assert contacts.get(workspace, "a@x.example").fields == kept


def test_what_was_found_in_an_import_and_its_undo(workspace: Store) -> None:
    at = open_page("contacts", view="import")
    at.file_uploader[0].upload("f.csv", b"email\nada@gmial.com\ninfo@x.example\n", "text/csv").run()
    press(press(at, "Rehearse"), "Import 2 rows")
    labels = [one.label for one in at.expander]
    assert "1 contact has a domain that is probably a slip of a well-known one." in labels
    assert "2 contacts can not be mailed: they never agreed." in labels and "What we found" in words(at)
    press(press(at, "Undo this import"), "Undo the import")
    assert contacts.find(workspace, "ada@gmial.com") is None and "Earlier imports" in words(at)
    assert workspace.one("SELECT undone_at FROM import_batch") is not None


def test_an_export_of_another_tool_is_recognized(workspace: Store) -> None:
    at = open_page("contacts", view="import")
    csv = b"Email,Klaviyo ID,Email Marketing Consent\nada@x.example,K1,SUBSCRIBED\nbo@x.example,K2,UNSUBSCRIBED\n"
    at.file_uploader[0].upload("profiles.csv", csv, "text/csv").run()
    assert "export of Klaviyo" in at.toggle[0].label
    press(press(at, "Rehearse"), "Import 2 rows")
    assert consent.is_suppressed(workspace, "bo@x.example")
    assert consent.state(workspace, contacts.get(workspace, "K1").id, "email") == "subscribed"


def test_many_people_are_looked_at_only_when_asked_and_the_page_says_of_when_it_is(
        workspace: Store, cast: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "MANY", 0)
    assert "Nobody has looked yet" in words(well(open_page("contacts", view="quality")))
    quality.measure(workspace, now=1_700_000_000)
    at = well(open_page("contacts", view="quality"))
    assert "Counted on 2023-11-14" in words(at) and [one.value for one in at.metric][:1] == ["3"]
    assert "Counted on" not in words(press(at, "Look at everybody now"))


def test_quality_finds_fixes_merges_and_undoes(workspace: Store) -> None:
    for email in ("ada@gmial.com", "ada.berg@x.example", "adaberg@x.example"):
        contacts.save(workspace, {"email": email}, by=LOCAL, now=1_700_000_000, source="test")
    at = well(open_page("contacts", view="quality"))
    assert [one.value for one in at.metric] == ["3", "0%"] and "**ada.berg@x.example** and" in words(at).replace("\\", "")
    press(at, "Correct the address, unless somebody else has the right one")
    assert contacts.find(workspace, "ada@gmail.com")
    press(press(at, "Compare"), "Merge")
    assert contacts.find(workspace, "adaberg@x.example") == contacts.find(workspace, "ada.berg@x.example")
    press(at, "Undo")
    assert contacts.find(workspace, "adaberg@x.example") != contacts.find(workspace, "ada.berg@x.example")
    press(press(at, "Compare"), "Two people: keep them apart")
    assert "Who may be one person" not in words(at)
    press(at, "Undo")
    assert contacts.find(workspace, "ada@gmail.com") is None


def test_a_look_suggests_what_columns_fill(workspace: Store, tmp_path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("Email;Kundennummer;E-Mail;Tags;fit_score;Größe;\na@x.example;7;;a;3;12;\n")
    found = look(workspace, str(path))
    assert {one.column: one.target for one in found.guesses} == {
        "Email": "email", "Kundennummer": "external_id", "E-Mail": "-", "Tags": "tags", "fit_score": "-",
        "Größe": "Größe:number"}
    assert found.total == 1 and found.delimiter == ";"


def test_the_errors_of_an_import_are_safe_in_a_spreadsheet(workspace: Store, tmp_path) -> None:
    from engine.access import COMMAND_LINE
    from engine.service.importing import Options, import_contacts

    path = tmp_path / "bad.csv"
    path.write_text("email,=cmd\nnobody,1\n")
    report = import_contacts(workspace, str(path), by=COMMAND_LINE, now=1, options=Options(maps=("=cmd=-",), dry_run=True))
    assert errors_csv(report).splitlines()[0] == "line,column,what is wrong" and report.errors == 1
    assert not any(line.startswith(("=", "2,=")) for line in errors_csv(report).splitlines())
