"""Places for the cards of a journey: those that the file names, and the others worked out, top to bottom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

START = "(start)"  # no node can be called that: an id begins with a letter
CARD_PX, PORT_PX = 248, 94  # as wide as the canvas draws a card, and each port on it
GAP_PX, ROW_PX = 42, 190
Place = tuple[float, float]
Led = Mapping[str, Mapping[str, str]]  # node -> port -> node


def places(document: Mapping[str, Any], led: Led) -> dict[str, Place]:
    """Where every node of the document stands, and the start: x, y in pixels of the upper left corner."""
    keys = list(led)
    known = _named(document.get("layout"), [START, *keys])
    if not any(key in known for key in keys):
        return {**_laid_out(keys, led), **known}
    found = dict(known)
    for key in keys:
        if key not in found:
            found[key] = _below(key, led, found)
    if START not in found:
        x, y = found[keys[0]]
        found[START] = (x, y - ROW_PX)
    return {key: found[key] for key in (START, *keys)}


def _named(layout: Any, keys: list[str]) -> dict[str, Place]:
    if not isinstance(layout, Mapping):
        return {}
    spots = {key: layout.get(key) for key in keys}
    return {key: (spot[0], spot[1]) for key, spot in spots.items() if isinstance(spot, list) and len(spot) == 2
            and all(isinstance(one, int | float) and not isinstance(one, bool) for one in spot)}


def _below(key: str, led: Led, found: Mapping[str, Place]) -> Place:
    """A free spot below the node that leads here, else below everything."""
    parent = next((source for source, ports in led.items() if key in ports.values() and source in found), None)
    x, y = found[parent] if parent else (0.0, max(spot[1] for spot in found.values()))
    y += ROW_PX
    while any(abs(left - x) < CARD_PX and abs(top - y) < ROW_PX - GAP_PX for left, top in found.values()):
        x += CARD_PX + GAP_PX
    return x, y


def _laid_out(keys: list[str], led: Led) -> dict[str, Place]:
    """Rows by the longest way from the start; in a row, children stand below their parents in the order of the ports."""
    rows: dict[int, list[str]] = {}
    for key, rank in _ranks(keys, led).items():
        rows.setdefault(rank, []).append(key)
    middle: dict[str, float] = {START: 0.0}
    for rank in sorted(rows):
        wish = {key: _wish(key, led, middle) for key in rows[rank]}
        row = sorted(rows[rank], key=lambda key: wish[key])
        middle |= _spread(row, wish, {key: _width(led[key]) for key in row})
    found: dict[str, Place] = {START: (-CARD_PX / 2, 0.0)}
    for rank, row in rows.items():
        found |= {key: (round(middle[key] - _width(led[key]) / 2, -1), float((rank + 1) * ROW_PX)) for key in row}
    return {key: (int(found[key][0]), int(found[key][1])) for key in (START, *keys)}


def _width(ports: Mapping[str, str]) -> float:
    return float(max(CARD_PX, len(ports) * PORT_PX + 16))


def _wish(key: str, led: Led, middle: Mapping[str, float]) -> float:
    """Below the mean of the ports that lead here."""
    above = [middle[source] + (list(ports).index(port) - (len(ports) - 1) / 2) * (CARD_PX + GAP_PX)
             for source, ports in led.items() if source in middle for port, target in ports.items() if target == key]
    return sum(above) / len(above) if above else 0.0


def _spread(row: list[str], wish: Mapping[str, float], width: Mapping[str, float]) -> dict[str, float]:
    """Wishes moved apart until no two cards overlap, the row as a whole where it wished to be."""
    found: dict[str, float] = {}
    edge = float("-inf")
    for key in row:
        found[key] = max(wish[key], edge + width[key] / 2)
        edge = found[key] + width[key] / 2 + GAP_PX
    drift = sum(found[key] - wish[key] for key in row) / len(row)
    return {key: at - drift for key, at in found.items()}


def _ranks(keys: list[str], led: Led) -> dict[str, int]:
    """The longest way to each node over edges that do not lead back."""
    order = _order(keys, led)
    at = {key: place for place, key in enumerate(order)}
    rank = dict.fromkeys(order, 0)
    for key in order:
        for target in led[key].values():
            if target in at and at[target] > at[key]:
                rank[target] = max(rank[target], rank[key] + 1)
    return {key: rank[key] for key in order}


def _order(keys: list[str], led: Led) -> list[str]:
    """Nodes before those they lead to, edges that close a circle left out (depth first, reversed)."""
    seen: set[str] = set()
    done: list[str] = []
    for root in keys:
        if root in seen:
            continue
        seen.add(root)
        stack = [(root, iter(reversed(list(led[root].values()))))]
        while stack:
            key, rest = stack[-1]
            child = next((one for one in rest if one in led and one not in seen), None)
            if child is None:
                stack.pop()
                done.append(key)
            else:
                seen.add(child)
                stack.append((child, iter(reversed(list(led[child].values())))))
    return done[::-1]
