"""The workspace as files, and as a copy that can mail nobody."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import BadInput
from ..service import definitions, safe_copy
from .common import Call, Command, takes_call

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("export", cls=Command)
@click.argument("folder", metavar="DIR", type=FOLDER)
@takes_call
def export(call: Call, folder: Path) -> None:
    """Write the definitions as files: fields, topics, personas, segments, score and stage rules, messages, live journeys."""
    with call.store() as store:
        found = definitions.export(store, folder)
    call.answer(_answer(found), *_lines(found, "files"))


@click.command("apply", cls=Command)
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--dry-run", is_flag=True, help="only say what would differ")
@takes_call
def apply(call: Call, folder: Path, dry_run: bool) -> None:
    """Make the workspace say what the files say, all of it or nothing. What no file speaks of stays."""
    with call.store() as store:
        found = definitions.apply(store, folder, dry_run=dry_run, by=call.by, now=call.now)
    diff = [line for name, lines in found.diff.items() for line in (f"{name}:", *(f"  {line}" for line in lines))]
    stays = [f"stays, no file speaks of it: {', '.join(found.absent)}"] if found.absent else []
    call.answer(_answer(found) | {"absent": found.absent, "diff": found.diff}, *diff, *stays, *_lines(found, "definitions"))


def _answer(found: definitions.Outcome) -> dict[str, object]:
    return {"created": found.created, "changed": found.changed, "unchanged": found.unchanged, "removed": found.removed}


def _lines(found: definitions.Outcome, what: str) -> list[str]:
    said = [f"{word}: {', '.join(names)}" for word, names in (("created", found.created), ("changed", found.changed),
                                                           ("removed", found.removed)) if names]
    return [*said, f"{len(found.created)} {what} created, {len(found.changed)} changed, {len(found.unchanged)} unchanged, "
                   f"{len(found.removed)} removed"]


@click.command("clone", cls=Command)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--safe", is_flag=True, help="needed: the copy can mail nobody")
@takes_call
def clone(call: Call, file: Path, safe: bool) -> None:
    """Copy the workspace into a file that can mail nobody: messages are captured, whatever is configured; no key works."""
    if not safe:
        raise BadInput("clone: say --safe, which is the only kind there is; a full copy is made by `backup`")
    with call.store() as store:
        made = safe_copy.clone(store, file, now=call.now)
    call.answer(made, f"copied to {', '.join(made.files)}: {made.contacts:,} contacts, nothing leaves, no key works")


COMMANDS = (export, apply, clone)
