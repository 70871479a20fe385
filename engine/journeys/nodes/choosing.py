"""Nodes that choose one of several ports."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from ...maths.assignment import bucket_sql
from ...sql import Sql, case, sql
from .base import AMBER, VIOLET, Node, Piece, Rule, known_of, text, truth

Weight = Annotated[int, Field(gt=0, le=1_000_000)]


class Condition(Node):
    """Yes or no, by a rule over everything known of the contact."""

    type: Literal["condition"] = "condition"
    rule: Rule
    label, icon, tint, group = "Condition", "alt_route", AMBER, "Flow"
    example: ClassVar = {"rule": {"field": "locale", "op": "is", "value": "de"}, "on": {"yes": "END", "no": "END"}}

    @property
    def ports(self) -> tuple[str, ...]:
        return ("yes", "no")

    def look(self) -> Sql:
        return truth(self.rule)

    def route(self) -> Sql:
        return sql("CASE b.seen WHEN 1 THEN 'yes' ELSE 'no' END")

    def describe(self) -> str:
        return f"Yes if {self.rule.sentence()}; no otherwise."


class BranchCase(Piece):
    """One way out of a branch."""

    port: str = Field(min_length=1, max_length=40)
    rule: Rule


class Branch(Node):
    """The first case whose rule is true, else `else`."""

    type: Literal["branch"] = "branch"
    cases: tuple[BranchCase, ...] = Field(min_length=1, max_length=20)
    label, icon, tint, group = "Branch", "call_split", AMBER, "Flow"
    example: ClassVar = {"cases": [{"port": "german", "rule": {"field": "locale", "op": "is", "value": "de"}}], "next": "END"}

    @property
    def ports(self) -> tuple[str, ...]:
        return (*(option.port for option in self.cases), "else")

    def look(self) -> Sql:
        return case([(sql("{truth} = 1", truth=truth(option.rule)), sql(str(i))) for i, option in enumerate(self.cases)])

    def route(self) -> Sql:
        arms = [(sql(f"b.seen = {i}"), text(option.port)) for i, option in enumerate(self.cases)]
        return case(arms, sql("'else'"))

    def describe(self) -> str:
        said = "; ".join(f"{option.port} if {option.rule.sentence()}" for option in self.cases)
        return f"First that fits: {said}; else otherwise."


class Split(Node):
    """Random arms by arithmetic on the stored contact hash: the same contact always falls on the same side."""

    type: Literal["split"] = "split"
    arms: dict[str, Weight] = Field(min_length=2, max_length=10)
    salt: str | None = None
    _own_salt: str = PrivateAttr("")
    label, icon, tint, group = "Random split", "science", VIOLET, "Flow"
    example: ClassVar = {"arms": {"a": 50, "b": 50}, "next": "END"}
    fresh: ClassVar = {"arms": {"a": 50, "b": 50}}

    @model_validator(mode="after")
    def _salted(self, info: ValidationInfo) -> Self:
        """Without a salt of its own it gets journey and node: two journeys must not send the same people left."""
        self._own_salt = self.salt or f"{known_of(info).journey}/{self.id}"
        return self

    @property
    def drawn_by(self) -> str:
        """What the draw goes by: two splits of one salt send everybody the same way."""
        return self._own_salt

    @property
    def ports(self) -> tuple[str, ...]:
        return tuple(self.arms)

    @property
    def total(self) -> int:
        return sum(self.arms.values())

    def look(self) -> Sql:
        """A bucket in 0..total-1."""
        return sql(bucket_sql("c.hash31", self._own_salt, self.total))

    def route(self) -> Sql:
        arms, edge = [], 0
        for name, weight in self.arms.items():
            edge += weight
            arms.append((sql(f"b.seen < {edge}"), text(name)))
        return case(arms, text(name))

    def port_label(self, port: str) -> str:
        return f"{port} {self.arms[port] * 100 / self.total:.4g} %"

    def describe(self) -> str:
        shares = ", ".join(f"{name} {weight * 100 / self.total:.4g} %" for name, weight in self.arms.items())
        return f"At random, and always the same for one person: {shares}."
