"""A journey under another name: the same journey called otherwise, or a second one that begins as its copy."""

from __future__ import annotations

from .. import audit
from ..access import Actor, require
from ..errors import BadInput, Conflict, listing
from ..sql import fold
from ..store import Store
from . import documents, drafts, versions
from .drafts import Draft, called
from .versions import Version

LONGEST_NAME = 120


def rename(store: Store, name: str, new: str, *, by: Actor, now: int) -> Draft:
    """Call a journey otherwise; its draft. People stay where they are, and published versions as they were written.

    Raises NotFound. BadInput: no name. Conflict: another journey has it, or a published one leads here by this name.
    """
    require(by, "market")
    if fold(new.strip()) != fold(name.strip()) and (users := _lead_here(store, name)):
        raise Conflict(f"{name!r} is named by {listing(users)}: publish those without it and let their people "
                       "arrive, then rename it")
    new = _free(store, new, but=versions.find_journey(store, name))
    with store.transaction():
        store.serialize("draft")
        old = drafts.open_draft(store, name)
        store.run("UPDATE journey SET key = :key, name = :name, updated_at = :now WHERE id = :id", key=fold(new), name=new,
                  now=now, id=old.journey_id)
        saved = drafts.save_draft(store, new, called(old.document, new), rev=old.rev, by=by, now=now)
        audit.record(store, by, "journey.rename", new, now=now, old=old.name)
    return saved


def duplicate(store: Store, name: str, new: str, *, by: Actor, now: int) -> Draft:
    """A draft of another journey that begins as this one is drawn. Its splits draw anew. Raises as `rename`."""
    document = documents.load(drafts.open_draft(store, name).document)
    return create(store, new, documents.dump({**document, "name": new.strip()}), by=by, now=now)


def clone(store: Store, name: str, new: str, *, by: Actor, now: int) -> Version:
    """A second journey, live at once, as the live version of this one is written. Its splits draw anew. Raises as `rename`."""
    document = documents.load(versions.get_live(store, name).document)
    with store.transaction():
        store.serialize("draft")
        return versions.publish(store, documents.dump({**document, "name": _free(store, new)}), by=by, now=now)


def create(store: Store, name: str, text: str, *, by: Actor, now: int) -> Draft:
    """The first draft of a journey. Raises BadInput: no name. Conflict: there is a journey of this name."""
    with store.transaction():
        store.serialize("draft")
        return drafts.save_draft(store, _free(store, name), text, rev=0, by=by, now=now)


def _lead_here(store: Store, name: str) -> list[str]:
    """Journeys with a published version in use that jumps to this one or waits for it: it names it, and never changes."""
    return sorted({live.journey.name for live in versions.load_live(store)
                   for part in (*live.journey.nodes, *live.journey.entry.triggers)
                   if fold(str(getattr(part, "journey", ""))) == fold(name.strip())})


def _free(store: Store, name: str, but: int | None = None) -> str:
    """The name as it is kept, when no journey but the one has it."""
    said = " ".join(name.split())
    if not said or len(said) > LONGEST_NAME:
        raise BadInput(f"the name of a journey has 1 to {LONGEST_NAME} characters")
    if store.one("SELECT j.id FROM journey j WHERE j.key = :key", key=fold(said)) not in (None, but):
        raise Conflict(f"there is a journey {said!r} already: take another name")
    return said
