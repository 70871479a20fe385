"""`journeys …` and `enroll` as a person types them: documents out, one line for everything that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import gather
from engine.commands.common import run

GOOD = """# kept as it is
name: Hello
goal: {rule: {event: purchase}}
entry: {trigger: {event: signup}}
nodes:
  - {id: mark, type: tag, add: [seen], next: done}   # a comment
  - {id: done, type: exit}
"""


@pytest.fixture
def cli(url: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command; (exit code, document or text, standard error)."""

    def call(*words: str, text: bool = False) -> tuple[int, Any, str]:
        capsys.readouterr()
        code = run(gather(), ["--db", url, *([] if text else ["--json"]), *words])
        out, err = capsys.readouterr()
        return code, (out if text or not out else json.loads(out)), err

    return call


def write(folder: Path, text: str, name: str = "j.yaml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_file_is_checked_published_and_comes_out_byte_for_byte(cli: Any, tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    assert cli("journeys", "check", file)[:2] == (0, {"ok": True, "problems": []})
    code, made, _ = cli("journeys", "publish", file)
    assert (code, made["number"], made["fresh"]) == (0, 1, True)
    assert cli("journeys", "publish", file)[1]["fresh"] is False
    assert cli("journeys", "export", "hello", text=True)[1] == GOOD
    found = cli("journeys", "list")[1]
    assert [(one["name"], one["status"], one["version"]) for one in found] == [("Hello", "live", 1)]


def test_a_renamed_journey_is_exported_under_its_name_and_takes_no_other(cli: Any, tmp_path: Path) -> None:
    cli("journeys", "publish", write(tmp_path, GOOD))
    cli("journeys", "clone", "Hello", "Other")
    assert cli("journeys", "rename", "hello", " Good  day ")[1] == {"journey": "Good day", "rev": 1}
    assert cli("journeys", "export", "Good day")[1]["document"]["name"] == "Good day"
    assert cli("journeys", "publish", write(tmp_path, cli("journeys", "export", "good day", text=True)[1]))[1]["number"] == 2
    code, _, err = cli("journeys", "rename", "Good day", "OTHER")
    assert code == 2 and "there is a journey 'OTHER' already" in err
    assert cli("journeys", "rename", "Hello", "x")[0] == 2
    assert {one["name"] for one in cli("journeys", "list")[1]} == {"Good day", "Other"}


def test_people_enter_by_hand_and_their_way_is_explained(cli: Any, tmp_path: Path) -> None:
    cli("journeys", "publish", write(tmp_path, GOOD))
    cli("import", "contacts", write(tmp_path, "email\nada@example.com\n", "people.csv"))
    assert cli("enroll", "ADA@example.com", "Hello", "--props", '{"why": "asked"}')[0] == 0
    assert cli("tick")[1]["enrolled"] == 1
    passage, = cli("journeys", "explain", "ada@example.com")[1]
    assert (passage["status"], [step["node"] for step in passage["steps"]]) == ("finished", ["mark", "done"])
    code, _, err = cli("enroll", "nobody@example.com", "Hello")
    assert (code, err) == (2, "error: there is no contact 'nobody@example.com'\n")


def test_people_under_way_are_counted_moved_and_let_go(cli: Any, tmp_path: Path) -> None:
    waits = GOOD.replace("type: tag, add: [seen]", "type: wait, for: 2d")
    cli("journeys", "publish", write(tmp_path, waits))
    cli("import", "contacts", write(tmp_path, "email\nada@example.com\n", "people.csv"))
    cli("enroll", "ada@example.com", "Hello")
    cli("tick")
    shorter = write(tmp_path, waits.replace("id: mark", "id: pause"))
    said = cli("journeys", "publish", shorter, "--people", "move", "--dry-run")[1]
    assert (said["moving"], said["staying"], said["nodes"][0]["why"]) == (0, 1, "gone")
    assert cli("journeys", "list")[1][0]["version"] == 1
    assert cli("journeys", "publish", shorter, "--people", "retime", "--map", "mark=pause")[1]["moving"] == 1
    cli("tick")
    assert cli("journeys", "explain", "ada@example.com")[1][0]["version"] == 2
    assert cli("journeys", "diff", "Hello@1", "Hello@2")[1]["changes"][0] == "New step “pause”: Wait 2 days."
    assert cli("journeys", "publish", shorter, "--map", "mark=pause")[0] == 2
    cli("journeys", "pause", "Hello")
    assert "the journey is paused" in cli("journeys", "explain", "ada@example.com", text=True)[1]
    assert cli("journeys", "drain", "Hello")[1]["status"] == "draining"
    assert "still in" in cli("journeys", "archive", "Hello")[2]
    assert cli("journeys", "archive", "Hello", "--let-go")[1]["leaving"] == 1
    cli("tick")
    assert cli("journeys", "explain", "ada@example.com")[1][0]["reason"] == "archived"
    assert cli("journeys", "owner", "Hello", "Ada")[0] == 0 and cli("journeys", "list")[1][0]["owner"] == "Ada"
    assert cli("journeys", "comment", "Hello", "shorter?", "--node", "pause")[1][0]["text"] == "shorter?"


def test_clone_diff_pause_and_resume(cli: Any, tmp_path: Path) -> None:
    cli("journeys", "publish", write(tmp_path, GOOD))
    assert cli("journeys", "clone", "Hello", "Second")[0] == 0
    changes = cli("journeys", "diff", "Hello", "Second")[1]["changes"]
    assert changes == ["name: Hello becomes Second."]
    assert "a journey 'Second' already" in cli("journeys", "clone", "Hello", "Second")[2]
    assert cli("journeys", "pause", "Hello")[1]["status"] == "paused"
    assert {one["name"]: one["status"] for one in cli("journeys", "list")[1]} == {"Hello": "paused", "Second": "live"}
    assert cli("journeys", "resume", "Hello")[1]["status"] == "live"


def test_publishing_says_who_matches_already_and_lets_them_in_when_asked(cli: Any, tmp_path: Path) -> None:
    cli("import", "contacts", write(tmp_path, "email,stage\nada@example.com,lead\n", "people.csv"))
    file = write(tmp_path, GOOD.replace("{event: signup}", "{stage: lead}"))
    assert cli("journeys", "publish", file, "--dry-run")[1] == {"moving": 0, "staying": 0, "not_entering": 1, "nodes": []}
    made = cli("journeys", "publish", file)[1]
    assert (made["entering"], made["not_entering"]) == (0, 1)
    assert cli("tick")[1]["enrolled"] == 0
    assert cli("journeys", "publish", file, "--existing", "enter")[1]["entering"] == 1
    assert cli("tick")[1]["enrolled"] == 1


def test_limits_are_shown_and_set_part_by_part(cli: Any, tmp_path: Path) -> None:
    cli("import", "contacts", write(tmp_path, "email\nada@example.com\n", "people.csv"))
    held = cli("limits", "show")[1]
    assert [(one["channels"], one["n"], one["per"]) for one in held["caps"]] == [
        (["email"], 3, "7d"), (["email"], 1, "16h"), (["sms"], 1, "24h")] and held["hours"] == {}
    assert "none are set" in next(one["detail"] for one in cli("doctor")[1]["checks"] if one["name"] == "quiet hours")
    file = write(tmp_path, "hours: {quiet: 21:00-08:00}\nwarm_up:\n- {domain: x.test, from: 2026-03-01, first: 5, growth: 2, "
                           "until: 9}\n")
    changed = cli("limits", "set", file)[1]
    assert changed["caps"] == held["caps"] and changed["hours"] == {"quiet": "21:00-08:00"} and len(changed["warm_up"]) == 1
    for wrong, words in (("hours: {quiet: 25:00-08:00}\ncaps: []", "25:00"), ("hours: {quite: 1}", "no 'quite'"),
                         ("hour: {}", "no 'hour'"), ("{}", "nothing is given")):
        code, _, err = cli("limits", "set", write(tmp_path, wrong))
        assert code == 2 and words in err and cli("limits", "show")[1] == changed


BAD = {
    "not YAML": (GOOD.replace("{id: done, type: exit}", "{id: done"), "line"),
    "a missing edge": (GOOD.replace(", next: done", ""), "port 'next' leads nowhere"),
    "an edge to nowhere": (GOOD.replace("next: done", "next: gone"), "'gone', which does not exist"),
    "an unknown type": (GOOD.replace("type: tag", "type: teleport"), "no node type 'teleport'"),
    "an unreachable node": (GOOD + "  - {id: lost, type: exit}\n", "lost: No path leads here"),
    "a cycle without a wait": (GOOD.replace("type: exit", "type: tag, add: [again], next: mark"), "no step that takes time"),
    "an unknown field": (GOOD.replace("type: tag, add: [seen]", "type: condition, rule: {field: shoe, op: is, value: 1}"),
                         "shoe"),
    "an empty group": (GOOD.replace("type: tag, add: [seen]", "type: condition, rule: {any: []}"), "at least one rule"),
    "a setting that is none": (GOOD.replace("add: [seen]", "add: [seen], colour: red"), "mark.colour is not a setting here"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_is_one_line_and_changes_nothing(cli: Any, tmp_path: Path, what: str) -> None:
    text, words = BAD[what]
    file = write(tmp_path, text)
    for verb in ("check", "publish"):
        code, _, err = cli("journeys", verb, file)
        assert code == 2
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert words.replace("mark.colour is", "mark.colour: is") in err
    assert cli("journeys", "list")[1] == []


def test_what_is_not_there_is_named_with_what_is(cli: Any, tmp_path: Path) -> None:
    cli("journeys", "publish", write(tmp_path, GOOD))
    assert "There are: Hello" in cli("journeys", "export", "Nothing")[2]
    assert cli("journeys", "simulate", "x.yaml")[0] == 2
    assert cli("journeys", "check", str(tmp_path / "absent.yaml"))[0] == 2


def test_who_did_not_enter_is_told_why(cli: Any, tmp_path: Path) -> None:
    cli("journeys", "publish", write(tmp_path, GOOD))
    cli("import", "contacts", write(tmp_path, "email\nada@example.com\n", "people.csv"))
    assert "No event signup" in cli("journeys", "why-not", "ada@example.com", "Hello")[1]["verdict"]
    assert "No event signup" in cli("journeys", "explain", "ada@example.com", "--journey", "Hello", text=True)[1]
    assert cli("journeys", "why-not", "bo@example.com", "Hello")[0] == 2


def test_a_journey_is_printed_as_a_picture(cli: Any, tmp_path: Path) -> None:
    cli("journeys", "publish", write(tmp_path, GOOD))
    assert cli("journeys", "picture", "Hello", text=True)[1].startswith("<svg")
    assert cli("journeys", "picture", "Hello@1", "--as", "mermaid")[1]["picture"].startswith("flowchart TD")
    assert cli("journeys", "collisions")[1]["pairs"] == [] and cli("journeys", "map")[1]["cells"] == []
