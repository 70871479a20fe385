"""Do not sell or share: kept against files and merges, and respected by what goes to third parties."""

from __future__ import annotations

import io
from pathlib import Path

from engine.access import COMMAND_LINE
from engine.audience.rules import known, parse
from engine.people import contacts
from engine.people.contacts import listing
from engine.people.contacts.listing import Wanted
from engine.service import exporting, privacy
from engine.service.importing.contacts import import_contacts
from engine.store import Store

from ..conftest import NOW

OUTSIDE = Wanted(third_party=True)


def save(store: Store, **values: object) -> int:
    return contacts.save(store, values, by=COMMAND_LINE, now=NOW, source="test").id


def exported(store: Store, wanted: Wanted) -> list[str]:
    out = io.StringIO()
    exporting.export_contacts(store, out, wanted, now=NOW)
    return [line.split(",")[0] for line in out.getvalue().splitlines()[1:]]


def test_third_parties_get_nobody_who_said_so(store: Store) -> None:
    save(store, email="ada@x.test", do_not_sell=True)
    bo, _ = save(store, email="bo@x.test"), save(store, email="cy@x.test")
    contacts.restrict(store, bo, True, by=COMMAND_LINE, now=NOW)
    assert exported(store, OUTSIDE) == ["cy@x.test"] and len(exported(store, Wanted())) == 3
    assert listing.kept_back(store, Wanted()) == 2
    said = parse({"field": "do_not_sell", "op": "is", "value": True}, known(store))
    assert len(store.rows(said.members(), now=NOW)) == 1


def test_a_file_sets_it_and_never_takes_it_back(store: Store, tmp_path: Path) -> None:
    ada = save(store, email="ada@x.test", do_not_sell="yes")
    file = tmp_path / "people.csv"
    file.write_text("email,do_not_sell\nada@x.test,no\nbo@x.test,yes\ncy@x.test,perhaps\n")
    report = import_contacts(store, str(file), by=COMMAND_LINE, now=NOW)
    assert [(one.line, one.column) for one in report.rows_in_error] == [(4, "do_not_sell")]
    assert contacts.get(store, ada).do_not_sell and contacts.get(store, "bo@x.test").do_not_sell
    save(store, email="ada@x.test", do_not_sell=False)
    assert not contacts.get(store, ada).do_not_sell, "a person may, by hand"


def test_merging_keeps_the_stricter_word_and_a_request_sets_it(store: Store) -> None:
    keep, lose = save(store, email="ada@x.test"), save(store, email="ada@old.test", do_not_sell=True)
    contacts.merge(store, keep, lose, by=COMMAND_LINE, now=NOW)
    assert contacts.get(store, keep).do_not_sell
    bo = save(store, email="bo@x.test")
    request = privacy.ask(store, "bo@x.test", "do_not_sell", by=COMMAND_LINE, now=NOW)
    privacy.carry_out(store, request.id, by=COMMAND_LINE, now=NOW)
    assert contacts.get(store, bo).do_not_sell
    assert privacy.dossier(store, "bo@x.test", by=COMMAND_LINE, now=NOW)["profile"]["do_not_sell"] is True
