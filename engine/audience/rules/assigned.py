"""Leaves about what was worked out of a contact: a model's prediction, and the persona a rule assigned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...sql import Sql, join, sql
from . import past
from .base import Ask, Leaf, Look, Signals
from .facts import FACTS, find_named
from .known import Named, find
from .operators import Column, Comparison, read_comparison
from .reader import Reader


@dataclass(frozen=True)
class ProbabilityLeaf(Leaf):
    """The newest run of a model gave the contact such a probability, or placed it among the top share of all it ranked.

    Ranks are stored by the run. Of whom the model said nothing neither is true.
    """

    key: ClassVar[str] = "probability"
    label: ClassVar[str] = "Prediction"
    group: ClassVar[str] = "Facts"
    asks: ClassVar[tuple[Ask, ...]] = (Ask("probability", "Model", "model"), Ask("op", "How likely", "chance", required=False))

    model: Named
    comparison: Comparison | None
    top: float | None = None

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        model = find_named(reader, "probability", reader.known.models, "model")
        if reader.has("top"):
            top = reader.take("top")
            good = isinstance(top, int | float) and not isinstance(top, bool) and 0 < top <= 1
            if not good:
                reader.problem("top", "value", "write a share above 0 and up to 1: 0.1 is the top 10 %")
            return cls(model, None, float(top)) if model and good else None
        comparison = read_comparison(reader, "number")
        if comparison and not all(0 <= one <= 1 for one in comparison.values):
            reader.problem("value", "value", "write a probability from 0 to 1: 0.4 is 40 %")
            return None
        return cls(model, comparison) if model and comparison else None

    def condition(self, look: Look) -> Sql:
        if look.each or (self.comparison and self.comparison.operator.key == "is_not_set"):
            return self._test(Column(self._value(look, "probability"), "number"), self._value(look, "top_share"))
        test = self._test(Column(sql("p.probability"), "number"), sql("p.top_share"))
        return sql("c.id IN (SELECT p.contact_id FROM prediction p WHERE p.run_id = {run} AND {test})", run=self._run(look),
                   test=test)

    def _test(self, probability: Column, top_share: Sql) -> Sql:
        if self.comparison:
            return self.comparison.sql(probability)
        return sql("{share} <= :top", share=top_share, top=self.top)

    def _run(self, look: Look) -> Sql:
        then = sql("AND r.at <= :now" if look.past else "")
        return sql("""(SELECT r.id FROM prediction_run r WHERE r.model_id = :model AND r.contacts > 0 {then}
            ORDER BY r.at DESC, r.id DESC LIMIT 1)""", model=self.model.id, then=then)

    def _value(self, look: Look, column: str) -> Sql:
        return sql(f"(SELECT p.{column} FROM prediction p WHERE p.run_id = {{run}} AND p.contact_id = c.id)",
                   run=self._run(look))

    def observed(self, look: Look) -> dict[str, Sql]:
        return {"probability": self._value(look, "probability"), "among the top": self._value(look, "top_share")}

    def sentence(self) -> str:
        if self.comparison:
            return f'probability of "{self.model.name}" {self.comparison.words()}'
        return f'is among the top {100 * (self.top or 0):g} % by "{self.model.name}"'

    def signals(self) -> Signals:
        return FACTS

    def document(self) -> dict[str, Any]:
        return {"probability": self.model.name} | (self.comparison.document() if self.comparison else {"top": self.top})


@dataclass(frozen=True)
class PersonaLeaf(Leaf):
    """Is one of these personas. Each contact is the first whose rule it matches; the watch keeps that as a segment."""

    key: ClassVar[str] = "persona"
    label: ClassVar[str] = "Persona"
    group: ClassVar[str] = "Facts"
    asks: ClassVar[tuple[Ask, ...]] = (Ask("persona", "Personas", "personas"),)

    personas: tuple[Named, ...]  # the id is that of the segment

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        given = reader.take("persona")
        words = [given] if isinstance(given, str) else given
        if not isinstance(words, list) or not words or not all(isinstance(word, str) and word.strip() for word in words):
            reader.problem("persona", "value", "write a persona, or a list of personas")
            return None
        found = [find(reader.known.personas, word) for word in words]
        if None in found:
            there = ", ".join(one.name for one in reader.known.personas.values()) or "none yet"
            reader.problem("persona", "persona", f"no persona {words[found.index(None)]!r}; there are {there}")
            return None
        return cls(tuple(dict.fromkeys(one for one in found if one)))

    def condition(self, look: Look) -> Sql:
        if look.past:
            return sql("({any_of})", any_of=join(" OR ", [past.membership(one.id) for one in self.personas]))
        ids = join(", ", [sql(":id", id=one.id) for one in self.personas])
        within = "t.contact_id = c.id AND " if look.each else ""
        members = sql(f"SELECT {'1' if look.each else 't.contact_id'} FROM segment_member t WHERE {within}"
                      "t.segment_id IN ({ids})", ids=ids)
        return sql(f"{'EXISTS' if look.each else 'c.id IN'} ({{members}})", members=members)

    def sentence(self) -> str:
        return "is the persona " + " or ".join(f'"{one.name}"' for one in self.personas)

    def signals(self) -> Signals:
        return Signals(segments=frozenset(one.id for one in self.personas))

    def document(self) -> dict[str, Any]:
        return {"persona": [one.name for one in self.personas]}
