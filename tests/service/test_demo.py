"""The demo company: its size, that the kernel's tables agree with each other, and every planted truth, by raw SQL.

The small demo on SQLite; THROUGHLINE_FULL_DEMO=1 holds the full one to the same questions. `test_forward.py` makes it on
PostgreSQL too.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.__main__ import gather
from engine.access import setting
from engine.audience import personas
from engine.clock import DAY
from engine.commands.common import run
from engine.errors import Conflict
from engine.maths import stats
from engine.measure import breakdown, groups
from engine.people import contacts
from engine.schema import open_store
from engine.service import demo
from engine.store import Store
from tests.conftest import NOW
from tests.service.demo_copies import CONFIG, make

pytestmark = pytest.mark.slow

FULL = bool(os.environ.get("THROUGHLINE_FULL_DEMO"))
SCALE = 1.0 if FULL else 0.1


@pytest.fixture(scope="module")
def company(fresh_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The demo, for tests that only look."""
    path = tmp_path_factory.mktemp("demo") / "demo.db"
    if not FULL:
        shutil.copy(fresh_demo, path)
    store = open_store(f"sqlite:///{path}", create=True)
    if FULL:
        demo.create(store, CONFIG, now=NOW)
    yield store
    store.close()


def count(store: Store, query: str, **params: object) -> int:
    return int(store.one(f"SELECT COUNT(*) FROM {query}", **params))


# ------------------------------------------------------------ what it is


def test_it_has_the_people_it_promises(company: Store) -> None:
    assert count(company, "contact c") == 20_000 * SCALE
    mailable = count(company, """contact c WHERE (SELECT s.status FROM consent s WHERE s.contact_id = c.id
        AND s.channel = 'email' ORDER BY s.at DESC, s.id DESC LIMIT 1) = 'subscribed'""")
    assert 0.98 * 12_000 * SCALE < mailable <= 12_000 * SCALE
    assert count(company, "account a WHERE a.employees > 0 AND a.industry IS NOT NULL") == 900 * SCALE


def test_it_has_a_year_of_events_and_none_from_the_future(company: Store) -> None:
    first, last = company.row("SELECT MIN(e.occurred_at), MAX(e.occurred_at) FROM event e")  # type: ignore[misc]
    assert first < NOW - 360 * DAY and NOW - 2 * DAY < last <= NOW
    assert count(company, "event e") > 330_000 * SCALE
    assert count(company, "consent s WHERE s.at > :now", now=NOW) == 0


def test_ids_are_the_order_in_which_things_became_known(company: Store) -> None:
    assert count(company, "event a JOIN event b ON b.id = a.id + 1 WHERE b.received_at < a.received_at") == 0


def test_five_journeys_of_three_campaigns_are_live_with_people_in_them(company: Store) -> None:
    rows = company.rows("""SELECT j.name, j.status, c.name, (SELECT COUNT(*) FROM enrollment r WHERE r.journey_id = j.id),
        (SELECT COUNT(*) FROM enrollment r WHERE r.journey_id = j.id AND r.status = 'active')
        FROM journey j JOIN campaign c ON c.id = j.campaign_id""")
    assert len(rows) == 5 and len({row[2] for row in rows}) == 3
    assert all(row[1] == "live" and row[3] > 50 for row in rows)
    assert sum(row[4] > 0 for row in rows) >= 3


# ------------------------------------------------------------ the kernel's tables agree with each other


def test_every_active_passage_has_one_token_and_no_other_has_any(company: Store) -> None:
    assert count(company, "enrollment r WHERE (r.status = 'active') <> EXISTS (SELECT 1 FROM token t "
                          "WHERE t.enrollment_id = r.id)") == 0
    assert count(company, "token t JOIN enrollment r ON r.id = t.enrollment_id WHERE t.contact_id <> r.contact_id "
                          "OR t.id <> r.id * 64") == 0
    assert count(company, "token t JOIN node n ON n.id = t.node_id JOIN enrollment r ON r.id = t.enrollment_id "
                          "WHERE n.version_id <> r.version_id") == 0


