"""What takes long to import is imported when it is first used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas
import pytest

from engine.lazy import pd
from engine.store import Store

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("module", ["engine.commands.segments", "engine.commands.messages", "engine.commands.processes",
                                    "engine.commands.workspace", "engine.commands.contacts", "engine.commands.journeys",
                                    "engine.commands.imports", "engine.service.collector"])
def test_a_command_starts_without_pandas(module: str) -> None:
    code = f"import sys, {module}; print(sorted({{'openpyxl', 'pandas', 'sqlite_utils', 'scipy'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_it_is_pandas_all_the_same(memory: Store) -> None:
    assert pd.DataFrame is pandas.DataFrame
    assert isinstance(memory.frame("SELECT 1 AS one"), pandas.DataFrame)
    with pytest.raises(AttributeError):
        pd.no_such_thing  # noqa: B018
