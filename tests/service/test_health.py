"""Heartbeats, and what `doctor` notices."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

from engine import clock, config
from engine.clock import MINUTE
from engine.config import Config
from engine.schema import open_store
from engine.service import health
from engine.service.health import Check, Heart
from engine.store import Store
from tests.conftest import NOW

PLAIN = Config(secret=b"x" * 32)


@pytest.fixture(autouse=True)
def _given_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THROUGHLINE_SECRET", "s" * 40)


def found(store: Store, settings: Config = PLAIN, now: int = NOW) -> dict[str, Check]:
    return {check.name: check for check in health.checks(store, settings, now=now)}


@contextmanager
def mail_server() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Controller(Sink(), hostname="127.0.0.1", port=port)
    server.start()
    try:
        yield port
    finally:
        server.stop()


# ------------------------------------------------------------ heartbeats


def test_a_beat_replaces_the_one_before(store: Store) -> None:
    health.beat(store, "runner", now=NOW, detail={"state": "running"})
    health.beat(store, "runner", now=NOW + 5, detail={"state": "stopped"})
    health.beat(store, "collector", now=NOW)
    first, second = health.heartbeats(store)
    assert (first.name, first.detail) == ("collector", {})
    assert (second.name, second.at, second.pid, second.detail) == ("runner", NOW + 5, os.getpid(), {"state": "stopped"})
    assert second.host == socket.gethostname()


def test_a_heart_beats_beside_the_work_and_says_when_it_stops(store: Store) -> None:
    with Heart(store, "runner", every_s=0.02) as heart:
        heart.say(state="running", last_tick_s=0.5)
        until = clock.monotonic() + 10
        while health.heartbeats(store)[0].detail.get("state") != "running" and clock.monotonic() < until:
            time.sleep(0.01)
        assert health.heartbeats(store)[0].detail == {"state": "running", "last_tick_s": 0.5}
    assert health.heartbeats(store)[0].detail["state"] == "stopped"


def test_a_heart_outlives_a_database_that_fails(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = open_store(f"sqlite:///{tmp_path}/a.db", create=True)
    with store.transaction():
        store.run("DROP TABLE heartbeat")
    with Heart(store, "runner", every_s=0.01):
        time.sleep(0.05)
    assert "could not be written" in caplog.text
    store.close()


# ------------------------------------------------------------ doctor


def test_a_new_workspace_is_well(store: Store) -> None:
    checks = found(store)
    assert all(check.ok for check in checks.values()), checks
    assert "has not run yet" in checks["runner"].detail


@pytest.mark.parametrize(("detail", "age_s", "ok"), [
    ({"state": "running"}, 5, True), ({"state": "running"}, MINUTE + 1, False), ({"state": "stopped"}, 5, False),
    ({"state": "running", "failures": 3, "problem": "Busy: held"}, 5, False), ({"state": "standing by"}, 5, True),
])
def test_the_runner_must_breathe_and_succeed(store: Store, detail: dict[str, object], age_s: int, ok: bool) -> None:
    health.beat(store, "runner", now=NOW - age_s, detail=detail)
    check = found(store)["runner"]
    assert check.ok is ok
    assert str(detail.get("problem", "")) in check.detail
    assert check.ok or check.fix


def test_a_changed_journal_mode_is_noticed(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/a.db", create=True)
    store.rows("PRAGMA synchronous=OFF")
    check = found(store)["sqlite modes"]
    assert not check.ok and "synchronous is 0" in check.detail
    store.close()


def test_a_full_disk_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(f"sqlite:///{tmp_path}/a.db", create=True)
    monkeypatch.setattr(health, "LEAST_FREE_BYTES", 1 << 60)
    assert not found(store)["disk space"].ok
    store.close()


def test_mail_settings_are_looked_at_only_when_mail_is_to_leave(memory: Store) -> None:
    assert "captured" in found(memory)["mail"].detail
    with mail_server() as port:
        settings = replace(PLAIN, smtp_url=f"smtp://user:hunter2@127.0.0.1:{port}", mail_from="news@example.com",
                           public_url="https://news.example.com")
        checks = found(memory, settings)
        assert checks["mail server"].ok and checks["mail sender"].ok and checks["public address"].ok
        assert not any("hunter2" in check.detail + check.fix for check in checks.values())
    checks = found(memory, replace(settings, mail_from=None, public_url="http://127.0.0.1:8502"))
    assert not checks["mail server"].ok and not checks["mail sender"].ok and not checks["public address"].ok


def test_a_secret_that_others_can_read_is_noticed(tmp_path: Path, memory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THROUGHLINE_SECRET")
    settings = config.load(f"sqlite:///{tmp_path}/a.db")
    assert found(memory, settings)["secret"].ok
    file = tmp_path / ".throughline-secret"
    file.chmod(0o644)
    check = found(memory, settings)["secret"]
    assert not check.ok and check.fix == f"chmod 600 {file}"
