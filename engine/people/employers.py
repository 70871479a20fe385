"""People and their companies: linked by the domain of the address, by hand, and what they are to a decision there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import audit
from ..access import Actor, require
from ..errors import Conflict
from ..store import CHUNK, Store
from . import accounts, contacts, dirty, domains

SOURCE = "link by domain"
_LOOSE = "c.account_id IS NULL AND c.anonymous = 0 AND c.email IS NOT NULL"


@dataclass(frozen=True)
class Linked:
    """What linking everybody did: accounts made, people linked, and who stays without one and why (counts by reason)."""

    made: int
    people: int
    left: dict[str, int]


def edit(store: Store, account_id: int, values: Mapping[str, Any], *, by: Actor, now: int) -> int:
    """Change facts of an account: field → text or value, '' empties it; how many people came to it by a new domain.

    Raises BadInput: no such field, or not a value of it. Conflict: the domain belongs to another account.
    """
    require(by, "sell")
    facts = accounts.read_facts(accounts.catalogue(store), values)
    with store.transaction():
        store.serialize("contact")
        domain = facts.get("domain")
        other = domain and store.one("SELECT a.name FROM account a WHERE a.domain = :domain AND a.id <> :id LIMIT 1",
                                     domain=domain, id=account_id)
        if other:
            raise Conflict(f"{domain} is the domain of {other}: take it away there first")
        accounts.save_facts(store, [{"id": account_id, **facts}], now=now)
        came = _come(store, account_id, domain, now) if domain else 0
        audit.record(store, by, "company changed", f"account {account_id}", now=now, fields=sorted(facts))
    return came


def link(store: Store, *, create: bool = False, at_least: int = 1, by: Actor, now: int) -> Linked:
    """Link everybody without a company by the domain of their address.

    create: domains that no account has, with `at_least` people, become accounts called like the domain.
    """
    require(by, "market")
    loose = [(who, email) for part in store.stream(f"SELECT c.id, c.email FROM contact c WHERE {_LOOSE} ORDER BY c.id")
             for who, email in part]
    there = Counter(tried[0] for _, email in loose if (tried := domains.candidates(email)))
    wanted = [one for one, count in there.items() if create and count >= at_least]
    made = accounts.make_for_domains(store, wanted, now=now)
    left: Counter[str] = Counter()
    people = 0
    for at in range(0, len(loose), CHUNK):
        part = loose[at:at + CHUNK]
        found = accounts.linked_to(store, [email for _, email in part])
        with store.transaction():
            people += _move(store, [(who, found[email]) for who, email in part if email in found], now)
        left.update("no company has the domain" if domains.employer(email) else "address of a mailbox provider"
                    for _, email in part if email not in found)
    with store.transaction():
        audit.record(store, by, "companies linked", "workspace", now=now, made=made, people=people)
    return Linked(made, people, dict(left))


def set_roles(store: Store, contact_id: int, roles: Sequence[str], *, by: Actor, now: int) -> tuple[str, ...]:
    """Say what somebody is to the buying decision of their company; the roles they have now. Raises BadInput: no such role;
    Conflict: belongs to no company."""
    require(by, "sell")
    wanted = tuple(dict.fromkeys(accounts.check_role(role) for role in roles))
    with store.transaction():
        store.serialize("contact")
        if wanted and not store.one("SELECT c.account_id FROM contact c WHERE c.id = :id", id=contact_id):
            raise Conflict("this contact belongs to no company: give it one first, then a role there")
        changes = accounts.write_roles(store, contact_id, wanted, now=now)
        contacts.load_changes(store, [{"contact_id": contact_id, "kind": "role", "name": role, "old": old, "new": new,
                                       "at": now, "source": by.name} for role, old, new in changes])
        dirty.mark(store, [contact_id] if changes else [])
        if changes:
            audit.record(store, by, "buying roles", f"contact {contact_id}", now=now, roles=list(wanted))
    return wanted


def bring(store: Store, domains_: Mapping[int, str], *, now: int) -> int:
    """People without a company who write from the domain of an account (account → domain), or from below it, come to it; how
    many. Needs a transaction."""
    return sum(_come(store, number, domain, now) for number, domain in domains_.items())


def _come(store: Store, account_id: int, domain: str, now: int) -> int:
    near = store.rows(f"SELECT c.id, c.email FROM contact c WHERE {_LOOSE} AND (c.email LIKE :own OR c.email LIKE :below)",
                      own=f"%@{domain}", below=f"%@%.{domain}")
    found = accounts.linked_to(store, [email for _, email in near])
    return _move(store, [(who, account_id) for who, email in near if found.get(email) == account_id], now)


def _move(store: Store, pairs: Sequence[tuple[int, int]], now: int) -> int:
    saved = contacts.upsert_many(store, [{"contact_id": who, "account_id": to} for who, to in pairs], now=now, source=SOURCE)
    return sum(one.changed for one in saved)
