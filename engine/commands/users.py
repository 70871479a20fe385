"""`users …`: who may log in, and as what."""

from __future__ import annotations

import click

from ..clock import iso
from ..service import users as people
from .common import Call, Group, takes_call


@click.group("users", cls=Group)
def users() -> None:
    """People who may log in: viewer, analyst, marketer, sales or admin."""


@users.command("set")
@click.argument("email")
@click.argument("role")
@click.option("--name", help="as it is shown in the audit log")
@takes_call
def set_(call: Call, email: str, role: str, name: str | None) -> None:
    """Give somebody a role, or another one."""
    with call.store() as store:
        made = people.save_user(store, email, role, name=name, by=call.by, now=call.now)
    call.answer({"email": made.email, "name": made.name, "role": made.role}, f"{made.email} is {made.role}")


@users.command("list")
@takes_call
def list_(call: Call) -> None:
    """Everybody with a role."""
    with call.store() as store:
        found = people.list_users(store)
    call.answer([{"email": one.email, "name": one.name, "role": one.role, "created_at": iso(one.created_at)} for one in found],
                *(f"{one.email}  {one.role}" for one in found), *(["nobody yet"] if not found else []))


@users.command("remove")
@click.argument("email")
@takes_call
def remove(call: Call, email: str) -> None:
    """Take somebody's role away."""
    with call.store() as store:
        people.remove_user(store, email, by=call.by, now=call.now)
    call.answer({"email": email}, f"{email} has no role any more")


COMMANDS = (users,)
