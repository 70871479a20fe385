"""Content: templates, what is remarked, and a preview in which nothing can run."""

from __future__ import annotations

import pytest

from engine.access import COMMAND_LINE
from engine.content import templates
from engine.outreach import messages
from engine.store import Store
from pages.widgets import sandbox
from tests.conftest import NOW

from .running import open_page, well, words

PAGE = '<p>Hello {{ contact.first_name }}</p><a href="https://x.example/a?b=1&amp;c=2">Read</a><script>alert(1)</script>'


@pytest.fixture
def welcome(workspace: Store, cast: dict[str, int]) -> Store:
    templates.save(workspace, "welcome", html=PAGE, subject="Hi {{ contact.first_name }}", by=COMMAND_LINE, now=NOW)
    return workspace


def test_nothing_yet_says_what_to_do(workspace: Store) -> None:
    assert "No templates yet" in words(well(open_page("content")))


def test_the_list_names_subject_and_version(welcome: Store) -> None:
    said = words(well(open_page("content")))
    assert "version 1" in said and "Hi" in said


def test_a_preview_is_the_message_of_one_person_with_its_links(welcome: Store) -> None:
    at = well(open_page("content", template="welcome", contact="ada@x.example"))
    assert "Hi Ada" in words(at) and "1 link is tracked" in words(at)
    assert "https://x.example/a?b=1&c=2" in [one.value for one in at.code]


def test_a_proof_is_kept_as_captured_and_nothing_leaves(welcome: Store, cast: dict[str, int]) -> None:
    at = well(open_page("content", template="welcome", contact="ada@x.example"))
    next(one for one in at.button if one.label == "Send a proof to capture").click().run()
    (message,) = messages.list_messages(welcome)
    assert (message.contact_id, message.transport, message.reason, message.status) == (cast["ada"], "capture", "proof", "sent")
    copy = messages.find_copy(welcome, message.id)
    assert copy and copy.subject == "Hi Ada" and "Hello Ada" in (copy.html or "")
    assert welcome.one("SELECT COUNT(*) FROM event") == 0 and welcome.inbox.one("SELECT COUNT(*) FROM inbox") == 0


def test_a_contact_that_is_not_there_is_one_sentence(welcome: Store) -> None:
    at = open_page("content", template="welcome", contact="nobody@x.example")
    assert not at.exception and len(at.error) == 1


def test_saving_makes_a_new_version_and_code_that_can_not_be_read_is_refused(welcome: Store) -> None:
    at = well(open_page("content", template="welcome", view="write"))
    next(one for one in at.text_input if one.label == "Subject").set_value("Good day").run()
    save = next(one for one in at.button if one.label == "Save a new version")
    save.click().run()
    assert templates.get(welcome, "welcome").version == 2
    next(one for one in at.text_area if one.label == "HTML or MJML").set_value("{{ oops").run()
    at = next(one for one in at.button if one.label == "Save a new version").click().run()
    assert at.error and not at.exception and templates.get(welcome, "welcome").version == 2


def test_remarks_are_sentences(welcome: Store) -> None:
    assert "there is no unsubscribe link" in words(well(open_page("content", template="welcome", view="remarks")))


def test_markup_can_not_leave_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(sandbox.st, "iframe", lambda page, height: shown.append(page))
    sandbox.sandbox('"></iframe><script>alert(1)</script>')
    assert shown[0].count("<iframe") == 1 and "<script>" not in shown[0] and 'sandbox=""' in shown[0]
