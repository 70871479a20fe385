"""Settling whether two contacts are one person: what merging them would make, and keeping them apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import audit
from ..access import Actor, require
from ..errors import BadInput
from ..people import consent, contacts
from ..people.duplicates import keep_apart as _keep_apart
from ..store import Store

_SHOWN = ("email", "external_id", "phone", "first_name", "last_name", "account", "time_zone", "locale",
          "preferred_channel", "stage", "owner")


@dataclass(frozen=True)
class Preview:
    """What a merge would make. facts: (field, of the keeper, of the other, afterwards) where either has a value.

    brings: what the other one brings, in counts by word.
    """

    facts: list[tuple[str, Any, Any, Any]]
    brings: dict[str, int]


def preview(store: Store, keeper_id: int, loser_id: int) -> Preview:
    """Side by side, nothing changed. Raises BadInput, NotFound."""
    if keeper_id == loser_id:
        raise BadInput(f"contact {keeper_id} can not be merged with itself")
    keeper, loser = contacts.get(store, keeper_id), contacts.get(store, loser_id)
    facts = [(name, getattr(keeper, name), getattr(loser, name)) for name in _SHOWN]
    facts += [(name, keeper.fields.get(name), loser.fields.get(name)) for name in sorted({*keeper.fields, *loser.fields})]
    rows = [(name, own, other, other if own is None else own) for name, own, other in facts if (own, other) != (None, None)]
    rows += [(f"{channel} consent", *_said(store, keeper_id, loser_id, channel)) for channel in ("email", "sms")
             if any(_said(store, keeper_id, loser_id, channel))]
    brings = {word: int(store.one(f"SELECT COUNT(*) FROM {table} t WHERE t.contact_id = :id", id=loser_id))
              for word, table in (("events", "event"), ("messages", "message"), ("tags", "contact_tag"),
                                  ("lists", "contact_list"), ("deals", "deal_contact"), ("journeys", "enrollment"))}
    return Preview(rows, {word: count for word, count in brings.items() if count})


def _said(store: Store, keeper_id: int, loser_id: int, channel: str) -> tuple[str | None, str | None, str | None]:
    own, other = (consent.state(store, who, channel) for who in (keeper_id, loser_id))
    strictest = max((word for word in (own, other) if word), key=consent.STRICTNESS.index, default=None)
    return own, other, strictest


def keep_apart(store: Store, one: int, other: int, *, by: Actor, now: int) -> None:
    """Two people after all. Raises BadInput: one and the same."""
    require(by, "market")
    if one == other:
        raise BadInput(f"contact {one} is one and the same")
    with store.transaction():
        _keep_apart(store, one, other, now=now)
        audit.record(store, by, "contacts kept apart", f"contact {one}", now=now, other=other)
