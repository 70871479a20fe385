"""What the pages read and change: listings, headline numbers, notices, users, bulk edits; on both engines."""

from __future__ import annotations

import json

import pytest

from engine import access, audit
from engine.access import COMMAND_LINE, Actor
from engine.activity import events
from engine.audience import growth, lifecycle, scoring, segments
from engine.clock import DAY
from engine.config import Config
from engine.errors import BadInput, Conflict, Forbidden, NotFound
from engine.measure import kpis
from engine.outreach import policy
from engine.people import accounts, contacts
from engine.people.contacts import listing
from engine.people.contacts.listing import Wanted
from engine.service import attention, editing, finding, health, users
from engine.store import Store
from tests.conftest import NOW

VIEWER = Actor("Vi", "viewer")


@pytest.fixture
def cast(store: Store) -> dict[str, int]:
    """Ada (Acme, tagged vip), Bo, Cy without a name; Di visits by cookie only."""
    with store.transaction():
        acme = accounts.ensure_many(store, ["Acme 100%"], now=NOW)["Acme 100%"]
        saved = contacts.upsert_many(store, [
            {"email": "ada@x.example", "first_name": "Ada", "last_name": "Lovelace", "account_id": acme, "stage": "lead"},
            {"email": "bo@x.example", "first_name": "Bo", "stage": "mql"}, {"external_id": "cy-1"}],
            now=NOW - 3 * DAY, source="test")
        contacts.create_anonymous(store, ["cookie"], now=NOW)
        contacts.add_tags(store, [saved[0].id], ["vip"], now=NOW, source="test")
    return dict(zip(("ada", "bo", "cy"), (one.id for one in saved), strict=True))


def happen(store: Store, contact_id: int, name: str, at: int, **more: object) -> None:
    with store.transaction():
        events.insert_events(store, [{"contact_id": contact_id, "name": name, "occurred_at": at, "received_at": at,
                                      "props": "{}", "dedupe_key": f"{contact_id} {name} {at} {more}",
                                      "source": "test", **more}])



def test_a_search_brings_the_very_words_first_and_of_each_the_newest(store: Store) -> None:
    names = ["Ada", "Adam", "Ada", *["Zoe"] * 80, "Adaline"]  # a word that few hold, and one that most do
    with store.transaction():
        ids = [one.id for one in contacts.upsert_many(
            store, [{"external_id": f"k{at}", "first_name": name} for at, name in enumerate(names)], now=NOW, source="test")]
    assert store.search("ada") == [ids[2], ids[0], ids[-1], ids[1]]
    assert store.search("ÁDA", 3) == [ids[2], ids[0], ids[-1]]
    assert store.search("zo", 5) == store.search("zoe", 5) == ids[-2:-7:-1]
    assert store.search("zoe k8", 9) == [ids[at] for at in (8, 82, 81, 80)] and len(store.search("zoe", 200)) == 80
    assert store.search("zoe ada") == store.search("  ") == []


