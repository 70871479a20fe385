"""Who may be one person, and who is not."""

from __future__ import annotations

import time

import pytest

from engine.access import COMMAND_LINE
from engine.people import accounts, contacts
from engine.people.duplicates import candidates, keep_apart
from engine.store import Store

from ..conftest import NOW


def save(store: Store, email: str | None, **values: object) -> int:
    return contacts.save(store, {"email": email, **values}, by=COMMAND_LINE, now=NOW, source="test").id


@pytest.mark.parametrize(("first", "second", "reasons"), [
    ({"email": "ada.berg@x.test"}, {"email": "adaberg@x.test"}, ("mailbox",)),
    ({"email": "ada@x.test"}, {"email": "ada+news@x.test"}, ("mailbox",)),
    ({"email": "ada@googlemail.com"}, {"email": "ada@gmail.com"}, ("mailbox",)),
    ({"email": "ada@x.test", "phone": "+49 30 901820"}, {"email": "berg@y.test", "phone": "+4930901820"}, ("phone",)),
    ({"email": "jsmith@x.test", "first_name": "Jon", "last_name": "Smith"},
     {"email": "john@x.test", "first_name": "John", "last_name": "Smith"}, ("name",)),
    ({"email": "j@gmail.com", "first_name": "Jörg", "last_name": "Weiß", "account": "Acme"},
     {"email": "w@yahoo.com", "first_name": "JÖRG", "last_name": "Weiß", "account": "ACME"}, ("name",)),
])
def test_one_person(store: Store, first: dict[str, str], second: dict[str, str], reasons: tuple[str, ...]) -> None:
    ids = []
    for values in (first, second):
        given: dict[str, object] = dict(values)
        if "account" in given:
            with store.transaction():
                (given["account_id"],) = accounts.ensure_many(store, [str(given.pop("account"))], now=NOW).values()
        ids.append(save(store, str(given.pop("email")), **given))
    assert [(pair.keep_id, pair.lose_id, pair.reasons) for pair in candidates(store)] == [(*ids, reasons)]


@pytest.mark.parametrize(("first", "second"), [
    ({"email": "ada@x.test"}, {"email": "ada@y.test"}),
    ({"email": "a@gmail.com", "first_name": "Anna", "last_name": "Berg"},
     {"email": "b@gmail.com", "first_name": "Anna", "last_name": "Berg"}),  # namesakes at a mailbox provider
    ({"email": "a@x.test", "first_name": "Anna", "last_name": "Berg"},
     {"email": "b@x.test", "first_name": "Peter", "last_name": "Berg"}),
])
def test_two_people(store: Store, first: dict[str, str], second: dict[str, str]) -> None:
    save(store, **first)  # type: ignore[arg-type]
    save(store, **second)  # type: ignore[arg-type]
    assert candidates(store) == []


def test_several_reasons_go_first_and_a_switchboard_is_none(store: Store) -> None:
    save(store, "ada.berg@x.test", phone="+4930901820")
    save(store, "jon@y.test", first_name="Jon", last_name="Smith")
    save(store, "adaberg@x.test", phone="+4930901820")
    save(store, "john@y.test", first_name="John", last_name="Smith")
    for number in range(6):
        save(store, f"p{number}@z{number}.test", phone="+4930901829")
    found = candidates(store)
    assert [pair.reasons for pair in found] == [("mailbox", "phone"), ("name",)] and found[0].likeness > found[1].likeness
    assert found[0].words == "the same mailbox written differently and the same phone number"


def test_two_that_were_kept_apart_are_not_asked_about_again(store: Store) -> None:
    one, other = save(store, "ada.berg@x.test"), save(store, "adaberg@x.test")
    with store.transaction():
        keep_apart(store, other, one, now=NOW)
        keep_apart(store, one, other, now=NOW)
    assert candidates(store) == []


def test_a_company_of_thousands_takes_no_square_of_time(memory: Store) -> None:
    rows = [{"email": f"p{n}@big.test", "first_name": f"F{n:05}", "last_name": f"L{n % 977:04}"} for n in range(5_000)]
    rows += [{"email": f"{name}@big.test", "first_name": "Ada", "last_name": name} for name in ("Zuckerberg", "Zuckerburg")]
    with memory.transaction():
        contacts.upsert_many(memory, rows, now=NOW, source="t")
    began = time.process_time()
    found = candidates(memory)
    assert any(pair.keep_id == 5_001 and pair.lose_id == 5_002 for pair in found)
    assert time.process_time() - began < 5  # all with all would be 12.5 million comparisons
