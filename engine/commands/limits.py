"""`limits …`: how often and when people are written to, as the page Settings, Limits has it."""

from __future__ import annotations

from typing import Any

import click

from ..journeys import documents
from ..outreach import policy
from .common import Call, Group, read_text, takes_call


@click.group("limits", cls=Group)
def group() -> None:
    """Frequency caps, quiet hours, sending hours and the warm-up of the workspace."""


@group.command("show")
@takes_call
def show(call: Call) -> None:
    """What holds now. What is printed can be changed and given to `limits set`."""
    with call.store() as store:
        held = policy.document(store)
    call.answer(held, documents.dump(held).rstrip())


@group.command("set")
@click.argument("file")
@takes_call
def set_(call: Call, file: str) -> None:
    """Read FILE (YAML or JSON with caps, hours, warm_up): each part it has takes the place of what held, the others stay."""
    wanted: dict[str, Any] = documents.load(read_text(file), file)
    with call.store() as store:
        held = policy.save(store, wanted, by=call.by, now=call.now)
    call.answer(held, documents.dump(held).rstrip())


COMMANDS = (group,)
