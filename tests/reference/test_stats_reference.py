"""The tests and plans against published numbers and public experiments."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import gather
from engine.commands.common import run
from engine.maths import stats

pytestmark = pytest.mark.slow

Find = Callable[[str], Path]


def expected(shared_data: Find, name: str) -> Any:
    return json.loads(shared_data(f"expected/{name}.json").read_text())


def abtest(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run(gather(), ["abtest", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_sample_sizes_stand_with_the_published_formulas(shared_data: Find) -> None:
    """Ours is the unpooled formula with four-decimal quantiles, which may ask for one contact more."""
    for case in expected(shared_data, "samplesize")["sample_size"]:
        asked = case["input"]
        effect = asked["mde"] * (asked["baseline"] if asked["mde_is_relative"] else 1)
        n = stats.sample_size(asked["baseline"], effect, asked["alpha"], asked["power"])
        assert n - case["expected"]["unpooled_wald_per_arm_ceil"] in (0, 1)


def test_power(shared_data: Find) -> None:
    for case in expected(shared_data, "samplesize")["power"]:
        asked = case["input"]
        found = stats.power_of(asked["p1"], asked["p2"], asked["n_per_arm"], asked["alpha"])
        assert found == pytest.approx(case["expected"]["power_normal_unpooled"], abs=1e-9)


def test_wilson_intervals(shared_data: Find) -> None:
    for case in expected(shared_data, "samplesize")["proportion_ci"]:
        assert stats.wilson(case["input"]["x"], case["input"]["n"]) == pytest.approx(case["expected"]["wilson"])


def test_two_proportions(shared_data: Find, capsys: pytest.CaptureFixture[str]) -> None:
    for case in expected(shared_data, "samplesize")["two_proportion_tests"]:
        (x, n), (y, m) = case["input"]["control"], case["input"]["treatment"]
        found = abtest(capsys, "analyze", "--arm", f"a={x}/{n}", "--arm", f"b={y}/{m}")
        assert found["comparisons"][0]["p_value"] == pytest.approx(case["expected"]["p"])


def test_sample_ratio(shared_data: Find) -> None:
    for case in expected(shared_data, "gbstats")["srm"]:
        found = stats.sample_ratio(case["input"]["users"], case["input"]["weights"])
        if sum(case["input"]["users"]):
            assert found.p_value == pytest.approx(case["expected_p"])
        else:
            assert found.p_value is None  # no contacts: unknown, not p = 1


def check_proportion(found: Any, known: Any) -> None:
    assert found["difference"] == pytest.approx(known["abs_diff"])
    assert found["relative_lift"] == pytest.approx(known["rel_lift"])
    assert found["p_value"] == pytest.approx(known["p_two_sided_z_pooled"], rel=1e-9)
    assert found["ci"] == pytest.approx(known["ci95_diff_wald"])


def test_cookie_cats(shared_data: Find, capsys: pytest.CaptureFixture[str]) -> None:
    data = str(shared_data("cookie_cats/cookie_cats.csv"))
    found = abtest(capsys, "analyze-file", data, "--group", "version", "--metric", "retention_1")
    check_proportion(found["comparisons"][0], expected(shared_data, "cookie_cats")["retention_1"])


@pytest.mark.parametrize("metric", ["visit", "conversion"])
def test_hillstrom_proportions(metric: str, shared_data: Find, capsys: pytest.CaptureFixture[str]) -> None:
    data = str(shared_data("hillstrom/hillstrom.csv"))
    found = abtest(capsys, "analyze-file", data, "--group", "segment", "--metric", metric, "--control", "No E-Mail")
    known = expected(shared_data, "hillstrom")
    check_proportion(found["comparisons"][0], known["Mens E-Mail vs No E-Mail"][metric])
    assert found["srm"]["p_value"] == pytest.approx(known["srm"]["p"])


def test_hillstrom_spend(shared_data: Find, capsys: pytest.CaptureFixture[str]) -> None:
    data = str(shared_data("hillstrom/hillstrom.csv"))
    found = abtest(capsys, "analyze-file", data, "--group", "segment", "--metric", "spend", "--kind", "mean",
                   "--control", "No E-Mail")
    known = expected(shared_data, "hillstrom")["Mens E-Mail vs No E-Mail"]["spend"]
    assert found["comparisons"][0]["difference"] == pytest.approx(known["diff"])
    assert found["comparisons"][0]["p_value"] == pytest.approx(known["p"])
    assert found["comparisons"][0]["ci"] == pytest.approx(known["ci95"])
