"""An import beside somebody else who writes the same contacts: PostgreSQL takes back one of two that wait for each other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import DeadlockDetected

from engine.access import COMMAND_LINE
from engine.schema import open_store
from engine.service import importing
from engine.service.importing import Report
from engine.store import Store

from ..conftest import NOW, SweptSchemas

FILE = "email,first_name,email_consent\na@x.test,Ada,subscribed\nb@x.test,Bo,subscribed\nbad,,\nc@x.test,Cy,\n"


@pytest.fixture
def server(swept_schemas: SweptSchemas) -> Iterator[tuple[Store, str]]:
    with swept_schemas.url() as url:
        store = open_store(url)
        yield store, url
        store.close()


def bring(store: Store, path: Path, text: str) -> Report:
    path.write_text(text)
    return importing.import_contacts(store, str(path), by=COMMAND_LINE, now=NOW)


def cross(url: str, importer: threading.Thread) -> None:
    """Hold b, wait until the import holds a and waits for b, then ask for a. The patient one is us: the import has to yield."""
    with psycopg.connect(url, autocommit=True) as other, psycopg.connect(url, autocommit=True) as eye:
        other.execute("SET deadlock_timeout = '60s'")
        with other.transaction():
            other.execute("UPDATE contact SET engagement_score = 7 WHERE email = 'b@x.test'")
            importer.start()
            until = time.monotonic() + 20
            while not eye.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity "
                                  "WHERE query LIKE 'UPDATE contact SET%%')").fetchone():
                assert time.monotonic() < until, "the import never came to the held contact"
                time.sleep(0.01)
            other.execute("UPDATE contact SET engagement_score = 7 WHERE email = 'a@x.test'")


def test_a_chunk_that_the_server_took_back_is_written_again_whole(server: tuple[Store, str], tmp_path: Path) -> None:
    store, url = server
    bring(store, tmp_path / "before.csv", "email,first_name\na@x.test,A\nb@x.test,B\n")
    begun: list[str] = []
    store.on_statement = lambda text: begun.append(text) if text.startswith("UPDATE contact SET") else None
    reports: list[Report] = []
    importer = threading.Thread(target=lambda: reports.append(bring(store, tmp_path / "f.csv", FILE)))
    cross(url, importer)
    importer.join(30)
    (report,) = reports
    assert len(begun) == 2, "the chunk was not taken back"
    assert (report.created, report.updated, report.unchanged, report.errors) == (1, 2, 0, 1)
    assert report.more["consent"] == {"recorded": 2, "kept": 0, "suppressed": 0}
    assert store.rows("SELECT email, first_name, engagement_score FROM contact ORDER BY email") == [
        ("a@x.test", "Ada", 7), ("b@x.test", "Bo", 7), ("c@x.test", "Cy", 0)]
    assert store.one("SELECT COUNT(*) FROM consent") == 2 and store.one("SELECT COUNT(*) FROM contact_change") == 2


def test_what_is_taken_back_again_and_again_is_an_error(server: tuple[Store, str]) -> None:
    store, _ = server
    tries = 0

    def never() -> None:
        nonlocal tries
        tries += 1
        raise DeadlockDetected

    with pytest.raises(DeadlockDetected):
        store.insist(never)
    assert tries == 8
    with store.transaction(), pytest.raises(DeadlockDetected):
        store.insist(never)
    assert tries == 9  # inside a transaction nothing can be repeated
