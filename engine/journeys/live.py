"""A published version as the runner holds it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from .graph import Journey, Layout, lay_out
from .nodes import Place
from .triggers import Spot

NODES_PER_VERSION = 1_000


@dataclass(frozen=True, eq=False)
class Live:
    """status: live (enrolls), draining (lets its people finish). segments, journeys: folded name -> id, for its triggers.

    heard: another journey waits for people to come to the end of this one.
    """

    id: int
    journey_id: int
    status: str
    journey: Journey
    segments: dict[str, int]
    campaign_id: int | None = None
    shard_count: int = 1
    journeys: dict[str, int] = field(default_factory=dict)
    published_at: int = 0
    heard: bool = False

    @cached_property
    def layout(self) -> Layout:
        """The graph's geometry for the runner."""
        return lay_out(self.journey)

    @cached_property
    def ids(self) -> dict[str, int]:
        """Node ids by key."""
        return {node.id: self.id * NODES_PER_VERSION + i for i, node in enumerate(self.journey.nodes, 1)}

    def spot(self, number: int) -> Spot:
        """Where a trigger of it stands."""
        return Spot(self.journey_id, number, self.segments, self.journeys)

    def place(self, key: str) -> Place:
        """Where a node stands, for what happens on arriving there."""
        limits = self.journey.limits
        return Place(self.ids[key], self.journey_id, self.campaign_id, limits.priority if limits else 0)

    def target(self, key: str, port: str) -> str:
        """The node that a port leads to."""
        return self.layout.targets[key, port]
