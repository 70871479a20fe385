"""Readings of a test: numbers, reasons, and the sentence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.maths.stats import Sample
from engine.trials import results


def test_a_clear_difference_is_named_with_its_interval() -> None:
    found = results.analyze_counts({"A": (200, 1000), "B": (250, 1000)})
    (comparison,) = found.comparisons
    assert (comparison.a, comparison.b) == ("A", "B")
    assert comparison.p_value == comparison.p_adjusted == pytest.approx(0.007419649261025687)
    assert found.verdict == "B is higher than A by 5.00 points (95 % interval +1.35 points to +8.65 points, p = 0.0074)."


def test_no_difference_is_not_called_proof() -> None:
    found = results.analyze_counts({"A": (1000, 20000), "B": (1080, 20000)})
    assert found.verdict.startswith("No difference between B and A is shown")
    assert found.verdict.endswith("that is not proof that there is none.")


def test_the_control_can_be_named() -> None:
    found = results.analyze_counts({"A": (200, 1000), "B": (250, 1000)}, control="B")
    assert (found.comparisons[0].a, found.comparisons[0].b) == ("B", "A")
    assert found.comparisons[0].difference == pytest.approx(-0.05)


def test_several_arms_are_adjusted_and_judged_by_the_adjusted_p() -> None:
    found = results.analyze_counts({"A": (200, 1000), "B": (237, 1000), "C": (236, 1000)})
    raw = [c.p_value for c in found.comparisons]
    adjusted = [c.p_adjusted for c in found.comparisons]
    assert raw[0] is not None and raw[0] < 0.05
    assert adjusted[0] == pytest.approx(2 * raw[0])
    assert "B and A is shown" in found.verdict or "B is higher" not in found.verdict


def test_a_broken_split_silences_the_verdict() -> None:
    found = results.analyze_counts({"A": (100, 1000), "B": (300, 1300)})
    assert found.srm.ok is False
    assert found.verdict.startswith("Do not read this test: the arms were not filled as planned (A 1,000, B 1,300")


def test_an_uneven_split_as_planned_is_fine() -> None:
    found = results.analyze_counts({"A": (10, 1000), "B": (90, 8000)}, expected=[10, 80])
    assert found.srm.ok is True


def test_nothing_to_tell_apart_is_a_reason() -> None:
    found = results.analyze_counts({"A": (0, 100), "B": (0, 100)})
    assert found.comparisons[0].p_value is None
    assert found.verdict.startswith("B against A cannot be judged: nobody in either arm succeeded")


def test_few_successes_carry_a_caution() -> None:
    assert results.analyze_counts({"A": (0, 100), "B": (4, 100)}).notes
    assert not results.analyze_counts({"A": (50, 100), "B": (40, 100)}).notes


@given(st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 1)), min_size=2, max_size=200))
def test_rows_and_counts_agree(rows: list[tuple[str, int]]) -> None:
    rows = [("A", 1), ("B", 0), *rows]
    counts = {name: (sum(y for g, y in rows if g == name), sum(g == name for g, _ in rows)) for name in "AB"}
    by_rows = results.analyze_rows([g for g, _ in rows], np.array([float(y) for _, y in rows]))
    assert by_rows == results.analyze_counts(counts)


def test_means_use_welch() -> None:
    rng = np.random.default_rng(5)
    values = np.concatenate([rng.normal(10, 2, 400), rng.normal(11, 6, 300)])
    found = results.analyze_rows(["a"] * 400 + ["b"] * 300, values, kind="mean", expected=[4, 3])
    assert found.comparisons[0].test == "Welch t"
    assert found.arms[0].successes is None
    assert found.arms[0].rate == pytest.approx(values[:400].mean())
    assert found.arms[1].sd == pytest.approx(values[400:].std(ddof=1))


def test_a_single_contact_in_an_arm_cannot_be_judged() -> None:
    found = results.analyze_samples({"a": Sample(1, 5.0, 0.0), "b": Sample(9, 1.0, 1.0)})
    assert "cannot be judged: a mean test needs at least two contacts" in found.verdict


def test_same_truth_is_called_different_about_as_often_as_alpha() -> None:
    rng = np.random.default_rng(3)
    wrong = 0
    for x, y in rng.binomial(2_000, 0.1, (1_000, 2)):
        wrong += "higher" in (verdict := results.analyze_counts({"A": (x, 2_000), "B": (y, 2_000)}).verdict)
        wrong += "lower" in verdict
    assert 25 <= wrong <= 80


@pytest.mark.parametrize(
    ("arms", "more", "word"),
    [
        ({"A": (1, 2)}, {}, "two arms"),
        ({"A": (3, 2), "B": (1, 2)}, {}, "arm A: 3 successes of 2"),
        ({"A": (-1, 2), "B": (1, 2)}, {}, "arm A"),
        ({"A": (1, 2), "B": (1, 2)}, {"control": "C"}, "arms are A, B"),
        ({"A": (1, 2), "B": (1, 2)}, {"expected": [1]}, "1 parts for 2 arms"),
        ({"A": (1, 2), "B": (1, 2)}, {"expected": [0, 1]}, "above 0"),
        ({"A": (1, 2), "B": (1, 2)}, {"alpha": 5}, "alpha"),
    ],
)
def test_bad_counts_are_refused(arms: dict[str, tuple[int, int]], more: dict[str, object], word: str) -> None:
    with pytest.raises(BadInput, match=word):
        results.analyze_counts(arms, **more)


def test_a_proportion_of_amounts_is_refused() -> None:
    with pytest.raises(BadInput, match="kind mean"):
        results.analyze_rows(["a", "b"], np.array([1.0, 2.5]))
