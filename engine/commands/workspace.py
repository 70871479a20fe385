"""The workspace as a whole: make it, look after it, copy it, ask it."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import click
import psycopg

from .. import schema
from ..errors import BadInput, Invalid, Problem
from ..people import chain
from ..service import backup as copying
from ..service import demo as company
from ..service import forward, health
from ..store import Row, Store
from .common import Call, Command, takes_call


@click.command("init", cls=Command)
@click.option("--demo", is_flag=True, help="with the demo company (20,000 contacts)")
@click.option("--small", is_flag=True, help="with --demo: 2,000 contacts")
@takes_call
def init(call: Call, demo: bool, small: bool) -> None:
    """Create the workspace, or bring an older one up to date."""
    if small and not demo:
        raise BadInput("--small: goes with --demo")
    with call.store(create=True) as store:
        if demo and not company.is_ready(store):
            company.create(store, call.config, now=call.clock_now, small=small,
                           progress=lambda step: call.note(f"demo: {step} …"))
            forward.keep_fresh(store)
        made = {"backend": store.backend, "schema_version": schema.version(store),
                "contacts": store.one("SELECT COUNT(*) FROM contact c WHERE c.anonymous = 0")}
    call.answer(made, f"ready: {made['backend']}, {made['schema_version']}, {made['contacts']:,} contacts")


@click.command("doctor", cls=Command)
@takes_call
def doctor(call: Call) -> int:
    """Look at everything that must be right. Exit code 1 when something is not."""
    with call.store() as store:
        found = health.checks(store, call.config, now=call.clock_now)
    ok = all(check.ok for check in found)
    call.answer({"ok": ok, "checks": found}, *map(_line, found))
    return 0 if ok else 1


def _line(check: health.Check) -> str:
    mark, fix = ("ok  ", "") if check.ok else ("BAD ", f": {check.fix}")
    return f"{mark} {check.name}: {check.detail}{fix}"


@click.command("backup", cls=Command)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@takes_call
def backup(call: Call, file: Path) -> None:
    """Copy the workspace while it runs: FILE and FILE-inbox."""
    with call.store() as store:
        made = copying.backup(store, file)
    call.answer(made, f"copied {made.size_bytes:,} bytes: {', '.join(made.files)}")
    call.note("keep the secret with it: without it links in mail already sent are refused")


@click.command("verify", cls=Command)
@click.option("--head", metavar="HASH", help="a hash that an earlier `verify` printed: nothing may have been cut off since")
@takes_call
def verify(call: Call, head: str | None) -> None:
    """Follow the hash chains of the consent ledger and of the audit log."""
    with call.store() as store:
        found = chain.verify(store, head)
    call.answer(found, *(f"{name}: {ledger.rows:,} rows sealed, {ledger.forgotten:,} of them forgotten, "
                         f"{ledger.waiting:,} waiting to be sealed, newest {ledger.head}"
                         for name, ledger in found.ledgers.items()),
                *(f"{flaw.ledger} row {flaw.row}: {flaw.what}" for flaw in found.flaws))
    if found.flaws:
        raise Invalid([Problem(f"{flaw.ledger} row {flaw.row}", "broken_chain", flaw.what) for flaw in found.flaws])


@click.command("sql", cls=Command)
@click.argument("query")
@takes_call
def sql(call: Call, query: str) -> None:
    """Read with SQL. Nothing can be changed this way."""
    _must_read(query)
    with call.store() as store:
        names, rows = _ask(store, query)
    call.answer([dict(zip(names, row, strict=True)) for row in rows],
                "\t".join(names), *("\t".join(map(_cell, row)) for row in rows))


def _must_read(query: str) -> None:
    """One SELECT or WITH. The connection refuses writes too; a second statement could ask it not to."""
    bare = re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"", "''", query).strip().rstrip(";")
    if not re.match(r"(select|with|values|explain)\b", bare, re.IGNORECASE):
        raise BadInput("sql: only reading is allowed: begin with SELECT or WITH")
    if ";" in bare:
        raise BadInput("sql: one statement at a time")
    if found := re.search(r"(?<![:\w]):[a-z_]\w*", bare):
        raise BadInput(f"sql: {found.group()} has no value here: write the value itself")


def _ask(store: Store, query: str) -> tuple[list[str], list[Row]]:
    try:
        return store.table(query)
    except (sqlite3.Error, psycopg.Error) as error:
        raise BadInput(f"sql: {str(error).strip().splitlines()[0]}") from None


def _cell(value: object) -> str:
    return "" if value is None else str(value)


COMMANDS = (init, doctor, backup, verify, sql)
