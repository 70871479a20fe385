"""What a simulation has to bring along: the segments, events and rooms that the journeys of it ask about.

Anything that may be a name is looked for in every text of their documents, whatever node or rule it stands in, so that a
new kind of node needs nothing here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...activity import events
from ...audience import routing
from ...journeys.graph import Journey
from ...people.consent import CHANNELS
from ...sql import Sql, fold, join, sql
from ...store import Store

# Told by the engine itself, which tells them again in the copy.
OWN_SOURCES = frozenset({"engine", "watch", "journey", "scoring", "routing", "stage rule", "sales"})
_ALWAYS = frozenset({"purchase", "email_sent", "sms_sent", "message_skipped"})
SALES = ("owner", "task", "sales", "notify", "lead_")
# Tables of a room, by the words of whoever asks about it.
_ROOMS = {("score",): ("score_rule", "score_rule_version", "score_entry", "score_level"), ("stage",): ("stage_rule",),
          SALES: ("sales_rep", "routing_rule", "task"), ("account", "buying_role"): ("account",),
          ("affinity",): ("affinity", "affinity_topic", "affinity_content")}
_PREFIXES = tuple(f"{channel}_" for channel in CHANNELS)


Wanted = Mapping[str, frozenset[str] | None]  # events by name: those with one of these objects, or all


@dataclass(frozen=True)
class Needs:
    """events: those that somebody may ask about, None: all. Segment ids, and tables that nobody asks about."""

    events: Wanted | None
    segments: frozenset[int]
    without: frozenset[str]


@dataclass
class _Search:
    """What the documents found so far say, and what else of the workspace that brings in."""

    found: list[Any]
    texts: set[str] = field(default_factory=set)
    segments: set[int] = field(default_factory=set)

    def read(self) -> bool:
        """Take in the texts of what was found; whether there was anything new."""
        before = len(self.texts)
        self.texts |= {one for document in self.found for one in _texts(document)}
        return len(self.texts) > before

    def asks(self, *words: str) -> bool:
        """Whether any of the words stands in any of the texts."""
        return any(word in one for one in self.texts for word in words)

    def widen(self, store: Store) -> None:
        """Segments, score rules, stage rules and routes may ask about each other: until nothing new comes in."""
        rules = store.rows("SELECT s.id, s.key, s.rule FROM segment s WHERE s.status = 'live'")
        scored = [(json.loads(document), segment) for document, segment in store.rows(
            "SELECT r.document, r.segment_id FROM score_rule r WHERE r.status = 'live'")]
        staged = store.rows("SELECT r.stage, r.regress, r.segment_id FROM stage_rule r")
        routed = [json.loads(rule) for (rule,) in store.rows("SELECT r.rule FROM routing_rule r WHERE r.rule IS NOT NULL")]
        taken: set[str] = set()
        while self.read():
            if self.asks(*SALES) and "sales" not in taken:  # entering a stage of the policy hands a lead over
                self.found += [*routed, "stage", *routing.policy(store).stages]
                taken.add("sales")
            if self.asks("score") and "score" not in taken:
                self.found += [document for document, _ in scored]
                taken.add("score")
            own = {segment for _, segment in scored if self.asks("score")}
            own |= {segment for stage, regress, segment in staged if self.asks("stage") and (regress or stage in self.texts)}
            wanted = {fold(one.strip()) for one in self.texts}
            for id_, key, rule in rules:
                if id_ not in self.segments and (key in wanted or id_ in own):
                    self.segments.add(id_)
                    self.found.append(json.loads(rule))

    def without(self) -> frozenset[str]:
        """Tables that nobody asks about."""
        return frozenset(table for words, tables in _ROOMS.items() if not self.asks(*words) for table in tables)

    def events(self, store: Store, heard: set[str]) -> Wanted | None:
        """Events that somebody may ask about; None: all. heard: names that are listened to without being written down."""
        if self.asks("last_activity"):  # of a company: whatever anybody does there
            return None
        whole = _ALWAYS | heard | ({"page_view"} if self.asks("affinity") else set())
        narrow = _objects(self.found)
        return dict.fromkeys(events.INTERNAL) | {
            name: None if name in whole or name.startswith(_PREFIXES) else narrow[name] for name in events.names(store)
            if name in whole or name in narrow or name.startswith(_PREFIXES)}


def find(store: Store, draft: Journey, others: Iterable[Journey] = ()) -> Needs:
    """What the draft needs, and the live journeys that run beside it."""
    journeys = [draft, *others]
    search = _Search([journey.document for journey in journeys])
    search.widen(store)
    heard = {name for journey in journeys for node in journey.nodes for name in node.wakes_on() if name not in search.texts}
    heard |= {trigger.event_name for journey in journeys for trigger in journey.entry.triggers if trigger.key != "event"}
    return Needs(search.events(store, heard), frozenset(search.segments), search.without())


def only(alias: str, wanted: Wanted) -> Sql:
    """Whether a row of the event table is one of those."""
    whole = sorted(name for name, things in wanted.items() if things is None)
    tests = [sql(f"{alias}.name IN ({{names}})", names=_listed(whole))] if whole else []
    tests += [sql(f"({alias}.name = :name AND {alias}.object IN ({{things}}))", name=name, things=_listed(sorted(things)))
              for name, things in sorted(wanted.items()) if things is not None]
    return join(" OR ", tests) if tests else sql("1 = 0")


def _listed(texts: list[str]) -> Sql:
    return join(", ", [sql(":text", text=text) for text in texts])


def _objects(found: Iterable[Any]) -> Wanted:
    """Events of which each mention names the very object that it asks for, with these objects."""
    wanted: dict[str, frozenset[str] | None] = {}
    for name, thing in (one for document in found for one in _mentions(document)):
        held = wanted.get(name, frozenset())
        wanted[name] = None if held is None or thing is None else held | {thing}
    return wanted


def _mentions(value: Any) -> Iterator[tuple[str, str | None]]:
    """Every text of a document; of a filter of events that asks for one object, with this object."""
    if isinstance(value, dict):
        where = value.get("where")
        test = where.get("object") if isinstance(where, dict) else None
        exact = test.get("value") if isinstance(test, dict) and test.get("op", "is") == "is" else test
        name, thing = value.get("event"), events.as_object(exact) if isinstance(exact, str) else None
        if isinstance(name, str) and thing is not None:
            yield name, thing
            value = {key: one for key, one in value.items() if key != "event"}
        for key, one in value.items():
            yield str(key), None
            yield from _mentions(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _mentions(one)
    elif isinstance(value, str):
        yield value, None


def _texts(value: Any) -> Iterator[str]:
    """Every text of a document, keys too."""
    return (text for text, _ in _mentions(value))
