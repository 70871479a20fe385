"""What entries are worth as they age: value(t) = Σ points · 2^(−(t − at) / h), h the half-life of the group.

All entries of a group share one half-life, so their sum decays as one: with kappa = at + h · log2(value) the value is at
least θ exactly while kappa ≥ t + h · log2 θ. Taken at θ = score − ½ that is the moment when the score as people and rules
see it, a whole number, falls next; an index holds these moments, and whoever is due is a range of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from math import ceil, floor, log2

Aged = tuple[int, int]  # points, at


def value(entries: Iterable[Aged], half_life_s: int | None, now: int) -> float:
    """The sum at `now`; without a half-life points keep their worth."""
    if half_life_s is None:
        return float(sum(points for points, _ in entries))
    return sum((points * math.pow(2, -max(now - at, 0) / half_life_s) for points, at in entries), 0.0)


def rounded(worth: float) -> int:
    """The score that is shown and asked about: halves away from zero."""
    return floor(abs(worth) + 0.5) * (1 if worth >= 0 else -1)


def falls_at(worth: float, half_life_s: int | None, now: int) -> int | None:
    """When `rounded` changes if nothing else happens; None: never."""
    score = abs(rounded(worth))
    if half_life_s is None or score == 0:
        return None
    return max(now + 1, ceil(now + half_life_s * log2(abs(worth) / (score - 0.5))) + 1)
