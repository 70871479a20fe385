"""How people enter a journey: what triggers it, and whether they may enter again. `trigger_types` finds the kinds."""

from .base import MANUAL, Spot, Trigger
from .calendar import DATE, SCHEDULE, DateTrigger, ScheduleTrigger
from .entry import Entry, trigger_types, type_of
from .happening import (
    EventTrigger,
    FormTrigger,
    JourneyTrigger,
    ManualTrigger,
    PageTrigger,
    PurchaseTrigger,
    ScoreTrigger,
    SegmentTrigger,
    StageTrigger,
)
from .reentry import Reentry

__all__ = ["DATE", "MANUAL", "SCHEDULE", "DateTrigger", "Entry", "EventTrigger", "FormTrigger", "JourneyTrigger",
           "ManualTrigger", "PageTrigger", "PurchaseTrigger", "Reentry", "ScheduleTrigger", "ScoreTrigger", "SegmentTrigger",
           "Spot", "StageTrigger", "Trigger", "trigger_types", "type_of"]
