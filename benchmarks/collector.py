"""The public door: durable opens per second beside the same server's hello-world, and events in batches.

    python -m benchmarks.collector [--seconds 3] [--connections 128] [--database postgresql://…]

Server and client run as processes of their own on this machine. "Durable" is the collector as it is: an answer means that
the row is committed with fsync. Figures are ratios within one run: the machine is noisy.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from engine import access, clock
from engine.activity import inbox
from engine.content import links
from engine.schema import open_store

ROOT = Path(__file__).resolve().parents[1]
SECRET = "benchmark"
BATCH = 100
TARGET = 0.4


@dataclass
class Figures:
    """What a client saw."""

    answers: int
    seconds: float
    cpu_s: float = 0.0

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds

    @property
    def cpu_us(self) -> float:
        """Processor time of the server per answer, microseconds: what is left when others use the machine too."""
        return self.cpu_s / self.answers * 1e6


class Caller(asyncio.Protocol):
    """One connection: the next request leaves when the answer is whole. Answers of one request are equally long."""

    def __init__(self, request: bytes, until: float) -> None:
        self.request, self.until = request, until
        self.answers, self.size, self.held = 0, 0, b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(self.request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.held += data
        if not self.size and not self._measure():
            return
        if len(self.held) < self.size:
            return
        self.held = b""
        self.answers += 1
        if clock.monotonic() < self.until:
            self.transport.write(self.request)  # type: ignore[attr-defined]
        else:
            self.transport.close()

    def _measure(self) -> bool:
        head, end, _ = self.held.partition(b"\r\n\r\n")
        if not end:
            return False
        assert b" 200 " in head.split(b"\r\n")[0], head
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        self.size = len(head) + 4 + length
        return True

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error) if error else self.done.set_result(None)


async def _call(address: str, request: bytes, connections: int, seconds: float) -> Figures:
    place, began = urlsplit(address), clock.monotonic()
    loop = asyncio.get_running_loop()
    callers = [(await loop.create_connection(lambda: Caller(request, began + seconds), place.hostname, place.port))[1]
               for _ in range(connections)]
    await asyncio.gather(*(caller.done for caller in callers))
    return Figures(sum(caller.answers for caller in callers), clock.monotonic() - began)


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Mozilla/5.0 (benchmark)\r\nAccept: */*\r\n\r\n".encode()


def _batch(key: str) -> bytes:
    calls = [{"type": "track", "userId": f"u{n}", "event": "page viewed", "properties": {"path": f"/p/{n}", "n": n}}
             for n in range(BATCH)]
    body = json.dumps({"batch": calls}).encode()
    user = base64.b64encode(f"{key}:".encode()).decode()
    return (f"POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {user}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


@dataclass
class Server:
    """A collector that runs."""

    address: str
    pid: int

    def call(self, request: bytes, connections: int, seconds: float) -> Figures:
        """Call it for so long, and see what it cost."""
        before = _cpu_s(self.pid)
        found = asyncio.run(_call(self.address, request, connections, seconds))
        found.cpu_s = _cpu_s(self.pid) - before
        return found


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _collector(url: str) -> Iterator[Server]:
    process = subprocess.Popen([sys.executable, "-m", "engine", "--db", url, "collect", "--port", "0"], cwd=ROOT,
                               stderr=subprocess.PIPE, text=True, env=os.environ | {"THROUGHLINE_SECRET": SECRET})
    try:
        assert process.stderr is not None
        yield Server(process.stderr.readline().split()[-1], process.pid)
    finally:
        process.terminate()
        process.wait(30)


def measure(url: str, seconds: float, connections: int, rounds: int = 3) -> float:
    """Print the table; the durable open as a share of hello-world."""
    store = open_store(url, create=True)
    key = access.create_write_key(store, "benchmark", now=clock.now())
    pixel = _get(f"/o/{links.open_token(SECRET.encode(), 7)}.gif")
    before = inbox.count(store)
    with _collector(url) as server:
        server.call(pixel, 4, 0.5)  # warm
        warm = inbox.count(store) - before
        pairs = [[server.call(request, connections, seconds) for request in (_get("/"), pixel)] for _ in range(rounds)]
        stored = inbox.count(store) - before - warm
        events = server.call(_batch(key), 8, seconds)
    answered = sum(opened.answers for _, opened in pairs)
    assert stored == answered, f"{answered} answers, {stored} rows"
    share = statistics.median(opened.rate / hello.rate for hello, opened in pairs)
    print(f"{store.backend}, {connections} connections, {rounds} rounds of {seconds:g} s, medians")
    for name, column in zip(("hello-world ", "durable open"), zip(*pairs, strict=True), strict=True):
        rate, cpu = (statistics.median(getattr(one, what) for one in column) for what in ("rate", "cpu_us"))
        print(f"{name}      {rate:10,.0f} requests/s   {cpu:6.0f} µs of processor each")
    print(f"durable open      {share:10.2f} of hello-world (target {TARGET})")
    print(f"batches of {BATCH}    {events.rate * BATCH:10,.0f} events/s     {events.cpu_us / BATCH:6.0f} µs of processor each")
    store.close()
    return share


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--connections", type=int, default=128)
    parser.add_argument("--database", help="default: a new SQLite file")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(chosen.database or f"sqlite:///{folder}/benchmark.db", chosen.seconds, chosen.connections)


if __name__ == "__main__":
    main()
