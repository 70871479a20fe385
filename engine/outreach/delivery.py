"""Delivery: takes admitted messages, renders them from fresh facts, hands them to a transport, writes what became of them.

At most once. A message is claimed (`sending`, on disk) before it leaves and marked after; a process that dies in between
leaves `sending`, which the next run turns into `unknown` and never sends by itself. Outcomes become events through the
inbox; a run that died before telling is made good by the next one, under the same dedupe key.
"""

from __future__ import annotations

import hmac
import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from .. import clock
from ..access import set_setting, setting
from ..activity import inbox
from ..activity.inbox import Item
from ..clock import HOUR, MINUTE
from ..config import Config
from ..content.context import Readers, trigger
from ..content.links import Book
from ..content.render import Rendered, Renderer
from ..errors import BadInput, NotFound
from ..people.consent import ADDRESS_COLUMN
from ..store import Store
from . import limits, messages
from .channels import Transport, choose
from .mail import Mail, Outcome

MOST_ATTEMPTS = 5
BACKOFF_S = (MINUTE, 10 * MINUTE, HOUR, 6 * HOUR)  # after the first, second, … refusal
PAUSE_S = MINUTE  # how long nothing is tried after the way out was found shut
_CLAIM, _MARK_AFTER_S = 100, 0.5  # messages claimed at once; how long an outcome may wait to be written
_TELL = 1_000
_PAUSED = "delivery_paused_until"  # a setting
_NEXT = (f"message m WHERE {messages.WAITING} AND m.status = 'admitted' AND m.due_at <= :now "
         "ORDER BY m.due_at, m.id LIMIT :most")


@dataclass
class Sent:
    """What a run did. skipped: refused on the second look; later: refused for now, to be tried again; untried, closed: the
    way out was shut.
    """

    sent: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0
    later: int = 0
    untried: int = 0
    closed: bool = False


@dataclass
class _Run:
    """What one delivery run holds."""

    store: Store
    config: Config
    now: int
    renderer: Renderer
    book: Book
    capture_only: bool
    carriers: dict[str, Transport] = field(default_factory=dict)
    total: Sent = field(default_factory=Sent)

    def transport(self, channel: str) -> Transport:
        """The way out for a channel, opened once per run."""
        if channel not in self.carriers:
            self.carriers[channel] = choose(channel, self.config, capture_only=self.capture_only)(self.config)
        return self.carriers[channel]

    def open(self) -> None:
        """The ways out of the next messages, before they are claimed: a wrong setting leaves no message in doubt."""
        for (channel,) in self.store.rows(f"SELECT DISTINCT d.channel FROM (SELECT m.channel FROM {_NEXT}) d", now=self.now,
                                          most=_CLAIM):
            self.transport(channel)

    def close(self) -> None:
        """Give every connection back."""
        for carrier in self.carriers.values():
            carrier.close()


@dataclass(frozen=True)
class _Ready:
    """A claimed message, rendered with links that count."""

    mail: Mail
    row: dict[str, Any]
    links: dict[str, str]


def deliver(store: Store, config: Config, *, now: int, limit: int | None = None) -> Sent:
    """Send what is admitted and due, at most `limit` messages. One run at a time; another returns zeros.

    Raises BadInput: mail is to leave and MAIL_FROM or SMTP_URL can not be used.
    """
    with store.lock("delivery") as free, ExitStack() as stack:
        if not free:
            return Sent()
        lost = recover(store, now=now)
        run = _Run(store, config, now, Renderer(store, config), Book(store), bool(setting(store, "capture_only", False)))
        stack.callback(run.close)
        run.total.unknown = lost
        if now < setting(store, _PAUSED, 0) <= now + PAUSE_S:
            run.total.closed = True
            return run.total
        left = _CLAIM if limit is None else limit
        while left > 0 and not run.total.closed and (rows := _claim(run, min(_CLAIM, left))):
            _send(run, rows)
            tell(store, now=now)
            left -= len(rows) if limit is not None else 0
        if run.total.closed:
            set_setting(store, _PAUSED, now + PAUSE_S)
        return run.total


