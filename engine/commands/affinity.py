"""`affinity`: topics that content carries, and who is interested in them."""

from __future__ import annotations

import click

from ..audience import affinity as rooms
from ..people import contacts
from .common import Call, Command, Group, takes_call


@click.group("affinity", cls=Group)
def affinity() -> None:
    """Topics that pages, links and messages carry, and who clicks and reads them."""


@affinity.command("list", cls=Command)
@takes_call
def list_(call: Call) -> None:
    """Every topic, with what carries it."""
    with call.store() as store:
        found = rooms.list_topics(store)
    call.answer(found, *(f"{one.name}: {', '.join((*one.pages, *one.links, *one.mails))}; half-life "
                         f"{one.half_life_days} days" for one in found),
                *([] if found else ["none yet: make one with `affinity save NAME --page /PATH`"]))


@affinity.command("save", cls=Command)
@click.argument("name")
@click.option("--page", "pages", multiple=True, metavar="PATH", help="a page and all below it; may be given again")
@click.option("--link", "links", multiple=True, metavar="URL", help="links in messages to it or below; may be given again")
@click.option("--template", "mails", multiple=True, metavar="NAME", help="every click in its messages; may be given again")
@click.option("--half-life", "half_life", type=int, default=rooms.HALF_LIFE_DAYS, show_default=True, metavar="DAYS",
              help="after which a click or visit counts half")
@takes_call
def save(call: Call, name: str, pages: tuple[str, ...], links: tuple[str, ...], mails: tuple[str, ...], half_life: int) -> None:
    """Say which content carries a topic (all of it: what is not named no longer does), and count everything anew."""
    with call.store() as store:
        made = rooms.save(store, name, pages=pages, links=links, mails=mails, half_life_days=half_life, by=call.by,
                          now=call.now)
    call.answer(made, f"{made.name}: {', '.join((*made.pages, *made.links, *made.mails))}")


@affinity.command("remove", cls=Command)
@click.argument("name")
@takes_call
def remove(call: Call, name: str) -> None:
    """Forget a topic and everybody's affinity to it."""
    with call.store() as store:
        rooms.remove(store, name, by=call.by, now=call.now)
    call.answer({"removed": name}, "removed")


@affinity.command("show", cls=Command)
@click.argument("who")
@takes_call
def show(call: Call, who: str) -> None:
    """What one contact (email or external id) is interested in now."""
    with call.store() as store:
        found = rooms.of_contact(store, contacts.get(store, who).id, now=call.now)
    call.answer([{"topic": topic, "affinity": worth} for topic, worth in found],
                *(f"{topic}: {worth:g}" for topic, worth in found), *([] if found else ["nothing that we know of"]))


@affinity.command("report", cls=Command)
@click.option("--days", type=int, default=rooms.PERIOD_DAYS, show_default=True, help="length of the period")
@takes_call
def report(call: Call, days: int) -> None:
    """Topics by the people who showed interest in the last days, against as many days before."""
    with call.store() as store:
        found = rooms.report(store, days=days, now=call.now)
    call.answer([vars(one) | {"trend": None if one.trend is None else round(one.trend, 4)} for one in found], *(
        f"{one.topic}: {one.interested:,} interested now; {one.people:,} people in {days} days ({one.times:,} clicks and "
        f"visits), {one.before:,} before" + ("" if one.trend is None else f" ({one.trend:+.0%})") for one in found),
                *([] if found else ["no topic yet: make one with `affinity save NAME --page /PATH`"]))


COMMANDS = (affinity,)
