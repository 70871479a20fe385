"""`contacts`: one person at a time, and all of them as a table."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ..activity.timeline import timeline
from ..audience import affinity
from ..audience.personas import persona_of
from ..clock import iso
from ..errors import BadInput
from ..measure import worth
from ..outreach import opt_in
from ..people import contacts as people
from ..people.contacts import Contact, listing
from ..people.contacts.listing import Wanted
from ..people.duplicates import candidates
from ..service import exporting, privacy, settling
from ..service.editing import Edit, consents_of, edit_contact
from ..service.importing.contacts import parse_consent
from ..store import Store
from .common import Call, Command, Group, takes_call


@click.group("contacts", cls=Group)
def contacts() -> None:
    """Show, change, merge, erase and export contacts. WHO is an email address or external id."""


@contacts.command("show", cls=Command)
@click.argument("who", metavar="EMAIL")
@takes_call
def show(call: Call, who: str) -> None:
    """Everything known of a contact, as one document."""
    with call.store() as store:
        found = _document(store, people.get(store, who), call.now)
    call.answer(found)


@contacts.command("set", cls=Command)
@click.argument("who", metavar="EMAIL")
@click.argument("values", nargs=-1, metavar="FIELD=VALUE")
@click.option("--tag", "tags", multiple=True, metavar="NAME", help="give a tag")
@click.option("--untag", "untags", multiple=True, metavar="NAME", help="take a tag away")
@click.option("--list", "lists", multiple=True, metavar="NAME", help="put on a list")
@click.option("--unlist", "unlists", multiple=True, metavar="NAME", help="take off a list")
@click.option("--consent", "consents", multiple=True, metavar="email:subscribed:SOURCE", help="what they said, and where")
@takes_call
def set_(call: Call, who: str, values: tuple[str, ...], tags: tuple[str, ...], untags: tuple[str, ...],
         lists: tuple[str, ...], unlists: tuple[str, ...], consents: tuple[str, ...]) -> None:
    """Change a contact, or make one of a new address. FIELD= empties a field; account=NAME sets the company."""
    agreed = [parse_consent(text) for text in consents]
    edit = Edit(_pairs(values), tags, untags, lists, unlists, [(one.channel, one.status, one.source) for one in agreed])
    with call.store() as store:
        found = _document(store, edit_contact(store, who, edit, by=call.by, now=call.now, source="command line"),
                          call.now)
    call.answer(found)


@contacts.command("erase", cls=Command)
@click.argument("who", metavar="EMAIL")
@takes_call
def erase(call: Call, who: str) -> None:
    """Forget a contact for good; its addresses are never written to again."""
    with call.store() as store:
        done = privacy.erase(store, people.must_find(store, who), by=call.by, now=call.now)
    rows = sum(done.deleted.values()) + sum(done.stripped.values())
    call.answer(done, f"contact {done.contact_id} is erased: {rows:,} rows deleted or stripped, its addresses suppressed")


@contacts.command("merge", cls=Command)
@click.argument("keep")
@click.argument("lose")
@takes_call
def merge(call: Call, keep: str, lose: str) -> None:
    """Make one contact of two: KEEP stays, with everything of LOSE. `contacts unmerge KEEP` takes it back."""
    with call.store() as store:
        keeper, loser = people.must_find(store, keep), people.must_find(store, lose)
        people.merge(store, keeper, loser, by=call.by, now=call.now)
        found = _document(store, people.get(store, keeper), call.now)
    call.answer(found)


@contacts.command("unmerge", cls=Command)
@click.argument("keep")
@takes_call
def unmerge(call: Call, keep: str) -> None:
    """Take the newest merge into KEEP back: both stand again; what has happened since stays with KEEP."""
    with call.store() as store:
        again = people.unmerge(store, people.must_find(store, keep), by=call.by, now=call.now)
        found = _document(store, people.get(store, again), call.now)
    call.answer(found)


@contacts.command("duplicates", cls=Command)
@click.option("--limit", default=100, show_default=True, help="pairs shown")
@takes_call
def duplicates(call: Call, limit: int) -> None:
    """Pairs that may be one person, the likeliest first, and why."""
    with call.store() as store:
        pairs = candidates(store)
        shown = [{"keep": _name(store, pair.keep_id), "lose": _name(store, pair.lose_id), "likeness": pair.likeness,
                  "why": pair.words} for pair in pairs[:limit]]
    call.answer({"pairs": len(pairs), "shown": shown}, f"{len(pairs):,} pairs",
                *(f"{one['likeness']}  {one['keep']}  {one['lose']}  ({one['why']})" for one in shown))


@contacts.command("apart", cls=Command)
@click.argument("one")
@click.argument("other")
@takes_call
def apart(call: Call, one: str, other: str) -> None:
    """Two people after all: no longer list them as duplicates."""
    with call.store() as store:
        settling.keep_apart(store, people.must_find(store, one), people.must_find(store, other), by=call.by, now=call.now)
    call.answer({"apart": [one, other]}, f"{one} and {other} are two people")


@contacts.command("opt-in", cls=Command)
@click.argument("email")
@click.option("--text", required=True, metavar="TEXT", help="what they were shown and agreed to: kept as the proof")
@click.option("--source", required=True, metavar="WHERE", help="where they did, for example 'form on the start page'")
@click.option("--topic", default="", metavar="NAME", help="for one topic (default: the channel as a whole)")
@click.option("--themselves", is_flag=True, help="they asked for mail just now: an earlier no is no obstacle")
@takes_call
def opt_in_(call: Call, email: str, text: str, source: str, topic: str, themselves: bool) -> None:
    """Ask by mail whether they mean it (double opt-in), or ask again; until they say yes nothing else is written."""
    with call.store() as store:
        asked = opt_in.sign_up(store, email, text_shown=text, source=source, topic=topic, themselves=themselves, by=call.by,
                               now=call.now)
    call.answer({**asdict(asked), "expires_at": iso(asked.expires_at)}, opt_in.waiting_words(asked))


@contacts.command("export", cls=Command)
@click.option("--segment", metavar="NAME", help="its members only")
@click.option("--out", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
              help=".csv or .xlsx (default: CSV on standard output)")
@click.option("--third-party", is_flag=True, help="for an ad audience, a partner: without those who said do not sell or share")
@takes_call
def export(call: Call, segment: str | None, out: Path | None, third_party: bool) -> None:
    """Contacts as a table, safe to open in a spreadsheet."""
    wanted = Wanted(segment=segment, third_party=third_party)
    with call.store() as store:
        kept_back = listing.kept_back(store, wanted) if third_party else 0
        if third_party:
            call.note(f"{kept_back:,} left out: they said do not sell or share, or their data is restricted")
        if out is not None:
            count = exporting.export_file(store, out, segment=segment, third_party=third_party, now=call.now)
            answer = {"contacts": count, "file": str(out)} | ({"left_out": kept_back} if third_party else {})
            call.answer(answer, f"{count:,} contacts in {out}")
        elif call.as_json:
            rows = exporting.contact_rows(store, wanted, now=call.now)
            header = next(rows)
            call.answer([dict(zip(header, row, strict=True)) for row in rows])
        else:
            exporting.export_contacts(store, sys.stdout, wanted, now=call.now)


def _name(store: Store, contact_id: int) -> str:
    found = people.get(store, contact_id)
    return found.email or found.external_id or f"contact {contact_id}"


def _pairs(values: tuple[str, ...]) -> dict[str, Any]:
    pairs = [value.partition("=") for value in values]
    if wrong := next((name for name, equals, _ in pairs if not equals or not name.strip()), None):
        raise BadInput(f"{wrong!r}: write FIELD=VALUE, for example first_name=Ada")
    return {name: value for name, _, value in pairs}


def _document(store: Store, contact: Contact, now: int) -> dict[str, Any]:
    """One document; moments as ISO text, consent by channel."""
    said = consents_of(store, contact.id)
    return asdict(contact) | {
        "created_at": iso(contact.created_at), "updated_at": iso(contact.updated_at),
        "consent": {channel: status for (channel, topic), status in said.items() if not topic},
        "topics": [{"channel": channel, "topic": topic, "status": status}
                   for (channel, topic), status in said.items() if topic],
        "persona": persona_of(store, contact.id),
        "affinity": dict(affinity.of_contact(store, contact.id, now=now)),
        "value": _value(store, contact.id, now),
        "segments": [row[0] for row in store.rows(
            "SELECT s.name FROM segment_member m JOIN segment s ON s.id = m.segment_id WHERE m.contact_id = :id "
            "ORDER BY s.name", id=contact.id)],
        "journeys": store.records(
            "SELECT j.name, e.status, e.reason FROM enrollment e JOIN journey j ON j.id = e.journey_id "
            "WHERE e.contact_id = :id ORDER BY e.id", id=contact.id),
        "timeline": [{"at": iso(one.at), "kind": one.kind, "text": one.text, "detail": one.detail}
                     for one in timeline(store, contact.id, limit=50)],
    }


def _value(store: Store, contact_id: int, now: int) -> dict[str, Any]:
    """Orders and what they brought; money in minor units of its currency."""
    found = worth.of_contact(store, contact_id, now=now)
    return {"orders": found.orders, "unpriced": found.unpriced, "last_order": iso(found.last_at), "by_currency": [
        {"currency": one.currency, "orders": one.orders, "revenue_minor": one.revenue_minor,
         "average_order_minor": one.average_minor, "first_order": iso(one.first_at), "last_order": iso(one.last_at),
         "next_12_months_minor": one.next_year_minor, "why_not": one.why_not} for one in found.worth]}


COMMANDS = (contacts,)
