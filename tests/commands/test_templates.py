"""`templates …` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import gather
from engine.access import COMMAND_LINE
from engine.commands.common import run
from engine.people import contacts
from engine.schema import open_store

MJML = """---
subject: Hello {{ contact.first_name | default("you") }}
---
<mjml><mj-body><mj-section><mj-column><mj-text>Your {{ event.product }}</mj-text>
<mj-button href="https://shop.example/cart">Back to the cart</mj-button></mj-column></mj-section></mj-body></mjml>
"""


@pytest.fixture
def said(url: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command with --json; exit code and document, or the line on standard error."""
    opened = open_store(url)
    contacts.save(opened, {"email": "ada@mail.example", "first_name": "Ada"}, by=COMMAND_LINE, now=5, source="test")
    opened.close()

    def ask(*words: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = run(gather(), ["--db", url, "--json", *words])
        out = capsys.readouterr()
        return code, json.loads(out.out) if out.out else out.err.strip()

    return ask


def test_a_template_is_saved_once_and_rendered_for_a_contact(said: Any, tmp_path: Path) -> None:
    file = tmp_path / "cart.mjml"
    file.write_text(MJML)
    code, saved = said("templates", "save", "Cart", str(file))
    assert code == 0 and (saved["version"], saved["changed"], saved["source_kind"]) == (1, True, "mjml")
    assert said("templates", "save", "Cart", str(file))[1]["changed"] is False
    code, made = said("templates", "render", "cart", "ADA@mail.example", "--event", '{"product": "Boots & Co"}')
    assert code == 0 and made["subject"] == "Hello Ada" and "Your Boots &amp; Co" in made["html"]
    assert "Your Boots & Co" in made["text"] and made["links"] == ["https://shop.example/cart"]
    assert [item["name"] for item in said("templates", "list")[1]] == ["Cart"]


def test_the_option_goes_before_the_head_of_the_file(said: Any, tmp_path: Path) -> None:
    file = tmp_path / "cart.mjml"
    file.write_text(MJML)
    assert said("templates", "save", "Cart", str(file), "--subject", "Other")[1]["subject"] == "Other"


def test_a_text_file_makes_a_text_template(said: Any, tmp_path: Path) -> None:
    file = tmp_path / "note.txt"
    file.write_text("---\nsubject: Note\n---\nHi {{ contact.first_name }}, see https://shop.example/x\n")
    assert said("templates", "save", "Note", str(file))[0] == 0
    made = said("templates", "render", "Note", "ada@mail.example")[1]
    assert made["html"] is None and made["text"].startswith("Hi Ada, see") and made["subject"] == "Note"


@pytest.mark.parametrize(("text", "words"), [
    ("---\nsubject: x\n---\n<p>\n{% if %}</p>", "line 5"), ("<mjml><mj-body><mj-section></mjml>", "not MJML"),
    ("   \n", "it is empty"), ("---\ntopic: x\n---\n<p></p>", "line 2"), ("{{ a | shout }}", "No filter named 'shout'"),
])
def test_what_can_not_be_saved_is_named_with_its_line(said: Any, tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "bad.html"
    file.write_text(text)
    code, line = said("templates", "save", "Bad", str(file))
    assert code == 2 and line.startswith("error: ") and words in line and "\n" not in line
    assert said("templates", "list")[1] == []


def test_missing_things_are_named(said: Any, tmp_path: Path) -> None:
    assert said("templates", "save", "X", str(tmp_path / "none.html"))[0] == 2
    assert "there are none" in said("templates", "render", "X", "ada@mail.example")[1]
    file = tmp_path / "cart.mjml"
    file.write_text(MJML)
    said("templates", "save", "Cart", str(file))
    assert "nobody@mail.example" in said("templates", "render", "Cart", "nobody@mail.example")[1]
    assert "event.product has no value" in said("templates", "render", "Cart", "ada@mail.example")[1]
    assert "--event" in said("templates", "render", "Cart", "ada@mail.example", "--event", "[1]")[1]
    assert said("templates", "lint", "none")[0] == 2


def test_lint_fails_on_what_would_stop_a_message(said: Any, tmp_path: Path) -> None:
    file = tmp_path / "cart.html"
    file.write_text('<p>{{ contact.frist_name }}</p><img src="https://x.example/a.png">')
    code, saved = said("templates", "save", "Cart", str(file))
    assert code == 0 and {problem["code"] for problem in saved["problems"]} >= {"unknown_variable", "no_subject", "no_alt"}
    code, found = said("templates", "lint", "Cart")
    assert code == 2 and found["ok"] is False
    file.write_text("<p>Hi {{ contact.first_name | default('you') }}</p>")
    said("templates", "save", "Cart", str(file), "--subject", "Hi")
    code, found = said("templates", "lint", "Cart")
    assert code == 0 and {problem["severity"] for problem in found["problems"]} == {"advice"}