def test_steps_number_each_visit_once_and_finish_with_an_end(company: Store) -> None:
    assert count(company, "(SELECT 1 FROM step s GROUP BY s.token_id, s.seq HAVING COUNT(*) > 1) q") == 0
    assert count(company, """enrollment r WHERE r.status = 'finished' AND NOT EXISTS (SELECT 1 FROM step s
        WHERE s.token_id = r.id * 64 AND s.port = 'end' AND s.at = r.ended_at)""") == 0
    assert count(company, "step s JOIN enrollment r ON r.id = s.token_id / 64 WHERE s.at < r.started_at") == 0


def test_the_counts_at_the_nodes_are_those_of_the_log(company: Store) -> None:
    logged = company.rows("""SELECT s.node_id, s.port, COUNT(*) FROM step s WHERE s.port IS NOT NULL
        AND s.port NOT IN ('exited', 'pulled', 'called_off') GROUP BY s.node_id, s.port ORDER BY 1, 2""")
    counted = company.rows("SELECT t.node_id, t.port, SUM(t.n) FROM node_stat t GROUP BY t.node_id, t.port ORDER BY 1, 2")
    assert logged == counted


def test_every_mail_is_captured_told_and_belongs_to_a_visit(company: Store) -> None:
    assert company.rows("SELECT DISTINCT m.transport FROM message m WHERE m.status = 'sent'") == [("capture",)]
    assert count(company, "message m WHERE m.status = 'sent' AND m.id NOT IN (SELECT e.message_id FROM event e "
                          "WHERE e.name = 'email_sent')") == 0
    assert count(company, "message m WHERE m.status = 'sent' AND NOT EXISTS (SELECT 1 FROM step s "
                          "WHERE s.token_id = m.token_id AND s.seq = m.visit AND s.node_id = m.node_id)") == 0
    assert count(company, "message m WHERE m.status NOT IN ('sent', 'skipped', 'queued', 'canceled')") == 0


def test_scores_are_the_sums_of_their_entries(company: Store) -> None:
    for group in ("fit", "engagement"):
        assert count(company, f"""contact c WHERE c.{group}_score <> (SELECT COALESCE(SUM(s.points), 0) FROM score_entry s
            WHERE s.contact_id = c.id AND s.grp = '{group}')""") == 0


def test_a_stage_is_where_its_history_ends(company: Store) -> None:
    assert count(company, """contact c WHERE c.stage IS DISTINCT FROM (SELECT x.new FROM stage_change x
        WHERE x.contact_id = c.id ORDER BY x.id DESC LIMIT 1)""") == 0


def test_another_tick_at_the_same_moment_has_nothing_to_do(company: Store) -> None:
    last = company.one("SELECT w.at FROM watermark w WHERE w.name = 'journeys'")
    assert last == NOW - NOW % DAY
    assert count(company, "token t JOIN node n ON n.id = t.node_id WHERE t.due_at <= :now", now=last) == 0


# ------------------------------------------------------------ planted truths (docs/demo.md)


def test_truth_healthcare_people_buy_after_webinar_and_white_paper(company: Store) -> None:
    industry = company.one("SELECT f.column_name FROM field f WHERE f.key = 'industry'")
    people, buyers = company.row(f"""SELECT COUNT(*), SUM(CASE WHEN EXISTS (SELECT 1 FROM event b WHERE b.contact_id = q.who
            AND b.name = 'purchase' AND b.occurred_at > q.paper AND b.occurred_at <= q.paper + 14 * 86400) THEN 1 ELSE 0 END)
        FROM (SELECT c.id AS who, MIN(p.occurred_at) AS paper FROM contact c JOIN event w ON w.contact_id = c.id
              AND w.name = 'webinar_attended' JOIN event p ON p.contact_id = c.id AND p.name = 'whitepaper_downloaded'
              WHERE c.{industry} = 'healthcare' AND p.occurred_at > w.occurred_at
              AND p.occurred_at <= w.occurred_at + 14 * 86400 AND p.occurred_at < :until GROUP BY c.id) q""",
                                  until=demo.get(company)["past_until"] - 14 * DAY)  # type: ignore[misc]
    assert people >= 200 * SCALE
    assert buyers / people == pytest.approx(0.70, abs=0.03 if FULL else 0.08)


