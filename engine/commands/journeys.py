"""`journeys …` and `enroll`: the same documents and verbs as the canvas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ..clock import DAY, iso, parse_moment
from ..config import find_url, sqlite_path
from ..errors import BadInput, Invalid, Problem
from ..journeys import (
    comparing,
    documents,
    drafts,
    gallery,
    lint,
    migrating,
    reading,
    renaming,
    versions,
)
from ..journeys.enrolling import EXISTING, Existing, count_matching, launch
from ..journeys.enrolling import enroll as enroll_contact
from ..journeys.migrating import Wish
from ..loop import scenarios
from ..loop import simulate as simulating
from ..loop.explain import Passage, explain
from ..loop.why_not import WhyNot, why_not
from ..outreach.limits import REASONS
from ..store import Store
from . import journey_desk
from .common import Call, Command, Group, plain, read_json, read_text, takes_call

MONTH_S = 30 * DAY


@click.group("journeys", cls=Group)
def journeys() -> None:
    """Journeys as text files: check, publish, export, explain."""


@journeys.command("check")
@click.argument("file")
@takes_call
def check(call: Call, file: str) -> None:
    """Validate a journey file and say what is wrong or could be better."""
    document = documents.load(read_text(file), file)
    with call.store() as store:
        problems = lint.check(document, reading.known(store), lint.facts(store))
    errors = [problem for problem in problems if problem.severity == "error"]
    call.answer({"ok": not errors, "problems": problems}, *(_line(one) for one in problems),
                f"{file}: {'ok' if not errors else f'{len(errors)} errors'}")
    if errors:
        raise Invalid(errors)


def _line(problem: Problem) -> str:
    return f"{problem.severity:8} {problem.where}: {problem.message} {problem.fix}".rstrip()


@journeys.command("publish")
@click.argument("file")
@click.option("--people", type=click.Choice(["stay", "move", "retime"]), default="stay",
              help="people under way: finish where they are, move, or move and wait by the new times")
@click.option("--map", "mapping", multiple=True, metavar="OLD=NEW", help="where people of a step go; OLD= lets them stay")
@click.option("--dry-run", is_flag=True, help="only say who would stay and who would move")
@click.option("--existing", type=click.Choice(EXISTING),
              help="whether those who match its triggers now enter; without it they do not, and are counted")
@takes_call
def publish(call: Call, file: str, people: str, mapping: tuple[str, ...], dry_run: bool, existing: Existing | None) -> None:
    """Make a journey file the live version."""
    text, wish = read_text(file), _wish(people, mapping)
    with call.store() as store:
        said = migrating.plan(store, text, wish or Wish(), now=call.now)
        waiting = 0 if existing else count_matching(store, text, now=call.now)
        done = None if dry_run else launch(store, text, wish, existing=existing or "new-only", by=call.by, now=call.now)
    moving = said.moving if wish else 0
    counts = {"moving": moving, "staying": said.moving + said.staying - moving}
    if done is None:
        call.answer({**counts, "not_entering": waiting, "nodes": said.nodes}, *(_standing(one) for one in said.nodes),
                    *([f"{waiting:,} match now and would not enter: --existing enter takes them in"] if waiting else []),
                    f"{counts['moving']:,} would move, {counts['staying']:,} would stay; nothing was published")
        return
    made = done.version
    shown = {key: value for key, value in plain(made).items() if key != "document"} | {
        "entering": done.entering, "not_entering": waiting}
    call.answer({**shown, **counts}, f"{made.journey}: version {made.number} is live{'' if made.fresh else ' (unchanged)'}",
                *([f"{done.entering:,} who match now enter"] if done.entering else []),
                *([f"{waiting:,} match now and did not enter: publish it again with --existing enter if they should"]
                  if waiting else []),
                *([f"{counts['moving']:,} move to it at the next tick, {counts['staying']:,} stay"] if wish else []))


def _wish(people: str, mapping: tuple[str, ...]) -> Wish | None:
    pairs = {}
    for one in mapping:
        old, equals, new = one.partition("=")
        if not equals or not old:
            raise BadInput(f"--map {one}: write OLD=NEW, or OLD= for those who stay")
        pairs[old] = new or None
    if people == "stay":
        if pairs:
            raise BadInput("--map belongs to --people move or --people retime")
        return None
    return Wish(people == "retime", pairs)


def _standing(one: migrating.Standing) -> str:
    where = f"{one.people:,} at {one.node} of version {one.version}"
    if one.to is None:
        return f"{where} stay: {migrating.WHY_STAYS[str(one.why)]}"
    return f"{where} move to {one.to}{f', {one.at_once:,} go on at once' if one.at_once else ''}"


@journeys.command("export")
@click.argument("name")
@takes_call
def export(call: Call, name: str) -> None:
    """Print the live version of a journey as its file."""
    with call.store() as store:
        live = versions.get_live(store, name)
    text = drafts.called(live.document, live.journey)
    if call.as_json:
        call.answer({"name": live.journey, "version": live.number, "document": documents.load(text)})
    else:
        click.echo(text, nl=False)


@journeys.command("list")
@takes_call
def list_(call: Call) -> None:
    """All journeys with how many people entered and are under way."""
    with call.store() as store:
        found = versions.list_journeys(store)
    call.answer(found, *(f"{one.name}: {one.status}, version {one.version or '-'}, {one.entered:,} entered, "
                         f"{one.waiting:,} under way" for one in found))


@journeys.command("diff")
@click.argument("a")
@click.argument("b")
@takes_call
def diff(call: Call, a: str, b: str) -> None:
    """What differs between two journeys (files, names, NAME@3 for a version, NAME@draft), in words."""
    with call.store() as store:
        lines = comparing.compare(documents.load(comparing.text_of(store, a), a),
                                  documents.load(comparing.text_of(store, b), b), reading.known(store))
    call.answer({"changes": lines}, *(lines or ["no difference"]))


@journeys.command("gallery")
@takes_call
def gallery_(call: Call) -> None:
    """Journeys to start from: what each does, and what it needs."""
    found = [{"key": one.key, "title": one.title, "group": one.group, "does": one.does, "needs": one.needs}
             for one in gallery.entries()]
    call.answer(found, *(f"{one['key']}: {one['does']} Needs: {one['needs']}" for one in found))


@journeys.command("start")
@click.argument("key")
@click.argument("name", required=False)
@takes_call
def start(call: Call, key: str, name: str | None) -> None:
    """Make a draft of a journey of the gallery, with the messages, fields and segments it needs."""
    with call.store() as store:
        made = gallery.start(store, key, name, by=call.by, now=call.now)
    call.answer({"journey": made.name, "rev": made.rev}, f"{made.name}: a draft; `journeys publish` makes it live")


@journeys.command("clone")
@click.argument("name")
@click.argument("new")
@takes_call
def clone(call: Call, name: str, new: str) -> None:
    """Publish a copy of a journey under another name."""
    with call.store() as store:
        made = renaming.clone(store, name, new, by=call.by, now=call.now)
    call.answer({"journey": made.journey, "version": made.number}, f"{made.journey}: version {made.number} is live")


@journeys.command("rename")
@click.argument("name")
@click.argument("new")
@takes_call
def rename(call: Call, name: str, new: str) -> None:
    """Call a journey otherwise. People stay where they are, and in the arms they drew."""
    with call.store() as store:
        made = renaming.rename(store, name, new, by=call.by, now=call.now)
    call.answer({"journey": made.name, "rev": made.rev}, f"{name} is called {made.name} now")


@journeys.command("explain")
@click.argument("email")
@click.option("--journey", help="only this journey")
@takes_call
def explain_(call: Call, email: str, journey: str | None) -> None:
    """Every step of a contact with its evidence, and what comes next."""
    with call.store() as store:
        found = explain(store, email, journey)
        absent = why_not(store, email, journey, now=call.now) if journey and not found else None
    told = [line for passage in found for line in _story(passage)]
    call.answer(found, *(told or (_absent(absent) if absent else ["in no journey"])))


@journeys.command("why-not")
@click.argument("email")
@click.argument("journey")
@takes_call
def why_not_(call: Call, email: str, journey: str) -> None:
    """Why a contact did not enter a journey: which condition of the way in failed, as it was known then."""
    with call.store() as store:
        found = why_not(store, email, journey, now=call.now)
    call.answer(found, *_absent(found))


def _absent(found: WhyNot) -> list[str]:
    told = [found.verdict]
    told += [f"  {one.sentence}{f' It was {json.dumps(one.evidence)}.' if one.code == 'no_match' else ''}"
             for one in found.candidates[1:] if one.sentence != found.verdict]
    return told + [f"  {'  ' * line.depth}{'yes' if line.matches else 'no '} {line.sentence}"
                   f"{''.join(f' ({label}: {value})' for label, value in line.observed.items())}" for line in found.lines]


def _story(passage: Passage) -> list[str]:
    status = "stands still, the journey is paused" if passage.paused else f"{passage.status}{_because(passage.reason)}"
    told = [f"{passage.journey} (version {passage.version}): {status}, entered {iso(passage.started_at)} by "
            f"{passage.entered_by}{f', key {passage.key}' if passage.key else ''}"]
    told += [f"  {iso(step.at)} {step.node}: {step.sentence} → {step.port or 'held'}{_because(step.reason)}"
             f"{f' (event {step.seen}: {step.event})' if step.event else ''}" for step in passage.steps]
    return told + [f"  waits at {one.node}: {one.sentence} Next look: {iso(one.due_at) or 'when an event comes'}"
                   f"{_because(one.reason)}"
                   for one in passage.waiting]


def _because(reason: str | None) -> str:
    return f" ({REASONS.get(reason, reason)})" if reason else ""


@journeys.command("test")
@click.argument("files", nargs=-1, required=True)
@takes_call
def test(call: Call, files: tuple[str, ...]) -> None:
    """Run scenario files: given contacts, when events, expect paths and messages. On a virtual clock; nothing is sent."""
    with _if_there(call) as store:
        found = [scenarios.try_file(file, store) for file in files]
    failed = [failure for report in found for failure in report.failed]
    passed = sum(report.passed for report in found)
    call.answer({"passed": passed, "failed": failed},
                *(": ".join(filter(None, (one.file, one.scenario, one.message))) for one in failed),
                f"{passed} {'scenario' if passed == 1 else 'scenarios'} passed, "
                f"{len({(one.file, one.scenario) for one in failed})} failed")
    if failed:
        raise Invalid([Problem(": ".join(filter(None, (one.file, one.scenario))), "went_otherwise", one.message)
                       for one in failed])


@contextmanager
def _if_there(call: Call) -> Iterator[Store | None]:
    """The workspace, for its fields, segments and templates; None where there is none: a test needs no database."""
    path = sqlite_path(find_url(call.url))
    if path is not None and not path.exists():
        yield None
        return
    with call.store() as store:
        yield store


@journeys.command("simulate")
@click.argument("journey", metavar="NAME|FILE")
@click.option("--months", type=click.IntRange(1, 12), help="replay the last months (without a span: three)")
@click.option("--since", help="replay from this moment on")
@click.option("--until", help="replay up to this moment (default: now)")
@click.option("--forward", type=int, metavar="DAYS", help="go on from now, with the last weeks repeated as what is to come")
@click.option("--sample", type=int, metavar="N", help="so many contacts (default: everybody)")
@click.option("--seed", type=int, default=1, show_default=True, help="the same seed gives the same answer")
@takes_call
def simulate(call: Call, journey: str, months: int | None, since: str | None, until: str | None, forward: int | None,
             sample: int | None, seed: int) -> None:
    """Run a journey on a copy in memory: over what has happened, or over what is to come. Nothing is written or sent."""
    if months and since:
        raise BadInput("say --months or --since, not both")
    if forward is not None and (months or since or until):
        raise BadInput("simulate either what has happened (--months, --since) or what is to come (--forward), not both")
    with call.store() as store:
        text = read_text(journey) if journey == "-" or Path(journey).is_file() else simulating.text_of(store, journey)
        start = since and parse_moment(since)
        end = parse_moment(until) if until else None
        if months:
            start = (end or call.now) - months * MONTH_S
        found = simulating.simulate(store, text, now=call.now, since=start or None, until=end, forward_days=forward,
                                    sample=sample, seed=seed)
    call.note(f"simulated in {found.seconds:.1f} s")
    told = {key: value for key, value in plain(found).items() if key != "seconds"}  # the same draft and seed: the same text
    call.answer(told, *_report(found))


def _report(found: simulating.Simulation) -> list[str]:
    told = [f"{found.journey}: {found.mode} from {iso(found.since)} to {iso(found.until)}", *found.sentences, "",
            "Who left each step by which way:"]
    told += [f"  {node}: {', '.join(f'{port} {count:,}' for port, count in ports.items())}"
             for node, ports in found.by_node.items()]
    if found.walk:
        told += ["", f"One walk, of {found.walk.who}:", *(f"  {line}" for line in found.walk.lines)]
    if found.assumptions:
        told += ["", "Taken for granted:", *(f"  {line}" for line in found.assumptions)]
    return told


@click.command("enroll", cls=Command)
@click.argument("email")
@click.argument("journey")
@click.option("--props", default="{}", help="JSON that nodes and templates may read as the event's properties")
@takes_call
def enroll(call: Call, email: str, journey: str, props: str) -> None:
    """Ask for a contact to enter a journey at the next tick."""
    given: Any = read_json(props, "--props")
    with call.store() as store:
        contact_id = enroll_contact(store, email, journey, given, by=call.by, now=call.now)
    call.answer({"contact_id": contact_id, "journey": journey}, f"{email} enters {journey} at the next tick")


for one in journey_desk.desk.commands.values():
    journeys.add_command(one)
COMMANDS = (journeys, enroll)
