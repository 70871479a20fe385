"""The public door: opens, clicks, unsubscribing, confirming, and events from websites and apps.

It faces the internet, so it is a process of its own. It calls nobody: what arrives is answered when it lies on disk in the
inbox. Only an unsubscribe is also written to the ledger at once, because the next message may leave before the next tick.
"""

from __future__ import annotations

import logging
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from .. import clock
from ..access import moment, setting
from ..activity import inbox
from ..activity.inbox import Item
from ..config import Config
from ..content import links
from ..errors import BadInput
from ..store import Store
from . import calendar_file, confirming, hook_api, opt_out, tracking_api
from .group_commit import GroupCommit
from .web import client_ip

PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
_UNCACHED = {"Cache-Control": "no-store, max-age=0"}
_PICTURE = Response(PIXEL, media_type="image/gif", headers=_UNCACHED)
_AS_THEY_ARE = "%/:=&?~#+!$,;'@()*[]"  # characters of an address that stay as they are
_REMEMBERED = 50_000
_AGENT_LENGTH = 500
log = logging.getLogger(__name__)


class Collector:
    """What the routes share: the store, the secret that signs tokens, and the one writer."""

    def __init__(self, store: Store, config: Config) -> None:
        self.store = store
        self.config = config
        self.commit = GroupCommit(store)
        self._addresses: dict[int, tuple[str, str] | None] = {}
        self._in_demo = setting(store, "demo") is not None
        self._ahead_s, self._look_again_at = 0, 0.0

    async def put(self, items: list[Item]) -> None:
        """Return when the items are on disk."""
        await self.commit.put(inbox.rows_of(items, now=self.now()))

    def now(self) -> int:
        """When what arrives has arrived: a demo may have been moved on, which is looked up once a second."""
        if self._in_demo and clock.monotonic() > self._look_again_at:
            self._ahead_s, self._look_again_at = moment(self.store, 0), clock.monotonic() + 1
        return clock.now() + self._ahead_s

    async def address(self, link_id: int) -> tuple[str, str] | None:
        """Where a link leads, and the channel of its message; None when it is no address of the web."""
        if link_id not in self._addresses:
            if len(self._addresses) > _REMEMBERED:
                self._addresses.clear()
            found = await run_in_threadpool(links.url_of, self.store, link_id)
            if found is None:
                return None
            channel = await run_in_threadpool(links.channel_of, self.store, link_id)
            self._addresses[link_id] = (found, channel) if found.lower().startswith(("http://", "https://")) else None
        return self._addresses[link_id]

    async def record(self, request: Request, event: str, message_id: int, props: dict[str, Any]) -> None:
        """An open or a click. Never fails the request: a person must see the picture and reach the page."""
        payload = {"message_id": message_id, "event": event, "props": props | circumstances(request),
                   "source": "collector"}
        try:
            await self.put([Item("track", f"{event}:{message_id}:{secrets.token_hex(8)}", payload)])
        except Exception:
            log.exception("%s of message %s is lost: the inbox can not be written", event, message_id)

    # ------------------------------------------------------------ routes

    async def opened(self, request: Request) -> Response:
        """GET /o/{token}.gif"""
        message_id = links.read_open(self.config.secret, request.path_params["token"])
        if message_id is None:
            return not_found()
        await self.record(request, "email_opened", message_id, {})
        return _PICTURE

    async def clicked(self, request: Request) -> Response:
        """GET /c/{token}"""
        click = links.read_click(self.config.secret, request.path_params["token"])
        led = await self.address(click.link_id) if click else None
        if click is None or led is None:
            return not_found()
        url, channel = led
        await self.record(request, f"{channel}_clicked", click.message_id, {"url": url, "link_id": click.link_id})
        return Response(status_code=302, headers={"Location": quote(url, safe=_AS_THEY_ARE), **_UNCACHED})

    async def health(self, _: Request) -> Response:
        """GET /health"""
        failed = self.commit.failed
        return JSONResponse({"ok": failed is None, "waiting": self.commit.waiting, "problem": failed},
                            status_code=503 if failed else 200)


def app(store: Store, config: Config) -> Starlette:
    """The collector as an ASGI application."""
    collector = Collector(store, config)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await collector.commit.close()

    return Starlette(routes=[
        Route("/", _front),
        Route(links.OPEN + "{token}", collector.opened),
        Route(links.CLICK + "{token}", collector.clicked),
        *opt_out.routes(store, config, collector.put),
        *confirming.routes(store, config, collector.put),
        *calendar_file.routes(store, config),
        *tracking_api.routes(store, collector.put),
        *hook_api.routes(store, config, collector.put),
        Route("/health", collector.health),
    ], lifespan=lifespan)


def circumstances(request: Request) -> dict[str, Any]:
    """What tells a person from a machine later."""
    found = {"user_agent": request.headers.get("user-agent", "")[:_AGENT_LENGTH],
             "ip": client_ip(request)}
    return found if request.method == "GET" else found | {"method": request.method}


def not_found() -> Response:
    """The page of a link that we did not make."""
    return PlainTextResponse("This link is not valid, or no longer.\n", status_code=404, headers=_UNCACHED)


def serve(store: Store, config: Config, *, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Answer until SIGTERM or SIGINT; what has arrived is on disk when this returns. Raises BadInput: no such place.

    ready: called with the address, once the port is ours.
    """
    with _listening(host, port) as place:
        ready(f"http://{host}:{place.getsockname()[1]}")
        settings = uvicorn.Config(app(store, config), log_level="warning", access_log=False, ws="none", server_header=False)
        before = {number: signal.signal(number, _ignore) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            uvicorn.Server(settings).run(sockets=[place])  # takes the signals, and raises them again when it is done
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _listening(host: str, port: int) -> socket.socket:
    try:
        kind = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=kind, backlog=2_048)
    except (OSError, UnicodeError) as error:
        raise BadInput(f"{host}:{port} can not be listened on ({error}): choose another --host or --port") from None


def _ignore(*_: object) -> None:
    """The server has heard the signal and ended by itself."""


async def _front(_: Request) -> Response:
    return PlainTextResponse("Throughline collector\n")
