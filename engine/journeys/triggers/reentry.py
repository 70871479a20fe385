"""Whether somebody may enter again."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from ...clock import in_words
from ...sql import Sql, sql
from ..nodes.base import Duration, Piece


class Reentry(Piece):
    """When a contact may enter again. An enrollment still running always keeps the next one of its key out, but for
    `concurrent`."""

    policy: Literal["never", "after_finish", "cooldown", "per_key", "concurrent"] = "never"
    after: Duration | None = None
    key: str | None = Field(default=None, pattern=r"^(object|props\.\w[\w .-]*)$")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.policy == "cooldown") != (self.after is not None):
            raise ValueError("`after` belongs to the policy cooldown, and cooldown needs it")
        if self.policy == "per_key" and self.key is None:
            raise ValueError("the policy per_key needs a key, for example props.cart_id")
        return self

    @property
    def prop(self) -> str | None:
        """The property that the key is taken from; None: no key, or the object."""
        return self.key.removeprefix("props.") if self.key and self.key != "object" else None

    @property
    def key_sql(self) -> Sql:
        """The key of an event: what tells one passage of a contact from another."""
        if self.key is None:
            return sql("''")
        if self.key == "object":
            return sql("COALESCE(e.object, '')")
        return sql("COALESCE(CAST(e.props ->> CAST(:prop AS TEXT) AS TEXT), '')", prop=self.prop)

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
        each = f" for each {self.prop or self.key}" if self.key else ""
        words = {
            "never": f"Each person enters once{each}, ever.",
            "after_finish": f"People may enter again once they have left{each and ',' + each + ' by itself'}.",
            "cooldown": f"People may enter again {in_words(self.after or 0)} after they last entered"
                        f"{each and ',' + each + ' by itself'}.",
            "per_key": f"People may be in it once at a time{each}, and again once they have left.",
            "concurrent": "People may be in it several times at once.",
        }
        return words[self.policy]
