"""The score of each contact as a number that rules may ask for, kept equal to the sum of its entries."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ... import audit
from ...access import Actor, require, set_setting, setting
from ...activity import events
from ...clock import DAY
from ...errors import BadInput
from ...people import contacts
from ...people.lookups import rows_in
from ...store import Store
from .entries import GROUPS
from .worth import falls_at, rounded, value

STEP = 1_000  # contacts per transaction
QUIET = 2  # an entry whose cause is history: it counts and wakes nobody
_SETTING = "scoring"
_LINES = "score_lines"  # a setting: [group ('': both together), number] that journeys wait for


@dataclass(frozen=True)
class Policy:
    """half_life_days: per group, None: points keep their worth. thresholds: of both groups together, by name.

    fit_bands: from where on A and B; engagement_bands: from where on 1 and 2.
    """

    half_life_days: dict[str, int | None] = field(default_factory=lambda: dict.fromkeys(GROUPS))
    thresholds: dict[str, int] = field(default_factory=lambda: {"mql": 50, "hot": 80})
    fit_bands: tuple[int, int] = (40, 20)
    engagement_bands: tuple[int, int] = (50, 20)

    def half_life_s(self, group: str) -> int | None:
        """In seconds."""
        days = self.half_life_days.get(group)
        return days * DAY if days else None


def policy(store: Store) -> Policy:
    """How this workspace scores."""
    kept = setting(store, _SETTING)
    if not kept:
        return Policy()
    return Policy(**kept | {name: tuple(kept[name]) for name in ("fit_bands", "engagement_bands")})


def save_policy(store: Store, wanted: Policy, *, by: Actor, now: int) -> None:
    """Keep it; other half-lives are worked out for everybody, and nobody is told of lines crossed by that. Raises BadInput."""
    require(by, "market")
    if set(wanted.half_life_days) - set(GROUPS) or any(days is not None and not 1 <= days <= 3_650
                                                       for days in wanted.half_life_days.values()):
        raise BadInput(f"half-life: 1 to 3,650 days for {' or '.join(GROUPS)}")
    for name, bands in (("fit", wanted.fit_bands), ("engagement", wanted.engagement_bands)):
        if not bands[0] > bands[1]:
            raise BadInput(f"{name} bands {bands[0]} and {bands[1]}: the first line stands higher than the second")
    if wrong := [name for name, line in wanted.thresholds.items() if not name.strip() or line <= 0]:
        raise BadInput(f"threshold {wrong[0]!r}: give it a name, and a line above 0")
    before = policy(store)
    with store.transaction():
        set_setting(store, _SETTING, asdict(wanted))
        audit.record(store, by, "setting saved", _SETTING, now=now, value=asdict(wanted))
    if before.half_life_days != wanted.half_life_days:
        rescore(store, now=now)


def line_name(group: str, line: int) -> str:
    """What a line that is no named threshold is called in events."""
    return f"{group}:{line}" if group else str(line)


def watch_lines(store: Store, lines: Iterable[tuple[str, int]]) -> None:
    """From now on also tell when a score crosses these lines: (group, '' for both together; number). Needs a transaction."""
    held = {(group, line) for group, line in setting(store, _LINES) or []}
    if wanted := held | set(lines):
        set_setting(store, _LINES, sorted(wanted))


def rescore(store: Store, *, now: int) -> int:
    """Work out everybody's scores anew; how many people have entries. Nobody is told."""
    done = 0
    for part in store.stream("SELECT DISTINCT s.contact_id FROM score_entry s ORDER BY s.contact_id", size=STEP):
        settle(store, [row[0] for row in part], now=now, quiet=True)
        done += len(part)
    return done


