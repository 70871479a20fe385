"""What came of the random splits of journeys: conversions per arm inside a window that an analyst can move.

Somebody counts from the moment a split first sent them to an arm, once, and only when their window has closed: whoever
still has time is neither a success nor a failure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..audience.rules import EventFilter, parse_filter
from ..clock import DAY, in_words
from ..errors import BadInput, NotFound, ThroughlineError, listing
from ..journeys import documents, reading, versions
from ..journeys.graph import Journey, lay_out
from ..journeys.live import NODES_PER_VERSION
from ..journeys.nodes import Known, Split
from ..lazy import pd
from ..maths import stats
from ..schema import BRANCHES
from ..sql import Sql, join, sql
from ..store import Store
from ..trials import results
from ..trials.results import Analysis
from .groups import UNKNOWN, Grouping
from .groups import read as read_grouping

WITHIN_S = 14 * DAY
MOST_LOOKS = 400
MANY = 200_000  # passages that are read at once, in a second or two; more take their time


@dataclass(frozen=True)
class Test:
    """A split of a live journey. places: (version id, node id, branch) of every version in which it was the same split.

    conversion: the event filter of the journey's goal, None where the goal is no event. within_s: how long it may take.
    since_at: when its first version was published, UTC seconds.
    """

    __test__ = False  # no test case, whatever pytest thinks of the name

    journey: str
    node: str
    version: int
    arms: dict[str, int]
    places: tuple[tuple[int, int, int], ...]
    conversion: dict[str, Any] | None
    within_s: int
    since_at: int

    @property
    def key(self) -> str:
        """Its word in addresses."""
        return f"{self.journey}/{self.node}"


@dataclass(frozen=True)
class Window:
    """Which event counts, who counts (exposed in [from_at, until_at), UTC seconds) and how long after exposure. segment: only
    who was in it at the first exposure."""

    conversion: dict[str, Any]
    from_at: int
    until_at: int
    within_s: int
    segment: str | None = None


@dataclass(frozen=True)
class Reading:
    """A test as it stands. looks: one row per day and arm against the control: at, arm, difference, low, high, n.

    waiting: exposed, window still open. exploratory: the window is not the one the journey declared.
    """

    analysis: Analysis
    window: Window
    waiting: int
    exploratory: bool
    looks: pd.DataFrame
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Parts:
    """A test in each group of people, as they were when a split first sent them to an arm. groups: by name, in the order of a
    report. notes: how to read them."""

    grouping: Grouping
    groups: dict[str, Analysis]
    notes: list[str]


def list_tests(store: Store) -> list[Test]:
    """Every split of every journey that is live or paused, by journey and node."""
    known = reading.known(store)
    names = [one.name for one in versions.list_journeys(store) if one.version is not None]
    return [test for name in names for test in _tests(store, name, known)]


def get_test(store: Store, key: str) -> Test:
    """The test of a word in an address. Raises NotFound with those there are."""
    found = list_tests(store)
    one = next((test for test in found if test.key == key), None)
    if one is None:
        raise NotFound(f"no A/B test {key!r}; there are {listing([test.key for test in found])}")
    return one


def passages(store: Store, test: Test) -> int:
    """How often the split was passed, by the counters alone: a page asks before it reads very many."""
    nodes = ", ".join(str(node) for _, node, _ in test.places)
    return int(store.one(f"SELECT COALESCE(SUM(s.n), 0) FROM node_stat s WHERE s.node_id IN ({nodes or 0})"))


def declared(test: Test, *, now: int, conversion: dict[str, Any] | None = None) -> Window:
    """The window that the journey itself declares: its goal, everybody so far. Raises BadInput: its goal is no event."""
    goal = conversion or test.conversion
    if goal is None:
        raise BadInput(f"the goal of {test.journey} is no event: choose what counts as a conversion")
    return Window(goal, test.since_at, now + 1, test.within_s)


def read(store: Store, test: Test, window: Window, *, now: int, alpha: float = 0.05) -> Reading:
    """Judge a test in a window by the fixed two-sided z test, each arm against the first.

    Raises BadInput: an empty span, a window without length, a conversion that is no event filter.
    """
    daily = _daily(store, test, window, now)
    closed = daily[daily["closed"]]
    analysis = results.analyze_counts(_counts(test, closed), alpha=alpha, expected=list(test.arms.values()))
    waiting = int(daily[~daily["closed"]]["n"].sum())
    exploratory = _moved(test, window, now)
    return Reading(analysis, window, waiting, exploratory, _looks(closed, list(test.arms), alpha),
                   _notes(window, waiting, exploratory))


def read_parts(store: Store, test: Test, window: Window, grouping: Grouping, *, now: int, alpha: float = 0.05) -> Parts:
    """The same in each group of people. Raises BadInput as `read`."""
    daily = _daily(store, test, window, now, grouping)
    closed = daily[daily["closed"]]
    counts = {name: _counts(test, closed[closed["part"] == name]) for name in grouping.ordered(closed["part"])}
    found = results.analyze_groups(counts, alpha=alpha, expected=list(test.arms.values()))
    looks = sum(len(one.comparisons) for one in found.values())
    notes = [f"Everybody counts with the {grouping.words} of the moment at which the split first sent them to an arm."]
    if looks > 1:
        notes.append(f"{looks} comparisons were made: p values are adjusted for that. A difference in one group only is a "
                     "question for the next test, no answer of this one.")
    return Parts(grouping, found, [*notes, *([grouping.note] if grouping.note and UNKNOWN in found else [])])


def _counts(test: Test, closed: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """(successes, n) by arm, of windows that have closed."""
    totals = closed.groupby("arm")[["successes", "n"]].sum()
    return {arm: (int(totals["successes"].get(arm, 0)), int(totals["n"].get(arm, 0))) for arm in test.arms}


# ------------------------------------------------------------ finding tests


def _tests(store: Store, name: str, known: Known) -> list[Test]:
    published = [(one, _journey(one.document, known)) for one in versions.list_versions(store, name)]
    newest, journey = published[0]
    if journey is None:
        return []
    goal, within_s = _goal(journey)
    return [Test(newest.journey, node.id, newest.number, dict(node.arms), places, goal, within_s, since_at)
            for node in journey.nodes if isinstance(node, Split)
            for places, since_at in [_places(node, published)]]


def _journey(text: str, known: Known) -> Journey | None:
    """The journey of a version; None when it names something that has gone since."""
    try:
        return reading.read(documents.load(text), known)
    except ThroughlineError:
        return None


def _places(node: Split, published: list[tuple[versions.Version, Journey | None]]
            ) -> tuple[tuple[tuple[int, int, int], ...], int]:
    """Where the same split stands in each version, newest first, and when the oldest of them was published."""
    places, since_at = [], 0
    for version, journey in published:
        same = journey and next((one for one in journey.nodes if isinstance(one, Split) and one.id == node.id
                                 and (one.arms, one.drawn_by) == (node.arms, node.drawn_by)), None)
        if not journey or not same:
            break
        number = [one.id for one in journey.nodes].index(node.id) + 1
        places.append((version.id, version.id * NODES_PER_VERSION + number, lay_out(journey).branch(node.id)))
        since_at = version.published_at
    return tuple(places), since_at


def _goal(journey: Journey) -> tuple[dict[str, Any] | None, int]:
    if journey.goal is None:
        return None, WITHIN_S
    rule = journey.goal.rule.document()
    event = {key: rule[key] for key in ("event", "where") if key in rule} if isinstance(rule.get("event"), str) else None
    return event, journey.goal.within or WITHIN_S


# ------------------------------------------------------------ counting


def _daily(store: Store, test: Test, window: Window, now: int, grouping: Grouping | None = None) -> pd.DataFrame:
    """One row per part of the people, arm and day on which windows closed (or will): part, arm, day, closed, n, successes."""
    if window.until_at <= window.from_at or window.within_s <= 0:
        raise BadInput("the window is empty: the end must be later than the start, and the time to convert above 0")
    goal = conversion_filter(store, window.conversion)
    rows = store.rows(sql("""SELECT q.part, q.arm, q.day, q.closed, COUNT(*), SUM(q.hit) FROM (
            SELECT {part} AS part, x.arm, (x.at + :within) / :day AS day,
                CASE WHEN x.at + :within <= :now THEN 1 ELSE 0 END AS closed,
                CASE WHEN {converted} THEN 1 ELSE 0 END AS hit FROM ({exposed}) x
            WHERE x.at >= :from_at AND x.at < :until_at AND {who}) q GROUP BY q.part, q.arm, q.day, q.closed""",
        within=window.within_s, day=DAY, from_at=window.from_at, until_at=window.until_at, who=_members(store, window),
        part=grouping.of("x.contact_id", "x.at") if grouping else sql("''"),
        converted=_converted(goal, window), exposed=_exposed(test)), now=now)
    frame = pd.DataFrame(rows, columns=["part", "arm", "day", "closed", "n", "successes"])
    return frame.astype({"closed": bool, "n": "int64", "successes": "int64", "day": "int64"})


def _members(store: Store, window: Window) -> Sql:
    """Whether somebody was in the window's segment when first exposed."""
    if window.segment is None:
        return sql("1 = 1")
    return sql("{inside} IS NOT NULL", inside=read_grouping(store, f"segment:{window.segment}").inside("x.contact_id", "x.at"))


