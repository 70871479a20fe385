"""The demo company: 20,000 made-up contacts with a year behind them, and truths planted in their data (docs/demo.md)."""

from .creating import create
from .days import Progress, pass_days
from .moment import find, get, is_demo, is_ready, now, save

__all__ = ["Progress", "create", "find", "get", "is_demo", "is_ready", "now", "pass_days", "save"]
