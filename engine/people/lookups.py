"""Many rows by their keys, in statements of one shape so that they are prepared once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..store import Row, Store

PART = 500  # values per statement: below every limit on bound values
_FEW = 20  # up to here a statement of its own length; above, the last part is filled up with its last value


def rows_in(store: Store, statement: str, values: Iterable[Any], **params: Any) -> Iterator[Row]:
    """Rows of a statement that says `IN ({values})`, part by part."""
    listed = list(dict.fromkeys(values))
    for at in range(0, len(listed), PART):
        part = listed[at:at + PART]
        part += [part[-1]] * (PART - len(part) if len(listed) > _FEW else 0)
        named = {f"v{place}": value for place, value in enumerate(part)}
        yield from store.rows(statement.replace("{values}", ", ".join(f":{name}" for name in named)), **params, **named)
