"""Leaves about the company that a contact belongs to, and what they are there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...errors import BadInput
from ...people import accounts
from ...people.fields import Field
from ...sql import Sql, join, sql
from . import past
from .base import Ask, Leaf, Look, Signals
from .facts import find_field
from .operators import Column, Comparison, read_comparison
from .reader import Reader


@dataclass(frozen=True)
class AccountLeaf(Leaf):
    """A fact of the contact's company compares so."""

    key: ClassVar[str] = "account"
    label: ClassVar[str] = "Company"
    group: ClassVar[str] = "Facts"
    asks: ClassVar[tuple[Ask, ...]] = (Ask("account", "Field", "account_field"), Ask("op", "Comparison", "comparison"))

    field: Field
    comparison: Comparison

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        field = find_field(reader, "account", reader.known.account_fields, "a field of companies")
        comparison = read_comparison(reader, field.kind, field.options) if field else None
        return cls(field, comparison) if field and comparison else None

    def condition(self, look: Look) -> Sql:
        unknown = self.comparison.operator.key == "is_not_set"  # true also of people without a company
        value = self._value(look)
        test = sql("{value} IS NOT NULL", value=value) if unknown else self.comparison.sql(Column(value, self.field.kind))
        return sql(f"{'NOT ' * unknown}EXISTS ({{facts}} AND {{test}})", facts=self._facts(look, sql("1")), test=test)

    def observed(self, look: Look) -> dict[str, Sql]:
        return {"company": sql("({facts})", facts=self._facts(look, sql("a.name"))),
                "value": sql("({facts})", facts=self._facts(look, self._value(look)))}

    def _facts(self, look: Look, value: Sql) -> Sql:
        return sql("SELECT {value} FROM account a WHERE a.id = {account}", value=value,
                   account=past.account() if look.past else sql("c.account_id"))

    def _value(self, look: Look) -> Sql:
        return past.account_value(self.field) if look.past else sql(f"a.{self.field.column}")

    def sentence(self) -> str:
        return f"company {self.field.name} {self.comparison.words()}"

    def signals(self) -> Signals:
        aged = [sql(f"""SELECT c.id AS contact_id FROM account a JOIN contact c ON c.account_id = a.id
            WHERE a.{self.field.column} > :before - :age AND a.{self.field.column} <= :now - :age""", age=age)
                for age in ((0, self.comparison.window_s) if self.comparison.window_s else ())]
        return Signals(contact=True, edges=frozenset(aged))

    def document(self) -> dict[str, Any]:
        return {"account": self.field.name} | self.comparison.document()


@dataclass(frozen=True)
class BuyingRoleLeaf(Leaf):
    """Has one of these roles in the buying decision of the own company."""

    key: ClassVar[str] = "buying_role"
    label: ClassVar[str] = "Buying role"
    group: ClassVar[str] = "Facts"
    asks: ClassVar[tuple[Ask, ...]] = (Ask("buying_role", "Roles", "buying_roles"),)

    roles: tuple[str, ...]

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        given = reader.take("buying_role")
        words = [given] if isinstance(given, str) else given
        if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
            reader.problem("buying_role", "value", "write a buying role, or a list of them")
            return None
        try:
            return cls(tuple(dict.fromkeys(accounts.check_role(word) for word in words)))
        except BadInput as error:
            reader.problem("buying_role", "buying_role", str(error))
            return None

    def condition(self, look: Look) -> Sql:
        if look.past:
            had = [past.label("role", role, _holds(look, (role,))) for role in self.roles]
            return sql("({any_of})", any_of=join(" OR ", had))
        return _holds(look, self.roles)

    def observed(self, look: Look) -> dict[str, Sql]:
        return {"roles": sql("(SELECT MIN(t.role) FROM buying_role t WHERE t.contact_id = c.id)")}

    def sentence(self) -> str:
        return f"is {' or '.join(self.roles)} at their company"

    def signals(self) -> Signals:
        return Signals(contact=True)

    def document(self) -> dict[str, Any]:
        return {"buying_role": self.roles[0] if len(self.roles) == 1 else list(self.roles)}


def _holds(look: Look, roles: tuple[str, ...]) -> Sql:
    names = join(", ", [sql(":role", role=role) for role in roles])
    if look.each:
        return sql("EXISTS (SELECT 1 FROM buying_role t WHERE t.contact_id = c.id AND t.role IN ({names}))", names=names)
    return sql("c.id IN (SELECT t.contact_id FROM buying_role t WHERE t.role IN ({names}))", names=names)
