"""Buying roles: what somebody is to the decision of their company."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...errors import BadInput
from ...sql import fold
from ...store import Store
from ..lookups import rows_in

ROLES: dict[str, str] = {
    "champion": "argues for us inside", "decision maker": "says yes or no", "economic buyer": "has the money",
    "influencer": "is listened to", "user": "works with it", "gatekeeper": "decides who gets through",
    "legal": "reads the contract", "blocker": "argues against us",
}
Change = tuple[str, str | None, str | None]  # role, old, new


def check_role(word: str) -> str:
    """The role in its one spelling. Raises BadInput."""
    found = fold(" ".join(word.replace("_", " ").replace("-", " ").split()))
    if found not in ROLES:
        raise BadInput(f"no buying role {word!r}: choose one of {', '.join(ROLES)}")
    return found


def roles_of(store: Store, contact_ids: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """The roles of contacts in the order of ROLES; who has none is absent."""
    found: dict[int, list[str]] = {}
    for who, role in rows_in(store, "SELECT r.contact_id, r.role FROM buying_role r WHERE r.contact_id IN ({values})",
                             contact_ids):
        found.setdefault(who, []).append(role)
    order = list(ROLES)
    return {who: tuple(sorted(roles, key=order.index)) for who, roles in found.items()}


def write_roles(store: Store, contact_id: int, wanted: Sequence[str], *, now: int) -> list[Change]:
    """Make these the roles of a contact; what changed. Needs a transaction."""
    held = roles_of(store, [contact_id]).get(contact_id, ())
    gone, fresh = [role for role in held if role not in wanted], [role for role in wanted if role not in held]
    store.run_many("DELETE FROM buying_role WHERE contact_id = :who AND role = :role",
                   [{"who": contact_id, "role": role} for role in gone])
    store.insert_many("buying_role", [{"contact_id": contact_id, "role": role, "at": now} for role in fresh])
    return [*((role, role, None) for role in gone), *((role, None, role) for role in fresh)]


def leave(store: Store, contact_ids: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """Whoever changes companies has no role at the new one: the roles taken away, by contact. Needs a transaction."""
    held = roles_of(store, contact_ids)
    store.run_many("DELETE FROM buying_role WHERE contact_id = :who", [{"who": who} for who in held])
    return held
