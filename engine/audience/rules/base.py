"""What a node of a rule is: a condition over the contact `c`, a sentence, and the signals that may change its answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from ...sql import Sql
from .reader import Reader

EventName = tuple[str, str | None]  # an event and its object; None is any object


@dataclass(frozen=True)
class Signals:
    """What may change the answer of a rule.

    events: what somebody does. windows: an event that becomes so many seconds old. contact: a fact of the contact (also
    tags, lists, consent, scores). segments: entering or leaving one of these. moments: a column of the contact whose
    moment becomes so many seconds old. edges: SELECTs of a contact_id for other things that time does from :before to :now.
    """

    events: frozenset[EventName] = frozenset()
    windows: frozenset[tuple[str, str | None, int]] = frozenset()
    contact: bool = False
    segments: frozenset[int] = frozenset()
    moments: frozenset[tuple[str, int]] = frozenset()
    edges: frozenset[Sql] = frozenset()

    def __or__(self, other: Signals) -> Signals:
        """Both together."""
        return Signals(*(getattr(self, row.name) | getattr(other, row.name) for row in fields(self)))


@dataclass(frozen=True)
class Look:
    """How a condition is asked: of everybody (`each` false, semi-joins) or of a few contacts (`each`, correlated).

    upto: count only events with an id up to this one. past: `:now` is long gone, and facts count as they were then.
    machines: an answer that a machine gave counts as one; whoever matches only so can not be judged.
    """

    each: bool
    upto: Sql | None = None
    past: bool = False
    machines: bool = False



class Node(ABC):
    """A leaf or a group. Values: frozen, hashable, equal when they mean the same."""

    @abstractmethod
    def condition(self, look: Look) -> Sql:
        """Truth over the contact alias `c`; `:now` is free. NULL counts as no match."""

    @abstractmethod
    def sentence(self) -> str:
        """What it says about a person, as a plain condition."""

    @abstractmethod
    def signals(self) -> Signals:
        """What may change its answer."""

    @abstractmethod
    def document(self) -> dict[str, Any]:
        """As in a file."""


@dataclass(frozen=True)
class Ask:
    """One input of the page's rule editor.

    kind: field, account_field, comparison, text, list, segment, stages, buying_roles, channel, statuses, event, where, count,
    duration, number, score_group, model, chance, topic, amount, points, spending, currency, personas, answer, steps, without,
    stage, age, date_field, day_offset or template: the editor has one widget per kind, and none per leaf.
    """

    key: str
    label: str
    kind: str
    required: bool = True


class Leaf(Node):
    """One condition. `key` is the word that names it in a document."""

    key: ClassVar[str]
    label: ClassVar[str]
    group: ClassVar[str]  # heading in the editor's menu
    also: ClassVar[frozenset[str]] = frozenset()  # words that name groups or other leaves, and are keys of this one
    asks: ClassVar[tuple[Ask, ...]]

    def observed(self, look: Look) -> dict[str, Sql]:
        """What Explain shows beside the verdict: expressions over `c` by their labels. Empty: the verdict says it all."""
        return {}

    @classmethod
    @abstractmethod
    def read(cls, reader: Reader) -> Leaf | None:
        """The leaf that a document describes. Problems go to the reader; None when there was one."""
