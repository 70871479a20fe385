"""Which account an address belongs to, by its domain; addresses of mailbox providers belong to none."""

from __future__ import annotations

from collections.abc import Iterable

from ...store import CHUNK, Store
from .. import domains
from ..lookups import rows_in
from .naming import ensure_many


def linked_to(store: Store, emails: Iterable[str]) -> dict[str, int]:
    """The account of each address by its domain, the closest one; an address without is absent."""
    wanted = {email: domains.candidates(email) for email in emails}
    named = {domain for found in wanted.values() for domain in found}
    if not named or not store.one("SELECT 1 FROM account a WHERE a.domain IS NOT NULL LIMIT 1"):
        return {}
    held: dict[str, int] = {}
    for domain, number in rows_in(store, "SELECT a.domain, a.id FROM account a WHERE a.domain IN ({values}) ORDER BY a.id DESC",
                                  sorted(named)):
        held[domain] = number  # of two with one domain the older one
    found = ((email, next((held[domain] for domain in tried if domain in held), None)) for email, tried in wanted.items())
    return {email: number for email, number in found if number is not None}


def make_for_domains(store: Store, wanted: Iterable[str], *, now: int) -> int:
    """Accounts called like the domain, for domains that no account has; how many."""
    listed = sorted(set(wanted))
    known = {row[0] for row in rows_in(store, "SELECT a.domain FROM account a WHERE a.domain IN ({values})", listed)}
    fresh = [domain for domain in listed if domain not in known]
    for at in range(0, len(fresh), CHUNK):
        with store.transaction():
            ids = ensure_many(store, fresh[at:at + CHUNK], now=now)
            store.run_many("UPDATE account SET domain = :domain WHERE id = :id AND domain IS NULL",
                           [{"id": number, "domain": domain} for domain, number in ids.items()])
    return len(fresh)
