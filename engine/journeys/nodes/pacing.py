"""The node that lets only so many through in a span of time."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from ...clock import in_words
from ...sql import Sql, case, sql
from .base import GREY, NEXT, Duration, Node, Place


class RateLimit(Node):
    """Let at most so many people through per hour or day; the others wait their turn."""

    type: Literal["rate_limit"] = "rate_limit"
    may_stay: ClassVar = True
    exclusive: ClassVar = True
    quotas: ClassVar = ("count",)
    count: int = Field(gt=0, le=10_000_000, json_schema_extra={"label": "People"})
    per: Duration = Field(default="1h", validate_default=True)
    label, icon, tint, group = "Rate limit", "speed", GREY, "Flow"
    example: ClassVar = {"count": 2, "per": "1h", "next": "END"}
    fresh: ClassVar = {"count": 500, "per": "1h"}

    @property
    def _first_slot(self) -> Sql:
        """The first slot of the present span: slots are numbered through time, `count` to a span."""
        return sql("(:now / :per * :count)", per=self.per, count=self.count)

    def look(self) -> Sql:
        """The slot held, or the next free one. One that went by unused is lost: being late is no reason for a burst."""
        return sql("""CASE WHEN b.memo >= {first} THEN b.memo ELSE GREATEST({first},
            COALESCE((SELECT l.next_slot FROM rate_slot l WHERE l.node_id = :node), 0)) - 1 + ROW_NUMBER()
            OVER (PARTITION BY CASE WHEN b.memo >= {first} THEN 1 ELSE 0 END ORDER BY b.due_at, b.id) END""",
                   first=self._first_slot)

    def route(self) -> Sql:
        return case([(sql("b.seen < {first} + :count", first=self._first_slot, count=self.count), NEXT)])

    def looks_again(self) -> Sql:
        return sql("b.seen / :count * :per", count=self.count, per=self.per)

    def behind(self) -> Sql:
        return sql(":upto")

    def effects(self, place: Place) -> list[Sql]:
        return [sql("""INSERT INTO rate_slot (node_id, next_slot) SELECT :node, MAX(b.seen) + 1 FROM batch b WHERE true
            ON CONFLICT (node_id) DO UPDATE SET next_slot = GREATEST(rate_slot.next_slot, excluded.next_slot)""")]

    def describe(self) -> str:
        return f"Let {self.count:,} through every {in_words(self.per).removeprefix('1 ')}; the others wait their turn."
