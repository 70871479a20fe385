"""What a test shows: arms, comparisons with the control, the sample-ratio check, and one verdict sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..errors import BadInput, listing
from ..maths import stats
from ..maths.stats import Interval, RatioCheck, Sample

Kind = Literal["proportion", "mean"]
Floats = npt.NDArray[np.float64]
FEW_SUCCESSES = 5  # below it in any cell the normal approximation of the z test is rough


@dataclass(frozen=True)
class ArmResult:
    """One arm. For a mean metric `rate` is the mean per contact, `successes` is None and `sd` is set."""

    name: str
    n: int
    successes: int | None
    rate: float | None
    ci: Interval | None
    sd: float | None = None


@dataclass(frozen=True)
class Comparison:
    """Arm b against the control a. `reason` says why there is no p value."""

    a: str
    b: str
    difference: float | None
    ci: Interval | None
    relative_lift: float | None
    p_value: float | None
    p_adjusted: float | None
    test: str
    reason: str | None = None


@dataclass(frozen=True)
class Analysis:
    """A whole test as it stands, with the sentence that the page and the export share."""

    arms: list[ArmResult]
    comparisons: list[Comparison]
    srm: RatioCheck
    verdict: str
    notes: list[str]


def analyze_counts(
    arms: Mapping[str, tuple[int, int]],
    *,
    alpha: float = 0.05,
    control: str | None = None,
    expected: Sequence[float] | None = None,
) -> Analysis:
    """Judge (successes, n) per arm with the fixed two-sided pooled z test; the first arm is the control unless named.

    Raises BadInput: fewer than two arms, counts that cannot be, an unknown control, weights that do not fit.
    """
    for name, (successes, n) in arms.items():
        if not 0 <= successes <= n:
            raise BadInput(f"arm {name}: {successes} successes of {n} contacts cannot be")
    base = _control(list(arms), control, alpha)
    results = [
        ArmResult(name, n, x, x / n if n else None, stats.wilson(x, n, alpha)) for name, (x, n) in arms.items()
    ]
    found = {b: stats.compare_proportions(arms[base], arms[b], alpha) for b in arms if b != base}
    few = [name for name, (x, n) in arms.items() if n and min(x, n - x) < FEW_SUCCESSES]
    notes = [f"fewer than {FEW_SUCCESSES} successes or failures in {listing(few)}: the p value is rough"] if few else []
    return _analysis(results, base, found, _ratio([n for _, n in arms.values()], expected), alpha, notes)


def analyze_rows(
    groups: Sequence[str],
    values: Floats,
    *,
    kind: Kind = "proportion",
    alpha: float = 0.05,
    control: str | None = None,
    expected: Sequence[float] | None = None,
) -> Analysis:
    """Judge one row per contact: proportion (values 0 or 1, z test) or mean (Welch). Arms stand in order of name.

    Raises BadInput: as `analyze_counts`; a proportion with values other than 0 and 1.
    """
    names, places = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
    if kind == "proportion":
        counts = _count(names, places, values)
        return analyze_counts(counts, alpha=alpha, control=control, expected=expected)
    samples = {str(name): _sample(values[places == place]) for place, name in enumerate(names)}
    return analyze_samples(samples, alpha=alpha, control=control, expected=expected)


def analyze_samples(
    arms: Mapping[str, Sample],
    *,
    alpha: float = 0.05,
    control: str | None = None,
    expected: Sequence[float] | None = None,
) -> Analysis:
    """Judge means from size, mean and variance per arm with Welch's test. Raises BadInput as `analyze_counts`."""
    base = _control(list(arms), control, alpha)
    results = [
        ArmResult(name, arm.n, None, arm.mean, stats.mean_interval(arm, alpha), arm.variance**0.5)
        for name, arm in arms.items()
    ]
    found = {b: stats.compare_means(arms[base], arms[b], alpha) for b in arms if b != base}
    return _analysis(results, base, found, _ratio([arm.n for arm in arms.values()], expected), alpha, [])


def _control(names: list[str], control: str | None, alpha: float) -> str:
    stats.check_alpha(alpha)
    if len(names) < 2:
        raise BadInput(f"a test needs at least two arms, got {listing(names)}")
    if control is not None and control not in names:
        raise BadInput(f"control {control!r} is not an arm; arms are {listing(names)}")
    return control if control is not None else names[0]


