"""The rule language: one tree for segments, conditions, triggers, exits, goals, scores and dynamic content."""

from __future__ import annotations

from .assigned import PersonaLeaf
from .base import Ask, Leaf, Look, Node, Signals
from .filters import EventFilter, PropertyTest, TriggerTest, parse_filter
from .known import STAGES, Known, Named, find, known
from .operators import OPERATORS, Operator
from .tree import GROUPS, IN_JOURNEYS, LEAVES, Every, Never, Rule, Some, leaves, parse

__all__ = ["GROUPS", "IN_JOURNEYS", "LEAVES", "OPERATORS", "STAGES", "Ask", "EventFilter", "Every", "Known", "Leaf", "Look",
           "Named", "Never", "Node", "Operator", "PersonaLeaf", "PropertyTest", "Rule", "Signals", "Some", "TriggerTest",
           "find", "known", "leaves", "parse", "parse_filter"]
