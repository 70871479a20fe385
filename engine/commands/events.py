"""`events …`: say that something happened, and see what did."""

from __future__ import annotations

import json
from typing import Any

import click

from ..activity.recording import list_events, record_event
from ..activity.timeline import timeline
from ..activity.verdicts import judge, take_back
from ..clock import iso, parse_moment
from ..errors import BadInput
from ..people.contacts import must_find
from .common import Call, Group, read_json, takes_call


@click.group("events", cls=Group)
def events() -> None:
    """What people did."""


@events.command("send")
@click.argument("who", metavar="EMAIL")
@click.argument("name")
@click.option("--props", metavar="JSON", default="{}", help="properties, a JSON object")
@click.option("--object", "thing", metavar="O", help="the main property: path, link, product")
@click.option("--at", metavar="T", help="when it happened (default: now)")
@click.option("--create", is_flag=True, help="make the contact when the address is new")
@takes_call
def send(call: Call, who: str, name: str, props: str, thing: str | None, at: str | None, create: bool) -> None:
    """Record that EMAIL did NAME. The next tick takes it in."""
    found = read_json(props, "--props")
    if not isinstance(found, dict):
        raise BadInput("--props: write a JSON object, for example '{\"plan\": \"pro\"}'")
    with call.store() as store:
        done = record_event(store, who, name, props=found, thing=thing, at=None if at is None else parse_moment(at),
                            create=create, by=call.by, now=call.now)
    call.answer(done, f"{done.event}{' ' + done.object if done.object else ''} by {who} at {iso(done.occurred_at)}: "
                      "the next tick takes it in")


@events.command("list")
@click.argument("who", metavar="[EMAIL]", required=False)
@click.option("--name", metavar="NAME", help="only events of this name")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000))
@takes_call
def list_(call: Call, who: str | None, name: str | None, limit: int) -> None:
    """The newest events, of one contact or of all."""
    with call.store() as store:
        contact_id = None if who is None else must_find(store, who)
        found = list_events(store, contact_id=contact_id, name=name, limit=limit)
    rows = [_shown(dict(zip(found.columns, row, strict=True))) for row in found.itertuples(index=False)]
    call.answer(rows, *(_line(row) for row in rows), *(["no events"] if not rows else []))


@events.command("timeline")
@click.argument("who", metavar="EMAIL")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000))
@takes_call
def timeline_(call: Call, who: str, limit: int) -> None:
    """Everything that happened to EMAIL, newest first."""
    with call.store() as store:
        entries = timeline(store, must_find(store, who), limit=limit)
    call.answer([{"at": iso(one.at), "kind": one.kind, "text": one.text, "detail": one.detail} for one in entries],
                *(f"{iso(one.at)}  {one.kind:11}  {one.text}" for one in entries), *(["nothing yet"] if not entries else []))


@events.command("judge")
@click.argument("verdict")
@click.argument("ids", type=int, nargs=-1)
@click.option("--why", default="", help="what gave it away")
@takes_call
def judge_(call: Call, verdict: str, ids: tuple[int, ...], why: str) -> None:
    """Say that a human or a machine did the events IDS (`events list` shows them): rules, segments and scores follow."""
    with call.store() as store:
        done = judge(store, ids, verdict, why, by=call.by, now=call.now)
    call.answer({"changed": done}, f"{done} judged otherwise before, {verdict} from now on")


@events.command("unjudge")
@click.argument("ids", type=int, nargs=-1, required=True)
@takes_call
def unjudge(call: Call, ids: tuple[int, ...]) -> None:
    """Take back what was said last of the events IDS: they are judged as before."""
    with call.store() as store:
        done = take_back(store, ids, by=call.by, now=call.now)
    call.answer({"changed": done}, f"{done} judged as before")


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """pandas turns whole numbers with gaps into floats and gaps into NaN."""
    clean = {key: None if value != value else int(value) if isinstance(value, float) else value for key, value in row.items()}
    moments = {key: iso(clean[key]) for key in ("occurred_at", "received_at")}
    return clean | moments | {"props": json.loads(row["props"]), "historic": bool(clean["historic"])}


def _line(shown: dict[str, Any]) -> str:
    who = shown["email"] or shown["external_id"] or f"visitor {shown['contact_id']}"
    parts = (str(shown["id"]), shown["occurred_at"], who, shown["name"], shown["object"], shown["verdict"])
    return "  ".join(filter(None, parts))


COMMANDS = (events,)
