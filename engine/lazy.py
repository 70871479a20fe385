"""Libraries that are imported when they are first used.

pandas takes half of the time in which a command starts, and few commands make a table. sqlite-utils imports pandas where it
finds it, and only migrations use it. SciPy takes a fifth of a second, openpyxl a tenth.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import openpyxl
    import pandas as pd
    import sqlite_utils
    from scipy import special
else:

    class _Later:
        """Stands for a module; the import system sees to it that threads meet one module only."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, attribute: str) -> Any:
            return getattr(importlib.import_module(self._name), attribute)

    openpyxl = _Later("openpyxl")
    pd = _Later("pandas")
    special = _Later("scipy.special")
    sqlite_utils = _Later("sqlite_utils")

__all__ = ["openpyxl", "pd", "special", "sqlite_utils"]
