"""The small demo, made once for all tests that want one of their own: making it takes seconds, copying it none."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.schema import open_store
from engine.service import forward
from engine.store import Store
from tests.service.demo_copies import make


@pytest.fixture(scope="session")
def fresh_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a small demo that nobody has touched; to be copied, not opened. Processes that test beside us share it."""
    here = tmp_path_factory.getbasetemp()
    folder = here.parent if "PYTEST_XDIST_WORKER" in os.environ else here
    made = folder / "demo.db-fresh"
    with (folder / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            store = open_store(f"sqlite:///{folder / 'demo.db'}", create=True)
            make(store)
            forward.keep_fresh(store)
            store.close()
    return made


@pytest.fixture
def company(fresh_demo: Path, tmp_path: Path) -> Iterator[Store]:
    """A small demo of one's own, with the copy for starting again beside it."""
    shutil.copy(fresh_demo, tmp_path / "demo.db")
    shutil.copy(fresh_demo, tmp_path / "demo.db-fresh")
    store = open_store(f"sqlite:///{tmp_path / 'demo.db'}")
    yield store
    store.close()
