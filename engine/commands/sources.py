"""`pulls` and `hooks`: data that comes by itself, from another database and from other tools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from ..clock import iso, say_duration
from ..errors import BadInput
from ..service import chores as chores_
from ..service import hook_signing
from ..service import hooks as webhooks
from ..service import pulls as pulled
from ..service.hook_presets import PRESETS
from ..service.hooks import Hook
from ..service.pulls import Pull, Ran
from .common import Call, Command, Group, read_json, read_text, takes_call


@click.group("pulls", cls=Group)
def pulls() -> None:
    """Contacts, events or deals from another database (any SQLAlchemy URL), on the runner's timer."""


@pulls.command("save", cls=Command)
@click.argument("name")
@click.option("--kind", type=click.Choice(pulled.KINDS), required=True)
@click.option("--url", "secret", required=True, metavar="NAME",
              help="the NAME of the environment variable (or file in `secrets` beside the database) that holds the URL")
@click.option("--query", required=True, metavar="FILE", help="a file with one SELECT")
@click.option("--column", required=True, metavar="NAME", help="the column of the query that rises, such as updated_at")
@click.option("--every", default="1h", show_default=True, metavar="DURATION")
@click.option("--map", "maps", multiple=True, metavar="COLUMN=FIELD", help="as for `import`")
@click.option("--list", "list_name", metavar="NAME", help="put contacts on a list")
@click.option("--consent", "consents", multiple=True, metavar="email:subscribed:SOURCE", help="what everybody agreed to")
@click.option("--live", is_flag=True, help="events wake journeys (default: they are history)")
@click.option("--dates", type=click.Choice(["dmy", "mdy"]), help="whether dates as text begin with the day or the month")
@takes_call
def save_pull(call: Call, name: str, kind: str, secret: str, query: str, column: str, every: str, maps: tuple[str, ...],
              list_name: str | None, consents: tuple[str, ...], live: bool, dates: str | None) -> None:
    """Make a pull, or change it; try it with `pulls run NAME --dry-run`."""
    settings = {"maps": list(maps), "list": list_name, "consent": list(consents), "live": live, "dates": dates}
    with call.store() as store:
        made = pulled.save(store, name, kind=kind, secret=secret, query=read_text(query), column=column, every=every,
                           settings={key: value for key, value in settings.items() if value}, by=call.by, now=call.now)
    call.answer(_shown(made), _line(made))


@pulls.command("list", cls=Command)
@takes_call
def list_pulls(call: Call) -> None:
    """Every pull: how far it has come, when it runs next, what the last run did."""
    with call.store() as store:
        found = pulled.list_pulls(store)
    call.answer([_shown(one) for one in found], *[_line(one) for one in found] or ["no pulls yet: `pulls save`"])


@pulls.command("run", cls=Command)
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="read the first part, say what it would do, change nothing")
@takes_call
def run_pull(call: Call, name: str, dry_run: bool) -> int:
    """Pull now. Exit 2 when the other database did not answer as it should."""
    with call.store() as store:
        done = pulled.run(store, call.config, name, by=call.by, now=call.now, dry_run=dry_run)
    call.answer(done, _ran(done))
    if done.problem:
        call.note(f"error: {done.problem}")
    return 2 if done.problem else 0


@pulls.command("errors", cls=Command)
@click.argument("name")
@click.option("--limit", default=100, show_default=True)
@takes_call
def pull_errors(call: Call, name: str, limit: int) -> None:
    """Rows that could not be taken, the newest first."""
    with call.store() as store:
        found = pulled.errors(store, name, limit=limit)
    call.answer(found, *[f"{iso(one.at)} {one.column or 'row'}: {one.message}" for one in found] or ["no row was refused"])


@pulls.command("rewind", cls=Command)
@click.argument("name")
@takes_call
def rewind(call: Call, name: str) -> None:
    """Read everything again with the next run; what is known already stays as it is."""
    with call.store() as store:
        found = pulled.rewind(store, name, by=call.by, now=call.now)
    call.answer(_shown(found), _line(found))


