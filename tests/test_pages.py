"""The pages: thin, and nothing in them that belongs to the engine."""

from __future__ import annotations

import ast
import re
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


def _imports(name: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(FILES[name].read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


@pytest.mark.parametrize("name", FILES)
def test_no_page_asks_the_database_itself(name: str) -> None:
    wrong = [one for one in _imports(name) if one.startswith(FOREIGN)]
    if not name.startswith("pages/widgets/"):
        wrong += [one for one in _imports(name) if one.startswith(GROUND)]
    assert not wrong, f"{name} imports {wrong}"


@pytest.mark.parametrize("name", FILES)
def test_no_page_holds_sql(name: str) -> None:
    tree = ast.parse(FILES[name].read_text())
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert not [text for text in texts if SQL.search(text)]
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    asked = [call.attr for call in calls if call.attr in READING and _is_store(call.value)]
    assert not asked, f"{name} calls {asked} of the store"


def _is_store(node: ast.expr) -> bool:
    called = node.func if isinstance(node, ast.Call) else node
    return "store" in (getattr(called, "id", ""), getattr(called, "attr", ""))


@pytest.mark.parametrize("name", FILES)
def test_pages_are_short(name: str) -> None:
    most = MOST_WIDGET_LINES if name.startswith("pages/widgets/") else MOST_LINES
    assert len(FILES[name].read_text().splitlines()) < most


@pytest.mark.parametrize("name", PAGES)
def test_every_page_has_a_test(name: str) -> None:
    noun = Path(name).stem
    assert (ROOT / "tests" / "pages" / f"test_{noun}.py").exists(), f"write tests/pages/test_{noun}.py with an AppTest"


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
