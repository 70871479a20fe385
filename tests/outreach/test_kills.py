"""A delivery that is killed at any statement: no message is lost, none is sent twice, and doubt is called doubt."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from engine import access
from engine.activity import inbox
from engine.config import Config
from engine.outreach import delivery, limits, messages
from engine.schema import open_store
from engine.store import Store
from tests.conftest import NOW

from .conftest import CONFIG, contact
from .post_office import post_office

pytestmark = pytest.mark.slow

Queue = Callable[..., list[int]]
EACH = 3  # messages per kill


def deliver_and_die(url: str, config: Config, at_statement: int) -> bool:
    """Deliver in another process that kills itself before its n-th statement; whether it came to that."""
    child = os.fork()
    if child == 0:
        store = open_store(url)
        left = [at_statement]

        def count(_: str) -> None:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        store.on_statement = store.inbox.on_statement = count
        delivery.deliver(store, config, now=NOW)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def finish(store: Store, config: Config) -> None:
    """Deliver what is left, once the server has noticed that the dead process holds the lease no longer."""
    for _ in range(100):
        delivery.deliver(store, config, now=NOW)
        if not store.one("SELECT 1 FROM message m WHERE m.status IN ('admitted', 'sending')"):
            return
        time.sleep(0.05)


@pytest.mark.parametrize("way", ["capture", "smtp"])
def test_killed_anywhere_each_message_has_one_end(url: str, store: Store, queue: Queue, way: str) -> None:
    access.set_setting(store, "caps", [])
    people = [contact(store, f"person{number}@mail.example") for number in range(EACH)]
    ended: Counter[str] = Counter()
    with post_office() as office:
        smtp = f"smtp://127.0.0.1:{office.port}?connections=1&timeout=5" if way == "smtp" else None
        config = replace(CONFIG, smtp_url=smtp)
        statement = 0
        while True:
            statement += 1
            numbers = queue(*people)
            limits.admit(store, now=NOW)
            arrived = len(office.mails)
            killed = deliver_and_die(url, config, statement)
            finish(store, config)
            statuses = Counter(messages.get(store, number).status for number in numbers)
            assert statuses["sent"] + statuses["unknown"] == EACH, f"killed at {statement}: {statuses}"
            if way == "smtp":
                fresh = Counter(address for address, _ in office.mails[arrived:])
                assert max(fresh.values(), default=0) <= 1 and statuses["sent"] <= len(fresh) <= EACH
            ended += statuses
            if not killed:
                break
    assert statement > 10 and ended["sent"] > ended["unknown"] > 0
    keys = Counter(item.dedupe_key for item in inbox.read(store, after=0, limit=100_000))
    assert len(keys) == ended["sent"] + ended["unknown"], "an outcome may be told twice under one key, never not at all"
    store.close()


def test_a_doubtful_message_is_sent_again_only_when_a_person_says_so(url: str, store: Store, queue: Queue) -> None:
    (number,) = queue(contact(store, "ada@mail.example"))
    limits.admit(store, now=NOW)
    with store.transaction():
        store.run("UPDATE message SET status = 'sending', claimed_at = :now", now=NOW)
    for later in (0, 60, 86_400):
        assert delivery.deliver(store, CONFIG, now=NOW + later).unknown == (later == 0)
        assert messages.get(store, number).status == "unknown" and messages.find_copy(store, number) is None
    assert messages.requeue(store, [number], by=access.COMMAND_LINE, now=NOW + 90_000) == 1
    limits.admit(store, now=NOW + 90_000)
    assert delivery.deliver(store, CONFIG, now=NOW + 90_000).sent == 1
    said = [(item.payload["event"], item.payload["props"]["status"]) for item in inbox.read(store, after=0, limit=9)]
    assert said == [("email_failed", "unknown"), ("email_sent", "sent")]
