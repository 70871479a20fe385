"""Nodes that hand something to sales: an owner, a deal, a task."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from ...activity import events
from ...audience import routing
from ...errors import Problem
from ...maths.money import parse_currency, to_minor
from ...people import contacts, deals, fields
from ...sql import Sql, sql
from . import wording
from .base import GREEN, Known, Node, Place, checked
from .telling import emits
from .wording import Words, help_on


class Owner(Node):
    """Give the contact to a colleague."""

    type: Literal["owner"] = "owner"
    to: str = Field(min_length=1, max_length=200, description="the e-mail address of the colleague")
    label, icon, tint, group = "Owner", "badge", GREEN, "Sales"
    example: ClassVar = {"to": "sam@example.com", "next": "END"}

    def effects(self, place: Place) -> list[Sql]:
        return contacts.field_effects(fields.BUILT_IN["owner"], self.to.strip())

    def describe(self) -> str:
        return f"Make {self.to} the owner."


class Deal(Node):
    """Open a deal with the contact, owned by whoever owns the contact."""

    type: Literal["deal"] = "deal"
    emits: ClassVar = True
    name: Words = Field(min_length=1, max_length=200, json_schema_extra={"label": "Deal"}, description=help_on())
    stage: Words | None = Field(default=None, max_length=100, description=help_on())
    amount: float | None = Field(default=None, ge=0, le=1e12)
    currency: str | None = None
    label, icon, tint, group = "Create deal", "handshake", GREEN, "Sales"
    example: ClassVar = {"name": "Upgrade", "stage": "new", "amount": 1200, "currency": "EUR", "next": "END"}
    variants: ClassVar = ({"name": "{{ trigger.plan | default('Standard') }} plan", "next": "END"},)

    @model_validator(mode="after")
    def _priced(self) -> Self:
        if (self.amount is None) != (self.currency is None):
            raise ValueError("an amount needs its currency, and a currency its amount")
        if self.currency is not None:
            checked(to_minor, str(self.amount), checked(parse_currency, self.currency))
        return self

    def effects(self, place: Place) -> list[Sql]:
        currency = parse_currency(self.currency) if self.currency else None
        minor = to_minor(str(self.amount), currency) if currency else None
        told = sql("""SELECT b.contact_id, 'deal_created' AS name, d.deal_id AS object, d.amount_minor AS value_minor,
            d.currency, '{}' AS props, 'deal:' || d.deal_id || ':created' AS dedupe_key FROM {made} ORDER BY b.id""",
                   made=deals.of_visit())
        stage = None if self.stage is None else wording.filled(self.stage)
        return [*deals.effects(wording.filled(self.name, self.id), stage, minor, currency),
                events.emit_from(told, source="journey", valued=True)]

    def check(self, known: Known) -> list[Problem]:
        return wording.remarks(self.id, [self.name, self.stage])

    def describe(self) -> str:
        return f"Open the deal “{self.name}”{f' worth {self.amount:,g} {self.currency}' if self.amount is not None else ''}."


class Task(Node):
    """Hand the contact to sales: somebody gets a task, by the rules of routing."""

    type: Literal["task"] = "task"
    emits: ClassVar = True
    why: Words = Field(min_length=1, max_length=200, description=help_on("what sales should do, and why"))
    label, icon, tint, group = "Create task", "assignment_ind", GREEN, "Sales"
    example: ClassVar = {"why": "Call about the renewal", "next": "END"}
    variants: ClassVar = ({"why": "Call about {{ trigger.product | default('the renewal') }}", "next": "END"},)

    def effects(self, place: Place) -> list[Sql]:
        why = sql("""'{"why":' || json_quote({why}) || '}'""", why=wording.filled(self.why.strip(), self.id))
        return [emits(routing.ASKED, sql("''"), why)]

    def check(self, known: Known) -> list[Problem]:
        return wording.remarks(self.id, self.why)

    def describe(self) -> str:
        return f"Hand over to sales: {self.why}."
