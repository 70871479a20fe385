"""`fields`, `tags`, `lists`: what contacts and companies can be described with."""

from __future__ import annotations

import click

from ..people import accounts
from ..people import fields as catalogue
from ..people.fields import CONTACT, KINDS
from .common import Call, Command, Group, takes_call

ENTITIES = {"contacts": CONTACT, "companies": accounts.COMPANY}
of = click.option("--of", type=click.Choice(list(ENTITIES)), default="contacts", show_default=True, help="whose fields")


@click.group("fields", cls=Group)
def fields() -> None:
    """The facts a contact or company can have."""


@fields.command("list", cls=Command)
@of
@takes_call
def list_fields(call: Call, of: str) -> None:
    """Every field with its kind, the built-in ones first."""
    with call.store() as store:
        found = [{"name": one.name, "kind": one.kind, "options": one.options, "built_in": not one.made}
                 for one in catalogue.catalogue(store, ENTITIES[of]).values()]
    call.answer(found, *(f"{one['name']}: {one['kind']}" for one in found))


@fields.command("add", cls=Command)
@click.argument("name")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.option("--option", "options", multiple=True, metavar="VALUE", help="what an enum can be; once per value")
@of
@takes_call
def add_field(call: Call, name: str, kind: str, options: tuple[str, ...], of: str) -> None:
    """Make a field; one of this name and kind is left as it is."""
    with call.store() as store:
        made = catalogue.define(store, name, kind, by=call.by, now=call.now, options=options, entity=ENTITIES[of])
    call.answer({"name": made.name, "kind": made.kind, "options": made.options}, f"{made.name}: {made.kind}")


@click.command("tags", cls=Command)
@takes_call
def tags(call: Call) -> None:
    """Every tag and how many contacts have it."""
    _answer(call, "tag")


@click.command("lists", cls=Command)
@takes_call
def lists(call: Call) -> None:
    """Every list and how many contacts are on it."""
    _answer(call, "list")


def _answer(call: Call, what: str) -> None:
    with call.store() as store:
        found = store.records(f"SELECT t.name, (SELECT COUNT(*) FROM contact_{what} m WHERE m.{what}_id = t.id) AS contacts "
                              f"FROM {what} t ORDER BY t.key")
    call.answer(found, *[f"{one['name']}: {one['contacts']:,}" for one in found] or [f"no {what}s yet"])


COMMANDS = (fields, tags, lists)
