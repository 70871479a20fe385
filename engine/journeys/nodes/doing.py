"""Nodes that change the contact."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from ...audience import lifecycle, rules, scoring
from ...errors import listing
from ...people import consent, contacts, fields
from ...sql import Sql, fold
from .base import GREEN, Node, Place, checked, known_of

Names = Annotated[tuple[str, ...], Field(max_length=20)]
_WHO = "it says who somebody is"
_FIXED = {"email": _WHO, "external_id": _WHO, "phone": _WHO, "created_at": "it is when we met", "source": "it is how we met",
          "stage": "use the node `stage`"}


class SetField(Node):
    """Write one field of the contact, with the change kept in its history: a value, or a property of what brought the person
    here."""

    type: Literal["set_field"] = "set_field"
    field: str = Field(json_schema_extra={"kind": "field"})
    value: Any = None
    trigger: str | None = Field(default=None, min_length=1, max_length=200, json_schema_extra={"label": "Property"},
                                description="of the event that brought the person here; without it nothing changes")
    _field: fields.Field = PrivateAttr()
    _value: Any = PrivateAttr(None)
    label, icon, tint, group = "Set field", "edit", GREEN, "Actions"
    example: ClassVar = {"field": "locale", "value": "de", "next": "END"}
    variants: ClassVar = ({"field": "locale", "trigger": "language", "next": "END"},)
    ways: ClassVar = {"A value": ("value",), "What brought them here": ("trigger",)}

    @model_validator(mode="after")
    def _resolved(self, info: ValidationInfo) -> Self:
        self._field = contact_field(self.field, info)
        if len(self.model_fields_set & {"value", "trigger"}) != 1:
            raise ValueError("say what it is set to: either `value`, or `trigger` with the name of a property")
        if self.trigger is None:
            if "{{" in str(self.value):
                raise ValueError("a value is written as it stands. What brought the person here is read by "
                                 "`trigger: NAME` instead of `value`")
            self._value = checked(fields.parse_value, self._field, self.value)
        elif not contacts.reads_trigger(self._field):
            raise ValueError(f"{self._field.name} ({self._field.kind}) can not be read from what brought the person here: "
                             "fields of your own that are a text, a number, a yes or no, or a choice can")
        return self

    def effects(self, place: Place) -> list[Sql]:
        if self.trigger is not None:
            return contacts.trigger_effects(self._field, self.trigger)
        return contacts.field_effects(self._field, self._value)

    def describe(self) -> str:
        return f"Set {self.field} to {f'the {self.trigger} of what brought them here' if self.trigger else self.value}."


def contact_field(name: str, info: ValidationInfo, kind: str | None = None) -> fields.Field:
    """A field that a journey may write. Raises ValueError: no such field, one it may not write, or of another kind."""
    catalogue = known_of(info).rules.fields
    found = catalogue.get(fold(name.strip()))
    if found is None:
        raise ValueError(f"there is no field {name!r}. There are: {listing([one.name for one in catalogue.values()])}")
    if found.key in _FIXED:
        raise ValueError(f"{found.name} can not be set by a journey: {_FIXED[found.key]}")
    if kind and found.kind != kind:
        raise ValueError(f"{found.name} is a {found.kind}, not a {kind}")
    return found


class CopyField(Node):
    """Write what one field holds into another of the same kind."""

    type: Literal["copy_field"] = "copy_field"
    source: str = Field(alias="from", json_schema_extra={"kind": "field"})
    into: str = Field(alias="to", json_schema_extra={"kind": "field"})
    _pair: tuple[fields.Field, fields.Field] = PrivateAttr()
    label, icon, tint, group = "Copy field", "content_copy", GREEN, "Actions"
    example: ClassVar = {"from": "locale", "to": "owner", "next": "END"}
    fresh: ClassVar = {}

    @model_validator(mode="after")
    def _resolved(self, info: ValidationInfo) -> Self:
        found = known_of(info).rules.fields.get(fold(self.source.strip()))
        if found is None:
            raise ValueError(f"there is no field {self.source!r}")
        target = contact_field(self.into, info)
        if found.column == target.column or found.kind != target.kind:
            raise ValueError(f"{found.name} ({found.kind}) can not be copied to {target.name} ({target.kind}): "
                             "choose two fields of one kind")
        self._pair = (found, target)
        return self

    def effects(self, place: Place) -> list[Sql]:
        return contacts.copy_effects(*self._pair)

    def describe(self) -> str:
        return f"Copy {self._pair[0].name} to {self._pair[1].name}."


class IncrementField(Node):
    """Add to a number of the contact, or take from it."""

    type: Literal["increment_field"] = "increment_field"
    field: str = Field(json_schema_extra={"kind": "number_field"})
    by: float = Field(default=1, ge=-1e12, le=1e12, json_schema_extra={"label": "Add"})
    _field: fields.Field = PrivateAttr()
    label, icon, tint, group = "Increase field", "exposure_plus_1", GREEN, "Actions"
    example: ClassVar = {"field": "visits", "by": 1, "next": "END"}
    fresh: ClassVar = {"by": 1}

    @model_validator(mode="after")
    def _resolved(self, info: ValidationInfo) -> Self:
        self._field = contact_field(self.field, info, "number")
        if self.by == 0:
            raise ValueError("adding 0 changes nothing")
        return self

    def effects(self, place: Place) -> list[Sql]:
        return contacts.increment_effects(self._field, float(self.by))

    def describe(self) -> str:
        return f"{'Add' if self.by > 0 else 'Take'} {abs(self.by):g} {'to' if self.by > 0 else 'from'} {self._field.name}."


class List(Node):
    """Put the contact on lists, and take it off lists."""

    type: Literal["list"] = "list"
    add: Names = Field(default=(), json_schema_extra={"kind": "lists"})
    remove: Names = Field(default=(), json_schema_extra={"kind": "lists"})
    label, icon, tint, group = "List", "playlist_add", GREEN, "Actions"
    example: ClassVar = {"add": ["Newsletter"], "next": "END"}

    @model_validator(mode="after")
    def _lists(self, info: ValidationInfo) -> Self:
        known = known_of(info).rules.lists
        if not self.add and not self.remove:
            raise ValueError("name a list to add to or to remove from")
        if missing := [name for name in (*self.add, *self.remove) if rules.find(known, name) is None]:
            raise ValueError(f"there is no list {missing[0]!r}. There are: {listing([one.name for one in known.values()])}")
        return self

    def effects(self, place: Place) -> list[Sql]:
        return contacts.list_effects(self.add, self.remove)

    def describe(self) -> str:
        parts = [f"put on the list {', '.join(self.add)}"] if self.add else []
        parts += [f"take off the list {', '.join(self.remove)}"] if self.remove else []
        return _sentence(parts)


def _sentence(parts: list[str]) -> str:
    """Names keep their capitals."""
    told = " and ".join(parts)
    return f"{told[:1].upper()}{told[1:]}."


class Sunset(Node):
    """Stop writing to people who no longer answer: their address goes on the suppression list of a channel."""

    type: Literal["sunset"] = "sunset"
    channel: Literal["email", "sms"] = "email"
    why: str = Field(alias="reason", min_length=1, max_length=200)
    label, icon, tint, group = "Sunset", "bedtime", GREEN, "Actions"
    example: ClassVar = {"reason": "no engagement for 120 days", "next": "END"}
    fresh: ClassVar = {"reason": "no engagement for 120 days"}

    def effects(self, place: Place) -> list[Sql]:
        return consent.suppress_effects(self.channel, self.why)

    def describe(self) -> str:
        return f"Send no more marketing {self.channel}: {self.why}."


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
        return _sentence(parts)


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
