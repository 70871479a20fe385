"""Every attribution model: the published weights, and what holds for any path."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import DAY
from engine.errors import BadInput, NotYet
from engine.measure import models
from engine.measure.models import MODELS, Touches


def touches(*paths: list[float], direct: tuple[int, ...] = ()) -> Touches:
    """Paths given as days of their touches."""
    number = np.repeat(np.arange(len(paths)), [len(days) for days in paths])
    age_s = np.array([(days[-1] - day) * DAY for days in paths for day in days])
    return Touches(number, age_s, np.isin(np.arange(len(number)), direct))


def shares(name: str, *paths: list[float], half_life_days: float = 7, direct: tuple[int, ...] = ()) -> list[float]:
    found = models.shares(MODELS[name], touches(*paths, direct=direct), half_life_days * DAY)
    return [round(float(share), 6) for share in found]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("first", [1, 0, 0, 0, 0]),
        ("last", [0, 0, 0, 0, 1]),
        ("linear", [0.2, 0.2, 0.2, 0.2, 0.2]),
        ("position", [0.4, 0.066667, 0.066667, 0.066667, 0.4]),
    ],
)
def test_five_touches(name: str, expected: list[float]) -> None:
    assert shares(name, [0, 5, 12, 30, 38]) == expected


@pytest.mark.parametrize(("days", "expected"), [([3], [1]), ([3, 4], [0.5, 0.5]), ([1, 2, 3], [0.4, 0.2, 0.4])])
def test_position_of_short_paths(days: list[float], expected: list[float]) -> None:
    assert shares("position", days) == expected


def test_decay_halves_with_each_half_life() -> None:
    assert shares("time_decay", [0, 7, 14]) == [round(w / 7, 6) for w in (1, 2, 4)]
    assert shares("time_decay", [0, 30], half_life_days=30) == [0.333333, 0.666667]


def test_decay_of_a_very_old_touch_is_nothing_and_not_an_error() -> None:
    assert shares("time_decay", [0, 40_000], half_life_days=1) == [0, 1]


def test_last_non_direct_passes_over_direct_unless_there_is_nothing_else() -> None:
    assert shares("last_non_direct", [0, 1, 2], [5, 6], direct=(2, 3, 4)) == [0, 1, 0, 0, 1]


days = st.lists(st.integers(0, 400).map(float), min_size=1, max_size=12).map(sorted)


@pytest.mark.parametrize("name", MODELS)
class TestEveryModel:
    @given(paths=st.lists(days, min_size=1, max_size=6), half_life=st.floats(0.5, 90))
    def test_each_path_hands_out_exactly_one(self, name: str, paths: list[list[float]], half_life: float) -> None:
        given_ = touches(*paths)
        found = models.shares(MODELS[name], given_, half_life * DAY)
        assert (found >= 0).all()
        assert np.bincount(given_.path, found) == pytest.approx(np.ones(len(paths)))

    @given(path=days, other=days)
    def test_a_path_is_judged_alone(self, name: str, path: list[float], other: list[float]) -> None:
        assert shares(name, other, path)[len(other) :] == shares(name, path)

    def test_no_touches_no_credit(self, name: str) -> None:
        nothing = Touches(np.zeros(0, dtype=int), np.zeros(0), np.zeros(0, dtype=bool))
        assert len(models.shares(MODELS[name], nothing)) == 0

    def test_it_says_what_it_does(self, name: str) -> None:
        assert MODELS[name].label and MODELS[name].sentence.endswith(".")


@given(days)
def test_linear_does_not_look_at_times(path: list[float]) -> None:
    assert shares("linear", path) == shares("linear", [0.0] * len(path))


def test_promised_and_unknown_models_are_different_errors() -> None:
    with pytest.raises(NotYet, match="markov"):
        models.get_model("markov")
    with pytest.raises(BadInput, match="first"):
        models.get_model("magic")


@pytest.mark.parametrize("half_life_s", [0.0, -1.0, float("nan")])
def test_a_half_life_is_above_zero(half_life_s: float) -> None:
    with pytest.raises(BadInput):
        models.shares(MODELS["time_decay"], touches([1, 2]), half_life_s)
