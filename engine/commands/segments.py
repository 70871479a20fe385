"""`segments`: rules with a name, and how many people a rule matches."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from ..audience import comparing, explaining, growth, rules
from ..audience import segments as rooms
from ..clock import iso, parse_moment
from ..errors import BadInput
from .common import Call, Command, Group, read_json, read_text, takes_call

_rule_file = click.option("--rule", "rule_file", required=True, metavar="FILE", help="a rule as JSON; - reads standard input")


@click.group("segments", cls=Group)
def segments() -> None:
    """Who matches a rule, and rules kept as segments."""


@segments.command("count", cls=Command)
@_rule_file
@click.option("--as-of", metavar="ISO|EPOCH", help="as things stood at that moment: fields, tags, stages and consent too")
@takes_call
def count(call: Call, rule_file: str, as_of: str | None) -> None:
    """How many contacts match a rule."""
    document = _read(rule_file)
    with call.store() as store:
        rule = rules.parse(document, rules.known(store))
        found = rooms.count(store, rule, now=parse_moment(as_of) if as_of else call.now, past=as_of is not None)
    unsure = f"; {found.unjudged:,} cannot be judged: only machines opened" if found.unjudged else ""
    known = {name: value for name, value in asdict(found).items() if value is not None}
    call.answer(known, f"{found.count:,} of {found.total:,} contacts: {found.sentence} ({found.seconds:g} s){unsure}")


@segments.command("members", cls=Command)
@_rule_file
@click.option("--limit", type=click.IntRange(min=1), help="the first so many")
@takes_call
def members(call: Call, rule_file: str, limit: int | None) -> None:
    """The contacts that match a rule."""
    document = _read(rule_file)
    with call.store() as store:
        found = rooms.members(store, rules.parse(document, rules.known(store)), now=call.now, limit=limit)
    call.answer(found, *[_line(one) for one in found] or ["nobody matches"])


@segments.command("save", cls=Command)
@click.argument("name")
@_rule_file
@takes_call
def save(call: Call, name: str, rule_file: str) -> None:
    """Keep a rule as a segment, new or changed, and work out its members."""
    document = _read(rule_file)
    with call.store() as store:
        found = rooms.save(store, name, document, by=call.by, now=call.now)
    call.answer(found, _summary(found))


@segments.command("list", cls=Command)
@takes_call
def list_(call: Call) -> None:
    """Every segment with its size."""
    with call.store() as store:
        found = rooms.list_segments(store)
    lines = [_summary(one) + (f"; last reviewed {iso(one.reviewed_at)}: is the rule still right?" if one.due(call.now) else "")
             for one in found]
    call.answer([asdict(one) | {"due": one.due(call.now)} for one in found],
                *lines or ["no segments yet: make one with `segments save NAME --rule FILE`"])


@segments.command("sizes", cls=Command)
@click.argument("name")
@click.option("--days", type=click.IntRange(1, 3_660), default=90, show_default=True)
@takes_call
def sizes(call: Call, name: str, days: int) -> None:
    """How many members it had at the end of each day, and who entered and left."""
    with call.store() as store:
        found = growth.sizes(store, rooms.get(store, name).id, now=call.now, days=days)
    rows = [{"day": (iso(int(row["day"])) or "")[:10], **{key: int(row[key]) for key in ("members", "entered", "left")}}
            for row in found.to_dict("records")]
    call.answer(rows, *(f"{one['day']}: {one['members']:,} members, +{one['entered']:,} -{one['left']:,}" for one in rows))


@segments.command("explain", cls=Command)
@click.argument("name")
@click.argument("email")
@click.option("--as-of", metavar="ISO|EPOCH", help="as it was known at that moment")
@takes_call
def explain(call: Call, name: str, email: str, as_of: str | None) -> None:
    """Why a contact is in a segment, or not: each condition with its verdict and what was observed."""
    with call.store() as store:
        at = parse_moment(as_of) if as_of else call.now
        found = explaining.explain(store, name, email, now=at, past=as_of is not None)
    where = "in" if found.matches else "not in"
    head = f"{email} is {where} {found.segment}" + ("" if found.there else ": no such contact then")
    call.answer(found, f"{head} ({iso(found.at)})", *[_reason(one) for one in found.lines])


@segments.command("review", cls=Command)
@click.argument("name")
@takes_call
def review(call: Call, name: str) -> None:
    """Say that a segment's rule was looked at and is still right; after 30 days it is time to look again."""
    with call.store() as store:
        found = rooms.review(store, name, by=call.by, now=call.now)
    call.answer(found, f"{found.name}: reviewed {iso(found.reviewed_at)}")


@segments.command("overlap", cls=Command)
@click.argument("name")
@takes_call
def overlap(call: Call, name: str) -> None:
    """The segments that share most members with one."""
    with call.store() as store:
        found = comparing.overlap(store, name).to_dict("records")
    call.answer(found, *[f"{one['name']}: {one['both']:,} members in both, {one['share']:.1%}" for one in found]
                or ["no other segment has any of its members"])


@segments.command("drift", cls=Command)
@click.argument("name")
@click.option("--days", type=click.IntRange(1, 366), default=comparing.DRIFT_DAYS, show_default=True,
              help="compared with so long ago")
@takes_call
def drift(call: Call, name: str, days: int) -> None:
    """Whether its members are other people than they were (population stability index)."""
    with call.store() as store:
        found = comparing.drift(store, name, now=call.now, days=days)
    call.answer(found, *[f"{one.what}: {one.verdict}" + ("" if one.index is None else f" ({one.index:.3f})") for one in found])


@segments.command("timing", cls=Command)
@click.argument("name")
@takes_call
def timing(call: Call, name: str) -> None:
    """What each condition costs when everybody is asked, the dearest first."""
    with call.store() as store:
        found = comparing.timing(store, name, now=call.now)
    call.answer(found, *[f"{one.seconds:.3f} s  {one.count:,}  {one.sentence}" for one in found])


@segments.command("refresh", cls=Command)
@click.argument("name", required=False)
@takes_call
def refresh(call: Call, name: str | None) -> None:
    """Ask everybody again: for one segment, or for all."""
    with call.store() as store:
        found = rooms.refresh(store, name, by=call.by, now=call.now)
    call.answer(found, *[_summary(one) for one in found] or ["no segments yet"])


def _read(path: str) -> Any:
    try:
        return read_json(read_text(path), path)
    except RecursionError:
        raise BadInput(f"{path}: nested far too deeply; a rule has at most 20 levels") from None


def _summary(one: rooms.Segment) -> str:
    asked = iso(one.refreshed_at) or "never"
    return f"{one.name}: {one.members:,} members, version {one.version}, all asked {asked}: {one.sentence}"


def _reason(one: explaining.Line) -> str:
    seen = ", ".join(f"{label} {value or 'nothing'}" for label, value in one.observed.items())
    return f"{'  ' * one.depth}{'yes' if one.matches else 'no '} {one.sentence}" + (f"  ({seen})" if seen else "")


def _line(one: rooms.Member) -> str:
    name = " ".join(word for word in (one.first_name, one.last_name) if word)
    return "  ".join(word for word in (one.email or one.external_id or f"contact {one.id}", name) if word)


COMMANDS = (segments,)
