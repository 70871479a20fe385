"""What should have come of somebody, beside what did: the first step that went otherwise, and every fact that differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...clock import iso
from ...errors import BadInput
from ...outreach.limits import REASONS
from ...people import fields
from ...store import Store
from ..explain import Passage, passages_of
from .file import Expected


@dataclass(frozen=True)
class Failure:
    """One expectation that was not met. where: who, and which step."""

    file: str
    scenario: str
    where: str
    expected: str
    found: str
    message: str


@dataclass(frozen=True)
class Report:
    """How many scenarios went as they should, and what did not."""

    passed: int
    failed: tuple[Failure, ...]


def compare(store: Store, journey: str, who: str, contact_id: int, expected: Expected) -> list[Failure]:
    passages = passages_of(store, contact_id, journey)[::-1]
    failures: list[Failure] = []

    def differ(what: str, wanted: object, got: object, more: str = "") -> None:
        failures.append(Failure("", "", f"{who}, {what}", str(wanted), str(got),
                                f"{who}: {what}: expected {wanted}, found {got}{more}"))

    if expected.entered is not None and len(passages) != expected.entered:
        differ("entered", expected.entered, len(passages))
    if expected.path is not None:
        failures += _path(who, passages, expected.path)
    sent = [row[0] for row in store.rows("""SELECT t.name FROM message m JOIN template t ON t.id = m.template_id
        JOIN journey j ON j.id = m.journey_id WHERE m.contact_id = :who AND j.name = :journey AND m.status = 'sent'
        ORDER BY m.sent_at, m.id""", who=contact_id, journey=journey)]
    if expected.messages is not None and sent != [one.lower() if one.lower() in sent else one for one in expected.messages]:
        differ("messages", _list(expected.messages), _list(sent), _held(store, contact_id))
    last = passages[-1] if passages else None
    if expected.exit_ is not None and (last is None or last.reason != expected.exit_):
        differ("exit", expected.exit_, "never entered" if last is None else last.reason or f"still inside ({_stands(last)})")
    if expected.waits_at is not None and (last is None or expected.waits_at not in [one.node for one in last.waiting]):
        differ("waits_at", expected.waits_at, "never entered" if last is None else _stands(last) or f"left ({last.reason})")
    failures += _facts(store, who, contact_id, expected)
    return failures


def _path(who: str, passages: Sequence[Passage], wanted: list[str]) -> list[Failure]:
    """The first step at which it went otherwise."""
    steps = [step for passage in passages for step in passage.steps if step.port is not None]
    for place in range(max(len(wanted), len(steps))):
        want = wanted[place] if place < len(wanted) else None
        step = steps[place] if place < len(steps) else None
        went = f"{step.node}.{step.port}" if step else None
        if went is not None and want in (went, went.rpartition(".")[0]):
            continue
        stands = "; ".join(f"waits at {one.node}" for passage in passages for one in passage.waiting)
        found = f"{went} at {iso(step.at)} ({step.sentence})" if step else stands or "the end"
        message = f"{who}: step {place + 1}: expected {want or 'the end'}, found {found}"
        return [Failure("", "", f"{who}, step {place + 1}", want or "the end", found, message)]
    return []


def _facts(store: Store, who: str, contact_id: int, expected: Expected) -> list[Failure]:
    failures = []
    tags = {row[0] for row in store.rows("""SELECT t.name FROM contact_tag k JOIN tag t ON t.id = k.tag_id
        WHERE k.contact_id = :who""", who=contact_id)}
    wanted: list[tuple[str, Any, Any]] = [(f"tag {name}", "there", "missing") for name in expected.tags or []
                                          if name not in tags]
    wanted += [(f"tag {name}", "not there", "there") for name in expected.without_tags if name in tags]
    known = fields.catalogue(store)
    for name, value in expected.fields.items():
        field = known.get(name.lower())
        if field is None:
            raise BadInput(f"expect.{who}.fields: there is no field {name!r}")
        got = fields.shown(field, store.one(f"SELECT c.{field.column} FROM contact c WHERE c.id = :id", id=contact_id))
        wanted += [(f"field {name}", value, got)] if got != value else []
    for group, points in expected.score.items():
        if group not in ("fit", "engagement"):
            raise BadInput(f"expect.{who}.score: there is no score {group!r}: fit or engagement")
        got = store.one(f"SELECT c.{group}_score FROM contact c WHERE c.id = :id", id=contact_id)
        wanted += [(f"score {group}", points, got)] if got != points else []
    for what, want, got in wanted:
        failures.append(Failure("", "", f"{who}, {what}", str(want), str(got), f"{who}: {what}: expected {want}, found {got}"))
    return failures


def _held(store: Store, contact_id: int) -> str:
    """Why others were not sent."""
    found = store.rows("""SELECT t.name, COALESCE(m.reason, m.status) FROM message m JOIN template t ON t.id = m.template_id
        WHERE m.contact_id = :who AND m.status <> 'sent' ORDER BY m.id""", who=contact_id)
    return f" (not sent: {', '.join(f'{name}, {REASONS.get(why, why)}' for name, why in found)})" if found else ""


def _stands(passage: Passage) -> str:
    return ", ".join(f"waits at {one.node}" for one in passage.waiting)


def _list(names: Sequence[str]) -> str:
    return f"[{', '.join(names)}]"
