"""Mails per second: rendered, given their links, made into bytes, handed over, and a whole delivery run.

    python -m benchmarks.mail [--mails 2000] [--contacts 20000] [--database postgresql://…]

Per second of processor time of one process: what a core does when nobody shares it. The baseline of the same run renders the
same way and builds an EmailMessage for each mail; another one also compiles the template for each mail.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from engine import access
from engine.access import COMMAND_LINE
from engine.config import Config
from engine.content import templates
from engine.content.context import Readers, trigger
from engine.content.links import Book
from engine.content.render import Renderer, compiled
from engine.outreach import delivery, limits, mime
from engine.outreach.channels.email import Email
from engine.outreach.mail import Mail
from engine.people import consent
from engine.schema import open_store
from engine.store import Store

NOW, TARGET = 1_790_000_000, 4_000
BASELINE = "baseline: rendered and an EmailMessage each"
BLOCK = """<mj-section><mj-column><mj-text>Hello {{{{ contact.first_name | default("you") }}}}, block {0} for
{{{{ contact.email }}}}</mj-text><mj-button href="https://shop.example/p/{0}">Go</mj-button></mj-column></mj-section>"""
PAGE = f"<mjml><mj-body>{''.join(BLOCK.format(number) for number in range(8))}</mj-body></mjml>"


class Workshop:
    """A workspace with people and one template of eight blocks, about 19 kB when sent."""

    def __init__(self, store: Store, config: Config, contacts: int) -> None:
        self.store, self.config = store, config
        self.template = templates.save(store, "bench", html=PAGE, subject="News for {{ contact.first_name }}", by=COMMAND_LINE,
                                       now=NOW)
        for low in range(1, contacts + 1, 5_000):
            ids = range(low, min(low + 5_000, contacts + 1))
            with store.transaction():
                store.insert_many("contact", [{"id": n, "email": f"p{n}@mail.example", "first_name": f"Name{n}", "hash31": n,
                                               "created_at": 0, "updated_at": 0} for n in ids])
                store.insert_many("identifier", [{"kind": "email", "value": f"p{n}@mail.example", "contact_id": n,
                                                  "address_hash": f"h{n}"} for n in ids])
                consent.record(store, ids, "email", "subscribed", basis="bench", source="bench", by=COMMAND_LINE, now=0)
        self.readers = Readers(store, config)
        self.renderer, self.book = Renderer(store, config), Book(store)
        self.sender = mime.sender(config.mail_from)

    def mail(self, number: int, context: dict[str, object]) -> Mail:
        """Render one message and give it its links."""
        version = self.template.version_id
        draft = self.renderer.render(version, context, message_id=number)
        ids = self.book.ids([(version, url) for url in draft.links])
        page, text = draft.tracked(lambda url: self.renderer.click_url(number, ids[(version, url)]),
                                   self.renderer.open_url(number))
        return Mail(number, f"{number}.0.bench", f"p{number}@mail.example", f"Name{number}", draft.subject, page, text,
                    draft.unsubscribe_url, NOW)

    def contexts(self, count: int) -> list[dict[str, object]]:
        """The readers of the first messages."""
        loaded = self.readers.load(range(1, count + 1))
        return [{**loaded[number], "event": trigger(None)} for number in range(1, count + 1)]

    def queue(self, count: int) -> None:
        """One message to each of the first contacts."""
        with self.store.transaction():
            self.store.run("DELETE FROM message_copy")
            self.store.run("DELETE FROM message")
            self.store.run("""INSERT INTO message (contact_id, channel, template_id, status, created_at, due_at)
                SELECT c.id, 'email', :template_id, 'queued', :now, :now FROM contact c WHERE c.id <= :count""",
                           template_id=self.template.id, now=NOW, count=count)


def rate(count: int, work: Callable[[], object], prepare: Callable[[], object] = lambda: None) -> float:
    """How many per second of this process's processor time, the best of three: what a core does when it is not shared."""
    best = float("inf")
    for _ in range(3):
        prepare()
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return count / best


def _all(way: Email, mails: list[Mail]) -> None:
    assert {outcome.fate for outcome in way.send(mails)} == {"sent"}


