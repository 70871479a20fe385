"""Journeys: the list, one on its canvas, its text and words, publishing, and the side panel made from schemas."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.access import COMMAND_LINE
from engine.audience import segments
from engine.clock import now as clock_now
from engine.content import templates
from engine.journeys import comments, documents, drafts, enrolling, versions
from engine.journeys.nodes import node_types
from engine.journeys.runner import Runner
from engine.journeys.triggers import trigger_types
from engine.store import Store
from pages.widgets import inputs, journey_editor
from tests.conftest import NOW

from .running import open_page, well, words

TEXT = """# a comment of the author
name: Welcome
goal: {rule: {event: purchase}}
entry:
  trigger: {segment: Leads, on: entered}
nodes:
  - {id: hello, type: send, template: welcome, next: done}
  - {id: done, type: exit}
"""


@pytest.fixture
def welcome(workspace: Store, cast: dict[str, int]) -> Store:
    """A draft of a journey that starts with a segment of one."""
    segments.save(workspace, "Leads", {"field": "stage", "op": "is", "value": "lead"}, by=COMMAND_LINE, now=NOW)
    templates.save(workspace, "welcome", html="<p>Hi</p>", subject="Hi", by=COMMAND_LINE, now=NOW)
    drafts.save_draft(workspace, "Welcome", TEXT, rev=0, by=COMMAND_LINE, now=NOW)
    return workspace


def press(at: AppTest, label: str, place: int = 0) -> AppTest:
    return [one for one in at.button if one.label == label][place].click().run()


def journey_file(at: AppTest) -> Any:
    return next(one for one in at.text_area if one.label == "Journey file")


def publish_welcome() -> None:
    from pages.widgets import journey_publishing

    journey_publishing.ask("Welcome")


def test_nothing_yet_says_what_to_do(workspace: Store) -> None:
    at = well(open_page("journeys"))
    assert "No journeys yet" in words(at)
    at = press(at, "Draw the first one")
    assert [one.label for one in at.button if one.label == "Create"]


def test_the_list_and_a_draft_on_its_canvas(welcome: Store) -> None:
    assert "not published" in words(well(open_page("journeys")))
    at = well(open_page("journeys", journey="Welcome"))
    assert "Saved" in words(at) and "### Welcome" in words(at)


def test_an_unknown_journey_is_one_plain_sentence(workspace: Store) -> None:
    at = open_page("journeys", journey="Nothing")
    assert not at.exception and "there is no journey" in at.error[0].value


def test_publishing_asks_whether_members_enter_too(welcome: Store) -> None:
    at = press(well(open_page("journeys", journey="Welcome")), "Publish")
    (asked,) = at.radio
    assert "1 person matches" in asked.label and asked.options == ["Only people who come to match from now on",
                                                                  "Enroll the 1 who match now, too"]
    versions.publish(welcome, TEXT, by=COMMAND_LINE, now=clock_now())
    assert [enrolling.enroll_matching(welcome, "Welcome", by=COMMAND_LINE, now=clock_now()) for _ in range(2)] == [1, 1]
    assert welcome.one("SELECT COUNT(*) FROM event WHERE name = 'journey_enroll'") == 1


def test_publishing_says_what_changes_and_moves_people_who_are_under_way(welcome: Store) -> None:
    versions.publish(welcome, TEXT, by=COMMAND_LINE, now=NOW)
    enrolling.enroll_matching(welcome, "Welcome", by=COMMAND_LINE, now=NOW)
    Runner(welcome).tick(NOW)
    changed = TEXT.replace("id: hello", "id: greet")
    drafts.save_draft(welcome, "Welcome", changed, rev=1, by=COMMAND_LINE, now=NOW)
    at = well(AppTest.from_function(publish_welcome, default_timeout=30).run())  # a dialog ends with each run of AppTest
    assert "The step “hello” is gone" in words(at).replace("\\", "")
    under_way = next(one for one in at.radio if "under way" in one.label)
    assert "1 person is" in under_way.label
    at = well(under_way.set_value("move").run())
    assert "0 people move, 1 stay" in words(at)
    target = next(one for one in at.selectbox if "is gone" in one.label)
    at = well(target.set_value("greet").run())
    assert "1 person moves, 0 stay" in words(at)
    press(at, "Publish")
    Runner(welcome).tick(NOW + 1)
    assert welcome.one("SELECT n.key FROM token t JOIN node n ON n.id = t.node_id") == "greet"


def test_every_number_leads_to_the_people_behind_it_and_why_they_are_there(welcome: Store) -> None:
    versions.publish(welcome, TEXT, by=COMMAND_LINE, now=NOW)
    enrolling.enroll_matching(welcome, "Welcome", by=COMMAND_LINE, now=NOW)
    Runner(welcome).tick(NOW)
    with welcome.transaction():
        welcome.run("UPDATE message SET reason = 'quiet', due_at = :at", at=NOW + 9 * 3_600)
    at = well(open_page("journeys", journey="Welcome", tab="people", node="hello"))
    assert "**1 person** stands at “hello”" in words(at).replace("\\", "")
    (row,) = at.dataframe[0].value.to_dict("records")
    assert row["Stands at"] == "hello" and "These are quiet hours" in row["Why, and until when"]
    who = {word: words(well(open_page("journeys", journey="Welcome", tab="people", who=word)))
           for word in ("everybody", "left")}
    assert "**1 person** entered." in who["everybody"] and "**0 people** left." in who["left"]
    versions.set_status(welcome, "Welcome", "paused", by=COMMAND_LINE, now=NOW)
    at = well(open_page("journeys", journey="Welcome", tab="people"))
    assert at.dataframe[0].value.to_dict("records")[0]["Why, and until when"].endswith("The journey is paused.")


def test_what_a_side_panel_shows_is_the_default_of_its_widget_too(workspace: Store) -> None:
    """A browser that a tick overtakes before the first drawing shows the default, and answers with it: it must not be empty."""
    drafts.save_draft(workspace, "Heard", """{name: Heard, goal: none, entry: {trigger: {manual: true}}, nodes: [
      {id: heard, type: wait_for, event: {event: email_clicked, where: {link: {op: contains, value: /pricing}}}, timeout: 2d,
       on: {happened: end, timeout: end}}, {id: end, type: exit}]}""", rev=0, by=COMMAND_LINE, now=NOW)
    at = well(open_page("journeys", journey="Heard", node="heard"))
    shown = {one.label: one for one in at.selectbox}
    for label, value in (("Event", "email_clicked"), ("Comparison", "contains")):
        assert shown[label].value == value
        assert shown[label].proto.HasField("default"), label


def test_a_journey_runs_dry_and_is_archived_by_its_menu(welcome: Store) -> None:
    versions.publish(welcome, TEXT, by=COMMAND_LINE, now=NOW)
    at = press(well(open_page("journeys", journey="Welcome")), "Let it run dry")
    assert versions.list_journeys(welcome)[0].status == "draining"
    press(at, "Archive")
    assert versions.list_journeys(welcome)[0].status == "archived"
    assert [one.label for one in well(open_page("journeys")).expander] == ["1 archived"]


def test_colleagues_comment_on_a_step_and_somebody_answers_for_it(welcome: Store) -> None:
    at = well(open_page("journeys", journey="Welcome", node="hello"))
    next(one for one in at.text_area if one.label.startswith("Say something")).set_value("too *loud*")
    at = press(at, "Comment")
    (said,) = comments.list_comments(welcome, "Welcome")
    assert (said.node, said.text) == ("hello", "too *loud*") and "loud" in words(at)
    next(one for one in at.button if one.help == "Dealt with").click().run()
    assert comments.list_comments(welcome, "Welcome")[0].resolved_at
    next(one for one in at.text_input if one.label == "Who answers for it").set_value("Ada").run()
    assert versions.list_journeys(welcome)[0].owner == "Ada"


def test_the_history_tells_each_version_in_words(welcome: Store) -> None:
    versions.publish(welcome, TEXT, by=COMMAND_LINE, now=NOW)
    versions.publish(welcome, TEXT.replace("type: exit", "type: exit, reason: bye"), by=COMMAND_LINE,
                     now=NOW)
    shown = words(well(open_page("journeys", journey="Welcome", tab="history"))).replace("\\", "")
    assert "“done”: “Leave: finished.” becomes “Leave: bye.”" in shown and "The first version." in shown


def test_what_is_wrong_stands_in_the_way(welcome: Store) -> None:
    drafts.save_draft(welcome, "Broken", "name: Broken\ngoal: none\nentry: {trigger: {manual: true}}\nnodes:\n"
                      "- {id: a, type: wait, for: 1d}\n", rev=0, by=COMMAND_LINE, now=NOW)
    at = press(well(open_page("journeys", journey="Broken")), "Publish")
    assert "stands in the way" in at.error[0].value and "leads nowhere" in words(at)
    assert not versions.list_versions(welcome, "Broken")


def test_the_text_form_is_the_same_document(welcome: Store) -> None:
    at = well(open_page("journeys", journey="Welcome", tab="text"))
    area = journey_file(at)
    assert area.value == TEXT
    changed = TEXT.replace("id: done, type: exit", "id: done, type: exit, reason: x")
    at = press(journey_file(at).set_value(changed).run(), "Take over")
    draft = drafts.open_draft(welcome, "Welcome")
    assert "# a comment of the author" in draft.document and "reason: x" in draft.document and draft.rev == 2


def test_text_that_is_no_journey_is_refused(welcome: Store) -> None:
    at = well(open_page("journeys", journey="Welcome", tab="text"))
    at = press(journey_file(at).set_value("name: [").run(), "Take over")
    assert "not YAML" in at.error[0].value and drafts.open_draft(welcome, "Welcome").rev == 1


def test_words_tell_the_journey(welcome: Store) -> None:
    at = well(open_page("journeys", journey="Welcome", tab="words"))
    assert "enters the segment" in words(at)


def test_a_published_version_can_only_be_looked_at(welcome: Store) -> None:
    versions.publish(welcome, TEXT, by=COMMAND_LINE, now=clock_now())
    at = well(open_page("journeys", journey="Welcome", version=1))
    assert "Published versions never change" in words(at)
    assert not [one for one in at.button if one.label == "Publish"]
    press(at, "Pause")
    assert versions.list_journeys(welcome)[0].status == "paused"


def all_forms() -> None:
    """Each example of each kind of step, one form below the other."""
    from engine.journeys.nodes import node_types  # the function runs as a script of its own
    from pages.widgets import journey_editor, journey_view, node_form

    known = journey_editor.catalogue()
    for kind, cls in sorted(node_types().items()):
        for i, example in enumerate([cls.example, *cls.variants]):
            node = {"id": "hello", "type": kind, **example}
            node_form.node_form(node, known, journey_view.choices({"nodes": [node]}, known), key=f"{kind}{i}")


def test_every_kind_of_step_has_a_form_that_changes_nothing_by_itself(welcome: Store) -> None:
    at = well(AppTest.from_function(all_forms).run(timeout=60))
    kinds = sum(1 + len(cls.variants) for cls in node_types().values())
    buttons = [one for one in at.button if one.label == "Apply"]
    assert len(buttons) == kinds
    assert [one.key for one in buttons if not one.disabled] == []
    assert not [one.value for one in at.caption if ":material/error:" in one.value and "no journey" not in one.value]
    for name in [one for one in at.text_input if one.label == "Name"]:
        name.set_value("renamed")
    at.run(timeout=60)
    assert [one.key for one in at.button if one.label == "Apply" and one.disabled] == []


def test_the_form_of_a_step_writes_the_draft(welcome: Store) -> None:
    node = {"id": "hello", "type": "wait", "until": {"weekday": "monday", "time": "09:00"}, "next": "done"}
    document = documents.load(TEXT) | {"nodes": [node, {"id": "done", "type": "exit"}]}
    drafts.save_draft(welcome, "Welcome", documents.dump(document), rev=1, by=COMMAND_LINE, now=NOW)
    at = well(open_page("journeys", journey="Welcome", node="hello"))
    next(one for one in at.text_input if one.label == "Name").set_value("renamed").run()
    next(one for one in at.text_input if one.label == "To").set_value("17:00").run()
    press(at, "Apply")
    changed = {**node, "id": "renamed", "until": {"weekday": "monday", "time": "09:00", "to": "17:00"}}
    assert documents.load(drafts.open_draft(welcome, "Welcome").document)["nodes"][0] == changed


def test_every_kind_of_trigger_has_a_form_that_changes_nothing_by_itself(welcome: Store) -> None:
    triggers = [kind.example for kind in trigger_types().values()]
    document = documents.load(TEXT) | {"entry": {"trigger": triggers}}
    drafts.save_draft(welcome, "Welcome", documents.dump(document), rev=1, by=COMMAND_LINE, now=NOW)
    at = well(open_page("journeys", journey="Welcome", node="(start)"))
    assert [one.value for one in at.selectbox if one.label in ("Who enters", "or also")] == list(trigger_types())
    (button,) = [one for one in at.button if one.label == "Apply"]
    assert button.disabled
    assert "People may enter again once they have left." in words(at)
    next(one for one in at.text_input if one.label == "Campaign").set_value("Spring").run()
    press(at, "Apply")
    kept = documents.load(drafts.open_draft(welcome, "Welcome").document)
    assert kept["entry"]["trigger"] == triggers and kept["campaign"] == "Spring"


def test_a_rule_that_asks_what_brought_people_here_is_shown_and_not_counted(welcome: Store) -> None:
    same = {"event": "purchase", "where": {"cart_id": {"trigger": "cart_id"}}}
    document = documents.load(TEXT) | {"exit": [{"rule": same, "reason": "ordered"}]}
    drafts.save_draft(welcome, "Welcome", documents.dump(document), rev=1, by=COMMAND_LINE, now=NOW)
    at = well(open_page("journeys", journey="Welcome", node="(start)"))
    assert "did purchase" in words(at) or "purchase where cart_id is the trigger's cart_id" in words(at)
    assert "Not counted" in words(at)
    assert next(one for one in at.toggle if one.label == "as the trigger says").value is True


def test_the_start_has_a_form_too(welcome: Store) -> None:
    at = well(open_page("journeys", journey="Welcome", node="(start)"))
    next(one for one in at.text_input if one.label == "Campaign").set_value("Spring").run()
    press(at, "Apply")
    document = documents.load(drafts.open_draft(welcome, "Welcome").document)
    assert document["campaign"] == "Spring" and document["entry"] == documents.load(TEXT)["entry"]


def test_a_renamed_step_is_followed_by_all_that_named_it() -> None:
    document: dict[str, Any] = {
        "nodes": [{"id": "a", "type": "send", "template": "t", "next": "w"},
                  {"id": "w", "type": "wait_for", "event": {"event": "email_clicked", "of": "a"}, "on": {"happened": "a"}},
                  {"id": "g", "type": "go_to", "node": "a"}], "layout": {"a": [1, 2]}}
    made = journey_editor.rename(document, "a", {**document["nodes"][0], "id": "hello"})
    assert made["nodes"][1] == {"id": "w", "type": "wait_for", "event": {"event": "email_clicked", "of": "hello"},
                                "on": {"happened": "hello"}}
    assert made["nodes"][2]["node"] == "hello" and made["layout"] == {"hello": [1, 2]}


def test_settings_are_read_from_schemas() -> None:
    found = {one.name: one.kind for one in inputs.settings(node_types()["wait_for"].model_json_schema())}
    assert (found["event"], found["rule"], found["timeout"], found["note"]) == ("event", "rule", "duration", "text")
    send = {one.name: one.kind for one in inputs.settings(node_types()["send"].model_json_schema())}
    assert (send["template"], send["transactional"], send["priority"]) == ("template", "bool", "number")


def test_a_rule_of_a_step_is_asked_by_the_rule_editor(welcome: Store) -> None:
    node = {"id": "hello", "type": "condition", "rule": {"stage": ["lead"]}, "on": {"yes": "done", "no": "done"}}
    document = documents.load(TEXT) | {"nodes": [node, {"id": "done", "type": "exit"}]}
    drafts.save_draft(welcome, "Welcome", documents.dump(document), rev=1, by=COMMAND_LINE, now=NOW)
    at = well(open_page("journeys", journey="Welcome", node="hello"))
    assert "**1 person** (33.3% of 3)" in words(at) and "is at the stage lead" in words(at)
    (add,) = [one for one in at.selectbox if one.label == "Condition"]
    add.set_value("tag").run()
    next(one for one in (*at.text_input, *at.selectbox) if one.label == "tag").set_value("vip").run()
    press(at, "Apply")
    assert documents.load(drafts.open_draft(welcome, "Welcome").document)["nodes"][0] == {
        **node, "rule": {"all": [{"stage": ["lead"]}, {"tag": "vip"}]}}


def test_rules_that_end_a_journey_are_added_one_by_one(welcome: Store) -> None:
    at = well(open_page("journeys", journey="Welcome", node="(start)"))
    at = press(at, "Add one")
    add = [one for one in at.selectbox if one.label == "Condition"][-1]
    at = add.set_value("consent").run()
    next(one for one in at.text_input if one.label == "Reason").set_value("agreed").run()
    press(at, "Apply")
    document = documents.load(drafts.open_draft(welcome, "Welcome").document)
    assert document["exit"] == [{"rule": {"consent": "email", "is": "subscribed"}, "reason": "agreed"}]


def test_what_the_canvas_shows_is_worked_out_once_for_each_change(welcome: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    checks: list[int] = []
    real = journey_editor.lint.check
    monkeypatch.setattr(journey_editor.lint, "check", lambda *args: checks.append(1) or real(*args))
    at = well(open_page("journeys", journey="Welcome"))
    once = len(checks)
    at.run()
    assert len(checks) == once, "another tick, nothing changed"
    templates.save(welcome, "second", html="<p>Hi</p>", subject="Hi", by=COMMAND_LINE, now=NOW)
    at.run()
    assert len(checks) == once + 1, "a new template may mend a draft"


def test_a_draft_is_simulated_on_the_last_months(welcome: Store) -> None:
    at = well(open_page("journeys", journey="Welcome", tab="simulate"))
    assert "Nothing is written and nothing leaves" in words(at)
    at = well(press(at, "Simulate"))
    assert {one.label: one.value for one in at.metric}["Would enter"] == "1", "who became a lead"
    assert "would enter" in words(at)
    assert versions.list_versions(welcome, "Welcome") == []


def test_a_contacts_page_says_why_they_did_not_enter(welcome: Store, cast: dict[str, int]) -> None:
    versions.publish(welcome, TEXT, by=COMMAND_LINE, now=NOW)
    shown = words(well(open_page("contacts", contact=cast["bo"], show="journeys", absent="Welcome"))).replace("\\", "")
    assert "They are not in “Leads”" in shown
    assert "it does not hold that" in shown and ":red[" in shown
def choose_from_the_gallery() -> None:
    from pages.widgets import journey_gallery

    journey_gallery.gallery_dialog()


def test_a_journey_begins_with_one_that_works(workspace: Store) -> None:
    at = AppTest.from_function(choose_from_the_gallery, default_timeout=20).run()
    assert "Welcome series" in words(at) and "Needs:" in words(at)
    next(one for one in at.button if one.key == "start-welcome_series").click().run()
    assert drafts.open_draft(workspace, "Welcome series").rev == 1
    assert [one.name for one in templates.list_templates(workspace)] == ["ebook_offer", "testimonial", "welcome"]




def test_collisions_and_the_map_stand_beside_the_list(welcome: Store) -> None:
    assert "No two live journeys reach the same people" in words(well(open_page("journeys", view="collisions")))
    versions.publish(welcome, TEXT, by=COMMAND_LINE, now=NOW)
    enrolling.enroll_matching(welcome, "Welcome", by=COMMAND_LINE, now=NOW)
    Runner(welcome).tick(NOW)
    assert "No journey looks after people at" in words(well(open_page("journeys", view="map")))
