"""Public doors for the story tests: the command line as a process, the collector on a port, a real SMTP server."""

from __future__ import annotations

import email
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage, Message
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from engine.__main__ import gather
from engine.commands.common import run

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Postbox:
    """Mail as it arrived over SMTP."""

    received: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.received.append(email.message_from_bytes(envelope.content, policy=default))  # type: ignore[arg-type]
        return "250 taken"

    def to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.received if mail["To"] and address in mail["To"]]


def page_of(mail: Message) -> str:
    """The HTML part of a mail."""
    part = next(part for part in mail.walk() if part.get_content_type() == "text/html")
    return str(part.get_payload(decode=True).decode())  # type: ignore[union-attr]


def tracked(mail: Message) -> list[str]:
    """The tracked links of a mail, in order."""
    return re.findall(r'href="([^"]*/c/[^"]*)"', page_of(mail))


@dataclass
class Doors:
    """One workspace and its doors."""

    url: str
    folder: Path
    env: dict[str, str]
    post: Postbox

    def cli(self, *words: str, now: int | str | None = None, expect: int = 0) -> Any:
        """Run a command with --json; its document. `expect` another exit code: its line on standard error."""
        moment = ["--now", str(now)] if now is not None else []
        done = subprocess.run([sys.executable, "-m", "engine", "--db", self.url, *words, "--json", *moment], cwd=ROOT,
                              env=self.env, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == expect, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout) if expect == 0 else done.stderr.strip()

    def file(self, name: str, text: str) -> str:
        """A file for the command line."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)


@dataclass
class Inside(Doors):
    """The same doors with the command line in this process: a story of many commands, told in seconds."""

    capsys: pytest.CaptureFixture[str] | None = None

    def cli(self, *words: str, now: int | str | None = None, expect: int = 0) -> Any:
        """As a process would answer."""
        moment = ["--now", str(now)] if now is not None else []
        code = run(gather(), ["--db", self.url, *words, "--json", *moment])
        out, err = self.capsys.readouterr()  # type: ignore[union-attr]
        assert code == expect, f"{words}: {code}\n{out}\n{err}"
        return json.loads(out) if expect == 0 else err.strip()


@pytest.fixture
def inside(doors: Doors, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inside:
    """The command line in this process, with the environment of the others."""
    for name in ("SMTP_URL", "MAIL_FROM", "THROUGHLINE_SECRET", "PUBLIC_URL"):
        monkeypatch.setenv(name, doors.env[name])
    return Inside(doors.url, doors.folder, doors.env, doors.post, capsys)


@pytest.fixture
def post() -> Iterator[Controller]:
    """A real SMTP server."""
    controller = Controller(Postbox(), hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture
def doors(url: str, tmp_path: Path, post: Controller) -> Doors:
    """An empty workspace on each engine, with mail going out over SMTP."""
    env = os.environ | {"SMTP_URL": f"smtp://127.0.0.1:{post.port}", "MAIL_FROM": "Throughline <news@throughline.example>",
                        "THROUGHLINE_SECRET": "story", "PUBLIC_URL": f"http://127.0.0.1:{free_port()}"}
    return Doors(url, tmp_path, env, post.handler)


@pytest.fixture
def collector(doors: Doors) -> Iterator[str]:
    """The collector as its own process; its address."""
    address = doors.env["PUBLIC_URL"]
    words = ["--db", doors.url, "collect", "--port", address.rsplit(":", 1)[1]]
    process = subprocess.Popen([sys.executable, "-m", "engine", *words], cwd=ROOT, env=doors.env, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    until = time.monotonic() + 90
    while True:
        try:
            urllib.request.urlopen(f"{address}/health", timeout=1).close()
            break
        except OSError:
            assert process.poll() is None, "the collector stopped"
            assert time.monotonic() < until, "the collector does not answer"
            time.sleep(0.1)
    yield address
    process.terminate()
    process.wait(10)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def visit(address: str, data: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, str, str]:
    """(status, location, body) of one request, without following redirects."""
    said = {"User-Agent": "Mozilla/5.0 (X11) Firefox/128.0"} | (headers or {})
    request = urllib.request.Request(address, data=data, headers=said)
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=10) as answer:
            return answer.status, "", answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get("Location", ""), error.read().decode(errors="replace")