def _count(names: npt.NDArray[np.str_], places: npt.NDArray[np.intp], values: Floats) -> dict[str, tuple[int, int]]:
    if not np.isin(values, (0.0, 1.0)).all():
        raise BadInput("a proportion needs 0 or 1 in every row; for amounts ask for the kind mean")
    sizes = np.bincount(places, minlength=len(names))
    successes = np.bincount(places, weights=values, minlength=len(names))
    return {str(name): (int(successes[place]), int(sizes[place])) for place, name in enumerate(names)}


def _sample(values: Floats) -> Sample:
    variance = float(values.var(ddof=1)) if len(values) > 1 else 0.0
    return Sample(len(values), float(values.mean()), variance)


def _ratio(counts: list[int], expected: Sequence[float] | None) -> RatioCheck:
    weights = list(expected) if expected is not None else [1.0] * len(counts)
    if len(weights) != len(counts):
        raise BadInput(f"expected split has {len(weights)} parts for {len(counts)} arms")
    if min(weights) <= 0:
        raise BadInput("every part of the expected split must be above 0")
    return stats.sample_ratio(counts, weights)


def analyze_groups(groups: Mapping[str, Mapping[str, tuple[int, int]]], *, alpha: float = 0.05,
                   expected: Sequence[float] | None = None) -> dict[str, Analysis]:
    """Judge the same arms in each group of people. Whoever looks at many groups finds a difference somewhere by chance: p
    values are adjusted over all comparisons of all groups (Holm). Raises BadInput as `analyze_counts`."""
    found = {name: analyze_counts(arms, alpha=alpha, expected=expected) for name, arms in groups.items()}
    adjusted = iter(stats.holm([one.p_value for analysis in found.values() for one in analysis.comparisons]))
    made = {name: replace(analysis, comparisons=[replace(one, p_adjusted=next(adjusted)) for one in analysis.comparisons])
            for name, analysis in found.items()}
    return {name: replace(analysis, verdict=_verdict(analysis, alpha)) for name, analysis in made.items()}


def _analysis(
    arms: list[ArmResult],
    base: str,
    found: Mapping[str, stats.Difference],
    srm: RatioCheck,
    alpha: float,
    notes: list[str],
) -> Analysis:
    adjusted = stats.holm([difference.p_value for difference in found.values()])
    comparisons = [
        Comparison(base, b, d.difference, d.ci, d.relative_lift, d.p_value, p, d.test, d.reason)
        for (b, d), p in zip(found.items(), adjusted, strict=True)
    ]
    analysis = Analysis(arms, comparisons, srm, "", notes)
    return replace(analysis, verdict=_verdict(analysis, alpha))


def _verdict(analysis: Analysis, alpha: float) -> str:
    if analysis.srm.ok is False:
        sizes = ", ".join(f"{arm.name} {arm.n:,}" for arm in analysis.arms)
        return (
            f"Do not read this test: the arms were not filled as planned ({sizes}; sample-ratio "
            f"{_p(analysis.srm.p_value)}). Find out who is missing first."
        )
    return " ".join(_judge(comparison, analysis.arms, alpha) for comparison in analysis.comparisons)


def _judge(found: Comparison, arms: list[ArmResult], alpha: float) -> str:
    if found.p_adjusted is None or found.difference is None:
        return f"{found.b} against {found.a} cannot be judged: {found.reason}."
    is_rate = arms[0].successes is not None
    span = _span(found.ci, is_rate, alpha)
    if found.p_adjusted < alpha:
        word = "higher" if found.difference > 0 else "lower"
        size = _amount(abs(found.difference), is_rate)
        return f"{found.b} is {word} than {found.a} by {size} ({span}, {_p(found.p_adjusted)})."
    return (
        f"No difference between {found.b} and {found.a} is shown ({span}, {_p(found.p_adjusted)}); "
        "that is not proof that there is none."
    )


def _span(ci: Interval | None, is_rate: bool, alpha: float) -> str:
    if ci is None:
        return "no interval"
    low, high = (_amount(edge, is_rate, sign=True) for edge in ci)
    return f"{100 * (1 - alpha):g} % interval {low} to {high}"


def _amount(value: float, is_rate: bool, *, sign: bool = False) -> str:
    plus = "+" if sign else ""
    return f"{value * 100:{plus}.2f} points" if is_rate else f"{value:{plus}.4g}"


def _p(p_value: float | None) -> str:
    if p_value is None:
        return "p unknown"
    return "p below 0.0001" if p_value < 0.0001 else f"p = {p_value:.4f}"
