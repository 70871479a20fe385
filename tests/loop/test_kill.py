"""SIGKILL at any statement of a tick: no step lost or repeated, no mail sent twice, the uncertain ones `unknown`."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections import Counter

import pytest

from engine.access import COMMAND_LINE, set_setting
from engine.activity import inbox
from engine.activity.inbox import Item
from engine.config import Config
from engine.content import templates
from engine.journeys import versions
from engine.loop.tick import Loop
from engine.people import consent, contacts
from engine.schema import open_store
from engine.store import Store
from tests.conftest import NOW
from tests.outreach.post_office import PostOffice, post_office

pytestmark = pytest.mark.slow

KILLS = 64  # the first of them lives undisturbed
JOURNEY = """name: killed
goal: {rule: {event: purchase}}
entry: {trigger: {event: signup}, reentry: {policy: never}}
nodes:
  - {id: points, type: score, points: 3, next: one}
  - {id: one, type: send, template: one, next: both}
  - {id: both, type: fork, on: {a: pause, b: heard}}
  - {id: pause, type: wait, for: 60s, next: together}
  - {id: heard, type: wait_for, event: {event: a}, timeout: 1d, next: together}
  - {id: together, type: join, timeout: 2d, next: mark}
  - {id: mark, type: tag, add: [done], next: two}
  - {id: two, type: send, template: two, next: out}
  - {id: out, type: exit}
"""
STEPS = ["points", "one", "both", "heard", "pause", "together", "mark", "two", "out"]


def prepare(store: Store) -> None:
    set_setting(store, "caps", [])
    for name in ("one", "two"):
        templates.save(store, name, html=f"<p>{name}</p>", subject=name, by=COMMAND_LINE, now=NOW)
    versions.publish(store, JOURNEY, by=COMMAND_LINE, now=NOW)
    for i in range(KILLS):
        saved = contacts.save(store, {"email": f"p{i}@example.com"}, by=COMMAND_LINE, now=NOW, source="test")
        with store.transaction():
            consent.record(store, [saved.id], "email", "subscribed", basis="consent", source="test", by=COMMAND_LINE, now=NOW)


def life(url: str, config: Config, person: int, kill_at: int | None) -> int:
    """One person's life in a process of its own; the signal that ended it (0: it came to its end)."""
    child = os.fork()
    if child == 0:
        try:
            _live(url, config, person, kill_at)
        except BaseException:  # noqa: BLE001 - a forked test process must not return into pytest
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def _live(url: str, config: Config, person: int, kill_at: int | None) -> None:
    sys.stdout = sys.stderr
    store = open_store(url)
    left = [kill_at or 0]

    def count(_: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    who = {"email": f"p{person}@example.com", "source": "test"}
    inbox.put(store, [Item("track", f"s{person}", who | {"event": "signup"}), ], now=NOW)
    store.on_statement = store.inbox.on_statement = count if kill_at else None
    loop, start = Loop(store, config), NOW + person * 1_000
    loop.tick(start)
    store.on_statement = store.inbox.on_statement = None
    inbox.put(store, [Item("track", f"a{person}", who | {"event": "a"})], now=start + 30)
    store.on_statement = store.inbox.on_statement = count if kill_at else None
    for later in (30, 60, 120):
        loop.tick(start + later)
    store.close()


def statements(url: str, config: Config) -> int:
    """How many statements a whole life takes, counted on the first person."""
    store, seen = open_store(url), [0]

    def count(_: str) -> None:
        seen[0] += 1

    inbox.put(store, [Item("track", "s0", {"email": "p0@example.com", "event": "signup", "source": "test"})], now=NOW)
    store.on_statement = store.inbox.on_statement = count
    loop = Loop(store, config)
    loop.tick(NOW)
    inbox.put(store, [Item("track", "a0", {"email": "p0@example.com", "event": "a", "source": "test"})], now=NOW + 30)
    for later in (30, 60, 120):
        loop.tick(NOW + later)
    store.close()
    return seen[0]


def test_killed_at_any_statement_nothing_is_lost_or_done_twice(url: str) -> None:
    with post_office() as office:
        config = Config(database_url=url, smtp_url=f"smtp://127.0.0.1:{office.port}", mail_from="a@throughline.example",
                        secret=b"x")
        die_and_live_on(url, config, office)


def die_and_live_on(url: str, config: Config, office: PostOffice) -> None:
    store = open_store(url)
    prepare(store)
    total = statements(url, config)
    killed = 0
    for person in range(1, KILLS):
        killed += life(url, config, person, 1 + person * total // (KILLS + 2)) == signal.SIGKILL
        life(url, config, person, None)
    assert killed >= KILLS - 3, f"{killed} of {KILLS} lives were cut short over {total} statements"
    mails = Counter((to, str(mail["Subject"])) for (to, _), mail in zip(office.mails, office.parsed(), strict=True))
    for person in range(KILLS):
        check(store, f"p{person}@example.com", mails)
    assert set(mails.values()) == {1}
    store.close()


def check(store: Store, address: str, mails: Counter[tuple[str, str]]) -> None:
    """Each step once, each point once, and what is known of each mail is true."""
    walked = [row[0] for row in store.rows("""SELECT n.key FROM step s JOIN node n ON n.id = s.node_id
        JOIN enrollment r ON r.id = s.token_id / 64 JOIN contact c ON c.id = r.contact_id WHERE c.email = :who""", who=address)]
    assert sorted(walked) == sorted(STEPS), address
    assert store.rows("""SELECT c.engagement_score, r.status,
            (SELECT SUM(x.points) FROM score_entry x WHERE x.contact_id = c.id) FROM contact c
        JOIN enrollment r ON r.contact_id = c.id WHERE c.email = :who""", who=address) == [(3, "finished", 3)]
    for status, template in store.rows("""SELECT m.status, t.name FROM message m JOIN template t ON t.id = m.template_id
            JOIN contact c ON c.id = m.contact_id WHERE c.email = :who""", who=address):
        assert status in ("sent", "unknown"), (address, template, status)
        assert status == "unknown" or mails[address, template] == 1