def recover(store: Store, *, now: int) -> int:
    """After a delivery died: what it had claimed is unknown, what it had not told is told; how many are unknown.

    Needs the lease of the delivery.
    """
    lost = 0
    if store.one(f"SELECT 1 FROM message m WHERE {messages.WAITING} AND m.status = 'sending' LIMIT 1"):
        with store.transaction(durable=True):
            lost = messages.abandon(store)
    tell(store, now=now)
    return lost


def tell(store: Store, *, now: int) -> int:
    """Put the outcome of finished messages into the inbox; how many."""
    told = 0
    while rows := messages.untold(store, _TELL):
        inbox.put(store, [item for row in rows for item in items_of(row, now)], now=now)
        with store.transaction():
            messages.told(store, [row["id"] for row in rows], now=now)
        told += len(rows)
    return told


# ------------------------------------------------------------ claiming and rendering


def _claim(run: _Run, most: int) -> list[dict[str, Any]]:
    """Messages that are ours now. Empty when nothing is due; those refused on the second look are passed over."""
    store, now = run.store, run.now
    run.open()
    while True:
        with store.transaction(durable=True):
            store.serialize("event")  # before any row, as the runner does: skipping writes events
            store.run("DELETE FROM picked")
            if not store.run(f"INSERT INTO picked (id, contact_id) SELECT m.id, m.contact_id FROM {_NEXT}", now=now, most=most):
                return []
            store.after_fill("picked")
            run.total.skipped += limits.recheck(store, now=now, zone=run.config.default_zone)
            if messages.claim(store, now=now):
                return store.records(_WORK)


_WORK = """SELECT m.id, m.contact_id, m.channel, m.class, m.attempts, m.round, t.version_id, e.props
    FROM picked p CROSS JOIN message m JOIN template t ON t.id = m.template_id
    LEFT JOIN enrollment e ON e.id = m.enrollment_id WHERE m.id = p.id AND m.status = 'sending' ORDER BY m.due_at, m.id"""


def _send(run: _Run, rows: list[dict[str, Any]]) -> None:
    """Render, keep copies, hand over, mark."""
    ready, broken = _rendered(run, rows)
    _mark(run, broken, {row["id"]: row for row in rows})
    with run.store.transaction():
        messages.keep_copies(run.store, [_copy(item) for item in ready])
    for channel in sorted({item.row["channel"] for item in ready}):
        _hand_over(run, channel, [item for item in ready if item.row["channel"] == channel])


def _rendered(run: _Run, rows: list[dict[str, Any]]) -> tuple[list[_Ready], list[Outcome]]:
    """Messages ready to leave, and those that can not be rendered."""
    readers = Readers(run.store, run.config).load([row["contact_id"] for row in rows])
    drafts: list[tuple[dict[str, Any], dict[str, Any], Rendered]] = []
    broken: list[Outcome] = []
    for row in rows:
        if row["contact_id"] not in readers:
            broken.append(Outcome(row["id"], "failed", "erased"))
            continue
        context = {**readers[row["contact_id"]], **trigger(row["props"])}
        try:
            drafts.append((row, context, run.renderer.render(row["version_id"], context, message_id=row["id"],
                                                             marketing=row["class"] == "marketing")))
        except (BadInput, NotFound) as error:
            broken.append(Outcome(row["id"], "failed", "not_rendered", str(error)))
    ids = run.book.ids([(row["version_id"], url) for row, _, draft in drafts for url in draft.links])
    return [_ready(run, row, context, draft, ids) for row, context, draft in drafts], broken


def _ready(run: _Run, row: dict[str, Any], context: dict[str, Any], draft: Rendered,
           ids: dict[tuple[int, str], int]) -> _Ready:
    number = row["id"]
    tracked = {url: run.renderer.click_url(number, ids[(row["version_id"], url)]) for url in draft.links}
    page, text = draft.tracked(tracked.__getitem__, run.renderer.open_url(number))
    contact = context["contact"]
    leaving = draft.unsubscribe_url if row["class"] == "marketing" else None
    address = contact[ADDRESS_COLUMN[row["channel"]]] or ""
    mail = Mail(number, _key(run.config.secret, number, row["round"]), address, contact["name"] or "", draft.subject, page,
                text, leaving, run.now)
    return _Ready(mail, row, {after: before for before, after in tracked.items()})


