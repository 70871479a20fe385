"""The way out of a channel that nothing is connected to while others do leave: nothing counts as sent that was not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from ...config import Config
from ..mail import Mail, Outcome
from .base import Transport


class Nowhere(Transport):
    """Fails every message, with the reason."""

    name: ClassVar[str] = "none"
    carries: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def configured(cls, config: Config) -> bool:  # noqa: ARG003
        """Never: it is what is left when nothing is."""
        return False

    def send(self, mails: Sequence[Mail]) -> Iterator[Outcome]:
        """Every message has failed."""
        for mail in mails:
            yield Outcome(mail.message_id, "failed", "no_carrier", "nothing is connected that carries messages of this channel")
