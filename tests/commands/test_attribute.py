"""`attribute` through the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import gather
from engine.commands.common import run

Capture = pytest.CaptureFixture[str]
FIVE = ["first", "last", "linear", "position", "time_decay"]


@pytest.fixture
def paths(tmp_path: Path) -> str:
    file = tmp_path / "paths.csv"
    file.write_text("path,conversions,value,nulls\na > b > c,2,30,5\nb,1,10,0\n,1,4,0\n")
    return str(file)


def ask(capsys: Capture, *arguments: str) -> Any:
    assert run(gather(), ["attribute", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: Capture, *arguments: str) -> str:
    assert run(gather(), ["attribute", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ") and err.count("\n") == 1
    return err


def test_all_models_side_by_side_and_the_missing_ones_said(paths: str, capsys: Capture) -> None:
    found = ask(capsys, "--paths", paths)
    assert set(found) == {"models", "totals", "notes"}
    assert list(found["models"]) == FIVE
    assert found["models"]["first"]["a"] == {"conversions": 2.0, "value": 30.0}
    assert found["totals"]["conversions"] == 4
    assert found["totals"]["untouched_value"] == 4
    assert any("Markov" in note for note in found["notes"]) and any("Shapley" in note for note in found["notes"])
    assert any("one step counts as one day" in note for note in found["notes"])


def test_named_models_only(paths: str, capsys: Capture) -> None:
    assert list(ask(capsys, "--paths", paths, "--model", "last,first")["models"]) == ["last", "first"]


def test_plain_lines_are_a_table(paths: str, capsys: Capture) -> None:
    assert run(gather(), ["attribute", "--paths", paths, "--model", "linear"]) == 0
    assert "Linear" in capsys.readouterr().out


def test_touches_and_half_life(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "touches.csv"
    file.write_text("contact,channel,at,conversion,value\nada,mail,2026-01-01,0,\nada,ads,2026-01-02,1,90\n")
    found = ask(capsys, "--touches", str(file), "--half-life-days", "1")
    assert found["models"]["time_decay"]["ads"]["value"] == pytest.approx(60)
    assert not any("one step" in note for note in found["notes"])


def test_columns_can_be_mapped(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "paths.csv"
    file.write_text("way\tn\nx > y\t3\n")
    found = ask(capsys, "--paths", str(file), "--map", "way=path", "--map", "n=conversions", "--model", "last")
    assert found["models"]["last"]["y"] == {"conversions": 3.0, "value": None}
    assert any("no such column" in note for note in found["notes"])


def test_columns_of_other_tools_are_known_unless_ours_are_there(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "paths.csv"
    file.write_text("path,total_conversions,total_conversion_value,value\nx,3,9,2\n")
    found = ask(capsys, "--paths", str(file), "--model", "last")
    assert found["models"]["last"]["x"] == {"conversions": 3.0, "value": 2.0}


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--model", "markov"), "markov: not yet"),
        (("--model", "first,shapley"), "shapley: not yet"),
        (("--model", "magic"), "'magic' is unknown"),
        (("--model", ","), "--model is empty"),
        (("--order", "2"), "--order 2"),
        (("--half-life-days", "0"), "half-life"),
        (("--touches", "x.csv"), "give one file"),
        (("--map", "nothing=path"), "no column 'nothing'; it has conversions, nulls, path, value"),
        (("--map", "path=paths"), "'paths' is not a field here"),
        (("--map", "value=path", "--map", "nulls=path"), "mapped to one field"),
    ],
)
def test_bad_requests_are_one_line(arguments: tuple[str, ...], word: str, paths: str, capsys: Capture) -> None:
    assert word in refused(capsys, "--paths", paths, *arguments)


def test_no_file_at_all(capsys: Capture) -> None:
    assert "give one file" in refused(capsys)
    assert "nowhere.csv" in refused(capsys, "--paths", "nowhere.csv")


def test_an_empty_file(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "none.csv").write_text("")
    assert "empty" in refused(capsys, "--paths", str(tmp_path / "none.csv"))
