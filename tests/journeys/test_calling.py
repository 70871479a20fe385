"""Steps that ask outside: webhooks with their retries, notices to colleagues, approvals."""

from __future__ import annotations

import hmac
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from engine.access import Actor, set_setting
from engine.activity import intake
from engine.clock import HOUR, MINUTE
from engine.config import Config
from engine.content import templates
from engine.errors import BadInput, Conflict, Forbidden, Invalid, NotFound
from engine.journeys import approving
from engine.journeys.runner import Runner
from engine.loop.explain import explain
from engine.outreach import errand_runs, errands, posting
from engine.people import contacts
from engine.store import Store
from tests.conftest import NOW

from .worlds import ANN, Document, journey, publish, record, runner, trail

T0 = NOW // 60 * 60
CONFIG = Config(secret=b"s" * 32)
END = {"id": "e", "type": "exit"}
OUT = {"id": "o", "type": "exit"}


class Receiver(BaseHTTPRequestHandler):
    """Answers as the path asks it to, and keeps what came."""

    came: list[tuple[dict[str, str], bytes]] = []

    def do_POST(self) -> None:  # noqa: N802
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).came.append((dict(self.headers), body))
        self.send_response(int(self.path.split("/")[1]))
        self.send_header("Location", "http://127.0.0.1/elsewhere")
        self.end_headers()
        self.wfile.write(b"so be it")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _nothing_came() -> None:
    Receiver.came.clear()


def start(store: Store, *nodes: Document, out: bool = True) -> Runner:
    contacts.save(store, {"email": "ada@example.com", "first_name": "Ada", "owner": "sam@example.com"}, by=ANN, now=T0,
                  source="t")
    contacts.save(store, {"email": "bo@example.com"}, by=ANN, now=T0, source="t")
    publish(store, journey(*nodes, END, *([OUT] if out else [])))
    for contact in (1, 2):
        record(store, contact, "signup", T0, plan="gold")
    engine = runner(store)
    engine.tick(T0)
    return engine


def hook(url: str, **settings: object) -> Document:
    on = {"ok": "e", "failed": "o", **({"timeout": "o"} if "timeout" in settings else {})}
    return {"id": "w", "type": "webhook", "url": url, "on": on, **settings}


def carry(engine: Runner, now: int) -> errand_runs.Ran:
    """Errands, their ends through the inbox, and whoever waited for them."""
    ran = errand_runs.run(engine.store, CONFIG, now=now)
    intake.take(engine.store, now=now)
    engine.tick(now)
    return ran


def test_a_webhook_is_posted_once_signed_and_its_answer_moves_the_contact(store: Store, port: int) -> None:
    errand_runs.allow(store, "127.0.0.1", by=ANN, now=T0)
    engine = start(store, hook(f"http://127.0.0.1:{port}/200"))
    assert trail(store) == []
    assert carry(engine, T0 + 5).done == 2
    assert trail(store) == ["w.ok", "e.end"] == trail(store, 2)
    assert errand_runs.run(store, CONFIG, now=T0 + 5).changed == 0 and len(Receiver.came) == 2
    headers, body = Receiver.came[0]
    said = json.loads(body)
    assert (said["contact"]["email"], said["event"], said["journey"], said["step"]) == (
        "ada@example.com", {"plan": "gold"}, "j", "w")
    key = errand_runs.secret_of(CONFIG.secret).encode()
    mac = hmac.digest(key, f"{T0 + 5}.".encode() + body, "sha256").hex()
    assert headers["Throughline-Signature"] == f"t={T0 + 5},v1={mac}" and headers["Idempotency-Key"] == "1.0"


def test_a_body_of_ones_own_is_filled_in_for_each_contact(store: Store, port: int) -> None:
    errand_runs.allow(store, "127.0.0.1", by=ANN, now=T0)
    body = {"who": "{{ contact.email }}", "plans": ["{{ event.plan }}"], "n": 3}
    carry(start(store, hook(f"http://127.0.0.1:{port}/200", body=body)), T0)
    assert json.loads(Receiver.came[1][1]) == {"who": "bo@example.com", "plans": ["gold"], "n": 3}


