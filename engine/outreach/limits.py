"""Who may get a message now: consent, suppression, restriction and one frequency cap, in one SQL expression.

Every message that may not go has a code. A cap counts marketing messages in a sliding window that ends now; a message
that may have gone out counts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..access import setting
from ..activity import events
from ..clock import DAY, parse_duration
from ..errors import BadInput
from ..people import consent
from ..sql import Sql, case, fold, join, sql
from ..store import CHUNK, Store
from . import messages

REASONS = {
    "erased": "the contact no longer exists",
    "no_address": "the contact has no address for this channel",
    "restricted": "processing of this contact is restricted",
    "suppressed": "the address is on the suppression list",
    "unsubscribed": "the contact has unsubscribed",
    "no_consent": "the contact has not agreed to this",
    "capped": "the frequency cap is reached",
    "held": "sales is calling today; it leaves when the hold is over",
}
# Spacing delays, since what comes half a day later is still read; a full week skips, since it would only pile up.
DEFAULT_CAPS: list[dict[str, Any]] = [{"n": 3, "per": "7d", "channels": ["email"], "action": "skip"},
                                      {"n": 1, "per": "16h", "channels": ["email"], "action": "delay"}]
LONGEST_DELAY_S = 7 * DAY  # a message that would go later than this after it was queued is skipped
_COUNTED = "('admitted', 'sending', 'sent', 'unknown')"
_AT = "COALESCE(x.sent_at, x.claimed_at, x.admitted_at)"


@dataclass(frozen=True)
class Cap:
    """At most n marketing messages per span, over the channels named (none: over all). action: skip or delay."""

    n: int
    per_s: int
    channels: tuple[str, ...] = ()
    action: str = "skip"

    def covers(self, channel: str) -> bool:
        """Whether the cap speaks of the channel."""
        return not self.channels or channel in self.channels


def caps(store: Store) -> list[Cap]:
    """The workspace setting `caps`; an empty list switches capping off. Raises BadInput: not a list of caps."""
    return parse_caps(setting(store, "caps", DEFAULT_CAPS))


def parse_caps(document: Any) -> list[Cap]:
    """Caps of a settings document, `[{"n": 3, "per": "7d", "channels": ["email"], "action": "skip"}]`. Raises BadInput."""
    if not isinstance(document, list):
        raise BadInput(f"caps: write a list such as {json.dumps(DEFAULT_CAPS)}")
    return [_parse_cap(item, f"caps, item {place}") for place, item in enumerate(document, start=1)]


def verdict(channel: str, limits: list[Cap]) -> Sql:
    """Why message `m` to contact `c` (NULL: gone) may not go now: a code, `delayed`, `held`, or NULL when it may.

    Transactional messages need neither consent nor room under a cap; restriction holds for them too, and suppression for
    any reason but that somebody unsubscribed.
    """
    topic, marketing = sql("m.topic"), sql("m.class = 'marketing'")
    column = consent.ADDRESS_COLUMN.get(channel, "email")
    full = [(sql("{marketing} AND {full}", marketing=marketing, full=_full(cap)),
             sql("'capped'") if cap.action == "skip" else _late(cap))
            for cap in sorted(limits, key=lambda cap: cap.action == "delay") if cap.covers(channel)]
    return case([
        (sql("c.id IS NULL"), sql("'erased'")),
        (sql(f"COALESCE(c.{column}, '') = ''"), sql("'no_address'")),
        (sql("c.restricted = 1"), sql("'restricted'")),
        (sql("{marketing} AND {left}", marketing=marketing, left=_left(channel)), sql("'unsubscribed'")),
        (consent.suppressed(sql("m.contact_id"), channel, topic, marketing), sql("'suppressed'")),
        (sql("{marketing} AND NOT {allowed}", marketing=marketing,
             allowed=consent.allowed(sql("m.contact_id"), channel, topic)), sql("'no_consent'")),
        (sql("{marketing} AND c.held_until > :now", marketing=marketing), sql("'held'")),
        *full,
    ])


def admit(store: Store, *, now: int, chunk: int = CHUNK) -> int:
    """Let queued messages that are due go, skip them with a reason, or move them; how many go or are skipped.

    In each pass every contact has one message decided, the one of highest priority; so the next pass counts it.
    """
    limits, decided = caps(store), 0
    while True:
        with store.transaction():
            store.serialize("admit")
            store.serialize("event")  # before any row, as the runner does: in another order the two could wait for each other
            if not _pick(store, now, chunk):
                return decided
            for (channel,) in _channels(store):
                store.run(messages.settle(_decided(channel, limits)), now=now)
            decided += int(store.one("SELECT COUNT(*) FROM picked p CROSS JOIN message m WHERE m.id = p.id "
                                     "AND m.status IN ('admitted', 'skipped')"))
            tell_skipped(store, now=now)


def recheck(store: Store, *, now: int) -> int:
    """Skip rows of `picked` that may not go any more, by consent and suppression, and queue again whoever is held; how many
    were skipped. Needs a transaction."""
    for (channel,) in _channels(store):
        refused = sql("SELECT d.id, d.code, d.status, d.due_at FROM ({decided}) d WHERE d.code IS NOT NULL",
                      decided=_decided(channel, []))
        store.run(messages.settle(refused), now=now)
    return tell_skipped(store, now=now)


def tell_skipped(store: Store, *, now: int) -> int:
    """The event `message_skipped` for each row of `picked` that was skipped, so that its journey wakes; how many."""
    found = store.records(
        """SELECT m.id, m.contact_id, m.reason, m.round, t.name AS template, n.key AS node, j.name AS journey
        FROM picked p CROSS JOIN message m JOIN template t ON t.id = m.template_id
        LEFT JOIN node n ON n.id = m.node_id LEFT JOIN journey j ON j.id = m.journey_id
        WHERE m.id = p.id AND m.status = 'skipped' ORDER BY m.id""")
    if found:
        events.insert_events(store, [_skipped(row, now) for row in found])
    return len(found)


def _skipped(row: dict[str, Any], now: int) -> dict[str, Any]:
    props = {"reason": row["reason"], "node": row["node"], "journey": row["journey"]}
    return {"contact_id": row["contact_id"], "name": "message_skipped", "object": fold(row["template"]), "occurred_at": now,
            "received_at": now, "props": json.dumps({key: value for key, value in props.items() if value is not None}),
            "dedupe_key": f"message:{row['id']}:{row['round']}:skipped", "source": "admission", "message_id": row["id"]}


def _pick(store: Store, now: int, chunk: int) -> int:
    """Fill `picked` with due messages, none of a contact that has a better one waiting."""
    store.run("DELETE FROM picked")
    found = store.run(
        f"""INSERT INTO picked (id, contact_id) SELECT m.id, m.contact_id FROM message m
        WHERE {messages.WAITING} AND m.status = 'queued' AND m.due_at <= :now AND {_going('m')}
        AND NOT EXISTS (SELECT 1 FROM message o
            WHERE o.contact_id = m.contact_id AND o.status = 'queued' AND o.due_at <= :now AND {_going('o')}
            AND (o.priority > m.priority
            OR (o.priority = m.priority AND (o.due_at < m.due_at OR (o.due_at = m.due_at AND o.id < m.id)))))
        ORDER BY m.due_at, m.id LIMIT :chunk""", now=now, chunk=chunk)
    store.after_fill("picked")
    return found


def _going(alias: str) -> str:
    """Whether the journey of a message is not paused: what waits in a paused one waits until it goes on."""
    return f"COALESCE({alias}.journey_id, 0) NOT IN (SELECT j.id FROM journey j WHERE j.status = 'paused')"


def _channels(store: Store) -> list[tuple[Any, ...]]:
    return store.rows("SELECT DISTINCT m.channel FROM picked p CROSS JOIN message m WHERE m.id = p.id")


def _decided(channel: str, limits: list[Cap]) -> Sql:
    """SELECT id, code, status, due_at over `picked`, for one channel.

    Materialized: SQLite would ask the whole verdict again at each mention of it. CROSS JOIN: it would read every message.
    """
    delaying = [cap for cap in limits if cap.action == "delay" and cap.covers(channel)]
    freed = [sql("CASE WHEN {full} THEN {frees} ELSE 0 END", full=_full(cap), frees=_frees(cap)) for cap in delaying]
    later = sql("GREATEST(:now + 1, {freed})", freed=join(", ", freed)) if freed else sql(":now + 1")
    return sql("""WITH d AS MATERIALIZED (SELECT m.id, m.due_at, c.held_until, {verdict} AS code, {later} AS later
            FROM picked p CROSS JOIN message m LEFT JOIN contact c ON c.id = m.contact_id
            WHERE m.id = p.id AND m.channel = :channel)
        SELECT d.id, CASE d.code WHEN 'delayed' THEN 'capped' ELSE d.code END AS code,
            CASE WHEN d.code IS NULL THEN 'admitted' WHEN d.code IN ('delayed', 'held') THEN 'queued'
                ELSE 'skipped' END AS status,
            CASE d.code WHEN 'delayed' THEN d.later WHEN 'held' THEN d.held_until ELSE d.due_at END AS due_at FROM d""",
               verdict=verdict(channel, limits), later=later, channel=channel)


def _left(channel: str) -> Sql:
    """Whether the contact has left the channel or the topic. Leaving also suppresses the address: this says it better."""
    return sql("""EXISTS (SELECT 1 FROM (SELECT s.status, ROW_NUMBER() OVER (PARTITION BY s.topic
            ORDER BY s.at DESC, s.id DESC) AS newest FROM consent s WHERE s.contact_id = m.contact_id
            AND s.channel = :channel AND s.topic IN ('', m.topic)) q
        WHERE q.newest = 1 AND q.status IN ('unsubscribed', 'complained', 'bounced'))""", channel=channel)


def _window(cap: Cap) -> Sql:
    """Marketing messages x of the contact of `m` that fill the cap."""
    only = sql("AND x.channel IN ({names})", names=join(", ", [sql(":name", name=name) for name in cap.channels])) \
        if cap.channels else sql("")
    return sql(f"""FROM message x WHERE x.contact_id = m.contact_id AND x.id <> m.id AND x.class = 'marketing'
        AND x.status IN {_COUNTED} AND {_AT} > :now - :per {{only}}""", per=cap.per_s, only=only)


def _full(cap: Cap) -> Sql:
    return sql("(SELECT COUNT(*) {window}) >= :n", window=_window(cap), n=cap.n)


def _frees(cap: Cap) -> Sql:
    """When the message that fills the cap leaves its span."""
    return sql(f"COALESCE((SELECT {_AT} {{window}} ORDER BY {_AT} DESC LIMIT 1 OFFSET :skip), :now) + :per",
               window=_window(cap), skip=cap.n - 1, per=cap.per_s)


def _late(cap: Cap) -> Sql:
    return sql("CASE WHEN {frees} > m.created_at + :longest THEN 'capped' ELSE 'delayed' END", frees=_frees(cap),
               longest=LONGEST_DELAY_S)


def _parse_cap(item: Any, where: str) -> Cap:
    if not isinstance(item, dict) or not {"n", "per"} <= item.keys() <= {"n", "per", "channels", "action"}:
        raise BadInput(f"{where}: write n, per, and optionally channels and action")
    n, action, channels = item["n"], item.get("action", "skip"), item.get("channels", [])
    if not isinstance(n, int) or isinstance(n, bool) or n < 0:
        raise BadInput(f"{where}: n is {n!r}, not a whole number from 0")
    if action not in ("skip", "delay") or not isinstance(channels, list) or not all(isinstance(c, str) for c in channels):
        raise BadInput(f"{where}: action is skip or delay, channels a list of names")
    per_s = parse_duration(item["per"])
    if per_s <= 0 or (n == 0 and action == "delay"):
        raise BadInput(f"{where}: per must be longer than 0s, and a delay needs n of at least 1")
    return Cap(n, per_s, tuple(channels), action)
