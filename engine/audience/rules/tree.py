"""A whole rule: groups over leaves, read from a document and compiled both ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ...errors import BadInput, Invalid, Problem
from ...sql import Sql, join, sql
from .assigned import PersonaLeaf, ProbabilityLeaf
from .base import Leaf, Look, Node, Signals
from .companies import AccountLeaf, BuyingRoleLeaf
from .facts import (
    ConsentLeaf,
    FieldLeaf,
    ListLeaf,
    PercentLeaf,
    ScoreLeaf,
    SegmentLeaf,
    StageLeaf,
    TagLeaf,
)
from .happenings import DaysSinceLeaf, EventLeaf
from .interest import AffinityLeaf
from .known import Known
from .moments import AnniversaryLeaf, TimeInStageLeaf
from .patterns import LastLeaf, SequenceLeaf
from .reader import Reader
from .spending import SpentLeaf
from .triggered import TriggerLeaf

LEAVES: dict[str, type[Leaf]] = {leaf.key: leaf for leaf in (
    FieldLeaf, AccountLeaf, BuyingRoleLeaf, TagLeaf, ListLeaf, SegmentLeaf, StageLeaf, TimeInStageLeaf, ConsentLeaf, ScoreLeaf,
    EventLeaf, DaysSinceLeaf, SpentLeaf, LastLeaf, SequenceLeaf, AffinityLeaf, AnniversaryLeaf,
    ProbabilityLeaf, PersonaLeaf, PercentLeaf)}
IN_JOURNEYS: dict[str, type[Leaf]] = {TriggerLeaf.key: TriggerLeaf}  # of people who are in one
GROUPS = ("all", "any", "not")
DEEPEST, MOST_LEAVES = 20, 200  # SQLite gives up at an expression depth of 1,000


@dataclass(frozen=True)
class Every(Node):
    """All of them."""

    parts: tuple[Node, ...]

    def condition(self, look: Look) -> Sql:
        return sql("({parts})", parts=join(" AND ", [part.condition(look) for part in self.parts]))

    def sentence(self) -> str:
        return " and ".join(_inside(part) for part in self.parts)

    def signals(self) -> Signals:
        return _signals(self.parts)

    def document(self) -> dict[str, Any]:
        return {"all": [part.document() for part in self.parts]}


@dataclass(frozen=True)
class Some(Node):
    """At least one of them."""

    parts: tuple[Node, ...]

    def condition(self, look: Look) -> Sql:
        return sql("({parts})", parts=join(" OR ", [part.condition(look) for part in self.parts]))

    def sentence(self) -> str:
        return " or ".join(_inside(part) for part in self.parts)

    def signals(self) -> Signals:
        return _signals(self.parts)

    def document(self) -> dict[str, Any]:
        return {"any": [part.document() for part in self.parts]}


@dataclass(frozen=True)
class Never(Node):
    """Whoever the inner rule does not match; also those of whom it can not be said."""

    part: Node

    def condition(self, look: Look) -> Sql:
        return sql("(({part}) IS NOT TRUE)", part=self.part.condition(look))  # NOT would lose people with unknown values

    def sentence(self) -> str:
        return f"not ({self.part.sentence()})"

    def signals(self) -> Signals:
        return self.part.signals()

    def document(self) -> dict[str, Any]:
        return {"not": self.part.document()}


@dataclass(frozen=True)
class Rule:
    """A condition on people, as a value."""

    root: Node

    def probe(self, upto: Sql | None = None) -> Sql:
        """Truth about the contact `c` of the surrounding statement, correlated; `:now` is free.

        upto: count only events with an id up to this one.
        """
        return sql("({condition})", condition=self.root.condition(Look(each=True, upto=upto)))

    @property
    def of_passages(self) -> bool:
        """Whether it asks what brought people into a journey: then it means nothing of anybody else."""
        return any(isinstance(piece, str) and "r.props" in piece for piece in self.probe().pieces)

    def members(self, past: bool = False, upto: Sql | None = None) -> Sql:
        """SELECT of the ids of everybody who matches at `:now`. Visitors known by a cookie only never do.

        past: `:now` is gone, and facts count as they were then. upto: as it was known when the newest event had this id.
        """
        if self.of_passages:
            raise BadInput("what brought somebody into a journey can be asked only of people who are in it")
        there = sql("c.anonymous = 0 AND c.created_at <= :now" if past else "c.anonymous = 0")
        fits = sql("{there} AND {condition}", there=there,
                   condition=self.root.condition(Look(each=False, past=past, upto=upto)))
        via = "id" if fits.columns("c") - {"id", "anonymous"} else "contact_known"  # the ids alone are a tenth of the table
        return sql(f"SELECT c.id FROM contact c VIA({via}) WHERE {{fits}}", fits=fits)

    def unjudged(self, past: bool = False) -> Sql | None:
        """SELECT of the ids of those who match only if answers by machines to messages were people's: nothing can be said of
        them. None where the rule asks for no answers. Only those to whom a machine answered are looked at."""
        answers = sorted({leaf.answer.name for leaf in leaves(self) if isinstance(leaf, LastLeaf)})
        if not answers:
            return None
        there = sql("c.anonymous = 0 AND c.created_at <= :now" if past else "c.anonymous = 0")
        machines, people = (self.root.condition(Look(each=True, past=past, machines=each)) for each in (True, False))
        return sql("""SELECT c.id FROM contact c WHERE c.id IN (SELECT x.contact_id FROM event x VIA(event_machine)
                WHERE x.verdict = 'machine' AND x.name IN ({names})) AND {there} AND {machines} AND ({people}) IS NOT TRUE""",
                   names=join(", ", [sql(":name", name=name) for name in answers]), there=there,
                   machines=machines, people=people)

    def sentence(self) -> str:
        """One plain sentence of conditions."""
        return self.root.sentence()

    def signals(self) -> Signals:
        """What may change the answer."""
        return self.root.signals()

    def document(self) -> dict[str, Any]:
        """As in a file; parsing it gives an equal rule."""
        return self.root.document()


def parse(document: Any, known: Known) -> Rule:
    """The rule that a document describes. Raises Invalid with every problem; an unknown word never matches everybody."""
    problems: list[Problem] = []
    root = _Parser(known, problems).node(document, "", 1)
    if root is None or problems:
        raise Invalid(problems)
    return Rule(root)


def leaves(rule: Rule) -> Iterator[Leaf]:
    """Every leaf, from left to right."""
    waiting: list[Node] = [rule.root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Leaf):
            yield node
        waiting += [node.part] if isinstance(node, Never) else reversed(getattr(node, "parts", ()))


class _Parser:
    def __init__(self, known: Known, problems: list[Problem]) -> None:
        self.known, self.problems, self.leaves = known, problems, 0

    def node(self, document: Any, where: str, depth: int) -> Node | None:
        if depth > DEEPEST:
            return self._wrong(where, "depth", f"groups inside groups, deeper than {DEEPEST}: make a segment of a part")
        if not isinstance(document, dict) or not document:
            return self._wrong(where, "shape", "write a rule here: an object with a leaf or a group")
        words = LEAVES | IN_JOURNEYS
        found = [key for key in (*GROUPS, *words) if key in document]
        found = [key for key in found if not any(key in words[other].also for other in found if other in words)]
        if len(found) != 1:
            return self._wrong(where, "leaf", self._which(found, document))
        reader = Reader(document, where, self.problems, self.known)
        return self._group(reader, found[0], depth) if found[0] in GROUPS else self._leaf(reader, found[0])

    def _leaf(self, reader: Reader, key: str) -> Node | None:
        self.leaves += 1
        if self.leaves > MOST_LEAVES:
            if self.leaves == MOST_LEAVES + 1:
                self._wrong(reader.where, "leaves", f"more than {MOST_LEAVES} conditions: make segments of parts")
            return None
        found = (LEAVES | IN_JOURNEYS)[key].read(reader)
        return found if reader.done() else None

    def _group(self, reader: Reader, key: str, depth: int) -> Node | None:
        content = reader.take(key)
        reader.done()
        if key == "not":
            part = self.node(content, reader.place("not"), depth + 1)
            return Never(part) if part else None
        if not isinstance(content, list) or not content:
            return self._wrong(reader.place(key), "empty_group", f"`{key}` needs a list with at least one rule")
        if len(content) > MOST_LEAVES:
            return self._wrong(reader.place(key), "leaves", f"more than {MOST_LEAVES} conditions: make segments of parts")
        parts = [self.node(part, f"{reader.place(key)}[{at}]", depth + 1) for at, part in enumerate(content)]
        make: Callable[[tuple[Node, ...]], Node] = Every if key == "all" else Some
        whole = tuple(part for part in parts if part)
        return make(whole) if len(whole) == len(parts) else None

    def _which(self, found: list[str], document: dict[str, Any]) -> str:
        if found:
            return f"{' and '.join(f'`{key}`' for key in found)} in one object: put them into a group `all` or `any`"
        keys = ", ".join(str(key) for key in list(document)[:5])
        return f"unknown leaf ({keys}): choose one of {', '.join((*GROUPS, *LEAVES))}"

    def _wrong(self, where: str, code: str, message: str) -> Node | None:
        self.problems.append(Problem(where or "rule", code, message))
        return None


def _inside(part: Node) -> str:
    several = isinstance(part, Every | Some) and len(part.parts) > 1
    return f"({part.sentence()})" if several else part.sentence()


def _signals(parts: tuple[Node, ...]) -> Signals:
    together = Signals()
    for part in parts:
        together = together | part.signals()
    return together
