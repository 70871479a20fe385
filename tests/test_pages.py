"""The pages: thin, and nothing in them that belongs to the engine."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from engine.service import supervise
from pages.widgets.directory import HIDDEN, LANDING, PLACES, visible

ROOT = Path(__file__).resolve().parents[1]
FILES = {str(file.relative_to(ROOT)): file for file in [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))]}
PAGES = [name for name in FILES if re.fullmatch(r"pages/(audience|engage|measure|operate)/\w+\.py", name)]
MOST_LINES, MOST_WIDGET_LINES = 180, 400
FOREIGN = ("sqlite3", "psycopg", "scipy", "statsmodels", "engine.sql")
GROUND = ("engine.store", "engine.schema")  # state.py opens the workspace; a widget may name the type Store
SQL = re.compile(r"\b(SELECT\s+\S+.*\bFROM\b|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+TABLE)", re.DOTALL)
READING = {"rows", "row", "one", "records", "frame", "run", "run_many", "insert_many", "upsert_many", "transaction", "stream"}


@cache
def _nodes(name: str) -> list[ast.AST]:
    return list(ast.walk(ast.parse(FILES[name].read_text())))


def _imports(name: str) -> list[str]:
    found = []
    for node in _nodes(name):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


def test_no_page_asks_the_database_itself() -> None:
    assert not [f"{name} imports {one}" for name in FILES for one in _imports(name)
                if one.startswith(FOREIGN if name.startswith("pages/widgets/") else (*FOREIGN, *GROUND))]


def test_no_page_holds_sql() -> None:
    assert not [f"{name}: {node.value}" for name in FILES for node in _nodes(name)
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.search(node.value)]


def test_no_page_reads_or_writes_the_store() -> None:
    calls = [(name, node.func) for name in FILES for node in _nodes(name)
             if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    assert not [f"{name} calls {call.attr} of the store" for name, call in calls
                if call.attr in READING and _is_store(call.value)]


def _is_store(node: ast.expr) -> bool:
    called = node.func if isinstance(node, ast.Call) else node
    return "store" in (getattr(called, "id", ""), getattr(called, "attr", ""))


def test_pages_are_short() -> None:
    lines = {name: len(file.read_text().splitlines()) for name, file in FILES.items()}
    assert not {name: count for name, count in lines.items()
                if count >= (MOST_WIDGET_LINES if name.startswith("pages/widgets/") else MOST_LINES)}


def test_every_page_has_a_test() -> None:
    wanted = {f"test_{Path(name).stem}.py" for name in PAGES}
    there = {file.name for file in (ROOT / "tests" / "pages").glob("test_*.py")}
    assert wanted and not wanted - there, "write tests/pages/test_<page>.py with an AppTest"


def test_every_page_is_in_the_navigation() -> None:
    assert sorted(place.file for place in PLACES) == sorted(PAGES)


def test_everybody_may_see_the_page_they_land_on() -> None:
    assert all(LANDING.get(role, "home") in {place.key for place in visible(role)} for role in HIDDEN)


def test_no_page_lies_where_streamlit_would_serve_it_past_the_door() -> None:
    assert not list((ROOT / "pages").glob("[!_]*.py"))


def test_up_starts_the_app_on_this_machine_only_and_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    command = supervise.processes()["web"]
    assert "pages.widgets.serving" in command and "${WEB_ADDRESS:-127.0.0.1}" in command
    assert supervise.DOORS["web"].url == "http://127.0.0.1:8501"
    monkeypatch.setenv("STREAMLIT_SERVER_BASE_URL_PATH", "/tools/")
    monkeypatch.setenv("WEB_PORT", "9000")
    assert supervise.DOORS["web"].url == "http://127.0.0.1:9000/tools"
