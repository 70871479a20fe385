"""`privacy`: what people ask about their data, and how long things are kept."""

from __future__ import annotations

from pathlib import Path

import click

from ..clock import iso
from ..errors import BadInput
from ..people import contacts
from ..service import privacy as rooms
from ..service.privacy import KINDS, Request
from .common import Call, Command, Group, takes_call


@click.group("privacy", cls=Group)
def privacy() -> None:
    """Hand out, restrict, erase; requests with their deadlines; how long things are kept."""


@privacy.command("export", cls=Command)
@click.argument("who", metavar="EMAIL")
@click.option("--out", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
              help=".json, or .zip with a table for each part (default: JSON on standard output)")
@takes_call
def export(call: Call, who: str, out: Path | None) -> None:
    """Everything known of one person, for that person."""
    with call.store() as store:
        document = rooms.dossier(store, who, by=call.by, now=call.now)
    if out is None:
        call.answer(document)
        return
    rooms.write_dossier(document, out)
    call.answer({"file": str(out)}, f"everything on {who} is in {out}")


@privacy.command("restrict", cls=Command)
@click.argument("who", metavar="EMAIL")
@click.option("--lift", is_flag=True, help="let processing go on")
@takes_call
def restrict(call: Call, who: str, lift: bool) -> None:
    """Keep a contact's data and send nothing until the restriction is lifted."""
    with call.store() as store:
        changed = contacts.restrict(store, contacts.must_find(store, who), not lift, by=call.by, now=call.now)
    state = "may be processed" if lift else "is restricted"
    call.answer({"restricted": not lift, "changed": changed}, f"{who} {state}{'' if changed else ' (as before)'}")


@privacy.command("do-not-sell", cls=Command)
@click.argument("who", metavar="EMAIL")
@click.option("--lift", is_flag=True, help="they allow it again")
@takes_call
def do_not_sell(call: Call, who: str, lift: bool) -> None:
    """Do not sell or share (CCPA): no export for a third party has this contact any more."""
    with call.store() as store:
        saved = contacts.save(store, {"contact_id": contacts.must_find(store, who), "do_not_sell": not lift}, by=call.by,
                              now=call.now, source="command line")
    state = "may be shared with third parties" if lift else "is not sold or shared"
    call.answer({"do_not_sell": not lift, "changed": saved.changed}, f"{who} {state}{'' if saved.changed else ' (as before)'}")


@privacy.command("ask", cls=Command)
@click.argument("kind", metavar="|".join(KINDS))
@click.argument("who", metavar="EMAIL")
@click.option("--note", metavar="TEXT", help="what was said, and where")
@takes_call
def ask(call: Call, kind: str, who: str, note: str | None) -> None:
    """Take a request in; it is due within a month."""
    with call.store() as store:
        made = rooms.ask(store, who, kind, note=note, by=call.by, now=call.now)
    call.answer(made, _line(made))


@privacy.command("requests", cls=Command)
@click.option("--all", "everything", is_flag=True, help="also those that were closed")
@takes_call
def requests(call: Call, everything: bool) -> None:
    """What people asked for, the most urgent first."""
    with call.store() as store:
        found = rooms.list_requests(store, everything=everything)
    call.answer(found, *(map(_line, found) if found else ["no open request"]))


@privacy.command("done", cls=Command)
@click.argument("request", type=int, metavar="NUMBER")
@click.option("--note", metavar="TEXT", help="what was answered")
@takes_call
def done(call: Call, request: int, note: str | None) -> None:
    """Carry a request out and close it. Access and rectification are answered by you; they are only closed."""
    with call.store() as store:
        found = rooms.carry_out(store, request, note=note, by=call.by, now=call.now)
    call.answer(found, _line(found))


@privacy.command("keep", cls=Command)
@click.argument("kind", required=False, metavar="events|message_copies|silent_contacts")
@click.argument("days", required=False, metavar="DAYS|forever")
@takes_call
def keep(call: Call, kind: str | None, days: str | None) -> None:
    """Show how long things are kept, or say it: `privacy keep events 730`."""
    with call.store() as store:
        if kind is None:
            found = rooms.kept(store)
        elif days is None or not (days == "forever" or days.isdecimal()):
            raise BadInput(f"privacy keep {kind}: say how many days, or forever")
        else:
            found = rooms.keep_for(store, kind, None if days == "forever" else int(days), by=call.by, now=call.now)
    call.answer(found, *(f"{one.kind}: {f'{one.days:,} days' if one.days else 'for good'} ({one.words})" for one in found))


@privacy.command("timer", cls=Command)
@click.argument("state", required=False, type=click.Choice(["on", "off"]))
@takes_call
def timer(call: Call, state: str | None) -> None:
    """Have the runner throw away what is past its days, once a day; without a word: how it stands, and what went last."""
    with call.store() as store:
        found = rooms.automatic(store) if state is None else rooms.switch_automatic(store, state == "on", by=call.by,
                                                                                     now=call.now)
    gone = ", ".join(f"{count:,} {kind}" for kind, count in found.last.items()) or "nothing"
    call.answer(found, f"the timer is {'on' if found.on else 'off'}"
                + (f"; {iso(found.last_at)}: {gone} thrown away" if found.last_at else ""))


@privacy.command("sweep", cls=Command)
@click.option("--dry-run", is_flag=True, help="only count")
@takes_call
def sweep(call: Call, dry_run: bool) -> None:
    """Throw away what has been kept long enough. Nothing goes unless `privacy keep` said when."""
    with call.store() as store:
        found = rooms.sweep(store, dry_run=dry_run, by=call.by, now=call.now)
    words = "would go" if dry_run else "are gone"
    call.answer(found, *([f"{one.kind}: {one.count:,} {words}" for one in found] or ["everything is kept for good"]))


def _line(one: Request) -> str:
    state = f"closed {iso(one.done_at)}" if one.done_at is not None else f"due {iso(one.due_at)}"
    return f"{one.id}  {one.who or f'contact {one.contact_id} (forgotten)'} {KINDS[one.kind]}: {state}"


COMMANDS = (privacy,)
