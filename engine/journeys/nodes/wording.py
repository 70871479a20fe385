"""Texts of steps that SQL fills in with what brought each person there: `{{ trigger.NAME }}`, also called `event`.

`{{ trigger.NAME | default('…') }}` says what stands there for who came without it; otherwise nothing does. Messages know more
(the contact, conditions): they are rendered one by one, these a batch at a time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator

from ...errors import Problem
from ...sql import Sql, join, sql

LONGEST = 500  # characters of a text once it is filled in
_HOLE = re.compile(r"""\{\{\s*(?:trigger|event)(?:\.(\w+)|\[\s*(?:'([^']+)'|"([^"]+)")\s*\])\s*
    (?:\|\s*default\(\s*(?:'([^']*)'|"([^"]*)")\s*\)\s*)?\}\}""", re.VERBOSE)
_CODE = re.compile(r"\{\{|\}\}|\{%|%\}|\{#")
_SEES = "may use {{ trigger.NAME }}, a property of what brought the person here, and {{ trigger.NAME | default('…') }}"
_TEXT = """CASE JSON_KIND(r.props, :prop) WHEN 'string' THEN CAST(r.props ->> CAST(:prop AS TEXT) AS TEXT)
    WHEN 'number' THEN CAST(r.props ->> CAST(:prop AS TEXT) AS TEXT)
    WHEN 'boolean' THEN CASE JSON_BOOL(r.props, :prop) WHEN 1 THEN 'true' ELSE 'false' END END"""


def check(value: Any) -> Any:
    """A text, or a document with texts in it, as it is. Raises ValueError: code that only messages understand."""
    for text in texts(value):
        if found := _CODE.search(_HOLE.sub("", text)):
            raise ValueError(f"{found.group()} can not be read here: only {{{{ trigger.NAME }}}}, or {{{{ trigger.NAME | "
                             "default('…') }}, is filled in, with a property of what brought the person here")
    return value


Words = Annotated[str, AfterValidator(check)]


def help_on(what: str = "") -> str:
    """The description of a setting: what it is, and what it may use."""
    return f"{what}; {_SEES}" if what else _SEES


def texts(value: Any) -> Iterator[str]:
    """Every text in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)


def remarks(where: str, value: Any) -> list[Problem]:
    """Properties that have no default: who comes without one leaves a gap."""
    names = dict.fromkeys(_name(hole) for text in texts(value) for hole in _HOLE.finditer(text)
                          if _default(hole) is None and hole.group() != text)
    return [Problem(where, "no_default", f"Who comes without {name!r} leaves a gap in the text: write {{{{ trigger.{name} | "
                    "default('…') }}.", "advice") for name in names]


def filled(text: str, otherwise: str | None = None) -> Sql:
    """The text of each row b of `batch`; `otherwise` where nothing is left of it."""
    if not _HOLE.search(text):
        return sql("CAST(:text AS TEXT)", text=text)
    return _of_passage(sql(f"COALESCE(NULLIF(SUBSTR(TRIM({{text}}), 1, {LONGEST}), ''), CAST(:otherwise AS TEXT))",
                           text=_text(text), otherwise=otherwise))


def filled_json(value: Any) -> Sql:
    """A document of each row b of `batch`, as JSON text. A text that is nothing but a property keeps its type."""
    return _of_passage(_json(value)) if any(_HOLE.search(text) for text in texts(value)) else _plain(value)


def _of_passage(expression: Sql) -> Sql:
    """Worked out where there is no passage, too: a text is never NULL for the lack of one."""
    return sql("(SELECT {expression} FROM (SELECT 1 AS one) o LEFT JOIN enrollment r ON r.id = b.enrollment_id)",
               expression=expression)


def _json(value: Any) -> Sql:
    if isinstance(value, dict):
        return _joined("{", [sql("{key} || ':' || {value}", key=_plain(key), value=_json(inner))
                             for key, inner in sorted(value.items())], "}")
    if isinstance(value, list):
        return _joined("[", [_json(inner) for inner in value], "]")
    if not isinstance(value, str) or not _HOLE.search(value):
        return _plain(value)
    hole = _HOLE.fullmatch(value)
    if hole and _default(hole) is None:
        return sql("COALESCE(CAST(r.props -> CAST(:prop AS TEXT) AS TEXT), 'null')", prop=_name(hole))
    return sql("json_quote({text})", text=_text(value))


def _joined(start: str, parts: list[Sql], end: str) -> Sql:
    inner = join(" || ',' || ", parts) if parts else sql("''")
    return sql(f"'{start}' || {{inner}} || '{end}'", inner=inner)


def _plain(value: Any) -> Sql:
    return sql("CAST(:json AS TEXT)", json=json.dumps(value, sort_keys=True))


def _text(text: str) -> Sql:
    parts, at = [], 0
    for hole in _HOLE.finditer(text):
        parts.append(sql("CAST(:said AS TEXT)", said=text[at:hole.start()]))
        parts.append(sql(f"COALESCE(NULLIF(TRIM({_TEXT}), ''), CAST(:default AS TEXT))", prop=_name(hole),
                         default=_default(hole) or ""))
        at = hole.end()
    return join(" || ", [*parts, sql("CAST(:said AS TEXT)", said=text[at:])])


def _name(hole: re.Match[str]) -> str:
    return next(one for one in hole.groups()[:3] if one is not None)


def _default(hole: re.Match[str]) -> str | None:
    return next((one for one in hole.groups()[3:] if one is not None), None)
