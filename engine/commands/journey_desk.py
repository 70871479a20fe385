"""`journeys pause`, `drain`, `comment`, `collisions`, …: what is done with journeys that live, and how they look together."""

from __future__ import annotations

from typing import Any

import click

from ..clock import DAY, iso
from ..journeys import comments, comparing, crossing, documents, migrating, picture, reading, versions
from ..loop import watchdog
from .common import Call, Group, takes_call

desk = Group("desk")


@desk.command("pause")
@click.argument("name")
@takes_call
def pause(call: Call, name: str) -> None:
    """Let everybody stand still and nobody enter."""
    _set(call, name, "paused")


@desk.command("resume")
@click.argument("name")
@takes_call
def resume(call: Call, name: str) -> None:
    """Let a paused journey go on."""
    _set(call, name, "live")


@desk.command("drain")
@click.argument("name")
@takes_call
def drain(call: Call, name: str) -> None:
    """Let nobody new in; those inside finish."""
    _set(call, name, "draining")


@desk.command("archive")
@click.argument("name")
@click.option("--let-go", is_flag=True, help="people in it leave now, their queued messages are called off")
@takes_call
def archive(call: Call, name: str, let_go: bool) -> None:
    """Put a journey away that nobody is in any more."""
    if not let_go:
        _set(call, name, "archived")
        return
    with call.store() as store:
        count = migrating.let_go(store, name, by=call.by, now=call.now)
    call.answer({"journey": name, "status": "archived", "leaving": count},
                f"{name}: archived; {count:,} leave at the next tick")


@desk.command("owner")
@click.argument("name")
@click.argument("owner")
@takes_call
def owner_(call: Call, name: str, owner: str) -> None:
    """Say who answers for a journey; "" for nobody."""
    with call.store() as store:
        versions.set_owner(store, name, owner, by=call.by, now=call.now)
    call.answer({"journey": name, "owner": owner or None}, f"{name}: {owner or 'nobody'} answers for it")


@desk.command("comment")
@click.argument("name")
@click.argument("text", required=False)
@click.option("--node", help="the step it is about")
@takes_call
def comment(call: Call, name: str, text: str | None, node: str | None) -> None:
    """Say something about a journey; without a text, list what was said."""
    with call.store() as store:
        if text is not None:
            comments.add(store, name, text, node=node, by=call.by, now=call.now)
        found = comments.list_comments(store, name)
    call.answer(found, *(f"{iso(one.at)} {one.author}{f' on {one.node}' if one.node else ''}: {one.text}"
                         f"{' (dealt with)' if one.resolved_at else ''}" for one in found))


def _set(call: Call, name: str, status: str) -> None:
    with call.store() as store:
        versions.set_status(store, name, status, by=call.by, now=call.now)
    call.answer({"journey": name, "status": status}, f"{name}: {status}")


@desk.command("collisions")
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 365))
@takes_call
def collisions(call: Call, days: int) -> None:
    """Which live journeys reach the same people, and what the caps dropped."""
    with call.store() as store:
        found = crossing.collisions(store, now=call.now, window_s=days * DAY)
        load = crossing.pressure(store, now=call.now, window_s=days * DAY)
    call.answer({"pairs": found, "messages_per_person": load}, *([one.sentence() for one in found] or ["no two meet"]))


@desk.command("map")
@takes_call
def map_(call: Call) -> None:
    """Stages by journeys: people under way, messages of the last 90 days, clicks, and stages that nobody looks after."""
    with call.store() as store:
        cells = crossing.journey_map(store, now=call.now)
    bare = crossing.bare_stages(cells)
    call.answer({"cells": cells, "bare": bare}, *(f"{one.journey}, {one.stage or 'no stage'}: {one.people:,} under way, "
                                                  f"{one.sent:,} sent, {one.clicked:,} clicked" for one in cells),
                f"no journey looks after: {', '.join(bare) or 'none'}")


@desk.command("picture")
@click.argument("name")
@click.option("--as", "form", type=click.Choice(["svg", "mermaid"]), default="svg", show_default=True)
@takes_call
def picture_(call: Call, name: str, form: str) -> None:
    """Print a journey (a file, NAME, NAME@3, NAME@draft) as a picture: SVG, or Mermaid for documents."""
    with call.store() as store:
        document, known = documents.load(comparing.text_of(store, name), name), reading.known(store)
    drawn = picture.svg(document, known) if form == "svg" else picture.mermaid(document, known)
    call.answer({"form": form, "picture": drawn}, drawn.rstrip())


@desk.command("watchdog")
@takes_call
def watchdog_(call: Call) -> None:
    """Who is overdue or waits without an end, how far the runner is behind, and journeys paused for a spike."""
    with call.store() as store:
        found: dict[str, Any] = {"lag": watchdog.lag(store, now=call.now), "overdue": watchdog.overdue(store, now=call.now),
                 "stuck": watchdog.stuck(store, now=call.now), "paused": watchdog.paused_by_watchdog(store)}
    lines = [f"{found['lag'].unheard:,} events not heard yet"]
    lines += [watchdog.sentence(one) for one in (*found["overdue"], *found["stuck"])]
    call.answer(found, *lines, *(f"{name} is paused: {why}" for name, why in found["paused"].items()))
