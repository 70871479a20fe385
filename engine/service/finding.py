"""One box for everything: people by the words of their names, things by a part of theirs."""

from __future__ import annotations

from dataclasses import dataclass

from ..people.lookups import rows_in
from ..sql import fold
from ..store import Store

MOST_PEOPLE, MOST_THINGS = 8, 5  # of each kind
_THINGS = (("journey", "j.name, j.name, j.status", "journey j", "j.key"),
           ("template", "t.name, t.name, t.channel", "template t", "t.archived_at IS NULL AND t.key"),
           ("segment", "s.name, s.name, s.sentence", "segment s", "s.key"),
           ("campaign", "c.name, c.name, COALESCE(c.goal, '')", "campaign c", "c.key"))


@dataclass(frozen=True)
class Hit:
    """Something found. key: what its page's address says. words: what else there is to know of it."""

    kind: str
    key: str
    name: str
    words: str


def search(store: Store, text: str) -> list[Hit]:
    """People first, then journeys, templates, segments and campaigns whose name holds the text."""
    words = " ".join(text.split())[:200]
    return [*_people(store, words), *_things(store, words)] if words else []


def _people(store: Store, words: str) -> list[Hit]:
    ids = store.search(words, MOST_PEOPLE)
    rows = {row[0]: row for row in rows_in(store, """SELECT c.id, c.first_name, c.last_name, c.email, c.external_id, a.name
        FROM contact c LEFT JOIN account a ON a.id = c.account_id WHERE c.anonymous = 0 AND c.id IN ({values})""", ids)}
    return [_person(*rows[one]) for one in ids if one in rows]


def _person(number: int, first: str | None, last: str | None, email: str | None, own: str | None, company: str | None) -> Hit:
    name = " ".join(filter(None, (first, last)))
    address = email or own or f"contact {number}"
    return Hit("contact", str(number), name or address, ", ".join(filter(None, (address if name else None, company))))


def _things(store: Store, words: str) -> list[Hit]:
    pattern = f"%{fold(words).replace(chr(92), chr(92) * 2).replace('%', chr(92) + '%').replace('_', chr(92) + '_')}%"
    return [Hit(kind, *row) for kind, columns, table, key in _THINGS for row in store.rows(
        f"SELECT {columns} FROM {table} WHERE {key} LIKE :pattern ESCAPE '\\' ORDER BY {key.rpartition(' ')[2]} LIMIT :most",
        pattern=pattern, most=MOST_THINGS)]
