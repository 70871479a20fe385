"""The best practices of the field as checks of a journey: errors block publishing, warnings and advice do not.

`reading` and `graph` say what can not run; here is what runs and should not, or could be better. Every remark names where it
stands, what is wrong, and what to do.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ..clock import DAY, in_words
from ..content import lint as content_lint
from ..content import templates
from ..errors import Problem
from ..outreach import limits
from ..outreach.limits import Cap
from ..sql import fold
from ..store import Store
from . import reading
from .graph import Journey, lay_out
from .nodes import Branch, Condition, Fork, GoTo, Join, Known, Node, Send, Split, Wait, WaitFor
from .nodes.base import Deadline

MOST_BRANCHES = 5  # from here on nobody can say any more who gets what
LONGEST_S = 90 * DAY
MANY_STEPS = 8  # a journey of more steps explains its decisions
BLOCKING = frozenset({"no_goal", "dead_edge", "dead_port", "broken_template"})
FIXES = {
    "open_port": "Draw a line from it to a step, or to an exit.",
    "unknown_node": "Lead it to a step that exists.",
    "unreachable": "Connect it to a step before it, or delete it.",
    "loop_without_wait": "Put a wait into the loop, or give the “go to” a time under `after`.",
    "crossed_branches": "End the fork with a join before its branches meet.",
    "wrong_join": "Move the join to where the branches of a fork come together.",
    "second_join": "Let all branches of the fork lead to one join.",
    "goal_in_fork": "Move the goal before the fork or behind its join.",
    "dead_edge": "Take `next` away, or take a port away from `on`.",
    "unknown_template": "Write and save the message, or choose another one.",
    "unknown_segment": "Save the segment first, or choose another one.",
    "wait_without_timeout": "Give it a timeout, and say where people go then.",
}


@dataclass(frozen=True)
class Facts:
    """What the linter knows of the workspace besides the catalogue. broken: template key -> its errors, in words."""

    caps: tuple[Cap, ...] = ()
    broken: dict[str, str] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)


def facts(store: Store) -> Facts:
    """Read once for many checks."""
    broken: dict[str, str] = {}
    remarks: dict[str, str] = {}
    for one in templates.list_templates(store):
        if one.channel == "email":
            found = content_lint.check(store, one)
            for into, severity in ((broken, "error"), (remarks, "warning")):
                if said := [f"{problem.where}: {problem.message}" for problem in found if problem.severity == severity]:
                    into[fold(one.name)] = said[0] if len(said) == 1 else f"{said[0]} (and {len(said) - 1} more)"
    return Facts(tuple(limits.caps(store)), broken, remarks)


def check(document: dict[str, Any], known: Known, facts: Facts) -> list[Problem]:
    """Everything to say about a journey, worst first."""
    found = reading.check(document, known)
    found = [replace(one, severity="error") if one.code in BLOCKING else one for one in found]
    if not any(one.severity == "error" for one in found):
        found += [problem for look in _LOOKS for problem in look(reading.read(document, known), facts)]
    elif not document.get("goal"):
        found.append(_NO_GOAL)
    return sorted((one if one.fix else replace(one, fix=FIXES.get(one.code, "")) for one in found),
                  key=lambda one: ("error", "warning", "advice").index(one.severity))


# ---------------------------------------------------------------- what blocks

_NO_GOAL = Problem("goal", "no_goal", "It does not say what it is for, so nobody could ever tell whether it works.", "error",
                   "Say it at Start under Goal, in the file `goal: {rule: {event: purchase}, within: 30d}`; "
                   "or `goal: none` when it has none on purpose.")


def _goal(journey: Journey, _facts: Facts) -> Iterator[Problem]:
    if journey.goal is None and journey.document.get("goal") != reading.NO_GOAL:
        yield _NO_GOAL


def _dead_ports(journey: Journey, _facts: Facts) -> Iterator[Problem]:
    """Ways that nobody can ever go."""
    for node in journey.nodes:
        if isinstance(node, Branch):
            rules = [option.rule.document() for option in node.cases]
            for i, option in enumerate(node.cases):
                if rules[i] in rules[:i]:
                    yield Problem(node.id, "dead_port", f"Nobody leaves by “{option.port}”: an earlier case asks the same.",
                                  "error", "Change its rule or take the case away.")
        if isinstance(node, Join) and node.mode == "any" and node.timeout:
            yield Problem(node.id, "dead_timeout", "Its time is never up: it goes on with the first branch that arrives.",
                          "advice", "Take the timeout away, or wait for all branches.")


def _templates(journey: Journey, facts: Facts) -> Iterator[Problem]:
    for node in _sends(journey):
        key = fold(node.template)
        if key in facts.broken:
            yield Problem(node.id, "broken_template", f"The message “{node.template}” would not be sent: {facts.broken[key]}",
                          "error", "Mend the message under Content.")
        elif key in facts.remarks:
            yield Problem(node.id, "template_remark", f"The message “{node.template}”: {facts.remarks[key]}", "advice",
                          "Look at the message under Content.")


# ---------------------------------------------------------------- what could be better


def _leaving(journey: Journey, _facts: Facts) -> Iterator[Problem]:
    if not journey.exits and any(True for node in _marketing(journey) for _ in _next_sends(journey, node)):
        yield Problem("exit", "no_exit_rule", "Whoever does what it is for still gets the rest of its messages.", "advice",
                      "Say at Start under “Campaign and leaving early” who leaves, in the file "
                      "`exit: [{rule: …, reason: …}]`.")


def _topics(journey: Journey, _facts: Facts) -> Iterator[Problem]:
    if bare := [node.id for node in _marketing(journey) if not node.topic]:
        yield Problem("journey", "no_topic", f"{_these(bare)} without a topic: people can only unsubscribe from everything.",
                      "advice", "Give messages a topic, so that people can leave this one and keep the rest.")


def _these(keys: list[str]) -> str:
    shown = ", ".join(f"“{key}”" for key in keys[:4])
    return f"{shown} and {len(keys) - 4} more" if len(keys) > 4 else shown


def _spacing(journey: Journey, facts: Facts) -> Iterator[Problem]:
    """Two messages in a row that nothing keeps apart, and those that a cap would hold up or drop."""
    close: dict[tuple[str, Cap], list[str]] = {}
    for node in _marketing(journey):
        for other, apart_s, waits in _next_sends(journey, node):
            if not waits:
                yield Problem(other, "no_wait_between", f"It follows “{node.id}” without a wait.", "warning",
                              "Put a wait between the two.")
                continue
            cap = next((cap for cap in facts.caps if cap.n == 1 and cap.covers(node.channel) and apart_s < cap.per_s), None)
            if cap:
                close.setdefault((other, cap), []).append(node.id)
    for (other, cap), before in close.items():
        does = "is held back" if cap.action == "delay" else "is dropped"
        yield Problem(other, "within_cap", f"It can follow {_these(before)} sooner than {in_words(cap.per_s)}; by the cap of "
                      f"1 in {in_words(cap.per_s)} it {does} then.", "advice",
                      f"Wait {in_words(cap.per_s)} or longer between them, or let the cap do it.")


def _cooldown(journey: Journey, _facts: Facts) -> Iterator[Problem]:
    after = journey.entry.reentry.after
    if journey.entry.reentry.policy == "cooldown" and after and _longest_s(journey) > after:
        longest = in_words(_longest_s(journey))
        yield Problem("entry.reentry", "longer_than_cooldown", f"Somebody can be in it for {longest}, longer than the "
                      f"{in_words(after)} after which they may enter again: they enter later than it says.", "advice",
                      "Make the cooldown longer than the journey.")


def _size(journey: Journey, _facts: Facts) -> Iterator[Problem]:
    forking = [node for node in journey.nodes if isinstance(node, Condition | Branch | Split | WaitFor | Fork)
               and len(set(node.ports)) > 1]
    if len(forking) >= MOST_BRANCHES:
        yield Problem("journey", "many_branches", f"It branches {len(forking)} times: nobody can say any more who gets what.",
                      "advice", "Start with fewer than five, or hand people to a second journey.")
    if (longest := _longest_s(journey)) > LONGEST_S:
        yield Problem("journey", "too_long", f"It can last {in_words(longest)}: people forget what they asked for.", "advice",
                      "Keep it under 90 days, and let a new trigger begin another one.")
    silent = [node.id for node in forking if not node.note]
    if len(journey.nodes) > MANY_STEPS and silent:
        yield Problem("journey", "undocumented", f"Nobody has written down why it branches at {_these(silent)}.",
                      "advice", "Give each of these steps a note.")


# ---------------------------------------------------------------- walking the graph


def _sends(journey: Journey) -> list[Send]:
    return [node for node in journey.nodes if isinstance(node, Send)]


def _marketing(journey: Journey) -> list[Send]:
    return [node for node in _sends(journey) if not node.transactional]


def _next_sends(journey: Journey, start: Node) -> Iterator[tuple[str, int, bool]]:
    """The marketing messages that can come next after one: node, the least seconds between, whether something is waited for."""
    nodes = {node.id: node for node in journey.nodes}
    queue = [(0, False, target) for target in sorted(_targets(start, ("sent",)))]
    seen: set[str] = set()
    while queue:
        apart_s, waits, key = heapq.heappop(queue)
        if key in seen:
            continue
        seen.add(key)
        node = nodes[key]
        if isinstance(node, Send) and not node.transactional:
            if key != start.id or apart_s:
                yield key, apart_s, waits
            continue
        for port in node.ports:
            heapq.heappush(queue, (apart_s + _least_s(node, port), waits or node.holds, str(node.target(port))))


def _targets(node: Node, ports: tuple[str, ...]) -> set[str]:
    return {str(node.target(port)) for port in node.ports if port in ports}


def _least_s(node: Node, port: str) -> int:
    if isinstance(node, Deadline):
        return node.timeout or 0 if port == "timeout" else 0
    return _most_s(node)


def _most_s(node: Node) -> int:
    """How long somebody stays at a step, where its settings say so."""
    if isinstance(node, Wait):
        return node.for_ or 0
    return (node.after or 0) if isinstance(node, GoTo) else (node.timeout or 0) if isinstance(node, Deadline) else 0


def _longest_s(journey: Journey) -> int:
    """The longest way through, loops walked once."""
    layout = lay_out(journey)
    at = {key: place for place, key in enumerate(layout.order)}
    nodes = {node.id: node for node in journey.nodes}
    found = dict.fromkeys(layout.order, 0)
    for key in reversed(layout.order):
        ahead = [found[target] for port in nodes[key].ports if at[target := layout.targets[key, port]] > at[key]]
        found[key] = _most_s(nodes[key]) + max(ahead, default=0)
    return found[journey.first]


_LOOKS: tuple[Callable[[Journey, Facts], Iterator[Problem]], ...] = (
    _goal, _dead_ports, _templates, _leaving, _topics, _spacing, _cooldown, _size)
