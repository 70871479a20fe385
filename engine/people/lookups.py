"""Many rows by their keys, in statements of one shape so that they are prepared once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from ..store import Row, Store

PART = 500  # values per statement: below every limit on bound values
_FEW = 20  # up to here a statement of its own length; above, one of these lengths, filled up with the last value
_LENGTHS = (100, PART)


def rows_in(store: Store, statement: str, values: Iterable[Any], **params: Any) -> Iterator[Row]:
    """Rows of a statement that says `IN ({values})`, part by part."""
    listed = list(dict.fromkeys(values))
    length = len(listed) if len(listed) <= _FEW else next((one for one in _LENGTHS if len(listed) <= one), PART)
    if not listed:
        return
    names, holes = _named(length)
    text = statement.replace("{values}", holes)
    for at in range(0, len(listed), length):
        part = listed[at:at + length]
        part += [part[-1]] * (length - len(part))
        yield from store.rows(text, **params, **dict(zip(names, part, strict=True)))


@lru_cache(_FEW + len(_LENGTHS))
def _named(count: int) -> tuple[tuple[str, ...], str]:
    names = tuple(f"v{place}" for place in range(count))
    return names, ", ".join(f":{name}" for name in names)
