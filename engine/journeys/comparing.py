"""Two journey documents compared, in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import BadInput, ThroughlineError
from ..store import Store
from . import canvas, drafts, versions
from .graph import ExitRule, Limits, Target
from .nodes import Known
from .triggers import Entry

_SHAPE = frozenset({"id", "next", "on", "note", "node"})  # told as lines drawn and notes, not as settings


def text_of(store: Store, name: str) -> str:
    """The text of a file, or of a journey: the live version, `NAME@3`, `NAME@draft`. Raises NotFound, BadInput."""
    path = Path(name)
    if path.suffix.lower() in (".yaml", ".yml", ".json") or path.is_file():
        try:
            return path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{name}: {getattr(error, 'strerror', None) or 'not a UTF-8 text'}") from None
    at = re.fullmatch(r"(.+)@(\d+|draft)", name)
    if at is None:
        return versions.get_live(store, name).document
    if at[2] == "draft":
        return drafts.open_draft(store, at[1]).document
    return versions.get_version(store, at[1], int(at[2])).document


def compare(old: dict[str, Any], new: dict[str, Any], known: Known) -> list[str]:
    """One sentence per difference. Positions on the canvas do not count."""
    said = [_changed(key, old.get(key), new.get(key)) for key in ("name", "campaign") if old.get(key) != new.get(key)]
    said += _about(old, new, known)
    before, after = _nodes(old), _nodes(new)
    said += [f"New step “{key}”: {_sentence(after[key], known)}" for key in after if key not in before]
    said += [f"The step “{key}” is gone: {_sentence(before[key], known)}" for key in before if key not in after]
    for key in (key for key in after if key in before):
        said += _step(before[key], after[key], known)
    if before and after and next(iter(before)) != next(iter(after)):
        said.append(f"People enter at “{next(iter(after))}” instead of “{next(iter(before))}”.")
    return said


def _about(old: dict[str, Any], new: dict[str, Any], known: Known) -> Iterator[str]:
    """What concerns the journey as a whole."""
    for label, key, told in (("Entry", "entry", _entry), ("Goal", "goal", _goal), ("Limits", "limits", _limits)):
        if old.get(key) != new.get(key):
            yield _instead(label, told(old.get(key), known), told(new.get(key), known))
    was, now = (_exits(one.get("exit"), known) for one in (old, new))
    yield from (f"New exit rule: {one}" for one in now if one not in was)
    yield from (f"The exit rule is gone: {one}" for one in was if one not in now)


def _step(old: dict[str, Any], new: dict[str, Any], known: Known) -> Iterator[str]:
    key = str(new["id"])
    was, now = _sentence(old, known), _sentence(new, known)
    if was != now:
        yield _instead(f"“{key}”", was, now)
    else:
        yield from (_changed(f"“{key}”, {name}", old.get(name), new.get(name)) for name in dict.fromkeys([*old, *new])
                    if name not in _SHAPE and old.get(name) != new.get(name))
    led, leads = canvas.wants(old, known), canvas.wants(new, known)
    for port in dict.fromkeys([*led, *leads]):
        if led.get(port) != leads.get(port):
            way = f"After “{key}”" if port == "next" else f"After “{key}”, {port}:"
            yield f"{way} people go to {_to(leads.get(port))} instead of {_to(led.get(port))}."
    if old.get("note") != new.get("note"):
        yield f"The note on “{key}” has changed."


def _to(node: str | None) -> str:
    return f"“{node}”" if node else "nowhere"


def _sentence(node: dict[str, Any], known: Known) -> str:
    read = canvas.read_node(node, known)
    return read.describe() if read else f"not finished ({node.get('type')})."


def _entry(value: Any, known: Known) -> str:
    read = _read(Entry, value, known)
    return f"{read.sentence()} {read.reentry.sentence()}" if read else _shown(value)


def _goal(value: Any, known: Known) -> str:
    read = _read(Target, value, known)
    return read.sentence() if read else _shown(value)


def _limits(value: Any, known: Known) -> str:
    read = _read(Limits, value, known)
    return read.sentence() if read else _shown(value)


def _exits(value: Any, known: Known) -> list[str]:
    read = [(_read(ExitRule, one, known), one) for one in (value if isinstance(value, list) else [])]
    return [f"{rule.rule.sentence()} ({rule.reason})." if rule else _shown(one) for rule, one in read]


def _read(cls: type[Any], value: Any, known: Known) -> Any:
    try:
        return cls.model_validate(value, context={"known": known})
    except (ValueError, ThroughlineError):
        return None


def _nodes(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {str(node.get("id")): node for node in document.get("nodes") or [] if isinstance(node, dict)}


def _instead(what: str, old: str, new: str) -> str:
    return f"{what}: “{old}” becomes “{new}”"


def _changed(what: str, old: Any, new: Any) -> str:
    return f"{what}: {_shown(old)} becomes {_shown(new)}."


def _shown(value: Any) -> str:
    return "nothing" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
