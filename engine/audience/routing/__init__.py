"""Leads: who of sales gets whom and why, what became of it, and by when an answer is due."""

from .choosing import Choice, Considered, choose
from .desk import REASONS, accept, call_today, finish, log_call, reject, snooze, take
from .queue import Brief, Lead, brief, frame, get_lead, leads, queue
from .reports import acceptance, refusals
from .reps import Rep, Route, list_reps, list_routes, remove_rep, remove_route, rep_of, save_rep, save_route
from .rounds import ASKED, Policy, Tally, hand_over, policy, refresh, save_policy, waive

__all__ = ["ASKED", "REASONS", "Brief", "Choice", "Considered", "Lead", "Policy", "Rep", "Route", "Tally", "accept",
           "acceptance", "brief", "call_today", "choose", "finish", "frame", "get_lead", "hand_over", "leads",
           "list_reps", "list_routes", "log_call", "policy", "queue", "refresh", "refusals", "reject", "remove_rep",
           "remove_route", "rep_of", "save_policy", "save_rep", "save_route", "snooze", "take",
           "waive"]
