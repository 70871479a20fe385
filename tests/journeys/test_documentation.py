"""What is written down of journey files follows from the classes that read them; `python -m tests.test_docs` writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from engine.journeys import canvas, documents
from engine.journeys.file_schema import file_schema
from engine.journeys.nodes import node_types

from .test_battery import EXAMPLES, around

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMA, NODES = DOCS / "journey-schema.json", DOCS / "journey-nodes.md"
HEAD = """# Every journey node, with an example

What each node of a journey file does, its settings, the ways out of it and a line of a file. [Journeys](journeys.md) says how
nodes work together, [journey-schema.json](journey-schema.json) is the same for programs. Written by
`python -m tests.test_docs`.
"""


def schema_text() -> str:
    return json.dumps(file_schema(), indent=1, ensure_ascii=False) + "\n"


def nodes_text() -> str:
    groups: dict[str, list[str]] = {}
    for name, cls in sorted(node_types().items()):
        groups.setdefault(cls.group, []).append(section(name))
    return HEAD + "".join(f"\n## {group}\n\n{''.join(parts)}".rstrip() + "\n" for group, parts in sorted(groups.items()))


def section(name: str) -> str:
    cls = node_types()[name]
    said = " ".join((cls.__doc__ or "").strip().split("\n\n")[0].split())
    own = [key for key in cls.model_json_schema()["properties"] if key not in {"id", "type", "note", "next", "on"}]
    ports = [port["id"] for port in canvas.kinds()[name]["ports"]]
    lines = "".join(line(name, example) for example in (cls.example, *cls.variants))
    return (f"### `{name}` · {cls.label}\n\n{said}\n\nSettings: {', '.join(f'`{one}`' for one in own) or 'none'}. "
            f"Leaves by: {', '.join(f'`{port}`' for port in ports) or 'nothing, people end here'}.\n\n```yaml\n{lines}```\n\n")


def line(name: str, example: dict[str, Any]) -> str:
    text = documents.dump({"nodes": [{"id": "step", "type": name, **example}]})
    return text.replace("END", "done").removeprefix("nodes:\n")


def test_the_schema_of_the_file_is_the_one_that_is_written_down() -> None:
    assert SCHEMA.read_text() == schema_text(), "run `python -m tests.test_docs` and look at the difference"


def test_every_node_is_written_down_with_its_examples() -> None:
    assert NODES.read_text() == nodes_text(), "run `python -m tests.test_docs` and look at the difference"


@pytest.mark.parametrize(("kind", "which"), EXAMPLES, ids=str)
def test_the_schema_takes_what_the_engine_takes_and_refuses_the_rest(kind: str, which: int) -> None:
    document, checker = around(kind, which), jsonschema.Draft202012Validator(file_schema())
    document.pop("reentry", None)
    assert [error.message for error in checker.iter_errors(document)] == []
    nodes = [{**one, "colour": "red"} if one["id"] == "subject" else one for one in document["nodes"]]
    assert not checker.is_valid({**document, "nodes": nodes})


def write() -> None:
    SCHEMA.write_text(schema_text())
    NODES.write_text(nodes_text())
