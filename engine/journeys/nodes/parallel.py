"""Nodes that make one token several, and several one."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from ...schema import BRANCHES
from ...sql import Sql, case, sql
from .base import AMBER, Deadline, Node, text


def region(token: str, enrollment: str) -> Sql:
    """Tokens of one fork: the branch that entered it, and those that it made. :branch, :low, :high are free."""
    base = f"{enrollment} * {BRANCHES}"
    return sql(f"({token} = {base} + :branch OR {token} BETWEEN {base} + :low AND {base} + :high)")


class Fork(Node):
    """Every port is taken, at once."""

    type: Literal["fork"] = "fork"
    shape: ClassVar = "fork"
    label, icon, tint, group = "Fork", "fork_right", AMBER, "Flow"
    example: ClassVar = {"on": {"mail": "END", "call": "END"}}
    fresh: ClassVar = {"on": {"one": "", "two": ""}}

    @model_validator(mode="after")
    def _several(self) -> Self:
        if len(self.on) < 2:
            raise ValueError("a fork needs two branches or more under `on`")
        return self

    @property
    def ports(self) -> tuple[str, ...]:
        return tuple(self.on)

    def route(self) -> Sql:
        return text(self.ports[0])

    def describe(self) -> str:
        return f"At the same time: {', '.join(self.ports)}."


class Join(Deadline):
    """Ends a fork: when all living branches are here, or the first is, or time is up. The others are called off."""

    type: Literal["join"] = "join"
    shape: ClassVar = "join"
    fork: str | None = Field(default=None, description="the fork it ends; found by its place when not named")
    mode: Literal["all", "any"] = "all"
    label, icon, tint, group = "Join", "call_merge", AMBER, "Flow"
    example: ClassVar = {"mode": "all", "timeout": "7d", "next": "END"}
    fresh: ClassVar = {"timeout": "7d"}

    @property
    def ports(self) -> tuple[str, ...]:
        return ("joined", "timeout") if self.timeout else ("joined",)

    def look(self) -> Sql:
        """How many branches are still on their way. :branch, :low and :high come from the fork's place in the graph."""
        return sql(f"""(SELECT COUNT(*) FROM token s WHERE s.id BETWEEN b.enrollment_id * {BRANCHES}
            AND b.enrollment_id * {BRANCHES} + {BRANCHES - 1} AND +s.node_id <> :node AND {{region}})""",
                   region=region("s.id", "b.enrollment_id"))

    def route(self) -> Sql:
        enough = sql("b.seen = 0") if self.mode == "all" else sql("1 = 1")
        return case([(enough, sql("'joined'")), (self.overdue, sql("'timeout'"))])

    def describe(self) -> str:
        return f"Go on when {'every branch is' if self.mode == 'all' else 'the first branch is'} here{self.limit}."
