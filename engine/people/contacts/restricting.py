"""Leaving somebody's data alone for a while (GDPR article 18): it is kept, and nothing is sent."""

from __future__ import annotations

from ... import audit
from ...access import Actor, require
from ...errors import NotFound
from ...store import Store
from .. import dirty


def restrict(store: Store, contact_id: int, restricted: bool, *, by: Actor, now: int) -> bool:
    """Set or lift the restriction; whether that changed anything. Raises NotFound, Forbidden."""
    require(by, "market")
    with store.transaction():
        held = store.row("SELECT c.restricted FROM contact c WHERE c.id = :id", id=contact_id)
        if held is None:
            raise NotFound(f"there is no contact {contact_id}")
        if bool(held[0]) == restricted:
            return False
        store.run("UPDATE contact SET restricted = :on, updated_at = :now WHERE id = :id", on=int(restricted), now=now,
                  id=contact_id)
        store.insert_many("contact_change", [{
            "contact_id": contact_id, "kind": "field", "name": "restricted", "old": str(held[0]), "new": str(int(restricted)),
            "at": now, "source": by.name}])
        dirty.mark(store, [contact_id])
        audit.record(store, by, "processing restricted" if restricted else "restriction lifted", f"contact {contact_id}",
                     now=now)
    return True
