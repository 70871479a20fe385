"""`accounts`: the companies that contacts belong to."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from ..clock import iso
from ..errors import BadInput
from ..people import accounts as companies
from ..people import contacts, employers
from ..people.accounts import ORDERS, ROLES
from ..store import Store
from .common import Call, Command, Group, takes_call


@click.group("accounts", cls=Group)
def accounts() -> None:
    """Companies: what is known of them, who belongs to them, what their people add up to."""


@accounts.command("list", cls=Command)
@click.option("--search", default="", metavar="TEXT", help="a part of the name or domain")
@click.option("--order", type=click.Choice(list(ORDERS)), default="score", show_default=True)
@click.option("--limit", default=100, show_default=True)
@takes_call
def list_(call: Call, search: str, order: str, limit: int) -> None:
    """Companies with their people, score, open deals and last activity."""
    with call.store() as store:
        rows, total = companies.find_page(store, search, order=order, limit=limit)
    found = [{name: None if value != value else value for name, value in row.items()} for row in rows.to_dict("records")]
    shown = [one | {"last_active_at": _day(one["last_active_at"])} for one in found]
    call.answer({"total": total, "shown": shown}, f"{total:,} companies",
                *(f"{one['name']}: score {one['score']}, {one['people']} people, {one['open_deals']} open deals"
                  for one in shown))


@accounts.command("show", cls=Command)
@click.argument("name")
@takes_call
def show(call: Call, name: str) -> None:
    """One company with its people, deals by currency, and how its score comes about."""
    with call.store() as store:
        found = _document(store, companies.must_find(store, name))
    call.answer(found)


@accounts.command("set", cls=Command)
@click.argument("name")
@click.argument("values", nargs=-1, required=True, metavar="FIELD=VALUE")
@takes_call
def set_(call: Call, name: str, values: tuple[str, ...]) -> None:
    """Change facts of a company, or make it. FIELD= empties one.

    Facts: domain, industry, employees, revenue, country, city, and fields of your own (`fields add NAME KIND --of companies`).
    A new domain brings the people who write from there and have no company.
    """
    pairs = [value.partition("=") for value in values]
    if wrong := next((field for field, equals, _ in pairs if not equals or not field.strip()), None):
        raise BadInput(f"{wrong!r}: write FIELD=VALUE, for example industry=retail")
    facts = {field: value for field, _, value in pairs}
    with call.store() as store:
        companies.read_facts(companies.catalogue(store), facts)
        with store.transaction():
            number = companies.ensure_many(store, [name], now=call.now)[name]
            employers.edit(store, number, facts, by=call.by, now=call.now)
        found = _document(store, number)
    call.answer(found)


@accounts.command("link", cls=Command)
@click.option("--create", is_flag=True, help="make a company for each domain that has none")
@click.option("--at-least", default=1, show_default=True, metavar="N", help="… and so many people")
@takes_call
def link(call: Call, create: bool, at_least: int) -> None:
    """Link everybody without a company by the domain of their address; mailbox providers link nobody."""
    with call.store() as store:
        done = employers.link(store, create=create, at_least=at_least, by=call.by, now=call.now)
    call.answer(done, f"{done.people:,} people linked, {done.made:,} companies made",
                *(f"{count:,} stay without: {why}" for why, count in done.left.items()))


@accounts.command("roles", cls=Command, help="Say what a contact is to the buying decision of their company; no role: none any "
                  f"more. Roles: {', '.join(ROLES)}.")
@click.argument("who", metavar="EMAIL")
@click.argument("roles", nargs=-1, metavar="ROLE")
@takes_call
def set_roles(call: Call, who: str, roles: tuple[str, ...]) -> None:
    with call.store() as store:
        found = employers.set_roles(store, contacts.must_find(store, who), roles, by=call.by, now=call.now)
    call.answer({"contact": who, "roles": found}, f"{who}: {', '.join(found) or 'no role'}")


@accounts.command("recount", cls=Command)
@takes_call
def recount(call: Call) -> None:
    """Work out what every company's people add up to anew; the runner does it as things happen."""
    with call.store() as store:
        differed = companies.roll_up_everything(store, now=call.now)
    call.answer({"differed": differed}, f"{differed:,} companies differed")


def _document(store: Store, number: int) -> dict[str, Any]:
    found = companies.get(store, number)
    return asdict(found) | {
        "created_at": iso(found.created_at), "last_active_at": _day(found.last_active_at), "score_is": found.score_words,
        "members": [asdict(one) for one in companies.members(store, number, limit=200)],
        "deals": [asdict(one) for one in companies.money(store, number)]}


def _day(at: float | None) -> str | None:
    return None if at is None else (iso(int(at)) or "")[:10]


COMMANDS = (accounts,)
