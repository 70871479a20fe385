"""`keys …`: write keys, with which websites and apps send events."""

from __future__ import annotations

import click

from .. import access, audit
from ..clock import iso
from ..errors import NotFound
from .common import Call, Group, takes_call


@click.group("keys", cls=Group)
def keys() -> None:
    """Write keys for websites and apps."""


@keys.command("create")
@click.argument("name")
@takes_call
def create(call: Call, name: str) -> None:
    """Make a key. It is shown this once; only its hash is kept."""
    access.require(call.by, "administer")
    with call.store() as store, store.transaction():
        now = call.now
        key = access.create_write_key(store, name, now=now)
        audit.record(store, call.by, "write key created", name, now=now)
    call.answer({"name": name, "key": key}, key)
    call.note("keep it: it is shown this once")


@keys.command("list")
@takes_call
def list_(call: Call) -> None:
    """The names of all keys, and which of them are revoked."""
    with call.store() as store:
        found = access.list_write_keys(store)
    call.answer([{"name": one.name, "created_at": iso(one.created_at), "revoked_at": iso(one.revoked_at)} for one in found],
                *(f"{one.name}  since {iso(one.created_at)}{'  revoked ' + str(iso(one.revoked_at)) if one.revoked_at else ''}"
                  for one in found), *(["no keys"] if not found else []))


@keys.command("revoke")
@click.argument("name")
@takes_call
def revoke(call: Call, name: str) -> None:
    """Refuse the keys of this name from now on (the collector believes what it looked up for 10 seconds)."""
    access.require(call.by, "administer")
    with call.store() as store, store.transaction():
        now = call.now
        gone = access.revoke_write_key(store, name, now=now)
        if not gone:
            raise NotFound(f"there is no working key {name!r}: `keys list` shows them")
        audit.record(store, call.by, "write key revoked", name, now=now)
    call.answer({"name": name, "revoked": gone}, f"{name}: {gone} revoked")


COMMANDS = (keys,)
