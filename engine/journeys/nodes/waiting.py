"""Nodes at which a contact stays until something is so."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from ...audience import rules
from ...clock import in_words
from ...errors import Problem
from ...sql import Sql, case, sql
from .base import GREY, NOW, Deadline, Duration, EventFilter, Known, Node, Rule, from_node, names_of, truth

_GROUP = "Waits"


class Wait(Node):
    """A fixed time."""

    type: Literal["wait"] = "wait"
    holds: ClassVar = True
    for_: Duration
    label, icon, tint, group = "Wait", "schedule", GREY, _GROUP
    example: ClassVar = {"for": "2d", "next": "END"}
    fresh: ClassVar = {"for": "2d"}
    model_config = Node.model_config | {"alias_generator": lambda name: name.rstrip("_")}

    def looks_at(self) -> Sql:
        return sql("b.arrived_at + :seconds", seconds=self.for_)

    def behind(self) -> Sql:
        return sql(":upto")

    def describe(self) -> str:
        return f"Wait {in_words(self.for_)}."


class GoTo(Node):
    """Back to an earlier node, after a while or at once."""

    type: Literal["go_to"] = "go_to"
    node: str
    after: Duration | None = None
    leads_by: ClassVar = "node"
    label, icon, tint, group = "Go to", "replay", GREY, "Flow"
    example: ClassVar = {"node": "END", "after": "1h"}

    @property
    def holds(self) -> bool:  # type: ignore[override]
        return self.after is not None

    def looks_at(self) -> Sql:
        return sql("b.arrived_at + :seconds", seconds=self.after) if self.after else NOW

    def behind(self) -> Sql:
        return sql(":upto") if self.after else super().behind()

    def target(self, port: str) -> str | None:
        return self.node

    def describe(self) -> str:
        return f"Go to {self.node}{f' after {in_words(self.after)}' if self.after else ''}."


class WaitFor(Deadline):
    """Until an event happens or a rule is true, or the time is up.

    Which event comes first is told by ids; what counts as in time, by when it occurred. A tie is in time.
    """

    type: Literal["wait_for"] = "wait_for"
    holds: ClassVar = True
    event: EventFilter | None = None
    rule: Rule | None = None
    label, icon, tint, group = "Wait for", "hourglass_top", GREY, _GROUP
    example: ClassVar = {"event": {"event": "email_clicked"}, "timeout": "2d", "next": "END"}
    fresh: ClassVar = {"timeout": "2d"}

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.event is None) == (self.rule is None):
            raise ValueError("wait_for needs either an event or a rule")
        return self

    @property
    def ports(self) -> tuple[str, ...]:
        return ("happened", "timeout") if self.timeout else ("happened",)

    def looks_at(self) -> Sql:
        if self.rule is not None:
            return NOW
        return sql("CASE WHEN b.since_event < :upto THEN :now ELSE {deadline} END", deadline=self.deadline)

    def look(self) -> Sql:
        if self.rule is not None:
            return truth(self.rule)
        assert self.event is not None
        of = sql(" AND {of}", of=from_node("x", "b.enrollment_id", self.event.of)) if self.event.of else sql("")
        return sql("""(SELECT MIN(x.id) FROM event x WHERE x.contact_id = b.contact_id AND x.id > b.since_event
            AND x.id <= :upto AND x.occurred_at <= {deadline} AND x.historic = 0 AND {match}{of})""",
                   deadline=self.deadline, match=self.event.match("x"), of=of)

    def route(self) -> Sql:
        seen = sql("b.seen IS NOT NULL") if self.rule is None else sql("b.seen = 1")
        return case([(seen, sql("'happened'")), (self.overdue, sql("'timeout'"))])

    def behind(self) -> Sql:
        return sql("COALESCE(b.seen, :upto)") if self.rule is None else sql(":upto")

    def wakes_on(self) -> tuple[str, ...]:
        return names_of(self.rule.signals()) if self.rule is not None else (self.event.name,)  # type: ignore[union-attr]

    def watches(self) -> rules.Signals | None:
        return self.rule.signals() if self.rule is not None else None

    def check(self, known: Known) -> list[Problem]:
        if self.timeout:
            return []
        return [Problem(self.id, "wait_without_timeout", "People may wait here for ever: give it a timeout.", "warning")]

    def describe(self) -> str:
        what = self.rule.sentence() if self.rule is not None else self.event.sentence()  # type: ignore[union-attr]
        return f"Wait until {what}{self.limit}."
