"""What can go wrong, in words that say what, where and what to do.

The command line turns any of these into exit code 2 and one line; a page turns them into one plain sentence.
Everything else is a fault of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "advice"]


class ThroughlineError(Exception):
    """The request cannot be carried out as asked. The message is one line for the person who asked."""


class BadInput(ThroughlineError):
    """A value, file or document that cannot be used."""


class NotFound(ThroughlineError):
    """No such thing. The message lists what exists where the list is short."""


class Conflict(ThroughlineError):
    """Somebody else changed it first, or it is in a state that forbids the request."""


class Forbidden(ThroughlineError):
    """The actor's role does not allow it."""


class NotYet(ThroughlineError):
    """Promised, not built. Says so instead of pretending."""


class Busy(ThroughlineError):
    """A lock was not free in time. The message names the holder."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a document: where it stands, a stable code, a sentence, how bad it is, and what to do about it."""

    where: str
    code: str
    message: str
    severity: Severity = "error"
    fix: str = ""


class Invalid(BadInput):
    """A document with problems. `problems` holds all of them; the message names the first."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{first.where}: {first.message}{more}")


def listing(names: list[str], most: int = 12) -> str:
    """Names for the end of an error message, cut where a line would get too long."""
    shown = ", ".join(sorted(names)[:most])
    return f"{shown}, … ({len(names)} in all)" if len(names) > most else shown or "none"
