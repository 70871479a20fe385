"""What the linter says of a journey, what blocks publishing, and that every remark says what to do."""

from __future__ import annotations

from typing import Any

import pytest

from engine.content import templates
from engine.errors import Invalid, Problem
from engine.journeys import documents, lint, reading, versions
from engine.store import Store

from .worlds import ANN, START, Document, add_templates, journey

END = {"id": "e", "type": "exit"}
PAID = {"event": "purchase"}


def send(key: str, next_: str = "e", **more: Any) -> Document:
    return {"id": key, "type": "send", "template": "t", "topic": "news", "next": next_, **more}


def wait(key: str, for_: str, next_: str) -> Document:
    return {"id": key, "type": "wait", "for": for_, "next": next_}


def branching(count: int, note: str | None = None) -> list[Document]:
    return [{"id": f"c{i}", "type": "condition", "rule": PAID, "on": {"yes": "e", "no": f"c{i + 1}" if i + 1 < count else "e"},
             **({"note": note} if note else {})} for i in range(count)]


CLEAN = journey(send("m", "w"), wait("w", "3d", "n"), send("n"), END, exit=[{"rule": PAID, "reason": "paid"}])
FOUND: dict[str, tuple[Document, str]] = {
    "no_goal": ({**journey(END), "goal": None}, "error"),
    "dead_edge": (journey({"id": "c", "type": "condition", "rule": PAID, "on": {"yes": "e", "no": "e"}, "next": "e"}, END),
                  "error"),
    "dead_port": (journey({"id": "b", "type": "branch", "cases": [{"port": "x", "rule": PAID}, {"port": "y", "rule": PAID}],
                           "next": "e"}, END), "error"),
    "broken_template": (journey(send("m", template="broken"), END), "error"),
    "template_remark": (journey(send("m", template="remark"), END), "advice"),
    "unknown_template": (journey(send("m", template="nowhere"), END), "error"),
    "loop_without_wait": (journey({"id": "a", "type": "tag", "add": ["x"], "next": "b"},
                                  {"id": "b", "type": "go_to", "node": "a"}), "error"),
    "crossed_branches": (journey(wait("l", "1d", "f"), {"id": "f", "type": "fork", "on": {"p": "l", "q": "e"}}, END), "error"),
    "no_exit_rule": (journey(send("m", "w"), wait("w", "3d", "n"), send("n"), END), "advice"),
    "no_topic": (journey(send("m", topic=""), END), "advice"),
    "no_wait_between": (journey(send("m", "n"), send("n"), END), "warning"),
    "within_cap": (journey(send("m", "w"), wait("w", "3h", "n"), send("n"), END), "advice"),
    "longer_than_cooldown": (journey(wait("w", "9d", "e"), END, reentry={"policy": "cooldown", "after": "7d"}), "advice"),
    "many_branches": (journey(*branching(5), END), "advice"),
    "too_long": (journey(wait("w", "60d", "v"), wait("v", "60d", "e"), END), "advice"),
    "undocumented": (journey({"id": "c", "type": "condition", "rule": PAID, "on": {"yes": "e", "no": "x0"}},
                             *[{"id": f"x{i}", "type": "tag", "add": ["x"], "next": f"x{i + 1}" if i < 7 else "e"}
                               for i in range(8)], END), "advice"),
    "dead_timeout": (journey({"id": "f", "type": "fork", "on": {"p": "j", "q": "j"}},
                             {"id": "j", "type": "join", "mode": "any", "timeout": "1d", "next": "e"}, END), "advice"),
    "wait_without_timeout": (journey({"id": "w", "type": "wait_for", "event": {"event": "a"}, "next": "e"}, END), "warning"),
}


@pytest.fixture
def made(memory: Store) -> Store:
    add_templates(memory, "t")
    templates.save(memory, "broken", html="<p>{{ nobody.name }}</p>", subject="Hi", by=ANN, now=START)
    templates.save(memory, "remark", html="<p>{{ contact.first_name }}</p>", subject="Hi", by=ANN, now=START)
    return memory


def said(store: Store, document: Document) -> list[Problem]:
    return lint.check(document, reading.known(store), lint.facts(store))


@pytest.mark.parametrize("code", FOUND)
def test_each_remark_is_made_with_its_weight_and_says_what_to_do(made: Store, code: str) -> None:
    document, severity = FOUND[code]
    found = {one.code: one for one in said(made, document)}
    assert code in found, list(found)
    assert (found[code].severity, bool(found[code].fix)) == (severity, True)
    if severity == "error":
        with pytest.raises(Invalid):
            versions.publish(made, documents.dump(document), by=ANN, now=START)
        assert made.one("SELECT COUNT(*) FROM journey") == 0
    else:
        assert versions.publish(made, documents.dump(document), by=ANN, now=START).number == 1


def test_a_clean_journey_gets_no_remark(made: Store) -> None:
    assert said(made, CLEAN) == []


def test_that_there_is_no_goal_can_be_said_on_purpose(made: Store) -> None:
    document = {**CLEAN, "goal": "none"}
    assert said(made, document) == []
    assert versions.publish(made, documents.dump(document), by=ANN, now=START).number == 1


def test_a_decision_with_a_note_is_documented(made: Store) -> None:
    document = journey(*branching(5, note="why"), END)
    assert [one.code for one in said(made, document)] == ["many_branches"]


def test_a_version_that_is_live_goes_on_when_the_linter_learns_something_new(made: Store) -> None:
    """What blocks publishing does not stop what was published: its message broke afterwards."""
    versions.publish(made, documents.dump(journey(send("m"), END)), by=ANN, now=START)
    templates.save(made, "t", html="<p>{{ nobody.name }}</p>", subject="Hi", by=ANN, now=START)
    assert [one.id for one in versions.load_live(made)] == [1]
    assert [one.code for one in said(made, journey(send("m"), END)) if one.severity == "error"] == ["broken_template"]
