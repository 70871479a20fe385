"""SIGKILL at a hundred statements of runner, sender and errands: no step lost or repeated, no mail sent twice, to contacts or
colleagues, the uncertain ones `unknown`; a webhook that comes twice says by its key that it is the same."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from engine.access import COMMAND_LINE, set_setting
from engine.activity import inbox
from engine.activity.inbox import Item
from engine.config import Config
from engine.content import templates
from engine.journeys import versions
from engine.loop.tick import Loop
from engine.outreach import errand_runs
from engine.people import consent, contacts
from engine.schema import open_store
from engine.store import Store
from tests.conftest import NOW
from tests.outreach.post_office import PostOffice, post_office

pytestmark = pytest.mark.slow

KILLS = 100
SAM = "sam@throughline.example"
JOURNEY = """name: killed
goal: {rule: {event: purchase}}
entry: {trigger: {event: signup}, reentry: {policy: never}}
nodes:
  - {id: points, type: score, points: 3, next: one}
  - {id: one, type: send, template: one, next: both}
  - {id: both, type: fork, on: {a: pause, b: heard}}
  - {id: pause, type: wait, for: 60s, next: together}
  - {id: heard, type: wait_for, event: {event: a}, timeout: 1d, next: say}
  - {id: say, type: emit, event: heard, next: tell}
  - {id: tell, type: notify, to: SAM, subject: "{{ contact.email }}", text: news, next: hook}
  - {id: hook, type: webhook, url: "http://localhost:PORT/", next: together}
  - {id: together, type: join, timeout: 2d, next: mark}
  - {id: mark, type: tag, add: [done], next: two}
  - {id: two, type: send, template: two, next: out}
  - {id: out, type: exit}
""".replace("SAM", SAM)
STEPS = ["points", "one", "both", "heard", "say", "tell", "hook", "pause", "together", "mark", "two", "out"]


class Receiver(BaseHTTPRequestHandler):
    """Says yes, and keeps the keys of what came."""

    keys: Counter[str] = Counter()

    def do_POST(self) -> None:  # noqa: N802
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).keys[self.headers["Idempotency-Key"]] += 1
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def receiver() -> Iterator[int]:
    Receiver.keys.clear()
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def prepare(store: Store, port: int) -> None:
    set_setting(store, "caps", [])
    errand_runs.allow(store, "localhost", by=COMMAND_LINE, now=NOW)
    for name in ("one", "two"):
        templates.save(store, name, html=f"<p>{name}</p>", subject=name, by=COMMAND_LINE, now=NOW)
    versions.publish(store, JOURNEY.replace("PORT", str(port)), by=COMMAND_LINE, now=NOW)
    for i in range(KILLS + 1):
        saved = contacts.save(store, {"email": f"p{i}@example.com"}, by=COMMAND_LINE, now=NOW, source="test")
        with store.transaction():
            consent.record(store, [saved.id], "email", "subscribed", basis="consent", source="test", by=COMMAND_LINE, now=NOW)


def live(loop: Loop, person: int, watch: Callable[[str], None] | None = None) -> None:
    """One person's life, four ticks long; what is asked for twice is the same. watch: told of each statement of the ticks."""
    store, start = loop.store, NOW + person * 1_000
    who = {"email": f"p{person}@example.com", "source": "test"}
    for at, name in ((start, "signup"), (start + 30, "a"), (start + 60, None), (start + 120, None)):
        if name:
            inbox.put(store, [Item("track", f"{name}{person}", who | {"event": name})], now=at)
        store.on_statement = store.inbox.on_statement = watch
        loop.tick(at)
        store.on_statement = store.inbox.on_statement = None


def life_cut_short(url: str, config: Config, person: int, kill_at: int) -> bool:
    """The life in a process of its own that kills itself before a statement; whether it came to that."""
    child = os.fork()
    if child == 0:
        try:
            sys.stdout = sys.stderr
            left = [kill_at]

            def count(_: str) -> None:
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

            live(Loop(open_store(url), config), person, count)
        except BaseException:  # noqa: BLE001 - a forked test process must not return into pytest
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def test_killed_at_any_statement_nothing_is_lost_or_done_twice(url: str) -> None:
    with post_office() as office, receiver() as port:
        config = Config(database_url=url, smtp_url=f"smtp://127.0.0.1:{office.port}", mail_from="a@throughline.example",
                        secret=b"x")
        store = open_store(url)
        prepare(store, port)
        die_and_live_on(url, config, Loop(store, config))
        check_everybody(store, office)
        store.close()


def die_and_live_on(url: str, config: Config, loop: Loop) -> None:
    """The first person is not disturbed and counts the statements of a life; each other one dies somewhere else."""
    statements: list[str] = []
    live(loop, 0, statements.append)
    killed = 0
    for person in range(1, KILLS + 1):
        killed += life_cut_short(url, config, person, 1 + person * len(statements) // (KILLS + 2))
        live(loop, person)
    assert killed == KILLS, f"{killed} of {KILLS} lives were cut short over {len(statements)} statements"


def check_everybody(store: Store, office: PostOffice) -> None:
    mails = Counter((to, str(mail["Subject"])) for (to, _), mail in zip(office.mails, office.parsed(), strict=True))
    notices = Counter({subject: mails.pop((to, subject)) for to, subject in list(mails) if to == SAM})
    assert set(mails.values()) == {1}
    for person in range(KILLS + 1):
        check(store, f"p{person}@example.com", mails)
    check_notices(store, notices)
    assert len(Receiver.keys) == KILLS + 1, "a webhook that is asked again says that it is the same"
    assert store.rows("SELECT h.status, COUNT(*) FROM errand h WHERE h.kind = 'webhook' GROUP BY 1") == [("done", KILLS + 1)]
    assert sum(Receiver.keys.values()) - (KILLS + 1) <= 2, "only who dies between an answer and its mark asks again"
    assert store.one("SELECT COUNT(*) FROM event e WHERE e.name = 'heard'") == KILLS + 1


def check_notices(store: Store, mails: Counter[str]) -> None:
    """A colleague is told once, or it is said that nobody knows."""
    told = dict(store.rows("SELECT c.email, h.status FROM errand h JOIN contact c ON c.id = h.contact_id "
                           "WHERE h.kind = 'notice'"))
    assert len(told) == KILLS + 1 and set(told.values()) <= {"done", "unknown"} and set(mails.values()) == {1}
    assert all(mails[who] == 1 for who, status in told.items() if status == "done")
    assert list(told.values()).count("unknown") <= 4, "only who dies between the claim and its mark leaves a doubt"


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
