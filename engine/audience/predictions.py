"""What a model says of contacts: runs of probabilities, ranked once when they are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import audit
from ..access import Actor, require
from ..clock import DAY
from ..errors import BadInput
from ..people import dirty
from ..sql import fold, sql
from ..store import CHUNK, Store

LONGEST_NAME = 100
KEPT_RUNS = 12  # of a model: so far back can be asked how things stood


@dataclass(frozen=True)
class Run:
    """One run of a model. at: UTC seconds; contacts: how many it spoke of; mean: of their probabilities, 0–1, None for none."""

    model: str
    at: int
    source: str
    contacts: int
    mean: float | None


def list_runs(store: Store) -> list[Run]:
    """The newest run of each model, by name."""
    return [Run(*row) for row in store.rows("""SELECT m.name, r.at, r.source, r.contacts,
            (SELECT AVG(p.probability) FROM prediction p WHERE p.run_id = r.id)
        FROM prediction_model m JOIN prediction_run r ON r.id = (SELECT x.id FROM prediction_run x WHERE x.model_id = m.id
            AND x.contacts > 0 ORDER BY x.at DESC, x.id DESC LIMIT 1) ORDER BY m.key""")]


def check_name(model: str) -> str:
    """A model's name as it is kept. Raises BadInput."""
    name = " ".join(model.split())
    if not name or len(name) > LONGEST_NAME:
        raise BadInput(f"model {model[:40]!r}: a name has 1 to {LONGEST_NAME} characters, such as purchase_14d")
    return name


def record(store: Store, model: str, probabilities: Mapping[int, float], *, source: str, by: Actor, now: int) -> Run:
    """Write a run: probabilities 0–1 by contact. It replaces the former one as a whole, and contacts of whom anything
    changed are looked at again. Raises BadInput: a name or number that is none, or a run older than the newest.

    A contact's top share is its place from the top, by probability and then by id, over how many there are.
    """
    require(by, "analyze")
    name = check_name(model)
    if not probabilities:
        raise BadInput(f"model {name!r}: the run speaks of nobody")
    if wrong := next((one for one in probabilities.values() if not 0 <= one <= 1), None):
        raise BadInput(f"model {name!r}: {wrong:g} is not a probability: write numbers from 0 to 1")
    run = _begin(store, name, source, now)
    ranked = sorted(probabilities.items(), key=lambda pair: (-pair[1], pair[0]))
    rows = [{"run_id": run, "contact_id": who, "probability": float(one), "top_share": place / len(ranked)}
            for place, (who, one) in enumerate(ranked, start=1)]
    for at in range(0, len(rows), CHUNK):
        with store.transaction():
            store.insert_many("prediction", rows[at:at + CHUNK])
    with store.transaction():
        store.serialize("prediction")
        old = _newest(store, fold(name))
        store.run("UPDATE prediction_run SET contacts = :n WHERE id = :run", run=run, n=len(rows))
        store.run(dirty.marks(sql(_CHANGED, new=run, old=old[0] if old else 0)))
        audit.record(store, by, "predictions recorded", name, now=now, contacts=len(rows), source=source)
    _forget(store, fold(name), now)
    return Run(name, now, source, len(rows), sum(probabilities.values()) / len(rows))


def _begin(store: Store, name: str, source: str, now: int) -> int:
    """A run of which nobody hears until it is whole: it says of how many contacts it speaks only then."""
    with store.transaction():
        store.serialize("prediction")
        old = _newest(store, fold(name))
        if old and old[1] > now:
            raise BadInput(f"model {name!r}: its newest run is later than this one")
        store.upsert_many("prediction_model", [{"key": fold(name), "name": name}], key=("key",))
        run = store.new_ids("prediction_run", 1)[0]
        store.run("INSERT INTO prediction_run (id, model_id, at, source, contacts) SELECT :run, m.id, :now, :source, 0 "
                  "FROM prediction_model m WHERE m.key = :key", run=run, now=now, source=source, key=fold(name))
    return run


def _newest(store: Store, key: str) -> tuple[Any, ...] | None:
    return store.row("SELECT r.id, r.at FROM prediction_run r JOIN prediction_model m ON m.id = r.model_id WHERE m.key = :key "
                     "AND r.contacts > 0 ORDER BY r.at DESC, r.id DESC LIMIT 1", key=key)


_CHANGED = """SELECT p.contact_id FROM prediction p WHERE p.run_id = :new AND NOT EXISTS (SELECT 1 FROM prediction o
        WHERE o.run_id = :old AND o.contact_id = p.contact_id AND o.probability = p.probability AND o.top_share = p.top_share)
    UNION ALL SELECT o.contact_id FROM prediction o WHERE o.run_id = :old AND NOT EXISTS
        (SELECT 1 FROM prediction p WHERE p.run_id = :new AND p.contact_id = o.contact_id)"""


def _forget(store: Store, key: str, now: int) -> None:
    """Runs beyond the newest few, and what a process that died has begun; some thousand rows to the transaction."""
    runs = store.rows("SELECT r.id, r.contacts, r.at FROM prediction_run r JOIN prediction_model m ON m.id = r.model_id "
                      "WHERE m.key = :key ORDER BY r.at DESC, r.id DESC", key=key)
    whole = [run for run, contacts, _ in runs if contacts]
    for run in [*whole[KEPT_RUNS:], *(run for run, contacts, at in runs if not contacts and at < now - DAY)]:
        gone = True
        while gone:
            with store.transaction():
                gone = bool(store.run("DELETE FROM prediction WHERE run_id = :run AND contact_id IN (SELECT p.contact_id "
                                      "FROM prediction p WHERE p.run_id = :run LIMIT :few)", run=run, few=CHUNK))
        with store.transaction():
            store.run("DELETE FROM prediction_run WHERE id = :run", run=run)
