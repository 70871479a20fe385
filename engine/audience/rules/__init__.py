"""The rule language: one tree for segments, conditions, triggers, exits, goals, scores and dynamic content."""

from __future__ import annotations

from .base import Ask, Leaf, Look, Node, Signals
from .filters import EventFilter, PropertyTest, parse_filter
from .known import STAGES, Known, Named, find, known
from .operators import OPERATORS, Operator
from .tree import GROUPS, LEAVES, NOT_YET, Every, Never, Rule, Some, leaves, parse

__all__ = ["GROUPS", "LEAVES", "NOT_YET", "OPERATORS", "STAGES", "Ask", "EventFilter", "Every", "Known", "Leaf", "Look",
           "Named", "Never", "Node", "Operator", "PropertyTest", "Rule", "Signals", "Some", "find", "known", "leaves", "parse",
           "parse_filter"]
