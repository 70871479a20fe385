"""Journey tests: what a scenario file says, and how it says what went otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.__main__ import gather
from engine.commands.common import run
from engine.errors import BadInput
from engine.loop import scenarios

JOURNEY = """name: Hello
goal: {rule: {event: purchase}, within: 30d}
entry: {trigger: {event: subscribed}, reentry: {policy: never}}
exit: [{rule: {stage: [customer]}, reason: bought}]
nodes:
  - {id: hello, type: send, template: welcome, next: clicked}
  - id: clicked
    type: wait_for
    event: {event: email_clicked, of: hello}
    timeout: 2d
    on: {happened: yes it is, timeout: done}
  - {id: yes it is, type: tag, add: [keen], next: done}
  - {id: done, type: exit, reason: finished}
"""
TEST = """journey: hello.yaml
given: {ada: {first_name: Ada}}
scenarios:
  - name: she clicks
    when: [{at: +0, event: subscribed}, {at: +1d, clicks: hello}]
    expect: {ada: {path: [hello.sent, clicked.happened, yes it is, done], messages: [welcome], tags: [keen], exit: finished}}
  - name: she buys
    when: [{at: +0, event: subscribed}, {at: +1d, set: {stage: customer}}]
    expect: {ada: {exit: bought, fields: {stage: customer}, without_tags: [keen]}}
  - name: nobody may write to her
    given: {ada: {consent: none}}
    when: [{at: +0, event: subscribed}]
    expect: {ada: {path: [hello.skipped, clicked.timeout, done], messages: []}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hello.yaml").write_text(JOURNEY)
    (tmp_path / "hello.test.yaml").write_text(TEST)
    return tmp_path


def test_scenarios_pass_without_any_workspace(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = f"sqlite:///{folder / 'none.db'}"
    assert run(gather(), ["--db", missing, "journeys", "test", str(folder / "hello.test.yaml"), "--json"]) == 0
    assert capsys.readouterr().out.strip() == '{"passed": 3, "failed": []}'
    assert not (folder / "none.db").exists()


def test_an_sms_is_made_up_too_and_answered(folder: Path) -> None:
    journey = JOURNEY.replace("template: welcome", "template: short, channel: sms").replace("email_clicked", "sms_clicked")
    text = TEST[:TEST.index("  - name: she buys")].replace("first_name: Ada", "phone: +4915112345").replace("welcome", "short")
    report = scenarios.run(scenarios.read(text, "t"), journey, "t")
    assert (report.passed, report.failed) == (1, ())


def test_the_step_where_it_went_otherwise_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = TEST.replace("+1d, clicks", "+3d, clicks")
    report = scenarios.run(scenarios.read(text, "t"), JOURNEY, "t")
    assert (report.passed, {one.scenario for one in report.failed}) == (2, {"she clicks"})
    first, *rest = report.failed
    assert first.message == ("ada: step 2: expected clicked.happened, found clicked.timeout at 2026-03-04T09:00:00Z "
                             "(Wait until email_clicked of hello, at most 2 days.)")
    assert [one.message for one in rest] == ["ada: tag keen: expected there, found missing"]
    (folder / "late.test.yaml").write_text(text)
    missing = f"sqlite:///{folder / 'none.db'}"
    assert run(gather(), ["--db", missing, "journeys", "test", str(folder / "late.test.yaml")]) == 2
    assert "expected clicked.happened, found clicked.timeout" in capsys.readouterr().err


@pytest.mark.parametrize(("change", "said"), [
    (("path: [hello.sent", "way: [hello.sent"), "t: she clicks: expect.ada.way is not a key here"),
    (("journey: hello.yaml\n", ""), "journey is needed"),
    (("when: [{at: +0, event: subscribed}, {at: +1d, clicks", "when: [{at: +0, evnt: subscribed}, {at: +1d, clicks"),
     "t: she clicks: when, line 1: evnt is not a key here: event?"),
    (("given: {ada: {first_name: Ada}}", "given: {ada: {shoes: 42}}"), "t: she clicks: given.ada: there is no field 'shoes'"),
    (("{at: +0, event: subscribed}, {at: +1d, clicks", "{at: +0, event: subscribed}, {at: soon, clicks"), "write a time after"),
    (("{at: +1d, clicks: hello}", "{at: +1d}"), "say what happens"),
    (("{at: +1d, clicks: hello}", "{at: +1d, clicks: goodbye}"), "none has been sent"),
    (("{at: +1d, clicks: hello}", "{at: +1d, who: bo, clicks: hello}"), "'bo' is not given; there are: ada"),
    (("expect: {ada: {path", "expect: {bo: {path"), "'bo' is not given"),
    (("fields: {stage: customer}", "fields: {shoe size: 42}"), "there is no field 'shoe size'"),
])
def test_a_file_that_can_not_be_run_says_where(change: tuple[str, str], said: str) -> None:
    assert change[0] in TEST
    with pytest.raises(BadInput, match=said.replace("(", r"\(")):
        scenarios.run(scenarios.read(TEST.replace(*change), "t"), JOURNEY, "t")


def test_a_file_that_can_not_be_used_keeps_no_other_from_being_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "odd.test.yaml").write_text(TEST.replace("hello.yaml", "odd.yaml"))
    (folder / "odd.yaml").write_text(JOURNEY.replace("next: clicked}", "next: clocked}"))
    files = [str(folder / name) for name in ("odd.test.yaml", "hello.test.yaml", "none.test.yaml")]
    assert run(gather(), ["--db", f"sqlite:///{folder / 'none.db'}", "journeys", "test", *files]) == 2
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"{files[0]}: {folder / 'odd.yaml'}: hello: The port 'sent' leads to 'clocked'")
    assert said[1:] == [f"{files[2]}: No such file or directory", "3 scenarios passed, 2 failed"]


def test_a_journey_that_is_not_there_says_so(folder: Path) -> None:
    (folder / "lost.test.yaml").write_text(TEST.replace("hello.yaml", "lost.yaml"))
    with pytest.raises(BadInput, match="no such file beside"):
        scenarios.run_file(str(folder / "lost.test.yaml"))