def test_the_hottest_leads_are_read_off_an_index(memory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(memory, "frame", lambda statement: asked.append(statement))
    listing.page(memory, Wanted(with_score=True), order="score")
    plan = memory.plan(asked[0])
    assert "SCAN c USING INDEX contact_score" in plan and plan.upper().count("TEMP B-TREE") == 1, "only the page is sorted"


def test_a_page_holds_who_fits_and_says_how_many_there_are(store: Store, cast: dict[str, int]) -> None:
    everybody = listing.page(store, Wanted())
    assert listing.count(store, Wanted()) == 3 and list(everybody.id) == sorted(cast.values(), reverse=True), "no visitor"
    assert listing.page(store, Wanted(), offset=2, limit=2).id.tolist() == [cast["ada"]]
    assert listing.page(store, Wanted(tag="vip")).email.tolist() == ["ada@x.example"]
    assert listing.page(store, Wanted(text="love")).account.tolist() == ["Acme 100%"]
    assert listing.count(store, Wanted(text="nobody")) == 0
    assert listing.page(store, Wanted(stage="mql")).name.tolist() == ["Bo"]
    assert listing.count(store, Wanted(stage="")) == 1
    assert listing.count(store, Wanted(tag="vip")) == 1 and listing.count(store, Wanted(tag="of nobody")) == 0
    assert listing.count(store, Wanted(tag="vip", stage="mql")) == 0
    assert listing.ids(store, Wanted(tag="vip"), limit=10) == [cast["ada"]]
    with pytest.raises(BadInput):
        listing.page(store, Wanted(), limit=5_000)


def test_a_list_is_found_by_its_members(store: Store, cast: dict[str, int]) -> None:
    assert editing.label_many(store, list(cast.values()), on_list="News", tag="new", by=COMMAND_LINE, now=NOW) == 6
    assert editing.label_many(store, list(cast.values()), on_list="News", by=COMMAND_LINE, now=NOW) == 0
    assert editing.label_many(store, [cast["bo"]], off_list="News", untag="new", by=COMMAND_LINE, now=NOW) == 2
    assert [(one.name, one.contacts) for one in listing.list_labels(store, "list")] == [("News", 2)]
    assert listing.label_names(store, "tag") == ["new", "vip"]
    assert listing.count(store, Wanted(list="News", tag="new")) == 2
    with pytest.raises(Forbidden):
        editing.label_many(store, [cast["ada"]], tag="x", by=VIEWER, now=NOW)
    editing.create_list(store, "Empty", by=COMMAND_LINE, now=NOW)
    with pytest.raises(BadInput):
        editing.create_list(store, "empty ", by=COMMAND_LINE, now=NOW)


def test_a_percent_sign_in_an_account_is_no_wildcard(store: Store, cast: dict[str, int]) -> None:
    rows, total = accounts.find_page(store, "100%")
    assert total == 1 and rows.people.tolist() == [1]
    assert accounts.find_page(store, "1%0")[1] == 0
    assert accounts.find_name(store, int(rows.id[0])) == "Acme 100%" and accounts.find_name(store, 10**9) is None


def test_one_search_finds_people_and_things(store: Store, cast: dict[str, int]) -> None:
    segments.save(store, "Adaptive people", {"field": "email", "op": "is_set"}, by=COMMAND_LINE, now=NOW)
    found = finding.search(store, " ada ")
    assert [(one.kind, one.name) for one in found] == [("contact", "Ada Lovelace"), ("segment", "Adaptive people")]
    assert found[0].key == str(cast["ada"]) and "ada@x.example" in found[0].words
    assert finding.search(store, "%") == [] and finding.search(store, "  ") == []


def test_event_names_and_objects_come_once_each(store: Store, cast: dict[str, int]) -> None:
    for at in range(5):
        happen(store, cast["ada"], "page_view", NOW + at, object="/pricing" if at % 2 else "/docs")
    happen(store, cast["bo"], "purchase", NOW)
    happen(store, cast["bo"], "segment_entered", NOW, object="1")
    assert events.names(store) == ["page_view", "purchase"]
    assert events.objects(store, "page_view") == ["/docs", "/pricing"] and events.objects(store, "purchase") == []
    newest = events.recent(store, limit=2)
    assert newest.name.tolist() == ["purchase", "page_view"] and newest.who.tolist() == ["bo@x.example", "ada@x.example"]
    assert len(events.recent(store, name="page_view", before=int(newest.id[1]))) == 4


def test_headline_numbers_compare_two_periods(store: Store, cast: dict[str, int]) -> None:
    for day, sent, clicks in ((2, 4, 1), (40, 2, 2)):
        for at in range(sent):
            happen(store, cast["bo"], "email_sent", NOW - day * DAY + at, message_id=day * 100 + at)
        for at in range(clicks):
            for again in range(2):
                happen(store, cast["bo"], "email_clicked", NOW - day * DAY + 60 * again + at, message_id=day * 100 + at)
    happen(store, cast["ada"], "purchase", NOW - DAY, value_minor=4_900, currency="USD")
    happen(store, cast["ada"], "purchase", NOW - DAY, value_minor=1_000, currency="EUR")
    found = {one.key: one for one in kpis.headline(store, now=NOW)}
    assert (found["contacts"].value, found["contacts"].before) == (3, 0)
    assert (found["sent"].value, found["sent"].before) == (4, 2) and sum(found["sent"].series) == 4
    assert (found["clicks"].value, found["clicks"].before) == (0.25, 1.0)
    assert (found["revenue"].value, found["revenue"].currency) == (4_900, "USD")
    with store.transaction():
        store.run("UPDATE contact SET is_test = 1")
    assert [one.value for one in kpis.headline(store, now=NOW)] == [0, 0, None, 0], "test people are in no number"


def test_the_size_of_a_segment_is_read_back_from_its_changes(store: Store, cast: dict[str, int]) -> None:
    rule = {"stage": ["lead", "mql"]}
    made = segments.save(store, "Warm", rule, by=COMMAND_LINE, now=NOW - 2 * DAY)
    editing.edit_contact(store, "bo@x.example", editing.Edit({"stage": "customer"}), by=COMMAND_LINE, now=NOW - DAY)
    segments.refresh(store, "Warm", by=COMMAND_LINE, now=NOW)
    assert growth.sizes(store, made.id, now=NOW, days=4).members.tolist() == [0, 2, 2, 1]
    assert growth.trends(store, now=NOW, days=4)[made.id] == [0, 2, 2, 1]


def test_stages_are_counted_in_their_order(store: Store, cast: dict[str, int]) -> None:
    found = lifecycle.counts(store)
    assert (found["lead"], found["mql"], found["customer"], found[""]) == (1, 1, 0, 1)
    assert list(found)[0] == "subscriber" and list(found)[-1] == ""
    assert scoring.recent(store).empty


def test_a_quiet_workspace_lists_what_is_to_be_set_up(store: Store) -> None:
    steps = attention.setup(store, Config())
    assert steps and not any(step.done for step in steps)
    assert [one.level for one in attention.notices(store, now=NOW, clock_now=NOW)] == ["info"]
    assert health.runner_state(store, now=NOW).state == "never"


def test_a_runner_that_fell_silent_is_the_first_notice(store: Store) -> None:
    health.beat(store, "runner", now=NOW - 600, detail={"state": "running"})
    first = attention.notices(store, now=NOW, clock_now=NOW)[0]
    assert first.level == "error" and "10 minutes" in first.sentence
    health.beat(store, "runner", now=NOW, detail={"state": "running", "failures": 2, "problem": "disk full"})
    assert health.runner_state(store, now=NOW).state == "trouble"
    health.beat(store, "runner", now=NOW - 3, detail={"state": "running"})
    assert health.runner_state(store, now=NOW).state == "well" and not attention.notices(store, now=NOW, clock_now=NOW)
    segments.save(store, "Old rule", {"tag": "x"}, by=COMMAND_LINE, now=NOW - 31 * DAY)
    assert "Old rule was last reviewed more than 30 days ago" in attention.notices(store, now=NOW, clock_now=NOW)[0].sentence


def test_the_last_administrator_stays(store: Store) -> None:
    users.save_user(store, " Ada@X.example", "admin", by=COMMAND_LINE, now=NOW)
    with pytest.raises(Conflict):
        users.remove_user(store, "ada@x.example", by=COMMAND_LINE, now=NOW)
    with pytest.raises(Conflict):
        users.save_user(store, "ada@x.example", "viewer", by=COMMAND_LINE, now=NOW)
    users.save_user(store, "bo@x.example", "admin", name="Bo", by=COMMAND_LINE, now=NOW)
    users.remove_user(store, "ada@x.example", by=COMMAND_LINE, now=NOW)
    assert access.find_user(store, "BO@x.example") == Actor("Bo", "admin") and access.find_user(store, "ada@x.example") is None
    assert audit.recent(store).action.tolist() == ["user removed", "user saved", "user saved"]
    for wrong in (("nobody", "admin"), ("cy@x.example", "king")):
        with pytest.raises(BadInput):
            users.save_user(store, *wrong, by=COMMAND_LINE, now=NOW)
    with pytest.raises(Forbidden):
        users.save_user(store, "vi@x.example", "admin", by=VIEWER, now=NOW)


def test_keys_and_settings_are_noted(store: Store) -> None:
    key = users.create_key(store, "website", by=COMMAND_LINE, now=NOW)
    assert access.key_is_known(store, key)
    assert users.revoke_key(store, "website", by=COMMAND_LINE, now=NOW) == 1 and not access.key_is_known(store, key)
    with pytest.raises(NotFound):
        users.revoke_key(store, "website", by=COMMAND_LINE, now=NOW)
    users.save_sender(store, {"name": " Ada  at work "}, by=COMMAND_LINE, now=NOW)
    users.save_capture_only(store, True, by=COMMAND_LINE, now=NOW)
    with pytest.raises(BadInput):
        policy.save_caps(store, [{"n": "many"}], by=COMMAND_LINE, now=NOW)
    with pytest.raises(Forbidden):
        policy.save_caps(store, [], by=VIEWER, now=NOW)
    assert access.setting(store, "sender") == {"name": "Ada at work"}
    assert not any(key in json.dumps(row) for row in audit.recent(store).astype(str).to_dict("records"))
