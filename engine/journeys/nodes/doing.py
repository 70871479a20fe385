"""Nodes that change the contact."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from ...audience import lifecycle, scoring
from ...errors import listing
from ...people import contacts, fields
from ...sql import Sql, fold
from .base import GREEN, Node, Place, checked, known_of

Names = Annotated[tuple[str, ...], Field(max_length=20)]
_WHO = "it says who somebody is"
_FIXED = {"email": _WHO, "external_id": _WHO, "phone": _WHO, "created_at": "it is when we met", "source": "it is how we met",
          "stage": "use the node `stage`"}


class SetField(Node):
    """Write one field of the contact, with the change kept in its history."""

    type: Literal["set_field"] = "set_field"
    field: str = Field(json_schema_extra={"kind": "field"})
    value: Any
    _field: fields.Field = PrivateAttr()
    _value: Any = PrivateAttr(None)
    label, icon, tint, group = "Set field", "edit", GREEN, "Actions"
    example: ClassVar = {"field": "locale", "value": "de", "next": "END"}

    @model_validator(mode="after")
    def _resolved(self, info: ValidationInfo) -> Self:
        catalogue = known_of(info).rules.fields
        found = catalogue.get(fold(self.field))
        if found is None:
            raise ValueError(f"there is no field {self.field!r}. There are: {listing(list(catalogue))}")
        if found.key in _FIXED:
            raise ValueError(f"{found.name} can not be set by a journey: {_FIXED[found.key]}")
        self._field = found
        self._value = checked(fields.parse_value, found, self.value)
        return self

    def effects(self, place: Place) -> list[Sql]:
        return contacts.field_effects(self._field, self._value)

    def describe(self) -> str:
        return f"Set {self.field} to {self.value}."


class Tag(Node):
    """Add and remove tags."""

    type: Literal["tag"] = "tag"
    add: Names = ()
    remove: Names = ()
    label, icon, tint, group = "Tag", "sell", GREEN, "Actions"
    example: ClassVar = {"add": ["engaged"], "next": "END"}

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.add and not self.remove:
            raise ValueError("name a tag to add or to remove")
        return self

    def effects(self, place: Place) -> list[Sql]:
        return contacts.tag_effects(self.add, self.remove)

    def describe(self) -> str:
        parts = [f"add the tag {', '.join(self.add)}"] if self.add else []
        parts += [f"remove the tag {', '.join(self.remove)}"] if self.remove else []
        return f"{' and '.join(parts).capitalize()}."


class Score(Node):
    """Points, as an entry that can be seen."""

    type: Literal["score"] = "score"
    points: int = Field(ge=-10_000, le=10_000)
    to: Literal["fit", "engagement"] = Field(default="engagement", alias="group")
    why: str | None = Field(default=None, alias="reason")
    label, icon, tint, group = "Score", "trending_up", GREEN, "Actions"
    example: ClassVar = {"points": 10, "group": "engagement", "next": "END"}

    @field_validator("points")
    @classmethod
    def _not_zero(cls, points: int) -> int:
        if points == 0:
            raise ValueError("0 points change nothing")
        return points

    def effects(self, place: Place) -> list[Sql]:
        return scoring.effects(self.points, self.to, self.why or f"journey step {self.id}")

    def describe(self) -> str:
        return f"{'Add' if self.points > 0 else 'Take off'} {abs(self.points)} {self.to} points."


class Stage(Node):
    """Move the contact to a lifecycle stage."""

    type: Literal["stage"] = "stage"
    emits: ClassVar = True
    to: str = Field(json_schema_extra={"kind": "stage"})
    label, icon, tint, group = "Stage", "stairs", GREEN, "Actions"
    example: ClassVar = {"to": "mql", "next": "END"}

    @field_validator("to")
    @classmethod
    def _a_stage(cls, to: str) -> str:
        if to not in lifecycle.STAGES:
            raise ValueError(f"there is no stage {to!r}. There are: {', '.join(lifecycle.STAGES)}")
        return to

    def effects(self, place: Place) -> list[Sql]:
        return lifecycle.effects(self.to)

    def describe(self) -> str:
        return f"Move to the stage {self.to}."
