"""Tests and plans for comparing two groups, on sufficient statistics.

What cannot be computed is None with a reason, never p = 1. Formulas with their sources: docs/statistics.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from ..errors import BadInput
from ..lazy import special

Interval = tuple[float, float]
SRM_ALARM = 0.001  # below it the arms were not filled as planned, whatever the metric says
LEAST_EXPECTED = 5  # Cochran's rule: a chi-square needs five expected in every cell
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Sample:
    """What a test of means needs to know of a group. The variance is the unbiased one (n - 1)."""

    n: int
    mean: float
    variance: float


@dataclass(frozen=True)
class Difference:
    """Group b minus group a. `reason` says why `p_value` is None."""

    difference: float | None
    ci: Interval | None
    relative_lift: float | None
    p_value: float | None
    test: str
    reason: str | None = None


@dataclass(frozen=True)
class RatioCheck:
    """Whether the groups were filled as planned. `ok` is None when that cannot be judged."""

    p_value: float | None
    ok: bool | None
    reason: str | None = None


def quantile(probability: float) -> float:
    """The standard normal quantile."""
    return _NORMAL.inv_cdf(probability)


def two_sided(z: float) -> float:
    """Two-sided p of a z value, exact far into the tails where 1 - cdf has no digits left."""
    return math.erfc(abs(z) / math.sqrt(2))


def check_alpha(alpha: float) -> None:
    """Raises BadInput: not strictly between 0 and 1."""
    if not 0 < alpha < 1:
        raise BadInput(f"alpha {alpha:g} must lie between 0 and 1, for example 0.05")


def wilson(successes: int, n: int, alpha: float = 0.05) -> Interval | None:
    """Score interval of a proportion; None without observations. Source: Wilson 1927."""
    return _score_interval(successes, n, alpha) if n else None


def _score_interval(successes: int, n: int, alpha: float) -> Interval:
    z, rate = quantile(1 - alpha / 2), successes / n
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    return low, 1.0 if successes == n else min(1.0, middle + half)


def compare_proportions(a: tuple[int, int], b: tuple[int, int], alpha: float = 0.05) -> Difference:
    """Two-sided pooled z test of (successes, n) pairs; the interval is unpooled Wald.

    Where Wald has no width (each group all or nothing) the interval is Newcombe's, built from both Wilson intervals.
    """
    name = "two-sided pooled z"
    (successes_a, n_a), (successes_b, n_b) = a, b
    if not n_a or not n_b:
        return Difference(None, None, None, None, name, "one of the arms has nobody in it")
    rate_a, rate_b = successes_a / n_a, successes_b / n_b
    pooled = (successes_a + successes_b) / (n_a + n_b)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n_a + 1 / n_b))
    difference = rate_b - rate_a
    p_value = two_sided(difference / error) if error else None
    everybody = "nobody" if pooled == 0 else "everybody"
    reason = None if error else f"{everybody} in either arm succeeded, so there is nothing to tell apart"
    interval = _difference_interval(a, b, alpha)
    return Difference(difference, interval, difference / rate_a if rate_a else None, p_value, name, reason)


def _difference_interval(a: tuple[int, int], b: tuple[int, int], alpha: float) -> Interval:
    rate_a, rate_b = a[0] / a[1], b[0] / b[1]
    error = math.sqrt(rate_a * (1 - rate_a) / a[1] + rate_b * (1 - rate_b) / b[1])
    if error == 0:
        return _newcombe(a, b, alpha)
    half = quantile(1 - alpha / 2) * error
    return max(-1.0, rate_b - rate_a - half), min(1.0, rate_b - rate_a + half)


def _newcombe(a: tuple[int, int], b: tuple[int, int], alpha: float) -> Interval:
    """Source: Newcombe 1998, method 10."""
    wilson_a, wilson_b = _score_interval(*a, alpha), _score_interval(*b, alpha)
    rate_a, rate_b = a[0] / a[1], b[0] / b[1]
    low = rate_b - rate_a - math.hypot(rate_b - wilson_b[0], wilson_a[1] - rate_a)
    high = rate_b - rate_a + math.hypot(wilson_b[1] - rate_b, rate_a - wilson_a[0])
    return max(-1.0, low), min(1.0, high)


def mean_interval(sample: Sample, alpha: float = 0.05) -> Interval | None:
    """Student interval of one mean; None with fewer than two observations."""
    if sample.n < 2:
        return None
    half = float(special.stdtrit(sample.n - 1, 1 - alpha / 2)) * math.sqrt(sample.variance / sample.n)
    return sample.mean - half, sample.mean + half


def compare_means(a: Sample, b: Sample, alpha: float = 0.05) -> Difference:
    """Welch's two-sided test of means with unequal variances. Source: Welch 1947, Satterthwaite 1946."""
    name = "Welch t"
    if not a.n or not b.n:
        return Difference(None, None, None, None, name, "one of the arms has nobody in it")
    difference = b.mean - a.mean
    lift = difference / a.mean if a.mean else None
    if a.n < 2 or b.n < 2:
        return Difference(difference, None, lift, None, name, "a mean test needs at least two contacts in each arm")
    part_a, part_b = a.variance / a.n, b.variance / b.n
    error = math.sqrt(part_a + part_b)
    if error == 0:
        return Difference(difference, None, lift, None, name, "the metric does not vary within the arms")
    freedom = (part_a + part_b) ** 2 / (part_a**2 / (a.n - 1) + part_b**2 / (b.n - 1))
    half = float(special.stdtrit(freedom, 1 - alpha / 2)) * error
    p_value = 2 * float(special.stdtr(freedom, -abs(difference) / error))
    return Difference(difference, (difference - half, difference + half), lift, p_value, name)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjustment, in the order given; what was not computed is not counted. Source: Holm 1979."""
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    running = 0.0
    for rank, (p, place) in enumerate(known):
        running = max(running, min(1.0, (len(known) - rank) * p))
        adjusted[place] = running
    return adjusted


def sample_ratio(counts: Sequence[int], weights: Sequence[float]) -> RatioCheck:
    """Chi-square of the counts against the planned weights; the alarm is p < 0.001."""
    total, share = sum(counts), sum(weights)
    expected = [total * weight / share for weight in weights]
    if min(expected) < LEAST_EXPECTED:
        return RatioCheck(None, None, f"fewer than {LEAST_EXPECTED} contacts expected in an arm")
    chi2 = sum((count - want) ** 2 / want for count, want in zip(counts, expected, strict=True))
    p_value = float(special.chdtrc(len(counts) - 1, chi2))
    return RatioCheck(p_value, p_value >= SRM_ALARM)


def sample_size(baseline_rate: float, difference: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """Contacts per arm for a two-sided test to see `difference` (absolute) with the given power.

    Unpooled variance, which is also that of the interval; normal quantiles to four decimals as in printed tables.
    """
    rate = baseline_rate + difference
    variance = baseline_rate * (1 - baseline_rate) + rate * (1 - rate)
    return math.ceil(_reach(alpha, power) * variance / difference**2)


def detectable_difference(
    baseline_rate: float, n_per_arm: int, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """The smallest rise (absolute) that n per arm can see: `sample_size` solved for it. None when no rate below 1 is."""
    reach, variance = _reach(alpha, power), baseline_rate * (1 - baseline_rate)
    slope = reach * (1 - 2 * baseline_rate)
    root = math.sqrt(slope**2 + 8 * (n_per_arm + reach) * reach * variance)
    difference = (slope + root) / (2 * (n_per_arm + reach))
    return difference if baseline_rate + difference < 1 else None


def power_of(baseline_rate: float, rate: float, n_per_arm: int, alpha: float = 0.05) -> float:
    """The chance that a two-sided test sees this difference, both tails counted."""
    error = math.sqrt((baseline_rate * (1 - baseline_rate) + rate * (1 - rate)) / n_per_arm)
    shift, edge = abs(rate - baseline_rate) / error, quantile(1 - alpha / 2)
    return _NORMAL.cdf(shift - edge) + _NORMAL.cdf(-shift - edge)


def _reach(alpha: float, power: float) -> float:
    return (round(quantile(1 - alpha / 2), 4) + round(quantile(power), 4)) ** 2
