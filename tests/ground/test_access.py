"""Roles, settings, keys and the audit."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from engine import access, audit
from engine.access import Actor, Role, require
from engine.errors import BadInput, Forbidden
from engine.store import Store
from tests.conftest import NOW

ADA, BO = Actor("Ada", "admin"), Actor("Bo", "viewer")


@pytest.mark.parametrize(("what", "roles"), [
    ("read", {"viewer", "analyst", "marketer", "sales", "admin"}), ("analyze", {"analyst", "marketer", "admin"}),
    ("sell", {"sales", "marketer", "admin"}), ("market", {"marketer", "admin"}), ("administer", {"admin"}),
])
def test_each_role_may_do_what_it_is_for(what: str, roles: set[str]) -> None:
    for role in get_args(Role):
        if role in roles:
            require(Actor("x", role), what)
        else:
            with pytest.raises(Forbidden, match=f"x is {role}: this needs one of"):
                require(Actor("x", role), what)


def test_settings_keep_any_document(store: Store) -> None:
    assert access.setting(store, "cap", 3) == 3
    for value in (5, None, {"a": [1, "ü"]}, False):
        access.set_setting(store, "cap", value)
        assert access.setting(store, "cap", 3) == value


def test_the_salt_is_made_once(store: Store) -> None:
    assert access.salt(store) == access.salt(store)
    assert len(access.salt(store)) == 16


def test_people_who_log_in(store: Store) -> None:
    access.save_user(store, " Ada@Example.com ", "marketer", name="Ada", now=NOW)
    access.save_user(store, "bo@example.com", "viewer", now=NOW)
    assert access.find_user(store, "ADA@example.com") == Actor("Ada", "marketer")
    assert access.find_user(store, "bo@example.com") == Actor("bo@example.com", "viewer")
    assert access.find_user(store, "stranger@example.com") is None
    access.save_user(store, "ada@example.com", "admin", now=NOW)
    assert access.find_user(store, "ada@example.com") == Actor("ada@example.com", "admin")
    with pytest.raises(BadInput, match="choose one of"):
        access.save_user(store, "cy@example.com", "owner", now=NOW)  # type: ignore[arg-type]


def test_a_write_key_is_shown_once_and_kept_as_a_hash(store: Store) -> None:
    key = access.create_write_key(store, "website", now=NOW)
    assert access.key_is_known(store, key)
    assert not access.key_is_known(store, key[:-1]) and not access.key_is_known(store, "")
    kept = store.one("SELECT key_hash FROM write_key")
    assert key not in kept and len(kept) == 64
    assert access.revoke_write_key(store, "website", now=NOW) == 1
    assert not access.key_is_known(store, key)
    assert access.revoke_write_key(store, "website", now=NOW) == 0


def test_the_audit_says_who_did_what(store: Store) -> None:
    with store.transaction():
        audit.record(store, ADA, "segment saved", "segment:1", now=NOW, name="Größe", count=3)
        audit.record(store, BO, "looked", "contact:7", now=NOW + 1)
    found = audit.recent(store)
    assert list(found["actor"]) == ["Bo", "Ada"] and list(found["at"]) == [NOW + 1, NOW]
    one = audit.recent(store, subject="segment:1").iloc[0]
    assert (one["role"], one["action"], json.loads(one["detail"])) == ("admin", "segment saved", {"name": "Größe", "count": 3})
    assert len(audit.recent(store, limit=1)) == 1


def test_an_audit_row_goes_with_its_transaction(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction():
        audit.record(store, ADA, "tried", "x", now=NOW)
        raise ZeroDivisionError
    assert audit.recent(store).empty
