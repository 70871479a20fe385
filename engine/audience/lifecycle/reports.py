"""How people flow through the stages, and which stages no journey looks after."""

from __future__ import annotations

from ...clock import DAY
from ...lazy import pd
from ...store import Store
from .stages import STAGES


def flow(store: Store, *, since: int, until: int) -> pd.DataFrame:
    """One row per stage that anybody entered in [since, until): stage, entered (people), moved_on (of them, to a later stage
    since), fell_back, still (there), rate (moved_on / entered, 0–1), median_days (in the stage, of those who left it; None)."""
    entered = {stage: (times, people) for stage, times, people in store.rows(
        f"SELECT x.new, COUNT(*), COUNT(DISTINCT x.contact_id) FROM stage_change x WHERE {_WITHIN} GROUP BY x.new",
        since=since, until=until)}
    left = store.frame(_LEFT, since=since, until=until)
    rows = [_row(stage, *entered[stage], left[left.stage == stage]) for stage in STAGES if stage in entered]
    return pd.DataFrame(rows, columns=["stage", "entered", "moved_on", "fell_back", "still", "rate", "median_days"])


_NAMES = ", ".join(f"'{stage}'" for stage in STAGES)
_WITHIN = f"x.new IN ({_NAMES}) AND x.at >= :since AND x.at < :until"
# Only who left a stage is read row by row, each with the next line of that contact: a window over all lines would sort them.
_LEFT = f"""SELECT x.contact_id, x.new AS stage, n.new AS next_stage, n.at - x.at AS stay_s FROM stage_change x
    JOIN stage_change n ON n.id = (SELECT MIN(y.id) FROM stage_change y WHERE y.contact_id = x.contact_id AND y.id > x.id)
    WHERE {_WITHIN}"""


def _row(stage: str, times: int, people: int, left: pd.DataFrame) -> dict[str, object]:
    rank = {one: place for place, one in enumerate(STAGES)}
    on = left[left.next_stage.map(rank) > rank[stage]].contact_id.nunique()
    return {"stage": stage, "entered": people, "moved_on": on, "fell_back": left.contact_id.nunique() - on,
            "still": times - len(left), "rate": on / people,
            "median_days": float(left.stay_s.median() / DAY) if len(left) else None}


def coverage(store: Store) -> pd.DataFrame:
    """One row per stage somebody stands at, one column per live journey: how many of them are in it now; `people` in the stage,
    `in_none` in no journey at all."""
    pairs = store.frame("""SELECT c.stage, j.name AS journey, COUNT(DISTINCT c.id) AS people FROM enrollment r
        JOIN journey j ON j.id = r.journey_id JOIN contact c ON c.id = r.contact_id
        WHERE r.status = 'active' AND c.anonymous = 0 AND c.stage IS NOT NULL GROUP BY c.stage, j.name ORDER BY j.name""")
    totals: dict[str, int] = dict(store.rows("SELECT c.stage, COUNT(*) FROM contact c WHERE c.anonymous = 0 "
                                                 "AND c.stage IS NOT NULL GROUP BY c.stage"))
    held: dict[str, int] = dict(store.rows("""SELECT c.stage, COUNT(DISTINCT c.id) FROM enrollment r JOIN contact c
        ON c.id = r.contact_id WHERE r.status = 'active' AND c.anonymous = 0 AND c.stage IS NOT NULL GROUP BY c.stage"""))
    journeys = [row[0] for row in store.rows("SELECT j.name FROM journey j WHERE j.status = 'live' ORDER BY j.name")]
    counted = {(row.stage, row.journey): row.people for row in pairs.itertuples()}
    return pd.DataFrame([{"stage": stage, "people": totals[stage], "in_none": totals[stage] - held.get(stage, 0),
                          **{name: counted.get((stage, name), 0) for name in journeys}} for stage in STAGES if stage in totals],
                        columns=["stage", "people", "in_none", *journeys])
