"""Lifecycle stages: set by people, journeys and rules, with their history, and how people flow through them."""

from .reports import coverage, flow
from .rounds import refresh
from .stages import STAGES, catch_up, check_stage, counts, effects, load_history
from .staging import StageRule, list_rules, remove_rule, save_rule

__all__ = ["STAGES", "StageRule", "catch_up", "check_stage", "counts", "coverage", "effects", "flow", "list_rules",
           "load_history", "refresh", "remove_rule", "save_rule"]
