"""Templates and their versions, on both engines."""

from __future__ import annotations

import dataclasses

import pytest

from engine.access import COMMAND_LINE, Actor
from engine.content import templates
from engine.errors import BadInput, Forbidden, NotFound
from engine.store import Store
from tests.conftest import NOW


def save(store: Store, name: str = "Welcome", html: str | None = "<p>Hi {{ contact.first_name }}</p>", *,
         subject: str | None = "Hi", text: str | None = None, by: Actor = COMMAND_LINE, now: int = NOW,
         preheader: str | None = None, channel: str = "email") -> templates.Template:
    return templates.save(store, name, html=html, subject=subject, text=text, preheader=preheader, channel=channel, by=by,
                          now=now)


def test_a_version_never_changes_and_an_unchanged_save_makes_none(store: Store) -> None:
    first = save(store)
    assert (first.version, first.changed) == (1, True)
    again = save(store, "  WELCOME ", now=NOW + 9)
    assert dataclasses.replace(again, changed=True, name="Welcome") == first and again.updated_at == NOW
    second = save(store, subject="Hello", now=NOW + 10)
    assert (second.version, second.id, second.changed, second.updated_at) == (2, first.id, True, NOW + 10)
    assert templates.of_version(store, first.version_id).subject == "Hi"
    assert [item.version for item in templates.list_templates(store)] == [2]


def test_every_part_counts_as_a_change(store: Store) -> None:
    save(store)
    versions = [save(store, preheader="p").version, save(store, preheader="p", text="t").version,
                save(store, preheader="p", text="t", html="<p>other</p>").version]
    assert versions == [2, 3, 4]


def test_the_text_is_made_from_the_page_unless_one_is_given(store: Store) -> None:
    assert save(store).text == "Hi {{ contact.first_name }}\n"
    assert save(store, text="Own words").text == "Own words"
    assert save(store, html=None, text="Only words").source_kind == "text"


def test_the_head_of_the_file_gives_subject_and_preheader(store: Store) -> None:
    head = '---\nsubject: "Hi: {{ contact.first_name }}"\npreheader: Look\n---\n'
    made = save(store, html=head + "<body><p>x</p></body>", subject=None)
    assert made.subject == "Hi: {{ contact.first_name }}" and made.preheader == "Look"
    assert made.source == "<body><p>x</p></body>" and "Look" in (made.html or "") and "Look" not in (made.text or "")


@pytest.mark.parametrize(("values", "words"), [
    ({"name": "  "}, "template name"), ({"name": "a\nb\x00"}, "template name"), ({"name": "x" * 121}, "template name"),
    ({"channel": "pigeon"}, "pigeon"), ({"html": ""}, "empty"), ({"html": "<p>\n{{ a b }}"}, "line 2"),
    ({"subject": "{{ x"}, "subject"), ({"text": "{% if %}"}, "text"), ({"preheader": "{{"}, "preheader"),
    ({"html": "<p>\x00</p>"}, "NUL"), ({"html": "x" * 1_000_001}, "1,000,000"),
    ({"html": "---\nsubject: x\n---\n\n<p>{{ a b }}</p>"}, "line 5"), ({"html": "---\nwhat\n---\n<p></p>"}, "line 2"),
])
def test_what_can_not_be_saved_leaves_nothing_behind(store: Store, values: dict[str, str], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        save(store, **values)  # type: ignore[arg-type]
    assert templates.list_templates(store) == [] and store.one("SELECT COUNT(*) FROM audit") == 0


def test_who_may_not_market_may_not_save(store: Store) -> None:
    with pytest.raises(Forbidden):
        save(store, by=Actor("Vi", "viewer"))


def test_a_template_is_found_in_any_case_or_named_with_those_there_are(store: Store) -> None:
    save(store, "Grüße")
    assert templates.get(store, "GRÜSSE".replace("SS", "ß")).name == "Grüße" and templates.find(store, "none") is None
    with pytest.raises(NotFound, match="Grüße"):
        templates.get(store, "none")
    with pytest.raises(NotFound):
        templates.of_version(store, 99)
