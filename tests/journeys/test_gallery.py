"""Every journey to start from lints clean, is publishable as it comes, and does what its scenarios say."""

from __future__ import annotations

import pytest

from engine.access import COMMAND_LINE, Actor, set_setting
from engine.errors import Conflict, Forbidden, NotFound
from engine.journeys import documents, drafts, gallery, lint, reading, versions
from engine.loop import scenarios
from engine.store import Store
from tests.conftest import NOW

SENDER = {"name": "Example", "email": "hello@example.com", "postal_address": "1 Example Street", "website": "https://www.example.com"}
KEYS = [entry.key for entry in gallery.entries()]


@pytest.mark.parametrize("key", KEYS)
def test_it_lints_clean_publishes_and_goes_as_its_scenarios_say(memory: Store, key: str) -> None:
    set_setting(memory, "sender", SENDER)
    entry = gallery.get(key)
    draft = gallery.start(memory, key, by=COMMAND_LINE, now=NOW)
    document = documents.load(draft.document)
    problems = lint.check(document, reading.known(memory), lint.facts(memory))
    assert [(one.where, one.code, one.message) for one in problems if one.severity != "advice"] == []
    assert versions.publish(memory, draft.document, by=COMMAND_LINE, now=NOW).number == 1
    asked = scenarios.check(entry.test, entry.key)
    report = scenarios.run(asked, entry.text, entry.key, memory)
    assert report.failed == ()
    assert report.passed == len(asked.scenarios) >= 1


def test_each_says_what_it_does_and_needs() -> None:
    assert len(KEYS) == len(set(KEYS)) >= 15
    for entry in gallery.entries():
        assert entry.does.endswith(".") and entry.needs.endswith("."), entry.key
        assert entry.journey["name"] == entry.title
        named = {node.get("template") for node in entry.journey["nodes"] if node["type"] == "send"}
        assert named == set(entry.messages), f"{entry.key}: its messages are the ones it sends"


def test_what_is_there_stays_and_a_second_one_needs_a_name(memory: Store) -> None:
    gallery.start(memory, "welcome_series", by=COMMAND_LINE, now=NOW)
    before = memory.rows("SELECT name, version_id FROM template ORDER BY id")
    with pytest.raises(Conflict, match="already"):
        gallery.start(memory, "welcome_series", by=COMMAND_LINE, now=NOW)
    draft = gallery.start(memory, "welcome_series", "Hello again", by=COMMAND_LINE, now=NOW)
    assert documents.load(draft.document)["name"] == "Hello again"
    assert memory.rows("SELECT name, version_id FROM template ORDER BY id") == before
    assert drafts.open_draft(memory, "Hello again").rev == 1
    with pytest.raises(NotFound, match="There are"):
        gallery.start(memory, "nothing", by=COMMAND_LINE, now=NOW)
    with pytest.raises(Forbidden):
        gallery.start(memory, "upsell", by=Actor("Vi", "viewer"), now=NOW)
