"""What a transport is: it takes messages that are ready and says of each what became of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

from ...config import Config
from ..mail import Mail, Outcome


class Transport(ABC):
    """Carries messages. One instance per delivery run."""

    name: ClassVar[str]
    carries: ClassVar[tuple[str, ...]]  # channels; capture takes what nobody else does

    def __init__(self, config: Config) -> None:
        self.config = config

    @classmethod
    @abstractmethod
    def configured(cls, config: Config) -> bool:
        """Whether the settings name a place to send to."""

    @abstractmethod
    def send(self, mails: Sequence[Mail]) -> Iterator[Outcome]:
        """Hand messages over; one outcome each, in any order, as they become known."""

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Give connections back."""
