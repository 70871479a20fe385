"""The stores that tests get are as new, whatever the test before did."""

from __future__ import annotations

import pytest

from engine.schema import MIGRATIONS
from engine.store import Store
from tests.conftest import ENGINES, NOW


def leave_traces(store: Store) -> None:
    with store.transaction():
        store.script(["ALTER TABLE contact ADD COLUMN cf_1 TEXT"])
        store.insert_many("contact", [{"email": f"{n}@example.com", "cf_1": "x" * 900, "hash31": n + 1, "created_at": NOW,
                                       "updated_at": NOW} for n in range(2_000)])
        store.insert_many("dirty_contact", [{"contact_id": 1}])
        store.insert_many("setting", [{"key": "a", "value": "1"}])
        if store.backend == "postgresql":
            store.run("ANALYZE setting")
            store.run("ANALYZE contact")


@pytest.mark.parametrize("turn", range(3))
def test_a_store_is_new(store: Store, turn: int) -> None:
    assert store.migrated() == [name for name, _ in MIGRATIONS]
    assert "cf_1" not in store.columns("contact")
    assert not [table for table in ("contact", "setting", "dirty_contact") if store.one(f"SELECT COUNT(*) FROM {table}")]
    if store.backend == "postgresql":
        assert store.rows("SELECT reltuples FROM pg_class WHERE oid IN (CAST('setting' AS regclass), CAST('contact' AS "
                          "regclass))") == [(-1,), (-1,)]
    with store.transaction():
        store.insert_many("dirty_contact", [{"contact_id": 9}])
    assert store.one("SELECT id FROM dirty_contact") == 1
    leave_traces(store)


def test_both_engines_are_tested() -> None:
    assert ENGINES == ["sqlite", "postgresql"]
