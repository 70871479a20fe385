"""Carries errands out: posts webhooks, mails notices to our own people, tries again later, tells the journey the end."""

from __future__ import annotations

import hmac
import http.client
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from .. import audit
from ..access import Actor, require, set_setting, setting
from ..activity import inbox
from ..activity.inbox import Item
from ..clock import HOUR, MINUTE, iso
from ..config import Config
from ..content import templates
from ..content.context import Readers, trigger
from ..content.language import Moment, compile_part
from ..content.render import Renderer
from ..errors import BadInput, NotFound
from ..store import Store
from . import errands, posting
from .channels import choose
from .mail import Mail

BACKOFF_S = (MINUTE, 10 * MINUTE, HOUR, 6 * HOUR)  # after the first, second, … failure; then it is dead
AT_ONCE = 20  # errands between two looks at what is due
_TELL = 500
_AGAIN = frozenset({408, 425, 429})  # answers that say: not now; so do those from 500
_PRIVATE = "webhook_hosts"  # a setting: names that may lead into the own network
_ENDS = {"sent": "done", "failed": "dead"}  # what an outcome of a mail is called here
EVENTS = {"done": "errand_done", "dead": "errand_failed"}


@dataclass
class Ran:
    """What a run did."""

    done: int = 0
    dead: int = 0
    later: int = 0
    canceled: int = 0
    unknown: int = 0

    @property
    def changed(self) -> int:
        """How many errands came to an end."""
        return self.done + self.dead + self.canceled + self.unknown


@dataclass(frozen=True)
class _End:
    """What an attempt came to: done, dead, canceled, unknown, later, or untried: its turn never came."""

    fate: str
    detail: str


@dataclass
class _Run:
    """What one run holds."""

    store: Store
    config: Config
    now: int
    capture_only: bool
    private: tuple[str, ...]
    ran: Ran


def run(store: Store, config: Config, *, now: int, limit: int | None = None, capture: bool = False) -> Ran:
    """Carry out what is due, at most `limit`. One run at a time; another returns zeros. capture: nothing leaves the house."""
    with store.lock("errands") as free:
        if not free:
            return Ran()
        tell(store, now=now)
        ran = Ran(unknown=errands.abandon(store, now=now))
        if not (rows := errands.due(store, now=now, limit=AT_ONCE if limit is None else min(AT_ONCE, limit))):
            return ran
        held = _Run(store, config, now, capture or bool(setting(store, "capture_only", False)), tuple(allowed(store)), ran)
        left = AT_ONCE if limit is None else limit
        while left > 0 and rows:
            _carry(held, rows)
            tell(store, now=now)
            left -= len(rows) if limit is not None else 0
            rows = errands.due(store, now=now, limit=min(AT_ONCE, left))
        return held.ran


def tell(store: Store, *, now: int) -> int:
    """Put the end of errands into the inbox, so that whoever waits for it wakes; how many."""
    told = 0
    while rows := errands.untold(store, _TELL):
        inbox.put(store, [_item(row, now) for row in rows], now=now)
        with store.transaction():
            errands.told(store, [row["id"] for row in rows], now=now)
        told += len(rows)
    return told


def _item(row: dict[str, Any], now: int) -> Item:
    props = {key: row[key] for key in ("kind", "node", "journey", "detail") if row[key] is not None}
    return Item("track", f"errand:{row['id']}:{row['round']}:{row['status']}", {
        "contact_id": row["contact_id"], "event": EVENTS[row["status"]], "object": row["node"],
        "occurred_at": row["done_at"] or now, "source": "delivery", "props": props})


def _carry(held: _Run, rows: list[dict[str, Any]]) -> None:
    readers, mails = Readers(held.store, held.config).load([row["contact_id"] for row in rows]), []
    for row in rows:
        made = _attempt(held, row, readers.get(row["contact_id"]))
        if isinstance(made, Mail):
            mails.append((row, made))
        else:
            _settle(held, row, made)
    if mails:
        _send(held, mails)


def _settle(held: _Run, row: dict[str, Any], end: _End) -> None:
    again = end.fate == "untried" or (end.fate == "later" and row["attempts"] < len(BACKOFF_S))
    status = "queued" if again else "dead" if end.fate == "later" else end.fate
    due_at = held.now + BACKOFF_S[min(row["attempts"], len(BACKOFF_S) - 1)] if again else None
    with held.store.transaction(durable=True):
        errands.mark(held.store, row["id"], status, end.detail, now=held.now, due_at=due_at, tried=end.fate != "untried")
    name = "later" if again else status
    setattr(held.ran, name, getattr(held.ran, name) + 1)


def _attempt(held: _Run, row: dict[str, Any], reader: dict[str, Any] | None) -> _End | Mail:
    """How it ended, or the mail that is yet to be sent."""
    if row["moot"]:
        return _End("canceled", "the contact has gone on")
    if reader is None:
        return _End("dead", "the contact no longer exists")
    context = {**reader, **trigger(row["props"])}
    try:
        return _webhook(held, row, context) if row["kind"] == "webhook" else _notice(held, row, context)
    except (BadInput, NotFound, posting.NotPublic) as error:
        return _End("dead", str(error))


# ------------------------------------------------------------ webhooks