def conversion_filter(store: Store, document: dict[str, Any]) -> EventFilter:
    """The event filter of a conversion. Raises Invalid."""
    return parse_filter(document, reading.known(store).rules)


def _converted(goal: EventFilter, window: Window) -> Sql:
    return sql("""EXISTS (SELECT 1 FROM event g WHERE g.contact_id = x.contact_id AND g.occurred_at >= x.at
        AND g.occurred_at < x.at + :within AND {match})""", within=window.within_s, match=goal.match("g"))


def _exposed(test: Test) -> Sql:
    """Each contact's first passage of the split: contact_id, arm, at. Test people are left out."""
    each = [sql(f"""SELECT r.contact_id, s.port AS arm, s.at FROM enrollment r
        JOIN step s ON s.token_id = r.id * {BRANCHES} + :branch AND s.node_id = :node
        WHERE r.version_id = :version AND s.port IS NOT NULL""", version=version, node=node, branch=branch)
            for version, node, branch in test.places]
    return sql("""SELECT u.contact_id, MIN(u.arm) AS arm, MIN(u.at) AS at FROM ({each}) u
        JOIN contact k ON k.id = u.contact_id AND k.is_test = 0 GROUP BY u.contact_id""", each=join(" UNION ALL ", each))


def _looks(closed: pd.DataFrame, arms: list[str], alpha: float) -> pd.DataFrame:
    """The difference as it would have been read at the end of each day."""
    days = sorted(set(closed["day"]))[-MOST_LOOKS:]
    rows = []
    for day in days:
        upto = closed[closed["day"] <= day].groupby("arm")[["successes", "n"]].sum()
        seen = {arm: (int(upto["successes"].get(arm, 0)), int(upto["n"].get(arm, 0))) for arm in arms}
        for arm in arms[1:]:
            found = stats.compare_proportions(seen[arms[0]], seen[arm], alpha)
            if found.difference is not None and found.ci is not None:
                rows.append({"at": (day + 1) * DAY, "arm": arm, "difference": found.difference, "low": found.ci[0],
                             "high": found.ci[1], "n": sum(n for _, n in seen.values())})
    return pd.DataFrame(rows, columns=["at", "arm", "difference", "low", "high", "n"])


def _moved(test: Test, window: Window, now: int) -> bool:
    """Whether somebody chose another conversion, another time to convert, or only some of the people."""
    return (window.conversion != test.conversion or window.within_s != test.within_s or window.from_at > test.since_at
            or window.until_at <= now or window.segment is not None)


def _notes(window: Window, waiting: int, exploratory: bool) -> list[str]:
    notes = []
    if exploratory:
        notes.append("Exploratory: this is not the window the journey declares. A window moved after looking proves nothing; "
                     "use it to find a question for the next test.")
    if waiting:
        notes.append(f"{waiting:,} people still have time to convert ({in_words(window.within_s)} after exposure) "
                     "and are not counted yet.")
    return notes
