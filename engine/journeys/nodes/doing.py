"""Nodes with an effect: messages and changes to the contact."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from ...audience import lifecycle, scoring
from ...clock import DAY
from ...errors import Problem, listing
from ...outreach import messages
from ...people import contacts, fields
from ...sql import Sql, case, fold, sql
from .base import BLUE, GREEN, Known, Node, Place, checked, known_of

Names = Annotated[tuple[str, ...], Field(max_length=20)]
_WHO = "it says who somebody is"
_FIXED = {"email": _WHO, "external_id": _WHO, "phone": _WHO, "created_at": "it is when we met", "source": "it is how we met",
          "stage": "use the node `stage`"}
_OUTCOMES = {"sent": "sent", "skipped": "skipped", "canceled": "skipped", "failed": "failed", "unknown": "failed"}
_CODES = {status: i for i, status in enumerate(_OUTCOMES, 1)}


class Send(Node):
    """Queue a message and wait until it is sent, skipped with a reason, or has failed.

    Holding the token makes later waits count from the real send, and lets a fallback know the outcome.
    """

    type: Literal["send"] = "send"
    may_stay: ClassVar = True
    rests: ClassVar = True
    template: str = Field(json_schema_extra={"kind": "template"})
    channel: Literal["email"] = "email"
    topic: str = ""
    priority: int = Field(default=0, ge=-100, le=100)
    transactional: bool = False
    _template_id: int | None = PrivateAttr(None)
    label, icon, tint, group = "Send email", "mail", BLUE, "Messages"
    example: ClassVar = {"template": "welcome", "next": "END"}

    @model_validator(mode="after")
    def _resolved(self, info: ValidationInfo) -> Self:
        found = known_of(info).templates.get(fold(self.template))
        self._template_id = found[0] if found else None
        return self

    @property
    def ports(self) -> tuple[str, ...]:
        return ("sent", "skipped", "failed")

    def look(self) -> Sql:
        """The message's terminal status as a number; nothing while it is on its way."""
        whens = " ".join(f"WHEN '{status}' THEN {code}" for status, code in _CODES.items())
        return sql(f"""(SELECT CASE m.status {whens} END FROM message m
            WHERE m.node_id = :node AND m.token_id = b.id AND m.visit = b.seq)""")

    def route(self) -> Sql:
        return case([(sql(f"b.seen = {code}"), sql(f"'{_OUTCOMES[status]}'")) for status, code in _CODES.items()])

    def looks_at(self) -> Sql:
        """An outcome wakes it; a look a day makes sure that no lost event holds anybody for ever."""
        return sql(f":now + {DAY}")

    def looks_again(self) -> Sql:
        return self.looks_at()

    def wakes_on(self) -> tuple[str, ...]:
        return (f"{self.channel}_sent", f"{self.channel}_failed", "message_skipped")

    def arrivals(self, rows: Sql, place: Place) -> list[Sql]:
        return [messages.queue(
            rows, node_id=place.node_id, journey_id=place.journey_id, campaign_id=place.campaign_id, channel=self.channel,
            template_id=self._template_id or 0, topic=self.topic, priority=self.priority,
            message_class="transactional" if self.transactional else "marketing")]

    def check(self, known: Known) -> list[Problem]:
        found = known.templates.get(fold(self.template))
        if found is None:
            return [Problem(self.id, "unknown_template", f"There is no template {self.template!r}. There are: "
                            f"{listing(list(known.templates))}.")]
        if found[1] != self.channel:
            return [Problem(self.id, "wrong_channel", f"The template {self.template!r} is for {found[1]}.")]
        return []

    def describe(self) -> str:
        return f"Send the {self.channel} “{self.template}”."


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

    def effects(self) -> list[Sql]:
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

    def effects(self) -> list[Sql]:
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

    def effects(self) -> list[Sql]:
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

    def effects(self) -> list[Sql]:
        return lifecycle.effects(self.to)

    def describe(self) -> str:
        return f"Move to the stage {self.to}."
