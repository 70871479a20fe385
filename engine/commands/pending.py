"""Commands that are promised and not built: they exist and say so."""

from __future__ import annotations

import click

from ..errors import NotYet
from .common import Call, Command, takes_call

PENDING = {
    "predict": "train and score propensities on a table",
    "discover": "readable rules that tell who converts",
    "bounce": "read one bounce mail",
}


def _pending(name: str, words: str) -> click.Command:
    @click.command(name, cls=Command, help=f"Not yet: {words}.", context_settings={"ignore_unknown_options": True})
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    @takes_call
    def say(_: Call, arguments: tuple[str, ...]) -> None:  # noqa: ARG001 - whatever is asked, the answer is the same
        raise NotYet(f"{name}: not yet, it comes with a later release")

    return say


COMMANDS = tuple(_pending(name, words) for name, words in PENDING.items())
