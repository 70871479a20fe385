"""One message on its way out, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Fate = Literal["sent", "failed", "unknown", "later", "untried"]


@dataclass(frozen=True)
class Mail:
    """One message ready to leave. `message_id` is its number here, `key` the same on each attempt of one round."""

    message_id: int
    key: str
    address: str
    name: str
    subject: str
    html: str | None
    text: str | None
    unsubscribe_url: str | None  # for marketing: the one-click header
    at: int


@dataclass(frozen=True)
class Outcome:
    """What became of one message.

    later: refused for now and certainly not accepted, so it may be tried again. untried: its turn never came. closed: the
    way out is shut for everybody (no connection, login refused), so the run stops.
    """

    message_id: int
    fate: Fate
    reason: str | None = None
    detail: str | None = None
    provider_id: str | None = None
    closed: bool = False
