"""Drafts: a journey while people work on it. `rev` is the optimistic lock of two editors."""

from __future__ import annotations

from dataclasses import dataclass

from ..access import Actor, require
from ..clock import iso
from ..errors import Conflict
from ..sql import fold
from ..store import Store
from . import documents, versions
from .nodes import node_types


@dataclass(frozen=True)
class Draft:
    """The text of a journey being edited. rev rises with every save."""

    journey_id: int
    name: str
    document: str
    rev: int
    updated_at: int
    updated_by: str


def open_draft(store: Store, name: str) -> Draft:
    """The draft of a journey; where there is none, the live version as the start of one. Raises NotFound."""
    journey_id = versions.find_journey(store, name)
    found = store.row("""SELECT d.journey_id, j.name, d.document, d.rev, d.updated_at, d.updated_by FROM journey_draft d
        JOIN journey j ON j.id = d.journey_id WHERE d.journey_id = :id""", id=journey_id)
    if found:
        return Draft(*found)
    live = versions.get_live(store, name)
    return Draft(journey_id, live.journey, called(live.document, live.journey), 0, live.published_at, live.published_by)


def save_draft(store: Store, name: str, text: str, *, rev: int, by: Actor, now: int) -> Draft:
    """Keep a draft, valid or not, if nobody saved since `rev` (0: the first save). Raises Conflict, naming who did."""
    require(by, "market")
    documents.load(text)
    with store.transaction():
        store.serialize("draft")
        store.insert_many("journey", [{"key": fold(name.strip()), "name": name.strip(), "status": "draft",
                                       "created_at": now, "updated_at": now}], or_ignore=True)
        journey_id = versions.find_journey(store, name)
        found = store.row("SELECT d.rev, d.updated_by, d.updated_at FROM journey_draft d WHERE d.journey_id = :id",
                          id=journey_id)
        if found and found[0] != rev:
            raise Conflict(f"{name} was changed by {found[1]} at {iso(found[2])}: load it again, then repeat your change")
        store.upsert_many("journey_draft", [{"journey_id": journey_id, "document": text, "rev": rev + 1, "updated_at": now,
                                             "updated_by": by.name}], key=("journey_id",))
    return Draft(journey_id, name, text, rev + 1, now, by.name)


def drop_draft(store: Store, name: str, *, by: Actor) -> None:
    """Go back to the published version."""
    require(by, "market")
    with store.transaction():
        store.run("DELETE FROM journey_draft WHERE journey_id = :id", id=versions.find_journey(store, name))


def called(text: str, name: str) -> str:
    """The same document under another name, so that nobody changes arms.

    A split without a salt draws by the name of its journey: it keeps the old one as its salt.
    """
    document = documents.load(text)
    old = document.get("name")
    if old == name:
        return text
    nodes = [{**node, "salt": f"{old}/{node['id']}"} if _draws(node) and not node.get("salt") else node
             for node in document.get("nodes") or []]
    return documents.dump({**document, "name": name, "nodes": nodes})


def _draws(node: object) -> bool:
    kind = node_types().get(str(node.get("type"))) if isinstance(node, dict) and node.get("id") else None
    return kind is not None and "salt" in kind.model_fields
