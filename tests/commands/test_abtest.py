"""`abtest` through the command line: the contract's keys, and one clear line for bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import gather
from engine.commands.common import run

Capture = pytest.CaptureFixture[str]


def ask(capsys: Capture, *arguments: str) -> Any:
    assert run(gather(), ["--json", "abtest", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: Capture, *arguments: str) -> str:
    assert run(gather(), ["abtest", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ") and err.count("\n") == 1
    return err


def test_analyze_has_the_keys_of_the_contract(capsys: Capture) -> None:
    found = ask(capsys, "analyze", "--arm", "A=200/1000", "--arm", "B=250/1000", "--method", "fixed")
    assert found.keys() >= {"arms", "comparisons", "srm", "verdict"}
    assert list(found["arms"][0]) == ["name", "n", "successes", "rate", "ci"]
    assert found["comparisons"][0].keys() >= {"a", "b", "difference", "ci", "relative_lift", "p_value", "p_adjusted", "test"}
    assert found["srm"] == {"p_value": 1.0, "ok": True, "reason": None}
    assert found["comparisons"][0]["difference"] == pytest.approx(0.05)


def test_alpha_widens_the_intervals(capsys: Capture) -> None:
    arms = ("analyze", "--arm", "A=200/1000", "--arm", "B=250/1000")
    wide, usual = ask(capsys, *arms, "--alpha", "0.01"), ask(capsys, *arms)
    assert wide["comparisons"][0]["ci"][0] < usual["comparisons"][0]["ci"][0]
    assert "99 % interval" in wide["verdict"]


def test_expected_split_and_control(capsys: Capture) -> None:
    found = ask(capsys, "analyze", "--arm", "A=20/1000", "--arm", "B=250/8000", "--expected", "10,80", "--control", "B")
    assert found["srm"]["ok"] is True
    assert (found["comparisons"][0]["a"], found["comparisons"][0]["b"]) == ("B", "A")


def test_plain_lines_end_with_the_verdict(capsys: Capture) -> None:
    assert run(gather(), ["abtest", "analyze", "--arm", "A=200/1000", "--arm", "B=250/1000"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "A: 200 of 1,000 = 20.00 %"
    assert lines[2].startswith("B is higher than A")


def test_plan_has_the_keys_of_the_contract(capsys: Capture) -> None:
    found = ask(capsys, "plan", "--baseline", "0.03", "--lift", "0.02", "--audience", "10000")
    assert set(found) == {"n_per_arm", "total", "detectable_relative", "detectable_absolute", "feasible", "sentence"}
    assert found["n_per_arm"] == 1_281_205
    assert found["feasible"] is False


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "rows.csv"
    lines = [f"{'B' if i % 2 else 'A'};{'TRUE' if i % 5 == 0 else 'FALSE'};{i % 7},5" for i in range(200)]
    file.write_text("\n".join(["arm;won;spend", *lines]).replace(",5", ".5"))
    return file


def test_rows_of_a_file(rows: Path, capsys: Capture) -> None:
    found = ask(capsys, "analyze-file", str(rows), "--group", "arm", "--metric", "won")
    assert [(arm["name"], arm["n"], arm["successes"]) for arm in found["arms"]] == [("A", 100, 20), ("B", 100, 20)]


def test_means_of_a_file(rows: Path, capsys: Capture) -> None:
    found = ask(capsys, "analyze-file", str(rows), "--group", "arm", "--metric", "spend", "--kind", "mean")
    assert found["comparisons"][0]["test"] == "Welch t"
    assert found["arms"][0]["rate"] == pytest.approx(sum(i % 7 + 0.5 for i in range(0, 200, 2)) / 100)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("analyze", "--arm", "A=1/2"), "two arms"),
        (("analyze", "--arm", "A=1", "--arm", "B=1/2"), "NAME=SUCCESSES/N"),
        (("analyze", "--arm", "A=3/2", "--arm", "B=1/2"), "3 successes of 2"),
        (("analyze", "--arm", "A=-3/2", "--arm", "B=1/2"), "NAME=SUCCESSES/N"),
        (("analyze", "--arm", "A=1/2", "--arm", "A=1/2"), "twice"),
        (("analyze", "--arm", "A=1/2", "--arm", "B=1/2", "--control", "C"), "control 'C'"),
        (("analyze", "--arm", "A=1/2", "--arm", "B=1/2", "--expected", "half"), "--expected 'half'"),
        (("analyze", "--arm", "A=1/2", "--arm", "B=1/2", "--expected", "50,30,20"), "3 parts for 2 arms"),
        (("analyze", "--arm", "A=1/2", "--arm", "B=1/2", "--method", "sequential"), "not yet"),
        (("analyze", "--arm", "A=1/2", "--arm", "B=1/2", "--method", "bayes"), "not yet"),
        (("analyze", "--arm", "A=1/2", "--arm", "B=1/2", "--method", "guess"), "guess"),
        (("analyze",), "--arm"),
        (("decide", "Subject test"), "abtest decide: not yet"),
        (("plan", "--baseline", "3", "--lift", "0.1"), "baseline"),
        (("plan", "--baseline", "0.03"), "effect once"),
        (("analyze-file", "nowhere.csv", "--group", "a", "--metric", "b"), "nowhere.csv"),
    ],
)
def test_bad_requests_are_one_line(arguments: tuple[str, ...], word: str, capsys: Capture) -> None:
    assert word in refused(capsys, *arguments)


def test_bad_cells_name_their_line(rows: Path, capsys: Capture) -> None:
    assert "line 2: spend '0.5' is not 0 or 1" in refused(
        capsys, "analyze-file", str(rows), "--group", "arm", "--metric", "spend")
    assert "it has arm, spend, won" in refused(capsys, "analyze-file", str(rows), "--group", "team", "--metric", "won")
