"""`attribute` against published worked examples and a public data set."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import gather
from engine.commands.common import run
from engine.measure import roi

MAPS = ["--map", "total_conversions=conversions", "--map", "total_conversion_value=value", "--map", "total_null=nulls"]
Find = Callable[[str], Path]
ELSEWHERE = {"position": "position_40_20_40", "time_decay": "time_decay_steps_halflife_7"}


def attribute(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run(gather(), ["attribute", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def column(document: Any, model: str, what: str) -> dict[str, float]:
    return {channel: credit[what] for channel, credit in document["models"][model].items()}


@pytest.mark.parametrize("days", [1, 2, 7])
@pytest.mark.parametrize("what", ["conversions", "value"])
def test_path_data(days: int, what: str, shared_data: Find, capsys: pytest.CaptureFixture[str]) -> None:
    expected = json.loads(shared_data("expected/path_data.json").read_text())
    data = str(shared_data("path_data/PathData.csv"))
    found = attribute(capsys, "--paths", data, *MAPS, "--half-life-days", str(days))
    names = ELSEWHERE | {"time_decay": f"time_decay_steps_halflife_{days}"}
    for model in ("first", "last", "linear", "position", "time_decay"):
        assert column(found, model, what) == pytest.approx(expected[names.get(model, model)][what], rel=1e-9), model
    assert found["totals"]["conversions"] == expected["dataset"]["conversions"]
    assert found["totals"]["value"] == pytest.approx(expected["dataset"]["value"])
    assert found["totals"]["nulls"] == expected["dataset"]["null"]


def worked(shared_data: Find, name: str) -> Any:
    examples = json.loads(shared_data("expected/worked_examples.json").read_text())
    return next(example for example in examples["attribution"] if example["id"] == name)


def test_b2b_deal_of_12000(shared_data: Find, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = worked(shared_data, "b2b_12000_five_touches")
    touches, value = example["input"]["touches"], example["input"]["value"]
    lines = [f"ada,{touch['channel']},{1_700_000_000 + touch['day'] * 86_400},0," for touch in touches]
    lines[-1] = lines[-1].removesuffix("0,") + f"1,{value}"
    file = tmp_path / "touches.csv"
    file.write_text("\n".join(["contact,channel,at,conversion,value", *lines]))
    found = attribute(capsys, "--touches", str(file), "--model",
                      "first,last,linear,position,time_decay,last_non_direct")
    channels = [touch["channel"] for touch in touches]
    for model in ("first", "last", "last_non_direct", "linear"):
        assert [found["models"][model][name]["value"] for name in channels] == pytest.approx(example["published"][model])
    position = [found["models"]["position"][name]["value"] for name in channels]
    assert position == pytest.approx(example["published"]["position_40_20_40"])
    decay = [found["models"]["time_decay"][name]["value"] for name in channels]
    assert decay == pytest.approx(example["exact_time_decay"])
    assert decay == pytest.approx(example["published"]["time_decay"], abs=5)


def test_half_life_table(shared_data: Find, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = worked(shared_data, "half_life_table")
    ages = example["input"]["ages_days"]
    lines = [f"ada,age {age},{1_700_000_000 - age * 86_400},{int(age == 0)},1" for age in ages]
    file = tmp_path / "touches.csv"
    file.write_text("\n".join(["contact,channel,at,conversion,value", *lines]))
    found = attribute(capsys, "--touches", str(file), "--model", "time_decay",
                      "--half-life-days", str(example["input"]["half_life_days"]))
    weights = [found["models"]["time_decay"][f"age {age}"]["conversions"] for age in ages]
    assert [weight / weights[0] for weight in weights] == pytest.approx(example["expected_relative_weights"])


def test_position_edge_cases(shared_data: Find, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = worked(shared_data, "position_edge_cases")["expected"]
    for n, path in ((1, "a"), (2, "a > b")):
        file = tmp_path / f"{n}.csv"
        file.write_text(f"path,conversions\n{path},1\n")
        found = attribute(capsys, "--paths", str(file), "--model", "position")
        assert list(column(found, "position", "conversions").values()) == pytest.approx(expected[f"n={n}"])


def test_nine_paths(shared_data: Find, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = worked(shared_data, "DP6_unit_test")
    file = tmp_path / "paths.csv"
    each = example["input"]["value_each"]
    file.write_text("\n".join(["path,conversions,value", *(f"{path},1,{each}" for path in example["input"]["paths"])]))
    found = attribute(capsys, "--paths", str(file))
    for model in ("first", "last", "linear"):
        assert column(found, model, "value") == pytest.approx(example["expected"][model])
    assert column(found, "position", "value") == pytest.approx(example["expected"]["position_40_20_40"])
    more = json.loads(shared_data("expected/path_data_DP6_9_paths.json").read_text())
    for model in ("first", "last", "linear", "position", "time_decay"):
        for what in ("conversions", "value"):
            assert column(found, model, what) == pytest.approx(more[ELSEWHERE.get(model, model)][what])


def test_textbook_roi(shared_data: Find) -> None:
    (example,) = json.loads(shared_data("expected/worked_examples.json").read_text())["roi"]
    known, expected = example["input"], example["expected"]
    spend, revenue = known["spend"], known["revenue"]
    assert roi.return_on(revenue, spend) == pytest.approx(expected["ROI_on_revenue"])
    assert roi.return_on(revenue, spend, margin_rate=known["gross_margin"]) == pytest.approx(expected["ROI_on_margin"])
    assert roi.ratio(revenue, spend) == pytest.approx(expected["ROAS"])
    assert roi.ratio(spend, known["new_customers"]) == pytest.approx(expected["CAC"])
    assert roi.ratio(spend, known["clicks"]) == pytest.approx(expected["CPC"])
    assert roi.ratio(spend, known["impressions"] / 1_000) == pytest.approx(expected["CPM"])
    assert roi.ratio(known["clicks"], known["impressions"]) == pytest.approx(expected["CTR"])
    assert roi.ratio(known["new_customers"], known["clicks"]) == pytest.approx(expected["conversion_rate_per_click"])
    assert roi.return_on(revenue, 0) is None
    assert roi.ratio(revenue, 0) is None
