"""The runner as a process: it goes on, one at a time, and stops when told."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from engine.activity import inbox
from engine.activity.inbox import Item
from engine.config import Config
from engine.loop.tick import Loop, Tally
from engine.outreach import delivery
from engine.outreach.delivery import Sent
from engine.service import health, worker
from engine.store import Store
from tests.conftest import NOW

CONFIG = Config(secret=b"x" * 32)
QUIET, BUSY = Tally(0, 0, 0, 0, 0.0), Tally(1, 0, 1, 0, 0.0)


@contextmanager
def running(store: Store, **options: Any) -> Iterator[threading.Event]:
    """The runner in a thread; the test fails when it does not stop."""
    stop, ended = threading.Event(), []

    def work() -> None:
        worker.run_forever(store, CONFIG, stop=stop, **{"interval_s": 0.01, "standby_s": 0.01} | options)
        ended.append(True)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(20)
        assert ended, "the runner did not stop"


def until(what: Callable[[], object], most_s: float = 20) -> None:
    """Wait for it to come true."""
    deadline = time.monotonic() + most_s
    while not what():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def breath(store: Store) -> dict[str, Any]:
    return next((one.detail for one in health.heartbeats(store) if one.name == "runner"), {})


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Each tick notes whether it was asked to deliver too; nothing else happens."""
    seen: list[bool] = []

    def tick(_: Loop, now: int, *, deliver: bool = True) -> Tally:
        seen.append(deliver)
        return QUIET

    monkeypatch.setattr(Loop, "tick", tick)
    return seen


@pytest.fixture(autouse=True)
def _quick_heart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(worker, "_LONGEST_PAUSE_S", 0.02)
    monkeypatch.setattr(health.Heart.__init__, "__defaults__", (0.02,))


def test_it_takes_events_in_and_says_that_it_breathes(store: Store) -> None:
    with store.inbox.transaction():
        store.inbox.insert_many("inbox", [{
            "received_at": 1, "kind": "track", "dedupe_key": "1",
            "payload": '{"email": "ada@example.com", "event": "page_view", "object": "/", "occurred_at": 1}'}])
    with running(store):
        until(lambda: store.one("SELECT COUNT(*) FROM event") == 1)
        until(lambda: breath(store).get("state") == "running")
    assert breath(store)["state"] == "stopped"


def test_what_arrives_ends_the_rest(store: Store) -> None:
    """The pause between two ticks is for what time brings: an event is answered at once."""
    with running(store, interval_s=60):
        until(lambda: breath(store).get("last_tick_s") is not None)
        for number in (1, 2):
            inbox.put(store, [Item("track", f"t{number}", {"email": "ada@example.com", "event": "visit"})], now=NOW)
            until(lambda number=number: store.one("SELECT COUNT(*) FROM event") == number, most_s=20)


def test_an_inbox_that_can_not_be_read_does_not_end_the_runner(store: Store, ticks: list[bool],
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter([RuntimeError("the server restarts")] * 6)

    def newest_id(_: Store) -> int:
        if failure := next(failures, None):
            raise failure
        return 0

    monkeypatch.setattr(inbox, "newest_id", newest_id)
    with running(store):
        until(lambda: len(ticks) > 2)


def test_a_failing_tick_is_noted_and_the_runner_goes_on(store: Store, monkeypatch: pytest.MonkeyPatch,
                                                        caplog: pytest.LogCaptureFixture) -> None:
    outcomes: list[Exception | Tally] = [ZeroDivisionError("first"), ValueError("second"), QUIET]
    seen: list[dict[str, Any]] = []

    def tick(*_: Any, **__: Any) -> Tally:
        seen.append(breath(store))
        outcome = outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]
        if isinstance(outcome, Exception):
            time.sleep(0.1)  # long enough for a beat
            raise outcome
        return outcome

    monkeypatch.setattr(Loop, "tick", tick)
    with caplog.at_level(logging.WARNING), running(store):
        until(lambda: len(seen) > 5 and breath(store).get("failures") == 0)
    assert seen[2]["failures"] in {1, 2}
    assert "tick failed 2 times in a row (ValueError: second)" in caplog.text
    assert "ZeroDivisionError: first" in caplog.text


def test_the_pause_after_failures_grows_to_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(worker, "_FIRST_PAUSE_S", 1.0)
    monkeypatch.setattr(worker, "_LONGEST_PAUSE_S", 60.0)
    stop = threading.Event()
    monkeypatch.setattr(stop, "wait", pauses.append)
    retry = worker.Retry("tick", stop)
    for _ in range(8):
        assert retry.attempt(lambda: 1 // 0) is None
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert retry.attempt(lambda: 5) == 5
    assert retry.failures == 0


def test_a_second_runner_stands_by_and_takes_over(store: Store, ticks: list[bool]) -> None:
    with store.lock("runner") as mine:
        assert mine
        with running(store):
            until(lambda: breath(store).get("state") == "standing by")
            assert ticks == []
    with running(store):
        until(lambda: ticks and breath(store).get("state") == "running")


def test_the_lease_is_taken_anew_now_and_then(store: Store, ticks: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    lock = store.lock
    monkeypatch.setattr(worker, "LEASE_EVERY_S", 0.05)
    monkeypatch.setattr(store, "lock", lambda name: taken.append(name) or lock(name))  # type: ignore[func-returns-value]
    with running(store):
        until(lambda: taken.count("runner") >= 3)


def test_ticks_go_on_while_a_slow_mail_server_holds_delivery(store: Store, ticks: list[bool],
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    inside, go = threading.Event(), threading.Event()

    def deliver(*_: Any, **options: Any) -> Sent:
        assert options["limit"] == worker.DELIVER_AT_ONCE
        inside.set()
        go.wait(20)
        return Sent()

    monkeypatch.setattr(delivery, "deliver", deliver)
    with running(store):
        assert inside.wait(20)
        before = len(ticks)
        until(lambda: len(ticks) > before + 5)
        go.set()
    assert not any(ticks), "the tick leaves delivery to the thread beside it"


def test_a_failing_delivery_does_not_end_the_runner(store: Store, ticks: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def deliver(*_: Any, **__: Any) -> Sent:
        tries.append(1)
        raise OSError("no route to host")

    monkeypatch.setattr(delivery, "deliver", deliver)
    with running(store):
        until(lambda: len(tries) > 2 and len(ticks) > 2)


def test_a_busy_tick_is_followed_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = [BUSY] * 20
    left: list[int] = []

    def tick(*_: Any, **__: Any) -> Tally:
        left.append(len(outcomes))
        return outcomes.pop() if outcomes else QUIET

    monkeypatch.setattr(Loop, "tick", tick)
    with running(store, interval_s=60) as stop:
        until(lambda: left and left[-1] == 0)
        time.sleep(0.1)
        assert left.count(0) == 1, "a quiet one waits for its interval"
        stop.set()
