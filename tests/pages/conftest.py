"""A workspace for page tests: a file of its own that the app opens too, and a few people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st

from engine.access import COMMAND_LINE
from engine.people import accounts, consent, contacts
from engine.schema import open_store
from engine.store import Store
from tests.conftest import NOW, made_file

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Empty; the app opens it through DATABASE_URL, as the local administrator."""
    url = made_file(tmp_path / "pages.db")
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("THROUGHLINE_LOCAL_ADMIN", "1")
    monkeypatch.delenv("SMTP_URL", raising=False)
    store = open_store(url)
    yield store
    store.close()
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def cast(workspace: Store) -> dict[str, int]:
    """Ada of Acme agreed and is tagged vip; Bo unsubscribed; Cy has an id only, and a name that is a script."""
    rows = [{"email": "ada@x.example", "first_name": "Ada", "last_name": "Lovelace", "stage": "lead"},
            {"email": "bo@x.example", "first_name": "Bo"}, {"external_id": "cy-1", "first_name": SCRIPT}]
    with workspace.transaction():
        rows[0]["account_id"] = accounts.ensure_many(workspace, ["Acme"], now=NOW)["Acme"]  # type: ignore[assignment]
        ada, bo, cy = (one.id for one in contacts.upsert_many(workspace, rows, now=NOW, source="test"))
        contacts.add_tags(workspace, [ada], ["vip"], now=NOW, source="test")
        for who, status in ((ada, "subscribed"), (bo, "unsubscribed")):
            consent.record(workspace, [who], "email", status, basis="test", source="form", by=COMMAND_LINE, now=NOW)
    return {"ada": ada, "bo": bo, "cy": cy}
