"""Journey tests: a file that says who there is, what happens when, and where each person should have gone.

A scenario runs in a workspace of its own in memory, with the definitions of the workspace it is asked in, on a clock that
jumps. Nothing is written anywhere and nothing leaves.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ...access import Actor, set_setting
from ...activity.inbox import as_json
from ...audience import segments
from ...clock import DAY, HOUR, iso, parse_duration, parse_moment
from ...content import templates
from ...errors import BadInput, Invalid, NotFound
from ...journeys import documents, enrolling, versions
from ...maths.zones import learn_zone
from ...outreach.limits import parse_caps
from ...people import consent, contacts, fields
from ...schema import open_memory
from ...sql import fold
from ...store import Store
from ..simulate import copying
from ..virtual import KINDS, Happening, Row, World
from .comparing import Failure, Report, compare
from .file import File, Scenario, Step, check, read

BY = Actor("journey test", "admin")
LONGEST_S, LONG_S = 400 * DAY, 60 * DAY
_ACTS = ("clicks", "opens", "replies")


def try_file(path: str, workspace: Store | None = None) -> Report:
    """Run every scenario of a file; one that can not be used is a failure of its own, and the files beside it are told too."""
    try:
        return run_file(path, workspace)
    except BadInput as error:
        return Report(0, (Failure(path, "", "", "", "", str(error).removeprefix(f"{path}: ")),))


def run_file(path: str, workspace: Store | None = None) -> Report:
    """Run every scenario of a file. Raises BadInput: the file, or its journey, can not be used."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {getattr(error, 'strerror', None) or 'not a UTF-8 text'}") from None
    asked = read(text, path)
    journey, named = _journey_text(asked, path, workspace)
    try:
        return run(asked, journey, path, workspace)
    except Invalid as error:
        raise Invalid([replace(one, where=f"{named}: {one.where}") for one in error.problems]) from None


def run(asked: File, journey: str, where: str, workspace: Store | None = None) -> Report:
    """The same for a file that has been read. journey: the text of its document. Raises Invalid: it has errors."""
    failures: list[Failure] = []
    passed = 0
    for scenario in asked.scenarios:
        found = _run(asked, scenario, journey, where, workspace)
        passed += not found
        failures += found
    return Report(passed, tuple(failures))


def _journey_text(asked: File, path: str, workspace: Store | None) -> tuple[str, str]:
    """The text of the journey, and what to call it in a sentence."""
    beside = Path(path).parent / asked.journey
    if beside.is_file():
        return beside.read_text(encoding="utf-8-sig"), str(beside)
    if workspace is None:
        raise BadInput(f"{path}: journey {asked.journey!r}: there is no such file beside the scenarios")
    try:
        return versions.get_live(workspace, asked.journey).document, asked.journey
    except NotFound as error:
        raise BadInput(f"{path}: journey {asked.journey!r}: no such file beside the scenarios, and {error}") from None


# ------------------------------------------------------------ one scenario


def _run(asked: File, scenario: Scenario, journey: str, where: str, workspace: Store | None) -> list[Failure]:
    start = parse_moment(asked.start)
    until = start + _after(scenario.until, start, f"{where}: {scenario.name}: until")
    document = documents.load(journey)
    store = _stage(asked, document, start, workspace)
    try:
        cast = _cast(store, {**asked.given, **scenario.given}, start, f"{where}: {scenario.name}")
        name = str(document.get("name"))
        world = World(store, start, kinds=KINDS | {"answer": _answer, "enroll": _enroll},
                      idle_s=6 * HOUR if until - start <= LONG_S else DAY)
        world.loop.settle(start)
        versions.publish(store, journey, by=BY, now=start, trial=True)
        for number, step in enumerate(scenario.when, 1):
            spot = f"{where}: {scenario.name}: when, line {number}"
            world.expect(_happens(step, cast, name, start, spot))
        world.run(until)
        return [replace(failure, file=where, scenario=scenario.name) for who, expected in scenario.expect.items()
                for failure in compare(store, name, who, _who(cast, who, f"{where}: {scenario.name}: expect"), expected)]
    finally:
        store.close()


def _stage(asked: File, document: dict[str, Any], start: int, workspace: Store | None) -> Store:
    """A workspace with the definitions of the other one, or with what the file says; templates that are missing are made up."""
    name = str(document.get("name") or "")
    if workspace is not None:
        kept = frozenset(row[0] for row in workspace.rows("SELECT s.id FROM segment s"))
        own = workspace.one("SELECT j.id FROM journey j WHERE j.key = :key", key=fold(name.strip()))
        store = copying.copy(workspace, copying.Cut((), 1, None, {}, own, kept, alone=True)).store
    else:
        store = open_memory()
    for field, kind in asked.fields.items():
        fields.define(store, field, kind, by=BY, now=start)
    for segment, rule in asked.segments.items():
        segments.save(store, segment, rule, by=BY, now=start)
    if asked.caps != "workspace":
        parse_caps(asked.caps)
        set_setting(store, "caps", asked.caps)
    there = {one.name.lower() for one in templates.list_templates(store)}
    for one, channel in sorted(_templates(document).items()):
        if one not in there:
            page: dict[str, str | None] = {"html": f"<p>{one}</p>", "subject": one} if channel == "email" else {"html": None}
            templates.save(store, one, **page, text=one, channel=channel, by=BY, now=start)
    return store


def _templates(document: dict[str, Any]) -> dict[str, str]:
    """Every template that a node names, by `template` or in `templates`, and the channel it is sent by."""
    found: dict[str, str] = {}
    for node in document.get("nodes") or []:
        if isinstance(node, dict):
            for one in [node["template"]] if node.get("template") else node.get("templates") or []:
                found.setdefault(str(one).lower(), str(node.get("channel") or "email"))
    return found


