"""The house: imports point down only, a table is written by the room that owns it, files stay readable."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from engine.schema import INBOX, PERSON_TABLES, TABLES, owner_of

ENGINE = Path(__file__).resolve().parents[1] / "engine"
MOST_LINES, MOST_TEST_LINES = 400, 600

# Top to bottom and left to right: a room uses what stands above its row, and what stands to its left in its own row.
# "…" stands for rooms that use none of each other. A room is a module or a package; inside a package order is free,
# as long as nothing goes round in a circle.
FLOORS: dict[str, tuple[str, ...]] = {
    "": ("errors", "lazy", "clock", "config", "sql", "store", "schema", "access", "audit"),  # the ground
    "maths": ("stats", "assignment", "money", "stability", "zones", "working"),
    "people": ("identity", "domains", "dirty", "lookups", "chain", "fields", "accounts", "consent", "contacts",
               "employers", "deals", "addresses", "phones", "duplicates"),
    "activity": ("traces", "inbox", "events", "verdicts", "reading", "traits", "identity", "intake", "timeline", "recording"),
    "audience": ("rules", "watch", "segments", "personas", "affinity", "predictions", "explaining", "comparing", "growth",
                 "scoring", "lifecycle", "routing"),
    "trials": ("planner", "results"),
    "content": ("language", "markup", "links", "context", "templates", "render", "lint", "preview"),
    "outreach": ("campaigns", "messages", "opt_in", "policy", "limits", "mail", "mime", "smtp", "channels", "delivery",
                 "proofs", "errands", "notices", "posting", "errand_runs"),
    "journeys": ("nodes", "triggers", "layout", "graph", "documents", "notes", "reading",
                 "file_schema", "lint", "live", "moments", "moves",
                 "hearing", "versions", "migrating", "comments", "history", "drafts", "gallery", "renaming", "canvas",
                 "comparing", "flow", "passengers", "enrolling", "approving", "crossing", "picture", "runner"),
    "loop": ("watchdog", "tick", "explain", "why_not", "coming", "virtual", "simulate", "scenarios"),
    "measure": ("groups", "costs", "touches", "models", "paths", "attribution", "roi", "breakdown", "kpis", "splits", "worth"),
    "service": ("health", "tables", "columns", "batches", "importing", "pulls", "privacy", "attention", "users", "backup",
                "quality", "exporting", "definitions", "safe_copy", "editing", "settling", "finding",
                "web", "group_commit", "opt_out", "confirming", "calendar_file", "tracking", "tracking_api", "hook_signing",
                "hooks", "hook_presets", "hook_api", "chores", "demo", "forward", "visitor", "collector", "worker",
                "supervise"),
    "commands": ("common", "frames", "journey_desk", "…"),
    "__main__": (),
}
ROWS = list(FLOORS)
# They move rows of whatever table a list names, and are held to that list by tests of their own.
ANY_TABLE = {"store", "people.contacts", "loop.simulate.copying"}  # the last one: of a copy in memory
OWNED = {table.name for table in (*TABLES, INBOX)}


def name_of(file: Path) -> str:
    """`people.contacts` for engine/people/contacts.py, `people` for the package itself."""
    parts = file.relative_to(ENGINE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(file): file for file in sorted(ENGINE.rglob("*.py"))}
MODULES = sorted(name for name in FILES if name)


@cache
def nodes(module: str, *kinds: type[ast.AST]) -> list[Any]:
    """The parts of a module that are of these kinds."""
    return [node for node in everything(module) if isinstance(node, kinds)]


@cache
def everything(module: str) -> list[ast.AST]:
    return list(ast.walk(ast.parse(FILES[module].read_text())))


@cache
def imports(module: str) -> list[str]:
    """The modules of the engine that a module imports."""
    return list(_imports(module))


def _imports(module: str) -> Iterator[str]:
    package = module.split(".") if FILES[module].stem == "__init__" else module.split(".")[:-1]
    for node in nodes(module, ast.Import, ast.ImportFrom):
        if isinstance(node, ast.Import):
            yield from (alias.name.removeprefix("engine.") for alias in node.names if alias.name.startswith("engine"))
        else:
            base = package[: len(package) - node.level + 1] if node.level else []
            whole = [*base, *(node.module or "").split(".")] if node.module else base
            if node.level or whole[0] == "engine":
                source = ".".join(part for part in whole if part != "engine")
                for alias in node.names:
                    inner = f"{source}.{alias.name}" if source else alias.name
                    yield inner if inner in FILES else source


def place(module: str) -> tuple[int, int]:
    """Row and place in it. The package of a floor itself holds nothing and stands at its beginning."""
    floor, _, rest = module.partition(".")
    if floor not in FLOORS:
        return 0, FLOORS[""].index(floor)
    room = rest.split(".")[0]
    order = FLOORS[floor]
    if room in order or not room:
        return ROWS.index(floor), order.index(room) if room else -1
    if "…" in order:
        return ROWS.index(floor), order.index("…")
    raise LookupError(f"{module}: give the room {room!r} its place in FLOORS")


def room_of(module: str) -> str:
    floor, _, rest = module.partition(".")
    return floor if floor not in FLOORS else f"{floor}.{rest.split('.')[0]}"


def test_imports_point_down_only() -> None:
    wrong = [f"{module} imports {other}, which does not stand above it or to its left"
             for module in MODULES for other in imports(module)
             if other and room_of(other) != room_of(module) and place(other) >= place(module)]
    assert not wrong


def test_every_room_of_the_table_exists() -> None:
    rooms = {f"{floor}.{room}".strip(".") for floor, order in FLOORS.items() for room in order if room != "…"}
    assert not {room for room in rooms if room not in FILES}


def test_nothing_goes_round_in_a_circle() -> None:
    state: dict[str, bool] = {}

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert state.get(module) is not False, f"circle: {' > '.join((*path, module))}"
        if module in state:
            return
        state[module] = False
        for other in sorted(set(imports(module)) - {module, module.rpartition(".")[0], ""}):
            visit(other, (*path, module))
        state[module] = True

    for module in MODULES:
        visit(module, ())


def test_the_engine_knows_no_page() -> None:
    wrong = []
    for module in MODULES:
        for node in nodes(module, ast.Import, ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            wrong += [f"{module}: {name}" for name in names if name.split(".")[0] in {"streamlit", "pages", "app"}]
    assert not wrong


def test_the_engine_imports_at_the_top() -> None:
    inside = [f"{module}: import inside {node.name}, line {inner.lineno}" for module in MODULES
              for node in nodes(module, ast.FunctionDef, ast.AsyncFunctionDef)
              for inner in ast.walk(node) if isinstance(inner, ast.Import | ast.ImportFrom)]
    assert not inside


CLOCKS = re.compile(r"\btime\.time(_ns)?\(|datetime\.(now|utcnow|today)\(|date\.today\(|\bCURRENT_(TIMESTAMP|TIME|DATE)\b")


def test_only_the_clock_reads_the_clock() -> None:
    assert not [f"{module}: {found.group()}" for module in MODULES if module != "clock"
                for found in CLOCKS.finditer(FILES[module].read_text())]


# ------------------------------------------------------------ tables and their owners

WRITES = re.compile(r"\b(?:INSERT(?:\s+OR\s+\w+)?\s+INTO|(?<!DO )(?<!FOR )UPDATE(?!\s+SET\b)|DELETE\s+FROM|TRUNCATE)\s+"
                    r"(?:ONLY\s+)?([a-z_]\w*|\{)")


def texts(module: str) -> Iterator[str]:
    """The strings of a module, holes of f-strings as {}."""
    for node in nodes(module, ast.JoinedStr, ast.Constant):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node.value, str):
            yield node.value


def calls(module: str) -> Iterator[str]:
    """The tables named by a store's insert_many and upsert_many, { where the name is no plain text."""
    for node in nodes(module, ast.Call):
        if not (isinstance(node.func, ast.Attribute) and node.args):
            continue
        if node.func.attr in {"insert_many", "upsert_many"} and re.search(r"(store|inbox|self)$", ast.unparse(node.func.value)):
            table = node.args[0]
            yield str(table.value) if isinstance(table, ast.Constant) else "{"