def _key(secret: bytes, message_id: int, round_number: int) -> str:
    """Names a message to the outside: the same on each attempt, another one when a person queues it again."""
    said = f"{message_id}.{round_number}"
    return f"{said}.{hmac.digest(secret, b'message ' + said.encode(), 'sha256')[:6].hex()}"


def _copy(item: _Ready) -> dict[str, Any]:
    mail = item.mail
    return {"message_id": mail.message_id, "subject": mail.subject, "html": mail.html, "text": mail.text,
            "links": json.dumps(item.links)}


# ------------------------------------------------------------ handing over and marking


def _hand_over(run: _Run, channel: str, ready: list[_Ready]) -> None:
    carrier = run.transport(channel)
    rows = {item.mail.message_id: item.row | {"address": item.mail.address, "transport": carrier.name} for item in ready}
    waiting: list[Outcome] = []
    since = clock.monotonic()
    for outcome in carrier.send([item.mail for item in ready]):
        waiting.append(outcome)
        if clock.monotonic() - since > _MARK_AFTER_S:
            _mark(run, waiting, rows)
            waiting, since = [], clock.monotonic()
    _mark(run, waiting, rows)


def _mark(run: _Run, outcomes: list[Outcome], rows: dict[int, dict[str, Any]]) -> None:
    if not outcomes:
        return
    for outcome in outcomes:
        _count(run.total, outcome)
    with run.store.transaction(durable=True):
        messages.mark(run.store, [_written(outcome, rows[outcome.message_id], run.now) for outcome in outcomes])


def _count(total: Sent, outcome: Outcome) -> None:
    setattr(total, outcome.fate, getattr(total, outcome.fate) + 1)
    total.closed = total.closed or outcome.closed


def _written(outcome: Outcome, row: dict[str, Any], now: int) -> dict[str, Any]:
    """The columns of a marked message. One refused for now is due again later, until its tries are used up."""
    again = outcome.fate == "untried" or (outcome.fate == "later" and row["attempts"] < MOST_ATTEMPTS)
    status = "admitted" if again else "failed" if outcome.fate == "later" else outcome.fate
    due_at = now + BACKOFF_S[min(row["attempts"], len(BACKOFF_S)) - 1] if again and outcome.fate == "later" else None
    return {"id": row["id"], "status": status, "reason": outcome.reason, "detail": outcome.detail,
            "transport": row.get("transport"), "provider_id": outcome.provider_id, "address": row.get("address"),
            "template_version_id": row["version_id"], "sent_at": now if status == "sent" else None, "due_at": due_at,
            "untried": int(outcome.fate == "untried")}


# ------------------------------------------------------------ telling


def items_of(row: dict[str, Any], now: int) -> list[Item]:
    """The events of one outcome: sent or failed, and for a refused recipient a bounce."""
    ends = ["sent" if row["status"] == "sent" else "failed", *(["bounced"] if row["reason"] == "bounced" else [])]
    return [_item(row, f"{row['channel']}_{end}", now) for end in ends]


def _item(row: dict[str, Any], name: str, now: int) -> Item:
    props = {"node": row["node"], "journey": row["journey"], "campaign": row["campaign"], "status": row["status"],
             "reason": row["reason"], "detail": row["detail"], "transport": row["transport"]}
    if name.endswith("_bounced"):
        props["code"] = (row["detail"] or "").split(" ", 1)[0]
    payload = {"contact_id": row["contact_id"], "event": name, "object": row["template"], "message_id": row["id"],
               "occurred_at": row["sent_at"] or row["claimed_at"] or now, "source": "delivery",
               "props": {key: value for key, value in props.items() if value is not None}}
    return Item("track", f"message:{row['id']}:{row['round']}:{name}", payload)
