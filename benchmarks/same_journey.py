"""How journeys are usually run: one object, or one row, at a time. What the runner is compared with.

Both carry people through the same journey of fourteen nodes as `runner.py` and leave the same evidence: a history row per
step, a message row per send (looked at again once it was sent), a ledger row per score, the changed field with its old
value, a tag, two tokens between fork and join, ten events of history each that the rules ask. Both commit after every 500
steps. Delivery, and making the people, are not counted, there as here.
"""

from __future__ import annotations

import time
from collections.abc import Callable

NOW, DAY = 1_790_000_000, 86_400
COMMIT_EVERY = 500
LOCALES = ("de", "en", "fr", "nl")
NAMES = ("page_view", "email_opened", "email_clicked", "download", "page_view")
SENDS = {"m1": "w", "m2": "o", "m3": "f", "m4": "j"}  # and where they lead
MOMENTS = (NOW, NOW + DAY, NOW + DAY + 120, NOW + 4 * DAY + 120)
HISTORY = 10


def happened(contact: int, i: int) -> tuple[str, int]:
    """One of the events that somebody brings along."""
    n = contact * HISTORY + i
    return "demo_booked" if n % 97 == 0 else NAMES[n % 5], NOW - 9_000_000 + n % 8_000_000


def run(step_all: Callable[[int], int], deliver: Callable[[int], int], open_mail: Callable[[int], None]) -> tuple[int, float]:
    """Steps taken and the seconds of the processor they took."""
    taken, used = 0, 0.0
    for i, now in enumerate(MOMENTS):
        if i == 2:
            open_mail(now - 60)
        while True:
            began = time.process_time()
            taken += step_all(now)
            used += time.process_time() - began
            if not deliver(now):
                break
    return taken, used
