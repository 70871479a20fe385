"""All processes of a workspace on one machine, started together and stopped together (honcho reads the Procfile)."""

from __future__ import annotations

import os
import socket
import sys
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Printer

from .. import clock
from ..config import sqlite_path
from ..errors import BadInput
from ..store import Store
from .health import heartbeats

ROOT = Path(__file__).resolve().parents[2]
LOOK_EVERY_S = 0.1


@dataclass(frozen=True)
class Door:
    """Where a process of the Procfile answers. port_name, base_name: the environment variables that move it."""

    port_name: str
    default_port: int
    health: str
    base_name: str = ""

    @property
    def port(self) -> int:
        """Raises BadInput: no number."""
        word = os.environ.get(self.port_name) or str(self.default_port)
        if not word.isdecimal() or not 0 < int(word) < 65_536:
            raise BadInput(f"{self.port_name}={word!r}: write a port number from 1 to 65535")
        return int(word)

    @property
    def url(self) -> str:
        """The address of its first page, on this machine."""
        base = os.environ.get(self.base_name, "").strip("/") if self.base_name else ""
        return f"http://127.0.0.1:{self.port}{'/' + base if base else ''}"


DOORS = {"web": Door("WEB_PORT", 8501, "/_stcore/health", "STREAMLIT_SERVER_BASE_URL_PATH"),
         "collector": Door("COLLECTOR_PORT", 8502, "/health")}


def processes() -> dict[str, str]:
    """Name and command of each line of the Procfile."""
    return dict(parse_procfile((ROOT / "Procfile").read_text()).processes)


def run_all(store: Store, url: str, *, ready: Callable[[str], None]) -> int:
    """Run every process until one of them ends or a signal comes; the exit code, 0 after a signal.

    ready: called once with the first address to open, when all of them answer. Raises BadInput: a port is taken.
    """
    commands = processes()
    doors = [DOORS[name] for name in DOORS if name in commands]
    for door in doors:
        _must_be_free(door)
    manager = Manager(Printer(sys.stderr))
    for name, command in commands.items():
        manager.add_process(name, f"exec {command}", env=_environment(url), cwd=str(ROOT))
    began, over = clock.now(), threading.Event()
    watch = threading.Thread(target=_announce, args=(store, doors, began, over, ready), daemon=True)
    _after_start(manager, watch.start)
    manager.loop()
    over.set()
    return 0 if manager.returncode in {130, 143} else int(manager.returncode or 0)


def _after_start(manager: Manager, start: Callable[[], None]) -> None:
    """honcho forks its processes in `_start`; a thread begun before that could be forked in the middle of a lock."""
    begin = manager._start

    def both() -> None:
        begin()
        start()

    manager._start = both


def _announce(store: Store, doors: list[Door], began: int, over: threading.Event, ready: Callable[[str], None]) -> None:
    while not over.wait(LOOK_EVERY_S):
        if all(map(_answers, doors)) and _runner_breathes(store, began):
            ready(doors[0].url)
            return


def _answers(door: Door) -> bool:
    try:
        with urllib.request.urlopen(door.url + door.health, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _runner_breathes(store: Store, since: int) -> bool:
    return any(one.name == "runner" and one.at >= since and one.detail.get("state") in {"running", "standing by"}
               for one in heartbeats(store))


def _must_be_free(door: Door) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", door.port))
        except OSError:
            raise BadInput(f"port {door.port} is taken: stop what listens there, or set {door.port_name}") from None


def _environment(url: str) -> dict[str, str]:
    """Ours, with the interpreter that runs now first on the path and the same database for everybody."""
    path = sqlite_path(url)
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
        "DATABASE_URL": f"sqlite:///{path.resolve()}" if path else url,
    }
