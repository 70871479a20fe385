"""Every kind of journey node. `node_types` finds the classes; nobody keeps a list."""

from __future__ import annotations

from .base import Deadline, Known, Node, Piece, Place, tokens_of
from .calling import Approval, Notify, Webhook
from .choosing import Branch, BranchCase, Condition, Split
from .doing import CopyField, IncrementField, List, Score, SetField, Stage, Sunset, Tag
from .leaving import Exit, Goal
from .pacing import RateLimit
from .parallel import Fork, Join
from .selling import Deal, Owner, Task
from .sending import Nurture, Send, SendFirst
from .telling import Emit, Jump
from .waiting import BestHour, GoTo, Wait, WaitFor


def node_types() -> dict[str, type[Node]]:
    """Every concrete node class by its type key, found by looking."""

    def below(cls: type[Node]) -> list[type[Node]]:
        return [cls, *(found for child in cls.__subclasses__() for found in below(child))]

    return {cls.model_fields["type"].default: cls for cls in below(Node) if "type" in cls.model_fields}


__all__ = ["Approval", "BestHour", "Branch", "BranchCase", "Condition", "CopyField", "Deadline", "Deal", "Emit", "Exit",
           "Fork", "GoTo", "Goal", "IncrementField", "Join", "Jump", "Known", "List", "Node", "Notify", "Nurture",
           "Owner", "Piece", "Place", "RateLimit", "Score", "Send", "SendFirst", "SetField", "Split", "Stage", "Sunset", "Tag",
           "Task", "Wait", "WaitFor", "Webhook", "node_types", "tokens_of"]
