"""Files of contacts, events, deals, costs and suppressions: mapped, checked row by row, and the same twice is nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.access import COMMAND_LINE, Actor
from engine.activity import intake
from engine.errors import BadInput, Forbidden
from engine.people import consent, contacts, fields
from engine.service import importing
from engine.service.importing import Options, Report, job
from engine.service.importing.contacts import parse_consent
from engine.store import Store

from ..conftest import NOW

KINDS = {"contacts": importing.import_contacts, "events": importing.import_events, "deals": importing.import_deals,
         "costs": importing.import_costs, "suppressions": importing.import_suppressions}


class Desk:
    """A store and a folder: `desk.contacts("email\\nada@x.test")` imports that text."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder = store, folder

    def __getattr__(self, kind: str) -> Any:
        def do(text: str, *maps: str, by: Actor = COMMAND_LINE, now: int = NOW, **more: Any) -> Report:
            path = self.folder / "f.csv"
            path.write_text(text, encoding="utf-8")
            given = {name: more.pop(name) for name in ("dates", "numbers", "dry_run", "live") if name in more}
            return KINDS[kind](self.store, str(path), by=by, now=now, options=Options(maps=maps, **given), **more)

        return do


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    return Desk(store, tmp_path)


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.created, report.updated, report.unchanged, report.errors


def count(store: Store, table: str) -> int:
    return int(store.one(f"SELECT COUNT(*) FROM {table}"))


# ------------------------------------------------------------ contacts


PEOPLE = """email,external_id,first_name,Size,VIP,Since,account,tags,lists,email_consent
ada@x.test,A1,Ada,12,true,2026-03-01,Acme,vip;new,News,subscribed
bo@x.test,B2,Bo,,false,2026-03-02,ACME,,News;Beta,unsubscribed
CY@X.test,C3,,7.5,,,,,,
"""


def test_a_file_of_contacts_fills_everything(desk: Desk) -> None:
    report = desk.contacts(PEOPLE)
    assert counts(report) == (3, 0, 0, 0) and report.read == 3
    assert report.columns["Size"] == "Size" and report.more["new_fields"] == {"Size": "number", "VIP": "bool", "Since": "date"}
    ada = contacts.get(desk.store, "ada@x.test")
    assert (ada.external_id, ada.first_name, ada.account) == ("A1", "Ada", "Acme")
    assert ada.fields == {"Size": 12, "VIP": True, "Since": "2026-03-01"}
    assert ada.tags == ("new", "vip") and ada.lists == ("News",) and ada.source == "import f.csv"
    bo = contacts.get(desk.store, "b2")
    assert bo.account == "Acme" and bo.lists == ("Beta", "News") and count(desk.store, "account") == 1
    assert [consent.state(desk.store, who, "email") for who in (ada.id, bo.id)] == ["subscribed", "unsubscribed"]


def test_the_same_file_twice_changes_nothing(desk: Desk) -> None:
    desk.contacts(PEOPLE, agreed=[parse_consent("sms:subscribed:fair")], list_name="Fair")
    tables = ("contact", "identifier", "contact_change", "dirty_contact", "consent", "contact_tag", "contact_list", "field")
    before = {table: count(desk.store, table) for table in tables}
    report = desk.contacts(PEOPLE, agreed=[parse_consent("sms:subscribed:fair")], list_name="Fair", now=NOW + 100)
    assert counts(report) == (0, 0, 3, 0) and {table: count(desk.store, table) for table in tables} == before


def test_rows_of_one_contact_in_one_file_add_up(desk: Desk) -> None:
    text = "email,first_name,last_name\nada@x.test,Ada,Gómez\nADA@x.test ,,Gomez\n"
    assert counts(desk.contacts(text)) == (1, 1, 0, 0)
    assert counts(desk.contacts(text)) == (0, 0, 2, 0)
    assert contacts.get(desk.store, "ada@x.test").last_name == "Gomez"


def test_an_empty_cell_keeps_and_a_filled_one_changes(desk: Desk) -> None:
    desk.contacts(PEOPLE)
    report = desk.contacts("email,first_name,Size\nada@x.test,,13\nbo@x.test,Bob,\n")
    assert counts(report) == (0, 2, 0, 0)
    assert contacts.get(desk.store, "A1").fields["Size"] == 13 and contacts.get(desk.store, "A1").first_name == "Ada"
    assert desk.store.rows("SELECT name, old, new, source FROM contact_change WHERE kind = 'field' ORDER BY name") == [
        ("first_name", "Bo", "Bob", "import f.csv"), ("size", "12", "13", "import f.csv")]


