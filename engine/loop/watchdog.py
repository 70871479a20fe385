"""The watchdog: what hangs and for how long, and a journey that drives people away is paused before it goes on.

A spike is counted over what one journey sent within a window: people who unsubscribed or complained, addresses that
bounced. Only a person resumes a journey that the watchdog paused; what was sent before that counts no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .. import audit
from ..access import Actor, require, set_setting, setting
from ..clock import DAY, FOREVER, MINUTE, in_words, parse_duration, say_duration
from ..errors import BadInput
from ..journeys import hearing, versions
from ..schema import set_watermark, watermark
from ..store import Store

WATCHDOG = Actor("watchdog", "admin")
EVERY_S = 5 * MINUTE
LEAST_EVENTS = 3  # fewer of them prove nothing, whatever the rate
_BY_EVENT = {"email_unsubscribed": "unsubscribe_rate", "email_complained": "complaint_rate", "email_bounced": "bounce_rate"}
WORDS = {"unsubscribe_rate": "unsubscribed", "complaint_rate": "complained", "bounce_rate": "bounced"}


@dataclass(frozen=True)
class Thresholds:
    """Rates are 0–1 of what one journey sent within window_s; a journey that sent fewer than least_sent is left alone.

    overdue_s: how late somebody may be; stuck_s: how long somebody may wait for what may never come.
    """

    unsubscribe_rate: float = 0.02
    complaint_rate: float = 0.003
    bounce_rate: float = 0.05
    least_sent: int = 100
    window_s: int = DAY
    overdue_s: int = 10 * MINUTE
    stuck_s: int = 30 * DAY


@dataclass(frozen=True)
class Spike:
    """Too many who left, of one journey. rate, limit: 0–1."""

    journey: str
    kind: str
    sent: int
    count: int
    rate: float
    limit: float

    def sentence(self) -> str:
        """What was seen, in words."""
        return (f"{self.count:,} of {self.sent:,} {WORDS[self.kind]} ({self.rate * 100:.2g} %), and the limit is "
                f"{self.limit * 100:.2g} %")


@dataclass(frozen=True)
class Hanging:
    """People at one node who are late, or who wait without an end. oldest_s: how long the first of them."""

    journey: str
    version: int
    node: str
    people: int
    oldest_s: int
    reason: str


@dataclass(frozen=True)
class Lag:
    """How far the runner is behind: events that it has not heard, and how old the first of them is."""

    unheard: int
    oldest_s: int


# ------------------------------------------------------------ thresholds


def thresholds(store: Store) -> Thresholds:
    """The workspace setting `watchdog`, with defaults for what it does not say."""
    return parse(setting(store, "watchdog", {}))


def parse(document: Any) -> Thresholds:
    """Thresholds of a settings document: rates 0–1, durations as `10m` or `30d`. Raises BadInput naming the setting."""
    names = {name.removesuffix("_s"): name for name in asdict(Thresholds())}
    if not isinstance(document, Mapping) or (unknown := [key for key in document if key not in names]):
        raise BadInput(f"watchdog: there is no {unknown[0]!r}; there are: {', '.join(names)}" if isinstance(document, Mapping)
                       else f"watchdog: write settings such as {{\"unsubscribe_rate\": 0.02}}; there are: {', '.join(names)}")
    return Thresholds(**{names[key]: _value(key, value) for key, value in document.items()})


def _value(key: str, value: Any) -> Any:
    if key.endswith("_rate"):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
            raise BadInput(f"watchdog, {key}: write a share above 0 and at most 1, for example 0.02 for 2 %")
        return float(value)
    if key == "least_sent":
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise BadInput("watchdog, least_sent: write a whole number from 1")
        return value
    seconds = parse_duration(value)
    if seconds <= 0:
        raise BadInput(f"watchdog, {key}: write a duration longer than 0s")
    return seconds


def save(store: Store, document: dict[str, Any], *, by: Actor, now: int) -> Thresholds:
    """Keep the thresholds. Raises BadInput."""
    require(by, "administer")
    made = parse(document)
    with store.transaction():
        set_setting(store, "watchdog", document)
        audit.record(store, by, "watchdog.thresholds", "watchdog", now=now, **document)
    return made


def document(limits: Thresholds) -> dict[str, Any]:
    """Thresholds as `parse` reads them."""
    return {name.removesuffix("_s"): say_duration(value) if name.endswith("_s") else value
            for name, value in asdict(limits).items()}


# ------------------------------------------------------------ spikes


def guard(store: Store, *, now: int, force: bool = False) -> list[Spike]:
    """Pause every live journey that drives too many away, and note the evidence; at most every five minutes."""
    _, at = watermark(store, "watchdog")
    if not force and at and 0 <= now - at < EVERY_S:
        return []
    found = spikes(store, now=now)
    with store.transaction():
        for one in found:
            versions.set_status(store, one.journey, "paused", by=WATCHDOG, now=now)
            audit.record(store, WATCHDOG, "watchdog.paused", one.journey, now=now, why=one.sentence(), **asdict(one))
        set_watermark(store, "watchdog", 0, now)
    return found


def spikes(store: Store, *, now: int) -> list[Spike]:
    """Live journeys of which too many unsubscribed, complained or bounced; the worst kind of each."""
    limits = thresholds(store)
    found: dict[str, Spike] = {}
    for journey_id, name, resumed_at in store.rows("""SELECT j.id, j.name, (SELECT MAX(a.at) FROM audit a
            WHERE a.subject = j.name AND a.action = 'journey.live') FROM journey j WHERE j.status = 'live' ORDER BY j.key"""):
        since = max(now - limits.window_s, resumed_at or 0)
        counts = {event: _count(store, journey_id, event, since) for event in _BY_EVENT}
        if max(counts.values()) < LEAST_EVENTS:
            continue
        sent = _count(store, journey_id, "email_sent", since)
        for event, kind in _BY_EVENT.items():
            rate, limit = counts[event] / max(sent, 1), getattr(limits, kind)
            worse = name not in found or rate / limit > found[name].rate / found[name].limit
            if sent >= limits.least_sent and counts[event] >= LEAST_EVENTS and rate > limit and worse:
                found[name] = Spike(name, kind, sent, counts[event], rate, limit)
    return list(found.values())


def _count(store: Store, journey_id: int, event: str, since: int) -> int:
    """Messages of a journey that were sent after `since` and to which that happened. Imported events do not count."""
    return int(store.one("""SELECT COUNT(DISTINCT m.id) FROM event e JOIN message m ON m.id = e.message_id
        WHERE e.name = :event AND e.occurred_at > :since AND e.historic = 0 AND m.journey_id = :journey
        AND m.sent_at > :since""", event=event, since=since, journey=journey_id))


def paused_by_watchdog(store: Store) -> dict[str, str]:
    """Journeys that stand still because of a spike, and why."""
    rows = store.rows("""SELECT j.name, a.detail ->> 'why' FROM journey j JOIN audit a ON a.id = (SELECT MAX(x.id) FROM audit x
        WHERE x.subject = j.name AND x.action IN ('watchdog.paused', 'journey.live')) AND a.action = 'watchdog.paused'
        WHERE j.status = 'paused' ORDER BY j.key""")
    return {name: str(why) for name, why in rows}


# ------------------------------------------------------------ what hangs


def lag(store: Store, *, now: int) -> Lag:
    """How far behind what has come in the runner is."""
    heard, _ = watermark(store, hearing.CONSUMER)
    unheard, first = store.rows("SELECT COUNT(*), MIN(e.received_at) FROM event e WHERE e.id > :heard", heard=heard)[0]
    return Lag(int(unheard), max(0, now - first) if first is not None else 0)


def overdue(store: Store, *, now: int) -> list[Hanging]:
    """Nodes with people who should have gone on, the oldest first, and why they did not."""
    late = now - thresholds(store).overdue_s
    readable: set[int] = set()

    def why(version: int, status: str) -> str:
        if not readable:  # only when there is somebody to ask for
            readable.update(one.id for one in versions.load_live(store))
        return "paused" if status == "paused" else "runner" if version in readable else "unreadable"

    return _hanging(store, "t.due_at < :before", "MIN(t.due_at)", late, now, why)


def stuck(store: Store, *, now: int) -> list[Hanging]:
    """Nodes with people who wait for what may never come: no limit, and longer than the threshold."""
    since = now - thresholds(store).stuck_s
    return _hanging(store, f"t.due_at >= {FOREVER} AND t.arrived_at < :before", "MIN(t.arrived_at)", since, now,
                    lambda *_: "no_limit")


REASONS = {
    "paused": "the journey is paused",
    "runner": "the runner has not got to them: look whether it breathes",
    "unreadable": "the version no longer reads, for something it names is gone: the log of the runner says what",
    "no_limit": "they wait for an event, and the step has no time limit",
}


def _hanging(store: Store, which: str, first: str, before: int, now: int,
             why: Callable[[int, str], str]) -> list[Hanging]:
    shards = ", ".join(str(shard) for shard in range((store.one("SELECT MAX(t.shard) FROM token t") or 0) + 1))
    rows = store.rows(f"""SELECT j.name, v.number, n.key, COUNT(*), {first}, v.id, j.status
        FROM node n JOIN journey_version v ON v.id = n.version_id JOIN journey j ON j.id = v.journey_id
        JOIN token t ON t.shard IN ({shards}) AND t.node_id = n.id AND {which}
        GROUP BY j.name, v.number, n.key, v.id, j.status ORDER BY 5, 1, 3""", before=before)
    return [Hanging(name, number, key, count, now - oldest, why(version, status))
            for name, number, key, count, oldest, version, status in rows]


def sentence(one: Hanging) -> str:
    """A line for the list."""
    people = f"{one.people:,} {'person' if one.people == 1 else 'people'}"
    return (f"{people} at “{one.node}” of {one.journey}, version {one.version}, for {in_words(one.oldest_s // 60 * 60)}: "
            f"{REASONS[one.reason]}")
