"""The leaf about topics: how much somebody has clicked and read of the content that carries one."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import Any, ClassVar

from ...sql import Sql, sql
from .base import Ask, Leaf, Look, Signals
from .facts import find_named
from .filters import HUMAN, HUMAN_THEN
from .known import Named
from .reader import Reader

OPS = {"at_least": "at least", "less_than": "less than"}
MOST = 1_000_000
NAMES = "('page_view', 'email_clicked')"  # an open is none: machines open mail too
# Whether the event `e` shows the topic `{topic}`: a page or link at the address or below it, a click in the mail.
SHOWS = f"""e.name IN {NAMES} AND EXISTS (SELECT 1 FROM affinity_content k WHERE k.topic_id = {{topic}} AND (
    (k.kind = CASE e.name WHEN 'page_view' THEN 'page' ELSE 'link' END AND substr(e.object, 1, length(k.value)) = k.value
        AND substr(e.object || '/', length(k.value) + 1, 1) IN ('/', '?', '#'))
    OR (k.kind = 'template' AND e.name = 'email_clicked' AND k.template_id =
        (SELECT m.template_id FROM message m WHERE m.id = e.message_id))))"""
# What one event is worth at :now, of a half-life in seconds; held where doubles still tell it from nothing.
AT = "LEAST(e.occurred_at, e.received_at)"  # a date in the future counts from the arrival on
WORTH = f"POWER(CAST(2 AS DOUBLE PRECISION), GREATEST(({AT} - :now) / CAST({{half_life}} AS DOUBLE PRECISION), -1000))"


@dataclass(frozen=True)
class AffinityLeaf(Leaf):
    """Has so much affinity to a topic now: each click and visit counts 1 when it happens, half of it a half-life later.

    Kept as kappa = at + h · log2(value), so that the value is at least θ exactly while kappa ≥ now + h · log2 θ.
    """

    key: ClassVar[str] = "affinity"
    label: ClassVar[str] = "Topic affinity"
    group: ClassVar[str] = "Behavior"
    asks: ClassVar[tuple[Ask, ...]] = (Ask("affinity", "Topic", "topic"), Ask("op", "How much", "amount"),
                                       Ask("value", "clicks and visits", "points"))

    topic: Named
    op: str
    value: float

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        topic = find_named(reader, "affinity", reader.known.topics, "topic")
        op, value = reader.take("op", "at_least"), reader.take("value", 1)
        good = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= MOST
        if op not in OPS:
            reader.problem("op", "operator", f"unknown operator {op!r}: choose one of {', '.join(OPS)}")
        if not good:
            reader.problem("value", "value", f"write a number above 0 and up to {MOST:,}: a click or visit of today is 1")
        return cls(topic, op, float(value)) if topic and op in OPS and good else None

    def condition(self, look: Look) -> Sql:
        if look.past:
            return sql(f"({{worth}} {'>=' if self.op == 'at_least' else '<'} :enough)", worth=self._then(look),
                       enough=self.value)
        within = "a.contact_id = c.id AND " if look.each else ""
        people = sql(f"SELECT a.contact_id FROM affinity a WHERE {within}a.topic_id = :topic AND a.kappa >= {{line}}",
                     topic=self.topic.id, line=self._line(":now"))
        test = "EXISTS" if look.each else "c.id IN"
        return sql(f"({'' if self.op == 'at_least' else 'NOT '}{test} ({{people}}))", people=people)

    def _line(self, moment: str) -> Sql:
        return sql(f"({moment} + (SELECT t.half_life_s FROM affinity_topic t WHERE t.id = :topic) * :steps)",
                   topic=self.topic.id, steps=log2(self.value))

    def _then(self, look: Look) -> Sql:
        """The sum over the events, as it was known then; what carries the topic counts as it does today."""
        upto = sql("AND e.id <= {upto}", upto=look.upto) if look.upto else sql("")
        half_life = "(SELECT t.half_life_s FROM affinity_topic t WHERE t.id = :topic)"
        return sql(f"""COALESCE((SELECT SUM({WORTH.format(half_life=half_life)}) FROM event e WHERE e.contact_id = c.id
            AND {SHOWS.format(topic=':topic')} AND {AT} <= :now AND {{human}} {{upto}}), 0)""", topic=self.topic.id,
                   human=sql((HUMAN_THEN if look.past else HUMAN).format(e="e")), upto=upto)

    def observed(self, look: Look) -> dict[str, Sql]:
        if look.past:
            return {"affinity": sql("ROUND(CAST({worth} AS NUMERIC), 2)", worth=self._then(look))}
        return {"affinity": sql("""(SELECT ROUND(CAST(POWER(CAST(2 AS DOUBLE PRECISION), GREATEST(LEAST((a.kappa - :now)
            / t.half_life_s, 60), -1000)) AS NUMERIC), 2) FROM affinity a JOIN affinity_topic t ON t.id = a.topic_id
            WHERE a.contact_id = c.id AND a.topic_id = :topic)""", topic=self.topic.id)}

    def sentence(self) -> str:
        return f'has an affinity to "{self.topic.name}" of {OPS[self.op]} {self.value:g}'

    def signals(self) -> Signals:
        fell = sql("SELECT a.contact_id FROM affinity a WHERE a.topic_id = :topic AND a.kappa >= {since} AND a.kappa < {line}",
                   topic=self.topic.id, since=self._line(":before"), line=self._line(":now"))
        return Signals(contact=True, edges=frozenset({fell}))

    def document(self) -> dict[str, Any]:
        return {"affinity": self.topic.name, "op": self.op, "value": self.value}
