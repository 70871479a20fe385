"""The tests and plans of `engine.maths.stats` against independent computations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as reference
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint, proportions_ztest

from engine.maths import stats

counts = st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, counts)
def test_z_test_agrees_with_statsmodels_or_says_why_not(a: tuple[int, int], b: tuple[int, int]) -> None:
    found = stats.compare_proportions(a, b)
    if a[0] + b[0] in (0, a[1] + b[1]):
        assert found.p_value is None and found.reason
        return
    _, p_value = proportions_ztest([b[0], a[0]], [b[1], a[1]])
    assert found.p_value == pytest.approx(p_value, rel=1e-9, abs=1e-14)


@given(counts, counts)
def test_interval_holds_the_difference_and_swapping_arms_mirrors_it(a: tuple[int, int], b: tuple[int, int]) -> None:
    one, other = stats.compare_proportions(a, b), stats.compare_proportions(b, a)
    assert one.ci and other.ci and one.difference is not None
    assert -1 <= one.ci[0] <= one.difference <= one.ci[1] <= 1
    assert one.ci == pytest.approx((-other.ci[1], -other.ci[0]), abs=1e-12)
    assert one.p_value == pytest.approx(other.p_value)


def test_interval_of_the_difference_is_unpooled_wald() -> None:
    found = stats.compare_proportions((200, 1000), (250, 1000))
    wald = confint_proportions_2indep(250, 1000, 200, 1000, method="wald", compare="diff")
    assert found.ci == pytest.approx(wald)
    assert found.relative_lift == pytest.approx(0.25)


@pytest.mark.parametrize(("a", "b"), [((0, 40), (0, 60)), ((0, 40), (60, 60)), ((40, 40), (60, 60))])
def test_interval_has_width_where_wald_has_none(a: tuple[int, int], b: tuple[int, int]) -> None:
    found = stats.compare_proportions(a, b)
    newcombe = confint_proportions_2indep(*b, *a, method="newcomb", compare="diff")
    assert found.ci == pytest.approx(newcombe)
    assert found.ci and found.ci[1] - found.ci[0] > 0.05


def test_p_keeps_its_digits_far_in_the_tail() -> None:
    assert stats.two_sided(22.48604082719282) == pytest.approx(5.685165482802317e-112, rel=1e-9)


@given(counts, st.sampled_from([0.01, 0.05, 0.2]))
def test_wilson_agrees_with_statsmodels(arm: tuple[int, int], alpha: float) -> None:
    low, high = proportion_confint(*arm, alpha=alpha, method="wilson")
    assert stats.wilson(*arm, alpha) == pytest.approx((low, high), abs=1e-12)


def test_wilson_of_nobody_is_unknown() -> None:
    assert stats.wilson(0, 0) is None


amounts = st.integers(-1_000_000, 1_000_000).map(lambda cents: cents / 100)
samples = st.lists(amounts, min_size=2, max_size=30).filter(lambda values: len(set(values)) > 1)


def summary(values: list[float]) -> stats.Sample:
    return stats.Sample(len(values), float(np.mean(values)), float(np.var(values, ddof=1)))


@given(samples, samples)
def test_welch_agrees_with_scipy(a: list[float], b: list[float]) -> None:
    found = stats.compare_means(summary(a), summary(b))
    expected = reference.ttest_ind(b, a, equal_var=False)
    interval = expected.confidence_interval()
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
    assert found.ci == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("a", "b", "word"),
    [
        (stats.Sample(0, 0, 0), stats.Sample(9, 1, 1), "nobody"),
        (stats.Sample(1, 3, 0), stats.Sample(9, 1, 1), "two contacts"),
        (stats.Sample(5, 3, 0), stats.Sample(9, 1, 0), "does not vary"),
    ],
)
def test_means_that_cannot_be_compared_carry_a_reason(a: stats.Sample, b: stats.Sample, word: str) -> None:
    found = stats.compare_means(a, b)
    assert found.p_value is None and found.ci is None
    assert word in (found.reason or "")


def test_an_empty_arm_is_a_reason_and_not_p_one() -> None:
    found = stats.compare_proportions((0, 0), (3, 10))
    assert (found.p_value, found.difference, found.ci) == (None, None, None)
    assert found.reason == "one of the arms has nobody in it"


def test_no_lift_over_a_rate_of_zero() -> None:
    assert stats.compare_proportions((0, 100), (4, 100)).relative_lift is None


@settings(max_examples=12)  # theirs collects garbage at each call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    assert stats.holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))


def test_holm_leaves_out_what_was_not_computed() -> None:
    assert stats.holm([0.01, None, 0.04]) == [0.02, None, 0.04]


@given(st.lists(st.integers(20, 9_000), min_size=2, max_size=5))
def test_sample_ratio_agrees_with_scipy(sizes: list[int]) -> None:
    found = stats.sample_ratio(sizes, [1] * len(sizes))
    assert found.p_value == pytest.approx(reference.chisquare(sizes).pvalue, rel=1e-9, abs=1e-300)
    assert found.ok is (found.p_value is not None and found.p_value >= 0.001)


@pytest.mark.parametrize("sizes", [[0, 0], [3, 4], [8, 1]])
def test_sample_ratio_of_very_few_is_not_judged(sizes: list[int]) -> None:
    found = stats.sample_ratio(sizes, [50, 50])
    assert found.p_value is None and found.ok is None and found.reason


@pytest.mark.parametrize(
    ("base", "lift", "n"),
    [
        (0.03, 0.02, 1_281_205),
        (0.03, 0.10, 53_209),
        (0.03, 0.20, 13_911),
        (0.03, 0.50, 2_515),
        (0.20, 0.10, 6_507),
        (0.20, 0.20, 1_680),
    ],
)
def test_sample_size_matches_the_published_table(base: float, lift: float, n: int) -> None:
    assert stats.sample_size(base, base * lift) == n


@given(st.floats(0.005, 0.6), st.integers(200, 2_000_000))
def test_detectable_difference_inverts_sample_size(base: float, n: int) -> None:
    seen = stats.detectable_difference(base, n)
    if seen is not None:
        assert abs(stats.sample_size(base, seen) - n) <= 1
        assert stats.power_of(base, base + seen, n) == pytest.approx(0.8, abs=2e-4)


def test_an_audience_too_small_for_any_rise_sees_none() -> None:
    assert stats.detectable_difference(0.9, 20) is None


def test_power_is_what_simulation_finds() -> None:
    rng = np.random.default_rng(7)
    a, b = rng.binomial(3_841, 0.10, 20_000), rng.binomial(3_841, 0.12, 20_000)
    error = np.sqrt((a + b) / 7_682 * (1 - (a + b) / 7_682) * 2 / 3_841)
    seen = (np.abs(b - a) / 3_841 / error > stats.quantile(0.975)).mean()
    assert stats.power_of(0.10, 0.12, 3_841) == pytest.approx(seen, abs=0.012)


def test_equal_arms_alarm_as_often_as_alpha_says() -> None:
    rng = np.random.default_rng(11)
    pairs = rng.binomial(4_000, 0.2, (3_000, 2))
    p_values = [stats.compare_proportions((int(a), 4_000), (int(b), 4_000)).p_value for a, b in pairs]
    known = np.array([p for p in p_values if p is not None])
    assert (known < 0.05).mean() == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 3_000))
    assert reference.kstest(known, "uniform").statistic < 0.04  # discrete counts: close to uniform, not exactly


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(13)
    a, b = rng.binomial(2_000, 0.10, 3_000), rng.binomial(2_000, 0.12, 3_000)
    found = [stats.compare_proportions((int(x), 2_000), (int(y), 2_000)).ci for x, y in zip(a, b, strict=True)]
    covered = np.mean([ci is not None and ci[0] <= 0.02 <= ci[1] for ci in found])
    assert covered == pytest.approx(0.95, abs=0.02)
