"""What a person may ask of whoever keeps their data: to see it, to have it erased, to have it left alone."""

from .dossier import dossier, write_dossier
from .requests import KINDS, Request, ask, carry_out, list_requests, overdue
from .retention import Kept, Swept, keep_for, kept, sweep

__all__ = ["KINDS", "Kept", "Request", "Swept", "ask", "carry_out", "dossier", "keep_for", "kept", "list_requests", "overdue",
           "sweep", "write_dossier"]