ARMS = """SELECT s.port, COUNT(*), SUM(CASE WHEN EXISTS (SELECT 1 FROM event g WHERE g.contact_id = r.contact_id
        AND g.name = :goal AND g.occurred_at >= r.started_at AND g.occurred_at < r.started_at + :within
        AND g.occurred_at <= :seen)
        THEN 1 ELSE 0 END)
    FROM enrollment r JOIN journey j ON j.id = r.journey_id JOIN step s ON s.token_id = r.id * 64
    JOIN node n ON n.id = s.node_id AND n.type = 'split'
    WHERE j.name = :journey AND r.started_at < :until GROUP BY s.port ORDER BY s.port"""


def arms(store: Store, journey: str, goal: str, *, within: int = 14 * DAY, seen: int = NOW) -> dict[str, tuple[int, int]]:
    """Arm → (successes, people) of whoever entered in the planted past."""
    until = min(demo.get(store)["past_until"] - 14 * DAY, seen)
    rows = store.rows(ARMS, journey=journey, goal=goal, within=within, seen=seen, until=until)
    return {row[0]: (row[2], row[1]) for row in rows}


def p_value(one: tuple[int, int], other: tuple[int, int]) -> float:
    return stats.compare_proportions(one, other, 0.05).p_value or 1.0


def test_truth_the_personal_offer_books_more_demos(company: Store) -> None:
    found = arms(company, "Ebook nurture", "demo_booked")
    assert {name: n for name, (_, n) in found.items()} == {"personal": 1_000 * SCALE, "plain": 1_000 * SCALE}
    assert {name: x / n for name, (x, n) in found.items()} == pytest.approx({"personal": 0.28, "plain": 0.20}, abs=0.001)
    assert (p_value(found["plain"], found["personal"]) < 0.001) == FULL


def test_truth_a_test_of_the_same_mail_finds_a_winner_on_some_day(company: Store) -> None:
    whole = arms(company, "Webinar follow-up", "demo_booked")
    (x, n), (y, m) = whole.values()
    assert p_value((x, n), (y, m)) > 0.5 and abs(x / n - y / m) < 0.02
    days = range(NOW - 365 * DAY, NOW, DAY)
    looks = [arms(company, "Webinar follow-up", "demo_booked", seen=day) for day in days]
    seen = [p_value(*found.values()) for found in looks if len(found) == 2 and min(n for _, n in found.values()) > 10]
    assert min(seen) < 0.05


def test_truth_the_long_tour_lost_people(company: Store) -> None:
    found = arms(company, "Customer onboarding", "feature_used")
    check = stats.sample_ratio([n for _, n in found.values()], [1.0, 1.0])
    assert check.ok is False and found["long"][1] < found["short"][1]


def test_truth_the_pricing_mail_gets_credit_and_has_no_effect(company: Store) -> None:
    found = arms(company, "Pricing hand-off", "purchase", within=30 * DAY)
    (held, out), (bought, treated) = found["holdout"], found["treated"]
    assert treated > 2 * out and abs(bought / treated - held / out) < 0.02
    clicked = dict(company.rows("""SELECT j.name, COUNT(*) FROM event b JOIN event k ON k.id = (SELECT e.id FROM event e
            WHERE e.contact_id = b.contact_id AND e.name = 'email_clicked' AND e.verdict = 'human'
            AND e.occurred_at < b.occurred_at AND e.occurred_at > b.occurred_at - 30 * 86400
            ORDER BY e.occurred_at DESC LIMIT 1)
        JOIN message m ON m.id = k.message_id JOIN journey j ON j.id = m.journey_id
        WHERE b.name = 'purchase' GROUP BY j.name"""))
    assert max(clicked, key=lambda name: clicked[name]) == "Pricing hand-off"