def settle(store: Store, contact_ids: Sequence[int], *, now: int, quiet: bool = False) -> int:
    """Make scores equal to the sums of their entries; how many lines were crossed. One transaction, so for few contacts.

    Crossing a threshold is told once, up as `score_rose`, down as `score_fell`, object the name of the threshold; not of
    visitors without a name, nor when all that is new is history.
    """
    rules = policy(store)
    lines = [(group, line) for group, line in setting(store, _LINES) or []]
    with store.transaction():
        store.serialize("event")
        found = _entries(store, contact_ids)
        told: dict[tuple[int, str], int] = {(who, group): score for who, group, score in rows_in(
            store, "SELECT v.contact_id, v.grp, v.score FROM score_level v WHERE v.contact_id IN ({values})", contact_ids)}
        anonymous: dict[int, int] = dict(rows_in(
            store, "SELECT c.id, c.anonymous FROM contact c WHERE c.id IN ({values})", contact_ids))
        levels, scores, crossed = [], [], []
        for who in (one for one in dict.fromkeys(contact_ids) if one in anonymous):
            own, unheard = found[who], bool(anonymous[who])
            worth = {group: value([(points, at) for grp, points, at, _ in own if grp == group], rules.half_life_s(group), now)
                     for group in GROUPS}
            was = {group: told[who, group] if (who, group) in told else _before(own, group, rules, now) for group in GROUPS}
            new = {group: rounded(worth[group]) for group in GROUPS}
            scores.append((who, new))
            levels += [{"contact_id": who, "grp": group, "score": was[group] if unheard else new[group],
                        "falls_at": falls_at(worth[group], rules.half_life_s(group), now)} for group in GROUPS]
            uncounted = [flag for *_, flag in own if flag]
            if not (quiet or unheard or (uncounted and all(flag == QUIET for flag in uncounted))):
                crossed += _crossings(rules, lines, who, was, new)
        contacts.set_scores(store, scores, now=now)
        store.upsert_many("score_level", levels, key=("contact_id", "grp"))
        store.run_many("UPDATE score_entry SET uncounted = 0 WHERE contact_id = :id AND uncounted > 0",
                       [{"id": who} for who in contact_ids])
        return _tell(store, crossed, now)


def _entries(store: Store, contact_ids: Iterable[int]) -> dict[int, list[tuple[str, int, int, int]]]:
    found: dict[int, list[tuple[str, int, int, int]]] = defaultdict(list)
    for who, group, points, at, flag in rows_in(store, "SELECT s.contact_id, s.grp, s.points, s.at, s.uncounted "
                                                "FROM score_entry s WHERE s.contact_id IN ({values})", contact_ids):
        found[who].append((group, points, at, flag))
    return found


def _before(own: Sequence[tuple[str, int, int, int]], group: str, rules: Policy, now: int) -> int:
    """The score before what is new, of somebody whose level was never kept."""
    return rounded(value([(points, at) for grp, points, at, flag in own if grp == group and not flag],
                         rules.half_life_s(group), now))


def _crossings(rules: Policy, lines: Sequence[tuple[str, int]], who: int, was: dict[str, int],
               new: dict[str, int]) -> list[tuple[int, str, str, int, int]]:
    """Named thresholds and the lines that journeys wait for: (contact, event, name of the line, from, to)."""
    wanted = [("", name, line) for name, line in sorted(rules.thresholds.items(), key=lambda one: one[1])]
    wanted += [(group, line_name(group, line), line) for group, line in lines]
    found = []
    for group, name, line in wanted:
        before, after = (was[group], new[group]) if group else (sum(was.values()), sum(new.values()))
        if (line <= before) != (line <= after):
            found.append((who, "score_rose" if line <= after else "score_fell", name, before, after))
    return found


def _tell(store: Store, crossed: Sequence[tuple[int, str, str, int, int]], now: int) -> int:
    last = events.last_id(store) if crossed else 0
    return events.insert_events(store, [
        {"contact_id": who, "name": name, "object": line, "occurred_at": now, "received_at": now,
         "props": json.dumps({"from": was, "to": to}), "dedupe_key": f"{name}:{who}:{line}:{last}", "source": "scoring"}
        for who, name, line, was, to in crossed])


def matrix(store: Store) -> list[dict[str, Any]]:
    """How many people stand in each cell, A1 to C3, of those with any score: fit (A, B, C), engagement (1, 2, 3), people."""
    rules = policy(store)
    fits, engaged = _cells("fit_score", rules.fit_bands, "ABC"), _cells("engagement_score", rules.engagement_bands, "123")
    cells = [(fit, engagement) for fit in fits for engagement in engaged]
    counts = store.row(f"""SELECT {', '.join(f'COUNT(*) FILTER (WHERE {fits[a]} AND {engaged[b]})' for a, b in cells)}
        FROM contact c WHERE c.anonymous = 0 AND (c.fit_score <> 0 OR c.engagement_score <> 0)""")  # half the price of grouping
    return [{"fit": fit, "engagement": engagement, "people": people}
            for (fit, engagement), people in zip(cells, counts or (), strict=True)]


def _cells(column: str, bands: tuple[int, int], names: str) -> dict[str, str]:
    """The test of each band, the highest first."""
    high, low = (int(band) for band in bands)
    tests = f"c.{column} >= {high}", f"c.{column} >= {low} AND c.{column} < {high}", f"c.{column} < {low}"
    return dict(zip(names, tests, strict=True))
