"""What a scenario file holds."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...errors import BadInput
from ...journeys import documents

START = "2026-03-02T09:00:00Z"  # a Monday


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Step(_Part):
    """One thing that somebody does: an event, an answer to the message of a node, facts that change."""

    at: str | int = 0
    who: str | None = None
    event: str | None = None
    object: str | None = None
    props: dict[str, Any] = Field(default_factory=dict)
    value: float | None = None
    currency: str = "USD"
    clicks: str | None = None
    opens: str | None = None
    replies: str | None = None
    link: str | None = None
    set_: dict[str, Any] | None = Field(default=None, alias="set")
    tag: str | None = None
    untag: str | None = None
    points: int | None = None
    enroll: dict[str, Any] | bool | None = None
    unsubscribes: bool = False


class Expected(_Part):
    """What should have come of one person. path: steps as `node` or `node.port`, in order; messages: templates, in order."""

    path: list[str] | None = None
    messages: list[str] | None = None
    entered: int | None = None
    exit_: str | None = Field(default=None, alias="exit")
    waits_at: str | None = None
    tags: list[str] | None = None
    without_tags: list[str] = Field(default_factory=list)
    fields: dict[str, Any] = Field(default_factory=dict)
    score: dict[str, int] = Field(default_factory=dict)


class Scenario(_Part):
    """One story."""

    name: str
    given: dict[str, dict[str, Any]] = Field(default_factory=dict)
    when: list[Step] = Field(default_factory=list)
    until: str = "30d"
    expect: dict[str, Expected]


class File(_Part):
    """A scenario file. journey: a file beside it, or the name of a live one. caps: none unless told, so that a test is about
    the journey; `workspace` takes those of the workspace."""

    journey: str
    start: str = START
    given: dict[str, dict[str, Any]] = Field(default_factory=dict)
    fields: dict[str, str] = Field(default_factory=dict)
    segments: dict[str, Any] = Field(default_factory=dict)
    caps: Any = Field(default_factory=list)
    scenarios: list[Scenario] = Field(min_length=1)


def read(text: str, where: str) -> File:
    """The scenarios of a file. Raises BadInput naming the key."""
    return check(documents.load(text, where), where)


def check(document: dict[str, Any], where: str) -> File:
    """The same of a document."""
    try:
        return File.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        spot = ".".join(str(part) for part in first["loc"])
        said = {"extra_forbidden": "is not a key here", "missing": "is needed"}.get(first["type"], first["msg"])
        raise BadInput(f"{where}: {spot} {said}") from None
