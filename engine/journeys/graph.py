"""A journey as a graph: what may be published, in which order nodes are drained, which branch stands where."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from ..clock import in_words
from ..errors import Invalid, Problem, Severity
from ..outreach import policy
from ..schema import BRANCHES
from .nodes import Fork, Goal, Join, Node, Piece
from .nodes.base import Duration, Rule, checked
from .triggers import Entry


class ExitRule(Piece):
    """Ends the enrollment wherever it stands as soon as the rule is true. scope account: also as soon as it is true of a
    colleague, by what the colleague does."""

    rule: Rule
    reason: str = Field(min_length=1, max_length=200)
    scope: Literal["contact", "account"] = "contact"

    @model_validator(mode="after")
    def _hears_colleagues(self) -> ExitRule:
        if self.scope == "account" and not self.rule.signals().events:
            raise ValueError("an exit for everybody at the company waits for something that a colleague does: name an event "
                             "in the rule, for example {event: deal_won}, or {event: stage_changed, where: {object: customer}}")
        return self


class Limits(Piece):
    """What holds for the messages of this journey instead of the workspace's limits. Consent and suppression always hold."""

    caps: Literal["keep", "ignore"] = Field(default="keep", description="ignore: caps do not hold them back; they count")
    quiet: str | None = Field(default=None, description="quiet hours such as 22:00-07:00, or ignore")
    hours: str | None = Field(default=None, description="the hours in which they leave, such as 09:00-17:00, or ignore")
    weekdays: tuple[str, ...] = Field(default=(), max_length=7)
    priority: int = Field(default=0, ge=-100, le=100, description="added to that of each message: who goes first under a cap")

    @model_validator(mode="after")
    def _readable(self) -> Self:
        checked(policy.check_override, self.document())
        return self

    def document(self) -> dict[str, Any]:
        """What differs from the workspace's limits."""
        said = {"caps": self.caps if self.caps == "ignore" else None, "quiet": self.quiet, "hours": self.hours,
                "weekdays": list(self.weekdays)}
        return {key: value for key, value in said.items() if value}

    def sentence(self) -> str:
        """The same in words."""
        told = ["Frequency caps do not hold its messages back."] if self.caps == "ignore" else []
        if self.quiet:
            told.append("No quiet hours." if self.quiet == policy.IGNORE else f"Quiet hours {self.quiet}, where people live.")
        if self.hours == policy.IGNORE:
            told.append("Messages leave at any hour.")
        elif self.hours or self.weekdays:
            days = ", ".join(one.capitalize() for one in self.weekdays)
            told.append(f"Messages leave {' '.join(filter(None, (days, self.hours)))}, where people live.")
        told += [f"Its messages count {self.priority:+d} under caps."] if self.priority else []
        return " ".join(told)


class Target(Piece):
    """What the journey is for: the rule that counts as success, and how long after entering."""

    rule: Rule
    within: Duration | None = None

    @model_validator(mode="after")
    def _of_anybody(self) -> Self:
        if self.rule.of_passages:
            raise ValueError("what the journey is for is counted of everybody, so it can not ask what brought a person here")
        return self

    def sentence(self) -> str:
        """What counts as success, in words."""
        return f"{self.rule.sentence()}{f', within {in_words(self.within)} of entering' if self.within else ''}."


@dataclass(frozen=True)
class Journey:
    """A document that has been read. `nodes` in the order of the file; the first is where people enter."""

    name: str
    entry: Entry
    nodes: tuple[Node, ...]
    exits: tuple[ExitRule, ...] = ()
    goal: Target | None = None
    campaign: str | None = None
    limits: Limits | None = None
    layout: dict[str, list[float]] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict, compare=False)

    def node(self, key: str) -> Node:
        """The node of that id."""
        return next(node for node in self.nodes if node.id == key)

    @property
    def first(self) -> str:
        """Where people enter."""
        return self.nodes[0].id


@dataclass(frozen=True)
class Region:
    """The branches of one fork: the one that entered, and low..high made by it and by the forks inside it."""

    branch: int
    low: int
    high: int

    @property
    def branches(self) -> tuple[int, ...]:
        """All branch numbers of the region."""
        return (self.branch, *range(self.low, self.high + 1))


