"""After a login, back to the address one came for. Streamlit itself always comes back to the bare address.

The address is kept in a cookie of the browser while the identity provider is asked, since the login is a new visit. Only the
name of one of our pages and the words behind it are kept, so nobody can be sent anywhere else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from .directory import BY_KEY

Message = MutableMapping[str, Any]
Receive, Send = Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]

COOKIE, KEPT_S, LONGEST = "throughline_way_back", 600, 2_000
LEAVING, COMING = "/auth/login", "/oauth2callback"  # the addresses of Streamlit by which one leaves and comes back


class WayBack:
    """Around the app: keeps the address when somebody leaves for the identity provider, and leads there on coming back."""

    def __init__(self, app: Asgi, base: Callable[[], str]) -> None:
        self.app, self.base = app, base

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        base = "/" + self.base().strip("/") if self.base().strip("/") else ""
        path = scope.get("path") if scope["type"] == "http" else None
        if path == base + LEAVING:
            came = _header(scope, b"referer")
            await self.app(scope, receive, _changed(send, lambda head: _keep(head, scope, _inside(came, base))))
        elif path == base + COMING:
            kept = _inside(_cookie(scope), base)
            await self.app(scope, receive, _changed(send, lambda head: _lead(head, kept)))
        else:
            await self.app(scope, receive, send)


def _inside(address: str | None, base: str) -> str | None:
    """The path and words of an address of ours; None for any other."""
    try:
        parts = urlsplit((address or "")[:LONGEST + 200])
    except ValueError:
        return None
    page = parts.path.removeprefix(f"{base}/") if parts.path.startswith(f"{base}/") else ""
    found = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return found if page in BY_KEY and len(found) <= LONGEST and found.isascii() and found.isprintable() else None


def _keep(head: list[tuple[bytes, bytes]], scope: Message, address: str | None) -> None:
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    life = f"{quote(address, safe='')}; Max-Age={KEPT_S}" if address else "; Max-Age=0"
    head.append((b"set-cookie", f"{COOKIE}={life}; Path=/; HttpOnly; SameSite=Lax{secure}".encode()))


def _lead(head: list[tuple[bytes, bytes]], address: str | None) -> None:
    for place, (name, _) in enumerate(head):
        if name.lower() == b"location" and address:
            head[place] = name, address.encode()
    head.append((b"set-cookie", f"{COOKIE}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax".encode()))


def _changed(send: Send, change: Callable[[list[tuple[bytes, bytes]]], None]) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = list(message.get("headers", []))
            change(message["headers"])
        await send(message)
    return sending


def _header(scope: Message, wanted: bytes) -> str | None:
    return next((value.decode("latin-1") for name, value in scope.get("headers", []) if name == wanted), None)


def _cookie(scope: Message) -> str | None:
    try:
        found = SimpleCookie(_header(scope, b"cookie") or "").get(COOKIE)
    except CookieError:
        return None
    return unquote(found.value) if found else None
