"""Triggers that are events: something a person did, or became."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationInfo, model_validator

from ...audience import lifecycle, rules, scoring
from ...errors import Problem, listing
from ...sql import Sql, fold, join, sql
from ..nodes.base import EventFilter, Known, checked, known_of
from .base import MANUAL, Spot, Trigger

ANY = "any"


class _Filtered(Trigger):
    """An event of a well-known name, told in fewer words."""

    _filter: rules.EventFilter = PrivateAttr()

    def _document(self) -> dict[str, Any]:
        raise TypeError(f"{type(self).__name__} has no event")

    @model_validator(mode="after")
    def _read(self, info: ValidationInfo) -> Any:
        self._filter = checked(rules.parse_filter, self._document(), known_of(info).rules)
        return self

    @property
    def event_name(self) -> str:
        return self._filter.name

    def match(self, spot: Spot) -> Sql | None:
        return self._filter.match("e")


class EventTrigger(Trigger):
    """Somebody does something, with tests of its properties."""

    key, label, icon = "event", "An event", "bolt"
    example: ClassVar = {"event": "cart_updated", "where": {"value": {"op": "at_least", "value": 50}}}
    event: EventFilter

    @model_validator(mode="before")
    @classmethod
    def _in_one_piece(cls, value: Any) -> Any:
        """`{event: cart, where: {…}}` is one filter."""
        if isinstance(value, dict) and isinstance(value.get("event"), str):
            parts = {key: value[key] for key in ("event", "where") if key in value}
            return {**{key: rest for key, rest in value.items() if key != "where"}, "event": parts}
        return value

    @property
    def event_name(self) -> str:
        return str(self.event.name)

    def match(self, spot: Spot) -> Sql | None:
        return self.event.match("e")  # type: ignore[no-any-return]

    def when(self) -> str:
        return f"when {self.event.sentence()}"

    def check(self, known: Known, where: str) -> list[Problem]:
        if any(isinstance(test, rules.TriggerTest) for test in self.event.where):
            return [Problem(where, "no_trigger_yet", "A trigger can not ask what brought the person here: it is what does.")]
        return []


class SegmentTrigger(Trigger):
    """Somebody enters or leaves a segment from now on."""

    key, label, icon = "segment", "A segment", "groups"
    example: ClassVar = {"segment": "Leads", "on": "entered"}
    segment: str = Field(json_schema_extra={"kind": "segment"})
    on: Literal["entered", "left"] = "entered"

    @property
    def event_name(self) -> str:
        return f"segment_{self.on}"

    def match(self, spot: Spot) -> Sql | None:
        return sql("e.name = :name AND e.object = :object", name=self.event_name, object=str(self._id(spot)))

    def matching(self, spot: Spot) -> Sql | None:
        if self.on == "left":
            return None
        return sql("SELECT m.contact_id FROM segment_member m WHERE m.segment_id = :segment", segment=self._id(spot))

    def _id(self, spot: Spot) -> int:
        return spot.segments[fold(self.segment.strip())]

    def when(self) -> str:
        return f"when somebody {'leaves' if self.on == 'left' else 'enters'} the segment “{self.segment}”"

    def check(self, known: Known, where: str) -> list[Problem]:
        return check_segment(self.segment, known, where)


def check_segment(name: str, known: Known, where: str) -> list[Problem]:
    """That there is such a segment."""
    if rules.find(known.rules.segments, name):
        return []
    return [Problem(where, "unknown_segment", f"There is no segment {name!r}. "
                    f"There are: {listing([one.name for one in known.rules.segments.values()])}.")]


class FormTrigger(_Filtered):
    """Somebody sends a form; `any`: whichever."""

    key, label, icon = "form", "A form", "assignment"
    example: ClassVar = {"form": "Newsletter"}
    form: str = Field(min_length=1, max_length=500)

    def _document(self) -> dict[str, Any]:
        return {"event": "form_submitted"} | ({} if self.form == ANY else {"where": {"object": self.form}})

    def when(self) -> str:
        return "when somebody sends a form" if self.form == ANY else f"when somebody sends the form “{self.form}”"


class PageTrigger(_Filtered):
    """Somebody visits a page, such as /pricing; `/blog/*`: every page whose path begins so."""

    key, label, icon = "page", "A page", "web"
    example: ClassVar = {"page": "/pricing"}
    page: str = Field(min_length=1, max_length=500)

    def _document(self) -> dict[str, Any]:
        if self.page.endswith("*"):
            begins = {"op": "starts_with", "value": self.page[:-1]}
            return {"event": "page_view"} | ({"where": {"object": begins}} if self.page != "*" else {})
        return {"event": "page_view", "where": {"object": self.page}}

    def when(self) -> str:
        return f"when somebody visits {self.page}"


class PurchaseTrigger(_Filtered):
    """Somebody buys: a product, or `any`; from a value on, in whole units of the currency."""

    key, label, icon = "purchase", "A purchase", "shopping_cart"
    example: ClassVar = {"purchase": "any", "at_least": 100}
    purchase: str = Field(min_length=1, max_length=500)
    at_least: float | None = Field(default=None, gt=0)

    def _document(self) -> dict[str, Any]:
        where: dict[str, Any] = {} if self.purchase == ANY else {"object": self.purchase}
        where |= {"value": {"op": "at_least", "value": self.at_least}} if self.at_least else {}
        return {"event": "purchase"} | ({"where": where} if where else {})

    def when(self) -> str:
        what = "something" if self.purchase == ANY else f"“{self.purchase}”"
        return f"when somebody buys {what}" + (f" for at least {self.at_least:g}" if self.at_least else "")


def _line(value: Any) -> Any:
    """A number typed as text is a number."""
    word = str(value).strip()
    return int(word) if isinstance(value, str) and word.lstrip("-").isdecimal() else value


class ScoreTrigger(Trigger):
    """The score crosses a line: the name of a threshold, or a number, of both groups together or of one."""

    key, label, icon = "score", "A score", "trending_up"
    example: ClassVar = {"score": 40, "on": "rose"}
    score: Annotated[int | str, BeforeValidator(_line), Field(json_schema_extra={"kind": "threshold"})]
    on: Literal["rose", "fell"] = "rose"
    group: Literal["fit", "engagement"] | None = None

    @property
    def line(self) -> tuple[str, int] | None:
        """Group ('': both together) and number, where it is no named threshold."""
        return (self.group or "", self.score) if isinstance(self.score, int) else None

    @property
    def event_name(self) -> str:
        return f"score_{self.on}"

    def match(self, spot: Spot) -> Sql | None:
        named = scoring.line_name(*self.line) if self.line else fold(str(self.score).strip())
        return sql("e.name = :name AND e.object = :object", name=self.event_name, object=named)

    def matching(self, spot: Spot) -> Sql | None:
        if self.line is None or self.on == "fell":
            return None
        group, line = self.line
        total = f"c.{group}_score" if group else "c.engagement_score + c.fit_score"
        return sql(f"SELECT c.id AS contact_id FROM contact c WHERE c.anonymous = 0 AND {total} >= :line", line=line)

    def when(self) -> str:
        words = "reaches" if self.on == "rose" else "falls below"
        return f"when the {self.group + ' ' if self.group else ''}score {words} {self.score}"

    def check(self, known: Known, where: str) -> list[Problem]:
        if isinstance(self.score, int):
            return [] if self.score > 0 else [Problem(where, "score_line", "The line of a score stands above 0.")]
        if self.group:
            return [Problem(where, "score_line", f"{self.score!r} is a threshold of both groups together: write a number to "
                            f"speak of {self.group} alone.")]
        if fold(self.score.strip()) in known.thresholds:
            return []
        return [Problem(where, "unknown_threshold", f"There is no score threshold {self.score!r}. There are: "
                        f"{listing(list(known.thresholds))}; or write a number.")]


def _stages(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class StageTrigger(Trigger):
    """Somebody comes to a lifecycle stage, or to one of several."""

    key, label, icon = "stage", "A stage", "stairs"
    example: ClassVar = {"stage": ["mql", "sal"]}
    stage: Annotated[tuple[str, ...], BeforeValidator(_stages, json_schema_input_type=str | list[str]),
                     Field(min_length=1, json_schema_extra={"kind": "stage"})]

    @property
    def event_name(self) -> str:
        return "stage_changed"

    def _list(self) -> Sql:
        return join(", ", [sql(":stage", stage=fold(stage.strip())) for stage in self.stage])

    def match(self, spot: Spot) -> Sql | None:
        return sql("e.name = 'stage_changed' AND e.object IN ({stages})", stages=self._list())

    def matching(self, spot: Spot) -> Sql | None:
        return sql("SELECT c.id AS contact_id FROM contact c WHERE c.anonymous = 0 AND c.stage IN ({stages})",
                   stages=self._list())

    def when(self) -> str:
        return f"when somebody comes to the stage {' or '.join(self.stage)}"

    def check(self, known: Known, where: str) -> list[Problem]:
        return [Problem(where, "unknown_stage", f"There is no stage {stage!r}. There are: {', '.join(lifecycle.STAGES)}.")
                for stage in self.stage if fold(stage.strip()) not in lifecycle.STAGES]


class JourneyTrigger(Trigger):
    """Somebody comes to the end of another journey: finished it, or was taken out of it by an exit rule.

    The properties that brought the person there come along.
    """

    key, label, icon = "journey", "Another journey", "alt_route"
    example: ClassVar = {"journey": "Welcome", "on": "finished"}
    journey: str = Field(min_length=1, json_schema_extra={"kind": "journey"})
    on: Literal["finished", "exited"] = "finished"

    @property
    def event_name(self) -> str:
        return f"journey_{self.on}"

    def match(self, spot: Spot) -> Sql | None:
        other = spot.journeys.get(fold(self.journey.strip()), -1)
        return sql("e.name = :name AND e.object = :object", name=self.event_name, object=str(other))

    def when(self) -> str:
        return f"when somebody {'finishes' if self.on == 'finished' else 'is taken out of'} the journey “{self.journey}”"

    def check(self, known: Known, where: str) -> list[Problem]:
        name = fold(self.journey.strip())
        if name == fold(known.journey):
            return [Problem(where, "own_journey", "A journey can not start itself: use a go_to, or a re-entry policy.")]
        if name in known.journeys:
            return []
        return [Problem(where, "unknown_journey", f"There is no journey {self.journey!r}. There are: "
                        f"{listing(list(known.journeys))}.")]


class ManualTrigger(Trigger):
    """Only by hand, on the command line or over HTTP. The other triggers take people by hand too."""

    key, label, icon = "manual", "By hand", "front_hand"
    example: ClassVar = {"manual": True}
    manual: Literal[True]

    @property
    def event_name(self) -> str:
        return MANUAL

    def match(self, spot: Spot) -> Sql | None:
        return None

    def when(self) -> str:
        return "by hand"
