"""`personas` and `predictions`: who somebody is by rule, and what a model says of them."""

from __future__ import annotations

import click

from ..audience import personas as rooms
from ..audience import predictions as runs
from ..clock import iso
from .common import Call, Command, Group, read_json, read_text, takes_call


@click.group("personas", cls=Group)
def personas() -> None:
    """Definitions of people in an order: everybody is the first whose rule they match."""


@personas.command("list", cls=Command)
@takes_call
def list_(call: Call) -> None:
    """All of them in their order, with how many people each is."""
    with call.store() as store:
        found = rooms.list_personas(store)
    call.answer(found, *(f"{one.place}  {one.name}: {one.people:,} people. {one.sentence}" for one in found),
                *([] if found else ["none yet: make one with `personas save NAME --rule FILE`"]))


@personas.command("save", cls=Command)
@click.argument("name")
@click.option("--rule", "rule_file", required=True, metavar="FILE", help="a rule as JSON; - reads standard input")
@click.option("--notes", default="", help="what they care about, in your own words")
@click.option("--place", type=int, help="1 is asked first; a new one comes last")
@takes_call
def save(call: Call, name: str, rule_file: str, notes: str, place: int | None) -> None:
    """Make or change a persona, and assign everybody anew."""
    document = read_json(read_text(rule_file), rule_file)
    with call.store() as store:
        made = rooms.save(store, name, document, notes, place=place, by=call.by, now=call.now)
    call.answer(made, f"{made.place}  {made.name}: {made.people:,} people. {made.sentence}")


@personas.command("remove", cls=Command)
@click.argument("name")
@takes_call
def remove(call: Call, name: str) -> None:
    """Forget a persona; those after it take over whom they match."""
    with call.store() as store:
        rooms.remove(store, name, by=call.by, now=call.now)
    call.answer({"removed": name}, "removed")


@click.command("predictions", cls=Command)
@takes_call
def predictions(call: Call) -> None:
    """The newest run of each model; `import predictions FILE --model NAME` brings one."""
    with call.store() as store:
        found = runs.list_runs(store)
    call.answer(found, *(f"{one.model}: {one.contacts:,} contacts, {one.mean or 0:.1%} on average, {iso(one.at)}, {one.source}"
                         for one in found), *([] if found else ["none yet: `import predictions FILE --model NAME`"]))


COMMANDS = (personas, predictions)
