"""What reps are told of leads: a mail when one is handed over, and when it waited too long. No marketing, no contact.

Written in the tick from the events of routing, carried by the errands like every notice.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ..lazy import pd
from ..schema import set_watermark, watermark
from ..store import Store
from . import errands

CONSUMER = "notices"
KINDS = {"lead_assigned": "New lead", "lead_overdue": "Lead not answered in time"}
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
        errands.add(store, [{"contact_id": one["contact_id"], "target": one["email"], "body": json.dumps({
            "subject": f"{KINDS[one['name']]}: {one['who'] or one['address'] or 'a contact'}", "text": _body(one),
            "name": one["rep"], "as_is": True})} for one in news], now=now)
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


def recent(store: Store, address: str | None = None, *, limit: int = 20) -> pd.DataFrame:
    """The newest notices, of one rep or of all: created_at, address, subject, body, status, detail, captured."""
    whose = "h.target = :address" if address else "true"
    found = store.frame(f"""SELECT h.created_at, h.target AS address, h.body ->> 'subject' AS subject,
        h.body ->> 'text' AS body, h.status, h.detail FROM errand h WHERE h.journey_id IS NULL AND {whose}
        ORDER BY h.id DESC LIMIT :limit""", address=address, limit=limit)
    return found.assign(captured=found["detail"].astype(str).str.contains(errands.CAPTURED, regex=False))
