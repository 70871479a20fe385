"""The committed bundle is the one its sources make, and edits are taken over without losing what people typed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pages.widgets.canvas import adopt

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "frontend" / "journey_canvas"
STATIC = ROOT / "static"
FILES = ["package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "stamp.ts"]


def _recorded() -> dict[str, str]:
    lines = (STATIC / "journey_canvas.sources.sha256").read_text().splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


def _sources_hash() -> str:
    """What stamp.ts computes at build time."""
    inside = [p.relative_to(SOURCES).as_posix() for p in (SOURCES / "src").rglob("*") if p.is_file()]
    digest = hashlib.sha256()
    for name in sorted([*FILES, *inside]):
        digest.update(f"{name}\0".encode() + (SOURCES / name).read_bytes() + b"\0")
    return digest.hexdigest()


def test_the_bundle_was_built_from_the_sources_beside_it() -> None:
    assert _recorded()["sources"] == _sources_hash(), "stale: run `npm ci && npm run build` in frontend/journey_canvas"


@pytest.mark.parametrize("name", ["journey_canvas.js", "journey_canvas.css"])
def test_the_bundle_is_what_that_build_wrote(name: str) -> None:
    assert _recorded()[name] == hashlib.sha256((STATIC / name).read_bytes()).hexdigest()


def test_the_lockfile_names_no_place_to_download_from() -> None:
    assert '"resolved"' not in (SOURCES / "package-lock.json").read_text()


def test_the_sources_never_write_markup() -> None:
    text = "".join(p.read_text() for p in (SOURCES / "src").rglob("*.ts*"))
    assert "innerhtml" not in text.lower()


def _node(name: str, **more: object) -> dict[str, object]:
    return {"id": name, "type": "send", "title": name, "x": 0, "y": 0, "data": {}, **more}


def test_an_edit_brings_structure_and_positions_and_leaves_settings() -> None:
    ours = {"nodes": [_node("a", title="typed since", data={"to": 1}), _node("gone")], "edges": [], "edit": 4, "name": "kept"}
    link = {"id": "a.next-b", "source": "a", "port": "next", "target": "b"}
    sent = {"nodes": [_node("b", data={"new": 1}), _node("a", x=50)], "edges": [link], "edit": 5, "rev": 1, "at": 0}
    taken = adopt(ours, sent)
    assert taken == {
        "nodes": [_node("b", data={"new": 1}), _node("a", title="typed since", data={"to": 1}, x=50)],
        "edges": [link], "edit": 5, "name": "kept",
    }  # fmt: skip
    assert ours["nodes"][0]["x"] == 0  # type: ignore[index]
