"""What a way into a journey is: a condition over events, a sentence, and what it refers to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ...errors import Problem
from ...sql import Sql
from ..nodes.base import Known, Piece
from ..nodes.telling import MANUAL

__all__ = ["MANUAL", "Spot", "Trigger"]



@dataclass(frozen=True)
class Spot:
    """Where a trigger stands: its journey, its place among the journey's triggers, and what names mean here (folded)."""

    journey_id: int
    number: int
    segments: Mapping[str, int] = field(default_factory=dict)
    journeys: Mapping[str, int] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The object of the events that the calendar sends to this trigger alone."""
        return f"{self.journey_id}:{self.number}"


class Trigger(Piece):
    """One way in. `key` is the word that tells it from the others in a file."""

    key: ClassVar[str]
    also: ClassVar[frozenset[str]] = frozenset()  # words that tell another trigger, and are settings of this one
    label: ClassVar[str]
    icon: ClassVar[str]
    example: ClassVar[dict[str, Any]]  # settings of a valid one, for tests and docs
    again: ClassVar[str] = "never"  # the re-entry policy of a journey that says none

    @property
    def event_name(self) -> str:
        """The name of the events it listens to."""
        raise TypeError(f"{type(self).__name__} listens to nothing")

    def match(self, spot: Spot) -> Sql | None:
        """Condition over event alias e; None when only a person's hand enrolls."""
        raise TypeError(f"{type(self).__name__} matches nothing")

    def matching(self, spot: Spot) -> Sql | None:
        """SELECT of contact_id: who is today what the trigger waits for people to become; None where that means nothing."""
        return None

    def when(self) -> str:
        """What starts it, as the rest of “Starts …”."""
        raise TypeError(f"{type(self).__name__} has no sentence")

    def check(self, known: Known, where: str) -> list[Problem]:
        """References that lead nowhere."""
        return []
