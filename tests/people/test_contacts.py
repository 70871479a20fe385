"""Who is who: found by email or external id, changed in place, never merged in silence."""

from __future__ import annotations

import pytest

from engine.access import COMMAND_LINE, Actor
from engine.errors import BadInput, Conflict, Forbidden, NotFound
from engine.maths.assignment import hash31_of
from engine.people import contacts, fields
from engine.people.contacts import CLEAR, Saved
from engine.store import Store

from ..conftest import NOW

VIEWER = Actor("Vera", "viewer")


def upsert(store: Store, *rows: dict[str, object], now: int = NOW) -> list[Saved]:
    with store.transaction():
        return contacts.upsert_many(store, rows, now=now, source="test")


def save(store: Store, now: int = NOW, **values: object) -> Saved:
    return contacts.save(store, values, by=COMMAND_LINE, now=now, source="test")


def changes(store: Store) -> list[tuple[object, ...]]:
    return store.rows("SELECT kind, name, old, new FROM contact_change ORDER BY id")


def test_the_same_address_in_another_case_is_the_same_contact(store: Store) -> None:
    first = save(store, email="Ada@Example.com", first_name="Ada")
    again = save(store, email=" ADA@EXAMPLE.COM ", first_name="Ada")
    assert (first.created, again.created, again.changed) == (True, False, False)
    assert again.id == first.id and contacts.find(store, "aDa@example.COM") == first.id


def test_addresses_have_one_spelling() -> None:
    assert contacts.normalize_email(" Jörg@Bücher.example ") == "jörg@xn--bcher-kva.example"
    assert contacts.normalize_email("o'brien@example.ie") == "o'brien@example.ie"
    for bad in ("bad@@example.com", "a..b@example.com", "a@-b.com", "", "a@", "no at", "a@b.c\x00d"):
        with pytest.raises(BadInput):
            contacts.normalize_email(bad)


def test_an_external_id_is_found_in_any_case_and_told_apart_by_case(store: Store) -> None:
    one, two = upsert(store, {"external_id": "K1"}, {"external_id": "kX"})
    assert contacts.find(store, "k1") == one.id and contacts.find(store, "KX") == two.id
    other = save(store, external_id="k1")
    assert other.created and contacts.find(store, "K1") == one.id and contacts.find(store, "k1") == other.id
    upsert(store, {"external_id": "Zz"}, {"external_id": "zZ"})
    with pytest.raises(BadInput, match="Zz, zZ"):
        contacts.find(store, "zz")


def test_what_belongs_to_two_contacts_is_refused_and_names_both(store: Store) -> None:
    ada, bo = upsert(store, {"email": "ada@x.test"}, {"external_id": "B2", "first_name": "Bo"})
    refused = upsert(store, {"email": "ada@x.test", "external_id": "B2", "first_name": "Di"})[0]
    assert refused.refused and "ada@x.test" in refused.refused and "B2" in refused.refused
    assert str(ada.id) in refused.refused and str(bo.id) in refused.refused
    assert contacts.get(store, "B2").first_name == "Bo" and store.one("SELECT COUNT(*) FROM contact") == 2
    with pytest.raises(Conflict):
        save(store, email="ada@x.test", external_id="B2")


def test_one_address_with_another_external_id_is_refused(store: Store) -> None:
    upsert(store, {"email": "ada@x.test", "external_id": "A1"})
    refused = upsert(store, {"email": "ada@x.test", "external_id": "A2"})[0]
    assert refused.refused and "A1" in refused.refused and "A2" in refused.refused
    assert refused.field == "external_id"


def test_names_add_up_on_one_contact(store: Store) -> None:
    first = save(store, email="ada@x.test")
    assert save(store, email="ada@x.test", external_id="A1").id == first.id
    assert save(store, external_id="A1", email="ada@new.test").id == first.id
    contact = contacts.get(store, "A1")
    assert contact.email == "ada@new.test" and contacts.find(store, "ada@x.test") == first.id
    assert ("field", "email", "ada@x.test", "ada@new.test") in changes(store)


def test_rows_of_one_contact_in_one_batch_add_up(store: Store) -> None:
    rows = [{"email": "a@x.test", "first_name": "Ana", "last_name": "Gómez"}, {"email": "A@X.test", "last_name": "Gomez"}]
    assert [(row.created, row.changed) for row in upsert(store, *rows)] == [(True, True), (False, True)]
    assert [(row.created, row.changed) for row in upsert(store, *rows)] == [(False, False)] * 2
    assert contacts.get(store, "a@x.test").last_name == "Gomez" and changes(store) == []


def test_empty_values_keep_what_is_known_and_clear_empties(store: Store) -> None:
    save(store, email="a@x.test", first_name="Ada", owner="Sal")
    assert not save(store, email="a@x.test", first_name="", owner=None).changed
    assert save(store, email="a@x.test", first_name=CLEAR).changed
    contact = contacts.get(store, "a@x.test")
    assert contact.first_name is None and contact.owner == "Sal"
    assert changes(store) == [("field", "first_name", "Ada", None)]


def test_first_values_are_no_change_and_later_ones_are(store: Store) -> None:
    save(store, email="a@x.test", stage="Lead")
    assert changes(store) == []
    save(store, email="a@x.test", stage="MQL", owner="Sal")
    assert changes(store) == [("owner", "owner", None, "Sal"), ("stage", "stage", "lead", "mql")]


def test_the_hash_is_that_of_the_first_identity_and_stays(store: Store) -> None:
    save(store, external_id="A1")
    save(store, external_id="A1", email="a@x.test")
    assert contacts.get(store, "A1").hash31 == hash31_of("A1")


