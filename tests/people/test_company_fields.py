"""Fields of companies that the team makes: filled from files and calls, typed, in rules, templates and copies."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.access import COMMAND_LINE
from engine.activity import inbox
from engine.activity.inbox import Item
from engine.activity.intake import refusals, take
from engine.audience import explaining, segments
from engine.config import Config
from engine.content import lint, templates
from engine.content.context import Readers
from engine.errors import BadInput
from engine.loop.simulate import copying
from engine.people import accounts, contacts, employers, fields
from engine.service import importing
from engine.store import Store

from ..conftest import NOW
from .test_accounts import DAY, company, members, refresh, save

BY = {"by": COMMAND_LINE, "now": NOW}


def define(store: Store, name: str, kind: str, *options: str) -> fields.Field:
    return fields.define(store, name, kind, options=options, entity=accounts.COMPANY, **BY)


def known_facts(store: Store, name: str) -> dict[str, object]:
    return {key: value for key, value in accounts.get(store, accounts.must_find(store, name)).fields.items()
            if value is not None}


def test_a_file_fills_and_makes_them_and_a_wrong_type_is_refused_by_row_and_column(store: Store, tmp_path: Path) -> None:
    define(store, "Plan", "enum", "Free", "Gold")
    file = tmp_path / "companies.csv"
    file.write_text("name,plan,Seats,Renews,people\nAcme,gold,25,2027-01-31,9\nBirch,silver,3,2027-02-28,9\n"
                    "Cedar,,many,2027-02-28,9\n")
    mapped = importing.Options(maps=("Seats=Seats:number",))
    trial = importing.import_accounts(store, str(file), options=importing.Options(maps=mapped.maps, dry_run=True), **BY)
    assert set(accounts.catalogue(store)) == {*accounts.FIELDS, "plan"}, "a dry run makes no field"
    report = importing.import_accounts(store, str(file), options=mapped, **BY)
    assert (report.created, report.errors) == (trial.created, trial.errors) == (1, 2)
    assert [(one.line, one.column, one.message) for one in report.rows_in_error] == [
        (3, "plan", "'silver' is not one of Free, Gold"), (4, "Seats", "'many' is not a number")]
    assert report.more["new_fields"] == {"Seats": "number", "Renews": "date"}
    assert report.columns["people"] is None, "what people add up to is not for a file to say"
    assert known_facts(store, "Acme") == {"Plan": "Gold", "Seats": 25, "Renews": "2027-01-31"}
    assert importing.import_accounts(store, str(file), options=mapped, by=COMMAND_LINE, now=NOW + 1).unchanged == 1
    assert "plan" not in fields.catalogue(store), "contacts have fields of their own"
    with pytest.raises(BadInput, match="kept for the engine"):
        define(store, "Score", "number")
    with pytest.raises(BadInput, match="Seats: 'x' is not a number"):
        employers.edit(store, 1, {"seats": "x"}, **BY)


def test_a_rule_hears_of_everybody_at_the_company(store: Store) -> None:
    define(store, "Plan", "enum", "Free", "Gold")
    define(store, "Renewed", "datetime")
    acme = company(store, "Acme")
    ada, bo, _ = save(store, email="ada@x.test", account_id=acme), save(store, email="bo@x.test", account_id=acme), \
        save(store, email="cy@x.test")
    segments.save(store, "Gold", {"account": "plan", "op": "is", "value": "gold"}, **BY)
    segments.save(store, "Fresh", {"account": "Renewed", "op": "within_last", "value": "2d"}, **BY)
    employers.edit(store, acme, {"plan": "gold", "renewed": str(NOW)}, by=COMMAND_LINE, now=NOW + 1)
    refresh(store, NOW + 1)
    assert members(store, "Gold") == members(store, "Fresh") == {ada, bo}
    employers.edit(store, acme, {"plan": "free"}, by=COMMAND_LINE, now=NOW + 9)
    refresh(store, NOW + 2 * DAY)
    assert members(store, "Gold") == members(store, "Fresh") == set(), "time alone ends the second one"
    now, then = (explaining.explain(store, "Gold", "bo@x.test", now=NOW + at, past=True) for at in (9, 5))
    assert [(one.matches, one.lines[0].observed["value"]) for one in (now, then)] == [(False, "Free"), (True, "Gold")]
    contacts.merge(store, ada, bo, by=COMMAND_LINE, now=NOW + 10)
    contacts.erase(store, ada, by=COMMAND_LINE, now=NOW + 11)
    assert known_facts(store, "Acme")["Plan"] == "Free", "a company outlives its people"


def test_a_group_call_says_them_but_never_the_domain(store: Store) -> None:
    define(store, "Plan", "enum", "Free", "Gold")
    company(store, "Acme", employees=5)
    inbox.put(store, [Item("identify", f"k{at}", {"external_id": "u1", "account": "Acme", "account_traits": traits})
                         for at, traits in enumerate(({"plan": "gold", "Seats": 12, "employees": -3, "city": "Bonn"},
                                                      {"plan": "silver", "Seats": 14, "score": 5, "trial": True}))], now=NOW)
    take(store, now=NOW)
    found = accounts.get(store, accounts.must_find(store, "Acme"))
    assert (found.facts["employees"], found.facts["city"]) == (5, "Bonn")
    assert found.fields == {"Plan": "Gold", "Seats": 14, "trial": True}
    assert sorted(refusals(store)["reason"]) == ["'score' is not a field, and can not become one",
                                                 "Plan: 'silver' is not one of Free, Gold", "employees: -3 is below 0"]


def test_templates_and_copies_know_them(store: Store) -> None:
    define(store, "Contract end", "date")
    define(store, "Partner", "bool")
    acme = company(store, "Acme", **{"contract end": "2027-01-31", "partner": "yes"})
    ada = save(store, email="ada@x.test", account_id=acme)
    made = templates.save(store, "t", html=None, subject="s", text="{{ account.contract_end | date('%d %B') }}, "
                          "{{ account.partner }} {{ account.plan }}", **BY)
    unknown = [one.message.partition(" is ")[0] for one in lint.check(store, made) if one.code == "unknown_variable"]
    assert unknown == ["account.plan"]
    account = Readers(store, Config()).load([ada])[ada]["account"]
    assert (str(account.contract_end), account.partner, account.name) == ("2027-01-31", True, "Acme")
    copied = copying.copy(store, copying.Cut((ada,), 1)).store
    assert known_facts(copied, "Acme") == {"Contract end": "2027-01-31", "Partner": True}
    copied.close()
