"""Paths from files: what counts as a path, and that nothing gets lost on the way to the channels."""

from __future__ import annotations

from collections import defaultdict
from random import Random

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.measure import paths
from engine.measure.models import MODELS


def as_read(rows: tuple[tuple[str, ...], ...], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=columns, index=range(2, len(rows) + 2), dtype=str)


def path_rows(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    return as_read(rows, ["path", "conversions", "value", "nulls"])


def touch_rows(*rows: tuple[str, str, str, str, str]) -> pd.DataFrame:
    return as_read(rows, ["contact", "channel", "at", "conversion", "value"])


def credit(read: paths.Paths, model: str) -> dict[str, tuple[float, float]]:
    frame = paths.credit(read, MODELS[model])
    return {row.channel: (round(row.conversions, 9), round(row.value, 9)) for row in frame.itertuples()}


def test_a_path_is_steps_with_arrows_between() -> None:
    read = paths.from_path_rows(path_rows(("a > b>c", "3", "30", "1"), ("b", "", "", "2")))
    assert credit(read, "first") == {"a": (3, 30), "b": (0, 0), "c": (0, 0)}
    assert credit(read, "linear") == {"a": (1, 10), "b": (1, 10), "c": (1, 10)}
    assert paths.totals(read) == paths.Totals(2, 3.0, 30.0, 3.0, 0.0, 0.0)


def test_a_path_without_steps_is_credited_to_nobody() -> None:
    read = paths.from_path_rows(path_rows(("", "2", "9", "0"), ("a", "1", "1", "0")))
    assert credit(read, "linear") == {"a": (1, 1)}
    assert paths.totals(read).untouched_value == 9


def test_a_file_without_money_has_none() -> None:
    read = paths.from_path_rows(path_rows(("a", "2", "", "0"))[["path", "conversions"]])
    assert paths.totals(read).value is None
    assert paths.credit(read, MODELS["first"])["value"].tolist() == [None]


STORY = (
    ("ada", "mail", "2026-01-01", "0", ""),
    ("ada", "ads", "2026-01-05", "1", "100"),
    ("bo", "ads", "2026-01-02", "0", ""),
    ("ada", "mail", "2026-02-01", "0", ""),
    ("ada", "", "2026-02-02", "1", "50"),
    ("ada", "social", "2026-03-01", "0", ""),
)


def test_a_conversion_ends_a_path_and_its_own_channel_is_the_last_touch() -> None:
    read = paths.from_touch_rows(touch_rows(*STORY))
    assert credit(read, "first") == {"ads": (0, 0), "mail": (2, 150), "social": (0, 0)}
    assert credit(read, "last") == {"ads": (1, 100), "mail": (1, 50), "social": (0, 0)}
    assert paths.totals(read) == paths.Totals(4, 2.0, 150.0, 2.0, 0.0, 0.0)


def test_rows_need_no_order() -> None:
    read = paths.from_touch_rows(touch_rows(*reversed(STORY)))
    assert credit(read, "last") == {"ads": (1, 100), "mail": (1, 50), "social": (0, 0)}


def test_decay_reads_the_times() -> None:
    rows = (("ada", "mail", "1767225600", "0", ""), ("ada", "ads", "2026-01-08T00:00:00Z", "1", "30"))
    found = credit(paths.from_touch_rows(touch_rows(*rows)), "time_decay")
    assert found == {"ads": (0.666666667, 20), "mail": (0.333333333, 10)}


def test_a_conversion_out_of_the_blue_is_kept_apart() -> None:
    read = paths.from_touch_rows(touch_rows(("ada", "", "2026-01-01", "1", "7")))
    assert paths.credit(read, MODELS["linear"]).empty
    assert paths.totals(read).untouched_conversions == 1
    assert paths.totals(read).untouched_value == 7


rows = st.lists(
    st.tuples(st.sampled_from(["ada", "bo"]), st.sampled_from(["mail", "ads", "direct", ""]), st.integers(0, 9),
              st.booleans(), st.integers(0, 999)),
    min_size=1, max_size=40,
)


@given(rows=rows)
def test_by_every_model_credit_and_no_touch_are_all_there_was(rows: list[tuple[str, str, int, bool, int]]) -> None:
    text = [(who, channel, str(1_700_000_000 + at), str(int(won)), str(value)) for who, channel, at, won, value in rows]
    read = paths.from_touch_rows(touch_rows(*text))
    found = paths.totals(read)
    assert found.conversions == sum(won for *_, won, _ in rows)
    assert found.value == sum(value for *_, won, value in rows if won)
    for name, model in MODELS.items():
        frame = paths.credit(read, model)
        assert frame["conversions"].sum() + found.untouched_conversions == pytest.approx(found.conversions), name
        assert frame["value"].sum() + (found.untouched_value or 0) == pytest.approx(found.value), name


steps = st.lists(st.sampled_from("abcd"), min_size=1, max_size=9)


@given(st.lists(steps, min_size=1, max_size=5), st.integers(0, 99))
def test_linear_does_not_depend_on_the_order_of_touches(journeys: list[list[str]], seed: int) -> None:
    def linear(order: list[list[str]]) -> dict[str, tuple[float, float]]:
        return credit(paths.from_path_rows(path_rows(*[(" > ".join(path), "1", "1", "0") for path in order])), "linear")

    assert linear(journeys) == linear([Random(seed).sample(path, len(path)) for path in journeys])


@given(st.lists(steps, min_size=1, max_size=6))
def test_linear_agrees_with_counting_by_hand(journeys: list[list[str]]) -> None:
    by_hand: dict[str, float] = defaultdict(float)
    for path in journeys:
        for step in path:
            by_hand[step] += 1 / len(path)
    found = credit(paths.from_path_rows(path_rows(*[(" > ".join(path), "1", "1", "0") for path in journeys])), "linear")
    assert {name: conversions for name, (conversions, _) in found.items()} == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("frame", "word"),
    [
        (path_rows(("a", "x", "1", "0")), "line 2: conversions 'x'"),
        (path_rows(("a", "1", "1", "0"), ("a", "1", "-3", "0")), "line 3: value '-3'"),
        (path_rows(("a", "inf", "1", "0")), "line 2: conversions"),
        (path_rows(("a", "1", "1", "0")).rename(columns={"path": "way"}), "column path is missing: the file has way"),
        (path_rows(), "no rows"),
    ],
)
def test_bad_path_files_name_the_line(frame: pd.DataFrame, word: str) -> None:
    with pytest.raises(BadInput, match=word):
        paths.from_path_rows(frame)


def test_bad_moment_names_the_line() -> None:
    with pytest.raises(BadInput, match="line 3: at 'soon' is not a moment"):
        paths.from_touch_rows(touch_rows(("a", "x", "2026-01-01", "0", ""), ("a", "x", "soon", "0", "")))