def test_a_new_tag_or_word_is_an_update(desk: Desk) -> None:
    desk.contacts("email\nada@x.test\n")
    assert counts(desk.contacts("email,tags\nada@x.test,vip\n")) == (0, 1, 0, 0)
    assert counts(desk.contacts("email,email_consent\nada@x.test,subscribed\n")) == (0, 1, 0, 0)
    assert counts(desk.contacts("email,lists\nada@x.test,News\n")) == (0, 1, 0, 0)


def test_bad_rows_are_named_and_the_others_are_taken(desk: Desk) -> None:
    fields.define(desk.store, "Size", "number", by=COMMAND_LINE, now=NOW)
    desk.contacts("email,external_id\na@x.test,A1\n,B2\n")
    report = desk.contacts('email,external_id,Size,time_zone,email_consent\nc@x.test,,12,Europe/Berlin,\n'
                           'd@x.test,,big,,\na@x.test,B2,,,\nnot an address,,,,\n,,1,,\n"e@x.test\n",,1,Mars/One,\n'
                           'f@x.test,,1,,perhaps\na@x.test,B9,,,\n')
    assert report.created == 1 and contacts.find(desk.store, "c@x.test")
    assert [(one.line, one.column) for one in sorted(report.rows_in_error, key=lambda one: one.line)] == [
        (3, "Size"), (4, None), (5, "email"), (6, None), (7, "time_zone"), (9, "email_consent"), (10, "external_id")]
    both = next(one.message for one in report.rows_in_error if one.line == 4)
    assert "a@x.test" in both and "B2" in both
    assert report.read == report.created + report.updated + report.unchanged + report.skipped + report.errors


def test_columns_find_their_fields(desk: Desk) -> None:
    report = desk.contacts("Email,First Name,Tags,,id no,\nada@x.test,Ada,x,y,7,\n", "id no=external_id", "Tags=-")
    assert report.columns == {"Email": "email", "First Name": "First Name", "Tags": None, "column 4": "column 4",
                              "id no": "external_id"}
    assert contacts.get(desk.store, "7").fields == {"First Name": "Ada", "column 4": "y"}
    assert any('--map "First Name=first_name"' in note for note in report.notes)
    again = desk.contacts("FIRST NAME,email\nAdele,ada@x.test\n")
    assert again.columns == {"FIRST NAME": "First Name", "email": "email"}
    assert contacts.get(desk.store, "7").fields["First Name"] == "Adele"


def test_a_column_of_capitals_is_a_field_where_lower_case_would_be_tags(desk: Desk) -> None:
    desk.contacts("email,Tags\nada@x.test,Ringing\n")
    assert counts(desk.contacts("email,Tags\nada@x.test,Ringing\n")) == (0, 0, 1, 0)
    ada = contacts.get(desk.store, "ada@x.test")
    assert ada.tags == () and ada.fields == {"Tags": "Ringing"}


def test_two_columns_of_one_name_are_kept_apart(desk: Desk) -> None:
    report = desk.contacts("email,note,note\nada@x.test,a,b\n")
    assert report.columns["note (2)"] == "note (2)"
    assert contacts.get(desk.store, "ada@x.test").fields == {"note": "a", "note (2)": "b"}
    with pytest.raises(BadInput, match="two columns are called 'email'"):
        desk.contacts("email,email\na@x.test,b@x.test\n")


@pytest.mark.parametrize(("text", "maps", "why"), [
    ("email,x\na@x.test,1\n", ["nosuch=email"], "no column 'nosuch'; it has email, x"),
    ("email,x\na@x.test,1\n", ["x=fist_name"], "did you mean 'first_name'"),
    ("email,x\na@x.test,1\n", ["x=hash31"], "kept for the engine"),
    ("email,x\na@x.test,1\n", ["x"], "write column=field"),
    ("email,x\na@x.test,1\n", ["x=email"], "both fill 'email'"),
    ("email,x\na@x.test,1\n", ["x=a", "x=b"], "mapped twice"),
    ("email,x\na@x.test,1\n", ["email=other"], "no column fills email or external_id"),
    ("name\nAda\n", [], "no column fills email or external_id"),
    ("email,id\na@x.test,1\n", [], "map it with"),
    ("email,d\na@x.test,1/2/2026\n", [], "--dates dmy or --dates mdy"),
    ("email;n\na@x.test;1.234\n", [], "--numbers point or --numbers comma"),
])
def test_a_bad_mapping_changes_nothing(desk: Desk, text: str, maps: list[str], why: str) -> None:
    with pytest.raises(BadInput, match=why):
        desk.contacts(text, *maps)
    assert count(desk.store, "contact") == count(desk.store, "field") == count(desk.store, "import_batch") == 0