def _cast(store: Store, given: dict[str, dict[str, Any]], start: int, spot: str) -> dict[str, int]:
    """Contacts by the name that the file gives them. Everybody agrees to mail, and to SMS, unless `consent` says otherwise."""
    cast: dict[str, int] = {}
    for who, facts in given.items():
        said = dict(facts)
        status, tags, lists = said.pop("consent", "subscribed"), said.pop("tags", []), said.pop("lists", [])
        said.setdefault("email", f"{who.lower().replace(' ', '.')}@example.com")
        if zone := said.get("time_zone"):
            learn_zone(store, zone)
        known = fields.catalogue(store)
        if unknown := [name for name in said if fold(name) not in known]:
            raise BadInput(f"{spot}: given.{who}: there is no field {unknown[0]!r}: name it under `fields:`, for example "
                           f"fields: {{{unknown[0]}: text}}")
        with store.transaction():
            saved = contacts.upsert_many(store, [said], now=start - DAY, source="test")[0]
            if saved.refused:
                raise BadInput(f"{spot}: given.{who}: {saved.refused}")
            cast[who] = saved.id
            if status != "none":
                for channel in templates.CHANNELS:
                    consent.record(store, [saved.id], channel, status, basis="test", source="test", by=BY, now=start - DAY)
            if tags:
                contacts.add_tags(store, [saved.id], tags, now=start - DAY, source="test")
            for name in lists:
                contacts.add_to_list(store, [saved.id], name, now=start - DAY, source="test")
    return cast


def _happens(step: Step, cast: dict[str, int], journey: str, start: int, spot: str) -> list[Happening]:
    at = start + _after(step.at, start, spot)
    if step.who is None and len(cast) != 1:
        raise BadInput(f"{spot}: say who, one of {', '.join(cast)}")
    who = next(iter(cast.values())) if step.who is None else _who(cast, step.who, spot)
    made: list[Happening] = []
    if step.event:
        money = {} if step.value is None else {"value_minor": round(step.value * 100), "currency": step.currency}
        made.append((at, "event", {"contact_id": who, "name": step.event, "object": step.object,
                                   "props": as_json(step.props), **money}))
    for act in _ACTS:
        if (node := getattr(step, act)) is not None:
            made.append((at, "answer", {"contact_id": who, "node": node, "act": act, "link": step.link, "spot": spot}))
    if step.set_:
        made.append((at, "facts", {"contact_id": who, **{key: contacts.CLEAR if value is None else value
                                                         for key, value in step.set_.items()}}))
    for name, add in ((step.tag, True), (step.untag, False)):
        if name:
            made.append((at, "label", {"contact_id": who, "what": "tag", "name": name, "add": add}))
    if step.points:
        made.append((at, "points", {"contact_id": who, "grp": "engagement", "points": step.points, "reason": "the test",
                                    "at": at, "uncounted": 1}))
    if step.enroll:
        props = step.enroll if isinstance(step.enroll, dict) else {}
        made.append((at, "enroll", {"contact_id": who, "journey": journey, "props": props}))
    if step.unsubscribes:
        made.append((at, "event", {"contact_id": who, "name": "email_unsubscribed"}))
        made.append((at, "consent", {"contact_id": who, "channel": "email", "status": "unsubscribed"}))
    if not made:
        raise BadInput(f"{spot}: say what happens: event, clicks, opens, replies, set, tag, untag, points, enroll or "
                       "unsubscribes")
    return made


def _answer(world: World, happened: list[tuple[int, Row]]) -> None:
    """To the newest message of a node. Raises BadInput: none has been sent."""
    for at, row in happened:
        found = world.store.row("""SELECT m.id, m.channel FROM message m JOIN node n ON n.id = m.node_id
            WHERE m.contact_id = :who AND n.key = :node AND m.status = 'sent' ORDER BY m.id DESC LIMIT 1""",
                                who=row["contact_id"], node=row["node"])
        if found is None:
            raise BadInput(f"{row['spot']}: nobody can answer the message of {row['node']!r} at {iso(at)}: none has been sent "
                           "to them by then")
        verb = {"clicks": "clicked", "opens": "opened", "replies": "replied"}[row["act"]]
        world.kinds["event"](world, [(at, {"contact_id": row["contact_id"], "name": f"{found[1]}_{verb}", "object": row["link"],
                                           "message_id": found[0], "verdict": "human"})])


def _enroll(world: World, happened: list[tuple[int, Row]]) -> None:
    for _, row in happened:
        email = world.store.one("SELECT c.email FROM contact c WHERE c.id = :id", id=row["contact_id"])
        enrolling.enroll(world.store, email, row["journey"], row["props"], by=BY, now=world.now)


def _after(text: str | int, start: int, spot: str) -> int:
    """Seconds after the start: `+2d`, `+1d 3h`, or a moment."""
    try:
        said = str(text).strip()
        if said.lstrip("+").strip() in ("0", ""):
            return 0
        moment = said[:4].isdigit() and "-" in said
        seconds = parse_moment(said) - start if moment else sum(parse_duration(one) for one in said.lstrip("+").split())
    except BadInput as error:
        raise BadInput(f"{spot}: {text!r}: write a time after the start such as +2d or +1d 3h, or a moment ({error})") from None
    if not 0 <= seconds <= LONGEST_S:
        raise BadInput(f"{spot}: {text!r} lies before the start, or more than {LONGEST_S // DAY} days after it")
    return seconds


def _who(cast: dict[str, int], who: str, spot: str) -> int:
    if who not in cast:
        raise BadInput(f"{spot}: {who!r} is not given; there are: {', '.join(cast) or 'none'}")
    return cast[who]


__all__ = ["Failure", "File", "Report", "check", "read", "run", "run_file", "try_file"]