def usual_way(shop: Workshop, contexts: list[dict[str, object]], *, compiling: bool) -> None:
    """Render and build an EmailMessage for each mail, as most programs do."""
    for number, context in enumerate(contexts, start=1):
        if compiling:
            compiled.cache_clear()
            shop.renderer = Renderer(shop.store, shop.config)
        mail = shop.mail(number, context)
        message = EmailMessage(policy=SMTP)
        message["From"], message["To"] = str(shop.config.mail_from), mail.address
        message["Subject"], message["List-Unsubscribe"] = mail.subject, f"<{mail.unsubscribe_url}>"
        message.set_content(mail.text or "")
        message.add_alternative(mail.html or "", subtype="html")
        message.as_bytes()


def measure(shop: Workshop, count: int, contacts: int) -> dict[str, float]:
    """Mails per second of each step."""
    contexts = shop.contexts(count)
    mails = [shop.mail(number, context) for number, context in enumerate(contexts, start=1)]
    found = {
        "facts of contacts loaded": rate(count, lambda: shop.contexts(count)),
        "rendered with links": rate(count, lambda: [shop.mail(n, c) for n, c in enumerate(contexts, start=1)]),
        "made into bytes": rate(count, lambda: [mime.compose(mail, shop.sender, mail.address) for mail in mails]),
        "rendered and made into bytes": rate(count, lambda: [mime.compose(shop.mail(n, c), shop.sender, f"p{n}@mail.example")
                                                             for n, c in enumerate(contexts, start=1)]),
        BASELINE: rate(200, lambda: usual_way(shop, contexts[:200], compiling=False)),
        "template compiled for each mail": rate(20, lambda: usual_way(shop, contexts[:20], compiling=True)),
    }
    with sink() as port:
        for connections in (1, 4):
            way = Email(Config(smtp_url=f"smtp://127.0.0.1:{port}?connections={connections}", mail_from=shop.config.mail_from))
            found[f"handed over, connections: {connections}"] = rate(count, partial(_all, way, mails))
            way.close()
    found[f"admitted, {contacts:,} at once"] = rate(contacts, lambda: limits.admit(shop.store, now=NOW),
                                                    lambda: shop.queue(contacts))
    found["delivered to capture, from claim to inbox"] = rate(
        count, lambda: delivery.deliver(shop.store, shop.config, now=NOW),
        lambda: (shop.queue(count), limits.admit(shop.store, now=NOW)))
    return found


# ------------------------------------------------------------ a server that takes everything


@contextmanager
def sink() -> Iterator[int]:
    """A process that speaks just enough SMTP, on a free port."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


class Sink(asyncio.Protocol):
    """Answers each command; between DATA and the final dot it only listens."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.waiting, self.in_data = transport, b"", False
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while True:
            end = b"\r\n.\r\n" if self.in_data else b"\r\n"
            command, found, rest = self.waiting.partition(end)
            if not found:
                return
            self.waiting = rest
            self.transport.write(self._answer(command[:4].upper()))

    def _answer(self, verb: bytes) -> bytes:
        if self.in_data:
            self.in_data = False
            return b"250 taken\r\n"
        self.in_data = verb == b"DATA"
        return {b"DATA": b"354 go on\r\n", b"EHLO": b"250-sink\r\n250 PIPELINING\r\n"}.get(verb, b"250 ok\r\n")


def _serve(report: Connection) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
        report.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def main() -> None:
    """Print the table."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("--mails", type=int, default=2_000)
    asked.add_argument("--contacts", type=int, default=20_000)
    asked.add_argument("--database", help="an empty PostgreSQL database; default: SQLite in a temporary folder")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(options.database or f"sqlite:///{Path(folder) / 'mail.db'}", create=True)
        access.salt(store)
        config = Config(secret=b"benchmark", public_url="https://hear.example", mail_from="Acme <news@acme.example>")
        shop = Workshop(store, config, options.contacts)
        found = measure(shop, options.mails, options.contacts)
        store.close()
    baseline = found[BASELINE]
    print(f"{store.backend}, {options.mails:,} mails of {len(shop.template.html or '') // 1024} kB, best of three\n")
    print(f"{'step':<45}{'per second':>12}{'× baseline':>12}")
    for step, per_s in found.items():
        print(f"{step:<45}{per_s:>12,.0f}{per_s / baseline:>12.1f}")
    print(f"\nrender and bytes: target {TARGET:,} per second and core")


if __name__ == "__main__":
    main()
