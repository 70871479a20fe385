"""Reading one object of a rule document: what was asked for, where it stands, and everything that is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...errors import Problem
from .known import Known

LONGEST_TEXT = 1_000


def usable_text(value: str) -> bool:
    """Whether both engines can compare with it."""
    return 0 < len(value) <= LONGEST_TEXT and "\x00" not in value and not any("\ud800" <= char <= "\udfff" for char in value)


@dataclass
class Reader:
    """An object of the document at `where`. Keys that nobody took are problems."""

    document: dict[str, Any]
    where: str
    problems: list[Problem]
    known: Known
    taken: set[str] = field(default_factory=set)

    def has(self, key: str) -> bool:
        """Whether the key is written, even with null."""
        return key in self.document

    def take(self, key: str, default: Any = None) -> Any:
        """The value of a key."""
        self.taken.add(key)
        return self.document.get(key, default)

    def place(self, key: str) -> str:
        """The path of a key."""
        return f"{self.where}.{key}" if self.where else key

    def problem(self, key: str, code: str, message: str) -> None:
        """Note what is wrong at a key (empty: with the whole object)."""
        self.problems.append(Problem((self.place(key) if key else self.where) or "rule", code, message))

    def inner(self, key: str) -> Reader | None:
        """The object at a key; None, with a problem, when it is something else."""
        found = self.take(key)
        if isinstance(found, dict):
            return Reader(found, self.place(key), self.problems, self.known)
        self.problem(key, "shape", "write an object here: {…}")
        return None

    def text(self, key: str, what: str) -> str | None:
        """A text that is not empty; None, with a problem, when it is something else."""
        found = self.take(key)
        if isinstance(found, str) and found.strip() and len(found) <= 500 and usable_text(found):
            return found
        self.problem(key, "value", f"write {what} here, as a text")
        return None

    def done(self) -> bool:
        """Whether every key was taken; the others are problems."""
        unknown = [key for key in self.document if key not in self.taken]
        for key in unknown:
            self.problem(str(key), "unknown_key", f"unknown key; this leaf has {', '.join(sorted(self.taken))}")
        return not unknown