def test_dates_are_read_day_first_or_month_first(desk: Desk) -> None:
    desk.contacts("email;d\na@x.test;1.08.2019\nb@x.test;31.08.2019\n")
    assert contacts.get(desk.store, "a@x.test").fields == {"d": "2019-08-01"}
    desk.contacts("email;d\na@x.test;3/4/2026\n", dates="mdy")
    assert contacts.get(desk.store, "a@x.test").fields == {"d": "2026-03-04"}
    refused = desk.contacts("email;d\na@x.test;5.5.2026\nb@x.test;soon\n", dates="dmy")
    assert counts(refused) == (0, 1, 0, 1) and refused.rows_in_error[0].column == "d"


def test_numbers_are_read_with_a_point_or_a_comma(desk: Desk) -> None:
    desk.contacts("email;n\na@x.test;1.234\n", numbers="comma")
    assert contacts.get(desk.store, "a@x.test").fields == {"n": 1234.0}
    desk.contacts("email;n\na@x.test;1.234\n", numbers="point")
    assert contacts.get(desk.store, "a@x.test").fields == {"n": 1.234}


def test_a_field_of_a_kind_that_is_asked_for(desk: Desk) -> None:
    report = desk.contacts("email,mail?\na@x.test,Yes\nb@x.test,No\n", "mail?=No mail:bool")
    assert report.more["new_fields"] == {"No mail": "bool"}
    assert contacts.get(desk.store, "a@x.test").fields == {"No mail": True}


def test_a_dry_run_says_what_would_happen_and_changes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.service.importing.job.CHUNK", 2)
    desk.contacts("email,first_name\nada@x.test,Ada\n")
    tables = ("contact", "identifier", "contact_change", "field", "consent", "tag", "account", "import_batch", "audit")
    before = {table: count(desk.store, table) for table in tables}
    text = PEOPLE + "cy@x.test,,Cyrus,,,,,,,\nbad,,,,,,,,,\n"
    report = desk.contacts(text, dry_run=True)
    assert report.dry_run and {table: count(desk.store, table) for table in tables} == before
    real = desk.contacts(text)
    assert counts(report) == counts(real) == (2, 2, 0, 1)


def test_an_import_never_takes_back_a_no(desk: Desk) -> None:
    desk.contacts("email,email_consent\nada@x.test,unsubscribed\nbo@x.test,bounced\ncy@x.test,complained\n")
    consent.suppress(desk.store, "di@x.test", reason="asked", by=COMMAND_LINE, now=NOW)
    report = desk.contacts("email\nada@x.test\nbo@x.test\ncy@x.test\ndi@x.test\nev@x.test\n",
                           agreed=[parse_consent("email:subscribed:old list")], now=NOW + 9)
    assert report.more["consent"] == {"recorded": 1, "kept": 3, "suppressed": 1}
    assert len(report.notes) == 2
    found = {name: consent.state(desk.store, contacts.get(desk.store, f"{name}@x.test").id, "email")
             for name in ("ada", "bo", "cy", "di", "ev")}
    assert found == {"ada": "unsubscribed", "bo": "bounced", "cy": "complained", "di": None, "ev": "subscribed"}
    assert consent.is_suppressed(desk.store, "di@x.test")
    assert desk.store.row("SELECT source, basis FROM consent WHERE status = 'subscribed'") == ("old list", "import")


def test_the_own_word_of_a_row_goes_before_that_of_the_file(desk: Desk) -> None:
    desk.contacts("email,email_consent\nada@x.test,unsubscribed\nbo@x.test,\n",
                  agreed=[parse_consent("email:subscribed:form")])
    assert consent.state(desk.store, contacts.get(desk.store, "ada@x.test").id, "email") == "unsubscribed"
    assert consent.state(desk.store, contacts.get(desk.store, "bo@x.test").id, "email") == "subscribed"


@pytest.mark.parametrize("text", ["email", "email:subscribed", "fax:subscribed:x", "email:maybe:x", "email:subscribed: "])
def test_a_bad_consent_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse_consent(text)


