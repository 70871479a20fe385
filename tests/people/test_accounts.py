"""Companies: who belongs to them by domain, what their people add up to, roles, and what rules hear of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.access import COMMAND_LINE, Actor
from engine.activity import events
from engine.audience import segments, watch
from engine.errors import BadInput, Conflict, Forbidden
from engine.people import accounts, contacts, deals, domains, employers
from engine.service import importing
from engine.store import Store

from ..conftest import NOW

DAY = 86_400
VIEWER = Actor("Vi", "viewer")


def save(store: Store, now: int = NOW, **values: object) -> int:
    return contacts.save(store, values, by=COMMAND_LINE, now=now, source="test").id


def company(store: Store, name: str, **facts: object) -> int:
    with store.transaction():
        number = accounts.ensure_many(store, [name], now=NOW)[name]
    if facts:
        employers.edit(store, number, facts, by=COMMAND_LINE, now=NOW)
    return number


def refresh(store: Store, now: int = NOW) -> None:
    watch.refresh(store, now=now, upto=events.last_id(store))


def account_of(store: Store, who: int) -> str | None:
    return contacts.get(store, who).account


@pytest.mark.parametrize(("given", "domain"), [("https://www.Acme.com/about", "acme.com"), ("ada@acme.co.uk", "acme.co.uk"),
                                               ("MÜNCHEN.de", "xn--mnchen-3ya.de"), ("acme.com:8080", "acme.com")])
def test_a_domain_has_one_spelling(given: str, domain: str) -> None:
    assert domains.check(given) == domain


@pytest.mark.parametrize("given", ["gmail.com", "web.de", "co.uk", "acme", "not a domain", "-.com", "qq.com"])
def test_what_is_no_companys_domain_is_refused(given: str) -> None:
    with pytest.raises(BadInput):
        domains.check(given)


def test_people_come_to_the_company_of_their_domain(store: Store) -> None:
    acme = company(store, "Acme", domain="acme.com")
    bo = company(store, "Bo & Co", domain="eu.acme.com")
    ada, eve, free = (save(store, email=one) for one in ("ada@acme.com", "eve@mail.eu.acme.com", "ada@gmail.com"))
    assert (account_of(store, ada), account_of(store, eve), account_of(store, free)) == ("Acme", "Bo & Co", None)
    told = save(store, email="told@acme.com", account_id=bo)
    assert account_of(store, told) == "Bo & Co", "a row's own word goes first"
    save(store, email="ada@acme.com", account_id=contacts.CLEAR)
    save(store, email="ada@acme.com", first_name="Ada")
    assert account_of(store, ada) is None, "taken away by hand, an old address brings nobody back"
    late = save(store, external_id="X1")
    save(store, external_id="X1", email="late@acme.com")
    assert account_of(store, late) == "Acme" and acme


def test_a_new_domain_brings_its_people_and_belongs_to_one_company(store: Store) -> None:
    ada, near, other = (save(store, email=one) for one in ("ada@acme.com", "x@notacme.com", "y@sub.acme.com"))
    acme, bo = company(store, "Acme"), company(store, "Bo")
    assert employers.edit(store, acme, {"Domain": "www.acme.com", "employees": "1,200"}, by=COMMAND_LINE, now=NOW + 1) == 2
    assert [account_of(store, who) for who in (ada, near, other)] == ["Acme", None, "Acme"]
    assert accounts.get(store, acme).facts["employees"] == 1_200
    with pytest.raises(Conflict, match="Acme"):
        employers.edit(store, bo, {"domain": "acme.com"}, by=COMMAND_LINE, now=NOW)
    with pytest.raises(BadInput, match="there is no field 'size'"):
        employers.edit(store, bo, {"size": "5"}, by=COMMAND_LINE, now=NOW)
    with pytest.raises(BadInput, match="employees: 'many' is not a number"):
        employers.edit(store, bo, {"employees": "many"}, by=COMMAND_LINE, now=NOW)
    with pytest.raises(Forbidden):
        employers.edit(store, bo, {"industry": "x"}, by=VIEWER, now=NOW)


def test_linking_everybody_makes_companies_of_domains_and_says_who_stays(store: Store) -> None:
    company(store, "Acme", domain="acme.com")
    for one in ("a@birch.io", "b@birch.io", "c@cedar.io", "d@gmail.com"):
        save(store, email=one)
    assert employers.link(store, by=COMMAND_LINE, now=NOW) == employers.Linked(0, 0, {
        "no company has the domain": 3, "address of a mailbox provider": 1})
    done = employers.link(store, create=True, at_least=2, by=COMMAND_LINE, now=NOW)
    assert done == employers.Linked(1, 2, {"no company has the domain": 1, "address of a mailbox provider": 1})
    assert accounts.find_page(store, "birch")[0].people.tolist() == [2]


def test_people_add_up_on_their_company(store: Store) -> None:
    acme = company(store, "Acme")
    ada, bo, cy = (save(store, email=f"{name}@x.test", account_id=acme) for name in ("ada", "bo", "cy"))
    with store.transaction():
        contacts.set_scores(store, [(ada, {"engagement": 30, "fit": 10}), (bo, {"engagement": 5, "fit": 40})], now=NOW)
        deals.upsert_many(store, [
            {"deal_id": "1", "contact_ids": [ada, bo], "amount_minor": 500, "currency": "EUR"},
            {"deal_id": "2", "contact_ids": [cy], "amount_minor": 700, "currency": "USD"},
            {"deal_id": "3", "contact_ids": [cy], "amount_minor": 9, "currency": "USD", "won": 1}], now=NOW)
        events.insert_events(store, [
            {"contact_id": who, "name": name, "occurred_at": NOW - ago, "received_at": NOW, "props": "{}", "dedupe_key": name,
             "source": source, "verdict": verdict} for who, name, ago, source, verdict in (
                 (ada, "page_view", 3 * DAY, "web", None), (bo, "email_sent", DAY, "delivery", None),
                 (bo, "email_opened", DAY, "web", "machine"))])
    refresh(store)
    found = accounts.get(store, acme)
    assert (found.people, found.score, found.open_deals, found.won_deals) == (3, 35 + 40, 2, 1)
    assert found.last_active_at == (NOW - 3 * DAY) // DAY * DAY, "neither our own mail nor a machine is an activity"
    assert found.score_words == "75 = 35 engagement of 3 people + 40 for the best fit among them"
    assert [(one.won, one.currency, one.count, one.amount_minor) for one in accounts.money(store, acme)] == [
        (None, "EUR", 1, 500), (None, "USD", 1, 700), (1, "USD", 1, 9)]
    assert [one.deal_id for one in accounts.deals(store, acme)] == ["1", "2", "3"] or len(accounts.deals(store, acme)) == 3
    contacts.erase(store, bo, by=COMMAND_LINE, now=NOW + 5)
    save(store, now=NOW + 5, email="cy@x.test", account_id=contacts.CLEAR)
    refresh(store, NOW + 5)
    assert [getattr(accounts.get(store, acme), name) for name in ("people", "score", "open_deals")] == [1, 40, 1]
    assert accounts.roll_up_everything(store, now=NOW + 6) == 0, "kept bit by bit as by working it all out"


def test_a_role_is_said_at_a_company_and_left_there(store: Store) -> None:
    acme, birch = company(store, "Acme"), company(store, "Birch")
    ada, bo, lone = save(store, email="ada@x.test", account_id=acme), save(store, email="bo@x.test", account_id=acme), \
        save(store, email="lone@x.test")
    segments.save(store, "Champions", {"buying_role": "Champion"}, by=COMMAND_LINE, now=NOW)
    segments.save(store, "Sponsored", {"account": "roles", "op": "contains", "value": "champion"}, by=COMMAND_LINE, now=NOW)
    assert employers.set_roles(store, ada, ["decision-maker", "champion"], by=COMMAND_LINE, now=NOW) == (
        "decision maker", "champion")
    refresh(store)
    assert members(store, "Champions") == {ada} and members(store, "Sponsored") == {ada, bo}
    save(store, email="ada@x.test", account_id=birch)
    refresh(store, NOW + 1)
    assert members(store, "Champions") == set() and members(store, "Sponsored") == set()
    with pytest.raises(Conflict):
        employers.set_roles(store, lone, ["user"], by=COMMAND_LINE, now=NOW)
    with pytest.raises(BadInput, match="choose one of champion"):
        employers.set_roles(store, ada, ["boss"], by=COMMAND_LINE, now=NOW)


def members(store: Store, name: str) -> set[int]:
    return {row[0] for row in store.rows("SELECT m.contact_id FROM segment_member m JOIN segment s ON s.id = m.segment_id "
                                         "WHERE s.name = :name", name=name)}


def test_companies_come_from_a_file(store: Store, tmp_path: Path) -> None:
    ada = save(store, email="ada@acme.com")
    company(store, "Birch", domain="birch.io", employees=5)
    file = tmp_path / "companies.csv"
    file.write_text("Name,domain,employees,industry,note\nAcme,www.acme.com,\"1,200\",retail,x\nBIRCH,birch.io,5,,\n"
                    "Cedar,birch.io,1,,\nDogwood,gmail.com,1,,\n,x.io,1,,\nElm,elm.io,many,,\nFir,acme.com,,,\n")
    report = importing.import_accounts(store, str(file), by=COMMAND_LINE, now=NOW + 1)
    assert (report.created, report.updated, report.unchanged, report.errors) == (1, 0, 1, 5)
    assert [(one.line, one.column) for one in report.rows_in_error] == [
        (4, "domain"), (5, "domain"), (6, "Name"), (7, "employees"), (8, "domain")]
    assert "belongs to Birch already" in report.rows_in_error[0].message
    assert report.more["linked"] == 1 and account_of(store, ada) == "Acme" and report.more["new_fields"] == {"note": "text"}
    assert accounts.get(store, accounts.must_find(store, "acme")).facts["employees"] == 1_200
    again = importing.import_accounts(store, str(file), by=COMMAND_LINE, now=NOW + 2)
    assert (again.created, again.updated, again.unchanged) == (0, 0, 2)
    file.write_text("company,size\nAcme,7\n")
    mapped = importing.Options(maps=("company=name", "size=employees"))
    assert importing.import_accounts(store, str(file), by=COMMAND_LINE, now=NOW + 3, options=mapped).updated == 1
