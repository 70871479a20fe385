"""Two journey documents compared, in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..store import Store
from . import versions


def text_of(store: Store, name: str) -> str:
    """The text of a file, or of the live version of a journey. Raises NotFound, BadInput."""
    path = Path(name)
    if path.suffix.lower() in (".yaml", ".yml", ".json") or path.is_file():
        try:
            return path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{name}: {getattr(error, 'strerror', None) or 'not a UTF-8 text'}") from None
    return versions.get_live(store, name).document


def compare(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """One sentence per difference. Positions on the canvas do not count."""
    said = [_changed(key, old.get(key), new.get(key)) for key in ("name", "campaign", "goal", "entry", "exit")
            if old.get(key) != new.get(key)]
    before, after = _nodes(old), _nodes(new)
    said += [f"The node {key} ({after[key].get('type')}) is new." for key in after if key not in before]
    said += [f"The node {key} ({before[key].get('type')}) is gone." for key in before if key not in after]
    for key in before.keys() & after.keys():
        names = sorted(before[key].keys() | after[key].keys())
        said += [_changed(f"{key}.{name}", before[key].get(name), after[key].get(name)) for name in names
                 if before[key].get(name) != after[key].get(name)]
    shared = [key for key in before if key in after]
    if shared != [key for key in after if key in before]:
        said.append("The order of the nodes has changed.")
    return said


def _nodes(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {str(node.get("id")): node for node in document.get("nodes") or [] if isinstance(node, dict)}


def _changed(what: str, old: Any, new: Any) -> str:
    return f"{what}: {_shown(old)} becomes {_shown(new)}."


def _shown(value: Any) -> str:
    return "nothing" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
