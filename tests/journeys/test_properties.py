"""What must hold for every journey and every life."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.clock import FOREVER
from engine.journeys import reading
from engine.journeys.graph import lay_out
from engine.journeys.live import NODES_PER_VERSION
from engine.people import fields
from engine.schema import open_memory, open_store
from engine.store import Store
from tests.conftest import ENGINES, SweptSchemas

from . import worlds
from .worlds import (
    ANN,
    START,
    Document,
    Life,
    add_contacts,
    add_templates,
    journeys,
    lives,
    post,
    publish,
    record,
    runner,
    state,
)

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("JOURNEY_EXAMPLES", "8"))
MOST = {"sqlite": EXAMPLES, "postgresql": EXAMPLES // 2}  # a life on a server takes twice the time of one in memory
checked = settings(max_examples=EXAMPLES, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate],
                   suppress_health_check=list(HealthCheck))


def on_each_engine(**drawn: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[[str], None]]:
    """A property that takes an engine and what is drawn."""

    def of(holds: Callable[..., None]) -> Callable[[str], None]:
        @pytest.mark.parametrize("engine", ENGINES)
        def test(engine: str) -> None:
            def lived(**values: Any) -> None:
                holds(engine, **values)

            lived.__name__ = holds.__name__  # under it hypothesis keeps what failed
            settings(checked, max_examples=MOST[engine])(given(**drawn)(lived))()

        test.__name__, test.__doc__ = holds.__name__, holds.__doc__
        return test

    return of


class Crash(Exception):
    """A statement that failed on purpose."""


SWEPT = SweptSchemas()


@pytest.fixture(scope="module", autouse=True)
def _dropped() -> Iterator[None]:
    yield
    if SWEPT.used:
        SWEPT.drop()


@contextmanager
def opened(engine: str) -> Iterator[Store]:
    """An empty workspace for one example."""
    if engine == "sqlite":
        store = open_memory()
        yield store
        store.close()
        return
    with SWEPT.url() as url:
        store = open_store(url)
        try:
            yield store
        finally:
            store.close()


def furnish(store: Store) -> None:
    """People, and everything that random graphs refer to."""
    add_contacts(store, 3)
    add_templates(store, "t", "u")
    fields.define(store, "Visits", "number", by=ANN, now=START)


def live(store: Store, graph: Document, life: Life, *, size: int = 1_000, chunk: int = 1_000,
         crash: random.Random | None = None) -> int:
    """Publish, let the life happen, tick after each part. With `crash`, statements fail and the tick starts again."""
    furnish(store)
    publish(store, graph)
    engine = runner(store, size, chunk)
    now = START
    for pause, happenings in life:
        for contact, name in happenings:
            record(store, contact, name, now + 1)
        now += pause
        while True:
            try:
                store.on_statement = failing(crash.randint(1, 60)) if crash else None
                worlds.tick(engine, now)
                break
            except Crash:
                crash = crash if crash and crash.random() < 0.8 else None
            finally:
                store.on_statement = None
    return now


def failing(budget: int) -> Callable[[str], None]:
    left = [budget]

    def look(_: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Crash

    return look


@on_each_engine(graph=journeys(), life=lives())
def test_nobody_is_lost_or_doubled(engine: str, graph: Document, life: Life) -> None:
    with opened(engine) as store:
        live(store, graph, life)
        assert store.one("""SELECT COUNT(*) FROM enrollment r WHERE (r.status = 'active') <>
            EXISTS (SELECT 1 FROM token t WHERE t.id BETWEEN r.id * 64 AND r.id * 64 + 63)""") == 0
        assert store.one("SELECT COUNT(*) FROM token WHERE enrollment_id <> id / 64") == 0
        assert store.one("""SELECT COUNT(*) FROM (SELECT s.token_id, s.node_id, s.seq FROM step s
            WHERE s.port IS NOT NULL GROUP BY 1, 2, 3 HAVING COUNT(*) > 1) q""") == 0, "a wait ends one way only"
        assert store.one("SELECT COUNT(*) FROM token WHERE due_at >= :forever", forever=FOREVER) == 0
        every_step_leads_on(store, graph)
        effects_happened_once(store, graph)


def every_step_leads_on(store: Store, document: Document) -> None:
    """Count arrivals two ways: ports taken (log) against visits ended or going on (log and tokens)."""
    graph = reading.read(document, reading.known(store))
    layout = lay_out(graph)
    took: dict[tuple[str, Any], int] = {(key, port): count for key, port, count in store.rows(
        "SELECT n.key, s.port, COUNT(*) FROM step s JOIN node n ON n.id = s.node_id GROUP BY 1, 2")}
    standing = dict(store.rows("SELECT n.key, COUNT(*) FROM token t JOIN node n ON n.id = t.node_id GROUP BY 1"))
    goals = [node.id for node in graph.nodes if node.type == "goal"]  # type: ignore[attr-defined]
    for node in graph.nodes:
        if node.shape == "join":
            continue
        came = sum(took.get((source, _logged(graph, source, port)), 0)
                   for (source, port), target in layout.targets.items() if target == node.id)
        came += store.one("SELECT COUNT(*) FROM enrollment") if node.id == graph.first else 0
        left = sum(count for (key, port), count in took.items() if key == node.id and port is not None)
        if node.id in goals:  # whoever was pulled came from anywhere
            assert came <= left + standing.get(node.id, 0)
        else:
            assert came == left + standing.get(node.id, 0), (node.id, came, left, standing)
        path = layout.paths[node.id]
        assert {row[0] for row in store.rows("SELECT DISTINCT t.id % 64 FROM token t WHERE t.node_id = :id",
                                             id=NODES_PER_VERSION + 1 + graph.nodes.index(node))} <= {layout.branches[path]}


def _logged(graph: Any, key: str, port: str) -> str:
    node = graph.node(key)
    return node.ports[0] if node.shape == "fork" else port


def effects_happened_once(store: Store, document: Document) -> None:
    left = """SELECT COUNT(*) FROM step s JOIN node n ON n.id = s.node_id AND n.type = 'send' {join}
        WHERE s.port IN ('sent', 'skipped', 'failed')"""
    mine = "JOIN message m ON m.node_id = s.node_id AND m.token_id = s.token_id AND m.visit = s.seq"
    assert store.one(left.format(join="")) == store.one(left.format(join=mine)), "one message for each visit that ended"
    assert store.one("""SELECT COUNT(*) FROM message m WHERE m.status = 'queued' AND NOT EXISTS (SELECT 1 FROM token t
        WHERE t.id = m.token_id AND t.node_id = m.node_id AND t.seq = m.visit)""") == 0, "nobody gets mail of a left node"
    points = {node["id"]: node["points"] for node in document["nodes"] if node["type"] == "score"}
    taken = store.rows("SELECT n.key, COUNT(*) FROM step s JOIN node n ON n.id = s.node_id WHERE s.port = 'next' GROUP BY 1")
    due = sum(points.get(key, 0) * count for key, count in taken)
    assert due == store.one("SELECT SUM(engagement_score) FROM contact")
    assert due == (store.one("SELECT SUM(points) FROM score_entry") or 0)
    added = {node["id"]: node["by"] for node in document["nodes"] if node["type"] == "increment_field"}
    column = store.one("SELECT f.column_name FROM field f")
    assert sum(added.get(key, 0) * count for key, count in taken) == (store.one(f"SELECT SUM({column}) FROM contact") or 0)
    assert store.one("SELECT COUNT(*) FROM event WHERE source = 'journey'") <= sum(
        count for key, count in taken if any(node["id"] == key and node["type"] == "emit" for node in document["nodes"]))
    slots = store.one("""SELECT COUNT(*) FROM (SELECT s.node_id, s.seen FROM step s JOIN node n ON n.id = s.node_id
        AND n.type = 'rate_limit' WHERE s.port = 'next' GROUP BY 1, 2 HAVING COUNT(*) > 1) q""")
    assert slots == 0, "a slot lets one person through"


@on_each_engine(graph=journeys(), life=lives())
def test_a_second_tick_at_one_instant_changes_nothing(engine: str, graph: Document, life: Life) -> None:
    with opened(engine) as store:
        now = live(store, graph, life)
        before = state(store)
        runner(store).tick(now)
        assert state(store) == before
        assert post(store, now) == 0
        assert store.one("SELECT COUNT(*) FROM token WHERE due_at <= :now", now=now) == 0


@on_each_engine(graph=journeys(), life=lives(), size=st.integers(1, 4), chunk=st.integers(1, 4))
def test_the_size_of_batches_changes_nothing(engine: str, graph: Document, life: Life, size: int, chunk: int) -> None:
    assert outcome(engine, graph, life, size=size, chunk=chunk) == outcome(engine, graph, life)


@on_each_engine(graph=journeys(), life=lives(), seed=st.integers(0, 10_000))
def test_crashes_change_nothing(engine: str, graph: Document, life: Life, seed: int) -> None:
    crashed = outcome(engine, graph, life, size=2, chunk=2, crash=random.Random(seed))
    assert crashed == outcome(engine, graph, life)


@checked
@given(graph=journeys(), life=lives())
def test_both_databases_agree(graph: Document, life: Life) -> None:
    assert outcome("sqlite", graph, life) == outcome("postgresql", graph, life)


def outcome(engine: str, graph: Document, life: Life, **how: Any) -> object:
    with opened(engine) as store:
        live(store, graph, life, **how)
        return state(store)
