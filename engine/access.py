"""Who may do what. A command takes `by: Actor` and calls `require` before it changes anything."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any, Literal, get_args

from .errors import BadInput, Forbidden
from .store import Store

Role = Literal["viewer", "analyst", "marketer", "sales", "admin"]
_MAY: dict[str, frozenset[str]] = {
    "read": frozenset(get_args(Role)),
    "analyze": frozenset({"analyst", "marketer", "admin"}),
    "sell": frozenset({"sales", "marketer", "admin"}),
    "market": frozenset({"marketer", "admin"}),
    "administer": frozenset({"admin"}),
}


@dataclass(frozen=True)
class Actor:
    """A person or process that changes something."""

    name: str
    role: Role


COMMAND_LINE = Actor("command line", "admin")  # whoever may read the database file may do anything to it
RUNNER = Actor("runner", "admin")


def require(by: Actor, what: str) -> None:
    """Raise Forbidden unless the actor's role allows `what`: read, analyze, sell, market or administer."""
    if by.role not in _MAY[what]:
        raise Forbidden(f"{by.name} is {by.role}: this needs one of {', '.join(sorted(_MAY[what]))}")


def allows(who: Actor, what: str) -> bool:
    """Whether the role of an actor allows read, analyze, sell, market or administer."""
    return who.role in _MAY[what]


def setting(store: Store, key: str, default: Any = None) -> Any:
    """A workspace setting. No secret is ever one."""
    found = store.one("SELECT value FROM setting WHERE key = :key", key=key)
    return default if found is None else json.loads(found)


def set_setting(store: Store, key: str, value: Any) -> None:
    """Keep a workspace setting."""
    with store.transaction():
        store.upsert_many("setting", [{"key": key, "value": json.dumps(value)}], key=("key",))


def moment(store: Store, clock_now: int) -> int:
    """What time it is in this workspace: the clock's, but for a demo that has been moved on."""
    return clock_now + int((setting(store, "demo") or {}).get("clock_offset_s", 0))


def salt(store: Store) -> bytes:
    """The workspace's own salt for address hashes, made once. It moves with the database, so suppressions hold."""
    found = setting(store, "address_salt")
    if found is None:
        with store.transaction():
            store.insert_many("setting", [{"key": "address_salt", "value": json.dumps(secrets.token_hex(16))}],
                              or_ignore=True)
        found = setting(store, "address_salt")
    return bytes.fromhex(found)


# ------------------------------------------------------------ people who log in, and keys for websites


def save_user(store: Store, email: str, role: Role, *, name: str | None = None, now: int) -> None:
    """Give a person a role. Raises BadInput: no such role."""
    if role not in get_args(Role):
        raise BadInput(f"role {role!r}: choose one of {', '.join(get_args(Role))}")
    with store.transaction():
        store.upsert_many("app_user", [{"email": email.strip().lower(), "name": name, "role": role, "created_at": now}],
                          key=("email",))


def remove_user(store: Store, email: str) -> bool:
    """Take somebody's role away. False when there was none."""
    with store.transaction():
        return bool(store.run("DELETE FROM app_user WHERE email = :email", email=email.strip().lower()))


def find_user(store: Store, email: str) -> Actor | None:
    """The actor behind a login, None for a stranger."""
    found = store.row("SELECT COALESCE(name, email), role FROM app_user WHERE email = :email",
                      email=email.strip().lower())
    return Actor(found[0], found[1]) if found else None


def create_write_key(store: Store, name: str, *, now: int) -> str:
    """A new key for a website or app. Shown this once; only its hash is kept. Raises BadInput: no name."""
    if not name.strip() or len(name) > 200 or not name.isprintable():
        raise BadInput(f"{name[:40]!r} can not name a write key: write one line, for example website")
    key = "tl_" + secrets.token_urlsafe(24)
    with store.transaction():
        store.insert_many("write_key", [{"name": name, "key_hash": _hashed(key), "created_at": now}])
    return key


def key_is_known(store: Store, key: str) -> bool:
    """Whether a write key was given out and not revoked."""
    return bool(store.one("SELECT 1 FROM write_key WHERE key_hash = :hash AND revoked_at IS NULL", hash=_hashed(key)))


@dataclass(frozen=True)
class WriteKey:
    """A key that was given out; the key itself is not kept."""

    name: str
    created_at: int
    revoked_at: int | None


def list_write_keys(store: Store) -> list[WriteKey]:
    """Every key that was given out, the oldest first."""
    return [WriteKey(*row) for row in store.rows("SELECT k.name, k.created_at, k.revoked_at FROM write_key k ORDER BY k.id")]


def revoke_write_key(store: Store, name: str, *, now: int) -> int:
    """Refuse the keys of this name from now on; how many there were."""
    with store.transaction():
        return store.run("UPDATE write_key SET revoked_at = :now WHERE name = :name AND revoked_at IS NULL",
                         now=now, name=name)


def new_key(prefix: str) -> tuple[str, str]:
    """A key that can not be guessed, and the hash that is kept of it."""
    key = prefix + secrets.token_urlsafe(24)
    return key, _hashed(key)


def hashed_key(key: str) -> str:
    """What is kept of a key."""
    return _hashed(key)


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
