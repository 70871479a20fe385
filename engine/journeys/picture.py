"""A journey as a picture: SVG as the canvas lays it out, and Mermaid for documents."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping
from typing import Any

from . import canvas
from .layout import CARD_PX, PORT_PX
from .nodes import Known

Counts = Mapping[str, Mapping[str, int]]
_HEAD_PX, _LINE_PX, _PAD_PX, _LETTERS = 64, 15, 24, 36
_INK, _QUIET, _LINE = "#1e2233", "#5b6478", "#9aa3b8"


def files(document: dict[str, Any], known: Known, counts: Counts | None = None, *, name: str | None = None) -> dict[str, str]:
    """The journey to take along: `name`, and what there is of it, `svg` and `mermaid`."""
    return {"name": name or str(document.get("name") or "journey"), "svg": svg(document, known, counts),
            "mermaid": mermaid(document, known)}


def mermaid(document: dict[str, Any], known: Known) -> str:
    """The journey as a Mermaid flowchart: a node with its sentence, an arrow for each port."""
    graph = canvas.decorated(canvas.to_graph(document, known), document, known)
    ids = {node["id"]: f"n{number}" for number, node in enumerate(graph["nodes"])}
    lines = ["flowchart TD"]
    for node in graph["nodes"]:
        said = f"<b>{_quoted(node['title'])}</b><br/>{_quoted(node['summary'])}"
        start, end = ("([", "])") if node["type"] in (canvas.START_TYPE, "exit") else ("[", "]")
        lines.append(f'    {ids[node["id"]]}{start}"{said}"{end}')
    for edge in graph["edges"]:
        port = "" if edge["port"] == "next" else f'|"{_quoted(edge["port"])}"|'
        lines.append(f"    {ids[edge['source']]} -->{port} {ids[edge['target']]}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Text between the quotes of a Mermaid label."""
    return html.escape(" ".join(str(text).split()), quote=True).replace("#", "&#35;").replace("&", "#").replace("##35;", "#35;")


def svg(document: dict[str, Any], known: Known, counts: Counts | None = None) -> str:
    """The journey as a picture of its own, places as on the canvas. counts: people who left by each port, node -> port -> n."""
    graph = canvas.decorated(canvas.to_graph(document, known), document, known)
    boxes = {node["id"]: _Box(node) for node in graph["nodes"]}
    left, top = min(box.x for box in boxes.values()), min(box.y for box in boxes.values())
    wide = max(box.x + box.width for box in boxes.values()) - left + 2 * _PAD_PX
    high = max(box.y + box.height for box in boxes.values()) - top + 2 * _PAD_PX
    drawn = [_edge(boxes, edge, (counts or {}).get(edge["source"], {})) for edge in graph["edges"]]
    drawn += [box.drawn() for box in boxes.values()]
    name = html.escape(str(document.get("name", "Journey")))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left - _PAD_PX:.0f} {top - _PAD_PX:.0f} {wide:.0f} {high:.0f}" '
            f'width="{wide:.0f}" height="{high:.0f}" font-family="system-ui, sans-serif" role="img" aria-label="{name}">'
            f'<title>{name}</title><defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
            f'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="{_LINE}"/></marker></defs>'
            f'<rect x="{left - _PAD_PX:.0f}" y="{top - _PAD_PX:.0f}" width="{wide:.0f}" height="{high:.0f}" fill="#ffffff"/>'
            f'{"".join(drawn)}</svg>\n')


class _Box:
    """One card."""

    def __init__(self, node: dict[str, Any]) -> None:
        self.node, self.x, self.y = node, float(node["x"]), float(node["y"])
        self.ports = [port["id"] for port in node.get("ports") or [{"id": "next"}]]
        self.labels = {port["id"]: port["label"] for port in node.get("ports") or []}
        self.lines = textwrap.wrap(str(node["summary"]), _LETTERS)[:3]
        self.width = float(max(CARD_PX, len(self.ports) * PORT_PX + 16))
        self.height = _HEAD_PX + _LINE_PX * (len(self.lines) - 1) + (18 if any(self.labels.values()) else 0)

    def port(self, name: str) -> tuple[float, float]:
        """Where an arrow leaves."""
        place = self.ports.index(name) if name in self.ports else 0
        return self.x + self.width * (place + 0.5) / max(len(self.ports), 1), self.y + self.height

    def drawn(self) -> str:
        """The card with its title, its sentence and the names of its ports."""
        color = canvas.kinds().get(self.node["type"], {}).get("color", _QUIET)
        said = [_text(self.x + 14, self.y + 22, self.node["title"], 13, _INK, "600")]
        said += [_text(self.x + 14, self.y + 42 + _LINE_PX * i, line, 11, _QUIET) for i, line in enumerate(self.lines)]
        said += [_text(self.port(port)[0], self.y + self.height - 7, label, 10, color, anchor="middle")
                 for port, label in self.labels.items() if label]
        return (f'<rect x="{self.x:.0f}" y="{self.y:.0f}" width="{self.width:.0f}" height="{self.height:.0f}" rx="10" '
                f'fill="#ffffff" stroke="{color}" stroke-width="1.5"/>{"".join(said)}')


def _text(x: float, y: float, words: str, size: int, color: str, weight: str = "400", anchor: str = "start",
          halo: bool = False) -> str:
    """halo: white around the letters, where a line runs behind them."""
    around = ' stroke="#ffffff" stroke-width="4" paint-order="stroke"' if halo else ""
    return (f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{color}" font-weight="{weight}" text-anchor="{anchor}"'
            f"{around}>{html.escape(str(words))}</text>")


def _edge(boxes: dict[str, _Box], edge: dict[str, str], counts: Mapping[str, int]) -> str:
    x1, y1 = boxes[edge["source"]].port(edge["port"])
    target = boxes[edge["target"]]
    x2, y2 = target.x + target.width / 2, target.y
    bend = max(40.0, abs(y2 - y1) / 2)
    line = (f'<path d="M{x1:.0f},{y1:.0f} C{x1:.0f},{y1 + bend:.0f} {x2:.0f},{y2 - bend:.0f} {x2:.0f},{y2:.0f}" fill="none" '
            f'stroke="{_LINE}" stroke-width="1.5" marker-end="url(#tip)"/>')
    count = counts.get(edge["port"], 0)
    return line + (_text((x1 + x2) / 2 + 4, (y1 + y2) / 2, f"{count:,}", 10, _QUIET, halo=True) if count else "")
