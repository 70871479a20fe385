"""Whether two samples of groups come from one population."""

from __future__ import annotations

import math
from collections.abc import Sequence

FEWEST = 30  # below it the index is noise


def psi(now: Sequence[int], then: Sequence[int]) -> float | None:
    """Population stability index of two counts over the same groups; None when either has fewer than 30 in all.

    sum((p - q) * ln(p / q)) with half a person added to each group, so that an empty one is no infinity
    (Siddiqi, Credit Risk Scorecards, 2006, ch. 9; the half is Jeffreys' prior).
    """
    if min(sum(now), sum(then)) < FEWEST:
        return None
    shares = [[(count + 0.5) / (sum(counts) + len(counts) / 2) for count in counts] for counts in (now, then)]
    return math.fsum((p - q) * math.log(p / q) for p, q in zip(*shares, strict=True))
