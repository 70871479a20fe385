"""What happened to a person, newest first: events, changes of what is known, consent, segments, journeys, scores."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..store import Store
from .events import INTERNAL

Place = tuple[int, str, int]
_HIDDEN = ", ".join(f"'{name}'" for name in sorted(INTERNAL))
_NEWEST = 1 << 62


@dataclass(frozen=True)
class Entry:
    """One thing that happened. at: UTC seconds. text: one plain sentence without its subject. detail: what there is to it."""

    at: int
    kind: str
    id: int
    text: str
    detail: dict[str, Any]

    @property
    def place(self) -> Place:
        """Where it stands; hand it to `timeline(before=)` for what came before it."""
        return self.at, self.kind, self.id


@dataclass(frozen=True)
class Source:
    """One table of the past: its rows for :who before (:at, :id), newest first, and the words for a row."""

    kind: str
    rows: str
    say: Callable[[dict[str, Any]], str]


def timeline(store: Store, contact_id: int, *, limit: int = 100, before: Place | None = None,
             kinds: frozenset[str] | None = None) -> list[Entry]:
    """The newest entries of a contact, or those before a place. kinds: only these."""
    entries = [entry for source in SOURCES if kinds is None or source.kind in kinds
               for entry in _entries(store, source, contact_id, limit, before)]
    return sorted(entries, key=lambda entry: (-entry.at, entry.kind, -entry.id))[:limit]


def of_event(store: Store, contact_id: int, event_id: int, at: int) -> Entry | None:
    """One event of a contact that happened at a moment, as it stands in their timeline; None when it does not."""
    found = timeline(store, contact_id, limit=1, before=(at, "event", event_id + 1), kinds=frozenset({"event"}))
    return next((entry for entry in found if entry.id == event_id), None)


def company(store: Store, account_id: int, *, limit: int = 100) -> list[Entry]:
    """The newest of what happened to the people of an account and to itself; detail has `contact_id` and `name` of whom.

    Our own bookkeeping (segments, scores, messages that went out) is left out.
    """
    entries = [Entry(row.pop("at"), source.kind, row.pop("id"), source.say(row), _detail(row)) for source in OF_COMPANIES
               for row in store.records(source.rows, who=account_id, at=_NEWEST, id=_NEWEST, limit=limit)]
    return sorted(entries, key=lambda entry: (-entry.at, entry.kind, -entry.id))[:limit]


def _entries(store: Store, source: Source, contact_id: int, limit: int, before: Place | None) -> list[Entry]:
    at, newest = (_NEWEST, _NEWEST) if before is None else (before[0], _bound(source.kind, before))
    found = store.records(source.rows, who=contact_id, at=at, id=newest, limit=limit)
    return [Entry(row.pop("at"), source.kind, row.pop("id"), source.say(row), _detail(row)) for row in found]


def _bound(kind: str, before: Place) -> int:
    """Within one second entries stand in the order of their kinds."""
    if kind == before[1]:
        return before[2]
    return _NEWEST if kind > before[1] else -1


def _detail(row: dict[str, Any]) -> dict[str, Any]:
    props = json.loads(row.pop("props", None) or "{}")
    return {key: value for key, value in row.items() if value is not None} | ({"props": props} if props else {})


def _table(columns: str, tables: str, at: str, row: str, where: str = "true") -> str:
    return (f"SELECT {at} AS at, {row} AS id, {columns} FROM {tables} WHERE {where} "
            f"AND ({at} < :at OR ({at} = :at AND {row} < :id)) ORDER BY {at} DESC, {row} DESC LIMIT :limit")


# ------------------------------------------------------------ the words

_EVENTS = {
    "page_view": "visited {thing}", "screen_view": "opened the screen {thing}", "email_sent": "was sent {mail}",
    "email_opened": "opened {mail}", "email_clicked": "clicked {thing} in {mail}", "email_unsubscribed": "unsubscribed",
    "email_failed": "could not be sent {mail}", "email_bounced": "{mail} bounced",
    "email_complained": "complained about {mail}", "email_replied": "replied to {mail}",
    "sms_sent": "was sent the SMS {thing}", "sms_clicked": "clicked {thing} in an SMS",
    "sms_unsubscribed": "wants no more SMS", "sms_failed": "could not be sent the SMS {thing}",
    "message_skipped": "was not sent a message: {reason}", "form_submitted": "submitted the form {thing}",
}


_WAITS = {"capped": "the frequency cap is reached", "held": "sales is calling", "quiet": "quiet hours where they live",
          "outside_hours": "messages leave in other hours", "warming": "today's share of the warm-up is used up"}


def _event(row: dict[str, Any]) -> str:
    pattern = _EVENTS.get(row["name"])
    machine = " (a machine)" if row["verdict"] == "machine" else ""
    if pattern is None:
        return " ".join(filter(None, (row["name"], row["object"]))) + machine
    props = json.loads(row["props"] or "{}") if "{reason}" in pattern else {}
    reason = props.get("words") or props.get("reason")
    return pattern.format(thing=row["object"] or "something", reason=reason or "no reason is known",
                          mail=f"“{row['subject']}”" if row["subject"] else "a message") + machine


def _change(row: dict[str, Any]) -> str:
    if row["what"] in ("tag", "list", "role"):
        what = "buying role" if row["what"] == "role" else row["what"]
        return f"{what} {row['name']} {'added' if row['new'] is not None else 'removed'}"
    return f"{row['name']}: {row['old'] or 'nothing'} → {row['new'] or 'nothing'}"


def _consent(row: dict[str, Any]) -> str:
    return f"{row['status']}: {row['channel']}{' ' + row['topic'] if row['topic'] else ''} ({row['source']})"


SOURCES = (
    Source("event", _table(
        "e.name, e.object, e.value_minor, e.currency, e.props, e.source, e.verdict, e.message_id, e.historic, y.subject",
        "event e LEFT JOIN message_copy y ON y.message_id = e.message_id", "e.occurred_at", "e.id",
        f"e.contact_id = :who AND e.name NOT IN ({_HIDDEN})"), _event),
    Source("change", _table("x.kind AS what, x.name, x.old, x.new, x.source", "contact_change x", "x.at", "x.id",
                            "x.contact_id = :who"), _change),
    Source("consent", _table("s.channel, s.topic, s.status, s.basis, s.source, s.actor", "consent s", "s.at", "s.id",
                             "s.contact_id = :who"), _consent),
    Source("segment", _table("g.name, x.change", "segment_change x JOIN segment g ON g.id = x.segment_id", "x.at", "x.id",
                             "x.contact_id = :who"), lambda row: f"{row['change']} the segment {row['name']}"),
    Source("journey", _table("j.name", "enrollment n JOIN journey j ON j.id = n.journey_id", "n.started_at", "n.id",
                             "n.contact_id = :who"), lambda row: f"entered the journey {row['name']}"),
    Source("journey end", _table(
        "j.name, n.reason", "enrollment n JOIN journey j ON j.id = n.journey_id", "n.ended_at", "n.id",
        "n.contact_id = :who AND n.ended_at IS NOT NULL"),
        lambda row: f"left the journey {row['name']}{': ' + row['reason'] if row['reason'] else ''}"),
    Source("waiting", _table("m.reason, m.due_at, t.name", "message m JOIN template t ON t.id = m.template_id", "m.created_at",
                             "m.id", "m.contact_id = :who AND m.status = 'queued' AND m.reason IS NOT NULL"),
           lambda row: f"is to be sent “{row['name']}”, which waits: {_WAITS.get(row['reason'], row['reason'])}"),
    Source("score", _table("x.grp, x.points, x.reason", "score_entry x", "x.at", "x.id", "x.contact_id = :who"),
           lambda row: f"{row['points']:+d} {row['grp']}: {row['reason']}"),
    Source("merge", _table("m.loser_id, m.actor", "contact_merge m", "m.at", "m.id", "m.keeper_id = :who"),
           lambda row: f"contact {row['loser_id']} became part of this one"),
)


_OURS = "'email_sent', 'sms_sent', 'message_skipped', 'email_failed', 'sms_failed', 'score_rose', 'score_fell'"
_WHO = """c.id AS contact_id, COALESCE(NULLIF(TRIM(COALESCE(c.first_name, '') || ' ' || COALESCE(c.last_name, '')), ''),
    c.email, c.external_id, 'a visitor') AS who"""
OF_COMPANIES = (
    Source("event", _table(
        f"{_WHO}, e.name, e.object, e.value_minor, e.currency, e.props, e.verdict, e.message_id, y.subject",
        "contact c JOIN event e ON e.contact_id = c.id LEFT JOIN message_copy y ON y.message_id = e.message_id",
        "e.occurred_at", "e.id", f"c.account_id = :who AND e.name NOT IN ({_HIDDEN}, {_OURS})"), _event),
    Source("change", _table(
        f"{_WHO}, x.kind AS what, x.name, x.old, x.new, x.source", "contact c JOIN contact_change x ON x.contact_id = c.id",
        "x.at", "x.id", "c.account_id = :who AND x.kind IN ('stage', 'owner', 'account', 'role')"), _change),
    Source("company", _table("x.name, x.old, x.new", "account_change x", "x.at", "x.id", "x.account_id = :who AND x.name "
                             "NOT IN ('people', 'score', 'open_deals', 'won_deals', 'roles', 'last_activity')"),
           lambda row: f"{row['name']}: {row['old'] or 'nothing'} → {row['new'] or 'nothing'}"),
)
