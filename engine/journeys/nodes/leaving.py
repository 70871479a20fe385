"""The end of a passage, and the goal that pulls people forward."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from ...audience import rules
from ...sql import Sql, case, sql
from .base import GREEN, NULL, RED, Node, Rule, names_of, text, truth


class Exit(Node):
    """The end of this branch; of the whole passage when no other branch is left, or when it says so."""

    type: Literal["exit"] = "exit"
    shape: ClassVar = "end"
    reason_: str = "finished"
    ends: Literal["branch", "passage"] = Field(default="branch", description="passage: the other branches of a fork are called "
                                               "off too")
    label, icon, tint, group = "Exit", "flag", RED, "Flow"
    example: ClassVar = {"reason": "finished"}
    model_config = Node.model_config | {"alias_generator": lambda name: name.rstrip("_")}

    @property
    def ports(self) -> tuple[str, ...]:
        return ()

    def route(self) -> Sql:
        return sql("'end'")

    def reason(self) -> Sql:
        return text(self.reason_)

    def describe(self) -> str:
        return f"Leave{' with every branch' if self.ends == 'passage' else ''}: {self.reason_}."


class Goal(Node):
    """Pulls people here from anywhere upstream once the rule is true; reached on foot, `missed` unless it is."""

    type: Literal["goal"] = "goal"
    may_stay: ClassVar = True
    holds: ClassVar = True
    rule: Rule
    otherwise: Literal["go_on", "wait"] = "go_on"
    label, icon, tint, group = "Goal", "flag_circle", GREEN, "Flow"
    example: ClassVar = {"rule": {"event": "purchase"}, "next": "END"}

    @property
    def ports(self) -> tuple[str, ...]:
        return ("reached", "missed") if self.otherwise == "go_on" else ("reached",)

    def look(self) -> Sql:
        """Whoever was pulled here brings the event that did it; whoever walks in is looked at."""
        return sql("CASE WHEN b.memo > 0 THEN b.memo ELSE {truth} END", truth=truth(self.rule))

    def route(self) -> Sql:
        missed = sql("'missed'") if self.otherwise == "go_on" else NULL
        return case([(sql("b.seen > 0"), sql("'reached'"))], missed)

    def wakes_on(self) -> tuple[str, ...]:
        return names_of(self.rule.signals()) if self.otherwise == "wait" else ()

    def watches(self) -> rules.Signals | None:
        return self.rule.signals()  # type: ignore[no-any-return]

    def describe(self) -> str:
        return f"Goal: {self.rule.sentence()}. Whoever reaches it comes here at once."
