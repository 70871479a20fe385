"""Nothing leaves: messages count as sent and are shown in the app. The default, the demo's, and a safe copy's only way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from ...config import Config
from ..mail import Mail, Outcome
from .base import Transport


class Capture(Transport):
    """Keeps what would have been sent."""

    name: ClassVar[str] = "capture"
    carries: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def configured(cls, config: Config) -> bool:  # noqa: ARG003
        """Always: it needs no place to send to."""
        return True

    def send(self, mails: Sequence[Mail]) -> Iterator[Outcome]:
        """Every message with an address is sent."""
        for mail in mails:
            yield Outcome(mail.message_id, "sent", provider_id=f"captured-{mail.key}")
