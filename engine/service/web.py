"""What the routes of the collector share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request

from ..activity.inbox import Item

Put = Callable[[list[Item]], Awaitable[None]]  # returns when the items are on disk


def client_ip(request: Request) -> str | None:
    """Where the request comes from."""
    return request.client.host if request.client else None
