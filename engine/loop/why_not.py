"""Why somebody did not enter a journey: which condition of the way in failed, as it was known then.

The newest events that could have brought them in are looked at one by one, in the order in which the engine itself asks:
was the journey open, did the event wake anything, did its properties fit, was the contact kept out by an earlier passage.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..audience import explaining
from ..audience.explaining import Line
from ..clock import iso
from ..errors import NotFound
from ..journeys import hearing, versions
from ..journeys.live import Live
from ..journeys.triggers import MANUAL, DateTrigger, ScheduleTrigger, SegmentTrigger, Trigger
from ..people import contacts
from ..schema import watermark
from ..sql import Sql, fold, join, sql
from ..store import Store

LOOKED_AT = 5  # candidate events, the newest first
_DONE = {"journey.paused": "paused", "journey.draining": "running dry", "journey.archived": "archived",
         "journey.live": "", "journey.publish": ""}


@dataclass(frozen=True)
class Candidate:
    """One event that could have brought them in, and why it did not. at: UTC seconds; code: stable; evidence: what was seen."""

    event_id: int
    name: str
    at: int
    code: str
    sentence: str
    evidence: dict[str, Any]


@dataclass(frozen=True)
class WhyNot:
    """entered: they did, so many times. verdict: one sentence. lines: the rule of the entry segment with what was observed."""

    journey: str
    status: str
    trigger: str
    reentry: str
    entered: int
    verdict: str
    candidates: tuple[Candidate, ...] = ()
    lines: tuple[Line, ...] = ()


def why_not(store: Store, who: str, journey: str, *, now: int) -> WhyNot:
    """Why a contact (email or external id) is not in a journey, or did not enter it again. Raises NotFound."""
    contact_id = contacts.find(store, who)
    if contact_id is None:
        raise NotFound(f"there is no contact {who!r}")
    live = versions.get_live(store, journey)
    status = str(store.one("SELECT j.status FROM journey j WHERE j.id = :id", id=live.journey_id))
    ask = _Asking(store, versions.load(store, live.id), contact_id, who, now)
    entered = store.one("SELECT COUNT(*) FROM enrollment r WHERE r.contact_id = :contact AND r.journey_id = :journey",
                        contact=contact_id, journey=live.journey_id)
    candidates = tuple(ask.candidate(row) for row in ask.rows())
    lines = ask.segment_lines() if not candidates else ()
    entry = ask.version.journey.entry
    return WhyNot(live.journey, status, entry.sentence(), entry.reentry.sentence(), int(entered),
                  ask.verdict(status, int(entered), candidates, lines), candidates, lines)


class _Asking:
    """One contact and one journey."""

    def __init__(self, store: Store, version: Live, contact_id: int, who: str, now: int) -> None:
        self.store, self.version, self.contact_id, self.who, self.now = store, version, contact_id, who, now
        self.entry = version.journey.entry
        self.segments = [one for one in self.entry.triggers if isinstance(one, SegmentTrigger)]
        self.began = int(store.one("SELECT MIN(v.published_at) FROM journey_version v WHERE v.journey_id = :id",
                                   id=version.journey_id))

    def rows(self) -> list[dict[str, Any]]:
        """Events of the contact of the names that it listens to, and enrollments by hand, the newest first.

        Of a segment or by the calendar only its own: everybody has many of the others.
        """
        arms = [self._told_to(number, trigger) for number, trigger in enumerate(self.entry.triggers)]
        own = join(" OR ", [arm for arm in arms if arm is not None] or [sql("1 = 0")])
        return self.store.records(sql("""SELECT e.id, e.name, e.object, e.received_at, e.occurred_at, e.historic, e.props,
                e.verdict FROM event e WHERE e.contact_id = :contact AND ({own} OR (e.name = :manual AND e.object = :journey))
            ORDER BY e.id DESC LIMIT :most""", contact=self.contact_id, own=own, manual=MANUAL,
            journey=str(self.version.journey_id), most=LOOKED_AT))

    def _told_to(self, number: int, trigger: Trigger) -> Sql | None:
        match = trigger.match(self.version.spot(number))
        if match is None or isinstance(trigger, SegmentTrigger | DateTrigger | ScheduleTrigger):
            return match
        return sql("e.name = :name", name=trigger.event_name)

    def segment_lines(self) -> tuple[Line, ...]:
        """The rule of the first entry segment, leaf by leaf, as of now: they never entered it."""
        if not self.segments:
            return ()
        return explaining.explain(self.store, self.segments[0].segment, self.who, now=self.now).lines

    def candidate(self, row: dict[str, Any]) -> Candidate:
        code, sentence, evidence = self._look(row)
        return Candidate(row["id"], row["name"], row["received_at"], code, sentence, evidence)

    def _look(self, row: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
        at = iso(row["received_at"])
        own = self.store.row("SELECT r.id, r.started_at FROM enrollment r WHERE r.contact_id = :contact "
                             "AND r.journey_id = :journey AND r.since_event = :event", contact=self.contact_id,
                             journey=self.version.journey_id, event=row["id"])
        if own:
            return "entered", f"{row['name']} of {at} brought them in.", {"enrollment": own[0]}
        if row["id"] > watermark(self.store, hearing.CONSUMER)[0]:
            return "unheard", f"{row['name']} of {at} has not been heard yet: the next tick hears it.", {}
        if row["received_at"] < self.began:
            return "before", f"{row['name']} came in at {at}, before the journey was published at {iso(self.began)}.", {}
        if row["historic"]:
            return "historic", f"{row['name']} of {at} came in by an import, and imported events enroll nobody.", {}
        if closed := self._closed(row["received_at"]):
            return "closed", f"When {row['name']} came in at {at} the journey was {closed}.", {}
        if self.store.one("SELECT k.anonymous FROM contact k WHERE k.id = :id", id=self.contact_id):
            return "anonymous", f"At {row['name']} they were a visitor without a name, and visitors enter no journey.", {}
        return self._matching(row, str(at))

    def _matching(self, row: dict[str, Any], at: str) -> tuple[str, str, dict[str, Any]]:
        """Properties, then re-entry."""
        matches = [one for number, trigger in enumerate(self.entry.triggers)
                   if (one := trigger.match(self.version.spot(number))) is not None]
        if row["name"] != MANUAL and not any(self._holds(row["id"], match) for match in matches):
            seen = {"object": row["object"], **json.loads(row["props"]),
                    **({"judged": row["verdict"]} if row["verdict"] else {})}
            return "no_match", f"{row['name']} of {at} does not fit. {self.entry.sentence()}", seen
        reentry = self.version.journey.entry.reentry
        blocker = self.store.row(sql("""SELECT r.started_at, r.ended_at FROM event e JOIN enrollment r
                ON r.contact_id = e.contact_id AND r.journey_id = :journey AND r.key = {key} AND r.since_event < e.id
            WHERE e.id = :event AND {blocked} ORDER BY r.id DESC LIMIT 1""", journey=self.version.journey_id,
            key=reentry.key_sql, event=row["id"], blocked=reentry.blocked_by()))
        if blocker:
            until = f"left at {iso(blocker[1])}" if blocker[1] else "still under way"
            return "reentry", (f"At {row['name']} of {at} an earlier passage kept them out (entered {iso(blocker[0])}, "
                               f"{until}): {reentry.sentence()}"), {"started_at": blocker[0], "ended_at": blocker[1]}
        return "unknown", (f"{row['name']} of {at} fits the journey as it is today; at that time another version was live, "
                           "or the fact it asks for was another one."), {}

    def _holds(self, event_id: int, match: Sql) -> bool:
        return bool(self.store.one(sql("SELECT 1 FROM event e WHERE e.id = :event AND {match}", event=event_id, match=match)))

    def _closed(self, at: int) -> str:
        """What the journey was at a moment, by the last that was done to it before; empty: open."""
        last = self.store.one(f"""SELECT a.action FROM audit a WHERE a.subject = :name AND a.at <= :at
            AND a.action IN ({', '.join(f"'{action}'" for action in _DONE)}) ORDER BY a.id DESC LIMIT 1""",
                              name=self.version.journey.name, at=at)
        return _DONE.get(str(last), "")

    def verdict(self, status: str, entered: int, candidates: tuple[Candidate, ...], lines: tuple[Line, ...]) -> str:
        """The answer in one sentence."""
        newest = candidates[0] if candidates else None
        if newest:
            return newest.sentence if entered == 0 or newest.code != "entered" else f"They did enter: {newest.sentence}"
        if entered:
            return "They did enter, and nothing that could bring them in again has come in since."
        if status != "live":
            return f"The journey is {status}: nobody enters."
        if self.segments:
            return self._not_in_segment(lines)
        listens = [one for one in self.entry.triggers if one.event_name != MANUAL]
        if not listens:
            return "It starts by hand, and nobody has enrolled them."
        names = ", ".join(dict.fromkeys(one.event_name for one in listens))
        return f"No event {names} of theirs has come in. {self.entry.sentence()}"

    def _not_in_segment(self, lines: tuple[Line, ...]) -> str:
        name = self.segments[0].segment
        since = self.store.one("""SELECT m.entered_at FROM segment_member m JOIN segment s ON s.id = m.segment_id
            WHERE s.key = :key AND m.contact_id = :contact""", key=fold(name.strip()), contact=self.contact_id)
        if since is not None:
            return f"They have been in “{name}” since {iso(since)}; it enrolls who enters from now on. Enroll them by hand."
        leaves = [line for line, after in zip(lines, [*lines[1:], None], strict=True) if not after or after.depth <= line.depth]
        failed = next((line.sentence for line in leaves if not line.matches), None)
        return f"They are not in “{name}”" + (f": it does not hold that {failed}." if failed else ".")
