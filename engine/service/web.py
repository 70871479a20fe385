"""What the routes of the collector share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ..activity.inbox import Item

_HEADERS = {"Cache-Control": "no-store, max-age=0", "X-Robots-Tag": "noindex", "Referrer-Policy": "no-referrer"}
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
body {{ font: 18px/1.5 system-ui, sans-serif; color: #1c1c1e; max-width: 34em; margin: 15vh auto 0; padding: 0 1.5em }}
h1 {{ font-size: 1.5em; margin: 0 0 .5em }} button {{ font: inherit; padding: .5em 1.2em; border: 0; border-radius: .4em;
background: #1c1c1e; color: #fff; cursor: pointer }}</style></head><body><h1>{title}</h1><p>{text}</p>{form}</body></html>"""

Put = Callable[[list[Item]], Awaitable[None]]  # returns when the items are on disk


def client_ip(request: Request) -> str | None:
    """Where the request comes from."""
    return request.client.host if request.client else None


def page_of(title: str, text: str, form: str = "", status: int = 200) -> Response:
    """A plain page for whoever follows a link of ours."""
    return HTMLResponse(_PAGE.format(title=title, text=text, form=form), status_code=status, headers=_HEADERS)
