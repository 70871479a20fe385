"""Messages: one row for each intended send, from the moment a journey asks for it until its end is known.

Status: queued → admitted → sending → sent, failed or unknown; skipped and canceled on the way. Only this module writes
the table; journeys, admission and delivery use its statements.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .. import audit
from ..access import Actor, require
from ..errors import BadInput, Conflict, NotFound, listing
from ..sql import Sql, fold, sql
from ..store import Store

OPEN = ("queued", "admitted", "sending")
TERMINAL = ("sent", "skipped", "failed", "unknown", "canceled")
CLASSES = ("marketing", "transactional")
WAITING = "m.status IN ('queued', 'admitted', 'sending')"  # said in full, SQLite uses the index that holds only these
ASTRAY = "m.status IN ('skipped', 'failed', 'unknown', 'canceled')"  # so with the few that did not go out
REQUEUED = ("unknown", "failed", "skipped")  # what a person may queue again
_ANEW = "reason = NULL, detail = NULL, attempts = 0, admitted_at = NULL, claimed_at = NULL, round = round + 1, told_at = NULL"


@dataclass(frozen=True)
class Message:
    """One intended send, as a person wants to see it. Times are UTC seconds."""

    id: int
    contact_id: int
    email: str | None
    channel: str
    template: str
    campaign: str | None
    journey: str | None
    node: str | None
    status: str
    reason: str | None
    detail: str | None
    transport: str | None
    message_class: str
    topic: str
    priority: int
    attempts: int
    created_at: int
    due_at: int
    admitted_at: int | None
    sent_at: int | None
    template_version: int | None
    address: str | None  # where it went; None while it has not left


@dataclass(frozen=True)
class Copy:
    """What was really sent. `links`: each tracked address in it and where it leads."""

    subject: str | None
    html: str | None
    text: str | None
    links: dict[str, str]

    def untracked(self) -> Copy:
        """The same with links as their author wrote them, for looking at without counting a click."""
        page, text = self.html, self.text
        for tracked, url in self.links.items():
            page = page.replace(tracked, url.replace("&", "&amp;").replace('"', "&quot;")) if page else page
            text = text.replace(tracked, url) if text else text
        return Copy(self.subject, page, text, self.links)


# ------------------------------------------------------------ for journeys


def queue(rows: Sql, *, node_id: int, journey_id: int | None, campaign_id: int | None, channel: str | Sql,
          template_id: int | Sql, topic: str = "", priority: int = 0, message_class: str = "marketing") -> Sql:
    """Queue a message for each of `rows`, once per (node, token, visit).

    rows: a FROM item with id (the token), enrollment_id, contact_id and seq (the visit). template_id: one for all, or read
    from the row as b. `:now` stays free.
    """
    return sql(
        """INSERT INTO message (journey_id, enrollment_id, node_id, token_id, visit, contact_id, channel, template_id,
            campaign_id, topic, priority, class, status, created_at, due_at)
        SELECT CAST(:journey_id AS BIGINT), b.enrollment_id, CAST(:node_id AS BIGINT), b.id, b.seq, b.contact_id, {channel},
            {template_id}, CAST(:campaign_id AS BIGINT), :topic, :priority, :message_class, 'queued', :now, :now
        FROM {rows} b WHERE 1 = 1 ON CONFLICT (token_id, visit, node_id) DO NOTHING""",
        node_id=node_id, journey_id=journey_id, campaign_id=campaign_id, topic=topic, priority=priority,
        channel=sql(":found", found=channel) if isinstance(channel, str) else channel,
        template_id=sql(":found", found=template_id) if isinstance(template_id, int) else template_id,
        message_class=message_class, rows=rows)


def queue_one(store: Store, contact_id: int, template_id: int, *, channel: str = "email", topic: str = "",
              message_class: str = "marketing", priority: int = 0, now: int) -> int:
    """Queue a message of no journey for one contact; its id. Needs a transaction."""
    return int(store.one(
        """INSERT INTO message (contact_id, channel, template_id, topic, priority, class, status, created_at, due_at) VALUES
        (:contact_id, :channel, :template_id, :topic, :priority, :message_class, 'queued', :now, :now) RETURNING id""",
        contact_id=contact_id, channel=channel, template_id=template_id, topic=topic, priority=priority,
        message_class=message_class, now=now))


def redirect(chosen: Sql) -> Sql:
    """Try another template for messages of a node that were skipped or have failed; they pass admission again.

    chosen: SELECT token_id, visit, template_id; `:node` and `:now` stay free. The channel is that of the template.
    """
    other = sql("(SELECT q.template_id FROM ({chosen}) q WHERE q.token_id = message.token_id)", chosen=chosen)
    return sql(f"""UPDATE message SET template_id = {{other}},
            channel = (SELECT t.channel FROM template t WHERE t.id = {{other}}), status = 'queued', due_at = :now, {_ANEW}
        WHERE id IN (SELECT m.id FROM ({{chosen}}) q CROSS JOIN message m WHERE m.token_id = q.token_id
            AND m.visit = q.visit AND m.node_id = :node) AND status IN ('skipped', 'failed')""", chosen=chosen, other=other)


def cancel(where: Sql, reason: str = "canceled") -> Sql:
    """Call off messages that have not left; `where` speaks of `message` by its full name (`message.enrollment_id = …`)."""
    return sql("UPDATE message SET status = 'canceled', reason = :reason WHERE status IN ('queued', 'admitted') AND ({where})",
               reason=reason, where=where)


def cancel_for(rows: Sql, reason: Sql) -> Sql:
    """Call off the messages that `rows` selects by id, each with a reason of its own (over `message`)."""
    return sql("""UPDATE message SET status = 'canceled', reason = {reason} WHERE id IN ({rows})
        AND status IN ('queued', 'admitted')""", reason=reason, rows=rows)


def follow(old: int, new: int, tokens: Sql, *, visit: bool) -> Sql:
    """Messages of a node go along with people who stand at another now. tokens: a FROM item with id, and with seq where only
    the message of this visit goes along."""
    this = sql(" AND message.visit = b.seq") if visit else sql("")
    return sql("""UPDATE message SET node_id = :new FROM {tokens} b WHERE message.token_id = b.id
        AND message.node_id = :old{this}""", new=new, old=old, tokens=tokens, this=this)


# ------------------------------------------------------------ for admission and delivery


def forget_copies(store: Store, contact_ids: Sequence[int]) -> None:
    """What was really sent to these contacts is forgotten. Needs a transaction."""
    store.run_many("DELETE FROM message_copy WHERE message_id IN (SELECT m.id FROM message m WHERE m.contact_id = :id)",
                   [{"id": who} for who in contact_ids])


def settle(decided: Sql) -> Sql:
    """Write verdicts on the rows of `picked`. decided: SELECT id, code, status, due_at.

    code NULL clears the reason. A row that is no longer queued or admitted keeps what it has.
    """
    return sql("""UPDATE message SET status = v.status, reason = v.code, due_at = v.due_at,
        admitted_at = CASE WHEN v.status = 'admitted' THEN COALESCE(message.admitted_at, :now) ELSE message.admitted_at END
        FROM ({decided}) v WHERE message.id = v.id AND message.status IN ('queued', 'admitted')""", decided=decided)


def claim(store: Store, *, now: int) -> int:
    """Take the admitted rows of `picked` for sending; how many. Needs a transaction."""
    return store.run("""UPDATE message SET status = 'sending', claimed_at = :now, attempts = attempts + 1, reason = NULL,
        detail = NULL WHERE status = 'admitted' AND id IN (SELECT p.id FROM picked p)""", now=now)


def mark(store: Store, outcomes: Iterable[dict[str, Any]]) -> int:
    """Write what became of messages in `sending`. Needs a transaction.

    Keys: id, status, reason, detail, transport, provider_id, address, template_version_id, sent_at, due_at (None: as it is),
    untried (1: the attempt does not count).
    """
    return store.run_many("""UPDATE message SET status = :status, reason = :reason, detail = :detail, transport = :transport,
        provider_id = :provider_id, address = :address, template_version_id = :template_version_id,
        sent_at = :sent_at, due_at = COALESCE(CAST(:due_at AS BIGINT), due_at), attempts = attempts - :untried
        WHERE id = :id AND status = 'sending'""", outcomes)


def abandon(store: Store) -> int:
    """Messages a dead delivery left in `sending`: they may or may not have gone out. Needs a transaction and the lease."""
    return store.run("UPDATE message SET status = 'unknown', reason = 'interrupted' "
                     "WHERE status IN ('queued', 'admitted', 'sending') AND status = 'sending'")


def keep_copies(store: Store, copies: Iterable[dict[str, Any]]) -> None:
    """Keep what is about to be sent. Keys: message_id, subject, html, text, links (JSON text). Needs a transaction."""
    store.upsert_many("message_copy", copies, key=("message_id",))


def untold(store: Store, limit: int) -> list[dict[str, Any]]:
    """Messages whose outcome has not gone to the inbox yet, oldest first, with what the event says."""
    return store.records(
        """SELECT m.id, m.contact_id, m.status, m.reason, m.detail, m.round, m.attempts, m.sent_at, m.claimed_at, m.channel,
            m.transport, m.enrollment_id, t.name AS template, j.name AS journey, n.key AS node, c.name AS campaign
        FROM message m JOIN template t ON t.id = m.template_id LEFT JOIN journey j ON j.id = m.journey_id
        LEFT JOIN node n ON n.id = m.node_id LEFT JOIN campaign c ON c.id = m.campaign_id
        WHERE m.told_at IS NULL AND m.status IN ('sent', 'failed', 'unknown') ORDER BY m.id LIMIT :limit""", limit=limit)


def told(store: Store, ids: Sequence[int], *, now: int) -> None:
    """Their outcomes are in the inbox. Needs a transaction."""
    store.run_many("UPDATE message SET told_at = :now WHERE id = :id", [{"now": now, "id": item} for item in ids])


def load(store: Store, rows: Iterable[dict[str, Any]]) -> int:
    """Messages of the past with the ids they are given, as delivery left them. Needs a transaction."""
    return store.insert_many("message", rows)


def count_copies(store: Store, before: int) -> int:
    """How many kept texts were sent before a moment."""
    return int(store.one("SELECT COUNT(*) FROM message_copy y JOIN message m ON m.id = y.message_id WHERE m.sent_at < :before",
                         before=before))


def drop_copies(store: Store, before: int, *, limit: int) -> int:
    """Delete texts that were sent before a moment, at most `limit`; how many. Needs a transaction."""
    return store.run("""DELETE FROM message_copy WHERE message_id IN (SELECT y.message_id FROM message_copy y
        JOIN message m ON m.id = y.message_id WHERE m.sent_at < :before ORDER BY y.message_id LIMIT :limit)""",
                     before=before, limit=limit)


# ------------------------------------------------------------ for people


def requeue(store: Store, ids: Sequence[int], *, by: Actor, now: int) -> int:
    """Queue messages again that are unknown, failed or skipped; how many. They pass admission again.

    Raises NotFound: no such message. Conflict: one that was sent, called off, or is on its way.
    """
    require(by, "market")
    with store.transaction():
        for message in [get(store, item) for item in ids]:
            if message.status not in REQUEUED:
                raise Conflict(f"message {message.id} is {message.status}: only {', '.join(REQUEUED)} can be queued again")
        done = store.run_many("""UPDATE message SET status = 'queued', reason = NULL, detail = NULL, due_at = :now,
            attempts = 0, admitted_at = NULL, claimed_at = NULL, round = round + 1, told_at = NULL WHERE id = :id
            AND status IN ('unknown', 'failed', 'skipped')""", [{"id": item, "now": now} for item in ids])
        audit.record(store, by, "requeue messages", listing([str(item) for item in ids]), now=now, ids=list(ids))
    return done


def get(store: Store, message_id: int) -> Message:
    """One message. Raises NotFound."""
    found = store.row(f"{_SELECT} WHERE m.id = :id", id=message_id)
    if found is None:
        raise NotFound(f"message {message_id}: there is none; `messages list` shows what there is")
    return Message(*found)


def list_messages(store: Store, *, contact_id: int | None = None, status: str | None = None, journey: str | None = None,
                  limit: int = 100) -> list[Message]:
    """The newest messages first. journey: its name. Raises BadInput: no such status."""
    if status is not None and status not in OPEN + TERMINAL:
        raise BadInput(f"status {status!r}: choose one of {', '.join(OPEN + TERMINAL)}")
    asked = [("m.contact_id = :contact_id", contact_id), (_with_status(status), status),
             ("m.journey_id = (SELECT j.id FROM journey j WHERE j.key = :journey)", journey)]
    where = " AND ".join(["1 = 1", *(test for test, value in asked if value is not None)])
    newest = f"m.id IN (SELECT m.id FROM message m WHERE {where} ORDER BY m.id DESC LIMIT :limit)"  # first, then their names
    found = store.rows(f"{_SELECT} WHERE {newest} ORDER BY m.id DESC", contact_id=contact_id, status=status,
                       journey=journey and fold(journey), limit=limit)
    return [Message(*row) for row in found]


def _with_status(status: str | None) -> str:
    """The group that the status belongs to is said too: only then an index that holds this group alone can be used."""
    group = next((group for group in (WAITING, ASTRAY) if status and f"'{status}'" in group), "1 = 1")
    return f"{group} AND m.status = :status"


def find_copy(store: Store, message_id: int) -> Copy | None:
    """What was sent, None when nothing was or it has been erased."""
    found = store.row("SELECT y.subject, y.html, y.text, y.links FROM message_copy y WHERE y.message_id = :id", id=message_id)
    return Copy(found[0], found[1], found[2], json.loads(found[3])) if found else None


def counts(store: Store) -> dict[str, int]:
    """How many messages stand at each status."""
    grouped = [f"SELECT m.status, COUNT(*) FROM message m WHERE {group} GROUP BY m.status" for group in (WAITING, ASTRAY)]
    found: dict[str, int] = dict(store.rows(" UNION ALL ".join([*grouped, "SELECT 'sent', COUNT(*) FROM message m"])))
    found["sent"] -= sum(count for status, count in found.items() if status != "sent")  # the rest; most are, and are not read
    return {status: count for status, count in sorted(found.items()) if count}


_SELECT = """SELECT m.id, m.contact_id, CASE m.channel WHEN 'email' THEN COALESCE(m.address, p.email) ELSE p.email END,
    m.channel, t.name, c.name, j.name, n.key, m.status,
    m.reason, m.detail, m.transport, m.class, m.topic, m.priority, m.attempts, m.created_at, m.due_at, m.admitted_at, m.sent_at,
    v.version, m.address FROM message m JOIN template t ON t.id = m.template_id
    LEFT JOIN template_version v ON v.id = m.template_version_id LEFT JOIN contact p ON p.id = m.contact_id
    LEFT JOIN campaign c ON c.id = m.campaign_id LEFT JOIN journey j ON j.id = m.journey_id
    LEFT JOIN node n ON n.id = m.node_id"""
