"""A small company for the tests of measure: rows straight into the tables, nothing of the other rooms."""

from __future__ import annotations

import itertools
import json
from typing import Any

from engine.clock import DAY
from engine.store import Store

NOW = 1_790_000_000
CLOSE = NOW - 10 * DAY
_numbers = itertools.count(1)


def day(before_close: float) -> int:
    return CLOSE - round(before_close * DAY)


class World:
    def __init__(self, store: Store) -> None:
        self.store = store

    def insert(self, table: str, **values: Any) -> int:
        with self.store.transaction():
            self.store.insert_many(table, [values])
        return int(self.store.one(f"SELECT MAX(x.id) FROM {table} x"))

    def contact(self, name: str, created_at: int = 0, **values: Any) -> int:
        return self.insert("contact", email=f"{name}@example.com", hash31=1, created_at=created_at, updated_at=created_at,
                           **values)

    def campaign(self, name: str, utm_name: str | None = None) -> int:
        return self.insert("campaign", key=name.lower(), name=name, utm_name=utm_name, created_at=0)

    def message(self, contact_id: int, campaign_id: int | None, sent_at: int = 0, channel: str = "email") -> int:
        return self.insert("message", contact_id=contact_id, channel=channel, template_id=1, campaign_id=campaign_id,
                           status="sent", created_at=sent_at, due_at=sent_at, sent_at=sent_at)

    def event(self, contact_id: int, name: str, at: int, message_id: int | None = None, verdict: str | None = None,
              value_minor: int | None = None, currency: str | None = None, **props: Any) -> int:
        return self.insert("event", contact_id=contact_id, name=name, occurred_at=at, received_at=at,
                           props=json.dumps(props), dedupe_key=f"k{next(_numbers)}", source="test", message_id=message_id,
                           verdict=verdict, value_minor=value_minor, currency=currency)

    def event_of(self, contact_id: int, page: str, at: int, verdict: str | None = None) -> int:
        """A visit of a page, known by its path."""
        return self.insert("event", contact_id=contact_id, name="page_view", object=page, occurred_at=at, received_at=at,
                           props="{}", dedupe_key=f"k{next(_numbers)}", source="test", verdict=verdict)

    def deal(self, contacts: list[int], amount_minor: int | None, closed_at: int = CLOSE, won: int = 1,
             currency: str | None = "EUR", source_campaign: str | None = None) -> int:
        made = self.insert("deal", deal_id=f"d{next(_numbers)}", amount_minor=amount_minor, currency=currency,
                           created_at=closed_at, closed_at=closed_at, won=won, source_campaign=source_campaign,
                           updated_at=closed_at)
        with self.store.transaction():
            self.store.insert_many("deal_contact", [{"deal_id": made, "contact_id": one} for one in contacts])
        return made

    def stage(self, contact_id: int, old: str | None, new: str, at: int) -> None:
        self.insert("contact_change", contact_id=contact_id, kind="stage", name="stage", old=old, new=new, at=at,
                    source="test")
