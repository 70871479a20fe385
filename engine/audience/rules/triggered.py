"""What a rule inside a journey may ask of the event that brought the person there: the enrollment `r` of the statement around.

Such a rule is asked of people in a journey only; of everybody it means nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...errors import BadInput
from ...sql import Sql
from .base import Ask, Leaf, Look, Signals
from .filters import TriggerTest, property_column, property_kind
from .operators import Comparison, read_comparison
from .reader import Reader, usable_text


@dataclass(frozen=True)
class TriggerLeaf(Leaf):
    """A property of the event that brought the person into the journey."""

    key: ClassVar[str] = "trigger"
    label: ClassVar[str] = "What brought them here"
    group: ClassVar[str] = "This journey"
    asks: ClassVar[tuple[Ask, ...]] = (Ask("trigger", "Property", "text"), Ask("op", "Comparison", "loose_comparison"))

    prop: str
    comparison: Comparison

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        given = reader.take("trigger")
        if not isinstance(given, str) or not usable_text(given):
            reader.problem("trigger", "property", "write the name of a property of the trigger, as a text")
            return None
        if not reader.known.in_journey:
            reader.problem("trigger", "no_journey", "only a rule inside a journey knows what brought somebody there")
            return None
        comparison = read_comparison(reader, property_kind(given, reader.document))
        return cls(given, comparison) if comparison else None

    def condition(self, look: Look) -> Sql:
        if not look.each:
            raise BadInput(f"what brought somebody into a journey ({self.prop}) can be asked only of people who are in it")
        return self.comparison.sql(property_column("r", self.prop, self.comparison))

    def sentence(self) -> str:
        return f"the trigger's {self.prop} {self.comparison.words()}"

    def signals(self) -> Signals:
        return Signals()

    def document(self) -> dict[str, Any]:
        return {"trigger": self.prop} | self.comparison.document()


__all__ = ["TriggerLeaf", "TriggerTest"]
