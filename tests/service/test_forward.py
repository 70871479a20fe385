"""Fast-forward and starting again: through the real loop, on the demo only, nothing leaves."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from engine import clock
from engine.__main__ import gather
from engine.access import COMMAND_LINE
from engine.clock import DAY
from engine.commands.common import run
from engine.errors import BadInput, Busy, Conflict
from engine.loop.tick import Tally
from engine.people import contacts
from engine.schema import open_store
from engine.service import demo, forward
from engine.store import Store
from tests.conftest import NOW, SweptSchemas
from tests.service.demo_copies import CONFIG

pytestmark = pytest.mark.slow


def count(store: Store, query: str, **params: object) -> int:
    return int(store.one(f"SELECT COUNT(*) FROM {query}", **params))


def test_days_pass_and_everything_moves(company: Store) -> None:
    before = count(company, "contact c"), count(company, "event e"), count(company, "message m WHERE m.status = 'sent'")
    seen: list[tuple[int, int, int]] = []
    tally = forward.fast_forward(company, CONFIG, 6, now=NOW, progress=lambda day, of, so_far: seen.append(
        (day, of, so_far.events)))
    after = count(company, "contact c"), count(company, "event e"), count(company, "message m WHERE m.status = 'sent'")
    assert all(new > old for old, new in zip(before, after, strict=True))
    assert tally.events > 100 and tally.enrolled > 10 and tally.moved > 50 and tally.sent == after[2] - before[2]
    assert [(day, of) for day, of, _ in seen] == [(day, 6) for day in range(1, 7)]
    assert seen[-1][2] == tally.events


def test_people_answer_their_mail_humans_and_machines(company: Store) -> None:
    forward.fast_forward(company, CONFIG, 10, now=NOW)
    verdicts = dict(company.rows("SELECT e.verdict, COUNT(*) FROM event e WHERE e.name = 'email_clicked' "
                                 "AND e.received_at > :now GROUP BY e.verdict", now=NOW))
    assert verdicts["human"] > verdicts.get("machine", 0) and verdicts.get("machine", 0) > 0
    assert count(company, "event e WHERE e.name = 'email_clicked' AND e.received_at > :now AND (e.message_id IS NULL "
                          "OR e.occurred_at > e.received_at)", now=NOW) == 0
    ports = {row[0] for row in company.rows("SELECT DISTINCT s.port FROM step s WHERE s.at > :now", now=NOW)}
    assert {"happened", "timeout", "sent"} <= ports


def test_the_demo_has_a_time_of_its_own_that_moves_on(company: Store) -> None:
    assert demo.now(company, NOW) == NOW
    forward.fast_forward(company, CONFIG, 3, now=NOW)
    assert demo.now(company, NOW) == NOW + 3 * DAY
    forward.fast_forward(company, CONFIG, 2, now=NOW + 100)
    assert demo.now(company, NOW + 100) == NOW + 100 + 5 * DAY
    assert company.one("SELECT MAX(e.received_at) FROM event e") == NOW + 100 + 5 * DAY


def test_the_same_days_go_the_same_way(company: Store, fresh_demo: Path, tmp_path: Path) -> None:
    shutil.copy(fresh_demo, tmp_path / "other.db")
    other = open_store(f"sqlite:///{tmp_path / 'other.db'}")
    for store in (company, other):
        forward.fast_forward(store, CONFIG, 3, now=NOW)
    query = "SELECT e.contact_id, e.name, e.occurred_at FROM event e ORDER BY e.id"
    assert company.rows(query) == other.rows(query)
    other.close()


def test_nothing_leaves_whatever_is_configured(company: Store) -> None:
    """CONFIG names a mail server at which nobody answers: a try would fail the mail."""
    forward.fast_forward(company, CONFIG, 3, now=NOW)
    assert company.rows("SELECT DISTINCT m.transport FROM message m WHERE m.sent_at > :now", now=NOW) == [("capture",)]
    assert count(company, "message m WHERE m.status IN ('failed', 'unknown')") == 0
    assert count(company, "message_copy y JOIN message m ON m.id = y.message_id WHERE m.sent_at > :now", now=NOW) > 0


def test_starting_again_is_how_it_began(company: Store) -> None:
    tables = ("contact", "event", "message", "enrollment", "step", "token", "consent", "deal", "segment_member", "watermark")
    before = {table: company.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables}
    forward.fast_forward(company, CONFIG, 4, now=NOW)
    assert before["event"] != company.rows("SELECT * FROM event ORDER BY 1, 2")
    began = clock.monotonic()
    forward.start_again(company, CONFIG, now=NOW + 60)
    assert clock.monotonic() - began < 5
    assert before == {table: company.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables}
    assert demo.now(company, NOW + 60) == NOW + 60
    forward.fast_forward(company, CONFIG, 2, now=NOW)
    assert company.one("PRAGMA journal_mode") == "wal"


def test_others_who_have_it_open_see_the_new_beginning(company: Store) -> None:
    beside = open_store(company.url)
    forward.fast_forward(company, CONFIG, 2, now=NOW)
    moved = beside.one("SELECT COUNT(*) FROM event e")
    forward.start_again(company, CONFIG, now=NOW)
    assert beside.one("SELECT COUNT(*) FROM event e") < moved
    with beside.transaction():
        beside.run("UPDATE setting SET value = '1' WHERE key = 'caps'")
    beside.close()


def test_any_other_workspace_refuses(store: Store) -> None:
    with pytest.raises(Conflict, match="not the demo"):
        forward.fast_forward(store, CONFIG, 5, now=NOW)
    with pytest.raises(Conflict, match="not the demo"):
        forward.start_again(store, CONFIG, now=NOW)
    assert store.one("SELECT COUNT(*) FROM event e") == 0 and demo.now(store, NOW) == NOW and not demo.is_demo(store)


def test_a_number_of_days_that_can_not_be_is_refused(company: Store) -> None:
    for days in (0, -1, 367):
        with pytest.raises(BadInput, match="days"):
            forward.fast_forward(company, CONFIG, days, now=NOW)


def test_one_at_a_time(company: Store) -> None:
    beside = open_store(company.url)
    with beside.lock(forward.LEASE) as free, pytest.raises(Busy):
        assert free
        forward.fast_forward(company, CONFIG, 1, now=NOW)
    beside.close()


PEOPLE = "SELECT c.id, c.email, c.stage FROM contact c ORDER BY c.id"


def test_where_the_copy_is_gone_it_is_made_anew(company: Store) -> None:
    Path(f"{company.url.removeprefix('sqlite:///')}-fresh").unlink()
    people = company.rows(PEOPLE)
    forward.fast_forward(company, CONFIG, 1, now=NOW)
    forward.start_again(company, CONFIG, now=NOW)
    assert company.rows(PEOPLE) == people
    assert company.search(people[0][1].split(".")[0])


def test_on_a_server_no_copy_lies_beside_it_and_it_is_made_anew(company: Store, swept_schemas: SweptSchemas) -> None:
    with swept_schemas.url() as url, closing(open_store(url)) as store:
        demo.save(store, **demo.get(company))
        contacts.save(store, {"email": "somebody.else@example.com"}, by=COMMAND_LINE, now=NOW, source="test")
        forward.start_again(store, CONFIG, now=NOW)
        assert store.one("SELECT COUNT(*) FROM contact c") == company.one("SELECT COUNT(*) FROM contact c")
        known = "SELECT c.email FROM contact c ORDER BY c.id LIMIT 1900"  # the newest came by other dice
        assert store.rows(known) == company.rows(known)
        assert store.search(company.one("SELECT c.first_name FROM contact c ORDER BY c.id LIMIT 1"))


def test_a_tally_counts_what_all_days_did(company: Store) -> None:
    parts: list[Tally] = []
    whole = forward.fast_forward(company, replace(CONFIG, smtp_url=None), 2, now=NOW, progress=lambda _, __, so_far:
                                 parts.append(so_far))
    assert parts[0].events < parts[1].events and parts[1] == whole


def test_the_command_line_lives_in_the_time_of_the_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path / 'demo.db'}"
    store = open_store(url, create=True)
    demo.save(store, clock_offset_s=90 * DAY, ready=True)
    assert run(gather(), ["--db", url, "tick"]) == 0
    assert run(gather(), ["--db", url, "campaigns", "make", "Spring"]) == 0
    ahead = store.one("SELECT c.created_at FROM campaign c") - clock.now()
    assert abs(ahead - 90 * DAY) < 60
    assert clock.iso(clock.now() + 90 * DAY)[:10] in capsys.readouterr().out
    assert run(gather(), ["--db", url, "--now", "2026-01-02", "tick"]) == 0
    assert capsys.readouterr().out.startswith("2026-01-02T00:00:00Z")
    store.close()
