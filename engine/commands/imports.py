"""`import`: files into the workspace."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from ..clock import iso
from ..errors import NotYet
from ..service import batches, importing
from ..service.importing import Options, Report
from ..service.importing.contacts import parse_consent
from .common import Call, Command, Group, takes_call

_SHOWN = 20  # errors on the terminal; --json has more


class _Imports(Group):
    """`import --from TOOL DIR` is said like that in the contract; it is the command `import from`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        said = [word for word in args if word.partition("=")[0] == "--from"][:1]
        if said:
            at = args.index(said[0])
            args = [*args[:at], "from", *([said[0].partition("=")[2]] if "=" in said[0] else []), *args[at + 1:]]
        return super().parse_args(ctx, args)


@click.group("import", cls=_Imports)
def imports() -> None:
    """Contacts, companies, events, deals, costs and suppressions from CSV, TSV or XLSX. The same file twice changes nothing."""


def _file(command: Any) -> Any:
    """The options that every import shares."""
    for option in (
        click.option("--dry-run", is_flag=True, help="say what would happen, change nothing"),
        click.option("--encoding", metavar="NAME", help="of the file (default: found out)"),
        click.option("--dates", type=click.Choice(["dmy", "mdy"]), help="whether 3/4/2026 begins with the day or the month"),
        click.option("--numbers", type=click.Choice(["point", "comma"]), help="whether 1.234 has decimals or is 1234"),
        click.option("--columns", metavar="A,B,C", help="names of the columns of a file without a header row"),
        click.option("--add", "added", multiple=True, metavar="COLUMN=VALUE",
                     help="a column the file does not have, the same in every row; # is the file and line"),
        click.option("--map", "maps", multiple=True, metavar="COLUMN=FIELD",
                     help="what a column fills; COLUMN=- leaves it out, COLUMN=FIELD:KIND makes a field of that kind"),
        click.argument("file"),
    ):
        command = option(command)
    return command


def _options(*, dry_run: bool, columns: str | None = None, **given: Any) -> Options:
    """Of the options of a command: those that say how a file is to be read."""
    named = tuple(name.strip() for name in columns.split(",")) if columns else ()
    return Options(dry_run=dry_run, columns=named, progress=_progress(), **given)


@imports.command("contacts")
@_file
@click.option("--list", "list_name", metavar="NAME", help="put all of them on a list")
@click.option("--consent", "consents", multiple=True, metavar="email:subscribed:SOURCE",
              help="what all of them agreed to, and where")
@takes_call
def import_contacts(call: Call, file: str, list_name: str | None, consents: tuple[str, ...], **how: Any) -> None:
    """Create and change contacts, found by email or external_id."""
    agreed = [parse_consent(text) for text in consents]
    with call.store() as store:
        report = importing.import_contacts(store, file, by=call.by, now=call.now, list_name=list_name, agreed=agreed,
                                           options=_options(**how))
    _answer(call, report)


@imports.command("events")
@_file
@click.option("--live", is_flag=True, help="they happen now: journeys hear them")
@takes_call
def import_events(call: Call, file: str, **how: Any) -> None:
    """Take in what contacts did. Without --live it counts in rules and reports and wakes nothing."""
    with call.store() as store:
        report = importing.import_events(store, file, by=call.by, now=call.now,
                                         options=_options(**how))
    _answer(call, report)


@imports.command("deals")
@_file
@click.option("--live", is_flag=True, help="deals are made and won now: journeys hear it")
@takes_call
def import_deals(call: Call, file: str, **how: Any) -> None:
    """Create and change deals, found by deal_id."""
    with call.store() as store:
        report = importing.import_deals(store, file, by=call.by, now=call.now,
                                        options=_options(**how))
    _answer(call, report)


def _plain(name: str, bring: Callable[..., Report], words: str) -> click.Command:
    @click.command(name, cls=Command, help=words)
    @_file
    @takes_call
    def do(call: Call, file: str, **how: Any) -> None:
        with call.store() as store:
            report = bring(store, file, by=call.by, now=call.now, options=_options(**how))
        _answer(call, report)

    return do


imports.add_command(_plain("accounts", importing.import_accounts,
                           "Make and change companies, found by name; a domain brings the people who write from there."))
imports.add_command(_plain("costs", importing.import_costs, "Write what was spent into the ledger, each cost once."))
imports.add_command(_plain("suppressions", importing.import_suppressions,
                           "Put addresses on the suppression list: nobody writes to them again."))


