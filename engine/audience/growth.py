"""How large a segment was, day by day, read back from who entered and left."""

from __future__ import annotations

from ..clock import DAY
from ..lazy import pd
from ..store import Store


def sizes(store: Store, segment_id: int, *, now: int, days: int = 90) -> pd.DataFrame:
    """One row per day up to today: day (UTC midnight, seconds), members at its end, entered, left."""
    first = now // DAY * DAY - (days - 1) * DAY
    moves = store.rows("""SELECT x.at / 86400, x.change, COUNT(*) FROM segment_change x
        WHERE x.segment_id = :segment AND x.at >= :first AND x.at <= :now GROUP BY 1, 2""",
                       segment=segment_id, first=first, now=now)
    size = int(store.one("SELECT COUNT(*) FROM segment_member m WHERE m.segment_id = :segment", segment=segment_id))
    found = {(int(day), change): int(count) for day, change, count in moves}
    rows = []
    for day in range(now // DAY, first // DAY - 1, -1):
        entered, left = found.get((day, "entered"), 0), found.get((day, "left"), 0)
        rows.append((day * DAY, size, entered, left))
        size -= entered - left
    return pd.DataFrame(rows[::-1], columns=["day", "members", "entered", "left"])
