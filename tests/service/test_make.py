"""`make run`, as a person types it: one line READY, everything answers, Ctrl-C ends all of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from engine.schema import open_store
from engine.service import health
from engine.service.supervise import DOORS, processes

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 240  # the first start may install requirements

pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Running:
    """`make run` with its two outputs, read as they come."""

    def __init__(self, folder: Path) -> None:
        self.ports = {door.port_name: str(free_port()) for door in DOORS.values()}
        self.address = f"http://127.0.0.1:{self.ports[next(DOORS[name].port_name for name in DOORS if name in processes())]}"
        self.database = f"sqlite:///{folder / 'data' / 'throughline.db'}"
        self.settings = os.environ | {"DATABASE_URL": self.database} | self.ports
        for name in ("SMTP_URL", "MAKEFLAGS", "MAKELEVEL"):
            self.settings.pop(name, None)
        self.process = subprocess.Popen(["make", "run", f"VENV={sys.prefix}"], cwd=ROOT, text=True, start_new_session=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.settings)
        self.out, self.err = self._reading(self.process.stdout), self._reading(self.process.stderr)

    @staticmethod
    def _reading(stream: IO[str] | None) -> list[str]:
        lines: list[str] = []
        assert stream
        threading.Thread(target=lambda: lines.extend(iter(stream.readline, "")), daemon=True).start()
        return lines

    def until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not self.out:
            assert self.process.poll() is None and time.monotonic() < deadline, "".join(self.err)
            time.sleep(0.1)

    def beats(self) -> dict[str, health.Heartbeat]:
        store = open_store(self.database)
        try:
            return {one.name: one for one in health.heartbeats(store)}
        finally:
            store.close()

    def interrupt(self) -> int:
        """Ctrl-C reaches everything in the foreground."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(60)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    if not (Path(sys.prefix) / "bin" / "python").exists() or not shutil.which("make"):
        pytest.skip("needs make and a virtual environment")
    started = Running(tmp_path)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.interrupt()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def test_complaint_23_one_command_starts_everything_says_ready_once_and_stops_on_ctrl_c(running: Running) -> None:
    """COMPLAINTS 23: no crons, no queue to set up: page, collector and runner, each with a heartbeat."""
    running.until_ready()
    assert running.out == [f"READY {running.address}\n"]
    with urllib.request.urlopen(running.address) as answer:
        assert answer.status == 200
    with urllib.request.urlopen(f"http://127.0.0.1:{running.ports['COLLECTOR_PORT']}/health") as answer:
        assert json.load(answer)["ok"]
    beats = running.beats()
    assert beats["runner"].detail["state"] == "running" and beats["collector"].detail["state"] != "stopped"

    again = subprocess.run([sys.executable, "-m", "engine", "up"], cwd=ROOT, capture_output=True, text=True, check=False,
                           env=running.settings)
    assert again.returncode == 2 and again.stdout == ""
    assert re.fullmatch(r"error: port \d+ is taken: stop what listens there, or set (WEB|COLLECTOR)_PORT\n", again.stderr)

    running.interrupt()
    assert not [name for name, beat in beats.items() if alive(beat.pid)]
    assert {running.beats()[name].detail["state"] for name in ("runner", "collector")} == {"stopped"}
    assert running.out == [f"READY {running.address}\n"]


def test_when_one_process_dies_all_stop_and_run_fails(running: Running) -> None:
    running.until_ready()
    beats = running.beats()
    os.kill(beats["runner"].pid, signal.SIGKILL)
    assert running.process.wait(60) != 0
    deadline = time.monotonic() + 30
    while alive(beats["collector"].pid):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_help_lists_every_habit() -> None:
    alone = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    shown = subprocess.run(["make", "help"], cwd=ROOT, env=alone, capture_output=True, text=True, check=True).stdout
    assert [line.split()[0] for line in shown.splitlines()] == [
        "help", "install", "run", "demo", "test", "test-fast", "check", "fix", "bench", "clean"]


def test_what_ci_runs_is_sound_bash() -> None:
    script = ROOT / ".ci" / "run"
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert os.access(script, os.X_OK)
    assert script.read_text().rstrip().endswith("exec make test")
