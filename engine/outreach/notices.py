"""Mail to our own people: a rep is told of a lead that was handed over, or that waited too long. No marketing, no contact.

Written in the tick from the events of routing, sent by the delivery: at most once, claimed on disk before it leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ..clock import HOUR, MINUTE
from ..lazy import pd
from ..schema import set_watermark, watermark
from ..store import Store
from .channels import Transport
from .mail import Mail, Outcome

CONSUMER = "notices"
KINDS = {"lead_assigned": "New lead", "lead_overdue": "Lead not answered in time"}
MOST_ATTEMPTS, AGAIN_S, AT_ONCE = 5, (MINUTE, 10 * MINUTE, HOUR, 6 * HOUR), 50
# The rep stands in the event; what is said of the lead is what is true as it is written.
_NEWS = f"""SELECT e.id, e.name, e.contact_id, r.email, r.name AS rep, r.zone,
        TRIM(COALESCE(c.first_name, '') || ' ' || COALESCE(c.last_name, '')) AS who,
        COALESCE(c.email, c.external_id) AS address, a.name AS company,
        c.fit_score + c.engagement_score AS score, t.why, t.due_at, t.owner
    FROM event e JOIN sales_rep r ON r.email = e.object JOIN contact c ON c.id = e.contact_id
    LEFT JOIN account a ON a.id = c.account_id LEFT JOIN task t ON t.id = (SELECT MAX(x.id) FROM task x
        WHERE x.contact_id = e.contact_id)
    WHERE e.id > :low AND e.id <= :upto AND (e.name || '') IN ({', '.join(repr(kind) for kind in KINDS)}) ORDER BY e.id"""


def write(store: Store, *, now: int, upto: int) -> int:
    """Notices for what routing did up to the event `upto`; how many."""
    low, _ = watermark(store, CONSUMER)
    if upto <= low or not store.one("SELECT 1 FROM sales_rep LIMIT 1"):
        return 0
    with store.transaction():
        news = store.records(_NEWS, low=low, upto=upto)
        store.insert_many("notice", [
            {"kind": one["name"], "address": one["email"], "name": one["rep"], "contact_id": one["contact_id"],
             "subject": f"{KINDS[one['name']]}: {one['who'] or one['address'] or 'a contact'}", "body": _body(one),
             "created_at": now, "due_at": now, "status": "queued"} for one in news])
        set_watermark(store, CONSUMER, upto, now)
    return len(news)


def _body(one: dict[str, Any]) -> str:
    facts = [one["who"] or one["address"] or "A contact", *([f"Company: {one['company']}"] if one["company"] else []),
             *([f"Address: {one['address']}"] if one["address"] and one["who"] else []), f"Score: {one['score']}",
             f"Why: {one['why'] or 'by hand'}"]
    if one["name"] == "lead_overdue":
        facts.append("Nobody answered in time: " + ("another rep has the lead now." if one["owner"] not in (None, one["email"])
                                                    else "it lies in the fallback queue, where everybody may take it."))
    elif one["due_at"]:
        due = datetime.fromtimestamp(one["due_at"], ZoneInfo(one["zone"]))
        facts.append(f"Answer by: {due:%Y-%m-%d %H:%M} ({one['zone']})")
    return "\n".join([*facts, "", "Leads, My queue: accept it, give it back with a reason, or put it aside.", ""])


def deliver(store: Store, transport: Callable[[str], Transport], *, now: int) -> tuple[int, bool]:
    """Send what waits; how many left, and whether the way out is shut. The caller holds the lease of the delivery."""
    left = 0
    if store.one("SELECT 1 FROM notice n WHERE n.status = 'sending' LIMIT 1"):
        with store.transaction(durable=True):
            store.run("UPDATE notice SET status = 'unknown' WHERE status = 'sending'")
    while mails := _claim(store, transport, now):
        outcomes = list(transport("email").send(list(mails.values())))
        with store.transaction():
            for outcome in outcomes:
                _settle(store, outcome, transport("email").name, now)
        left += sum(outcome.fate == "sent" for outcome in outcomes)
        if any(outcome.closed for outcome in outcomes):
            return left, True
    return left, False


def _claim(store: Store, transport: Callable[[str], Transport], now: int) -> dict[int, Mail]:
    rows = store.records("SELECT n.id, n.address, n.name, n.subject, n.body, n.attempts FROM notice n "
                         f"WHERE n.status = 'queued' AND n.due_at <= :now ORDER BY n.id LIMIT {AT_ONCE}", now=now)
    if rows:
        transport("email")  # a wrong setting leaves none in doubt
        with store.transaction(durable=True):
            store.run_many("UPDATE notice SET status = 'sending', attempts = attempts + 1 WHERE id = :id",
                           [{"id": row["id"]} for row in rows])
    return {row["id"]: Mail(row["id"], f"notice-{row['id']}", row["address"], row["name"], row["subject"] or "A lead", None,
                            row["body"] or "", None, now) for row in rows}


def _settle(store: Store, outcome: Outcome, name: str, now: int) -> None:
    attempts = int(store.one("SELECT n.attempts FROM notice n WHERE n.id = :id", id=outcome.message_id))
    again = outcome.fate == "untried" or (outcome.fate == "later" and attempts < MOST_ATTEMPTS)
    status = "queued" if again else "failed" if outcome.fate == "later" else outcome.fate
    pause = AGAIN_S[min(attempts, len(AGAIN_S)) - 1] if again else 0
    store.run("UPDATE notice SET status = :status, due_at = :due, sent_at = :sent, transport = :transport, detail = :detail, "
              "attempts = attempts - :untried WHERE id = :id", status=status, due=now + pause,
              sent=now if status == "sent" else None, transport=name, detail=outcome.detail or outcome.reason,
              untried=int(outcome.fate == "untried"), id=outcome.message_id)


def recent(store: Store, address: str | None = None, *, limit: int = 20) -> pd.DataFrame:
    """The newest notices, of one rep or of all: created_at, address, subject, body, status, transport, detail."""
    return store.frame("SELECT n.created_at, n.address, n.subject, n.body, n.status, n.transport, n.detail FROM notice n "
                       f"WHERE {'n.address = :address' if address else 'true'} ORDER BY n.id DESC LIMIT :limit",
                       address=address, limit=limit)
