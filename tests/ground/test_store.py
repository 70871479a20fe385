"""One behavior on both engines: reading, writing, transactions."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from engine.config import MEMORY_URL
from engine.schema import open_memory, open_store
from engine.sql import sql
from engine.store import Store
from tests.conftest import NOW


def put(store: Store, name: str, at: int = NOW) -> None:
    with store.transaction():
        store.insert_many("watermark", [{"name": name, "event_id": 1, "at": at}])


def names(store: Store) -> list[str]:
    return [row[0] for row in store.rows("SELECT name FROM watermark ORDER BY name")]


def in_thread(work: Callable[[], object]) -> object:
    """What the work returned or raised in a thread of its own."""
    found: list[object] = []

    def run() -> None:
        try:
            found.append(work())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    return found[0]


# ------------------------------------------------------------ reading


def test_rows_row_one_and_their_empty_forms(store: Store) -> None:
    for name in ("b", "a"):
        put(store, name)
    assert store.rows("SELECT name, at FROM watermark ORDER BY name") == [("a", NOW), ("b", NOW)]
    assert store.row("SELECT name FROM watermark WHERE name = :name", name="b") == ("b",)
    assert store.one("SELECT COUNT(*) FROM watermark") == 2
    assert store.row("SELECT name FROM watermark WHERE name = :name", name="x") is None
    assert store.one("SELECT name FROM watermark WHERE name = :name", name="x") is None
    assert store.records("SELECT name, at FROM watermark WHERE name = 'a'") == [{"name": "a", "at": NOW}]


def test_a_frame_has_its_columns_also_when_it_is_empty(store: Store) -> None:
    assert list(store.frame("SELECT name, at FROM watermark").columns) == ["name", "at"]
    put(store, "a")
    assert store.frame("SELECT name, at FROM watermark").to_dict("records") == [{"name": "a", "at": NOW}]


def test_stream_gives_every_row_in_chunks(store: Store) -> None:
    with store.transaction():
        store.insert_many("dirty_contact", [{"contact_id": n} for n in range(25)])
    chunks = list(store.stream("SELECT contact_id FROM dirty_contact WHERE contact_id >= :low ORDER BY id", size=10, low=3))
    assert [len(chunk) for chunk in chunks] == [10, 10, 2]
    assert [row[0] for chunk in chunks for row in chunk] == list(range(3, 25))


def test_a_stream_sees_one_moment(store: Store) -> None:
    with store.transaction():
        store.insert_many("dirty_contact", [{"contact_id": n} for n in range(10)])
    stream = store.stream("SELECT contact_id FROM dirty_contact ORDER BY id", size=2)
    first = next(stream)
    with store.transaction():
        store.run("DELETE FROM dirty_contact")
    assert len(first) + sum(len(chunk) for chunk in stream) == 10
    assert store.one("SELECT COUNT(*) FROM dirty_contact") == 0


def test_streams_nest_and_may_be_left_early(store: Store) -> None:
    with store.transaction():
        store.insert_many("dirty_contact", [{"contact_id": n} for n in range(6)])
        outer = store.stream("SELECT contact_id FROM dirty_contact ORDER BY id", size=2)
        next(outer)
        inner = store.stream("SELECT contact_id FROM dirty_contact ORDER BY id DESC", size=2)
        assert next(inner) == [(5,), (4,)]
        assert next(outer) == [(2,), (3,)]
        inner.close()
        outer.close()
    put(store, "still alive")
    assert names(store) == ["still alive"]


def test_text_sorts_by_code_point_on_both_engines(store: Store) -> None:
    given = ["b", "B", "a", "É", "é", "_", "1", "Z"]
    for name in given:
        put(store, name)
    assert names(store) == sorted(given)


def test_quoted_text_is_no_place_for_parameters(store: Store) -> None:
    assert store.row("SELECT 'at :noon, 100%', ':name', :name", name="Ada") == ("at :noon, 100%", ":name", "Ada")


def test_composed_statements_carry_their_values(store: Store) -> None:
    put(store, "it's")
    query = sql("SELECT w.at + :more FROM watermark w WHERE {where}", more=5, where=sql("w.name = :name", name="it's"))
    assert store.one(query) == NOW + 5


# ------------------------------------------------------------ writing


def test_insert_many_or_ignore_passes_over_what_is_there(store: Store) -> None:
    rows = [{"name": name, "event_id": 1, "at": NOW} for name in ("a", "b")]
    with store.transaction():
        assert store.insert_many("watermark", rows) == 2
        assert store.insert_many("watermark", [*rows, {"name": "c", "event_id": 1, "at": 0}], or_ignore=True) == 1
        assert store.insert_many("watermark", []) == 0
    assert names(store) == ["a", "b", "c"]


def test_upsert_many_replaces_the_other_columns(store: Store) -> None:
    with store.transaction():
        store.upsert_many("watermark", [{"name": "a", "event_id": 1, "at": 1}], key=("name",))
        store.upsert_many("watermark", [{"name": "a", "event_id": 2, "at": 2}, {"name": "b", "event_id": 3, "at": 3}],
                          key=("name",))
        for _ in range(2):  # with no other column there is nothing to replace
            store.upsert_many("deal_contact", [{"deal_id": 1, "contact_id": 1}], key=("deal_id", "contact_id"))
    assert store.rows("SELECT name, event_id, at FROM watermark ORDER BY name") == [("a", 2, 2), ("b", 3, 3)]


def test_run_and_run_many_say_how_many_rows_they_touched(store: Store) -> None:
    with store.transaction():
        store.insert_many("dirty_contact", [{"contact_id": n} for n in range(5)])
        assert store.run("UPDATE dirty_contact SET contact_id = contact_id + 1 WHERE contact_id < :n", n=3) == 3
        assert store.run_many("DELETE FROM dirty_contact WHERE contact_id = :n", [{"n": n} for n in (1, 2, 99)]) == 2
        assert store.run("DELETE FROM dirty_contact WHERE contact_id = -1") == 0


@pytest.mark.parametrize("attempt", [
    lambda store: store.run("DELETE FROM watermark"),
    lambda store: store.run_many("DELETE FROM watermark WHERE name = :name", [{"name": "a"}]),
    lambda store: store.insert_many("watermark", [{"name": "b", "event_id": 1, "at": 1}]),
    lambda store: store.script(["CREATE TABLE extra (a {big})"]),
    lambda store: store.serialize("x") if store.backend == "postgresql" else store.run("DELETE FROM watermark"),
])
def test_writing_outside_a_transaction_is_refused(store: Store, attempt: Callable[[Store], object]) -> None:
    put(store, "a")
    with pytest.raises(RuntimeError, match="needs store.transaction"):
        attempt(store)
    assert names(store) == ["a"]


def test_a_reading_connection_can_not_write(store: Store) -> None:
    put(store, "a")
    with pytest.raises(Exception, match="(?i)read-?only"):
        store.rows("DELETE FROM watermark")
    assert names(store) == ["a"]


def test_after_a_transaction_its_connection_is_read_only_again(store: Store) -> None:
    put(store, "a")
    with pytest.raises(ZeroDivisionError), store.transaction():
        raise ZeroDivisionError
    for _ in range(3):
        with pytest.raises(Exception, match="(?i)read-?only"):
            store.rows("DELETE FROM watermark")


# ------------------------------------------------------------ transactions


def test_an_error_rolls_back_everything(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction():
        put(store, "inner")
        assert names(store) == ["inner"], "a transaction sees its own rows"
        raise ZeroDivisionError
    assert names(store) == []
    assert not store.writing


def test_a_failing_statement_rolls_back_and_leaves_the_store_usable(store: Store) -> None:
    put(store, "a")
    with pytest.raises(Exception, match="(?i)unique"):
        with store.transaction():
            store.run("UPDATE watermark SET at = 0")
            store.insert_many("watermark", [{"name": "a", "event_id": 1, "at": 1}])
    assert store.rows("SELECT name, at FROM watermark") == [("a", NOW)]
    put(store, "b")
    assert names(store) == ["a", "b"]


def test_an_inner_transaction_joins_the_outer_one(store: Store) -> None:
    with store.transaction():
        with store.transaction():
            put(store, "a")
        assert store.writing
        assert in_thread(lambda: names(store)) == [], "nobody else sees it yet"
    assert names(store) == ["a"]
    assert not store.writing


def test_a_durable_transaction_commits_like_any_other(store: Store) -> None:
    with store.transaction(durable=True):
        put(store, "a")
    with pytest.raises(ZeroDivisionError), store.transaction(durable=True):
        put(store, "b")
        raise ZeroDivisionError
    put(store, "c")
    assert names(store) == ["a", "c"]


def test_writers_in_many_threads_lose_nothing(store: Store) -> None:
    put(store, "counter", 0)

    def add() -> None:
        for _ in range(20):
            with store.transaction():
                store.serialize("counter")
                at = store.one("SELECT at FROM watermark WHERE name = 'counter'")
                store.run("UPDATE watermark SET at = :at WHERE name = 'counter'", at=at + 1)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert store.one("SELECT at FROM watermark WHERE name = 'counter'") == 80


def test_serialize_lets_one_transaction_pass_at_a_time(store: Store) -> None:
    order: list[str] = []
    inside, done = threading.Event(), threading.Event()

    def first() -> None:
        with store.transaction():
            store.serialize("gate")
            inside.set()
            done.wait(1)
            order.append("first")

    def second() -> None:
        inside.wait(10)
        with store.transaction():
            store.serialize("gate")
            order.append("second")

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    done.wait(0.3)
    done.set()
    for thread in threads:
        thread.join(30)
    assert order == ["first", "second"]


def test_temporary_tables_are_there_on_every_connection(store: Store) -> None:
    with store.transaction():
        store.insert_many("dirty", [{"contact_id": 7, "event_id": 1}])
        store.after_fill("dirty")
        assert store.one("SELECT COUNT(*) FROM dirty") == 1
        store.run("DELETE FROM dirty")
    assert in_thread(lambda: store.one("SELECT COUNT(*) FROM batch")) == 0


def test_ids_are_never_reused(store: Store) -> None:
    with store.transaction():
        store.insert_many("dirty_contact", [{"contact_id": n} for n in range(3)])
        store.run("DELETE FROM dirty_contact")
        store.insert_many("dirty_contact", [{"contact_id": 9}])
    assert store.one("SELECT id FROM dirty_contact") == 4


def test_a_plan_names_the_index_that_a_probe_uses(store: Store) -> None:
    plan = store.plan("SELECT c.id FROM contact c WHERE c.id = :id", id=1)
    assert "SEARCH c USING" in plan or "contact_pkey" in plan
    put(store, "a")
    store.plan("DELETE FROM watermark")
    assert names(store) == ["a"], "asking for a plan does nothing"


def test_columns_of_a_table(store: Store) -> None:
    assert store.columns("watermark") == ["name", "event_id", "at"]
    assert store.columns("nothing_of_the_kind") == []


def test_the_statement_hook_sees_each_statement_and_the_commit(store: Store) -> None:
    seen: list[str] = []
    store.on_statement = seen.append
    put(store, "a")
    assert seen[0].startswith("INSERT INTO watermark") and seen[-1] == "COMMIT"


def test_the_inbox_takes_rows_while_the_main_gate_is_held(store: Store) -> None:
    row = {"received_at": NOW, "kind": "track", "dedupe_key": "1", "payload": "{}"}

    def arrive() -> object:
        with store.inbox.transaction():
            return store.inbox.insert_many("inbox", [row])

    with store.transaction():
        put(store, "held")
        assert in_thread(arrive) == 1
    assert store.inbox.one("SELECT COUNT(*) FROM inbox") == 1


def test_a_workspace_opens_while_somebody_writes(url: str) -> None:
    writer = open_store(url)
    with writer.transaction():
        put(writer, "half")
        reader = open_store(url)
        assert names(reader) == []
        reader.close()
    writer.close()


def test_a_workspace_in_memory_is_like_a_made_one_and_nobody_elses() -> None:
    one, other, made = open_memory(), open_memory(), open_store(MEMORY_URL, create=True)
    shape = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"
    assert one.rows(shape) == made.rows(shape) and one.migrated() == made.migrated()
    put(one, "mine")
    assert names(one) == ["mine"] and names(other) == names(open_memory()) == []
    assert one.inbox.columns("inbox") == made.inbox.columns("inbox")
