"""Journeys beside each other: which of them reach the same people, and which stages of a customer's life they look after."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from ..audience.lifecycle import STAGES
from ..clock import DAY
from ..store import Store
from . import passengers, versions

WINDOW_S = 7 * DAY
MAP_S = 90 * DAY
MOST_MET = 1_000
_COUNTED = "('queued', 'admitted', 'sending', 'sent', 'unknown')"


@dataclass(frozen=True)
class Collision:
    """Two live journeys that meet. inside: people who stand in both now; mailed: people whom both wrote to within the window;
    capped: messages of either that a cap dropped within it, to people who are in the other or were written to by it."""

    first: str
    second: str
    inside: int
    mailed: int
    capped: int

    def sentence(self) -> str:
        """What it means, in words."""
        said = [f"{self.inside:,} {'person stands' if self.inside == 1 else 'people stand'} in both"] if self.inside else []
        said += [f"{self.mailed:,} got messages of both"] if self.mailed else []
        said += [f"caps dropped {self.capped:,}"] if self.capped else []
        return f"{self.first} and {self.second}: {', '.join(said)}."


@dataclass(frozen=True)
class Met:
    """Somebody in whom two journeys meet. inside: under way in both now; mailed: both wrote to them within the window;
    capped: how many messages of either a cap dropped within it."""

    contact_id: int
    name: str
    inside: bool
    mailed: bool
    capped: int


@dataclass(frozen=True)
class Pressure:
    """How many people got so many marketing messages of journeys within the window; 4 stands for four and more."""

    messages: int
    people: int


@dataclass(frozen=True)
class Cell:
    """One journey at one stage. people: under way now; sent: messages within the period to people who are at that stage
    today; clicked: how many of these a person clicked."""

    journey: str
    stage: str
    people: int
    sent: int
    clicked: int


def collisions(store: Store, *, now: int, window_s: int = WINDOW_S) -> list[Collision]:
    """Pairs of live journeys that reach the same people, those with most people first."""
    names: dict[int, str] = dict(store.rows("SELECT j.id, j.name FROM journey j WHERE j.status = 'live'"))
    inside = _pairs(store.rows("""SELECT x.journey_id, y.journey_id, COUNT(DISTINCT x.contact_id) FROM enrollment x
        JOIN enrollment y ON y.contact_id = x.contact_id AND y.status = 'active' AND y.journey_id > x.journey_id
        WHERE x.status = 'active' GROUP BY x.journey_id, y.journey_id"""))
    mailed = _pairs(store.rows(f"""WITH d AS MATERIALIZED ({_MAILED})
        SELECT a.journey_id, b.journey_id, COUNT(*) FROM d a JOIN d b ON b.contact_id = a.contact_id
        AND b.journey_id > a.journey_id GROUP BY a.journey_id, b.journey_id""", since=now - window_s))
    dropped = _dropped(store, now - window_s)
    found = [Collision(names[a], names[b], inside[a, b], mailed[a, b], dropped[a, b])
             for a, b in sorted({*inside, *mailed, *dropped}) if a in names and b in names]
    return sorted(found, key=lambda one: (-max(one.inside, one.mailed), -one.capped, one.first, one.second))


_MAILED = f"""SELECT DISTINCT m.contact_id, m.journey_id FROM message m WHERE m.created_at > :since AND m.class = 'marketing'
    AND m.journey_id IS NOT NULL AND m.status IN {_COUNTED}"""
_REACHED = """SELECT d.contact_id, d.journey_id FROM d
    UNION SELECT r.contact_id, r.journey_id FROM enrollment r WHERE r.status = 'active'"""


def _pairs(rows: list[tuple[int, int, int]]) -> Counter[tuple[int, int]]:
    return Counter({(a, b): int(count) for a, b, count in rows})


def _dropped(store: Store, since: int) -> Counter[tuple[int, int]]:
    rows = store.rows(f"""WITH d AS MATERIALIZED ({_MAILED}), o AS MATERIALIZED ({_REACHED})
        SELECT m.journey_id, o.journey_id, COUNT(DISTINCT m.id) FROM message m JOIN o ON o.contact_id = m.contact_id
            AND o.journey_id <> m.journey_id
        WHERE m.status = 'skipped' AND m.reason = 'capped' AND m.created_at > :since AND m.journey_id IS NOT NULL
        GROUP BY m.journey_id, o.journey_id""", since=since)
    found: Counter[tuple[int, int]] = Counter()
    for a, b, count in rows:
        found[min(a, b), max(a, b)] += count
    return found


def met(store: Store, first: str, second: str, *, now: int, window_s: int = WINDOW_S) -> list[Met]:
    """The people in whom two journeys meet, those in both first; at most 1,000. Raises NotFound."""
    pair = {"a": versions.find_journey(store, first), "b": versions.find_journey(store, second)}
    since = now - window_s
    inside = {row[0] for row in store.rows("""SELECT x.contact_id FROM enrollment x JOIN enrollment y
        ON y.contact_id = x.contact_id AND y.status = 'active' AND y.journey_id = :b
        WHERE x.status = 'active' AND x.journey_id = :a""", **pair)}
    mailed = {row[0] for row in store.rows(f"""WITH d AS MATERIALIZED ({_MAILED}) SELECT x.contact_id FROM d x
        JOIN d y ON y.contact_id = x.contact_id AND y.journey_id = :b WHERE x.journey_id = :a""", since=since, **pair)}
    capped: dict[int, int] = dict(store.rows(f"""WITH d AS MATERIALIZED ({_MAILED}), o AS MATERIALIZED ({_REACHED})
        SELECT m.contact_id, COUNT(DISTINCT m.id) FROM message m JOIN o ON o.contact_id = m.contact_id
            AND ((m.journey_id = :a AND o.journey_id = :b) OR (m.journey_id = :b AND o.journey_id = :a))
        WHERE m.status = 'skipped' AND m.reason = 'capped' AND m.created_at > :since GROUP BY m.contact_id""",
                             since=since, **pair))
    ids = sorted({*inside, *mailed, *capped}, key=lambda one: (one not in inside, one not in mailed, one))[:MOST_MET]
    names = passengers.names(store, ids)
    return [Met(one, names[one], one in inside, one in mailed, capped.get(one, 0)) for one in ids if one in names]


def pressure(store: Store, *, now: int, window_s: int = WINDOW_S) -> list[Pressure]:
    """Messages per person within the window: how many people got one, two, three, or four and more."""
    rows = store.rows(f"""SELECT CASE WHEN q.n > 3 THEN 4 ELSE q.n END, COUNT(*) FROM (
            SELECT m.contact_id, COUNT(*) AS n FROM message m WHERE m.created_at > :since AND m.class = 'marketing'
                AND m.journey_id IS NOT NULL AND m.status IN {_COUNTED} GROUP BY m.contact_id) q GROUP BY 1 ORDER BY 1""",
                      since=now - window_s)
    return [Pressure(int(count), people) for count, people in rows]


def journey_map(store: Store, *, now: int, period_s: int = MAP_S) -> list[Cell]:
    """Stages by journeys: every cell in which anything happens, journeys by name, stages in their order."""
    cells: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for name, stage, count in store.rows("""SELECT j.name, COALESCE(c.stage, ''), COUNT(*) FROM enrollment r
            JOIN contact c ON c.id = r.contact_id JOIN journey j ON j.id = r.journey_id
            WHERE r.status = 'active' AND c.is_test = 0 GROUP BY j.name, COALESCE(c.stage, '')"""):
        cells[name, stage][0] = count
    for name, stage, sent, clicked in store.rows("""SELECT j.name, COALESCE(c.stage, ''), COUNT(*),
                COUNT(*) FILTER (WHERE EXISTS (SELECT 1 FROM event e WHERE e.contact_id = m.contact_id
                    AND e.name = 'email_clicked' AND e.message_id = m.id AND COALESCE(e.verdict, '') <> 'machine'))
            FROM message m JOIN contact c ON c.id = m.contact_id JOIN journey j ON j.id = m.journey_id
            WHERE m.status = 'sent' AND m.sent_at > :since AND c.is_test = 0 GROUP BY j.name, COALESCE(c.stage, '')""",
                                                 since=now - period_s):
        cells[name, stage][1:] = [sent, clicked]
    order = {stage: place for place, stage in enumerate(["", *STAGES])}
    return [Cell(name, stage, *counts) for (name, stage), counts in
            sorted(cells.items(), key=lambda one: (one[0][0], order.get(one[0][1], len(order))))]


def bare_stages(cells: list[Cell]) -> list[str]:
    """Stages that no journey looks after: nobody at them is under way, and nothing was sent to them."""
    return [stage for stage in STAGES if not any(one.stage == stage and (one.people or one.sent) for one in cells)]
