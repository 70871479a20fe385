"""Leaves about what a contact is: fields, tags, lists, segments, stage, consent, score, a random share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ...errors import listing
from ...maths.assignment import bucket_sql
from ...people.consent import CHANNELS, STATUSES
from ...people.fields import Field
from ...sql import Sql, fold, join, sql
from . import past
from .base import Ask, Leaf, Look, Signals
from .known import STAGES, Named, find
from .operators import Column, Comparison, read_comparison
from .reader import Reader

_CONSENT_WORDS = {"subscribed": "is subscribed to", "unsubscribed": "is unsubscribed from", "pending": "has yet to confirm",
            "bounced": "has bounced on", "complained": "has complained about"}
SCORES = {"fit": "c.fit_score", "engagement": "c.engagement_score"}
FACTS = Signals(contact=True)


def find_field(reader: Reader, key: str, fields: Mapping[str, Field], what: str) -> Field | None:
    """The field that a key names; None, with a problem, when there is none."""
    name = reader.text(key, f"the name of {what}")
    found = fields.get(fold(" ".join(name.split()))) if name else None
    if name and not found:
        reader.take("op")
        reader.take("value")
        known = [field.name for field in fields.values()]
        reader.problem(key, "field", f"no field {name!r}; there are {listing(known, 30)}")
    return found


@dataclass(frozen=True)
class FieldLeaf(Leaf):
    """A fact of the contact compares so."""

    key: ClassVar[str] = "field"
    label: ClassVar[str] = "Field"
    group: ClassVar[str] = "Facts"
    asks: ClassVar[tuple[Ask, ...]] = (Ask("field", "Field", "field"), Ask("op", "Comparison", "comparison"))

    field: Field
    comparison: Comparison

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        field = find_field(reader, "field", reader.known.fields, "a field")
        comparison = read_comparison(reader, field.kind, field.options) if field else None
        return cls(field, comparison) if field and comparison else None

    def condition(self, look: Look) -> Sql:
        return self.comparison.sql(Column(self._value(look), self.field.kind))

    def observed(self, look: Look) -> dict[str, Sql]:
        return {"value": self._value(look)}

    def _value(self, look: Look) -> Sql:
        logged = look.past and self.field.key != "created_at"
        return past.value(self.field.column, self.field.key, self.field.kind) if logged else sql(f"c.{self.field.column}")

    def sentence(self) -> str:
        return f"{self.field.name} {self.comparison.words()}"

    def signals(self) -> Signals:
        seconds = self.comparison.window_s
        moments = {(self.field.column, 0), (self.field.column, seconds)} if seconds else set()
        return Signals(contact=True, moments=frozenset(moments))

    def document(self) -> dict[str, Any]:
        return {"field": self.field.name} | self.comparison.document()


@dataclass(frozen=True)
class TagLeaf(Leaf):
    """Carries the tag. A tag that nobody carries yet is no mistake."""

    key: ClassVar[str] = "tag"
    label: ClassVar[str] = "Tag"
    group: ClassVar[str] = "Facts"
    asks: ClassVar[tuple[Ask, ...]] = (Ask("tag", "Tag", "text"),)

    tag: str

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        tag = reader.text("tag", "a tag")
        return cls(" ".join(tag.split())) if tag else None

    def condition(self, look: Look) -> Sql:
        of = sql("t.tag_id = (SELECT g.id FROM tag g WHERE g.key = :key)", key=fold(self.tag))
        return _label(look, "tag", self.tag, of)

    def sentence(self) -> str:
        return f'has the tag "{self.tag}"'

    def signals(self) -> Signals:
        return FACTS

    def document(self) -> dict[str, Any]:
        return {"tag": self.tag}


@dataclass(frozen=True)
class ListLeaf(Leaf):
    """Stands on the list."""

    key: ClassVar[str] = "list"
    label: ClassVar[str] = "List"
    group: ClassVar[str] = "Facts"
    asks: ClassVar[tuple[Ask, ...]] = (Ask("list", "List", "list"),)

    list: Named

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        found = find_named(reader, "list", reader.known.lists)
        return cls(found) if found else None

    def condition(self, look: Look) -> Sql:
        return _label(look, "list", self.list.name, sql("t.list_id = :id", id=self.list.id))

    def sentence(self) -> str:
        return f'is on the list "{self.list.name}"'

    def signals(self) -> Signals:
        return FACTS

    def document(self) -> dict[str, Any]:
        return {"list": self.list.name}


@dataclass(frozen=True)
class SegmentLeaf(Leaf):
    """Is a member of the segment, as the watch keeps it."""

    key: ClassVar[str] = "segment"
    label: ClassVar[str] = "Segment"
    group: ClassVar[str] = "Facts"
    asks: ClassVar[tuple[Ask, ...]] = (Ask("segment", "Segment", "segment"),)

    segment: Named

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        found = find_named(reader, "segment", reader.known.segments)
        return cls(found) if found else None

    def condition(self, look: Look) -> Sql:
        if look.past:
            return past.membership(self.segment.id)
        return _holds(look, "segment_member", sql("t.segment_id = :id", id=self.segment.id))

    def sentence(self) -> str:
        return f'is in the segment "{self.segment.name}"'

    def signals(self) -> Signals:
        return Signals(segments=frozenset({self.segment.id}))

    def document(self) -> dict[str, Any]:
        return {"segment": self.segment.name}


@dataclass(frozen=True)
class StageLeaf(Leaf):
    """Stands at one of these lifecycle stages."""

    key: ClassVar[str] = "stage"
    label: ClassVar[str] = "Lifecycle stage"
    group: ClassVar[str] = "Facts"
    asks: ClassVar[tuple[Ask, ...]] = (Ask("stage", "Stages", "stages"),)

    stages: tuple[str, ...]

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        given = reader.take("stage")
        words = [given] if isinstance(given, str) else given
        if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
            reader.problem("stage", "value", "write a stage, or a list of stages")
            return None
        stages = tuple(dict.fromkeys(fold(word.strip()) for word in words))
        if unknown := [stage for stage in stages if stage not in STAGES]:
            reader.problem("stage", "stage", f"no stage {unknown[0]!r}; there are {', '.join(STAGES)}")
            return None
        return cls(stages)

    def condition(self, look: Look) -> Sql:
        return sql("lower({stage}) IN ({any_of})", stage=stage_of(look),
                   any_of=join(", ", [sql(":s", s=word) for word in self.stages]))

    def observed(self, look: Look) -> dict[str, Sql]:
        return {"stage": stage_of(look)}

    def sentence(self) -> str:
        return f"is at the stage {' or '.join(self.stages)}"

    def signals(self) -> Signals:
        return FACTS

    def document(self) -> dict[str, Any]:
        return {"stage": list(self.stages)}


@dataclass(frozen=True)
class ConsentLeaf(Leaf):
    """The newest entry of the consent ledger for the channel (and topic) says one of these."""

    key: ClassVar[str] = "consent"
    label: ClassVar[str] = "Consent"
    group: ClassVar[str] = "Facts"
    asks: ClassVar[tuple[Ask, ...]] = (Ask("consent", "Channel", "channel"), Ask("is", "State", "statuses"),
                                       Ask("topic", "Topic", "text", required=False))

    channel: str
    statuses: tuple[str, ...]
    topic: str = ""

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        channel = _one_of(reader, "consent", reader.take("consent"), CHANNELS, "channel")
        given = reader.take("is", "subscribed")
        statuses = [_one_of(reader, "is", word, STATUSES, "state")
                    for word in (given if isinstance(given, list) and given else [given])]
        topic = reader.text("topic", "a topic") if reader.has("topic") else ""
        if channel is None or topic is None or None in statuses:
            return None
        return cls(channel, tuple(dict.fromkeys(word for word in statuses if word)), topic.strip())

    def condition(self, look: Look) -> Sql:
        return sql("{said} IN ({statuses})", said=self._said(look),
                   statuses=join(", ", [sql(":s", s=word) for word in self.statuses]))

    def observed(self, look: Look) -> dict[str, Sql]:
        return {"state": self._said(look)}

    def _said(self, look: Look) -> Sql:
        return sql("""(SELECT x.status FROM consent x WHERE x.contact_id = c.id AND x.channel = :channel
            AND x.topic = :topic {then} ORDER BY x.at DESC, x.id DESC LIMIT 1)""", channel=self.channel, topic=self.topic,
                   then=sql("AND x.at <= :now" if look.past else ""))

    def sentence(self) -> str:
        about = f' about "{self.topic}"' if self.topic else ""
        return " or ".join(f"{_CONSENT_WORDS[word]} {self.channel}" for word in self.statuses) + about

    def signals(self) -> Signals:
        return FACTS

    def document(self) -> dict[str, Any]:
        said = self.statuses[0] if len(self.statuses) == 1 else list(self.statuses)
        return {"consent": self.channel, "is": said} | ({"topic": self.topic} if self.topic else {})


@dataclass(frozen=True)
class ScoreLeaf(Leaf):
    """The score of a group (both groups together when none is named) compares so."""

    key: ClassVar[str] = "score"
    label: ClassVar[str] = "Score"
    group: ClassVar[str] = "Facts"
    asks: ClassVar[tuple[Ask, ...]] = (Ask("score", "Comparison", "comparison"),
                                       Ask("group", "Group", "score_group", required=False))

    comparison: Comparison
    of: str | None = None

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        inner = reader.inner("score")
        comparison = read_comparison(inner, "number") if inner else None
        whole = inner.done() if inner else False
        of = _one_of(reader, "group", reader.take("group"), tuple(SCORES), "group") if reader.has("group") else ""
        return cls(comparison, of or None) if comparison and whole and of is not None else None

    def condition(self, look: Look) -> Sql:
        return self.comparison.sql(Column(self._value(look), "number"))

    def observed(self, look: Look) -> dict[str, Sql]:
        return {"score": self._value(look)}

    def _value(self, look: Look) -> Sql:
        today = sql(SCORES[self.of] if self.of else f"({' + '.join(SCORES.values())})")
        return past.score(self.of) if look.past else today

    def sentence(self) -> str:
        return f"{self.of or 'total'} score {self.comparison.words()}"

    def signals(self) -> Signals:
        return FACTS

    def document(self) -> dict[str, Any]:
        return {"score": self.comparison.document()} | ({"group": self.of} if self.of else {})


@dataclass(frozen=True)
class PercentLeaf(Leaf):
    """Belongs to a random share of everybody that stays the same for one salt."""

    key: ClassVar[str] = "percent"
    label: ClassVar[str] = "Random share"
    group: ClassVar[str] = "Chance"
    asks: ClassVar[tuple[Ask, ...]] = (Ask("percent", "Percent", "number"), Ask("salt", "Salt", "text"))

    basis_points: int
    salt: str

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        given = reader.take("percent")
        salt = reader.text("salt", "a salt (any word; another word draws other people)")
        fits = isinstance(given, int | float) and not isinstance(given, bool) and 0 < given <= 100
        if not fits or (given * 100) % 1:
            reader.problem("percent", "value", "write a share above 0 and up to 100, with at most two decimals")
            return None
        return cls(int(given * 100), salt) if salt else None

    def condition(self, look: Look) -> Sql:
        return sql(f"{bucket_sql('c.hash31', self.salt, 10_000)} < :share", share=self.basis_points)

    def sentence(self) -> str:
        return f'belongs to the random {self.basis_points / 100:g} % drawn with "{self.salt}"'

    def signals(self) -> Signals:
        return FACTS

    def document(self) -> dict[str, Any]:
        whole = self.basis_points % 100 == 0
        return {"percent": self.basis_points // 100 if whole else self.basis_points / 100, "salt": self.salt}


def _label(look: Look, what: str, name: str, of: Sql) -> Sql:
    today = _holds(look, f"contact_{what}", of)
    return past.label(what, fold(name), today) if look.past else today


def _holds(look: Look, table: str, of: Sql) -> Sql:
    """The contact has a row in a table of pairs."""
    if look.each:
        return sql(f"EXISTS (SELECT 1 FROM {table} t WHERE t.contact_id = c.id AND {{of}})", of=of)
    return sql(f"c.id IN (SELECT t.contact_id FROM {table} t WHERE {{of}})", of=of)


def stage_of(look: Look) -> Sql:
    """The stage of the contact."""
    return past.value("stage", "stage", "text") if look.past else sql("c.stage")


def find_named(reader: Reader, key: str, names: Mapping[str, Named], what: str = "") -> Named | None:
    """What a key names; None, with a problem, when there is nothing of the name."""
    name = reader.text(key, f"the name of a {what or key}")
    found = find(names, name) if name else None
    if name and not found:
        there = listing([row.name for row in names.values()], 30)
        reader.problem(key, what or key, f"no {what or key} {name!r}; there are {there}")
    return found


def _one_of(reader: Reader, key: str, given: Any, words: tuple[str, ...], what: str) -> str | None:
    word = fold(given.strip()) if isinstance(given, str) else given
    if word in words:
        return str(word)
    reader.problem(key, what, f"no {what} {given!r}; there are {', '.join(words)}")
    return None
