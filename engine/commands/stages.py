"""`stages`: rules of the lifecycle, and how people flow through it."""

from __future__ import annotations

import json
from typing import Any

import click

from ..audience import lifecycle
from ..clock import DAY, parse_moment
from .common import Call, Command, Group, read_json, read_text, takes_call


@click.group("stages", cls=Group)
def stages() -> None:
    """Lifecycle stages: rules in and out, flow, and which stages no journey looks after."""


@stages.command("list", cls=Command)
@takes_call
def list_(call: Call) -> None:
    """Every stage with its people and its rule."""
    with call.store() as store:
        rules = {rule.stage: rule for rule in lifecycle.list_rules(store)}
        people = lifecycle.counts(store)
    found = [{"stage": stage, "people": count, "rule": rules[stage].sentence if stage in rules else None,
              "regress": rules[stage].regress if stage in rules else None} for stage, count in people.items() if stage]
    call.answer(found, *(f"{one['stage']}  {one['people']:,}  {one['rule'] or 'no rule'}"
                         f"{' (also back)' if one['regress'] else ''}" for one in found))


@stages.command("rule", cls=Command)
@click.argument("stage")
@click.argument("file")
@click.option("--regress", is_flag=True, help="it may move people back from a later stage")
@takes_call
def rule(call: Call, stage: str, file: str, regress: bool) -> None:
    """Give a stage its rule, as JSON: whoever begins to match enters it."""
    document = read_json(read_text(file), file)
    with call.store() as store:
        made = lifecycle.save_rule(store, stage, document, regress=regress, by=call.by, now=call.now)
    call.answer(made, f"{made.stage}: {made.sentence}")


@stages.command("remove-rule", cls=Command)
@click.argument("stage")
@takes_call
def remove_rule(call: Call, stage: str) -> None:
    """Take the rule of a stage away; people stay where they are."""
    with call.store() as store:
        lifecycle.remove_rule(store, stage, by=call.by, now=call.now)
    call.answer({"removed": stage}, "removed")


@stages.command("flow", cls=Command)
@click.option("--since", metavar="ISO|EPOCH", help="default: 90 days ago")
@takes_call
def flow(call: Call, since: str | None) -> None:
    """Per stage: who entered, moved on, fell back, is still there; time in the stage."""
    with call.store() as store:
        found = lifecycle.flow(store, since=parse_moment(since) if since else call.now - 90 * DAY, until=call.now + 1)
    rows = json.loads(found.to_json(orient="records"))
    call.answer(rows, *map(_line, rows) if rows else ["nobody entered a stage"])


def _line(one: dict[str, Any]) -> str:
    stay = "" if one["median_days"] is None else f"; half of those who left stayed {one['median_days']:.1f} days or less"
    return (f"{one['stage']}: {one['entered']:,} entered, {one['rate']:.0%} moved on, {one['fell_back']:,} fell back, "
            f"{one['still']:,} still there{stay}")


@stages.command("coverage", cls=Command)
@takes_call
def coverage(call: Call) -> None:
    """Stage by journey: how many people of each are in it now, and how many in none."""
    with call.store() as store:
        found = lifecycle.coverage(store)
    rows = json.loads(found.to_json(orient="records"))
    call.answer(rows, *[f"{one['stage']}: {one['people']:,}, {one['in_none']:,} in no journey" for one in rows]
                or ["nobody stands at a stage"])


COMMANDS = (stages,)
