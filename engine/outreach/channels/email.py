"""E-mail over SMTP: a few connections kept open, shared by the messages of a run."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import ClassVar

from ...config import Config
from .. import mime
from ..mail import Mail, Outcome
from ..smtp import Line, Shut, server
from .base import Transport

_WORTH_ONE = 5  # mails that are worth one more connection


class Email(Transport):
    """Hands mails to the SMTP server of SMTP_URL."""

    name: ClassVar[str] = "smtp"
    carries: ClassVar[tuple[str, ...]] = ("email",)

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._server = server(config.smtp_url or "")
        self._sender = mime.sender(config.mail_from)
        self._lines: list[Line] = []

    @classmethod
    def configured(cls, config: Config) -> bool:
        """Whether SMTP_URL is set."""
        return bool(config.smtp_url)

    def send(self, mails: Sequence[Mail]) -> Iterator[Outcome]:
        """One outcome per mail as it becomes known. Nothing is tried when the first connection fails."""
        try:
            self._open(1)
        except Shut as error:
            yield from _none_tried(mails, str(error))
            return
        lines = self._open(min(self._server.connections, -(-len(mails) // _WORTH_ONE)))
        yield from _shared_out(lines, mails)
        self._lines = [line for line in self._lines if line.usable]

    def close(self) -> None:
        """Say goodbye on each connection."""
        for line in self._lines:
            line.quit()
        self._lines = []

    def _open(self, wanted: int) -> list[Line]:
        """That many connections, fewer where the server allows fewer. Raises Shut: not even one."""
        while len(self._lines) < wanted:
            line = Line(self._server, self._sender)
            try:
                line.connect()
            except Shut:
                if not self._lines:
                    raise
                break
            self._lines.append(line)
        return self._lines[:wanted]


def _none_tried(mails: Sequence[Mail], why: str) -> Iterator[Outcome]:
    """The first mail counts an attempt, so that an endless failure ends; the others wait."""
    for place, mail in enumerate(mails):
        yield Outcome(mail.message_id, "untried" if place else "later", None if place else "no_connection",
                      None if place else why, closed=True)


def _shared_out(lines: Sequence[Line], mails: Sequence[Mail]) -> Iterator[Outcome]:
    """Mails over several connections at once; what no connection could take any more is untried."""
    waiting: SimpleQueue[Mail] = SimpleQueue()
    outcomes: SimpleQueue[Outcome | None] = SimpleQueue()
    for mail in mails:
        waiting.put(mail)
    stop = threading.Event()
    threads = [threading.Thread(target=_work, args=(line, waiting, outcomes, stop), daemon=True) for line in lines]
    try:
        for thread in threads:
            thread.start()
        for _ in threads:
            yield from iter(outcomes.get, None)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    left = list(_drained(waiting))
    usable = [line for line in lines if line.usable]
    if left and usable:
        yield from _shared_out(usable, left)
    else:
        yield from (Outcome(mail.message_id, "untried", closed=True) for mail in left)


def _work(line: Line, waiting: SimpleQueue[Mail], outcomes: SimpleQueue[Outcome | None], stop: threading.Event) -> None:
    """Carry mails until none waits. Ends its outcomes with None."""
    try:
        for mail in _drained(waiting):
            try:
                outcomes.put(line.carry(mail))
            except Shut:
                line.usable = False
                waiting.put(mail)
            if stop.is_set() or not line.usable:
                break
    finally:
        outcomes.put(None)


def _drained(waiting: SimpleQueue[Mail]) -> Iterator[Mail]:
    while True:
        try:
            yield waiting.get_nowait()
        except Empty:
            return
