"""Nodes that make something happen elsewhere by an event: for other journeys, segments, scores, and this very one."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, field_validator

from ...activity import events
from ...errors import Problem, listing
from ...sql import Sql, fold, sql
from . import wording
from .base import GREEN, RED, Known, Node, Place
from .wording import Words, help_on

MANUAL = "journey_enroll"  # the event that enrolls; its object is the journey's id
LOOP_STOP = 20  # events of one name for one contact at one moment: two journeys that start each other come to an end


def emits(name: str, thing: Sql, props: Sql) -> Sql:
    """An event for each row of `batch` that leaves, once per visit."""
    wanted = sql("""SELECT b.contact_id, CAST(:name AS TEXT) AS name, {thing} AS object, {props} AS props,
            'node:' || CAST(:node AS TEXT) || ':' || b.id || ':' || b.seq AS dedupe_key, b.id,
            ROW_NUMBER() OVER (PARTITION BY b.contact_id ORDER BY b.id) + (SELECT COUNT(*) FROM event x
                WHERE x.contact_id = b.contact_id AND x.name = :name AND x.occurred_at = :now) AS nth
        FROM batch b WHERE b.port IS NOT NULL""", name=name, thing=thing, props=props)
    return events.emit_from(sql(f"""SELECT w.contact_id, w.name, NULLIF(w.object, '') AS object, w.props, w.dedupe_key
        FROM ({{wanted}}) w WHERE w.nth <= {LOOP_STOP} AND w.object IS NOT NULL ORDER BY w.id""", wanted=wanted),
                            source="journey")


TRIGGER = sql("COALESCE((SELECT r.props FROM enrollment r WHERE r.id = b.enrollment_id), '{}')")  # what enrolled them came with


class Emit(Node):
    """Record an event of your own: other journeys, segments and scores hear it."""

    type: Literal["emit"] = "emit"
    emits: ClassVar = True
    event: str = Field(min_length=1, max_length=100, pattern=r"^\w[\w .:-]*$", json_schema_extra={"kind": "event_name"})
    object: Words | None = Field(default=None, max_length=events.OBJECT_LENGTH, description=help_on())
    props: Annotated[dict[str, Any], AfterValidator(wording.check)] | None = Field(
        default=None, json_schema_extra={"label": "Properties"},
        description=help_on("those of the event that enrolled the person unless given"))
    label, icon, tint, group = "Record event", "bolt", GREEN, "Actions"
    example: ClassVar = {"event": "nurtured", "props": {"step": 3}, "next": "END"}
    variants: ClassVar = ({"event": "asked", "object": "{{ trigger.product }}", "props": {"seats": "{{ trigger.seats }}"},
                           "next": "END"},)

    @field_validator("event")
    @classmethod
    def _not_ours(cls, event: str) -> str:
        if event in events.INTERNAL:
            raise ValueError(f"{event} is a signal of the engine to itself: choose another name")
        return event.strip()

    def effects(self, place: Place) -> list[Sql]:
        props = TRIGGER if self.props is None else wording.filled_json(self.props)
        thing = sql(f"COALESCE(SUBSTR(TRIM(fold({{text}})), 1, {events.OBJECT_LENGTH}), '')",
                    text=wording.filled((self.object or "").strip()))
        return [emits(self.event, thing, props)]

    def check(self, known: Known) -> list[Problem]:
        return wording.remarks(self.id, [self.object, self.props])

    def describe(self) -> str:
        return f"Record the event {self.event}{f' with {self.object}' if self.object else ''}."


class Jump(Node):
    """Leave, and enter another journey, which is told what this one began with."""

    type: Literal["jump"] = "jump"
    shape: ClassVar = "end"
    emits: ClassVar = True
    journey: str = Field(json_schema_extra={"kind": "journey"})
    label, icon, tint, group = "Jump", "exit_to_app", RED, "Flow"
    example: ClassVar = {"journey": "Onboarding"}

    @property
    def ports(self) -> tuple[str, ...]:
        return ()

    def route(self) -> Sql:
        return sql("'end'")

    def reason(self) -> Sql:
        return sql(":value", value=f"jumped to {self.journey}")

    def effects(self, place: Place) -> list[Sql]:
        target = sql("(SELECT CAST(j.id AS TEXT) FROM journey j WHERE j.key = :key)", key=fold(self.journey.strip()))
        return [emits(MANUAL, target, TRIGGER)]

    def check(self, known: Known) -> list[Problem]:
        if fold(self.journey.strip()) in known.journeys:
            return []
        return [Problem(self.id, "unknown_journey", f"There is no journey {self.journey!r}. There are: "
                        f"{listing(list(known.journeys))}.")]

    def describe(self) -> str:
        return f"Leave, and enter the journey “{self.journey}”."
