"""What is wrong with contacts, in counts; the fixes, and taking them back."""

from __future__ import annotations

import pytest

from engine.access import COMMAND_LINE, Actor
from engine.clock import DAY
from engine.errors import BadInput, Forbidden
from engine.people import consent, contacts
from engine.service import batches, quality
from engine.store import Store

from ..conftest import NOW


def save(store: Store, email: str | None, *, at: int = NOW, said: str | None = "subscribed", **values: object) -> int:
    who = contacts.save(store, {"email": email, **values}, by=COMMAND_LINE, now=at, source="test").id
    if said:
        with store.transaction():
            consent.record(store, [who], "email", said, basis="form", source="test", by=COMMAND_LINE, now=at)
    return who


def counts(store: Store) -> dict[str, int]:
    return {one.kind.key: one.count for one in quality.look(store, now=NOW).found}


GOOD = {"time_zone": "Europe/Berlin", "phone": "+4930901820"}


def test_a_clean_contact_has_no_finding(store: Store) -> None:
    save(store, "ada@company.test", **GOOD)
    found = quality.look(store, now=NOW)
    assert (found.total, found.clean, found.found) == (1, 1, [])


@pytest.mark.parametrize(("email", "values", "finding"), [
    ("ada@gmial.com", GOOD, "slip"), ("info@company.test", GOOD, "role"), ("ada@mailinator.com", GOOD, "disposable"),
    ("ada@company.test", {"phone": "+4930901820"}, "no_zone"), ("ada@company.test", GOOD | {"phone": "030 901820"}, "phone"),
    (None, GOOD | {"external_id": "A1"}, "no_address"),
])
def test_each_finding(store: Store, email: str | None, values: dict[str, object], finding: str) -> None:
    who = save(store, email, **values)
    found = quality.look(store, now=NOW).found
    assert [(one.kind.key, one.count, one.ids) for one in found] == [(finding, 1, [who])]
    assert found[0].sentence.startswith("1 contact ")


@pytest.mark.parametrize(("said", "finding"), [(None, "no_consent"), ("pending", "no_consent"), ("bounced", "refused"),
                                               ("unsubscribed", "refused")])
def test_who_can_not_be_mailed_and_why(store: Store, said: str | None, finding: str) -> None:
    save(store, "ada@company.test", said=said, **GOOD)
    assert counts(store) == {finding: 1}


def test_nobody_heard_of_for_a_year_is_stale(store: Store) -> None:
    old = save(store, "ada@company.test", at=NOW - 400 * DAY, **GOOD)
    save(store, "bo@company.test", at=NOW - 300 * DAY, time_zone="Europe/Berlin")
    assert counts(store) == {"stale": 1}
    with store.transaction():
        store.insert_many("event", [{"contact_id": old, "name": "visit", "occurred_at": NOW - DAY, "received_at": NOW,
                                     "props": "{}", "dedupe_key": "v", "source": "test"}])
    assert counts(store) == {}


def test_a_slip_is_corrected_unless_somebody_has_the_right_address(store: Store) -> None:
    ada, bo = save(store, "ada@gmial.com", **GOOD), save(store, "bo@gmial.com", **GOOD)
    save(store, "bo@gmail.com", **GOOD)
    fixed = quality.fix(store, "slip", by=COMMAND_LINE, now=NOW + 5)
    assert (fixed.fixed, fixed.left) == (1, 1)
    assert [contacts.get(store, who).email for who in (ada, bo)] == ["ada@gmail.com", "bo@gmial.com"]
    assert fixed.batch is not None
    assert batches.undo(store, fixed.batch, by=COMMAND_LINE, now=NOW + 9).restored == 1
    assert contacts.get(store, ada).email == "ada@gmial.com" and contacts.find(store, "ada@gmail.com") is None


def test_phones_and_zones_are_filled_in(store: Store) -> None:
    ada = save(store, "ada@company.test", phone="030 901820")
    bo = save(store, "bo@company.test", phone="not a number", time_zone="Asia/Tokyo")
    us = save(store, "cy@company.test", phone="+18005550199")  # one number for many zones
    fixed = quality.fix(store, "phone", region="de", by=COMMAND_LINE, now=NOW + 5)
    assert (fixed.fixed, fixed.left) == (1, 1) and contacts.get(store, ada).phone == "+4930901820"
    assert contacts.get(store, bo).phone == "not a number"
    assert quality.fix(store, "no_zone", by=COMMAND_LINE, now=NOW + 6).fixed == 1
    assert contacts.get(store, ada).time_zone == "Europe/Berlin" and contacts.get(store, us).time_zone is None
    assert quality.fix(store, "phone", region="de", by=COMMAND_LINE, now=NOW + 7) == quality.Fixed(None, 0, 1)


def test_a_fix_that_there_is_not_is_refused(store: Store) -> None:
    with pytest.raises(BadInput, match="'role' has no fix; there are fixes for slip, phone, no_zone"):
        quality.fix(store, "role", by=COMMAND_LINE, now=NOW)
    with pytest.raises(BadInput, match="'XX' is not a country"):
        quality.fix(store, "phone", region="XX", by=COMMAND_LINE, now=NOW)
    with pytest.raises(Forbidden):
        quality.fix(store, "slip", by=Actor("Ana", "analyst"), now=NOW)


def test_quality_over_time_is_kept_once_a_day(store: Store) -> None:
    assert quality.last(store) is None and not quality.is_long(store)
    save(store, "info@company.test", **GOOD)
    quality.measure(store, now=NOW)
    quality.measure(store, now=NOW + 60)
    save(store, "sales@company.test", time_zone="Europe/Berlin")
    quality.measure(store, now=NOW + DAY)
    day, last = quality.last(store) or (0, None)
    assert day == (NOW + DAY) // DAY * DAY and last and (last.total, last.clean) == (2, 0)
    assert [one.sentence for one in last.found] == [one.sentence for one in quality.look(store, now=NOW + DAY).found]
    frame = quality.history(store)
    assert list(frame[frame.kind == "role"]["count"]) == [1, 2] and list(frame[frame.kind == "clean"]["count"]) == [0, 0]


def test_a_range_of_contacts_can_be_looked_at_alone(store: Store) -> None:
    save(store, "ada.berg@company.test", **GOOD)
    new = save(store, "adaberg@company.test", time_zone="Europe/Berlin")
    found = quality.look(store, now=NOW, ids=(new, new))
    assert found.total == 1 and [(one.kind.key, one.ids) for one in found.found] == [("duplicate", [new])]


def test_somebody_who_is_like_two_others_is_counted_once(store: Store) -> None:
    for email in ("ada.berg@company.test", "adaberg@company.test", "ada.berg+x@company.test"):
        save(store, email, time_zone="Europe/Berlin")
    found = quality.look(store, now=NOW)
    assert len(found.pairs) == 3 and found.findings["duplicate"].count == 2 and found.clean == 1
