"""Templates: save, look at, check and render them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..content import lint, preview, templates
from ..content.templates import Template
from ..errors import BadInput, Problem
from .common import Call, Group, read_json, read_text, takes_call


@click.group("templates", cls=Group)
def group() -> None:
    """What people receive."""


@group.command("save")
@click.argument("name")
@click.argument("file", type=click.Path(allow_dash=True))
@click.option("--subject", help="goes before `subject:` in the head of the file")
@click.option("--preheader", help="the line a mailbox shows behind the subject")
@click.option("--text", "text_file", type=click.Path(allow_dash=True), help="the plain text (else made from the HTML)")
@click.option("--channel", type=click.Choice(templates.CHANNELS), default="email", show_default=True)
@takes_call
def save(call: Call, name: str, file: str, subject: str | None, preheader: str | None, text_file: str | None,
         channel: str) -> None:
    """Keep a template from FILE: HTML, MJML or plain text (.txt, and every SMS). An unchanged one makes no new version."""
    written = read_text(file)
    text = read_text(text_file) if text_file else None
    if Path(file).suffix.lower() == ".txt" and text is None and channel == "email":
        head = templates.read_source(written, name, subject=subject, preheader=preheader)
        written, text, subject, preheader = "", head.markup, head.subject, head.preheader
    with call.store() as store:
        saved = templates.save(store, name, html=written, text=text, subject=subject, preheader=preheader, channel=channel,
                               by=call.by, now=call.now)
        problems = lint.check(store, saved)
    for problem in problems:
        call.note(_line(problem))
    state = "saved as" if saved.changed else "unchanged, still"
    call.answer(_document(saved) | {"problems": problems}, f"{saved.name}: {state} version {saved.version}")


@group.command("list")
@takes_call
def list_(call: Call) -> None:
    """All templates."""
    with call.store() as store:
        found = templates.list_templates(store)
    lines = [f"{item.name}\tversion {item.version}\t{item.channel}\t{item.subject or ''}" for item in found]
    call.answer([_document(item) for item in found], *(lines or ["no templates yet: `templates save NAME FILE`"]))


@group.command("show")
@click.argument("name")
@takes_call
def show(call: Call, name: str) -> None:
    """A template as it was written, with what it became."""
    with call.store() as store:
        found = templates.get(store, name)
    call.answer(found, f"subject: {found.subject or ''}", "", found.source or "")


@group.command("lint")
@click.argument("name")
@takes_call
def lint_(call: Call, name: str) -> int:
    """What is wrong with a template, or will be. Exit code 2 when a message could not be sent."""
    with call.store() as store:
        problems = lint.check(store, templates.get(store, name))
    ok = not lint.errors(problems)
    call.answer({"ok": ok, "problems": problems}, *(map(_line, problems) if problems else [f"{name}: nothing to remark"]))
    return 0 if ok else 2


@group.command("render")
@click.argument("name")
@click.argument("email")
@click.option("--event", "event_json", help="properties of the triggering event, as JSON")
@click.option("--part", type=click.Choice(["text", "html"]), default="text", show_default=True, help="without --json")
@takes_call
def render(call: Call, name: str, email: str, event_json: str | None, part: str) -> None:
    """A template as one contact would get it now. Nothing is sent or counted."""
    event: Any = read_json(event_json, "--event") if event_json else {}
    if not isinstance(event, dict):
        raise BadInput("--event: write a JSON object, for example '{\"product\": \"Boots\"}'")
    with call.store() as store:
        made = preview.render(store, call.config, name, email, event)
    call.answer({"subject": made.subject, "html": made.html, "text": made.text, "links": made.links},
                f"Subject: {made.subject}", "", (made.html if part == "html" else made.text) or "")


def _document(template: Template) -> dict[str, Any]:
    return {"name": template.name, "version": template.version, "version_id": template.version_id,
            "channel": template.channel, "subject": template.subject, "changed": template.changed,
            "source_kind": template.source_kind}


def _line(problem: Problem) -> str:
    return f"{problem.severity}: {problem.where}: {problem.message}"


COMMANDS = (group,)
