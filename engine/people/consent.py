"""What contacts agreed to, as a ledger; and addresses that are never to be written to, by hash.

The newest row (at, id) of a contact, channel and topic is the state; topic '' is the channel as a whole. Nobody without
a row may be mailed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from .. import audit
from ..access import Actor, require, salt
from ..errors import BadInput
from ..sql import Sql, join, sql
from ..store import Store
from . import dirty
from .fields import CHANNELS
from .identity import address_hash, normalize_address
from .lookups import rows_in

STATUSES = ("subscribed", "unsubscribed", "pending", "bounced", "complained")
REFUSING = frozenset({"unsubscribed", "bounced", "complained"})
STRICTNESS = ("subscribed", "pending", "bounced", "unsubscribed", "complained")  # the last one wins when people merge
LEVELS = ("global", "channel", "topic")
ADDRESS_COLUMN = {"email": "email", "sms": "phone"}
_TRUE = sql("1 = 1")
_EVERYWHERE = sql("p.released_at IS NULL AND p.level = 'global'")


@dataclass(frozen=True)
class Imported:
    """What a file did to consent: the contacts `recorded`, how many `kept` a refusal of their own, and how many are
    `suppressed` and stay so."""

    recorded: tuple[int, ...] = ()
    kept: int = 0
    suppressed: int = 0


@dataclass(frozen=True)
class Entry:
    """One line for the suppression list. place: what `place()` answered."""

    address: str
    place: dict[str, str]
    reason: str
    at: int


def check(channel: str, status: str) -> None:
    """Raises BadInput: no such channel or status."""
    if channel not in CHANNELS:
        raise BadInput(f"no channel {channel!r}: choose one of {', '.join(CHANNELS)}")
    if status not in STATUSES:
        raise BadInput(f"consent can not be {status!r}: choose one of {', '.join(STATUSES)}")


def record(store: Store, contact_ids: Iterable[int], channel: str, status: str, *, topic: str = "", basis: str,
           source: str, by: Actor, now: int, text_shown: str | None = None, ip: str | None = None) -> int:
    """Write what contacts said, one row each; how many. Needs a transaction. Raises BadInput: channel or status."""
    check(channel, status)
    ids = list(contact_ids)
    said = {"channel": channel, "topic": topic, "purpose": "marketing", "status": status, "basis": basis, "source": source,
            "text_shown": text_shown, "ip": ip, "at": now, "actor": by.name}
    values = tuple(said.values())
    store.insert_rows("consent", ["contact_id", *said], [(contact_id, *values) for contact_id in ids])
    dirty.mark(store, ids)
    return len(ids)


def load(store: Store, rows: Iterable[dict[str, object]]) -> int:
    """Lines of the ledger, each with its own moment: every column but `id`. Needs a transaction."""
    return store.insert_many("consent", rows)


def state(store: Store, contact_id: int, channel: str, topic: str = "", at: int | None = None) -> str | None:
    """What a contact said last, or had said by `at`; None when nothing."""
    before = "" if at is None else "AND s.at <= :at"
    found: str | None = store.one(
        f"SELECT s.status FROM consent s WHERE s.contact_id = :contact_id AND s.channel = :channel AND s.topic = :topic "
        f"{before} ORDER BY s.at DESC, s.id DESC LIMIT 1", contact_id=contact_id, channel=channel, topic=topic, at=at)
    return found


def states(store: Store, contact_ids: Sequence[int], channel: str, topic: str = "") -> dict[int, str]:
    """The same for many contacts at once; who never said anything is absent."""
    found = rows_in(store, "SELECT s.contact_id, s.status FROM consent s WHERE s.contact_id IN ({values}) "
                    "AND s.channel = :channel AND s.topic = :topic ORDER BY s.at, s.id", contact_ids,
                    channel=channel, topic=topic)
    return {row[0]: row[1] for row in found}


def listed(store: Store, contact_ids: Iterable[int], channel: str) -> set[int]:
    """Those of the contacts whose address is on the suppression list for the channel."""
    test = suppressed(sql("c.id"), channel, sql("''")).render()
    return {row[0] for row in rows_in(store, f"SELECT c.id FROM contact c WHERE c.id IN ({{values}}) AND {test[0]}",
                                      contact_ids, **test[1])}


def record_imported(store: Store, wanted: Mapping[int, str], channel: str, *, source: str, by: Actor, now: int,
                    basis: str = "import") -> Imported:
    """Write what a file says of contacts (id → status), only where it changes something. Needs a transaction.

    A refusal stands against a file: unsubscribed, bounced and complained never become subscribed or pending again, nor
    does an address leave the suppression list; and pending does not take a subscription away.
    """
    known = states(store, list(wanted), channel)
    never = listed(store, [who for who, status in wanted.items() if status not in REFUSING], channel)
    kept = {who for who, status in wanted.items() if known.get(who) in REFUSING and status not in REFUSING}
    fresh: dict[str, list[int]] = {}
    for who, status in wanted.items():
        weaker = known.get(who) == "subscribed" and status == "pending"
        if who not in kept and who not in never and known.get(who) != status and not weaker:
            fresh.setdefault(status, []).append(who)
    for status, ids in fresh.items():
        record(store, ids, channel, status, basis=basis, source=source, by=by, now=now)
    return Imported(tuple(who for ids in fresh.values() for who in ids), len(kept - never), len(never))


def merge_states(store: Store, keeper_id: int, loser_id: int, *, by: Actor, now: int) -> list[tuple[str, str, str]]:
    """Before two contacts become one: where they said different things, the strictest holds. Needs a transaction.

    Returns (channel, topic, what the keeper had said) where the keeper's own word no longer holds.
    """
    before = []
    pairs = store.rows("SELECT DISTINCT s.channel, s.topic FROM consent s WHERE s.contact_id = :loser", loser=loser_id)
    for channel, topic in pairs:
        said = {state(store, who, channel, topic) for who in (keeper_id, loser_id)} - {None}
        if len(said) > 1:
            strictest = max((status for status in said if status), key=STRICTNESS.index)
            before.append((channel, topic, state(store, keeper_id, channel, topic) or ""))
            record(store, [keeper_id], channel, strictest, topic=topic, basis="merge", source=f"contact {loser_id}",
                   by=by, now=now)
    return before


def allowed(contact: Sql, channel: str, topic: Sql) -> Sql:
    """Whether the contact may be written to: subscribed to the channel, and the topic ('' for none) not refused."""
    newest = """(SELECT s.status FROM consent s WHERE s.contact_id = {contact} AND s.channel = :channel
        AND s.topic = {topic} ORDER BY s.at DESC, s.id DESC LIMIT 1)"""
    whole = sql(newest, contact=contact, channel=channel, topic=sql("''"))
    part = sql(newest, contact=contact, channel=channel, topic=topic)
    return sql("(COALESCE({whole}, '') = 'subscribed' AND COALESCE({part}, 'subscribed') = 'subscribed')",
               whole=whole, part=part)


# ------------------------------------------------------------ suppression


def suppress(store: Store, address: str, *, level: str = "channel", channel: str = "email", topic: str = "", reason: str,
             evidence: str | None = None, by: Actor, now: int) -> bool:
    """Never write to this address again. False when that was so already. Raises BadInput."""
    return bool(suppress_many(store, [address], level=level, channel=channel, topic=topic, reason=reason,
                              evidence=evidence, by=by, now=now))


def suppress_many(store: Store, addresses: Collection[str], *, level: str = "channel", channel: str = "email",
                  topic: str = "", reason: str, evidence: str | None = None, by: Actor, now: int) -> int:
    """The same for many; how many were not on the list yet."""
    where = place(level, channel, topic)
    with store.transaction():
        return suppress_entries(store, [Entry(address, where, reason, now) for address in addresses], evidence=evidence,
                                by=by)


def suppress_entries(store: Store, entries: Iterable[Entry], *, evidence: str | None, by: Actor) -> int:
    """Lines of a list, each with its own reason and moment; how many were not on it yet. Needs a transaction."""
    secret = salt(store)
    return store.insert_many("suppression", [
        {"address_hash": address_hash(secret, entry.address), **entry.place, "reason": entry.reason, "evidence": evidence,
         "at": entry.at, "actor": by.name} for entry in entries], or_ignore=True)


def suppress_effects(channel: str, reason: str) -> list[Sql]:
    """For a journey: no marketing on a channel any more to the addresses of the contacts of `batch` that leave their node.

    Raises BadInput: no such channel.
    """
    place("channel", channel, "")
    gone = sql("SELECT DISTINCT b.contact_id FROM batch b WHERE b.port IS NOT NULL")
    return [dirty.marks(gone), sql(
        """INSERT INTO suppression (address_hash, level, channel, topic, reason, evidence, at, actor)
        SELECT DISTINCT i.address_hash, 'channel', CAST(:channel AS TEXT), '', 'sunset', CAST(:reason AS TEXT), :now,
            'journey node ' || CAST(:node AS TEXT)
        FROM ({gone}) g JOIN identifier i ON i.contact_id = g.contact_id AND i.kind = :kind AND i.address_hash IS NOT NULL
        WHERE true ON CONFLICT DO NOTHING""", gone=gone, channel=channel, reason=reason,
        kind=ADDRESS_COLUMN.get(channel, "email"))]


def release(store: Store, address: str, *, level: str = "channel", channel: str = "email", topic: str = "", by: Actor,
            now: int) -> bool:
    """Take an address off the list again, by hand. False when it was not on it."""
    require(by, "administer")
    where = place(level, channel, topic)
    hashed = address_hash(salt(store), address)
    with store.transaction():
        gone = store.run("UPDATE suppression SET released_at = :now WHERE address_hash = :hash AND level = :level "
                         "AND channel = :channel AND topic = :topic AND released_at IS NULL", now=now, hash=hashed, **where)
        if gone:
            audit.record(store, by, "suppression released", f"address {hashed}", now=now, **where)
    return bool(gone)


def resubscribe(store: Store, address: str, *, channel: str = "email", by: Actor, now: int) -> bool:
    """Whoever holds the mailbox wants mail again: that they had unsubscribed no longer counts. What bounced, complained or was
    erased stays on the list. Needs a transaction."""
    hashed = address_hash(salt(store), address)
    gone = store.run("UPDATE suppression SET released_at = :now WHERE address_hash = :hash AND level IN ('channel', 'topic') "
                     "AND channel = :channel AND reason = 'unsubscribed' AND released_at IS NULL", now=now, hash=hashed,
                     channel=channel)
    if gone:
        audit.record(store, by, "suppression released", f"address {hashed}", now=now, channel=channel, because="confirmed")
    return bool(gone)


def is_suppressed(store: Store, address: str, channel: str = "email", topic: str = "") -> bool:
    """Whether an address is on the list for the channel and topic."""
    found = sql("SELECT 1 FROM suppression p WHERE p.address_hash = :hash AND {holds} LIMIT 1",
                hash=address_hash(salt(store), address), holds=_holds(channel, sql(":topic", topic=topic)))
    return store.one(found) is not None


def suppressed(contact: Sql, channel: str, topic: Sql, marketing: Sql = _TRUE) -> Sql:
    """Whether the address that the contact has now for the channel is on the list, or any of its addresses globally.

    Who unsubscribed still gets what they ordered: that reason counts where `marketing` holds.
    """
    own = ADDRESS_COLUMN.get(channel)
    tests = [sql(f"""EXISTS (SELECT 1 FROM contact own JOIN identifier i ON i.kind = '{column}' AND i.value = own.{column}
        JOIN suppression p ON p.address_hash = i.address_hash WHERE own.id = {{contact}} AND {{holds}}
        AND (p.reason <> 'unsubscribed' OR {{marketing}}))""",
                 contact=contact, marketing=marketing, holds=_holds(channel, topic) if column == own else _EVERYWHERE)
             for column in ("email", "phone")]
    return sql("({either})", either=join(" OR ", tests))


def _holds(channel: str, topic: Sql) -> Sql:
    return sql("""p.released_at IS NULL AND (p.level = 'global' OR (p.channel = :channel AND (p.level = 'channel'
        OR (p.level = 'topic' AND p.topic = {topic}))))""", channel=channel, topic=topic)


def place(level: str, channel: str, topic: str) -> dict[str, str]:
    """How far a suppression reaches, as columns. Raises BadInput."""
    if level not in LEVELS:
        raise BadInput(f"no level {level!r}: choose one of {', '.join(LEVELS)}")
    if level != "global" and channel not in CHANNELS:
        raise BadInput(f"no channel {channel!r}: choose one of {', '.join(CHANNELS)}")
    if level == "topic" and not topic:
        raise BadInput("a topic is needed to suppress one topic")
    return {"level": level, "channel": "" if level == "global" else channel, "topic": topic if level == "topic" else ""}


__all__ = ["CHANNELS", "LEVELS", "REFUSING", "STATUSES", "Entry", "Imported", "address_hash", "allowed", "check",
           "is_suppressed", "listed", "merge_states", "normalize_address", "place", "record", "record_imported", "release",
           "resubscribe", "state", "states", "suppress", "suppress_entries", "suppress_many", "suppressed"]