Path = tuple[tuple[str, int], ...]  # the (fork, port number) pairs that a token at a node is inside of


@dataclass
class Layout:
    """What the runner must know of a valid graph beyond its nodes."""

    targets: dict[tuple[str, str], str]
    paths: dict[str, Path] = field(default_factory=dict)
    branches: dict[Path, int] = field(default_factory=lambda: {(): 0})
    regions: dict[str, Region] = field(default_factory=dict)  # by fork
    fork_of: dict[str, str] = field(default_factory=dict)  # by join
    order: list[str] = field(default_factory=list)

    @property
    def branch_count(self) -> int:
        """How many tokens one enrollment may have."""
        return max(self.branches.values()) + 1

    def branch(self, key: str) -> int:
        """The branch number of a token that stands at the node."""
        return self.branches[self.paths[key]]


def check_graph(journey: Journey) -> list[Problem]:
    """Everything in the drawing that forbids publishing. Advice is the linter's business."""
    problems = _check_edges(journey)
    return problems or _lay_out(journey)[1]


def lay_out(journey: Journey) -> Layout:
    """Raises Invalid with every problem."""
    problems = check_graph(journey)
    if problems:
        raise Invalid(problems)
    return _lay_out(journey)[0]


def upstream(layout: Layout, goal: str) -> set[str]:
    """Nodes from which the goal can be reached, itself excepted."""
    before: dict[str, set[str]] = {}
    for (source, _), target in layout.targets.items():
        before.setdefault(target, set()).add(source)
    found: set[str] = set()
    fresh = {goal}
    while fresh:
        fresh = {source for key in fresh for source in before.get(key, ())} - found
        found |= fresh
    return found - {goal}


def _check_edges(journey: Journey) -> list[Problem]:
    keys = [node.id for node in journey.nodes]
    problems = [Problem(key, "duplicate_id", f"Two nodes are called {key!r}.")
                for key in sorted(set(keys)) if keys.count(key) > 1]
    for node in journey.nodes:
        problems += [Problem(node.id, "unknown_port", f"There is no port {port!r}; it has {_listed(node.ports)}.")
                     for port in node.on if port not in node.ports]
        problems += _check_targets(node, set(keys))
    return problems


def _check_targets(node: Node, keys: set[str]) -> list[Problem]:
    found = []
    for port in node.ports:
        target = node.target(port)
        if target is None:
            found.append(Problem(node.id, "open_port", f"The port {port!r} leads nowhere: connect it."))
        elif target not in keys:
            found.append(Problem(node.id, "unknown_node", f"The port {port!r} leads to {target!r}, which does not exist."))
    if node.next and not any(node.target(port) == node.next and port not in node.on for port in node.ports):
        severity: Severity = "warning" if node.ports else "error"
        found.append(Problem(node.id, "dead_edge", f"`next: {node.next}` is never taken.", severity))
    return found


def _listed(ports: tuple[str, ...]) -> str:
    return ", ".join(ports) or "none"


def _targets(journey: Journey) -> dict[tuple[str, str], str]:
    return {(node.id, port): node.target(port) or "" for node in journey.nodes for port in node.ports}


def _lay_out(journey: Journey) -> tuple[Layout, list[Problem]]:
    layout = Layout(_targets(journey))
    walk = _Walk(journey, layout)
    walk.go(journey.first, ())
    layout.order, loops = _drain_order(journey, layout)
    return layout, [*walk.problems, *_check_places(journey, layout), *loops]


