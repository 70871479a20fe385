"""Segments: the list, one of them, and the rule editor as a tree."""

from __future__ import annotations

from typing import Any

import pytest

from engine import clock
from engine.access import COMMAND_LINE
from engine.activity import events
from engine.audience import affinity, personas, rules, segments
from engine.audience.rules import LEAVES
from engine.people.contacts import listing
from engine.store import Store
from pages.widgets import rule_tree, rule_values
from tests.conftest import NOW

from .running import open_page, well, words

LEAD = {"field": "stage", "op": "is", "value": "lead"}
RULES: list[dict[str, Any]] = [
    {"all": [LEAD, {"any": [{"tag": "vip"}, {"stage": ["mql"]}]}]}, {"not": {"tag": "vip"}},
    {"not": {"any": [{"tag": "vip"}, {"tag": "new"}]}}, {"not": {"all": [{"tag": "vip"}, {"tag": "new"}]}},
    {"any": [{"not": {"any": [{"tag": "a"}, LEAD]}}, {"consent": "email", "is": "subscribed"}]},
    {"all": [{"event": "page_view", "where": {"object": {"op": "is", "value": "/pricing"}}, "op": "at_least", "count": 2,
              "within": "7d"}, {"spent": "average", "op": "less_than", "value": 50, "currency": "EUR", "within": "30d"},
             {"score": {"op": "at_least", "value": 5}, "group": "fit"}]},
]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_rule_survives_the_tree(memory: Store, rule: dict[str, Any]) -> None:
    known = rules.known(memory)
    back = rule_tree.to_document(rule_tree.from_document(rule))
    assert rules.parse(back, known).sentence().replace("(", "").replace(")", "") in (
        rules.parse(rule, known).sentence().replace("(", "").replace(")", ""),)
    assert rule_tree.to_document(rule_tree.from_document(back)) == back


def test_every_condition_can_be_added_and_drawn() -> None:
    assert set(rule_tree.STARTS) == set(LEAVES)
    kinds = {ask.kind for leaf in LEAVES.values() for ask in leaf.asks}
    assert kinds <= {*rule_values._WIDGETS, "comparison", "count"}, "the editor has a widget for every kind of input"


def test_empty_groups_say_nothing() -> None:
    assert rule_tree.to_document(rule_tree.from_document(None)) is None
    tree = rule_tree.from_document(LEAD)
    tree["kids"].append(rule_tree.new_group())
    assert rule_tree.to_document(tree) == {"all": [LEAD]}
    rule_tree.remove(tree, tree["kids"][0]["id"])
    assert rule_tree.to_document(tree) is None


def test_a_first_segment_is_one_button_away(workspace: Store) -> None:
    at = well(open_page("segments"))
    assert "No segment yet" in words(at)
    at.button[-1].click().run()
    assert "New segment" in words(well(at)) and "first condition" in words(at)


def test_segments_are_listed_with_size_and_sentence(workspace: Store, cast: dict[str, int]) -> None:
    segments.save(workspace, "Leads", LEAD, by=COMMAND_LINE, now=NOW)
    at = well(open_page("segments"))
    assert at.dataframe[0].value[["name", "members", "sentence"]].values.tolist() == [["Leads", 1, 'stage is "lead"']]
    at = well(open_page("segments", segment="leads"))
    assert "1 person" in words(at) and list(at.dataframe[0].value["name"]) == ["Ada Lovelace"]
    assert "no segment" in open_page("segments", segment="nope").error[0].value


def test_a_rule_is_built_counted_and_saved(workspace: Store, cast: dict[str, int]) -> None:
    at = open_page("segments", edit="new")
    add = next(one for one in at.selectbox if str(one.key).endswith(".add"))
    add.select("tag").run()
    assert "Not complete yet" in words(well(at))
    next(one for one in at.text_input if str(one.key).endswith(".tag")).input("vip").run()
    assert '**1 person** (33.3% of 3)' in words(well(at)) and 'has the tag "vip"' in words(at) and "Ada Lovelace" in words(at)
    next(one for one in at.text_input if one.label == "Name").input("Very important").run()
    next(one for one in at.button if one.label == "Save").click().run()
    assert segments.get(workspace, "Very important").members == 1


def test_the_editor_opens_what_was_saved(workspace: Store, cast: dict[str, int]) -> None:
    for place, rule in enumerate(RULES):
        segments.save(workspace, f"Rule {place}", rule, by=COMMAND_LINE, now=NOW)
        at = well(open_page("segments", edit=f"Rule {place}"))
        assert rules.parse(rule_tree.to_document(rule_tree.from_document(rule)), rules.known(workspace)).sentence() in words(at)


def test_lists_are_made_and_lead_to_their_people(workspace: Store) -> None:
    at = open_page("segments", view="lists")
    at.text_input(key="new-list").input("Fair 2026").run()
    next(one for one in at.button if one.label == "Make it").click().run()
    assert listing.label_names(workspace, "list") == ["Fair 2026"]
    assert "later release" in words(well(open_page("segments", view="discover")))


def test_a_persona_is_made_and_seen_on_the_person(workspace: Store, cast: dict[str, int]) -> None:
    assert "No persona yet" in words(well(open_page("segments", view="personas")))
    personas.save(workspace, "Reader", LEAD, "Likes examples", by=COMMAND_LINE, now=NOW)
    page = well(open_page("segments", view="personas"))
    assert list(page.dataframe[0].value["name"]) == ["Reader"]
    page = well(open_page("segments", view="personas", persona="Reader"))
    assert "Likes examples" in [area.value for area in page.text_area] and "Save" in [one.label for one in page.button]
    assert "Reader" in words(well(open_page("contacts", contact=cast["ada"])))
    listed = well(open_page("contacts")).dataframe[0].value
    assert dict(zip(listed["name"], listed["persona"], strict=True))["Ada Lovelace"] == "Reader"


def test_a_topic_is_made_and_seen_on_the_person(workspace: Store, cast: dict[str, int]) -> None:
    assert "No topic yet" in words(well(open_page("segments", view="topics")))
    page = well(open_page("segments", view="topics", topic="new topic"))
    next(one for one in page.text_input if one.label == "Name").set_value("Tips")
    next(one for one in page.text_area if one.label == "Pages, one a line").set_value("/guides").run()
    well(next(one for one in page.button if one.label == "Save").click().run())
    now = clock.now()
    with workspace.transaction():
        events.insert_events(workspace, [{"contact_id": cast["ada"], "name": "page_view", "object": "/guides/one",
                                          "props": "{}", "occurred_at": now, "received_at": now, "dedupe_key": "t",
                                          "source": "test"}])
    affinity.refresh(workspace, now=now, upto=events.last_id(workspace))
    shown = well(open_page("segments", view="topics")).dataframe[0].value
    assert list(shown["topic"]) == ["Tips"] and list(shown["people"]) == [1]
    assert "Tips 1.0" in words(well(open_page("contacts", contact=cast["ada"])))


def test_what_personas_and_stages_keep_stands_apart_from_what_people_made(workspace: Store) -> None:
    personas.save(workspace, "Reader", LEAD, by=COMMAND_LINE, now=NOW)
    at = well(open_page("segments"))
    assert "No segment yet" in words(at)
    assert [one.label for one in at.expander] == ["1 more, kept by personas, scores and stages"]
    segments.save(workspace, "Leads", LEAD, by=COMMAND_LINE, now=NOW)
    first, second = (one.value for one in well(open_page("segments")).dataframe)
    assert list(first["name"]) == ["Leads"] and list(second["name"]) == ["Persona: Reader"]
    assert first["reviewed"][0].endswith(", due")
