"""`score`: what a contact's score is the sum of."""

from __future__ import annotations

from dataclasses import replace

import click

from ..audience import scoring
from ..clock import iso
from ..errors import BadInput
from .common import Call, Command, Group, read_json, read_text, takes_call


@click.group("score", cls=Group)
def score() -> None:
    """Scores and the entries behind them."""


@score.command("explain", cls=Command)
@click.argument("email")
@takes_call
def explain(call: Call, email: str) -> None:
    """The entries that a contact's scores are the sums of."""
    with call.store() as store:
        found = scoring.explain(store, email, now=call.now)
    entries = [f"{iso(one.at)}  {one.group}  {one.points:+d}"
               f"{f', worth {one.worth:+g} now' if one.worth != one.points else ''}  {one.reason}" for one in found.entries]
    call.answer(found, f"fit {found.fit}, engagement {found.engagement}", *entries)


@score.command("rules", cls=Command)
@click.option("--archived", is_flag=True, help="also those that give no more points")
@takes_call
def rules(call: Call, archived: bool) -> None:
    """The rules that give points, with their caps."""
    with call.store() as store:
        found = scoring.list_rules(store, archived=archived)
    call.answer(found, *[_line(one) for one in found] or ["none yet: make one with `score rule NAME FILE`"])


@score.command("rule", cls=Command)
@click.argument("name")
@click.argument("file")
@takes_call
def rule(call: Call, name: str, file: str) -> None:
    """Make or change a rule from JSON: {"event", "where"} or {"rule"}, points, group, max_per_contact, max_per_day."""
    document = read_json(read_text(file), file)
    with call.store() as store:
        made = scoring.save_rule(store, name, document, by=call.by, now=call.now)
    call.answer(made, _line(made))


@score.command("archive", cls=Command)
@click.argument("name")
@takes_call
def archive(call: Call, name: str) -> None:
    """A rule gives no more points; its entries stay."""
    with call.store() as store:
        scoring.archive_rule(store, name, by=call.by, now=call.now)
    call.answer({"archived": name}, f"{name} gives no more points")


@score.command("policy", cls=Command)
@click.option("--half-life", "half_lives", multiple=True, metavar="GROUP=DAYS", help="0: points keep their worth")
@click.option("--threshold", "lines", multiple=True, metavar="NAME=SCORE", help="of both groups together; 0 takes it away")
@takes_call
def policy(call: Call, half_lives: tuple[str, ...], lines: tuple[str, ...]) -> None:
    """Show half-lives, thresholds and bands, or change what is given."""
    with call.store() as store:
        found = scoring.policy(store)
        days = {name: count or None for name, count in map(_number, half_lives)}
        thresholds = {name: line for name, line in (found.thresholds | dict(map(_number, lines))).items() if line}
        wanted = replace(found, half_life_days=found.half_life_days | days, thresholds=thresholds)
        if wanted != found:
            scoring.save_policy(store, wanted, by=call.by, now=call.now)
    call.answer(wanted, *(f"{group}: half-life {f'{count} days' if count else 'none'}"
                          for group, count in wanted.half_life_days.items()),
                *(f"{name} from {line}" for name, line in wanted.thresholds.items()))


@score.command("matrix", cls=Command)
@takes_call
def matrix(call: Call) -> None:
    """How many people stand where, from A1 (fits and is engaged) to C3."""
    with call.store() as store:
        found = scoring.matrix(store)
    call.answer(found, *(f"{one['fit']}{one['engagement']}  {one['people']:,}" for one in found))


def _line(one: scoring.ScoreRule) -> str:
    both = ((one.max_per_contact, "per contact"), (one.max_per_day, "a day"))
    caps = [f"at most {count} times {words}" for count, words in both if count]
    return f"{one.name}: {one.points:+d} {one.group} {'while' if one.segment_id else 'for'} {one.sentence}" + \
        "".join(f", {cap}" for cap in caps) + ("" if one.status == "live" else f" ({one.status})")


def _number(text: str) -> tuple[str, int]:
    name, sign, number = text.partition("=")
    if not sign or not number.strip().isdigit():
        raise BadInput(f"{text!r}: write a name, =, and a whole number, such as mql=50")
    return name.strip(), int(number)


COMMANDS = (score,)
