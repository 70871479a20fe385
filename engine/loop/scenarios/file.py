"""What a scenario file holds."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...errors import BadInput, listing
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
        found = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")  # a slip explains what is missing
        raise BadInput(f"{where}: {_spot(document, found[0]['loc'])} {_said(found[0])}") from None


def _spot(document: dict[str, Any], place: tuple[int | str, ...]) -> str:
    """Where in the file, in the words of its author: the scenario by its name, what happens by its line."""
    words = [f"{place[i - 1]}, line {part + 1}:" if isinstance(part, int) else str(part) for i, part in enumerate(place)
             if isinstance(part, int) or not isinstance(next(iter(place[i + 1:]), ""), int)]
    if len(place) > 2 and place[0] == "scenarios" and isinstance(place[1], int):
        named = document["scenarios"][place[1]].get("name")
        words[0] = f"{named}:" if named else words[0]
    head = [one for one in words if one.endswith(":")]
    return " ".join([*head, ".".join(one for one in words if not one.endswith(":"))]).strip()


def _said(fault: Any) -> str:
    if fault["type"] == "missing":
        return "is needed"
    if fault["type"] == "extra_forbidden":
        keys, slip = _keys(fault["loc"]), str(fault["loc"][-1])
        close = get_close_matches(slip, keys, 1)
        return f"is not a key here{f': {close[0]}?' if close else ''} There are: {listing(keys, 30)}"
    return str(fault["msg"]).replace("Input should be", "should be").replace("a valid dictionary", "keys with values")


def _keys(place: tuple[int | str, ...]) -> list[str]:
    part = Step if "when" in place else Expected if "expect" in place else Scenario if place[0] == "scenarios" else File
    return [field.alias or name for name, field in part.model_fields.items()]
