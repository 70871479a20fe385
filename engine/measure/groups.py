"""Who is who in a report: people kept apart by persona, topic, source or segment, each as they were at the moment that counts.

A report names a moment for each figure (the first exposure, the touch, the send). Personas and segments are read back from who
entered and left; before a definition was kept nobody knows, and those moments stand in a group of their own. Interest in a
topic is worked out from what somebody had clicked and read by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from ..audience import segments
from ..audience.rules.filters import HUMAN
from ..audience.rules.interest import AT, SHOWS, WORTH
from ..clock import iso
from ..errors import BadInput
from ..sql import Sql, sql
from ..store import Store

UNKNOWN = "not kept yet"
FORMS = "persona, topic, source or segment:NAME"


@dataclass(frozen=True)
class Grouping:
    """A way to keep people apart. key: as it was asked for. words: the same in a sentence. rest: the group of those who are in
    no other. kept_at: since when it is known, None: always. inside: the name of the group of a contact at a moment, two SQL
    expressions; NULL for the rest."""

    key: str
    words: str
    rest: str
    kept_at: int | None
    inside: Callable[[str, str], Sql]

    def of(self, who: str, at: str) -> Sql:
        """The group of a contact at a moment, as text."""
        known = sql("COALESCE({inside}, :rest)", inside=self.inside(who, at), rest=self.rest)
        if self.kept_at is None:
            return known
        return sql(f"CASE WHEN {at} < :kept THEN :unknown ELSE {{known}} END", kept=self.kept_at, unknown=UNKNOWN, known=known)

    def ordered(self, names: Iterable[str]) -> list[str]:
        """Groups by name, the rest and what nobody knows last."""
        last = (self.rest, UNKNOWN)
        return sorted(set(names), key=lambda name: (last.index(name) + 1 if name in last else 0, name))

    @property
    def note(self) -> str | None:
        """What a reader must know about early moments."""
        if self.kept_at is None:
            return None
        return f"{self.words} is kept since {iso(self.kept_at)}: whatever was before stands under \"{UNKNOWN}\""


def read(store: Store, text: str) -> Grouping:
    """`persona`, `topic`, `source` or `segment:NAME`. Raises NotFound. BadInput: none of these, or there are no personas or
    topics."""
    word, _, name = text.partition(":")
    if word == "segment" and name.strip():
        return _by_segment(store, name)
    if text == "persona":
        return _by_persona(store)
    if text == "topic":
        return _by_topic(store)
    if text == "source":
        return Grouping("source", "acquisition source", "no source", None, _source)
    raise BadInput(f"by {text!r}: write {FORMS}")


def choices(store: Store) -> list[str]:
    """What this workspace can keep people apart by."""
    there = [word for word, table in (("persona", "persona"), ("topic", "affinity_topic"))
             if store.one(f"SELECT 1 FROM {table} LIMIT 1")]
    return [*there, "source", *(f"segment:{name}" for name in segments.names(store, own=True))]


def _by_persona(store: Store) -> Grouping:
    kept = store.one("SELECT MIN(s.created_at) FROM segment s JOIN persona p ON p.segment_id = s.id")
    if kept is None:
        raise BadInput("by persona: there are no personas; make one with `personas save`")
    source = sql("JOIN persona own ON own.segment_id = h.segment_id")
    return Grouping("persona", "persona", "no persona", int(kept), partial(_held, sql("own.name"), source, sql("1 = 1")))


def _by_segment(store: Store, name: str) -> Grouping:
    found = segments.get(store, name)
    kept = store.one("SELECT s.created_at FROM segment s WHERE s.id = :id", id=found.id)
    inside = partial(_held, sql("CAST(:name AS TEXT)", name=f"in {found.name}"), sql(""),
                     sql("h.segment_id = :id", id=found.id))
    return Grouping(f"segment:{found.name}", f"segment {found.name}", f"not in {found.name}", int(kept), inside)


def _held(name: Sql, source: Sql, which: Sql, who: str, at: str) -> Sql:
    """The name by the newest entering into one of the segments, unless that one was left again."""
    return sql(f"""(SELECT held.name FROM (SELECT {{name}} AS name, h.segment_id, h.at, h.id FROM segment_change h {{source}}
            WHERE h.contact_id = {who} AND h.at <= {at} AND h.change = 'entered' AND {{which}}
            ORDER BY h.at DESC, h.id DESC LIMIT 1) held
        WHERE NOT EXISTS (SELECT 1 FROM segment_change gone WHERE gone.contact_id = {who} AND gone.segment_id = held.segment_id
            AND gone.change = 'left' AND gone.at <= {at}
            AND (gone.at > held.at OR (gone.at = held.at AND gone.id > held.id))))""",
               name=name, source=source, which=which)


def _by_topic(store: Store) -> Grouping:
    if not store.one("SELECT 1 FROM affinity_topic LIMIT 1"):
        raise BadInput("by topic: there are no topics; make one with `affinity save`")
    return Grouping("topic", "topic interest", "no topic", None, _strongest)


def _strongest(who: str, at: str) -> Sql:
    """The topic somebody was most interested in: an affinity of 1 at least."""
    worth = WORTH.format(half_life="about.half_life_s").replace(":now", at)
    return sql(f"""(SELECT liked.name FROM (SELECT about.name, about.key, (SELECT SUM({worth}) FROM event e
            WHERE e.contact_id = {who} AND {SHOWS.format(topic="about.id")} AND {AT} <= {at} AND {HUMAN.format(e="e")}) AS worth
            FROM affinity_topic about) liked
        WHERE liked.worth >= 1 ORDER BY liked.worth DESC, liked.key LIMIT 1)""")


def _source(who: str, _: str) -> Sql:
    """Where we have somebody from: it is written down once, so it was the same at any moment."""
    return sql(f"(SELECT NULLIF(TRIM(k.source), '') FROM contact k WHERE k.id = {who})")
