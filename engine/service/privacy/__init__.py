"""What a person may ask of whoever keeps their data: to see it, to have it erased, to have it left alone."""

from .dossier import dossier, write_dossier
from .erasing import erase
from .requests import KINDS, Request, ask, carry_out, list_requests, overdue
from .retention import Automatic, Kept, Swept, automatic, keep_for, kept, sweep, sweep_daily, switch_automatic

__all__ = ["KINDS", "Automatic", "Kept", "Request", "Swept", "ask", "automatic", "carry_out", "dossier", "erase", "keep_for",
           "kept", "list_requests", "overdue", "sweep", "sweep_daily", "switch_automatic", "write_dossier"]
