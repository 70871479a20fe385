"""What names a person in things that have not been understood yet: items of the inbox, refusals, rows of a pull."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..store import Store

_OUTSIDE_IDS = frozenset({"external_id", "externalid", "userid", "user_id", "previousid", "previous_id"})
_VISITORS = frozenset({"anonymous_id", "anonymousid"})
_LONG = 8  # an id of this length is looked for anywhere; a shorter one could be anything


@dataclass(frozen=True)
class Traces:
    """The names of one contact."""

    contact_id: int
    addresses: frozenset[str]
    external_ids: frozenset[str]
    visitors: frozenset[str]
    message_ids: frozenset[int]

    def are_in(self, document: Any) -> bool:
        """Whether a document speaks of the person: an address anywhere in it, an id where ids stand."""
        return any(self._named(key, value) for key, value in _leaves("", document))

    def _named(self, key: str, value: Any) -> bool:
        if isinstance(value, int) and not isinstance(value, bool):
            return (key == "contact_id" and value == self.contact_id) or (key == "message_id" and value in self.message_ids)
        word = value.strip().lower() if isinstance(value, str) else ""
        if not word:
            return False
        return (any(address in word for address in self.addresses)
                or (word in self.external_ids and (key in _OUTSIDE_IDS or len(word) >= _LONG))
                or (word in self.visitors and (key in _VISITORS or len(word) >= _LONG)))


def traces_of(store: Store, contact_id: int) -> Traces:
    """The names that a contact has now."""
    found: dict[str, set[str]] = {}
    for kind, value in store.rows("SELECT i.kind, i.value FROM identifier i WHERE i.contact_id = :id", id=contact_id):
        found.setdefault(kind, set()).add(str(value).lower())
    messages = store.rows("SELECT m.id FROM message m WHERE m.contact_id = :id", id=contact_id)
    return Traces(contact_id, frozenset(found.get("email", set()) | found.get("phone", set())),
                  frozenset(found.get("external_id", ())), frozenset(found.get("anonymous_id", ())),
                  frozenset(row[0] for row in messages))


def _leaves(key: str, document: Any) -> Iterator[tuple[str, Any]]:
    waiting = [(key, document)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(str(inner).lower(), item) for inner, item in value.items()]
        elif isinstance(value, list):
            waiting += [(name, item) for item in value]
        else:
            yield name, value
