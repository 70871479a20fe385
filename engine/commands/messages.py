"""Messages: what was to be sent, what became of it, and why not."""

from __future__ import annotations

import click

from .. import clock
from ..outreach import limits, messages
from ..outreach.messages import Message
from ..people import consent, contacts
from .common import Call, Group, takes_call


@click.group("messages", cls=Group)
def group() -> None:
    """Every intended send and what became of it."""


@group.command("list")
@click.option("--contact", "who", help="e-mail address or external id")
@click.option("--status", type=click.Choice([*messages.OPEN, *messages.TERMINAL]))
@click.option("--journey", help="its name")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@takes_call
def list_(call: Call, who: str | None, status: str | None, journey: str | None, limit: int) -> None:
    """The newest messages first."""
    with call.store() as store:
        contact_id = contacts.must_find(store, who) if who else None
        found = messages.list_messages(store, contact_id=contact_id, status=status, journey=journey, limit=limit)
    call.answer([document(item) for item in found], *(map(_line, found) if found else ["no messages"]))


@group.command("show")
@click.argument("message_id", type=int)
@takes_call
def show(call: Call, message_id: int) -> None:
    """One message with what was really sent, and what the contact had agreed to by then."""
    with call.store() as store:
        found, copy = messages.get(store, message_id), messages.find_copy(store, message_id)
        at = found.sent_at or call.now
        said = {topic or "any topic": consent.state(store, found.contact_id, found.channel, topic, at)
                for topic in dict.fromkeys(("", found.topic))}
    lines = [_line(found), *([found.detail] if found.detail else []),
             f"consent {'at the send' if found.sent_at else 'now'}: "
             + ", ".join(f"{state or 'none'} ({topic})" for topic, state in said.items())]
    if copy:
        head = ["", f"Subject: {copy.subject or ''}"] if found.channel == "email" else []
        lines += [*head, "", copy.text or copy.html or ""]
    call.answer(document(found) | {"copy": copy, "consent": said}, *lines)


@group.command("requeue")
@click.argument("message_ids", type=int, nargs=-1, required=True)
@takes_call
def requeue(call: Call, message_ids: tuple[int, ...]) -> None:
    """Queue messages again that are unknown, failed or skipped. They pass consent, suppression and caps again."""
    with call.store() as store:
        done = messages.requeue(store, message_ids, by=call.by, now=call.now)
    call.answer({"requeued": done, "ids": message_ids}, f"{done} queued again")


def document(message: Message) -> dict[str, object]:
    """A message for `--json`: times in ISO 8601, the reason also in words."""
    times = {name: clock.iso(getattr(message, name)) for name in ("created_at", "due_at", "admitted_at", "sent_at")}
    return {**vars(message), **times, "sentence": limits.REASONS.get(message.reason or "")}


def _line(message: Message) -> str:
    why = f" ({message.reason})" if message.reason else ""
    when = clock.iso(message.sent_at or message.due_at)
    to = (message.email if message.channel == "email" else f"{message.channel} {message.address or message.email or ''}") or "-"
    return f"{message.id}\t{when}\t{message.status}{why}\t{message.template}\t{to}\t{message.journey or '-'}"


COMMANDS = (group,)
