"""Journey files: YAML 1.2 core schema, where only null, true, false and numbers are anything but text.

PyYAML reads `on: {yes: a}` as `{True: {True: a}}`, `10:30` as 630 and `NO` as False (docs/adr/0012).
"""

from __future__ import annotations

import io
import pickle
import re
import textwrap
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.resolver import VersionedResolver

from ..errors import BadInput

_KINDS = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?(?:\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN",
     list("-+0123456789.")),
)
LARGEST = 1_000_000  # characters of a journey file


class _CoreResolver(VersionedResolver):
    """Nothing but the core schema, whatever version a file claims: no dates, no sexagesimals, no yes and no."""

    @property
    def versioned_resolver(self) -> dict[str, list[tuple[str, re.Pattern[str]]]]:
        return _BY_FIRST


def _by_first() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    found: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for name, pattern, first in _KINDS:
        for char in first:
            found.setdefault(char, []).append((f"tag:yaml.org,2002:{name}", re.compile(rf"^(?:{pattern})$")))
    return found


_BY_FIRST = _by_first()


def load(text: str, where: str = "journey") -> dict[str, Any]:
    """The document of a journey file. Raises BadInput with line and column."""
    if len(text) > LARGEST:
        raise BadInput(f"{where}: larger than {LARGEST:,} characters")
    try:
        document = pickle.loads(_parsed(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise BadInput(f"{where}: not YAML{place}: {error.problem or error.context}") from None
    except (YAMLError, RecursionError, ValueError) as error:
        raise BadInput(f"{where}: not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(document, dict):
        raise BadInput(f"{where}: a journey file holds name, entry and nodes")
    return document


@lru_cache(128)
def _parsed(text: str) -> bytes:
    """What the text says, to be copied. The same few texts are read again and again, and reading one takes 30 ms."""
    return pickle.dumps(_reader().load(text))


def dump(document: dict[str, Any]) -> str:
    """The canonical text of a document: loading and dumping it again changes no byte."""
    writer = _reader()
    writer.default_flow_style = None  # leaves in one line, the rest in blocks
    writer.width = 120
    writer.allow_unicode = True
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = io.StringIO()
    writer.dump(document, text)
    return text.getvalue()


def load_value(text: str, where: str = "value") -> Any:
    """One setting as people write it in a file: a rule, a list, a number. Raises BadInput."""
    indented = "\n".join(f"  {line}" for line in text.splitlines())
    return load(f"value:\n{indented}\n", where)["value"]


def dump_value(value: Any) -> str:
    """The same setting as text."""
    if value is None:
        return ""
    lines = dump({"value": value, "end": [[0]]}).splitlines()  # what is no leaf is written in blocks
    lines = lines[:lines.index("end:")]
    if first := lines[0].removeprefix("value:").strip():
        return "\n".join([first, *lines[1:]])
    return textwrap.dedent("\n".join(lines[1:]))


def _reader() -> YAML:
    made = YAML(typ="safe", pure=True)
    made.Resolver = _CoreResolver
    made.version = None
    return made
