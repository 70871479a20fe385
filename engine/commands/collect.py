"""`collect`: the public door as a process of its own."""

from __future__ import annotations

import click

from ..service import collector
from ..service.health import Heart
from .common import Call, Command, takes_call


@click.command("collect", cls=Command)
@click.option("--host", default="127.0.0.1", show_default=True, help="address to listen on; put a proxy with TLS in front")
@click.option("--port", default=8502, show_default=True, envvar="COLLECTOR_PORT", type=click.IntRange(0, 65_535),
              help="0 for any free one (also COLLECTOR_PORT)")
@takes_call
def collect(call: Call, host: str, port: int) -> None:
    """Take in opens, clicks, unsubscribes and events until a signal ends it."""
    with call.store() as store, Heart(store, "collector") as heart:
        heart.say(state="running")
        collector.serve(store, call.config, host=host, port=port, ready=lambda url: call.note(f"collector: {url}"))


COMMANDS = (collect,)
