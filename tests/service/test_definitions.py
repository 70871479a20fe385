"""The workspace as files: the same bytes each time, nothing changed the second time, all or nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.access import COMMAND_LINE, Actor, create_write_key, key_is_known, setting
from engine.audience import affinity, lifecycle, personas, scoring, segments
from engine.content import templates
from engine.errors import BadInput, Conflict, Forbidden
from engine.journeys import gallery, versions
from engine.people import accounts, contacts, fields
from engine.schema import open_store
from engine.service import definitions, safe_copy, users
from engine.store import Store
from tests.conftest import NOW

BY = {"by": COMMAND_LINE, "now": NOW}


def furnish(store: Store) -> None:
    """One of each kind, a segment that asks about another first in the alphabet."""
    fields.define(store, "Plan", "enum", options=["free", "team"], **BY)
    fields.define(store, "Plan", "text", entity=accounts.COMPANY, **BY)
    segments.save(store, "Zoo", {"field": "Plan", "op": "is", "value": "team"}, **BY)
    segments.save(store, "Almost Zoo", {"not": {"segment": "Zoo"}}, **BY)
    scoring.save_rule(store, "Prices", {"event": "page_view", "points": 5, "group": "engagement"}, **BY)
    lifecycle.save_rule(store, "mql", {"score": {"op": "at_least", "value": 50}}, **BY)
    templates.save(store, "Plain", html=None, text="Hello", subject="Hi", **BY)
    affinity.save(store, "Prices", pages=["/pricing"], mails=["Plain"], half_life_days=14, **BY)
    personas.save(store, "Keen", {"all": [{"affinity": "Prices"}, {"segment": "Zoo"}]}, "They ask.", **BY)
    personas.save(store, "Buyer", {"account": "Plan", "op": "is", "value": "team"}, place=1, **BY)
    segments.save(store, "Aha", {"all": [{"persona": "Keen"}, {"event": "email_clicked", "of": "Plain"}]}, **BY)
    draft = gallery.start(store, "welcome_series", **BY)
    versions.publish(store, draft.document, **BY)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_there_and_back_again(store: Store, memory: Store, tmp_path: Path) -> None:
    furnish(store)
    one, other = tmp_path / "one", tmp_path / "other"
    assert "journeys/welcome-series.yaml" in definitions.export(store, one).created
    assert definitions.export(store, one).changed == ()
    found = definitions.apply(memory, one, **BY)
    assert {"fields/Plan", "segments/Zoo", "segments/Almost Zoo", "scores/Prices", "stages/mql", "messages/welcome",
            "topics/Prices", "company-fields/Plan", "personas/Keen", "personas/Buyer", "segments/Aha",
            "journeys/Welcome series"} <= set(found.created)
    again = definitions.apply(memory, one, **BY)
    assert (again.created, again.changed, again.absent) == ((), (), ()) and len(again.unchanged) == len(found.created)
    definitions.export(memory, other)
    assert contents(one) == contents(other), "the same bytes from the copy"
    assert [found.name for found in personas.list_personas(memory)] == ["Buyer", "Keen"], "in the order in which they are asked"
    affinity.remove(memory, "Prices", **BY)
    assert definitions.export(memory, other).removed == ("topics.yaml",)


def test_the_difference_is_told_first_and_nothing_changes(memory: Store, tmp_path: Path) -> None:
    furnish(memory)
    folder = tmp_path / "files"
    definitions.export(memory, folder)
    file = folder / "segments" / "zoo.yaml"
    file.write_text(file.read_text().replace("team", "free"))
    (folder / "messages" / "plain.yaml").unlink()
    topics = folder / "topics.yaml"
    topics.write_text(topics.read_text().replace("/pricing", "/prices"))
    found = definitions.apply(memory, folder, dry_run=True, **BY)
    assert (found.created, found.changed, found.absent) == ((), ("segments/Zoo", "topics/Prices"), ("messages/Plain",))
    assert any(line.startswith("-") and "team" in line for line in found.diff["segments/Zoo"])
    assert segments.get(memory, "Zoo").rule["value"] == "team"
    assert definitions.apply(memory, folder, **BY).changed == ("segments/Zoo", "topics/Prices")
    assert affinity.list_topics(memory)[0].pages == ("/prices",)
    assert segments.get(memory, "Zoo").rule["value"] == "free" and templates.get(memory, "Plain")


def test_one_wrong_file_changes_nothing_and_is_named(memory: Store, tmp_path: Path) -> None:
    furnish(memory)
    folder = tmp_path / "files"
    definitions.export(memory, folder)
    (folder / "fields.yaml").write_text("Shoe size: {kind: number}\n")
    journey = folder / "journeys" / "welcome-series.yaml"
    journey.write_text(journey.read_text().replace("template: welcome", "template: goodbye"))
    with pytest.raises(BadInput, match=r"welcome-series.yaml: .*goodbye"):
        definitions.apply(memory, folder, **BY)
    assert "shoe size" not in fields.catalogue(memory)
    for text, wrong in (("Prices: 5\n", "topics.yaml: Prices: what it is"),
                        ("Prices: {messages: [Nothing]}\n", "topics.yaml: no template 'Nothing'"),
                        ("Prices: {pages: /x}\n", "topics.yaml: `pages` is a list")):
        (folder / "topics.yaml").write_text(text)
        with pytest.raises(BadInput, match=wrong):
            definitions.apply(memory, folder, **BY)
    with pytest.raises(BadInput, match="holds no throughline.yaml"):
        definitions.apply(memory, tmp_path, **BY)
    with pytest.raises(BadInput, match="not empty"):
        definitions.export(memory, tmp_path)
    with pytest.raises(Forbidden):
        definitions.apply(memory, folder, by=Actor("Vi", "viewer"), now=NOW)


def test_a_safe_copy_can_mail_nobody(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'live.db'}", create=True)
    with store.transaction():
        contacts.upsert_many(store, [{"email": "ada@example.com"}], now=NOW, source="test")
    key = create_write_key(store, "website", now=NOW)
    made = safe_copy.clone(store, tmp_path / "copy.db", now=NOW)
    assert made.contacts == 1 and key_is_known(store, key) and not setting(store, "capture_only")
    copy = open_store(f"sqlite:///{tmp_path / 'copy.db'}")
    assert setting(copy, "capture_only") is True and not key_is_known(copy, key)
    with pytest.raises(Conflict, match="safe copy"):
        users.save_capture_only(copy, False, **BY)
    with pytest.raises(Conflict, match="exists"):
        safe_copy.clone(store, tmp_path / "copy.db", now=NOW)
    assert not list(tmp_path.glob("*.open*")), json.dumps([file.name for file in tmp_path.iterdir()])
    copy.close()
    store.close()
