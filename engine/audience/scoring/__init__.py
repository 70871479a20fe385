"""Scores: sums of visible entries, worth less as they age, and what happens when they cross a line."""

from .entries import GROUPS, Entry, Explained, effects, entries, explain, load_entries, recent
from .levels import Policy, line_name, matrix, policy, rescore, save_policy, watch_lines
from .points import ScoreRule, archive_rule, list_rules, save_rule
from .rounds import Tally, refresh

__all__ = ["GROUPS", "Entry", "Explained", "Policy", "ScoreRule", "Tally", "archive_rule", "effects", "entries", "explain",
           "line_name", "list_rules", "load_entries", "matrix", "policy", "recent", "refresh", "rescore", "save_policy",
           "save_rule", "watch_lines"]
