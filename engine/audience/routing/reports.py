"""How fast and how fairly leads are answered, and why they come back."""

from __future__ import annotations

from ...lazy import pd
from ...store import Store
from .desk import REASONS


def acceptance(store: Store, *, since: int, until: int) -> pd.DataFrame:
    """Turns that began in [since, until), one row per rep: rep, leads, accepted, rejected, breached, waiting (counts),
    accepted_rate (of those answered or breached, None when there are none), share and fair_share (of all leads, by weight;
    fair_share None for reps who left), median_s (seconds on the clock from getting a lead to answering; None: no answer)."""
    turns = store.frame("""SELECT u.rep, u.at, u.ended_at, u.outcome FROM task_turn u
        WHERE u.at >= :since AND u.at < :until AND (u.outcome IS NULL OR u.outcome <> 'taken')""", since=since, until=until)
    weights: dict[str, int] = dict(store.rows("SELECT r.email, r.weight FROM sales_rep r"))
    rows = [_row(rep, turns[turns.rep == rep], weights, len(turns)) for rep in sorted({*turns.rep, *weights})]
    return pd.DataFrame(rows, columns=["rep", "leads", "accepted", "rejected", "breached", "waiting", "accepted_rate", "share",
                                       "fair_share", "median_s"])


def _row(rep: str, turns: pd.DataFrame, weights: dict[str, int], total: int) -> dict[str, object]:
    count = {name: int((turns.outcome == name).sum()) for name in ("accepted", "rejected", "breached")}
    answered = turns[turns.outcome.isin(["accepted", "rejected"])]
    decided = sum(count.values())
    return {"rep": rep, "leads": len(turns), **count, "waiting": int(turns.outcome.isna().sum()),
            "accepted_rate": count["accepted"] / decided if decided else None, "share": len(turns) / total if total else None,
            "fair_share": weights[rep] / sum(weights.values()) if rep in weights else None,
            "median_s": float((answered.ended_at - answered["at"]).median()) if len(answered) else None}


def refusals(store: Store, *, since: int, until: int) -> pd.DataFrame:
    """Rejected leads answered in [since, until), one row per reason and why they were handed over: reason (in words), why,
    leads; the most frequent first."""
    found = store.frame("""SELECT t.reason, t.why, COUNT(*) AS leads FROM task t WHERE t.status = 'rejected'
        AND t.answered_at >= :since AND t.answered_at < :until GROUP BY t.reason, t.why ORDER BY 3 DESC, 1, 2""",
                        since=since, until=until)
    return found.assign(reason=[REASONS.get(one, (one,))[0] for one in found.reason])
