"""People who may log in, write keys and workspace settings, changed by an administrator and noted in the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import access, audit
from ..access import Actor, require
from ..content.context import SENDER
from ..errors import BadInput, Conflict, NotFound
from ..people.identity import normalize_email
from ..store import Store


@dataclass(frozen=True)
class User:
    """Somebody who may log in."""

    email: str
    name: str | None
    role: str
    created_at: int


def list_users(store: Store) -> list[User]:
    """Everybody with a role, by address."""
    return [User(*row) for row in store.rows("SELECT u.email, u.name, u.role, u.created_at FROM app_user u ORDER BY u.email")]


def save_user(store: Store, email: str, role: str, *, name: str | None = None, by: Actor, now: int) -> User:
    """Give a person a role. Raises BadInput: no address, no such role. Conflict: nobody would be administrator any more."""
    require(by, "administer")
    address = normalize_email(email)
    with store.transaction():
        store.serialize("app_user")
        if role != "admin":
            _must_leave_an_admin(store, address)
        access.save_user(store, address, role, name=name, now=now)  # type: ignore[arg-type]
        audit.record(store, by, "user saved", address, now=now, role=role)
    return next(user for user in list_users(store) if user.email == address)


def remove_user(store: Store, email: str, *, by: Actor, now: int) -> None:
    """Take a person's role away. Raises NotFound, Conflict."""
    require(by, "administer")
    address = email.strip().lower()
    with store.transaction():
        store.serialize("app_user")
        _must_leave_an_admin(store, address)
        if not access.remove_user(store, address):
            raise NotFound(f"there is no user {email!r}")
        audit.record(store, by, "user removed", address, now=now)


def _must_leave_an_admin(store: Store, address: str) -> None:
    admins = [user.email for user in list_users(store) if user.role == "admin"]
    if admins == [address]:
        raise Conflict(f"{address} is the only administrator: make somebody else one first")


def create_key(store: Store, name: str, *, by: Actor, now: int) -> str:
    """A write key, shown this once. Raises BadInput: no name."""
    require(by, "administer")
    with store.transaction():
        key = access.create_write_key(store, name, now=now)
        audit.record(store, by, "write key created", name, now=now)
    return key


def revoke_key(store: Store, name: str, *, by: Actor, now: int) -> int:
    """Refuse the keys of a name; how many. Raises NotFound."""
    require(by, "administer")
    with store.transaction():
        gone = access.revoke_write_key(store, name, now=now)
        if not gone:
            raise NotFound(f"there is no working key {name!r}")
        audit.record(store, by, "write key revoked", name, now=now)
    return gone


def save_sender(store: Store, sender: dict[str, str], *, by: Actor, now: int) -> None:
    """Who we are, for templates and the imprint. Raises BadInput: a key that means nothing."""
    if wrong := set(sender) - set(SENDER):
        raise BadInput(f"the sender has no {', '.join(sorted(wrong))}")
    _save(store, "sender", {key: " ".join(value.split())[:500] for key, value in sender.items()}, by, now)


def save_capture_only(store: Store, on: bool, *, by: Actor, now: int) -> None:
    """Whether every message is captured here, also where a mail server is configured.

    Raises Conflict: a safe copy stays shut.
    """
    if not on and access.setting(store, "safe_copy"):
        raise Conflict("this is a safe copy of a workspace: nothing may leave it")
    _save(store, "capture_only", on, by, now)


def _save(store: Store, key: str, value: Any, by: Actor, now: int) -> None:
    require(by, "administer")
    with store.transaction():
        access.set_setting(store, key, value)
        audit.record(store, by, "setting saved", key, now=now, value=value)
