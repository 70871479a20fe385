"""Settings: each section saves, and says who may."""

from __future__ import annotations

from engine import access
from engine.access import COMMAND_LINE
from engine.people import consent, contacts, fields
from engine.service import hooks, privacy, pulls, users
from engine.store import Store

from .running import open_page, well, words


def press(at, label: str):
    next(one for one in at.button if one.label == label).click()
    return at.run()


def test_the_sender_is_kept(workspace: Store) -> None:
    at = well(open_page("settings"))
    assert "captured here" in words(at)
    next(one for one in at.text_input if one.label == "Company").input("Acme")
    well(press(at, "Save"))
    assert access.setting(workspace, "sender")["company"] == "Acme"


def test_limits_are_checked(workspace: Store) -> None:
    at = well(open_page("settings", view="limits"))
    well(press(at, "Save"))
    assert access.setting(workspace, "caps")[0] == {"n": 3, "per": "7d", "channels": ["email"], "action": "skip"}


def test_hours_are_saved_and_shown_again(workspace: Store) -> None:
    at = well(open_page("settings", view="limits"))
    next(one for one in at.toggle if one.label == "Quiet hours").set_value(True)
    next(one for one in at.toggle if one.label == "Only in these hours").set_value(True)
    next(one for one in at.pills if one.label == "on").set_value(["monday"])
    well(press(at, "Save hours"))
    assert access.setting(workspace, "hours") == {"quiet": "21:00-08:00", "hours": "09:00-17:00", "weekdays": ["monday"]}
    at = well(open_page("settings", view="limits"))
    assert [one.value for one in at.toggle] == [True, True]
    next(one for one in at.text_input if one.label == "Nothing leaves from").input("late")
    assert "are no hours" in press(at, "Save hours").error[0].value


def test_a_user_is_added_and_a_wrong_one_refused(workspace: Store) -> None:
    at = well(open_page("settings", view="users"))
    next(one for one in at.text_input if one.label == "E-mail").input("ada@x.example")
    next(one for one in at.selectbox if one.label == "Role").select("admin")
    well(press(at, "Add or change"))
    assert [(one.email, one.role) for one in users.list_users(workspace)] == [("ada@x.example", "admin")]
    at = open_page("settings", view="users")
    assert "only administrator" in press(at, "Remove").error[0].value
    at = open_page("settings", view="users")
    next(one for one in at.text_input if one.label == "E-mail").input("nobody")
    assert press(at, "Add or change").error


def test_a_key_is_shown_once(workspace: Store) -> None:
    at = open_page("settings", view="keys")
    next(one for one in at.text_input if one.label == "What is it for?").input("website")
    at = well(press(at, "Make a key"))
    key = at.code[0].value
    assert access.key_is_known(workspace, key)
    assert not well(at.run()).code, "the next look does not show it"
    well(press(at, "Revoke"))
    assert not access.key_is_known(workspace, key)


def test_a_field_is_made(workspace: Store) -> None:
    at = open_page("settings", view="fields")
    next(one for one in at.text_input if one.label == "Name").input("Plan")
    next(one for one in at.selectbox if one.label == "Kind").select("enum")
    next(one for one in at.text_input if one.label == "Options of an enum").input("small; large")
    well(press(at, "Make a field"))
    assert fields.catalogue(workspace)["plan"].options == ("small", "large")
    well(open_page("settings", view="topics"))
    assert "sqlite" in words(well(open_page("settings", view="workspace")))


def ada(store: Store) -> int:
    return contacts.save(store, {"email": "ada@x.example"}, by=COMMAND_LINE, now=1_790_000_000, source="test").id


def test_a_request_is_taken_in_and_closed(workspace: Store) -> None:
    who = ada(workspace)
    at = well(open_page("settings", view="privacy"))
    next(one for one in at.text_input if one.label == "E-mail or external id").input("ada@x.example")
    next(one for one in at.selectbox if one.label == "Who …").select("object")
    at = well(press(at, "Take in"))
    assert [one.kind for one in privacy.list_requests(workspace)] == ["object"]
    well(press(at, "Close"))
    assert privacy.list_requests(workspace) == [] and consent.state(workspace, who, "email") == "unsubscribed"


def test_handing_out_is_noted_once_not_at_each_rerun(workspace: Store) -> None:
    ada(workspace)
    handed = "SELECT COUNT(*) FROM audit WHERE action = 'personal data handed out'"
    at = well(open_page("settings", view="privacy"))
    next(one for one in at.text_input if one.label == "Whose data").input("ada@x.example")
    at = well(press(at, "Put it together"))
    assert workspace.one(handed) == 1
    well(at.run())
    assert workspace.one(handed) == 1


def test_a_webhook_is_tried_and_made(workspace: Store) -> None:
    at = well(open_page("settings", view="connections"))
    at.button(key="hook-try").click().run()
    said = words(well(at))
    assert "ada@example" in said and "Nothing was changed" in said and hooks.list_hooks(workspace) == []
    at.selectbox(key="hook-preset").select("stripe").run()
    at.button(key="hook-try").click().run()
    assert "event purchase" in words(well(at))
    at.text_area(key="hook-mapping").input('{"email": "x"}')
    at.button(key="hook-try").click().run()
    assert "what becomes of it" in at.error[0].value
    at = open_page("settings", view="connections")
    at.text_input(key="hook-name").input("Shop")
    at.button(key="hook-save").click().run()
    assert "/h/hk_" in well(at).code[0].value and [one.name for one in hooks.list_hooks(workspace)] == ["Shop"]


def test_a_pull_is_made_and_says_what_is_missing(workspace: Store) -> None:
    at = open_page("settings", view="connections")
    for label, text in (("Name of the address", "NO_SUCH_URL"), ("Column that rises", "at")):
        next(one for one in at.text_input if one.label == label).input(text)
    next(one for one in at.text_input if one.label == "Name" and one.form_id == "pull").input("People")
    next(one for one in at.text_area if one.label == "Query").input("select email, at from people")
    next(one for one in at.button if one.label == "Save" and one.form_id == "pull").click().run()
    (made,) = pulls.list_pulls(workspace)
    at.button(key=f"pull-try-{made.id}").click().run()
    assert "neither in the environment" in at.error[0].value


def test_things_are_thrown_away_on_a_timer_once_it_is_switched_on(workspace: Store) -> None:
    privacy.keep_for(workspace, "events", 730, by=COMMAND_LINE, now=1)
    at = well(open_page("settings", view="privacy"))
    next(one for one in at.toggle if "once a day" in one.label).set_value(True).run()
    assert privacy.automatic(workspace).on
