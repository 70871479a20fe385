"""Notes on the canvas: remarks to each other that nobody passes, kept in the journey file under `notes`."""

from __future__ import annotations

from typing import Any

from ..errors import Problem

NOTE_TYPE = "note"
KIND: dict[str, Any] = {
    "label": "Note", "icon": "sticky_note_2", "color": "#a16207", "color_dark": "#facc15", "group": "Notes", "shape": "note",
    "ports": [], "description": "A remark on the canvas; nobody passes it"}
LONGEST, MOST = 2_000, 100
Card = dict[str, Any]


def of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The notes of a document that can be drawn."""
    held = document.get("notes")
    ids = {str(node.get("id")) for node in document.get("nodes") or [] if isinstance(node, dict)}
    return [one for one in held if not _wrong(one) and str(one["id"]) not in ids] if isinstance(held, list) else []


def check(document: dict[str, Any]) -> list[Problem]:
    """What is wrong with the notes of a file."""
    held = document.get("notes")
    if held is None:
        return []
    if not isinstance(held, list) or len(held) > MOST:
        return [Problem("notes", "bad_notes", f"`notes` is a list of at most {MOST}: {{id: …, text: …, at: [x, y]}}.")]
    found = [Problem(f"notes[{i}]", "bad_notes", said) for i, one in enumerate(held) if (said := _wrong(one))]
    names = [str(one.get("id")) for one in [*held, *(document.get("nodes") or [])] if isinstance(one, dict)]
    return found + [Problem("notes", "duplicate_id", f"Two things on the canvas are called {name!r}.")
                    for name in sorted({str(one.get("id")) for one in held if isinstance(one, dict)}) if names.count(name) > 1]


def _wrong(one: Any) -> str:
    if not isinstance(one, dict) or set(one) != {"id", "text", "at"} or not one["id"]:
        return "A note is written {id: …, text: …, at: [x, y]}."
    if not isinstance(one["text"], str) or len(one["text"]) > LONGEST:
        return f"The text of a note has at most {LONGEST:,} characters."
    at = one["at"]
    fine = isinstance(at, list) and len(at) == 2 and all(isinstance(n, int | float) and not isinstance(n, bool) for n in at)
    return "" if fine else "`at` is [x, y]."


def card(one: dict[str, Any]) -> Card:
    """A note as the canvas draws it."""
    return {"id": str(one["id"]), "type": NOTE_TYPE, "title": "Note", "x": one["at"][0], "y": one["at"][1], "data": one}


def decorated(node: Card) -> Card:
    """With what it says."""
    return {**node, "summary": node["data"].get("text") or "Click it to write.", "note": "", "ports": []}


def written(nodes: list[Card], document: dict[str, Any]) -> dict[str, Any]:
    """The document with the notes that are on the canvas, where they are now."""
    made = [{"id": node["id"], "text": str(node["data"].get("text") or ""), "at": [node["x"], node["y"]]}
            for node in nodes if node["type"] == NOTE_TYPE]
    if made:
        return {**document, "notes": made}
    return {key: value for key, value in document.items() if key != "notes"}


def changed(document: dict[str, Any], key: str, text: str) -> dict[str, Any]:
    """The document with another text in one note."""
    return {**document, "notes": [{**one, "text": text[:LONGEST]} if str(one["id"]) == key else one for one in of(document)]}
