"""Every kind of journey node. `node_types` finds the classes; nobody keeps a list."""

from __future__ import annotations

from .base import Deadline, Known, Node, Piece, Place, tokens_of
from .choosing import Branch, BranchCase, Condition, Split
from .doing import Score, SetField, Stage, Tag
from .leaving import Exit, Goal
from .pacing import RateLimit
from .parallel import Fork, Join
from .sending import Nurture, Send
from .telling import Emit, Jump
from .waiting import BestHour, GoTo, Wait, WaitFor


def node_types() -> dict[str, type[Node]]:
    """Every concrete node class by its type key, found by looking."""

    def below(cls: type[Node]) -> list[type[Node]]:
        return [cls, *(found for child in cls.__subclasses__() for found in below(child))]

    return {cls.model_fields["type"].default: cls for cls in below(Node) if "type" in cls.model_fields}


__all__ = ["BestHour", "Branch", "BranchCase", "Condition", "Deadline", "Emit", "Exit", "Fork", "GoTo", "Goal", "Join",
           "Jump", "Known", "Node", "Nurture", "Piece", "Place", "RateLimit", "Score", "Send", "SetField", "Split",
           "Stage", "Tag", "Wait", "WaitFor", "node_types", "tokens_of"]
