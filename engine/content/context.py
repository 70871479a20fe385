"""What a template knows about its reader: the contact and account as they are now, the triggering event, the sender."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from zoneinfo import available_timezones

from ..access import setting
from ..config import Config
from ..people import accounts, fields
from ..store import Store
from .language import Facts, facts, moment

ALSO_CONTACT = ("id", "name", "account", "fit_score", "engagement_score")
SENDER = ("name", "email", "company", "postal_address", "website")
_LOOKUP = 500  # ids per look-up: below every limit on bound values
_ZONES = frozenset(available_timezones())


class Readers:
    """Contacts ready for templates, a few hundred at a time. Reads the field catalogue once: make one per batch."""

    def __init__(self, store: Store, config: Config) -> None:
        self._store = store
        self._zone = config.default_zone
        self._fields = fields.catalogue(store)
        self._values = [(key, field.column, _as_value(field)) for key, field in self._fields.items()]
        self._company = [(key, field.column, _as_value(field)) for key, field in accounts.catalogue(store).items()]
        self._sender = facts("sender", sender(store, config))

    def load(self, contact_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """The context of each contact that exists: contact, account, sender."""
        wanted = sorted(set(contact_ids))
        found: dict[int, dict[str, Any]] = {}
        for at in range(0, len(wanted), _LOOKUP):
            found |= {row["id"]: self._context(row) for row in self._rows(wanted[at:at + _LOOKUP])}
        return found

    def _rows(self, ids: Sequence[int]) -> list[dict[str, Any]]:
        size = 1 << (len(ids) - 1).bit_length()  # few different statements, so that their plans are kept
        bound = {f"i{at}": ids[min(at, len(ids) - 1)] for at in range(size)}
        account = ", ".join(f"a.{column} AS account_{column}" for column in ("name", *(one[1] for one in self._company)))
        return self._store.records(
            f"SELECT c.*, {account} FROM contact c LEFT JOIN account a ON a.id = c.account_id "
            f"WHERE c.id IN ({', '.join(':' + name for name in bound)})", **bound)

    def _context(self, row: dict[str, Any]) -> dict[str, Any]:
        zone = row["time_zone"] if row["time_zone"] in _ZONES else self._zone
        contact = {key: None if (value := row.get(column)) is None else shown(value, zone)
                   for key, column, shown in self._values}
        contact |= {"id": row["id"], "account": row["account_name"], "fit_score": row["fit_score"],
                    "engagement_score": row["engagement_score"],
                    "name": " ".join(filter(None, (row["first_name"], row["last_name"]))) or None}
        account = {key: None if (value := row[f"account_{column}"]) is None else shown(value, zone)
                   for key, column, shown in self._company} | {"name": row["account_name"]}
        return {"contact": facts("contact", contact), "account": facts("account", account), "sender": self._sender}


def sender(store: Store, config: Config) -> dict[str, Any]:
    """Who we are: the workspace setting `sender`, name and address from MAIL_FROM."""
    name, address = split_mailbox(config.mail_from or "")
    known = dict.fromkeys(SENDER) | {"name": name or None, "email": address or None}
    return known | {key: value for key, value in setting(store, "sender", {}).items() if value}


def split_mailbox(text: str) -> tuple[str, str]:
    """Name and address of `Name <address>` or a bare address."""
    found = re.fullmatch(r"(.*)<([^<>]*)>", text.strip(), re.DOTALL)
    return (found.group(1).strip().strip('"'), found.group(2).strip()) if found else ("", text.strip())


def trigger(props: str | Mapping[str, Any] | None) -> dict[str, Facts]:
    """The properties of the event that brought the contact here, as `trigger` and as `event`."""
    values = json.loads(props) if isinstance(props, str) else props
    held = values if isinstance(values, Mapping) else {}
    return {name: facts(name, held) for name in ("event", "trigger")}


def _as_value(field: fields.Field) -> Callable[[Any, str], Any]:
    if field.kind in ("date", "datetime"):
        return lambda value, zone: moment(int(value), zone, day=field.kind == "date")
    if field.kind == "bool":
        return lambda value, _: bool(value)
    if field.kind == "list":
        return lambda value, _: json.loads(value)
    if field.kind == "number":
        return lambda value, _: int(value) if float(value).is_integer() else value
    return lambda value, _: value
