"""`python -m engine …`: everything the pages do, for scripts and terminals."""

from __future__ import annotations

import importlib
import re
import sys
from functools import cache
from pathlib import Path

import click

from .commands.common import Group, run

_FOLDER = Path(__file__).parent / "commands"
_NAMED = re.compile(r'^@click\.(?:command|group)\("([\w-]+)"', re.MULTILINE)


class Gathered(Group):
    """Offers the `COMMANDS` of each file in `commands`, importing only the file that the command asked for stands in.

    All of them together take 0.8 s longer to import, most of it for statistics and spreadsheets.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(name for path in _FOLDER.glob("*.py") for name in _names(path))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        home = next((path for path in _FOLDER.glob("*.py") if cmd_name in _names(path)), None)
        return next((one for one in _commands(home) if one.name == cmd_name), None) if home else None


@cache
def _names(path: Path) -> tuple[str, ...]:
    """The commands of a file: as its source names them, else (where they are made in a loop) as it says when imported."""
    text = path.read_text(encoding="utf-8")
    found = tuple(_NAMED.findall(text))
    return found if found or "COMMANDS = " not in text else tuple(str(one.name) for one in _commands(path))


def _commands(path: Path) -> tuple[click.Command, ...]:
    found: tuple[click.Command, ...] = importlib.import_module(f"engine.commands.{path.stem}").COMMANDS
    return found


def gather() -> click.Group:
    """The whole command line."""
    return Gathered("engine", help="Throughline: contacts, segments, journeys, messages, tests, ROI.")


if __name__ == "__main__":
    sys.exit(run(gather()))
