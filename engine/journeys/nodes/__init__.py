"""Every kind of journey node. `node_types` finds the classes; nobody keeps a list."""

from __future__ import annotations

from .base import Deadline, Known, Node, Piece, Place, tokens_of
from .choosing import Branch, BranchCase, Condition, Split
from .doing import Score, Send, SetField, Stage, Tag
from .leaving import Exit, Goal
from .parallel import Fork, Join
from .waiting import BestHour, GoTo, Wait, WaitFor


def node_types() -> dict[str, type[Node]]:
    """Every concrete node class by its type key, found by looking."""

    def below(cls: type[Node]) -> list[type[Node]]:
        return [cls, *(found for child in cls.__subclasses__() for found in below(child))]

    return {cls.model_fields["type"].default: cls for cls in below(Node) if "type" in cls.model_fields}


__all__ = ["BestHour", "Branch", "BranchCase", "Condition", "Deadline", "Exit", "Fork", "GoTo", "Goal", "Join", "Known", "Node",
           "Piece", "Place", "Score", "Send", "SetField", "Split", "Stage", "Tag", "Wait", "WaitFor", "node_types", "tokens_of"]
