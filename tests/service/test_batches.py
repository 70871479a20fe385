"""An import taken back: what it made goes, what it changed comes back, and what has happened since stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.access import COMMAND_LINE, Actor
from engine.errors import Conflict, Forbidden, NotFound
from engine.people import accounts, consent, contacts, fields
from engine.schema import PERSON_TABLES
from engine.service import batches, importing
from engine.service.importing import Options
from engine.store import Store

from ..conftest import NOW

LATER = NOW + 1_000
FIRST = ("email,external_id,first_name,Size,Since,VIP,account,tags,lists,email_consent\n"
         "ada@x.test,A1,Ada,5,2026-03-01,true,Acme,old,News,subscribed\nbo@x.test,,Bo,,,,,,,unsubscribed\n")
SECOND = ("email,external_id,first_name,Size,Since,VIP,account,tags,lists,email_consent,stage,phone\n"
          "ada@x.test,,Adele,6,2026-04-01,false,Beta,new,Beta,unsubscribed,mql,+491701234567\n"
          "bo@x.test,B2,,7,,,,,,,,\nnew@x.test,N1,New,1,,,Gamma,new,News,subscribed,lead,\nfresh@x.test,,,,,,,,,,,\n")


def bring(store: Store, folder: Path, text: str, *, now: int, name: str = "f.csv") -> int:
    path = folder / name
    path.write_text(text)
    report = importing.import_contacts(store, str(path), by=COMMAND_LINE, now=now, options=Options())
    assert report.batch and not report.errors, report.rows_in_error
    return report.batch


def known(store: Store, who: str) -> dict[str, object]:
    """All that a contact is, but for the moment it was touched."""
    found = vars(contacts.get(store, who)) | {"updated_at": 0}
    return found | {"consent": consent.state(store, contacts.get(store, who).id, "email")}


def people(store: Store) -> int:
    return int(store.one("SELECT COUNT(*) FROM contact"))


def test_an_import_that_is_undone_leaves_people_as_they_were(store: Store, tmp_path: Path) -> None:
    bring(store, tmp_path, FIRST, now=NOW)
    before = [known(store, "ada@x.test"), known(store, "bo@x.test")]
    batch = bring(store, tmp_path, SECOND, now=NOW + 10, name="second.csv")
    assert people(store) == 4 and known(store, "ada@x.test") != before[0]
    done = batches.undo(store, batch, by=COMMAND_LINE, now=LATER)
    assert (done.removed, done.consents, done.kept_contacts, done.kept_values, done.kept_consents) == (2, 1, 0, 0, 0)
    assert [known(store, "ada@x.test"), known(store, "bo@x.test")] == before
    assert contacts.find(store, "new@x.test") is None and contacts.find(store, "B2") is None and store.search("new") == []
    assert not store.rows("SELECT 1 FROM identifier WHERE value IN ('new@x.test', 'N1', 'B2', '+491701234567')")
    kept = {row[0] for row in store.rows("SELECT id FROM contact")}
    for table in set(PERSON_TABLES) - {"dirty_contact"}:
        assert {row[0] for row in store.rows(f"SELECT contact_id FROM {table}")} <= kept, table
    ((detail,),) = store.rows("SELECT detail FROM audit WHERE action = 'import undone'")
    assert json.loads(detail)["removed"] == 2
    assert batches.list_past(store)[0].undone_at == LATER
    again = bring(store, tmp_path, SECOND, now=LATER + 5)
    assert people(store) == 4 and again > batch


def test_what_has_happened_since_stays(store: Store, tmp_path: Path) -> None:
    bring(store, tmp_path, FIRST, now=NOW)
    batch = bring(store, tmp_path, SECOND, now=NOW + 10)
    contacts.save(store, {"email": "ada@x.test", "first_name": "Adelaide"}, by=COMMAND_LINE, now=NOW + 20, source="by hand")
    contacts.save(store, {"email": "fresh@x.test", "first_name": "Fred"}, by=COMMAND_LINE, now=NOW + 20, source="by hand")
    new = contacts.get(store, "new@x.test").id
    with store.transaction():
        consent.record(store, [new], "email", "unsubscribed", basis="link", source="mail", by=COMMAND_LINE, now=NOW + 30)
    done = batches.undo(store, batch, by=COMMAND_LINE, now=LATER)
    assert (done.removed, done.kept_contacts, done.kept_values, done.kept_consents) == (0, 2, 1, 1)
    assert [contacts.get(store, f"{who}@x.test").first_name for who in ("ada", "fresh")] == ["Adelaide", "Fred"]
    assert consent.state(store, new, "email") == "unsubscribed"
    assert "left as they are: 2 contacts that have done or been sent something since, 1 values" in done.words


def test_consent_that_was_imported_by_mistake_mails_nobody(store: Store, tmp_path: Path) -> None:
    contacts.save(store, {"email": "ada@x.test"}, by=COMMAND_LINE, now=NOW, source="test")
    batch = bring(store, tmp_path, "email,email_consent\nada@x.test,subscribed\n", now=NOW + 1)
    assert batches.undo(store, batch, by=COMMAND_LINE, now=LATER).consents == 1
    assert consent.state(store, contacts.get(store, "ada@x.test").id, "email") == "pending"


def test_rows_of_one_contact_in_several_chunks_go_back_to_the_beginning(store: Store, tmp_path: Path,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("engine.service.importing.job", "engine.service.batches"):
        monkeypatch.setattr(f"{module}.CHUNK", 2)
    bring(store, tmp_path, "email,first_name\nada@x.test,Ada\n", now=NOW)
    text = "email,first_name\n" + "".join(f"ada@x.test,A{n}\np{n}@x.test,P\n" for n in range(5))
    batch = bring(store, tmp_path, text, now=NOW + 5)
    assert contacts.get(store, "ada@x.test").first_name == "A4"
    steps: list[tuple[int, int]] = []
    done = batches.undo(store, batch, by=COMMAND_LINE, now=LATER, progress=lambda at, of: steps.append((at, of)))
    assert (done.removed, done.kept_values, people(store)) == (5, 0, 1) and steps[-1][0] == steps[-1][1] > 2
    assert contacts.get(store, "ada@x.test").first_name == "Ada"


def test_an_import_that_died_can_be_undone(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.service.importing.job.CHUNK", 10)
    (tmp_path / "f.csv").write_text("email\n" + "".join(f"p{n}@x.test\n" for n in range(35)))
    commits = 0

    def die(statement: str) -> None:
        nonlocal commits
        commits += statement == "COMMIT"
        if commits == 4:
            raise KeyboardInterrupt

    store.on_statement = die
    with pytest.raises(KeyboardInterrupt):
        importing.import_contacts(store, str(tmp_path / "f.csv"), by=COMMAND_LINE, now=NOW)
    store.on_statement = None
    (past,) = batches.list_past(store)
    assert people(store) == 20 and past.undoable and past.counts == {}
    assert batches.undo(store, past.id, by=COMMAND_LINE, now=LATER).removed == 20 and people(store) == 0


def test_what_can_not_be_undone_says_why(store: Store, tmp_path: Path) -> None:
    batch = bring(store, tmp_path, FIRST, now=NOW)
    with pytest.raises(Forbidden):
        batches.undo(store, batch, by=Actor("Sal", "sales"), now=LATER)
    batches.undo(store, batch, by=COMMAND_LINE, now=LATER)
    with pytest.raises(Conflict, match="undone already"):
        batches.undo(store, batch, by=COMMAND_LINE, now=LATER)
    with pytest.raises(NotFound, match="no import 999"):
        batches.undo(store, 999, by=COMMAND_LINE, now=LATER)
    (tmp_path / "e.csv").write_text("email,event,occurred_at\nada@x.test,visit,2026-03-01\n")
    brought = importing.import_events(store, str(tmp_path / "e.csv"), by=COMMAND_LINE, now=NOW)
    with pytest.raises(Conflict, match="brought events, which can not be undone"):
        batches.undo(store, brought.batch or 0, by=COMMAND_LINE, now=LATER)
    again = bring(store, tmp_path, "email\nada@x.test\n", now=LATER)
    with pytest.raises(Conflict, match="changed nothing"):
        batches.undo(store, again, by=COMMAND_LINE, now=LATER)
    assert accounts.find_name(store, 1) == "Acme" and "size" in fields.catalogue(store)  # they stay: others may use them
