"""What every command shares: the common options, one JSON document or plain lines, and errors as one line.

`--db`, `--json` and `--now` are accepted before or after the subcommand. Exit 0: done. Exit 2: the request or the input
is wrong. Exit 1: a fault of ours.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from .. import clock, config
from ..access import COMMAND_LINE, Actor, moment
from ..errors import BadInput, ThroughlineError
from ..schema import open_store
from ..store import Store

Answer = TypeVar("Answer")


@dataclass
class Call:
    """What the person asked for besides the command itself."""

    url: str | None = None
    as_json: bool = False
    moment: str | None = None
    by: Actor = COMMAND_LINE
    _ahead_s: int = 0

    @property
    def now(self) -> int:
        """The moment it is in the workspace: --now, else its own, which is the clock's but for a demo that was moved on.

        Ask inside `store()`: before it, nothing is known of the workspace.
        """
        return self.clock_now + (self._ahead_s if self.moment is None else 0)

    @property
    def clock_now(self) -> int:
        """The moment by the clock on the wall, by which processes breathe: --now, else the clock."""
        return clock.now() if self.moment is None else clock.parse_moment(self.moment)

    @property
    def config(self) -> config.Config:
        """Settings from the environment, with --db before DATABASE_URL."""
        return config.load(self.url)

    @contextmanager
    def store(self, create: bool = False) -> Iterator[Store]:
        """The workspace, closed afterwards."""
        opened = open_store(config.find_url(self.url), create=create)
        try:
            self._ahead_s = moment(opened, 0)
            yield opened
        finally:
            opened.close()

    def answer(self, document: Any, *lines: str) -> None:
        """Print the document with --json, else the lines (the document, laid out, when there are none)."""
        if self.as_json:
            click.echo(json.dumps(plain(document), ensure_ascii=False, default=str))
        else:
            click.echo("\n".join(lines) if lines else json.dumps(plain(document), ensure_ascii=False, indent=2, default=str))

    @staticmethod
    def note(line: str) -> None:
        """Progress and remarks go to standard error, never between the lines of an answer."""
        click.echo(line, err=True)


def plain(document: Any) -> Any:
    """Dataclasses as dictionaries, all the way down."""
    if dataclasses.is_dataclass(document) and not isinstance(document, type):
        return {field.name: plain(getattr(document, field.name)) for field in dataclasses.fields(document)}
    if isinstance(document, dict):
        return {key: plain(value) for key, value in document.items()}
    return [plain(item) for item in document] if isinstance(document, list | tuple | set) else document


def _remember(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def keep(ctx: click.Context, _: click.Parameter, value: Any) -> Any:
        if value:
            setattr(ctx.ensure_object(Call), name, value)
        return value

    return keep


def _common_options() -> list[click.Parameter]:
    return [
        click.Option(["--db", "db_url"], metavar="URL", expose_value=False, callback=_remember("url"),
                     help="sqlite:///path or postgresql://… (else DATABASE_URL, else data/throughline.db)"),
        click.Option(["--json", "as_json"], is_flag=True, expose_value=False, callback=_remember("as_json"),
                     help="print one JSON document"),
        click.Option(["--now", "moment"], metavar="ISO|EPOCH", expose_value=False, callback=_remember("moment"),
                     help="the moment it is (default: the clock)"),
    ]


class Command(click.Command):
    """A command that also takes the common options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params = [*self.params, *_common_options()]


class Group(click.Group):
    """A group whose commands also take the common options."""

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params = [*self.params, *_common_options()]


def takes_call(command: Callable[..., Answer]) -> Callable[..., Answer]:
    """Hand the Call to the command as its first argument."""

    @click.pass_context
    def wrapped(ctx: click.Context, /, *args: Any, **kwargs: Any) -> Answer:
        return ctx.invoke(command, ctx.ensure_object(Call), *args, **kwargs)

    return functools.update_wrapper(wrapped, command)


def read_text(path: str) -> str:
    """The text of a file, `-` for standard input. Raises BadInput."""
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {getattr(error, 'strerror', None) or 'not a UTF-8 text'}") from None


def read_json(text: str, what: str) -> Any:
    """Parse JSON. Raises BadInput naming line and column, or the half of a character that no database holds."""
    try:
        found = json.loads(text)
        json.dumps(found, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise BadInput(f"{what}: not JSON at line {error.lineno}, column {error.colno}: {error.msg}") from None
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])[1:-1]
        raise BadInput(f"{what}: {half} is one half of a character; its other half is missing") from None
    return found


def run(cli: click.Group, arguments: list[str] | None = None) -> int:
    """Run a command line; the exit code. One line on standard error when something is wrong."""
    try:
        outcome = cli.main(arguments, prog_name="python -m engine", standalone_mode=False, obj=Call())
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return 2
    except (ThroughlineError, click.ClickException) as error:
        text = error.format_message() if isinstance(error, click.ClickException) else str(error)
        click.echo(f"error: {' '.join(text.split())}", err=True)
        return 2
    except (click.exceptions.Exit, click.Abort) as stop:
        return getattr(stop, "exit_code", 1)
    except Exception:  # noqa: BLE001 - the last door: whatever is left is a fault of ours, with its trace
        click.echo(f"fault: please report this\n{traceback.format_exc()}", err=True)
        return 1
    return outcome if isinstance(outcome, int) else 0  # a command may return its exit code
