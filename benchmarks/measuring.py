"""Seconds by the clock and of the processor, on both engines. No benchmark of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.store import Store


def busy(store: Store) -> float:
    """Seconds of the processor so far: this process and, on a PostgreSQL server of this machine, the one that serves it.

    What other processes of the server do for it in parallel is not in it: measure with
    PGOPTIONS='-c max_parallel_workers_per_gather=0'.
    """
    return time.process_time() + (_served(store) if store.backend == "postgresql" else 0.0)


def _served(store: Store) -> float:
    """0 where the server is elsewhere. A script has one connection at a time, so the pool gives the same one again."""
    stat = Path(f"/proc/{store.one('SELECT pg_backend_pid()')}/stat")
    if not stat.exists() or "postgres" not in (text := stat.read_text()):
        return 0.0
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def best(store: Store, run: Callable[[], Any], times: int = 3) -> tuple[float, float, Any]:
    """Seconds by the clock and of the processor in the fastest of a few runs, and what it returned."""
    clock, processor, result = float("inf"), float("inf"), None
    for _ in range(times):
        began, used = time.perf_counter(), busy(store)
        result = run()
        clock, processor = min(clock, time.perf_counter() - began), min(processor, busy(store) - used)
    return clock, processor, result


def loop_ms() -> float:
    """Milliseconds of the processor for 200,000 steps that touch nothing but a small dictionary: 10 on a quiet machine. Shared
    cores count fewer instructions to the second; what is measured then is that much too high."""
    began, held = time.process_time(), dict[int, int]()
    for number in range(200_000):
        held[number % 999] = number
    return (time.process_time() - began) * 1000
