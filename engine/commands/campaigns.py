"""Campaigns: the labels under which sends, costs and revenue are counted."""

from __future__ import annotations

import click

from .. import clock
from ..outreach import campaigns
from .common import Call, Group, takes_call


@click.group("campaigns", cls=Group)
def group() -> None:
    """Labels under which sends, costs and revenue are counted."""


@group.command("list")
@takes_call
def list_(call: Call) -> None:
    """All campaigns with what they planned and sent."""
    with call.store() as store:
        found = campaigns.list_campaigns(store)
    documents = [{**vars(item), **{name: clock.iso(getattr(item, name)) for name in ("starts_at", "ends_at", "created_at")}}
                 for item in found]
    lines = [f"{item.name}\t{item.sent_count} sent of {item.messages_count}\t{item.owner or '-'}" for item in found]
    call.answer(documents, *(lines or ["no campaigns yet: a journey with `campaign:` makes one"]))


@group.command("make")
@click.argument("name")
@takes_call
def make(call: Call, name: str) -> None:
    """Make a campaign, or find the one of this name."""
    with call.store() as store:
        campaign_id = campaigns.ensure(store, name, by=call.by, now=call.now)
    call.answer({"id": campaign_id, "name": name}, f"campaign {name}: {campaign_id}")


COMMANDS = (group,)
