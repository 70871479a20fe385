"""Two ledgers that nobody changes unseen: consent and audit, each a chain of hashes.

A link says H(link before ‖ H(salt ‖ row)), so a row that was changed, taken out or put in between no longer fits. The salt
is what makes a row provable: forgetting a person drops it with the row, and the chain still holds, for the hash stays.
The tick seals new rows; the commands that write them know nothing of it. Whoever writes the newest hash down elsewhere
can tell later that nothing was cut off the end.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import BadInput
from ..store import Store
from .lookups import rows_in

LEDGERS = {
    "consent": ("contact_id", "channel", "topic", "purpose", "status", "basis", "source", "text_shown", "ip", "at", "actor"),
    "audit": ("at", "actor", "role", "action", "subject", "detail"),
}
START = "0" * 64
MOST_AT_ONCE = 20_000  # rows sealed by one tick
LATE = 10_000  # a row may be committed after that many with higher ids and is sealed all the same
MOST_TOLD = 100


@dataclass(frozen=True)
class Flaw:
    """A row that is not what it was when it was sealed. row: its id in the ledger."""

    ledger: str
    row: int
    what: str


@dataclass
class Ledger:
    """One chain. rows: sealed; forgotten: of these, erased with their person; waiting: not sealed yet; head: newest hash."""

    rows: int = 0
    forgotten: int = 0
    waiting: int = 0
    head: str = START


@dataclass
class Verdict:
    """What a verification found. ledgers by name; flaws: at most a hundred of them."""

    ok: bool = True
    ledgers: dict[str, Ledger] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)


def seal(store: Store) -> int:
    """Add the new rows of each ledger to its chain; how many. Looks only at ids when there is nothing new."""
    return sum(_seal(store, ledger) for ledger in LEDGERS)


def seal_consent(store: Store) -> None:
    """Before rows of consent go over to another contact: each is sealed as the word of whoever gave it, so that the chain still
    holds when it comes back."""
    while _seal(store, "consent") == MOST_AT_ONCE:
        pass


def _seal(store: Store, ledger: str) -> int:
    newest = store.one(f"SELECT COALESCE(MAX(q.id), 0) FROM {ledger} q")
    sealed = store.one("SELECT COALESCE(MAX(l.row_id), 0) FROM chain_link l WHERE l.ledger = :ledger", ledger=ledger)
    if newest <= sealed:
        return 0
    with store.transaction():
        store.serialize(f"chain {ledger}")
        columns = ", ".join(f"q.{name}" for name in LEDGERS[ledger])
        rows = store.rows(f"""SELECT q.id, {columns} FROM {ledger} q WHERE q.id > :floor AND NOT EXISTS
            (SELECT 1 FROM chain_link l WHERE l.ledger = :ledger AND l.row_id = q.id) ORDER BY q.id LIMIT :most""",
                          floor=sealed - LATE, ledger=ledger, most=MOST_AT_ONCE)
        head, links = _head(store, ledger), []
        for row in rows:
            salt = secrets.token_hex(16)
            payload = _digest(salt, _payload(ledger, row[1:]))
            head = _digest(head, payload)
            links.append({"ledger": ledger, "row_id": row[0], "subject_id": row[1] if ledger == "consent" else None,
                          "salt": salt, "payload_hash": payload, "row_hash": head})
        store.insert_many("chain_link", links)
    return len(rows)


def forget(store: Store, contact_ids: Sequence[int]) -> None:
    """Before the consent of these contacts is stripped or deleted: their links stay and prove nothing more of the rows.

    Needs a transaction.
    """
    ids = [row[0] for row in rows_in(store, "SELECT q.id FROM consent q WHERE q.contact_id IN ({values})", contact_ids)]
    store.run_many("UPDATE chain_link SET salt = NULL WHERE ledger = 'consent' AND row_id = :id", [{"id": one} for one in ids])


def verify(store: Store, known_head: str | None = None) -> Verdict:
    """Follow both chains from their first link.

    known_head: a hash that was the newest once; both chains together must still hold it. Raises BadInput: not a hash.
    """
    if known_head is not None and (len(known_head) != len(START) or not set(known_head) <= set("0123456789abcdef")):
        raise BadInput(f"{known_head!r} is no hash: give the 64 characters that an earlier `verify` printed")
    found, seen = Verdict(), known_head is None
    for ledger in LEDGERS:
        at = found.ledgers[ledger] = Ledger()
        for flaw, head in _walk(store, ledger, at):
            seen = seen or head == known_head
            if flaw and len(found.flaws) < MOST_TOLD:
                found.flaws.append(flaw)
        at.waiting = store.one(f"""SELECT COUNT(*) FROM {ledger} q WHERE NOT EXISTS
            (SELECT 1 FROM chain_link l WHERE l.ledger = :ledger AND l.row_id = q.id)""", ledger=ledger)
    if not seen:
        found.flaws.append(Flaw("both", 0, f"no chain holds {known_head} any more: something was cut off its end"))
    found.ok = not found.flaws
    return found


def _walk(store: Store, ledger: str, at: Ledger) -> Iterator[tuple[Flaw | None, str]]:
    columns = ", ".join(f"q.{name}" for name in LEDGERS[ledger])
    merged: dict[int, int] = dict(store.rows("SELECT g.loser_id, g.keeper_id FROM contact_merge g ORDER BY g.id"))
    for chunk in store.stream(f"""SELECT l.row_id, l.subject_id, l.salt, l.payload_hash, l.row_hash, q.id, {columns}
            FROM chain_link l LEFT JOIN {ledger} q ON q.id = l.row_id WHERE l.ledger = :ledger ORDER BY l.id""", ledger=ledger):
        for row_id, subject_id, salt, payload_hash, row_hash, present, *row in chunk:
            what = None
            if row_hash != _digest(at.head, payload_hash):
                what = "its link does not follow the one before it: a link was changed, removed or put in"
            elif salt is None:
                at.forgotten += 1
            elif present is None:
                what = "the row is gone"
            elif payload_hash != _digest(salt, _payload(ledger, _as_sealed(ledger, row, subject_id, merged))):
                what = "the row was changed after it was written"
            at.rows += 1
            at.head = row_hash
            yield (Flaw(ledger, row_id, what) if what else None), row_hash


def _as_sealed(ledger: str, row: list[Any], subject_id: int | None, merged: dict[int, int]) -> list[Any]:
    """A consent row belongs to somebody else since two contacts became one, and to nobody else for another reason."""
    if ledger != "consent" or subject_id is None:
        return row
    who, passed = subject_id, set()
    while who != row[0] and who in merged and who not in passed:
        passed.add(who)
        who = merged[who]
    return [subject_id, *row[1:]] if who == row[0] else row


def _head(store: Store, ledger: str) -> str:
    return store.one("SELECT l.row_hash FROM chain_link l WHERE l.ledger = :ledger ORDER BY l.id DESC LIMIT 1",
                     ledger=ledger) or START


def _payload(ledger: str, row: Sequence[Any]) -> str:
    """A row as one text, the same on both databases. The detail of an audit row is a document: its order says nothing."""
    values = list(row)
    if ledger == "audit":
        values[-1] = json.loads(values[-1])
    return json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _digest(first: str, second: str) -> str:
    return hashlib.sha256(f"{first}\n{second}".encode()).hexdigest()
