"""What a contact is going to be sent next: messages in the queue, and sends that nothing but time stands before."""

from __future__ import annotations

from dataclasses import dataclass

from ..clock import FOREVER
from ..journeys import documents, reading
from ..journeys.graph import Journey
from ..journeys.nodes.sending import Send
from ..schema import BRANCHES
from ..store import Store

FARTHEST = 50  # nodes on the way from where somebody stands to a send: beyond it the drawing goes round


@dataclass(frozen=True)
class Coming:
    """One message ahead. journey: None when none asked for it. at: when (UTC seconds).

    queued: it stands in the queue. unless: what would keep it from being sent, in words; None: only consent and limits.
    """

    journey: str | None
    template: str
    channel: str
    at: int
    queued: bool
    unless: str | None = None


def coming(store: Store, contact_id: int) -> list[Coming]:
    """The messages ahead of a contact, the soonest first. What a question to their own doing decides is not foretold,
    but for the timeout of a wait."""
    found = [Coming(journey, template, channel, due_at, True) for journey, template, channel, due_at in store.rows(
        """SELECT j.name, t.name, m.channel, m.due_at FROM message m JOIN template t ON t.id = m.template_id
        LEFT JOIN journey j ON j.id = m.journey_id WHERE m.contact_id = :id AND m.status IN ('queued', 'admitted')
        ORDER BY m.due_at, m.id""", id=contact_id)]
    known = reading.known(store)
    for document, node, due_at in store.rows(
            f"""SELECT v.document, n.key, t.due_at FROM enrollment r JOIN token t ON t.id BETWEEN r.id * {BRANCHES}
                AND r.id * {BRANCHES} + {BRANCHES - 1} JOIN node n ON n.id = t.node_id
                JOIN journey_version v ON v.id = r.version_id JOIN journey j ON j.id = r.journey_id
            WHERE r.contact_id = :id AND r.status = 'active' AND j.status <> 'paused' ORDER BY t.id""", id=contact_id):
        if due_at < FOREVER:
            ahead = _ahead(reading.read(documents.load(document), known), node, due_at)
            found += [ahead] if ahead else []
    return sorted(found, key=lambda one: one.at)


def _ahead(graph: Journey, key: str, at: int) -> Coming | None:
    """The send that is reached from a waiting node when its time is up and nothing is asked on the way."""
    node = graph.node(key)
    if isinstance(node, Send) or not node.holds:
        return None
    port = "timeout" if "timeout" in node.ports else node.ports[0] if len(node.ports) == 1 else None
    unless = node.describe().rstrip(".").lower() if port == "timeout" else None
    target = node.target(port) if port else None
    for _ in range(FARTHEST):
        if target is None:
            return None
        node = graph.node(target)
        if isinstance(node, Send):
            return Coming(graph.name, node.template, node.channel, at, False, unless)
        if node.holds or node.shape != "move" or len(node.ports) != 1:
            return None
        target = node.target(node.ports[0])
    return None
