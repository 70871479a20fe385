"""Plans that never promise what the audience cannot deliver."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.trials import planner


def test_two_percent_cannot_be_seen_in_a_list_of_ten_thousand() -> None:
    made = planner.plan(0.03, relative_lift=0.02, audience_per_arm=10_000)
    assert made.feasible is False
    assert (made.n_per_arm, made.total) == (1_281_205, 2_562_410)
    assert "cannot be seen with 10,000 contacts per arm" in made.sentence
    assert "3 % to 3.713 % (+23.8 % relative) or more" in made.sentence
    assert made.detectable_relative == pytest.approx(0.2378, abs=1e-4)


def test_ten_percent_cells_of_that_list_see_only_a_leap() -> None:
    made = planner.plan(0.03, relative_lift=0.02, audience_per_arm=1_000)
    assert made.detectable_relative == pytest.approx(0.85, abs=0.01)
    assert made.detectable_absolute == pytest.approx(0.0253, abs=1e-4)


def test_relative_and_absolute_effects_are_the_same_plan() -> None:
    assert planner.plan(0.2, relative_lift=0.1) == planner.plan(0.2, difference=0.2 * 0.1)


def test_a_large_audience_is_enough_and_the_sentence_says_so() -> None:
    made = planner.plan(0.2, relative_lift=0.1, audience_per_arm=7_000)
    assert made.feasible is True
    assert made.sentence.startswith("7,000 contacts per arm are enough")


def test_without_an_audience_nothing_is_promised() -> None:
    made = planner.plan(0.03, difference=0.01)
    assert made.feasible is None
    assert made.detectable_absolute == 0.01


def test_more_arms_share_the_alpha() -> None:
    two, four = planner.plan(0.03, difference=0.01), planner.plan(0.03, difference=0.01, n_arms=4)
    assert four.n_per_arm > two.n_per_arm
    assert four.total == 4 * four.n_per_arm
    assert "shared by 3 comparisons" in four.sentence


def test_a_fall_can_be_planned_too() -> None:
    assert planner.plan(0.1, difference=-0.02).n_per_arm == 3_211


@given(st.floats(0.001, 0.5), st.floats(0.01, 0.9), st.integers(100, 3_000_000))
def test_feasible_means_the_effect_is_at_least_what_can_be_seen(base: float, lift: float, audience: int) -> None:
    made = planner.plan(base, relative_lift=lift, audience_per_arm=audience)
    if made.detectable_relative is None:
        assert made.feasible is False
    elif abs(made.n_per_arm - audience) > 1:
        assert made.feasible == (made.detectable_relative <= lift)


@pytest.mark.parametrize(
    ("given_", "word"),
    [
        ({"baseline_rate": 0.0, "difference": 0.1}, "baseline"),
        ({"baseline_rate": 3.0, "difference": 0.1}, "baseline"),
        ({"baseline_rate": 0.6, "relative_lift": 1.0}, "between 0 and 100"),
        ({"baseline_rate": 0.1, "difference": -0.1}, "between 0 and 100"),
        ({"baseline_rate": 0.1, "difference": 0.0}, "effect is 0"),
        ({"baseline_rate": 0.1}, "effect once"),
        ({"baseline_rate": 0.1, "difference": 0.1, "relative_lift": 0.1}, "effect once"),
        ({"baseline_rate": 0.1, "difference": 0.1, "power": 1.0}, "power"),
        ({"baseline_rate": 0.1, "difference": 0.1, "alpha": 0.0}, "alpha"),
        ({"baseline_rate": 0.1, "difference": 0.1, "n_arms": 1}, "arms"),
        ({"baseline_rate": 0.1, "difference": 0.1, "audience_per_arm": 0}, "audience"),
    ],
)
def test_what_no_test_can_have_is_refused(given_: dict[str, float], word: str) -> None:
    with pytest.raises(BadInput, match=word):
        planner.plan(**given_)