def test_a_refusal_is_tried_again_with_growing_pauses_then_dead_and_a_person_may_retry(store: Store, port: int) -> None:
    errand_runs.allow(store, "127.0.0.1", by=ANN, now=T0)
    engine = start(store, hook(f"http://127.0.0.1:{port}/503"))
    at = T0
    for pause in errand_runs.BACKOFF_S:
        assert carry(engine, at).later == 2
        assert errand_runs.run(store, CONFIG, now=at + pause - 1) == errand_runs.Ran()
        at += pause
    assert trail(store) == []
    assert carry(engine, at).dead == 2
    assert trail(store) == ["w.failed", "o.end"]
    found = errands.list_errands(store, status="dead")[0]
    assert (found.attempts, found.detail) == (5, "answered 503: so be it")
    assert errands.retry(store, [found.id], by=ANN, now=at) == 1
    assert errand_runs.run(store, CONFIG, now=at).later == 1, "whoever waited has gone on; it is tried all the same"
    assert Receiver.came[-1][0]["Idempotency-Key"] == "2.1"
    with pytest.raises(Conflict, match="only a dead or unknown one"):
        errands.retry(store, [found.id], by=ANN, now=at)


@pytest.mark.parametrize("status", [302, 404])
def test_what_will_not_get_better_is_dead_at_once_and_redirects_are_not_followed(store: Store, port: int, status: int) -> None:
    errand_runs.allow(store, "127.0.0.1", by=ANN, now=T0)
    assert carry(start(store, hook(f"http://127.0.0.1:{port}/{status}")), T0).dead == 2
    assert f"answered {status}" in str(explain(store, "ada@example.com")[0].steps[0].reason)
    assert len(Receiver.came) == 2


def test_whoever_went_on_by_timeout_is_not_called_about_any_more(store: Store, port: int) -> None:
    errand_runs.allow(store, "127.0.0.1", by=ANN, now=T0)
    engine = start(store, hook(f"http://127.0.0.1:{port}/503", timeout="30s"))
    carry(engine, T0)
    engine.tick(T0 + 30)
    assert trail(store) == ["w.timeout", "o.end"]
    assert carry(engine, T0 + MINUTE).canceled == 2 and len(Receiver.came) == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.7", "[::ffff:192.168.1.1]",
                                  "0.0.0.0"])
def test_the_own_network_is_not_called(memory: Store, host: str) -> None:
    engine = start(memory, hook(f"http://{host}:9/x"))
    assert carry(engine, T0).dead == 2
    assert "not on the public internet" in str(errands.list_errands(memory)[0].detail)


def test_a_name_is_resolved_once_and_called_where_it_was_looked_at(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """A name that answers a private address the second time (DNS rebinding) leads nowhere else."""
    asked: list[str] = []
    called: list[tuple[str, int]] = []

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(0, 0, 0, "", ("93.184.216.34" if len(asked) == 1 else "127.0.0.1", port))]

    def connect(address: tuple[str, int], *_: Any, **__: Any) -> socket.socket:
        called.append(address)
        raise ConnectionRefusedError("nobody there")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(ConnectionRefusedError):
        posting.post("http://hooks.example.com/x", b"{}", {})
    assert (asked, called) == (["hooks.example.com"], [("93.184.216.34", 80)])
    with pytest.raises(posting.NotPublic):
        posting.post("http://hooks.example.com/x", b"{}", {})


def test_a_workspace_that_captures_lets_nothing_out(store: Store, port: int) -> None:
    errand_runs.allow(store, "127.0.0.1", by=ANN, now=T0)
    with store.transaction():
        set_setting(store, "capture_only", True)
    engine = start(store, hook(f"http://127.0.0.1:{port}/200"))
    assert carry(engine, T0).done == 2 and not Receiver.came
    assert trail(store) == ["w.ok", "e.end"] and "ada@example.com" in str(errands.list_errands(store)[1].detail)