@pulls.command("switch", cls=Command)
@click.argument("name")
@click.argument("state", type=click.Choice(["on", "off"]))
@takes_call
def switch(call: Call, name: str, state: str) -> None:
    """Let the runner pull, or not."""
    with call.store() as store:
        found = pulled.switch(store, name, state == "on", by=call.by, now=call.now)
    call.answer(_shown(found), _line(found))


def _signs(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how a tool signs."""
    for option in (
        click.option("--scheme", type=click.Choice(list(hook_signing.SCHEMES)), help="how the tool signs what it posts"),
        click.option("--secret", "secrets", multiple=True, metavar="NAME",
                     help="the NAME of the environment variable (or file in `secrets` beside the database) that holds it"),
        click.option("--header", metavar="NAME", help="for the scheme hmac: where the signature stands"),
        click.option("--code", type=click.Choice(hook_signing.CODES), help="for the scheme hmac (default: hex)"),
        click.option("--prefix", metavar="TEXT", help="for the scheme hmac: what stands before it, such as sha256="),
    ):
        command = option(command)
    return command


def _signing(scheme: str | None, secrets: tuple[str, ...], **own: str | None) -> dict[str, Any] | None:
    said = {key: value for key, value in own.items() if value is not None}
    if scheme is None:
        if secrets or said:
            raise BadInput(f"--scheme: say how the tool signs: one of {', '.join(hook_signing.SCHEMES)}")
        return None
    return {"scheme": scheme, "secrets": list(secrets)} | said


def _hook(call: Call, one: Hook) -> dict[str, Any]:
    return {"name": one.name, "mapping": one.mapping, "created_at": iso(one.created_at), "revoked_at": iso(one.revoked_at),
            "signing": one.signing, "problem": hook_signing.trouble(one.signing, call.config.database_url)}


def _hook_line(call: Call, one: Hook) -> str:
    problem = hook_signing.trouble(one.signing, call.config.database_url)
    return (one.name + (" (revoked)" if one.revoked_at else "") + f": {hook_signing.describe(one.signing)}"
            + (f". {problem}" if problem else ""))


@click.group("hooks", cls=Group)
def hooks() -> None:
    """URLs that other tools post JSON to, each with a mapping to contacts and events."""


@hooks.command("save", cls=Command)
@click.argument("name")
@click.argument("mapping", metavar="FILE")
@click.option("--sample", metavar="FILE", help="a payload as the tool sends it, to look at and to try the mapping with")
@_signs
@takes_call
def save_hook(call: Call, name: str, mapping: str, sample: str | None, **signs: Any) -> None:
    """Make a webhook, or change its mapping. The URL of a new one is shown this once."""
    document = read_json(read_text(mapping), mapping)
    with call.store() as store:
        key = webhooks.save(store, name, document, sample=read_text(sample) if sample else None, signing=_signing(**signs),
                            by=call.by, now=call.now)
        url = f"{call.config.public_url}{webhooks.PATH}{key}" if key else None
    call.answer({"name": name, "url": url}, f"post to {url} (shown this once)" if url else f"{name}: the mapping is changed")


@hooks.command("sign", cls=Command)
@click.argument("name")
@click.option("--off", is_flag=True, help="who knows the URL may post")
@_signs
@takes_call
def sign_hook(call: Call, name: str, off: bool, **signs: Any) -> None:
    """Say how the tool signs: anything else is refused. Of two secrets either is taken, while one replaces the other."""
    signing = _signing(**signs)
    if off == (signing is not None):
        raise BadInput("--scheme or --off: say how the tool signs, or that it does not")
    with call.store() as store:
        hook = webhooks.sign(store, name, signing, by=call.by, now=call.now)
    call.answer(_hook(call, hook), _hook_line(call, hook))


@hooks.command("try", cls=Command)
@click.argument("name")
@click.option("--payload", metavar="FILE", help="(default: the sample that was saved with it)")
@click.option("--mapping", metavar="FILE", help="another mapping, to look before it is saved")
@takes_call
def try_hook(call: Call, name: str, payload: str | None, mapping: str | None) -> None:
    """What a payload would come to; nothing is changed."""
    with call.store() as store:
        hook = webhooks.get(store, name)
        text = read_text(payload) if payload else hook.sample or "{}"
        document = read_json(read_text(mapping), mapping) if mapping else hook.mapping
        done = webhooks.try_out(store, document, text, name=name, now=call.now)
        fresh = webhooks.new_fields(store, document)
    items = [{"kind": one.kind, **one.payload} for one in done.items]
    call.answer({"items": items, "errors": done.faults, "new_fields": fresh}, *done.said,
                *([f"new fields: {', '.join(fresh)}"] if fresh else []))


@hooks.command("presets", cls=Command)
@click.argument("preset", required=False, type=click.Choice(list(PRESETS)))
@takes_call
def presets(call: Call, preset: str | None) -> None:
    """Mappings to begin with; with a name: the mapping itself, for a file."""
    if preset is None:
        call.answer({key: one.title for key, one in PRESETS.items()}, *(f"{key}: {one.title}" for key, one in PRESETS.items()))
    else:
        call.answer(PRESETS[preset].mapping)


@hooks.command("list", cls=Command)
@takes_call
def list_hooks(call: Call) -> None:
    """Every webhook and its mapping."""
    with call.store() as store:
        found = webhooks.list_hooks(store)
    call.answer([_hook(call, one) for one in found],
                *[_hook_line(call, one) for one in found] or ["no webhooks yet: `hooks save`"])


@hooks.command("errors", cls=Command)
@click.argument("name")
@takes_call
def hook_errors(call: Call, name: str) -> None:
    """What came by it and could not be used, the newest first."""
    with call.store() as store:
        found = webhooks.faults(store, webhooks.get(store, name).name)
    call.answer([one | {"at": iso(one["at"])} for one in found],
                *[f"{iso(one['at'])} {one['reason']}" for one in found] or ["nothing was refused"])


@hooks.command("revoke", cls=Command)
@click.argument("name")
@takes_call
def revoke_hook(call: Call, name: str) -> None:
    """Its URL works no longer."""
    with call.store() as store:
        webhooks.revoke(store, name, by=call.by, now=call.now)
    call.answer({"revoked": name}, f"{name} is revoked")


@click.command("chores", cls=Command)
@takes_call
def chores(call: Call) -> None:
    """What the runner does beside ticking, now: pulls that are due, and once a day what is thrown away."""
    with call.store() as store:
        done = chores_.run_due(store, call.config, now=call.now)
    call.answer(done, *[_ran(one) for one in done.pulled],
                *[f"{one.kind}: {one.count:,} thrown away" for one in done.swept or ()],
                *([f"{done.lapsed.questions:,} questions without an answer ended"] if done.lapsed else []))


def _shown(one: Pull) -> dict[str, Any]:
    return {"name": one.name, "kind": one.kind, "url": one.secret, "column": one.column, "every": say_duration(one.every_s),
            "state": one.state, "watermark": one.watermark, "next_at": iso(one.next_at), "last_at": iso(one.last_at),
            "last": one.last, "settings": one.settings, "query": one.query}


def _line(one: Pull) -> str:
    problem = (one.last or {}).get("problem")
    return (f"{one.name}: {one.kind} from {one.secret} every {say_duration(one.every_s)}, {one.state}, "
            f"next {iso(one.next_at)}" + (f"; last run failed: {problem}" if problem else ""))


def _ran(done: Ran) -> str:
    return (f"{done.name}: {done.read:,} rows read, {done.created:,} created, {done.updated:,} updated, "
            f"{done.unchanged:,} unchanged, {done.errors:,} in error")


COMMANDS = (pulls, hooks, chores)
