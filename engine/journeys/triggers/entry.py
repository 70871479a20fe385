"""The way in: triggers, and whether people may enter again."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationError, ValidationInfo, model_validator

from ...errors import Problem
from ..nodes.base import Known, Piece
from .base import Trigger
from .reentry import Reentry

MOST = 20  # triggers of one journey


def trigger_types() -> dict[str, type[Trigger]]:
    """Every kind of trigger by its word in a file, found by looking."""

    def below(cls: type[Trigger]) -> list[type[Trigger]]:
        return [cls, *(found for child in cls.__subclasses__() for found in below(child))]

    return {cls.key: cls for cls in below(Trigger) if "key" in vars(cls)}


def type_of(document: Any) -> type[Trigger] | None:
    """The kind of trigger that a document speaks of; None when that can not be told."""
    if not isinstance(document, dict):
        return None
    found = [cls for key, cls in trigger_types().items() if key in document]
    found = [cls for cls in found if not any(cls.key in other.also for other in found)]
    return found[0] if len(found) == 1 else None


def _one(document: Any, info: ValidationInfo) -> Trigger:
    if isinstance(document, Trigger):
        return document
    cls = type_of(document)
    if cls is None:
        named = [key for key in trigger_types() if isinstance(document, dict) and key in document]
        raise ValueError(f"{' and '.join(named)} are triggers of their own: write several as a list. A date that an event "
                         "names is {date: PROPERTY, of: EVENT}" if len(named) > 1 else
                         f"a trigger is one of: {', '.join(trigger_types())}")
    try:
        return cls.model_validate(document, context=info.context)
    except ValidationError as error:
        words = {"missing": "is needed", "extra_forbidden": "is not a setting here"}
        said = [(".".join(str(step) for step in item["loc"]),
                 words.get(item["type"], str(item["msg"]).removeprefix("Value error, "))) for item in error.errors()]
        raise ValueError("; ".join(f"{place}: {message}" if place else message for place, message in said)) from None


def _triggers(value: Any, info: ValidationInfo) -> tuple[Trigger, ...]:
    given = value if isinstance(value, list | tuple) else [value]
    if not 0 < len(given) <= MOST:
        raise ValueError(f"a journey has 1 to {MOST} triggers")
    return tuple(_one(one, info) for one in given)


class Entry(Piece):
    """The way in. `trigger` is one or a list: whichever comes first takes a person in."""

    trigger: Annotated[Any, BeforeValidator(_triggers)]
    reentry: Reentry = Reentry()

    @model_validator(mode="before")
    @classmethod
    def _usual_reentry(cls, value: Any) -> Any:
        """What comes round by the calendar lets people in again."""
        if not isinstance(value, dict) or value.get("reentry") is not None:
            return value
        given = value.get("trigger")
        kinds = [type_of(one) for one in (given if isinstance(given, list) else [given])]
        policy = next((kind.again for kind in kinds if kind and kind.again != "never"), "never")
        return {**value, "reentry": {"policy": policy}}

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        """Every way in, in the order of the file."""
        return self.trigger  # type: ignore[no-any-return]

    @property
    def event_names(self) -> frozenset[str]:
        """What it listens to."""
        return frozenset(one.event_name for one in self.triggers)

    def check(self, known: Known) -> list[Problem]:
        """References that lead nowhere, and a policy that takes the sense out of a trigger."""
        one_of_many = len(self.triggers) > 1
        found = [problem for number, one in enumerate(self.triggers)
                 for problem in one.check(known, f"entry.trigger[{number}]" if one_of_many else "entry.trigger")]
        comes_again = any(one.again != "never" for one in self.triggers)
        if comes_again and self.reentry.policy == "never" and self.reentry.key is None:
            found.append(Problem("entry.reentry", "once_only", "The calendar comes round again, and `never` lets each person "
                                 "in only the first time: write {policy: after_finish}.", "warning"))
        return found

    def sentence(self) -> str:
        """What brings people in, in words."""
        return f"Starts {', or '.join(one.when() for one in self.triggers)}."