def test_a_notice_goes_to_the_owner_and_holds_nobody(store: Store) -> None:
    engine = start(store, {"id": "n", "type": "notify", "to": "owner", "text": "{{ contact.email }} wants {{ event.plan }}.",
                           "next": "e"}, out=False)
    assert trail(store) == ["n.next", "e.end"]
    ran = carry(engine, T0)
    assert (ran.done, ran.dead) == (1, 1)
    bo, ada = errands.list_errands(store)
    assert (ada.detail, bo.detail) == ("to sam@example.com: Ada (captured, nothing left the house)",
                                       "the contact has no owner")


def test_a_notice_may_be_one_of_the_messages_as_it_is_now(store: Store) -> None:
    templates.save(store, "Hot lead", html="<p>{{ contact.first_name }}</p>", subject="Old", by=ANN, now=T0)
    engine = start(store, {"id": "n", "type": "notify", "to": "owner", "template": "hot lead", "next": "e"}, out=False)
    templates.save(store, "Hot lead", html="<p>{{ contact.email }}</p>", subject="{{ contact.first_name }} of {{ event.plan }}",
                   by=ANN, now=T0)
    carry(engine, T0)
    assert str(errands.list_errands(store)[1].detail).startswith("to sam@example.com: Ada of gold (")
    with pytest.raises(Invalid, match="no template 'gone'"):
        publish(store, journey({"id": "n", "type": "notify", "to": "owner", "template": "gone", "next": "e"}, END))


def test_a_person_approves_declines_or_comes_too_late(store: Store) -> None:
    ask = {"id": "a", "type": "approval", "question": "Send the {{ trigger.plan }} offer?", "timeout": "1h",
           "on": {"approved": "e", "declined": "o", "timeout": "o"}}
    engine = start(store, ask)
    found = approving.pending(store)
    assert [(one.who, one.question, one.due_at) for one in found] == [
        ("ada@example.com", "Send the gold offer?", T0 + HOUR), ("bo@example.com", "Send the gold offer?", T0 + HOUR)]
    approving.decide(store, found[0], True, "a good one", by=ANN, now=T0 + 9)
    with pytest.raises(NotFound, match="does not wait"):
        approving.decide(store, found[0], False, by=ANN, now=T0 + 9)
    with pytest.raises(Forbidden):
        approving.decide(store, found[1], False, by=Actor("Vi", "viewer"), now=T0 + 9)
    approving.decide(store, approving.find_pending(store, "bo@example.com", "J"), False, by=ANN, now=T0 + 9)
    engine.tick(T0 + 9)
    assert (trail(store), trail(store, 2)) == (["a.approved", "e.end"], ["a.declined", "o.end"])
    record(store, 1, "signup", T0 + 10)
    engine.tick(T0 + 10)
    (late,) = approving.pending(store)
    engine.tick(T0 + 10 + HOUR)
    assert trail(store)[-2:] == ["a.timeout", "o.end"] and not approving.pending(store)
    with pytest.raises(NotFound):
        approving.decide(store, late, True, by=ANN, now=T0 + 2 * HOUR)


@pytest.mark.parametrize(("settings", "words"), [
    (hook("ftp://example.com"), "no address"), (hook("https://user:pw@example.com/"), "no user and password"),
    (hook("https://example.com", body="x"), "an object or a list"),
    (hook("https://example.com", body={"a": "{{ contact."}), "body"),
    ({"id": "w", "type": "notify", "to": "Sam", "text": "x", "next": "e"}, "'Sam' is nobody"),
    ({"id": "w", "type": "notify", "to": "owner", "text": "{{", "next": "e"}, "text"),
    ({"id": "w", "type": "notify", "to": "owner", "next": "e"}, "either `text` or `template`")])
def test_settings_that_mean_nothing_are_refused(memory: Store, settings: Document, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        publish(memory, journey(settings, END, OUT))


def test_a_host_to_allow_is_a_name(memory: Store) -> None:
    with pytest.raises(BadInput, match="no host name"):
        errand_runs.allow(memory, "https://crm/x", by=ANN, now=T0)
    assert errand_runs.allow(memory, "crm.lan", by=ANN, now=T0) == ["crm.lan"]
    assert errand_runs.allow(memory, "crm.lan", by=ANN, now=T0, remove=True) == []