def _webhook(held: _Run, row: dict[str, Any], context: dict[str, Any]) -> _End:
    body = json.dumps(_payload(held, row, context), ensure_ascii=False, default=str).encode()
    if held.capture_only:
        return _End("done", f"{errands.CAPTURED}: {body.decode()[:900]}")
    headers = {"Content-Type": "application/json", "User-Agent": "Throughline",
               "Idempotency-Key": f"{row['id']}.{row['round']}",
               "Throughline-Signature": signed(held.config.secret, body, held.now)}
    try:
        answer = posting.post(row["target"], body, headers, private=held.private)
    except (OSError, http.client.HTTPException) as error:
        return _End("later", f"no answer: {error or type(error).__name__}")
    if 200 <= answer.status < 300:
        return _End("done", f"answered {answer.status}")
    fate = "later" if answer.status in _AGAIN or answer.status >= 500 else "dead"
    return _End(fate, f"answered {answer.status}: {' '.join(answer.text.split())[:300]}")


def secret_of(secret: bytes) -> str:
    """The key that receivers of webhooks check signatures with."""
    return hmac.digest(secret, b"webhook", "sha256").hex()


def signed(secret: bytes, body: bytes, at: int) -> str:
    """`t=…,v1=…`: HMAC-SHA256 of `t.body` under the key of `secret_of`."""
    mac = hmac.digest(secret_of(secret).encode(), f"{at}.".encode() + body, "sha256").hex()
    return f"t={at},v1={mac}"


def _payload(held: _Run, row: dict[str, Any], context: dict[str, Any]) -> Any:
    """What the journey's author wrote, filled in; else everything that templates may use."""
    given = json.loads(row["body"]) if isinstance(row["body"], str) else row["body"]
    if given is not None:
        return _filled(given, context)
    contact, account, event = (_plain(context[name]) for name in ("contact", "account", "event"))
    return {"journey": row["journey"], "step": row["node"], "at": iso(held.now), "contact": contact, "account": account,
            "event": event}


def _filled(value: Any, context: dict[str, Any]) -> Any:
    if isinstance(value, str):
        return compile_part(value, "body", escape=False).render(context)
    if isinstance(value, Mapping):
        return {key: _filled(inner, context) for key, inner in value.items()}
    return [_filled(inner, context) for inner in value] if isinstance(value, list) else value


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as JSON: times in ISO 8601, what is not known left out."""
    found = {key: values[key] for key in values}
    return {key: iso(int(value)) if isinstance(value, Moment) else value for key, value in found.items() if value is not None}


# ------------------------------------------------------------ notices


def _notice(held: _Run, row: dict[str, Any], context: dict[str, Any]) -> _End | Mail:
    address = str(context["contact"]["owner"] or "") if row["target"] == "owner" else row["target"]
    if "@" not in address:
        return _End("dead", f"the owner {address!r} is no e-mail address" if address else "the contact has no owner")
    given = json.loads(row["body"]) if isinstance(row["body"], str) else row["body"]
    subject, page, text = _said(held, given, context)
    return Mail(row["id"], f"errand-{row['id']}.{row['round']}", address, given.get("name", ""), " ".join(subject.split()),
                page, text, None, held.now)


def _send(held: _Run, mails: list[tuple[dict[str, Any], Mail]]) -> None:
    """Hand mails over by one connection, each claimed on disk before."""
    try:
        carrier = choose("email", held.config, capture_only=held.capture_only)(held.config)
    except BadInput as error:  # a wrong setting leaves none in doubt
        for row, _ in mails:
            _settle(held, row, _End("later", str(error)))
        return
    with held.store.transaction(durable=True):
        errands.claim(held.store, [row["id"] for row, _ in mails])
    by_id = {row["id"]: (row, mail) for row, mail in mails}
    how = f" ({errands.CAPTURED})" if carrier.name == "capture" else ""
    with closing(carrier):
        for outcome in carrier.send([mail for _, mail in mails]):
            row, mail = by_id[outcome.message_id]
            to = "" if row["target"] == mail.address else f"to {mail.address}: "
            said = f"{to}{mail.subject[:900]}{how}" if outcome.fate == "sent" else outcome.detail or outcome.reason
            _settle(held, row, _End(_ENDS.get(outcome.fate, outcome.fate), said or outcome.fate))


def _said(held: _Run, given: Mapping[str, Any], context: dict[str, Any]) -> tuple[str, str | None, str | None]:
    """Subject, HTML and text of a notice: a message as it is now, what the step says itself, or as it was written (`as_is`).
    Its links count no click."""
    if given.get("as_is"):
        return given["subject"], None, given["text"]
    if "template" in given:
        version = templates.get(held.store, given["template"]).version_id
        made = Renderer(held.store, held.config).render(version, context, marketing=False)
        return made.subject, made.html, made.text
    subject, text = (compile_part(given[key], key, escape=False).render(context) for key in ("subject", "text"))
    return subject, None, text


# ------------------------------------------------------------ names that may lead into the own network


def allowed(store: Store) -> list[str]:
    """Host names that webhooks may call though they lead to private addresses."""
    return list(setting(store, _PRIVATE) or [])


def allow(store: Store, host: str, *, by: Actor, now: int, remove: bool = False) -> list[str]:
    """Let webhooks call a name of the own network, or no more; all names that may be called. Raises BadInput: no name."""
    require(by, "administer")
    name = posting.check_url(f"http://{host.strip()}/").hostname
    if name != host.strip().lower():
        raise BadInput(f"{host!r} is no host name: write it as it stands in the address, without port and path")
    names = sorted({*allowed(store), name} - ({name} if remove else set()))
    with store.transaction():
        set_setting(store, _PRIVATE, names)
        audit.record(store, by, "webhook host removed" if remove else "webhook host allowed", name, now=now)
    return names
