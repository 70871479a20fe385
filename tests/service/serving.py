"""A collector on a port of its own, as the public meets it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from engine.config import Config
from engine.service import collector
from engine.store import Store

SECRET = b"a secret for tests"


@contextmanager
def serving(store: Store) -> Iterator[str]:
    """The address of a collector over this store."""
    config = uvicorn.Config(collector.app(store, Config(secret=SECRET)), log_level="error", access_log=False, ws="none")
    server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the collector did not start"
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
