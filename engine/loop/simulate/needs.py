"""What a simulation has to bring along: the segments, events and rooms that the journeys of it ask about.

Anything that may be a name is looked for in every text of their documents, whatever node or rule it stands in, so that a
new kind of node needs nothing here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ...activity import events
from ...journeys import documents
from ...journeys.graph import Journey
from ...people.consent import CHANNELS
from ...sql import fold
from ...store import Store

# Told by the engine itself, which tells them again in the copy.
OWN_SOURCES = frozenset({"engine", "watch", "journey", "scoring", "routing", "stage rule", "sales"})
_ALWAYS = frozenset({"purchase", "email_sent", "sms_sent", "message_skipped"})
_PREFIXES = tuple(f"{channel}_" for channel in CHANNELS)


@dataclass(frozen=True)
class Needs:
    """Event names, segment ids, and tables that nobody asks about."""

    names: frozenset[str]
    segments: frozenset[int]
    without: frozenset[str]


def find(store: Store, draft: Journey, others: Iterable[str] = ()) -> Needs:
    """What the draft needs, and the live journeys whose documents are given."""
    texts = set(_texts(draft.document)) | {one for text in others for one in _texts(documents.load(text))}
    segments: dict[int, str] = {}
    rules = store.rows("SELECT s.id, s.key, s.rule FROM segment s WHERE s.status = 'live'")
    scored = [(json.loads(document), segment) for document, segment in store.rows(
        "SELECT r.document, r.segment_id FROM score_rule r WHERE r.status = 'live'")]
    staged = store.rows("SELECT r.stage, r.regress, r.segment_id FROM stage_rule r")
    without: set[str] = set()
    while True:  # a segment may ask about scores, which may come from a segment
        before = (len(texts), len(segments))
        wanted = {fold(one.strip()) for one in texts}
        asks_scores, asks_stages = (any(word in one for one in texts) for word in ("score", "stage"))
        own = {*(segment for _, segment in scored if asks_scores and segment), *_moves(staged, texts, asks_stages)}
        for id_, key, rule in rules:
            if id_ not in segments and (key in wanted or id_ in own):
                segments[id_] = key
                texts |= set(_texts(json.loads(rule)))
        texts |= {one for document, _ in scored if asks_scores for one in _texts(document)}
        if before == (len(texts), len(segments)):
            break
    if not asks_scores:
        without |= {"score_rule", "score_rule_version", "score_entry", "score_level"}
    if not asks_stages:
        without |= {"stage_rule"}
    if not any(word in one for one in texts for word in ("owner", "task", "sales", "notify")):
        without |= {"sales_rep", "routing_rule", "task"}
    asks_topics = any("affinity" in one for one in texts)
    if not asks_topics:
        without |= {"affinity", "affinity_topic", "affinity_content"}
    waits = {name for node in draft.nodes for name in node.wakes_on()}
    waits |= {"page_view"} if asks_topics else set()
    names = {name for name in events.names(store) if name in texts | waits | _ALWAYS or name.startswith(_PREFIXES)}
    return Needs(frozenset(names | events.INTERNAL), frozenset(segments), frozenset(without))


def _moves(staged: list[tuple[str, int, int]], texts: set[str], asked: bool) -> list[int]:
    """Segments of the stage rules that count: into a stage that somebody asks about, or out of one, as only `regress` does."""
    return [segment for stage, regress, segment in staged if asked and (regress or stage in texts)]


def _texts(value: Any) -> Iterator[str]:
    """Every text of a document, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield str(key)
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