def test_truth_the_webinars_cost_more_than_they_bring(company: Store) -> None:
    spent = dict(company.rows("SELECT x.campaign, SUM(x.amount_minor) FROM cost x GROUP BY x.campaign"))
    brought = dict(company.rows("""SELECT s.campaign, SUM(d.amount_minor) FROM deal d JOIN deal_contact k ON k.deal_id = d.id
        JOIN (SELECT DISTINCT e.contact_id, JSON_TEXT(e.props, :key) AS campaign FROM event e
              WHERE e.name IN ('webinar_attended', 'ebook_downloaded')) s ON s.contact_id = k.contact_id
        WHERE d.won = 1 GROUP BY s.campaign""", key="campaign"))
    assert spent["Webinar program"] > 1.2 * brought["Webinar program"]
    assert spent["Product growth"] < brought["Product growth"]


def test_truth_some_people_are_there_twice_and_some_addresses_are_wrong(company: Store) -> None:
    twice = count(company, """(SELECT 1 FROM contact c GROUP BY c.first_name, c.last_name, c.phone HAVING COUNT(*) > 1) q""")
    assert twice >= 50 * SCALE
    wrong = count(company, """contact c WHERE c.email LIKE '%@gmial.com' OR c.email LIKE '%@hotmial.com'
        OR c.email LIKE '%@yaho.com' OR c.email LIKE '%@outlok.com' OR c.email LIKE '%@gmail.con'""")
    assert wrong >= 120 * SCALE


def test_truth_machines_click_seconds_after_the_mail(company: Store) -> None:
    machines = company.rows("""SELECT e.occurred_at - m.sent_at FROM event e JOIN message m ON m.id = e.message_id
        WHERE e.name = 'email_clicked' AND e.verdict = 'machine'""")
    assert len(machines) > 1_000 * SCALE and max(machines)[0] < 30


def test_the_desks_of_sales_are_alive(company: Store) -> None:
    assert count(company, "sales_rep r") == 3 and count(company, "routing_rule r") == 3
    assert count(company, "score_rule r") == 8 and count(company, "score_entry s WHERE s.rule_id IS NOT NULL") > 500 * SCALE
    assert dict(company.rows("SELECT r.stage, r.regress FROM stage_rule r")) == {"lead": 0, "mql": 0, "customer": 0}
    assert count(company, "task t WHERE t.status = 'open'") >= 10 * SCALE
    assert {row[0] for row in company.rows("SELECT DISTINCT t.status FROM task t")} >= {"open", "accepted", "rejected", "done"}
    assert count(company, "event e WHERE e.name = 'call_logged'") > 0
    assert count(company, "task t WHERE t.status = 'rejected' AND t.reason IS NULL") == 0


def test_its_topics_are_alive(company: Store) -> None:
    assert count(company, "affinity_topic t") == 4
    assert {row[0] for row in company.rows("SELECT COUNT(*) > 0 FROM affinity a GROUP BY a.topic_id")} == {True}
    assert count(company, "affinity a") > 500 * SCALE


def test_its_personas_have_been_known_since_the_people_came(company: Store) -> None:
    kept = {one.name: one.people for one in personas.list_personas(company)}
    assert list(kept) == ["Clinic manager", "Data lead", "Shop owner"] and min(kept.values()) > 2_000 * SCALE
    whole = sum(kept.values())
    assert whole == count(company, "(SELECT DISTINCT m.contact_id FROM segment_member m JOIN persona p "
                                   "ON p.segment_id = m.segment_id) q")  # nobody is two
    assert count(company, "segment_member m JOIN persona p ON p.segment_id = m.segment_id JOIN contact c "
                          "ON c.id = m.contact_id WHERE m.entered_at > c.created_at + 86400") == 0
    said = breakdown.report(company, groups.read(company, "persona"), since=NOW - 365 * DAY, until=NOW)
    assert [part.group for part in said.parts] == [*kept, "no persona"]
    per_head = {part.group: part.customers / kept[part.group] for part in said.parts if part.group in kept}
    assert max(per_head, key=lambda name: per_head[name]) == "Clinic manager"


