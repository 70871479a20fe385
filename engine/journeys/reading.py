"""From a journey document to a Journey, with every problem found on the way named by node and field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError

from ..audience import rules, scoring
from ..content import templates
from ..errors import Invalid, Problem, listing
from ..sql import fold
from ..store import Store
from . import notes
from .graph import ExitRule, Journey, Limits, Target, check_graph
from .nodes import Known, Node, Piece, node_types
from .triggers import Entry

KEYS = ("name", "campaign", "goal", "entry", "exit", "limits", "nodes", "layout", "notes")
NO_GOAL = "none"  # said on purpose under `goal`
LARGEST = 500  # nodes of one journey
Part = TypeVar("Part", bound=Piece)


def known(store: Store) -> Known:
    """What documents of this workspace may refer to."""
    found = {fold(one.name): (one.id, one.channel) for one in templates.list_templates(store)}
    journeys: dict[str, int] = dict(store.rows("SELECT j.key, j.id FROM journey j"))
    return Known(replace(rules.known(store), in_journey=True), found, journeys,
                 thresholds=frozenset(fold(name) for name in scoring.policy(store).thresholds))


def edition(store: Store) -> tuple[int, ...]:
    """What `known` would be read from, in numbers: they differ as soon as a field, list, segment or template does."""
    return store.row("""SELECT (SELECT COUNT(*) FROM field f), (SELECT COALESCE(MAX(f.id), 0) FROM field f),
        (SELECT COUNT(*) FROM list l), (SELECT COALESCE(MAX(l.id), 0) FROM list l),
        (SELECT COUNT(*) FROM segment s), (SELECT COALESCE(SUM(s.version), 0) FROM segment s),
        (SELECT COUNT(*) FROM template t WHERE t.archived_at IS NULL), (SELECT COUNT(*) FROM journey j),
        (SELECT COALESCE(SUM(j.updated_at), 0) FROM journey j),
        (SELECT COALESCE(MAX(t.version_id), 0) FROM template t)""") or ()


def check(document: dict[str, Any], known: Known) -> list[Problem]:
    """All problems, worst first: errors forbid publishing, warnings and advice do not."""
    journey, problems = _read(document, known)
    if journey is not None:
        problems += check_graph(journey)
        problems += [problem for node in journey.nodes for problem in node.check(replace(known, journey=journey.name))]
    return sorted(problems, key=lambda problem: ("error", "warning", "advice").index(problem.severity))


def read(document: dict[str, Any], known: Known) -> Journey:
    """The journey of a valid document. Raises Invalid with every problem."""
    problems = [problem for problem in check(document, known) if problem.severity == "error"]
    if problems:
        raise Invalid(problems)
    journey, _ = _read(document, known)
    assert journey is not None
    return journey


def _read(document: dict[str, Any], known: Known) -> tuple[Journey | None, list[Problem]]:
    problems = [Problem("journey", "unknown_key", f"There is no {key!r} in a journey file; there are: {', '.join(KEYS)}.")
                for key in document if key not in KEYS]
    name = document.get("name")
    if not isinstance(name, str) or not name.strip():
        return None, [*problems, Problem("journey", "no_name", "A journey needs a name.")]
    context = {"known": replace(known, journey=name)}
    entry = _part(Entry, document.get("entry"), "entry", context, problems)
    said = document.get("goal")
    goal = _part(Target, said, "goal", context, problems) if said and said != NO_GOAL else None
    exits = [_part(ExitRule, one, f"exit[{i}]", context, problems)
             for i, one in enumerate(_list(document.get("exit"), "exit", problems))]
    limits = _part(Limits, document["limits"], "limits", context, problems) if document.get("limits") else None
    nodes = [_node(one, i, context, problems) for i, one in enumerate(_list(document.get("nodes"), "nodes", problems))]
    if not nodes:
        problems.append(Problem("nodes", "no_nodes", "A journey needs at least one node."))
    if len(nodes) > LARGEST:
        problems.append(Problem("nodes", "too_many_nodes", f"{len(nodes)} nodes; at most {LARGEST} fit in one journey."))
    problems += notes.check(document)
    layout = _layout(document.get("layout"), problems)
    problems += entry.check(context["known"]) if entry else []
    if any(problem.severity == "error" for problem in problems):
        return None, problems
    return Journey(name.strip(), entry, tuple(nodes), tuple(exits), goal, document.get("campaign"),  # type: ignore[arg-type]
                   limits, layout, document), problems


def _list(value: Any, where: str, problems: list[Problem]) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        problems.append(Problem(where, "not_a_list", f"`{where}` is a list."))
        return []
    return value


def _layout(value: Any, problems: list[Problem]) -> dict[str, list[float]]:
    if value is None:
        return {}
    fine = isinstance(value, dict) and all(
        isinstance(spot, list) and len(spot) == 2 and all(isinstance(one, int | float) for one in spot)
        for spot in value.values())
    if not fine:
        problems.append(Problem("layout", "bad_layout", "`layout` holds node: [x, y]."))
        return {}
    return dict(value)


def _node(value: Any, number: int, context: dict[str, Any], problems: list[Problem]) -> Node | None:
    types = node_types()
    if not isinstance(value, dict):
        problems.append(Problem(f"nodes[{number}]", "not_a_node", "A node is written {id: …, type: …}."))
        return None
    where = str(value.get("id") or f"nodes[{number}]")
    kind = value.get("type")
    if kind not in types:
        problems.append(Problem(where, "unknown_type", f"There is no node type {kind!r}; there are: "
                                f"{listing(list(types), 30)}."))
        return None
    return _part(types[kind], value, where, context, problems)


def _part(cls: type[Part], value: Any, where: str, context: dict[str, Any], problems: list[Problem]) -> Part | None:
    try:
        return cls.model_validate(value, context=context)
    except ValidationError as error:
        problems += [_problem(where, item) for item in error.errors()]
    return None


def _problem(where: str, item: Any) -> Problem:
    spot = ".".join(str(step).rstrip("_") for step in item["loc"])
    words = {"missing": "is needed", "extra_forbidden": "is not a setting here",
             "model_type": "is needed, as settings with their values" if item["input"] is None else
                           f"{str(item['input'])[:60]!r} stands where settings with their values belong: {{name: value}}"}
    message = words.get(item["type"], str(item["msg"]).removeprefix("Value error, "))
    return Problem(f"{where}.{spot}" if spot else where, item["type"], message)
