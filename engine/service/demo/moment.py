"""What makes a workspace a demo, and what time it is in it."""

from __future__ import annotations

from typing import Any

from ...access import moment, set_setting, setting
from ...errors import Conflict
from ...store import Store

SETTING = "demo"


def find(store: Store) -> dict[str, Any] | None:
    """What the demo knows of itself: created_at, clock_offset_s, past_until (from there on the real loop ran),
    answered_until, small, ready."""
    found: dict[str, Any] | None = setting(store, SETTING)
    return found


def is_demo(store: Store) -> bool:
    """Whether this workspace holds the made-up company."""
    return find(store) is not None


def is_ready(store: Store) -> bool:
    """Whether it has been made to its end."""
    return bool((find(store) or {}).get("ready"))


def get(store: Store) -> dict[str, Any]:
    """The same; raises Conflict on a workspace that is no demo."""
    found = find(store)
    if found is None:
        raise Conflict("this is not the demo company: fast-forward and starting again would change real people's data; "
                       "make a demo with `python -m engine --db sqlite:///data/demo.db init --demo`")
    return found


def now(store: Store, clock_now: int) -> int:
    """The demo's own moment, which fast-forward moves on; the clock's for any other workspace."""
    return moment(store, clock_now)


def save(store: Store, **facts: Any) -> None:
    """Change what the demo knows of itself."""
    set_setting(store, SETTING, {**(find(store) or {}), **facts})