def test_chunks_are_transactions_and_an_import_that_died_can_be_repeated(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.service.importing.job.CHUNK", 10)
    text = "email,n\n" + "".join(f"p{i}@x.test,{i}\n" for i in range(35))
    commits = 0

    def die(statement: str) -> None:
        nonlocal commits
        commits += statement == "COMMIT"
        if commits == 4:  # the note that it began, then two chunks
            raise KeyboardInterrupt

    desk.store.on_statement = die
    with pytest.raises(KeyboardInterrupt):
        desk.contacts(text)
    desk.store.on_statement = None
    assert count(desk.store, "contact") == 20
    assert counts(desk.contacts(text)) == (15, 0, 20, 0) and count(desk.store, "identifier") == 35


def test_an_import_is_noted_and_needs_the_role(desk: Desk) -> None:
    with pytest.raises(Forbidden):
        desk.contacts("email\na@x.test\n", by=Actor("Sal", "sales"))
    desk.contacts("email\na@x.test\n")
    kind, file, actor, noted = desk.store.row("SELECT kind, file, actor, counts FROM import_batch") or ()
    assert (kind, file, actor) == ("contacts", "f.csv", "command line") and json.loads(noted)["created"] == 1
    assert desk.store.rows("SELECT action, subject FROM audit WHERE action = 'import'") == [("import", "contacts")]


# ------------------------------------------------------------ events


EVENTS = """email,event,occurred_at,path,amount,ok,value,currency
ada@x.test,page_view,2026-03-01T10:00:00Z,/Pricing,3,true,,
ada@x.test,page_view,2026-03-01T10:00:00Z,/Pricing,3,true,,
ADA@x.test,purchase,1772359200,,2.5,,12.34,EUR
bo@x.test,purchase,2026-03-02 08:00,,,false,5,JPY
"""


def events(store: Store) -> list[dict[str, Any]]:
    found = store.records("SELECT c.email, e.name, e.object, e.occurred_at, e.value_minor, e.currency, e.props, e.historic "
                          "FROM event e JOIN contact c ON c.id = e.contact_id ORDER BY e.id")
    return [row | {"props": json.loads(row["props"])} for row in found]


def test_events_come_in_once_with_typed_properties(desk: Desk) -> None:
    assert counts(desk.events(EVENTS)) == (3, 0, 1, 0)
    view, bought, other = events(desk.store)
    assert view["object"] == "/pricing" and view["props"] == {"path": "/Pricing", "amount": 3, "ok": True}
    assert view["historic"] == 1 and view["occurred_at"] == 1772359200
    assert (bought["email"], bought["value_minor"], bought["currency"]) == ("ada@x.test", 1234, "EUR")
    assert bought["props"] == {"amount": 2.5} and (other["value_minor"], other["currency"]) == (5, "JPY")
    assert counts(desk.events(EVENTS, now=NOW + 50)) == (0, 0, 4, 0) and count(desk.store, "event") == 3


def test_events_with_an_id_are_known_by_it(desk: Desk) -> None:
    text = "external_id,event,occurred_at,message_id\nA1,x,2026-03-01,m1\nA1,x,2026-03-01,m2\n"
    assert counts(desk.events(text)) == (2, 0, 0, 0)
    assert counts(desk.events(text.replace("2026-03-01,m2", "2026-03-05,m2"))) == (0, 0, 2, 0)


def test_live_events_are_not_historic(desk: Desk) -> None:
    desk.events("email,event,occurred_at\na@x.test,x,2026-03-01\n", live=True)
    assert events(desk.store)[0]["historic"] == 0


def test_bad_events_are_named(desk: Desk) -> None:
    report = desk.events("email,event,occurred_at,value\na@x.test,,2026-03-01,\na@x.test,x,,\nnobody,x,2026-03-01,\n"
                         "a@x.test,x,someday,\na@x.test,x,2026-03-01,much\n,x,2026-03-01,\na@x.test,x,2026-03-01,1\n")
    assert [(one.line, one.column) for one in report.rows_in_error] == [
        (2, "event"), (3, "occurred_at"), (4, "email"), (5, "occurred_at"), (6, "value"), (7, "external_id")]
    assert report.created == 1
    for text, why in (("email,occurred_at\na@x.test,2026-01-01\n", "fills event"),
                      ("event,occurred_at\nx,2026-01-01\n", "email")):
        with pytest.raises(BadInput, match=why):
            desk.events(text)


def test_columns_of_events_can_be_renamed(desk: Desk) -> None:
    desk.events("who;what;when;Page\na@x.test;seen;31.12.2025 10:00;/x\n", "who=email", "what=event", "when=occurred_at",
                "Page=object")
    assert (events(desk.store)[0]["object"], events(desk.store)[0]["occurred_at"]) == ("/x", 1767175200)


def test_a_dry_run_of_events_changes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.service.importing.job.CHUNK", 1)
    assert counts(desk.events(EVENTS, dry_run=True)) == (3, 0, 1, 0)
    assert count(desk.store, "event") == count(desk.store, "contact") == 0
    assert intake.take(desk.store, now=NOW) == 0


# ------------------------------------------------------------ deals


DEALS = """deal_id,email,name,stage,amount,currency,created_at,closed_at,won,source_campaign
D1,ada@x.test;bo@x.test,Big,won,"1,000.50",EUR,2026-01-01,2026-02-01,yes,Spring
D2,cy@x.test,Small,open,10,JPY,2026-01-05,,,
"""


def test_deals_are_kept_by_their_id_and_tell_what_became_of_them(desk: Desk) -> None:
    desk.contacts("email\nada@x.test\n")
    assert counts(desk.deals(DEALS)) == (2, 0, 0, 0)
    assert desk.store.rows("SELECT deal_id, amount_minor, currency, won, source_campaign FROM deal ORDER BY deal_id") == [
        ("D1", 100050, "EUR", 1, "Spring"), ("D2", 10, "JPY", None, None)]
    assert count(desk.store, "contact") == 3 and count(desk.store, "deal_contact") == 3
    assert intake.take(desk.store, now=NOW) == 5
    told = [(one["email"], one["name"], one["object"], one["value_minor"], one["historic"]) for one in events(desk.store)]
    assert sorted(one[:3] for one in told) == [
        ("ada@x.test", "deal_created", "d1"), ("ada@x.test", "deal_won", "d1"), ("bo@x.test", "deal_created", "d1"),
        ("bo@x.test", "deal_won", "d1"), ("cy@x.test", "deal_created", "d2")]
    assert sum(one[3] or 0 for one in told) == 100050 and {one[4] for one in told} == {1}
    assert counts(desk.deals(DEALS, now=NOW + 9)) == (0, 0, 2, 0) and intake.take(desk.store, now=NOW) == 0


def test_a_deal_that_is_won_later_says_so_once(desk: Desk) -> None:
    desk.deals(DEALS)
    intake.take(desk.store, now=NOW)
    report = desk.deals("deal_id,won\nD2,1\n", now=NOW + 60, live=True)
    assert counts(report) == (0, 1, 0, 0)
    assert desk.store.row("SELECT won, closed_at, amount_minor, stage FROM deal WHERE deal_id = 'D2'") == (
        1, NOW + 60, 10, "open")
    assert intake.take(desk.store, now=NOW + 60) == 1
    assert (events(desk.store)[-1]["email"], events(desk.store)[-1]["historic"]) == ("cy@x.test", 0)
    assert counts(desk.deals("deal_id,won\nD2,1\n", now=NOW + 99)) == (0, 0, 1, 0)


def test_bad_deals_are_named(desk: Desk) -> None:
    desk.contacts("email,external_id\na@x.test,A1\nb@x.test,B2\n")
    report = desk.deals("deal_id,email,external_id,amount,currency,won,closed_at\n,a@x.test,,,,,\nD1,,,lots,EUR,,\n"
                        "D2,,,1,Euro,,\nD3,,,,,maybe,\nD4,,,,,,someday\nD5,a@x.test,B2,,,,\nD6,oops,,,,,\n")
    assert [(one.line, one.column) for one in sorted(report.rows_in_error, key=lambda one: one.line)] == [
        (2, "deal_id"), (3, "amount"), (4, "currency"), (5, "won"), (6, "closed_at"), (7, None), (8, "email")]
    assert count(desk.store, "deal") == 0


def test_a_dry_run_of_deals_changes_nothing(desk: Desk) -> None:
    assert counts(desk.deals(DEALS, dry_run=True)) == (2, 0, 0, 0)
    assert count(desk.store, "deal") == count(desk.store, "contact") == 0 and intake.take(desk.store, now=NOW) == 0


# ------------------------------------------------------------ costs and suppressions


COSTS = """campaign;channel;category;amount;currency;from;to;hours;rate
Spring;Google Ads;ads;1.234,50;EUR;01.03.2026;31.03.2026;;
Spring;;;;EUR;15.03.2026;;2,5;80
Spring;;;;EUR;15.03.2026;;2,5;80
;;;x;EUR;15.03.2026;;;
"""


def test_costs_are_written_once_and_equal_rows_are_two_costs(desk: Desk) -> None:
    report = desk.costs(COSTS)
    assert counts(report) == (3, 0, 0, 1) and report.rows_in_error[0].line == 5
    assert desk.store.rows("SELECT amount_minor, from_at, until_at FROM cost ORDER BY id")[0] == (
        123450, 1772323200, 1772323200 + 31 * 86_400)
    assert counts(desk.costs(COSTS)) == (0, 0, 3, 1)
    with pytest.raises(BadInput, match="fills currency"):
        desk.costs("campaign,amount,from\nx,1,2026-01-01\n")


def test_a_dry_run_of_costs_changes_nothing(desk: Desk) -> None:
    assert counts(desk.costs(COSTS, dry_run=True)) == (3, 0, 0, 1) and count(desk.store, "cost") == 0


def test_suppressions_hold_whoever_comes_later(desk: Desk) -> None:
    text = "address,reason,at\nAda@X.test,unsubscribed,2025-05-05\nada@x.test,again,\n+49 170 123456,stop,\nnobody,x,\n,x,\n"
    report = desk.suppressions(text)
    assert counts(report) == (2, 0, 1, 2)
    assert [(one.line, one.column) for one in report.rows_in_error] == [(5, "address"), (6, "address")]
    assert desk.store.rows("SELECT reason, channel FROM suppression ORDER BY id") == [
        ("unsubscribed", "email"), ("stop", "sms")]
    assert counts(desk.suppressions(text)) == (0, 0, 3, 2)
    desk.contacts("email\nada@x.test\n", agreed=[parse_consent("email:subscribed:x")])
    assert consent.is_suppressed(desk.store, "ada@x.test")


# ------------------------------------------------------------ files without a header, without an identity, with odd dates


def test_columns_of_a_file_without_a_header_are_named(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("  ada@x.test   7  19970131\n bo@x.test  8  19970228\n")
    options = Options(columns=("email", "external_id", "Since"), maps=("Since=Since:date",))
    report = importing.import_contacts(desk.store, str(tmp_path / "plain.txt"), by=COMMAND_LINE, now=NOW, options=options)
    assert counts(report) == (2, 0, 0, 0)
    assert contacts.get(desk.store, "7").fields == {"Since": "1997-01-31"}


def test_a_number_that_is_no_day_makes_the_column_a_number(desk: Desk) -> None:
    desk.contacts("email,n\na@x.test,19970131\nb@x.test,19971399\n")
    assert contacts.get(desk.store, "a@x.test").fields == {"n": 19_970_131}


def test_columns_that_the_file_lacks_are_added(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text('city\n"Berlin"\nRome\n')
    options = Options(added=("external_id=#", "source=fair"))
    for expected in ((2, 0, 0, 0), (0, 0, 2, 0)):
        report = importing.import_contacts(desk.store, str(tmp_path / "f.csv"), by=COMMAND_LINE, now=NOW, options=options)
        assert counts(report) == expected
    assert contacts.get(desk.store, "f.csv:3").source == "fair"


@pytest.mark.parametrize(("added", "why"), [("event", "write COLUMN=VALUE"), ("email=x", "has a column 'email' already")])
def test_a_column_that_can_not_be_added(desk: Desk, tmp_path: Path, added: str, why: str) -> None:
    (tmp_path / "f.csv").write_text("email\na@x.test\n")
    options = Options(added=(added,))
    with pytest.raises(BadInput, match=why):
        importing.import_contacts(desk.store, str(tmp_path / "f.csv"), by=COMMAND_LINE, now=NOW, options=options)
    assert count(desk.store, "contact") == 0


# ------------------------------------------------------------ what the planner knows


def test_after_many_new_rows_a_server_learns_how_large_its_tables_are(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "MANY", 2)
    told: list[str] = []
    known = desk.store.after_fill
    monkeypatch.setattr(desk.store, "after_fill", lambda table: (told.append(table), known(table)))
    desk.contacts("email\na@x.test\n")
    assert "contact" not in told, "one row changes no plan"
    desk.contacts("email\nb@x.test\nc@x.test\n")
    assert {"contact", "identifier"} <= set(told)
    if desk.store.backend == "postgresql":
        assert desk.store.one("SELECT r.reltuples FROM pg_class r WHERE r.oid = 'contact'::regclass") == 3
