"""Leaving: the page behind an unsubscribe link, and the one-click POST of mail programs (RFC 8058).

Looking at the page changes nothing, because scanners follow links. A POST unsubscribes at once, whatever its body says:
no cookies, no redirect, any number of times.
"""

from __future__ import annotations

import html
import logging
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .. import clock
from ..access import Actor, moment
from ..activity.inbox import Item
from ..config import Config
from ..content import links
from ..people import consent
from ..store import Store
from .web import Put, client_ip, page_of

RECIPIENT = Actor("recipient", "admin")  # whoever holds the signed link of a message
ASKED = "You will get no more marketing email at this address."
log = logging.getLogger(__name__)
_FORM = '<form method="post"><button type="submit" name="confirm" value="yes">Unsubscribe</button></form>'


@dataclass(frozen=True)
class Recipient:
    """Whom a message went to."""

    message_id: int
    contact_id: int
    channel: str
    address: str | None

    @property
    def masked(self) -> str:
        """The address as much as its owner needs to know it again."""
        name, at, domain = (self.address or "").partition("@")
        return f"{name[:1]}•••@{domain}" if at else "your address"


def find_recipient(store: Store, message_id: int) -> Recipient | None:
    """Whoever a message was written to; None when it is no longer known."""
    row = store.row("SELECT m.id, m.contact_id, m.channel, COALESCE(m.address, "
                    "CASE m.channel WHEN 'sms' THEN c.phone ELSE c.email END) FROM message m "
                    "JOIN contact c ON c.id = m.contact_id WHERE m.id = :id", id=message_id)
    return Recipient(*row) if row else None


def unsubscribe(store: Store, who: Recipient, *, now: int, ip: str | None) -> bool:
    """Write the refusal and put the address on the suppression list, at once. False when both were so already."""
    with store.transaction(durable=True):
        fresh = consent.state(store, who.contact_id, who.channel) != "unsubscribed"
        if fresh:
            consent.record(store, [who.contact_id], who.channel, "unsubscribed", basis="withdrawn",
                           source=f"unsubscribe link of message {who.message_id}", by=RECIPIENT, now=now, text_shown=ASKED,
                           ip=ip)
        listed = bool(who.address) and consent.suppress(
            store, str(who.address), channel=who.channel, reason="unsubscribed", evidence=f"message {who.message_id}",
            by=RECIPIENT, now=now)
    return fresh or listed


class OptOut:
    """The two sides of an unsubscribe link."""

    def __init__(self, store: Store, config: Config, put: Put) -> None:
        self.store = store
        self.secret = config.secret
        self.put = put

    async def page(self, request: Request) -> Response:
        """GET /u/{token}: asks, and changes nothing."""
        message_id = self._message(request)
        if message_id is None:
            return page_of("This link is not valid", "It is damaged, or not ours.", status=404)
        who = await run_in_threadpool(find_recipient, self.store, message_id)
        name = html.escape(who.masked if who else "your address")
        return page_of("Unsubscribe?", f"No more marketing email to {name}.", _FORM)

    async def leave(self, request: Request) -> Response:
        """POST /u/{token}: unsubscribes."""
        message_id = self._message(request)
        if message_id is None:
            return page_of("This link is not valid", "It is damaged, or not ours.", status=404)
        who = await run_in_threadpool(find_recipient, self.store, message_id)
        if who and not await self._leave(who, client_ip(request)):
            return page_of("Please try again", "This could not be written down just now. Try again in a minute.", _FORM, 503)
        return page_of("You are unsubscribed", ASKED)

    async def _leave(self, who: Recipient, ip: str | None) -> bool:
        """Whether it holds; the event alone may be lost."""
        try:
            await run_in_threadpool(unsubscribe, self.store, who, now=moment(self.store, clock.now()), ip=ip)
        except Exception:
            log.exception("unsubscribing contact %s failed", who.contact_id)
            return False
        try:
            await self.put([_event(who)])
        except Exception:
            log.exception("contact %s is unsubscribed, the event is lost: the inbox can not be written", who.contact_id)
        return True

    def _message(self, request: Request) -> int | None:
        token = request.path_params["token"]
        return links.read_unsubscribe(self.secret, token) or links.read_preferences(self.secret, token)


def routes(store: Store, config: Config, put: Put) -> list[Route]:
    """The unsubscribe link; the preferences link leads to the same page."""
    side = OptOut(store, config, put)
    return [route for path in (links.UNSUBSCRIBE, links.PREFERENCES)
            for route in (Route(path + "{token}", side.page), Route(path + "{token}", side.leave, methods=["POST"]))]


def _event(who: Recipient) -> Item:
    name = f"{who.channel}_unsubscribed"
    return Item("track", f"{name}:{who.message_id}", {
        "message_id": who.message_id, "contact_id": who.contact_id, "event": name, "source": "collector"})
