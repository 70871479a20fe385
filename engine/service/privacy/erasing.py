"""Erasing a person everywhere: the contact, and what lies about unread or was kept because it could not be used."""

from __future__ import annotations

from ...access import Actor, require
from ...activity import inbox, intake
from ...activity.traces import traces_of
from ...people import contacts
from ...people.contacts import Erased
from ...store import Store
from .. import pulls


def erase(store: Store, contact_id: int, *, by: Actor, now: int) -> Erased:
    """Forget a contact for good; its addresses are never written to again. Raises Forbidden, NotFound.

    What lies in the inbox goes first: should the process die in between, the contact still stands and is erased again.
    """
    require(by, "administer")
    known = traces_of(store, contact_id)
    unread = inbox.forget(store, known)
    done = contacts.erase(store, contact_id, by=by, now=now)
    with store.transaction():
        done.deleted["refusal"] = intake.forget(store, known)
        done.deleted["pull_error"] = pulls.forget(store, known)
    done.deleted["inbox"] = unread
    return done
