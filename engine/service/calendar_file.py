"""The calendar file of what a message is about: `{{ calendar_url }}` in a template leads here.

What is known of it are the properties of the event that brought the contact into the journey: `starts_at` (needed);
`ends_at` or `minutes` (60); `title` or `name` (the journey's name); `url` or `join_url`; `location`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..clock import MINUTE, parse_moment
from ..config import Config
from ..content import links
from ..errors import BadInput
from ..store import Store
from .web import page_of

MINUTES, MOST_MINUTES = 60, 30 * 24 * 60
_LONGEST_LINE = 75  # octets, RFC 5545 section 3.1
_ABOUT = """SELECT r.id, r.contact_id, r.journey_id, r.key, r.props, r.started_at, j.name FROM message m
    JOIN enrollment r ON r.id = m.enrollment_id JOIN journey j ON j.id = r.journey_id WHERE m.id = :id"""


def routes(store: Store, config: Config) -> list[Route]:
    """GET /d/{token}.ics"""

    async def calendar(request: Request) -> Response:
        message_id = links.read_calendar(config.secret, request.path_params["token"])
        text = await run_in_threadpool(file_of, store, message_id) if message_id else None
        if text is None:
            return page_of("There is no date behind this link", "It is damaged, or what it was about has no date.", status=404)
        return Response(text, media_type="text/calendar", headers={
            "Content-Disposition": 'attachment; filename="date.ics"', "Cache-Control": "no-store"})

    return [Route(links.CALENDAR + "{token}", calendar)]


def file_of(store: Store, message_id: int) -> str | None:
    """The file (RFC 5545), None when the message is about nothing that has a date.

    A date that moved has the same UID and a higher SEQUENCE, so that a calendar moves it too.
    """
    found = store.records(_ABOUT, id=message_id)
    if not found:
        return None
    about = found[0]
    props: dict[str, Any] = json.loads(about["props"]) if isinstance(about["props"], str) else about["props"] or {}
    span = _span(props)
    if span is None:
        return None
    lines = {
        "UID": f"{about['journey_id']}-{about['contact_id']}-{_text(about['key']) or 'once'}@throughline",
        "SEQUENCE": str(about["id"]), "DTSTAMP": _moment(about["started_at"]), "DTSTART": _moment(span[0]),
        "DTEND": _moment(span[1]), "SUMMARY": _text(_first(props, "title", "name") or about["name"]),
        "LOCATION": _text(_first(props, "location")), "URL": _address(_first(props, "url", "join_url"))}
    inside = [_folded(f"{name}:{value}") for name, value in lines.items() if value]
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Throughline//EN", "METHOD:PUBLISH", "BEGIN:VEVENT",
                        *inside, "END:VEVENT", "END:VCALENDAR", ""])


def _span(props: dict[str, Any]) -> tuple[int, int] | None:
    try:
        start = parse_moment(props.get("starts_at") or "")
        end = parse_moment(props["ends_at"]) if props.get("ends_at") else start + _minutes(props.get("minutes")) * MINUTE
    except BadInput:
        return None
    return start, max(end, start)


def _minutes(given: Any) -> int:
    usable = isinstance(given, int | float) and not isinstance(given, bool) and 0 < given <= MOST_MINUTES
    return int(given) if usable else MINUTES


def _first(props: dict[str, Any], *names: str) -> str:
    return next((str(props[name]) for name in names if isinstance(props.get(name), str | int | float)), "")


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(value: str) -> str:
    """A TEXT value (section 3.3.11): what would end or split it is escaped."""
    plain = " ".join("".join(char if char.isprintable() else " " for char in str(value)).split())[:500]
    return plain.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")


def _address(value: str) -> str:
    """A web address, or nothing: no other scheme gets into somebody's calendar."""
    return value if value.startswith(("https://", "http://")) and value.isprintable() and " " not in value else ""


def _folded(line: str) -> str:
    """A line cut to the length that every calendar takes, never within a character."""
    parts, size = [""], 0
    for char in line:
        octets = len(char.encode())
        if size + octets > _LONGEST_LINE - 1:
            parts.append("")
            size = 0
        parts[-1] += char
        size += octets
    return "\r\n ".join(parts)
