"""Characters as they are compared and searched, the same on both engines."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from ..sql import fold

_LAST_CASED, _LAST_ACCENTED = 0x1EFFF, 0x1FFF  # beyond them no letter has a case, no letter an accent
COMBINING = "".join(map(chr, range(0x300, 0x370)))  # accents that stand behind their letter: left out of searches


def bare(text: str) -> str:
    """Without case and without accents: what a search compares."""
    return "".join(_bare(char) for char in text if char not in COMBINING)


def words(text: str) -> list[str]:
    """The words of a search, bare."""
    return re.findall(r"[^\W_]+", bare(text))


@lru_cache
def pairs(change: Callable[[str], str]) -> tuple[str, str]:
    """Every character beyond ASCII that `change` makes into another one, and what it makes of each."""
    sources = [char for char in map(chr, range(0x80, _LAST_CASED)) if change(char) != char and len(change(char)) == 1]
    return "".join(sources), "".join(map(change, sources))


def _bare(char: str) -> str:
    if char.isascii() or ord(char) > _LAST_ACCENTED:
        return fold(char)
    first, *rest = list(unicodedata.normalize("NFD", char))
    return fold(first if all(unicodedata.combining(mark) for mark in rest) else char)
