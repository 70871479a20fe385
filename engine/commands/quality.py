"""`quality` and `validate`: what is wrong with contacts and addresses, and what can be done about it."""

from __future__ import annotations

from dataclasses import asdict

import click

from ..people.addresses import Verdict, judge
from ..service import quality as looking
from .common import Call, Command, Group, takes_call


@click.group("quality", cls=Group)
def quality() -> None:
    """What is wrong with whom, in counts; fixes that can be undone."""


@quality.command("show", cls=Command)
@takes_call
def show(call: Call) -> None:
    """Look at everybody, and keep the counts of today."""
    with call.store() as store:
        found = looking.measure(store, now=call.now)
    call.answer({"contacts": found.total, "clean": found.clean, "findings": [
        {"kind": one.kind.key, "count": one.count, "sentence": one.sentence, "advice": one.kind.advice,
         "fixable": one.kind.fix is not None, "contacts": one.ids[:20]} for one in found.found]},
        f"{found.clean:,} of {found.total:,} contacts have no fault", *(f"{one.sentence}. {one.kind.advice}."
                                                                       for one in found.found))


@quality.command("fix", cls=Command)
@click.argument("kind", metavar="slip|phone|no_zone")
@click.option("--region", metavar="DE", help="the country of phone numbers that do not say theirs")
@takes_call
def fix(call: Call, kind: str, region: str | None) -> None:
    """Fix everybody with a finding. `import undo NUMBER` takes it back."""
    with call.store() as store:
        done = looking.fix(store, kind, region=region, by=call.by, now=call.now)
    call.answer(asdict(done), f"{done.fixed:,} fixed, {done.left:,} left" +
                (f"; undo with: import undo {done.batch}" if done.batch else ""))


@quality.command("history", cls=Command)
@takes_call
def history(call: Call) -> None:
    """The counts of each day on which somebody looked."""
    with call.store() as store:
        frame = looking.history(store)
    call.answer(frame.to_dict("records"), frame.to_string(index=False))


@click.group("validate", cls=Group)
def validate() -> None:
    """Check what somebody typed, without asking anybody."""


@validate.command("email", cls=Command)
@click.argument("addresses", metavar="ADDRESS", nargs=-1, required=True)
@takes_call
def email(call: Call, addresses: tuple[str, ...]) -> None:
    """Syntax, addresses of a function, addresses to throw away, and what was probably meant."""
    verdicts = [judge(address) for address in addresses]
    call.answer([asdict(one) | {"ok": one.ok} for one in verdicts], *(_words(one) for one in verdicts))


def _words(one: Verdict) -> str:
    notes = [one.reason, "belongs to a function, not to a person" if one.role else None,
             "made to be thrown away" if one.disposable else None,
             f"did you mean {one.suggestion}?" if one.suggestion else None]
    return f"{one.given}: {'; '.join(note for note in notes if note) or 'nothing wrong'}"


COMMANDS = (quality, validate)
