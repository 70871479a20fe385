"""`abtest`: plan a test, and read one from counts, from rows or from the journeys of the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import click
import numpy as np

from ..audience import segments
from ..clock import iso, parse_duration, parse_moment, say_duration
from ..errors import BadInput, NotYet, listing
from ..lazy import pd
from ..measure import groups, splits
from ..trials import planner, results
from ..trials.results import Analysis, ArmResult, Floats, Kind
from .common import Call, Command, Group, takes_call
from .frames import read_frame

METHODS = ("fixed", "sequential", "bayes")
YES = frozenset({"1", "true", "yes", "t", "y", "1.0"})
NO = frozenset({"0", "false", "no", "f", "n", "0.0"})


@click.group("abtest", cls=Group)
def abtest() -> None:
    """Plan A/B tests and read them honestly."""


def _reading(command: Any) -> Any:
    """The options that every reading of a test shares."""
    for option in (
        click.option("--expected", metavar="50,50", help="the planned split, in the order of the arms (default: even)"),
        click.option("--control", metavar="NAME", help="the arm the others are compared with (default: the first)"),
        click.option("--alpha", type=float, default=0.05, show_default=True),
        click.option("--method", type=click.Choice(METHODS), default="fixed", show_default=True),
    ):
        command = option(command)
    return command


@abtest.command("analyze")
@click.option("--arm", "arms", multiple=True, required=True, metavar="NAME=SUCCESSES/N", help="once per arm")
@_reading
@takes_call
def analyze(call: Call, arms: tuple[str, ...], method: str, alpha: float, control: str | None,
            expected: str | None) -> None:
    """Judge counts: a two-sided pooled z test, each arm against the control."""
    _only_fixed(method)
    counts = _arms(arms)
    found = results.analyze_counts(counts, alpha=alpha, control=control, expected=_weights(expected))
    call.answer(_document(found, "proportion"), *_lines(found))


@abtest.command("analyze-file")
@click.argument("file")
@click.option("--group", required=True, metavar="COL", help="the column that names the arm")
@click.option("--metric", required=True, metavar="COL", help="the column with the outcome of the contact")
@click.option("--kind", type=click.Choice(["proportion", "mean"]), default="proportion", show_default=True)
@_reading
@takes_call
def analyze_file(call: Call, file: str, group: str, metric: str, kind: str, method: str, alpha: float,
                 control: str | None, expected: str | None) -> None:
    """Judge rows, one per contact: proportions by z test, means by Welch. Arms stand in order of name."""
    _only_fixed(method)
    frame = read_frame(file)
    for name in (group, metric):
        if name not in frame:
            raise BadInput(f"{file}: no column {name!r}; it has {listing(list(frame.columns))}")
    asked = cast(Kind, kind)
    values = _outcomes(frame, metric) if asked == "proportion" else _amounts(frame, metric)
    found = results.analyze_rows(_groups(frame, group), values, kind=asked, alpha=alpha, control=control,
                                 expected=_weights(expected))
    call.answer(_document(found, asked), *_lines(found))


@abtest.command("plan")
@click.option("--baseline", type=float, required=True, metavar="R", help="the rate today, 0.03 for 3 %")
@click.option("--lift", type=float, metavar="REL", help="the relative lift to see, 0.1 for +10 %")
@click.option("--difference", type=float, metavar="ABS", help="or the absolute difference, 0.003 for 3 % to 3.3 %")
@click.option("--audience", type=int, metavar="N_PER_ARM", help="contacts that each arm can have")
@click.option("--power", type=float, default=0.8, show_default=True)
@click.option("--alpha", type=float, default=0.05, show_default=True)
@click.option("--arms", type=int, default=2, show_default=True)
@takes_call
def plan(call: Call, baseline: float, lift: float | None, difference: float | None, audience: int | None,
         power: float, alpha: float, arms: int) -> None:
    """How many contacts a test needs, and what an audience can see."""
    made = planner.plan(baseline, relative_lift=lift, difference=difference, audience_per_arm=audience, power=power,
                        alpha=alpha, n_arms=arms)
    call.answer(made, made.sentence)


@abtest.command("list", cls=Command)
@takes_call
def list_(call: Call) -> None:
    """The random splits of journeys, each a test."""
    with call.store() as store:
        found = splits.list_tests(store)
        passages = [splits.passages(store, one) for one in found]
    shown = [{"name": one.key, "journey": one.journey, "node": one.node, "version": one.version, "arms": one.arms,
              "conversion": one.conversion, "window": say_duration(one.within_s), "since": iso(one.since_at),
              "passages": count} for one, count in zip(found, passages, strict=True)]
    lines = [f"{one.key}: {' / '.join(one.arms)}, {count:,} passages since {iso(one.since_at)}"
             for one, count in zip(found, passages, strict=True)]
    call.answer(shown, *(lines or ["no test: a journey with a random split is one"]))


@abtest.command("show", cls=Command)
@click.argument("name", metavar="JOURNEY/NODE")
@click.option("--exposed-from", metavar="ISO|EPOCH", help="the first exposure that counts (default: the first version)")
@click.option("--exposed-to", metavar="ISO|EPOCH", help="the first that no longer counts (default: after now)")
@click.option("--window", metavar="DURATION", help="time to convert (default: that of the journey's goal)")
@click.option("--event", metavar="NAME", help="what counts as a conversion (default: the journey's goal)")
@click.option("--as-of", metavar="ISO|EPOCH", help="as it would have been read then (default: now)")
@click.option("--segment", metavar="NAME", help="only who was in it at their first exposure")
@click.option("--by", "by", metavar="GROUPS", help=f"each group by itself: {groups.FORMS}, as at the first exposure")
@click.option("--alpha", type=float, default=0.05, show_default=True)
@click.option("--method", type=click.Choice(METHODS), default="fixed", show_default=True)
@takes_call
def show(call: Call, name: str, exposed_from: str | None, exposed_to: str | None, window: str | None, event: str | None,
         as_of: str | None, segment: str | None, by: str | None, alpha: float, method: str) -> None:
    """A test of the workspace as it stands, in the window that the journey declares or another one."""
    _only_fixed(method)
    now = call.now if as_of is None else parse_moment(as_of)
    with call.store() as store:
        test = splits.get_test(store, name)
        asked = splits.declared(test, now=now, conversion=None if event is None else {"event": event})
        asked = replace(asked, from_at=asked.from_at if exposed_from is None else parse_moment(exposed_from),
                        until_at=asked.until_at if exposed_to is None else parse_moment(exposed_to),
                        within_s=asked.within_s if window is None else parse_duration(window),
                        segment=None if segment is None else segments.get(store, segment).name)
        found = splits.read(store, test, asked, now=now, alpha=alpha)
        parts = None if by is None else splits.read_parts(store, test, asked, groups.read(store, by), now=now, alpha=alpha)
    document = {"test": test.key, "window": _window(asked), "waiting": found.waiting, "exploratory": found.exploratory,
                **_document(found.analysis, "proportion"), "notes": [*found.notes, *found.analysis.notes]}
    if parts is not None:
        document |= {"by": parts.grouping.key, "groups": {one: _document(part, "proportion")
                                                          for one, part in parts.groups.items()}, "groups_notes": parts.notes}
    call.answer(document, *_lines(found.analysis), *found.notes, *(_part_lines(parts) if parts else ()))


def _window(asked: splits.Window) -> dict[str, Any]:
    return {"conversion": asked.conversion, "exposed_from": iso(asked.from_at), "exposed_to": iso(asked.until_at),
            "within": say_duration(asked.within_s), "segment": asked.segment}


def _part_lines(parts: splits.Parts) -> list[str]:
    lines = [line for name, part in parts.groups.items() for line in (f"{name}:", *(f"  {said}" for said in _lines(part)))]
    return [f"By {parts.grouping.words}:", *lines, *parts.notes]


def _pending(name: str, words: str) -> click.Command:
    @abtest.command(name, help=f"Not yet: {words}.", context_settings={"ignore_unknown_options": True})
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    @takes_call
    def say(_: Call, arguments: tuple[str, ...]) -> None:  # noqa: ARG001 - whatever is asked, the answer is the same
        raise NotYet(f"abtest {name}: not yet; use abtest analyze with the counts of the arms")

    return say


for _name, _words in (("export", "the rows of a test"), ("decide", "promote a variant")):
    _pending(_name, _words)


def _only_fixed(method: str) -> None:
    if method != "fixed":
        raise NotYet(f"--method {method}: not yet; use --method fixed")


def _arms(words: Sequence[str]) -> dict[str, tuple[int, int]]:
    counts: dict[str, tuple[int, int]] = {}
    for word in words:
        name, _, numbers = word.rpartition("=")
        successes, _, n = numbers.partition("/")
        if not name.strip() or not (successes.strip().isdecimal() and n.strip().isdecimal()):
            raise BadInput(f"--arm {word!r}: write NAME=SUCCESSES/N, for example B=250/1000")
        if name.strip() in counts:
            raise BadInput(f"--arm {name.strip()} is given twice")
        counts[name.strip()] = (int(successes), int(n))
    return counts


def _weights(expected: str | None) -> list[float] | None:
    if expected is None:
        return None
    try:
        return [float(part) for part in expected.split(",")]
    except ValueError:
        raise BadInput(f"--expected {expected!r}: write the parts with commas between, for example 50,50") from None


def _groups(frame: pd.DataFrame, name: str) -> list[str]:
    column = frame[name].str.strip()
    _refuse(frame, name, (column == "").to_numpy(), "names no arm")
    return list(column)


def _outcomes(frame: pd.DataFrame, name: str) -> Floats:
    column = frame[name].str.strip().str.lower()
    yes = column.isin(YES).to_numpy()
    _refuse(frame, name, ~(yes | column.isin(NO).to_numpy()), "is not 0 or 1; for amounts use --kind mean")
    return np.asarray(yes, dtype=float)


def _amounts(frame: pd.DataFrame, name: str) -> Floats:
    numbers = np.asarray(pd.to_numeric(frame[name].str.strip(), errors="coerce"), dtype=float)
    _refuse(frame, name, ~np.isfinite(numbers), "is not a number")
    return numbers


def _refuse(frame: pd.DataFrame, name: str, bad: Any, why: str) -> None:
    places = np.flatnonzero(bad)
    if len(places):
        more = f" (and {len(places) - 1} more lines)" if len(places) > 1 else ""
        raise BadInput(f"line {frame.index[places[0]]}: {name} {frame[name].iloc[places[0]]!r} {why}{more}")


def _document(found: Analysis, kind: Kind) -> dict[str, Any]:
    """The contract's keys; for a mean `rate` is the mean per contact and `sd` stands beside it."""
    return {
        "arms": [_arm(arm, kind) for arm in found.arms],
        "comparisons": found.comparisons,
        "srm": found.srm,
        "verdict": found.verdict,
        "notes": found.notes,
    }


def _arm(arm: ArmResult, kind: Kind) -> dict[str, Any]:
    shown = {"name": arm.name, "n": arm.n, "successes": arm.successes, "rate": arm.rate, "ci": arm.ci}
    return shown if kind == "proportion" else {**shown, "sd": arm.sd}


def _lines(found: Analysis) -> list[str]:
    arms = [f"{arm.name}: {_said(arm)}" for arm in found.arms]
    return [*arms, found.verdict, *found.notes]


def _said(arm: ArmResult) -> str:
    if arm.rate is None:
        return "nobody"
    if arm.successes is None:
        return f"mean {arm.rate:,.4g} over {arm.n:,}"
    return f"{arm.successes:,} of {arm.n:,} = {arm.rate * 100:.2f} %"


COMMANDS = (abtest,)