class _Walk:
    """Gives every node its path through forks. Branch numbers inside one fork come out as one range."""

    def __init__(self, journey: Journey, layout: Layout) -> None:
        self.nodes = {node.id: node for node in journey.nodes}
        self.layout = layout
        self.problems: list[Problem] = []
        self._joins: dict[str, str] = {}

    def go(self, key: str, path: Path) -> None:
        """Visit everything from here on, stopping at the joins that end the innermost fork."""
        pending = [key]
        while pending:
            key = pending.pop()
            node = self.nodes[key]
            if isinstance(node, Join):
                self._arrive(node, path)
            elif key in self.layout.paths:
                self._meet(key, path)
            else:
                self.layout.paths[key] = path
                pending += self._fork(node, path) if isinstance(node, Fork) else self._next(key)

    def _next(self, key: str) -> list[str]:
        return [self.layout.targets[key, port] for port in self.nodes[key].ports]

    def _fork(self, fork: Fork, path: Path) -> list[str]:
        """Walk the branches; go on behind the join."""
        branches = self.layout.branches
        branches[*path, (fork.id, 0)] = branches[path]
        low = len(set(branches.values()))
        for i in range(1, len(fork.ports)):
            branches[*path, (fork.id, i)] = low + i - 1
        for i, port in enumerate(fork.ports):
            self.go(self.layout.targets[fork.id, port], (*path, (fork.id, i)))
        self.layout.regions[fork.id] = Region(branches[path], low, len(set(branches.values())) - 1)
        join = self._joins.get(fork.id)
        if join is None:
            return []
        self.layout.paths[join] = path
        return self._next(join)

    def _arrive(self, join: Join, path: Path) -> None:
        inside = path[-1][0] if path else None
        if inside is None or (join.fork and join.fork != inside):
            self.problems.append(Problem(join.id, "wrong_join", "A join ends the fork it stands in: "
                                         f"{f'this path is inside {inside!r}' if inside else 'this path is in none'}."))
        elif self._joins.setdefault(inside, join.id) != join.id:
            self.problems.append(Problem(join.id, "second_join", f"The fork {inside!r} has a join already."))
        else:
            self.layout.fork_of[join.id] = inside

    def _meet(self, key: str, path: Path) -> None:
        if self.layout.paths[key] != path:
            self.problems.append(Problem(key, "crossed_branches", "Reached from two branches of a fork without a join."))


def _check_places(journey: Journey, layout: Layout) -> list[Problem]:
    problems = [Problem(node.id, "unreachable", "No path leads here: connect it or delete it.")
                for node in journey.nodes if node.id not in layout.paths]
    problems += [Problem(node.id, "goal_in_fork", "A goal pulls the whole enrollment, so it stands outside of forks.")
                 for node in journey.nodes if isinstance(node, Goal) and layout.paths.get(node.id)]
    if max(layout.branches.values()) >= BRANCHES:
        problems.append(Problem("journey", "too_many_branches", f"More than {BRANCHES - 1} parallel branches."))
    return problems


def _drain_order(journey: Journey, layout: Layout) -> tuple[list[str], list[Problem]]:
    """Nodes so that every edge points forward but those that close a loop: one pass per tick drains what it can.

    Waits count too. A join that was drained before a wait of its branches would find less after a crash, when that wait
    has moved half of its people, than without. A loop without a holding node would turn for ever inside one tick.
    """
    nodes = {node.id: node for node in journey.nodes}

    def leads(key: str) -> list[str]:
        return [layout.targets[key, port] for port in nodes[key].ports]

    order, _ = _walked([journey.first, *nodes], leads)
    _, closing = _walked(nodes, lambda key: [] if nodes[key].holds else leads(key))
    return order, [Problem(key, "loop_without_wait", "This loop has no step that takes time: add a wait.") for key in closing]


def _walked(roots: Iterable[str], leads: Callable[[str], list[str]]) -> tuple[list[str], list[str]]:
    """All nodes, each before those it leads to unless that closes a loop; and the nodes where a loop closes."""
    state: dict[str, str] = {}
    done: list[str] = []
    closing: list[str] = []
    for root in roots:
        stack = [] if root in state else [(root, iter(leads(root)))]
        state.setdefault(root, "open")
        while stack:
            key, rest = stack[-1]
            child = next(rest, None)
            if child is None:
                stack.pop()
                state[key] = "done"
                done.append(key)
            elif child not in state:
                state[child] = "open"
                stack.append((child, iter(leads(child))))
            elif state[child] == "open":
                closing.append(child)
    return done[::-1], closing
