"""How people enter a journey: what triggers it, and whether they may enter again."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from ..clock import in_words
from ..sql import Sql, fold, sql
from .nodes.base import Duration, EventFilter, Piece
from .nodes.telling import MANUAL


class Reentry(Piece):
    """When a contact may enter again. An enrollment still running always keeps the next one of its key out, but for
    `concurrent`."""

    policy: Literal["never", "after_finish", "cooldown", "per_key", "concurrent"] = "never"
    after: Duration | None = None
    key: str | None = Field(default=None, pattern=r"^props\.\w[\w ]*$")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.policy == "cooldown") != (self.after is not None):
            raise ValueError("`after` belongs to the policy cooldown, and cooldown needs it")
        if self.policy == "per_key" and self.key is None:
            raise ValueError("the policy per_key needs a key, for example props.cart_id")
        return self

    @property
    def key_sql(self) -> Sql:
        """The key of an event: what tells one passage of a contact from another."""
        if self.key is None:
            return sql("''")
        return sql("COALESCE(CAST(e.props ->> CAST(:prop AS TEXT) AS TEXT), '')", prop=self.key.removeprefix("props."))

    def blocked_by(self) -> Sql:
        """Condition over an earlier enrollment r of the same contact and key that keeps event e out."""
        running = "(r.ended_event IS NULL OR r.ended_event >= e.id)"
        if self.policy == "concurrent":
            return sql("r.since_event = e.id")
        if self.policy == "never":
            return sql("1 = 1")
        if self.policy == "cooldown":
            return sql(f"({running} OR r.started_at > e.received_at - :after)", after=self.after)
        return sql(running)

    def sentence(self) -> str:
        """The policy in words."""
        words = {
            "never": "Each person enters once, ever.",
            "after_finish": "People may enter again once they have left.",
            "cooldown": f"People may enter again {in_words(self.after or 0)} after they last entered.",
            "per_key": f"People may be in it once for each {(self.key or '').removeprefix('props.')}.",
            "concurrent": "People may be in it several times at once.",
        }
        return words[self.policy]


class Trigger(Piece):
    """What enrolls a contact: an event, entering or leaving a segment, or a person's hand."""

    event: EventFilter | None = None
    segment: str | None = Field(default=None, json_schema_extra={"kind": "segment"})
    on: Literal["entered", "left"] | None = None
    manual: Literal[True] | None = None

    @model_validator(mode="before")
    @classmethod
    def _event_in_one_piece(cls, value: Any) -> Any:
        """`{event: cart, where: {…}}` is one filter."""
        if isinstance(value, dict) and isinstance(value.get("event"), str):
            parts = {key: value[key] for key in ("event", "where") if key in value}
            return {**{key: rest for key, rest in value.items() if key != "where"}, "event": parts}
        return value

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if sum(part is not None for part in (self.event, self.segment, self.manual)) != 1:
            raise ValueError("a trigger is one of: event, segment (with on: entered or left), manual: true")
        if self.on and not self.segment:
            raise ValueError("`on` belongs to a segment")
        return self

    @property
    def event_name(self) -> str:
        """The name of the events it listens to."""
        if self.segment is not None:
            return f"segment_{self.on or 'entered'}"
        return MANUAL if self.event is None else str(self.event.name)

    def match(self, segments: dict[str, int]) -> Sql | None:
        """Condition over event alias e; None when only a person's hand enrolls. segments: folded name -> id."""
        if self.segment is not None:
            return sql("e.name = :name AND e.object = :object", name=self.event_name,
                       object=str(segments[fold(self.segment.strip())]))
        return None if self.event is None else self.event.match("e")

    def sentence(self) -> str:
        """What brings people in, in words."""
        if self.segment is not None:
            return f"Starts when somebody {'leaves' if self.on == 'left' else 'enters'} the segment “{self.segment}”."
        return "Starts by hand." if self.event is None else f"Starts when {self.event.sentence()}."


class Entry(Piece):
    """The way in."""

    trigger: Trigger
    reentry: Reentry = Reentry()
