"""The command line in this process, on a clock that the story sets: a second door beside `conftest.Doors`, and a fast one.

Nothing leaves: without a mail server messages are captured, and are read with `messages`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import gather
from engine.clock import parse_moment
from engine.commands.common import run
from tests.conftest import NOW

Capture = pytest.CaptureFixture[str]


@dataclass
class Office:
    """One workspace, its command line, and what time it is there (UTC seconds)."""

    url: str
    folder: Path
    capsys: Capture
    now: int = NOW
    _files: Iterator[int] = field(default_factory=lambda: iter(range(1_000)))

    def ask(self, *words: str, expect: int = 0) -> Any:
        """The document of a command. `expect` another exit code: its line on standard error."""
        code = run(gather(), ["--db", self.url, "--now", str(self.now), "--json", *words])
        out, err = self.capsys.readouterr()
        assert code == expect, f"{words}: {code}\n{err}"
        return json.loads(out) if expect == 0 else err.strip()

    def file(self, content: Any) -> str:
        """A file for the command line; anything but a text is written as JSON."""
        path = self.folder / f"file{next(self._files)}"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(path)

    def people(self, table: str) -> None:
        """Contacts who agreed to mail, from a CSV."""
        self.ask("import", "contacts", self.file(table), "--consent", "email:subscribed:signup form")

    def letters(self, *names: str) -> None:
        """Messages of which only the name matters."""
        for name in names:
            self.ask("templates", "save", name, self.file(f"<p>{name}</p>"), "--subject", name)

    def publish(self, journey: str) -> None:
        """A journey goes live."""
        self.ask("journeys", "publish", self.file(journey))

    def does(self, who: str, event: str, *more: str) -> None:
        """Somebody does something, and the runner comes round."""
        self.ask("events", "send", who, event, *more)
        self.ask("tick")

    def wait(self, seconds: int) -> None:
        """Time passes, and the runner comes round."""
        self.now += seconds
        self.ask("tick")

    def show(self, who: str) -> Any:
        """A contact as one document."""
        return self.ask("contacts", "show", who)

    def mails(self, who: str) -> list[tuple[str, int]]:
        """What was sent to somebody, oldest first: the message and the hour since the story began."""
        found = self.ask("messages", "list", "--contact", who, "--status", "sent")
        return [(one["template"], (parse_moment(one["sent_at"]) - NOW) // 3_600)
                for one in sorted(found, key=lambda one: one["sent_at"])]
