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


def trends(store: Store, *, now: int, days: int = 30) -> dict[int, list[int]]:
    """The members of each segment at the end of each of the last days, the newest last."""
    today = now // DAY
    size: dict[int, int] = dict(store.rows("SELECT s.id, (SELECT COUNT(*) FROM segment_member m WHERE m.segment_id = s.id) "
                                           "FROM segment s"))
    moved: dict[tuple[int, int], int] = {(segment, day): int(more) for segment, day, more in store.rows(
        """SELECT x.segment_id, x.at / 86400, SUM(CASE x.change WHEN 'entered' THEN 1 ELSE -1 END)
        FROM segment s CROSS JOIN segment_change x WHERE x.segment_id = s.id AND x.at >= :first AND x.at <= :now
        GROUP BY 1, 2""", first=(today - days + 1) * DAY, now=now)}
    found: dict[int, list[int]] = {}
    for segment, members in size.items():
        back = [members]
        for day in range(today, today - days + 1, -1):
            back.append(back[-1] - moved.get((segment, day), 0))
        found[segment] = back[::-1]
    return found