@cache
def writes(module: str) -> frozenset[str]:
    """The tables a module writes."""
    return frozenset(chain.from_iterable(WRITES.findall(text) for text in texts(module))) | frozenset(calls(module))


def stands_under(module: str, owner: str) -> bool:
    return module == owner or module.startswith(owner + ".")


def test_a_table_is_written_by_its_owner_only() -> None:
    foreign = [f"{module} writes {table}, which {owner_of(table)} owns" for module in MODULES
               for table in writes(module) & OWNED if not stands_under(module, owner_of(table))]
    assert not foreign


def test_a_module_names_the_tables_it_writes() -> None:
    silent = [module for module in MODULES if "{" in writes(module)]
    assert [module for module in silent if not any(stands_under(module, owner) for owner in ANY_TABLE)] == []


def test_the_scan_sees_what_it_must() -> None:
    owners = {table: [module for module in MODULES if table in writes(module)] for table in OWNED}
    assert owners["consent"] and owners["event"] and owners["contact"] and owners["heartbeat"] == ["service.health"]
    assert WRITES.findall("INSERT INTO a; UPDATE b SET x; DELETE FROM c; INSERT OR IGNORE INTO d") == ["a", "b", "c", "d"]
    assert not WRITES.findall("ON CONFLICT (a) DO UPDATE SET x = 1; SELECT 1 FOR UPDATE OF t; to update it")


def test_each_owner_exists() -> None:
    assert not {table.name: table.owner for table in (*TABLES, INBOX) if table.owner not in FILES}


def test_every_table_that_knows_people_says_how_they_are_merged_erased_and_exported() -> None:
    knowing = {table.name for table in (*TABLES, INBOX) if re.search(r"\bcontact_id\b", table.columns)}
    assert knowing == set(PERSON_TABLES)


def test_what_merging_looks_at_exists() -> None:
    columns = {table.name: table.columns for table in TABLES}
    for name, handling in PERSON_TABLES.items():
        for column in (*handling.strip, *handling.unique):
            assert re.search(rf"\b{column} ", columns[name]), f"{name}.{column}"
        assert (handling.merge == "repoint_or_drop") == bool(handling.unique), name
        assert (handling.erase == "strip") == bool(handling.strip), name


# ------------------------------------------------------------ size


def test_a_file_can_be_read_in_one_sitting() -> None:
    long = []
    for folder in ("engine", "pages", "tests", "benchmarks"):
        most = MOST_TEST_LINES if folder == "tests" else MOST_LINES
        for file in (ENGINE.parent / folder).rglob("*.py"):
            if (lines := len(file.read_text().splitlines())) >= most:
                long.append(f"{file.relative_to(ENGINE.parent)} has {lines} lines; the most is {most - 1}")
    assert not long
