"""Who may get a message now: consent, suppression, restriction, hours and frequency caps, in one SQL expression.

Every message that may not go has a code. A cap counts marketing messages in a sliding window that ends now; a message
that may have gone out counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..activity import events
from ..clock import DAY
from ..people import consent
from ..sql import Sql, case, fold, join, sql
from ..store import CHUNK, Store
from . import messages
from .policy import Cap, Policy, Ramp, caps, parse_caps, policies, ramps

__all__ = ["LONGEST_DELAY_S", "REASONS", "Cap", "admit", "caps", "parse_caps", "recheck", "tell_skipped", "verdict"]

Policies = Mapping[int | None, Policy]

REASONS = {
    "erased": "the contact no longer exists",
    "no_address": "the contact has no address for this channel",
    "restricted": "processing of this contact is restricted",
    "suppressed": "the address is on the suppression list",
    "unsubscribed": "the contact has unsubscribed",
    "no_consent": "the contact has not agreed to this",
    "capped": "the frequency cap is reached",
    "held": "sales is calling today; it leaves when the hold is over",
    "quiet": "these are quiet hours where the contact lives; it leaves when they are over",
    "outside_hours": "messages leave in other hours where the contact lives; it leaves when those begin",
    "warming": "today's share of this mail domain is used up while the sender warms up; it leaves tomorrow",
    "replaced": "a more important message took its place under the frequency cap",
}
_WAITS = "('delayed', 'held', 'quiet', 'outside_hours', 'warming')"
LONGEST_DELAY_S = 7 * DAY  # a message that would go later than this after it was queued is skipped
_COUNTED = "('admitted', 'sending', 'sent', 'unknown')"
_AT = "COALESCE(x.sent_at, x.claimed_at, x.admitted_at)"
_DUE = f"SELECT 1 FROM message m WHERE {messages.WAITING} AND m.status = 'queued' AND m.due_at <= :now LIMIT 1"


def verdict(channel: str, policy: Policy) -> Sql:
    """Why message `m` to contact `c` (NULL: gone) may not go now: a code, `delayed`, or NULL when it may.

    Transactional messages need neither consent nor room under a cap, nor do they wait for any hour; restriction holds for
    them too, and suppression for any reason but that somebody unsubscribed.
    """
    topic, marketing = sql("m.topic"), sql("m.class = 'marketing'")
    column = consent.ADDRESS_COLUMN.get(channel, "email")
    hours = [(sql("{marketing} AND {opens} > :now", marketing=marketing, opens=window.next_open(sql("m.contact_id"))),
              sql(f"'{reason}'")) for reason, window in policy.opens.items()]
    full = [(sql("{marketing} AND {full}", marketing=marketing, full=_full(cap)),
             _late(cap) if cap.action == "delay" else sql("'capped'"))
            for cap in sorted(policy.caps, key=lambda cap: cap.action == "delay") if cap.covers(channel)]
    return case([
        (sql("c.id IS NULL"), sql("'erased'")),
        (sql(f"COALESCE(c.{column}, '') = ''"), sql("'no_address'")),
        (sql("c.restricted = 1"), sql("'restricted'")),
        (sql("{marketing} AND {left}", marketing=marketing, left=_left(channel)), sql("'unsubscribed'")),
        (consent.suppressed(sql("m.contact_id"), channel, topic, marketing), sql("'suppressed'")),
        (sql("{marketing} AND NOT {allowed}", marketing=marketing,
             allowed=consent.allowed(sql("m.contact_id"), channel, topic)), sql("'no_consent'")),
        (sql("{marketing} AND c.held_until > :now", marketing=marketing), sql("'held'")),
        *hours,
        *full,
    ])


def admit(store: Store, *, now: int, zone: str = "UTC", chunk: int = CHUNK) -> int:
    """Let queued messages that are due go, skip them with a reason, or move them; how many go or are skipped.

    In each pass every contact has one message decided, the one of highest priority; so the next pass counts it.
    zone: of contacts without one.
    """
    if not store.one(_DUE, now=now):
        return 0
    held, warming, decided = policies(store, zone), ramps(store), 0
    while True:
        with store.transaction():
            store.serialize("admit")
            store.serialize("event")  # before any row, as the runner does: in another order the two could wait for each other
            if not _pick(store, now, chunk):
                return decided
            rooms = _rooms(store, warming, now)
            for channel, journey in _groups(store, held):
                store.run(messages.settle(_decided(channel, held, journey, rooms)), now=now)
            _replace(store, held, now)
            decided += int(store.one("SELECT COUNT(*) FROM picked p CROSS JOIN message m WHERE m.id = p.id "
                                     "AND m.status IN ('admitted', 'skipped')"))
            tell_skipped(store, now=now)


def recheck(store: Store, *, now: int, zone: str = "UTC") -> int:
    """Skip rows of `picked` that may not go any more, by consent and suppression, and queue again whoever is held or has
    quiet hours now; how many were skipped. Needs a transaction."""
    held = {journey: replace(policy, caps=()) for journey, policy in policies(store, zone).items()}
    for channel, journey in _groups(store, held):
        refused = sql("SELECT d.id, d.code, d.status, d.due_at FROM ({decided}) d WHERE d.code IS NOT NULL",
                      decided=_decided(channel, held, journey, []))
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
    props = {"reason": row["reason"], "words": REASONS.get(row["reason"]), "node": row["node"], "journey": row["journey"]}
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


def _groups(store: Store, held: Policies) -> list[tuple[str, int | None]]:
    """The channels of `picked`, and within each the journeys that say something for themselves; None: all the others."""
    rows = store.rows("SELECT DISTINCT m.channel, m.journey_id FROM picked p CROSS JOIN message m WHERE m.id = p.id")
    return sorted({(channel, journey if journey in held else None) for channel, journey in rows}, key=str)


def _decided(channel: str, held: Policies, journey: int | None, rooms: Sequence[tuple[Ramp, int]]) -> Sql:
    """SELECT id, code, status, due_at over `picked`, for one channel and one journey (None: those without words of their own).

    Materialized: SQLite would ask the whole verdict again at each mention of it. CROSS JOIN: it would read every message.
    """
    policy = held[journey]
    return sql(f"""WITH d AS MATERIALIZED (SELECT m.id, m.due_at, m.created_at, m.priority, c.held_until, {{domain}} AS domain,
            {{verdict}} AS code, {{later}} AS later, {{opens}} AS opens
            FROM picked p CROSS JOIN message m LEFT JOIN contact c ON c.id = m.contact_id
            WHERE m.id = p.id AND m.channel = :channel AND {{of}}),
        w AS (SELECT d.*, {{warmed}} AS verdict FROM d)
        SELECT w.id, CASE w.verdict WHEN 'delayed' THEN 'capped' ELSE w.verdict END AS code,
            CASE WHEN w.verdict IS NULL THEN 'admitted' WHEN w.verdict IN {_WAITS} THEN 'queued' ELSE 'skipped' END AS status,
            CASE WHEN w.verdict = 'delayed' THEN w.later WHEN w.verdict = 'held' THEN w.held_until
                WHEN w.verdict IN ('quiet', 'outside_hours') THEN w.opens
                WHEN w.verdict = 'warming' THEN :now / 86400 * 86400 + 86400
                ELSE w.due_at END AS due_at FROM w""",
               verdict=verdict(channel, policy), later=_later(policy, channel), opens=_opens(policy), channel=channel,
               of=_of(held, journey), domain=_domain([ramp for ramp, _ in rooms]), warmed=_warmed(rooms))


def _of(held: Policies, journey: int | None) -> Sql:
    if journey is not None:
        return sql("m.journey_id = :journey", journey=journey)
    own = [sql(str(int(id_))) for id_ in held if id_ is not None]
    return sql("COALESCE(m.journey_id, 0) NOT IN ({own})", own=join(", ", own)) if own else sql("1 = 1")


def _later(policy: Policy, channel: str) -> Sql:
    """When every delaying cap has room again."""
    delaying = [cap for cap in policy.caps if cap.action == "delay" and cap.covers(channel)]
    freed = [sql("CASE WHEN {full} THEN {frees} ELSE 0 END", full=_full(cap), frees=_frees(cap)) for cap in delaying]
    return sql("GREATEST(:now + 1, {freed})", freed=join(", ", freed)) if freed else sql(":now + 1")


def _opens(policy: Policy) -> Sql:
    """When the window that opens last opens; that both are open then is asked again."""
    found = [window.next_open(sql("m.contact_id")) for window in policy.opens.values()]
    return sql("GREATEST(:now + 1, {found})", found=join(", ", found)) if found else sql(":now + 1")


# ------------------------------------------------------------ warming up


def _rooms(store: Store, warming: Sequence[Ramp], now: int) -> list[tuple[Ramp, int]]:
    """How many more messages each mail domain that we warm up to may get today."""
    found = []
    for ramp in warming:
        if (most := ramp.most(now)) is not None:
            gone = store.one(f"""SELECT COUNT(*) FROM message x JOIN contact c ON c.id = x.contact_id WHERE x.channel = 'email'
                AND x.admitted_at >= :since AND x.status IN {_COUNTED} AND c.email LIKE :domain""",
                             since=now // DAY * DAY, domain=f"%@{ramp.domain}")
            found.append((ramp, max(0, most - int(gone))))
    return found


def _domain(warming: Sequence[Ramp]) -> Sql:
    """The place in the list of the domain that the message goes to; NULL for any other, and for what is not held back."""
    ours = "m.class = 'marketing' AND m.channel = 'email' AND c.email LIKE :domain"
    arms = [(sql(ours, domain=f"%@{ramp.domain}"), sql(str(at))) for at, ramp in enumerate(warming)]
    return case(arms) if arms else sql("CAST(NULL AS BIGINT)")


def _warmed(rooms: Sequence[tuple[Ramp, int]]) -> Sql:
    """The verdict, with `warming` for those for whom there is no room today. The most important ones go first."""
    if not rooms:
        return sql("d.code")
    room = case([(sql(f"d.domain = {at}"), sql(str(left))) for at, (_, left) in enumerate(rooms)])
    late = sql("CASE WHEN d.created_at + :longest < :now THEN 'capped' ELSE 'warming' END", longest=LONGEST_DELAY_S)
    return sql("""CASE WHEN d.code IS NULL AND d.domain IS NOT NULL AND ROW_NUMBER() OVER (
        PARTITION BY d.domain, CASE WHEN d.code IS NULL THEN 1 ELSE 0 END ORDER BY d.priority DESC, d.id) > {room}
        THEN {late} ELSE d.code END""", room=room, late=late)


def _left(channel: str) -> Sql:
    """Whether the contact has left the channel or the topic. Leaving also suppresses the address: this says it better."""
    return sql("""EXISTS (SELECT 1 FROM (SELECT s.status, ROW_NUMBER() OVER (PARTITION BY s.topic
            ORDER BY s.at DESC, s.id DESC) AS newest FROM consent s WHERE s.contact_id = m.contact_id
            AND s.channel = :channel AND s.topic IN ('', m.topic)) q
        WHERE q.newest = 1 AND q.status IN ('unsubscribed', 'complained', 'bounced'))""", channel=channel)


def _window(cap: Cap) -> Sql:
    """Marketing messages x of the contact of `m` that fill the cap. One that has not left and is less important leaves room
    where the cap says so."""
    only = sql("AND x.channel IN ({names})", names=join(", ", [sql(":name", name=name) for name in cap.channels])) \
        if cap.channels else sql("")
    giving = sql("AND NOT (x.status = 'admitted' AND x.priority < m.priority)") if cap.action == "replace" else sql("")
    return sql(f"""FROM message x WHERE x.contact_id = m.contact_id AND x.id <> m.id AND x.class = 'marketing'
        AND x.status IN {_COUNTED} AND {_AT} > :now - :per {{only}} {{giving}}""", per=cap.per_s, only=only, giving=giving)


def _full(cap: Cap) -> Sql:
    return sql("(SELECT COUNT(*) {window}) >= :n", window=_window(cap), n=cap.n)


def _frees(cap: Cap) -> Sql:
    """When the message that fills the cap leaves its span."""
    return sql(f"COALESCE((SELECT {_AT} {{window}} ORDER BY {_AT} DESC LIMIT 1 OFFSET :skip), :now) + :per",
               window=_window(cap), skip=cap.n - 1, per=cap.per_s)


def _late(cap: Cap) -> Sql:
    return sql("CASE WHEN {frees} > m.created_at + :longest THEN 'capped' ELSE 'delayed' END", frees=_frees(cap),
               longest=LONGEST_DELAY_S)


def _replace(store: Store, held: Policies, now: int) -> None:
    """Where a more important message was let go over a full cap, the least important one that has not left makes room."""
    for cap in dict.fromkeys(cap for policy in held.values() for cap in policy.caps if cap.action == "replace"):
        while found := _overfull(store, cap, now):
            store.run_many("INSERT INTO picked (id, contact_id) VALUES (:id, :who) ON CONFLICT DO NOTHING",
                           [{"id": id_, "who": who} for id_, who in found])
            store.run(messages.settle(sql("SELECT p.id, 'replaced' AS code, 'skipped' AS status, m.due_at FROM picked p "
                                          "CROSS JOIN message m WHERE m.id = p.id AND m.id IN ({ids})",
                                          ids=join(", ", [sql(str(int(id_))) for id_, _ in found]))), now=now)


def _overfull(store: Store, cap: Cap, now: int) -> list[tuple[int, int]]:
    """The least important message that has not left, of each contact just decided whose cap holds more than it may."""
    only = sql("AND x.channel IN ({names})", names=join(", ", [sql(":name", name=name) for name in cap.channels])) \
        if cap.channels else sql("")
    return store.rows(sql(f"""SELECT q.id, q.contact_id FROM (SELECT x.id, x.contact_id, x.status, COUNT(*) OVER (
                PARTITION BY x.contact_id) AS n, ROW_NUMBER() OVER (PARTITION BY x.contact_id
                ORDER BY CASE x.status WHEN 'admitted' THEN 0 ELSE 1 END, x.priority, x.id DESC) AS nth
            FROM (SELECT DISTINCT p.contact_id FROM picked p) d CROSS JOIN message x
            WHERE x.contact_id = d.contact_id AND x.class = 'marketing' AND x.status IN {_COUNTED}
              AND {_AT} > :now - :per {{only}}) q
        WHERE q.n > :n AND q.nth = 1 AND q.status = 'admitted' ORDER BY q.id""", per=cap.per_s, only=only, n=cap.n), now=now)