def test_whoever_is_new_or_changed_is_looked_at_again(store: Store) -> None:
    first = save(store, email="a@x.test")
    save(store, email="a@x.test", first_name="Ada")
    save(store, email="a@x.test", first_name="Ada")
    assert store.rows("SELECT contact_id FROM dirty_contact") == [(first.id,), (first.id,)]


def test_bad_values_name_field_and_reason_and_change_nothing(store: Store) -> None:
    fields.define(store, "Visits", "number", by=COMMAND_LINE, now=NOW)
    refused = upsert(store, {"email": "a@x.test", "visits": "many"}, {"email": "b@x.test", "visits": "3"})
    assert refused[0].field == "Visits" and refused[0].refused == "'many' is not a number"
    assert refused[1].created and contacts.find(store, "a@x.test") is None
    nameless = upsert(store, {"first_name": "Cy"})[0]
    assert nameless.refused == "neither email nor external id: a contact needs one of them"
    with pytest.raises(BadInput, match="'shoe_size'"):
        upsert(store, {"email": "a@x.test", "shoe_size": 3})
    assert contacts.get(store, "b@x.test").fields == {"Visits": 3}


def test_time_zones_are_learned_as_they_come(store: Store) -> None:
    save(store, email="a@x.test", time_zone="europe/berlin")
    assert contacts.get(store, "a@x.test").time_zone == "Europe/Berlin"
    assert store.one("SELECT COUNT(*) FROM zone_span WHERE zone = 'Europe/Berlin'") > 50


def test_changing_needs_the_role_and_is_audited(store: Store) -> None:
    with pytest.raises(Forbidden):
        contacts.save(store, {"email": "a@x.test"}, by=VIEWER, now=NOW, source="test")
    saved = save(store, email="a@x.test")
    assert store.rows("SELECT action, subject FROM audit") == [("contact created", f"contact {saved.id}")]


def test_a_stranger_is_not_found(store: Store) -> None:
    assert contacts.find(store, "nobody@x.test") is None and contacts.find(store, "") is None
    with pytest.raises(NotFound, match="nobody@x.test"):
        contacts.get(store, "nobody@x.test")


# ------------------------------------------------------------ visitors


def test_visitors_are_made_once_and_stay_nameless(store: Store) -> None:
    with store.transaction():
        first = contacts.create_anonymous(store, ["v1", "v2", "v1"], now=NOW)
        again = contacts.create_anonymous(store, ["v2"], now=NOW)
    assert again["v2"] == first["v2"] and len(first) == 2
    assert store.rows("SELECT DISTINCT anonymous FROM contact") == [(1,)]


def test_a_visitor_who_gives_a_name_is_the_same_contact(store: Store) -> None:
    with store.transaction():
        visitor = contacts.create_anonymous(store, ["v1"], now=NOW)["v1"]
    saved = upsert(store, {"anonymous_id": "v1", "email": "a@x.test"})[0]
    assert saved.id == visitor and not contacts.get(store, "a@x.test").anonymous
    assert contacts.get(store, "a@x.test").hash31 == hash31_of("v1")


def test_a_visitor_who_turns_out_to_be_known_joins_that_contact(store: Store) -> None:
    ada = save(store, email="a@x.test")
    with store.transaction():
        visitor = contacts.create_anonymous(store, ["v1"], now=NOW)["v1"]
        store.insert_many("event", [{"contact_id": visitor, "name": "page_view", "occurred_at": NOW, "received_at": NOW,
                                     "props": "{}", "dedupe_key": "k", "source": "test"}])
    assert upsert(store, {"anonymous_id": "v1", "email": "a@x.test", "first_name": "Ada"})[0].id == ada.id
    assert store.rows("SELECT contact_id FROM event") == [(ada.id,)]
    assert store.one("SELECT COUNT(*) FROM contact") == 1
    assert upsert(store, {"anonymous_id": "v1"})[0].id == ada.id


def test_a_second_person_at_one_browser_is_a_second_contact(store: Store) -> None:
    ada = upsert(store, {"anonymous_id": "v1", "email": "a@x.test"})[0]
    bo = upsert(store, {"anonymous_id": "v1", "email": "b@x.test"})[0]
    assert bo.created and bo.id != ada.id
    assert upsert(store, {"anonymous_id": "v1"})[0].id == bo.id


# ------------------------------------------------------------ tags and lists


def test_tags_compare_without_case_and_are_logged_once(store: Store) -> None:
    ada = save(store, email="a@x.test").id
    with store.transaction():
        assert contacts.add_tags(store, [ada], ["VIP", "vip", "new"], now=NOW, source="test") == 2
        assert contacts.add_tags(store, [ada], ["Vip"], now=NOW, source="test") == 0
        assert contacts.remove_tags(store, [ada], ["NEW", "never seen"], now=NOW, source="test") == 1
        assert contacts.add_to_list(store, [ada], "Newsletter", now=NOW, source="test") == 1
        assert contacts.add_to_list(store, [ada], "newsletter", now=NOW, source="test") == 0
    contact = contacts.get(store, "a@x.test")
    assert contact.tags == ("VIP",) and contact.lists == ("Newsletter",)
    assert changes(store) == [("tag", "VIP", None, "VIP"), ("tag", "new", None, "new"), ("tag", "new", "new", None),
                              ("list", "Newsletter", None, "Newsletter")]
    with store.transaction(), pytest.raises(BadInput):
        contacts.add_tags(store, [ada], [" "], now=NOW, source="test")


def test_many_contacts_of_an_account_are_taken_at_once(store: Store) -> None:
    with store.transaction():
        contacts.upsert_many(store, [{"email": f"a{n}@example.org", "account_id": 7} for n in range(120)], now=NOW,
                             source="test")
    assert store.rows("SELECT DISTINCT c.account_id FROM contact c") == [(7,)]
