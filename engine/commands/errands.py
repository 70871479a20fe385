"""What journeys carry out of the house besides messages, and what they ask colleagues."""

from __future__ import annotations

import click

from .. import clock
from ..journeys import approving
from ..outreach import errand_runs, errands
from .common import Call, Group, takes_call


@click.group("errands", cls=Group)
def group() -> None:
    """Webhooks and notices to our own people, and what became of them."""


@group.command("list")
@click.option("--status", type=click.Choice(errands.STATUSES))
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@takes_call
def list_(call: Call, status: str | None, limit: int) -> None:
    """The newest errands first."""
    with call.store() as store:
        found = errands.list_errands(store, status=status, limit=limit)
    call.answer([vars(one) | {name: clock.iso(getattr(one, name)) for name in ("created_at", "due_at", "done_at")}
                 for one in found], *([_line(one) for one in found] or ["no errands"]))


@group.command("retry")
@click.argument("errand_ids", type=int, nargs=-1, required=True)
@takes_call
def retry(call: Call, errand_ids: tuple[int, ...]) -> None:
    """Try dead and unknown errands again from the start."""
    with call.store() as store:
        done = errands.retry(store, errand_ids, by=call.by, now=call.now)
    call.answer({"retried": done, "ids": errand_ids}, f"{done} queued again")


@group.command("secret")
@takes_call
def secret(call: Call) -> None:
    """The key with which receivers check the signature of a webhook."""
    found = errand_runs.secret_of(call.config.secret)
    call.answer({"secret": found}, found)


@group.command("allow")
@click.argument("host")
@click.option("--remove", is_flag=True, help="no more")
@takes_call
def allow(call: Call, host: str, remove: bool) -> None:
    """Let webhooks call a host of the own network, which is refused otherwise."""
    with call.store() as store:
        names = errand_runs.allow(store, host, by=call.by, now=call.now, remove=remove)
    call.answer({"hosts": names}, *(names or ["no host of the own network may be called"]))


@click.group("approvals", cls=Group)
def approvals() -> None:
    """What journeys ask colleagues: yes or no."""


@approvals.command("list")
@takes_call
def pending(call: Call) -> None:
    """Questions without an answer, the oldest first."""
    with call.store() as store:
        found = approving.pending(store)
    call.answer([vars(one) | {"since": clock.iso(one.since), "due_at": clock.iso(one.due_at)} for one in found],
                *([f"{one.who}\t{one.journey}\t{one.node}\t{one.question}" for one in found] or ["nobody asks anything"]))


@approvals.command("answer")
@click.argument("who", metavar="EMAIL")
@click.argument("journey")
@click.argument("answer", type=click.Choice(["yes", "no"]))
@click.option("--node", help="the step that asks, where there are several")
@click.option("--note", default="", help="why")
@takes_call
def answer(call: Call, who: str, journey: str, answer: str, node: str | None, note: str) -> None:
    """Answer what a journey asks about a contact."""
    with call.store() as store:
        one = approving.find_pending(store, who, journey, node)
        approving.decide(store, one, answer == "yes", note, by=call.by, now=call.now)
    call.answer({"contact": one.who, "journey": one.journey, "node": one.node, "answer": answer},
                f"{one.question} {answer}: {one.who}")


def _line(one: errands.Errand) -> str:
    when = clock.iso(one.done_at or one.due_at)
    return f"{one.id}\t{when}\t{one.kind}\t{one.status}\t{one.target}\t{one.contact or '-'}\t{one.detail or ''}"


COMMANDS = (group, approvals)
