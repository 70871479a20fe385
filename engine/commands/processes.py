"""The processes: one pass (`tick`), the runner (`run`), everything (`up`); the collector has a file of its own."""

from __future__ import annotations

import logging
import signal
import sys
import threading

import click

from ..clock import iso
from ..errors import BadInput
from ..loop.tick import tick as one_tick
from ..schema import open_store
from ..service import supervise, worker
from .common import Call, Command, takes_call


@click.command("tick", cls=Command)
@takes_call
def tick(call: Call) -> None:
    """One pass: intake, watch, enroll, wake, advance, admit, deliver, until nothing more is due."""
    with call.store() as store:
        now = call.now
        done = one_tick(store, call.config, now=now)
    call.answer(done, f"{iso(now)}: {done.events} events, {done.enrolled} enrolled, {done.moved} steps, "
                      f"{done.sent} sent in {done.seconds} s")


@click.command("run", cls=Command)
@click.option("--interval", type=click.FloatRange(0.05, 3600), default=worker.INTERVAL_S, show_default=True,
              help="seconds between two ticks when there is nothing to do")
@takes_call
def run(call: Call, interval: float) -> None:
    """The runner: ticks and delivers until it is told to stop (SIGTERM, Ctrl-C)."""
    _must_be_live(call)
    _log()
    stop = _stopper()
    with call.store() as store:
        worker.run_forever(store, call.config, interval_s=interval, stop=stop)


@click.command("up", cls=Command)
@takes_call
def up(call: Call) -> None:
    """Everything: all lines of the Procfile. Makes the workspace when there is none; prints READY when all answer."""
    _must_be_live(call)
    url = call.config.database_url
    store = open_store(url, create=True)
    try:
        code = supervise.run_all(store, url, ready=lambda address: click.echo(f"READY {address}"))
    finally:
        store.close()
    if code:
        sys.exit(code)


def _must_be_live(call: Call) -> None:
    if call.moment is not None:
        raise BadInput("--now: a process lives in the present; `tick --now` makes one pass at another moment")


def _stopper() -> threading.Event:
    """Set by SIGTERM and Ctrl-C."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    return stop


def _log() -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


COMMANDS = (tick, run, up)