def test_truth_one_rep_lets_leads_lie(company: Store) -> None:
    rates = {rep: late / turns for rep, late, turns in company.rows("""SELECT u.rep,
        SUM(CASE WHEN u.outcome = 'breached' THEN 1 ELSE 0 END) * 1.0, COUNT(*) FROM task_turn u
        WHERE u.outcome IN ('accepted', 'rejected', 'breached') GROUP BY u.rep""")}
    slow = rates.pop("tom@fernhill.example")
    assert slow > 0.33 and all(rate < (0.2 if FULL else 0.3) for rate in rates.values())


def test_truth_nobody_writes_to_those_at_risk(company: Store) -> None:
    assert count(company, "contact c WHERE c.stage = 'at-risk'") >= 20 * SCALE
    written = "".join(row[0] for row in company.rows("SELECT v.document FROM journey_version v")).lower()
    assert "at-risk" not in written and "at risk" not in written


# ------------------------------------------------------------ making it


def test_it_is_not_made_twice(company: Store) -> None:
    with pytest.raises(Conflict, match="empty workspace"):
        demo.create(company, CONFIG, now=NOW, small=True)


class Stopped(Exception):
    """Somebody pulled the plug."""


def test_one_that_was_stopped_halfway_is_made_again(memory: Store) -> None:
    def stop(step: str) -> None:
        if step.startswith("14 days"):
            raise Stopped

    with pytest.raises(Stopped):
        demo.create(memory, CONFIG, now=NOW, small=True, progress=stop)
    assert demo.is_demo(memory) and not demo.is_ready(memory)
    make(memory)
    assert count(memory, "contact c") == 2_000 and demo.is_ready(memory)


def test_the_command_makes_it_once_the_same_on_a_day_with_a_copy_to_start_again_from(
        fresh_demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path / 'made.db'}"
    for _ in range(2):  # the second time it is there, and stays as it is
        assert run(gather(), ["--db", url, "--json", "--now", str(NOW + 3_600), "init", "--demo", "--small"]) == 0
        assert json.loads(capsys.readouterr().out)["contacts"] == 2_000
    assert (tmp_path / "made.db-fresh").exists()
    made, other = open_store(url), open_store(f"sqlite:///{shutil.copy(fresh_demo, tmp_path / 'other.db')}")
    assert setting(made, "capture_only") is True and demo.is_demo(made)
    for query in ("SELECT c.email, c.stage, c.engagement_score FROM contact c ORDER BY c.id",
                  "SELECT e.contact_id, e.name, e.occurred_at, e.verdict FROM event e ORDER BY e.id",
                  "SELECT s.token_id, s.node_id, s.at, s.port FROM step s ORDER BY s.id"):
        assert made.rows(query) == other.rows(query)
    made.close()
    other.close()


def test_people_of_ones_own_are_safe_from_it(store: Store) -> None:
    with store.transaction():
        contacts.upsert_many(store, [{"email": "ada@example.org"}], now=NOW, source="test")
    with pytest.raises(Conflict, match="empty workspace"):
        demo.create(store, CONFIG, now=NOW, small=True)
    assert count(store, "contact c") == 1 and not demo.is_demo(store) and setting(store, "capture_only") is None


def test_it_begins_on_a_day(company: Store) -> None:
    last = datetime.fromtimestamp(company.one("SELECT MAX(m.sent_at) FROM message m"), UTC)
    assert (last.hour, last.minute) == (0, 0)