@imports.command("predictions")
@_file
@click.option("--model", required=True, help="its name, such as purchase_14d; rules ask by it")
@takes_call
def import_predictions(call: Call, file: str, model: str, **how: Any) -> None:
    """One run of your own model: email or external_id, and a probability from 0 to 1. It replaces the run before."""
    with call.store() as store:
        report = importing.import_predictions(store, file, model, by=call.by, now=call.now, options=_options(**how))
    _answer(call, report)


@imports.command("from", cls=Command)
@click.argument("tool", metavar="mautic|hubspot|mailchimp|klaviyo")
@click.argument("place", metavar="DIR")
@click.option("--dry-run", is_flag=True, help="say what would happen, change nothing")
@click.option("--encoding", metavar="NAME", help="of the files (default: found out)")
@click.option("--dates", type=click.Choice(["dmy", "mdy"]), help="whether 3/4/2026 begins with the day or the month")
@click.option("--numbers", type=click.Choice(["point", "comma"]), help="whether 1.234 has decimals or is 1234")
@takes_call
def move_in(call: Call, tool: str, place: str, **how: Any) -> None:
    """Move in from another tool: its exports in DIR, with tags, stages and consent; a no goes on the suppression list.

    Also said as `import --from TOOL DIR`.
    """
    with call.store() as store:
        done = importing.move_in(store, tool, place, by=call.by, now=call.now,
                                 options=_options(**how))
    documents = [one.report.document() | {"file": one.file, "suppressed": one.suppressed} for one in done.files]
    counts = {name: sum(one[name] for one in documents)
              for name in ("read", "created", "updated", "unchanged", "skipped", "errors", "suppressed")}
    errors = [error | {"file": one["file"]} for one in documents for error in one["rows_in_error"]]
    call.answer(counts | {"rows_in_error": errors, "dry_run": how["dry_run"], "files": documents,
                          "passed_over": done.passed_over, "not_moved": list(done.left)},
                f"{tool}: {counts['created']:,} created, {counts['updated']:,} updated, {counts['unchanged']:,} unchanged, "
                f"{counts['errors']:,} in error, {counts['suppressed']:,} suppressed, from {len(documents)} files",
                *(f"{error['file']}, line {error['line']}: {error['message']}" for error in errors[:_SHOWN]),
                *(f"passed over: {name}" for name in done.passed_over), *done.left)


@imports.command("list", cls=Command)
@takes_call
def list_imports(call: Call) -> None:
    """The newest imports and fixes, with the number that `import undo` asks for."""
    with call.store() as store:
        past = batches.list_past(store)
    lines = [f"{one.id}  {iso(one.at)}  {one.kind}  {one.file or '-'}  by {one.actor}"
             f"{'  undone' if one.undone_at else '' if one.undoable else '  can not be undone'}" for one in past]
    call.answer([asdict(one) | {"at": iso(one.at), "undone_at": iso(one.undone_at)} for one in past],
                *(lines or ["nothing has been imported yet"]))


@imports.command("undo", cls=Command)
@click.argument("number", type=int)
@takes_call
def undo(call: Call, number: int) -> None:
    """Take an import of contacts, or a fix, back. What has been touched since stays, and is counted."""
    with call.store() as store:
        done = batches.undo(store, number, by=call.by, now=call.now, progress=_progress())
    call.answer(asdict(done), done.words)


@imports.command("products", context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@takes_call
def import_products(_: Call, arguments: tuple[str, ...]) -> None:  # noqa: ARG001 - whatever is asked
    """Not yet: products."""
    raise NotYet("import products: not yet, products come with a later release")


def _answer(call: Call, report: Report) -> None:
    would = "would be " if report.dry_run else ""
    head = (f"read {report.read:,}: {would}{report.created:,} created, {report.updated:,} updated, "
            f"{report.unchanged:,} unchanged, {report.skipped:,} skipped, {report.errors:,} in error")
    errors = [f"line {one.line}{f', {one.column}' if one.column else ''}: {one.message}"
              for one in report.rows_in_error[:_SHOWN]]
    more = [f"… and {report.errors - _SHOWN:,} more"] if report.errors > _SHOWN else []
    call.answer(report.document(), head, *report.notes, *errors, *more)


def _progress() -> Callable[[int, int], None] | None:
    """A line that moves, on a terminal only."""
    if not sys.stderr.isatty():
        return None
    return lambda done, total: click.echo(f"\r{done:,} of {total:,} rows{'' if done < total else chr(10)}", nl=False, err=True)


COMMANDS = (imports,)
