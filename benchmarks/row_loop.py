"""The journey of the runner's benchmark with plain SQL, row by row, in the tables of the loop of objects."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from orm_loop import Base
from same_journey import COMMIT_EVERY, DAY, HISTORY, LOCALES, SENDS, happened, run
from sqlalchemy import create_engine


def row_loop(path: Path, people: int) -> float:
    """Rows, one by one, with plain SQL; node-steps per second of the processor."""
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    engine.dispose()
    db = sqlite3.connect(path, isolation_level=None, cached_statements=256)
    db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN")
    db.executemany("INSERT INTO contact VALUES (?, ?, ?, 0, NULL)",
                   [(i, LOCALES[i % 4], i * 7919 % 100) for i in range(1, people + 1)])
    db.executemany("INSERT INTO event (contact_id, name, occurred_at) VALUES (?, ?, ?)",
                   [(i, *happened(i, n)) for i in range(1, people + 1) for n in range(HISTORY)])
    db.execute("COMMIT")
    loop = _RowLoop(db, people)
    taken, used = run(loop.step_all, loop.deliver, loop.open_mail)
    assert db.execute("SELECT COUNT(*) FROM token").fetchone() == (0,), "somebody is left"
    db.close()
    return taken / used


Row = tuple[int, int, int, str, int, int]  # token, enrollment, contact, node, arrived_at, seq


class _RowLoop:
    def __init__(self, db: sqlite3.Connection, people: int) -> None:
        self.db, self.people, self.taken, self.entered = db, people, 0, False

    def step_all(self, now: int) -> int:
        """Everything that is due, until nothing is."""
        before = self.taken
        self.db.execute("BEGIN")
        if not self.entered:
            self.entered = True
            for contact in range(1, self.people + 1):
                passage = self.db.execute("INSERT INTO enrollment (contact_id, status) VALUES (?, 'active')",
                                          (contact,)).lastrowid
                self.db.execute("INSERT INTO token (enrollment_id, contact_id, node, due_at, arrived_at, seq) "
                                "VALUES (?, ?, 'm1', ?, ?, 0)", (passage, contact, now, now))
        while due := self.db.execute("SELECT id FROM token WHERE due_at <= ? ORDER BY due_at, id", (now,)).fetchall():
            for (token,) in due:
                row = self.db.execute("SELECT id, enrollment_id, contact_id, node, arrived_at, seq FROM token WHERE id = ?",
                                      (token,)).fetchone()
                if row is not None:
                    self._step(row, now)
        self.db.execute("COMMIT")
        return self.taken - before

    def deliver(self, _: int) -> int:
        """Everything queued is sent, and whoever waits for it is due."""
        sent = self.db.execute("UPDATE message SET status = 'sent' WHERE status = 'queued'").rowcount
        self.db.execute("UPDATE token SET due_at = 0 WHERE node IN ('m1', 'm2', 'm3', 'm4')")
        return sent

    def open_mail(self, at: int) -> None:
        """Two of five open."""
        self.db.execute("INSERT INTO event (contact_id, name, occurred_at) SELECT id, 'email_opened', ? FROM contact "
                        "WHERE id % 5 < 2", (at,))
        self.db.execute("UPDATE token SET due_at = ? WHERE node = 'o' AND contact_id % 5 < 2", (at,))

    def _leave(self, row: Row, port: str, to: str, now: int, due_at: int | None = None) -> None:
        self.db.execute("INSERT INTO step (token_id, node, seq, at, port) VALUES (?, ?, ?, ?, ?)",
                        (row[0], row[3], row[5], now, port))
        self.db.execute("UPDATE token SET node = ?, seq = seq + 1, arrived_at = ?, due_at = ? WHERE id = ?",
                        (to, now, now if due_at is None else due_at, row[0]))
        self._count()

    def _count(self) -> None:
        self.taken += 1
        if self.taken % COMMIT_EVERY == 0:
            self.db.execute("COMMIT")
            self.db.execute("BEGIN")

    def _step(self, row: Row, now: int) -> None:
        token, passage, contact, node, arrived_at, seq = row
        if node in SENDS:
            self._send(row, now)
        elif node == "w":
            self._leave(row, "next", "c", now)
        elif node == "c":
            fit, locale = self.db.execute("SELECT fit_score, locale FROM contact WHERE id = ?", (contact,)).fetchone()
            booked = self.db.execute("SELECT id FROM event WHERE contact_id = ? AND name = 'demo_booked' LIMIT 1",
                                     (contact,)).fetchone()
            yes = (fit >= 50 or locale == "de") and booked is None
            self._leave(row, "yes" if yes else "no", "s" if yes else "x", now)
        elif node == "s":
            self.db.execute("INSERT INTO score_entry (contact_id, token_id, seq, node, points) VALUES (?, ?, ?, ?, 10)",
                            (contact, token, seq, node))
            self.db.execute("UPDATE contact SET engagement_score = engagement_score + 10 WHERE id = ?", (contact,))
            self._leave(row, "next", "x", now)
        elif node == "x":
            arm = "a" if contact * 7919 % 2 else "b"
            self._leave(row, arm, "m2" if arm == "a" else "o", now)
        elif node == "o":
            opened = self.db.execute("SELECT id FROM event WHERE contact_id = ? AND name = 'email_opened' AND occurred_at > ? "
                                     "LIMIT 1", (contact, arrived_at)).fetchone()
            if opened is not None:
                self._leave(row, "happened", "g", now)
            elif now >= arrived_at + 3 * DAY:
                self._leave(row, "timeout", "m3", now)
            else:
                self._later(token, arrived_at + 3 * DAY)
        elif node == "g":
            self.db.execute("INSERT OR IGNORE INTO contact_tag VALUES (?, 'engaged')", (contact,))
            self._leave(row, "next", "f", now)
        elif node == "f":
            self.db.execute("INSERT INTO token (enrollment_id, contact_id, node, due_at, arrived_at, seq) "
                            "VALUES (?, ?, 'st', ?, ?, ?)", (passage, contact, now, now, seq + 1))
            self._leave(row, "p", "m4", now)
        elif node == "st":
            old = self.db.execute("SELECT owner FROM contact WHERE id = ?", (contact,)).fetchone()[0]
            if old != "sam":
                self.db.execute("INSERT INTO contact_change (contact_id, name, old, new) VALUES (?, 'owner', ?, 'sam')",
                                (contact, old))
                self.db.execute("UPDATE contact SET owner = 'sam' WHERE id = ?", (contact,))
            self._leave(row, "next", "j", now)
        elif node == "j":
            mates = self.db.execute("SELECT id, node FROM token WHERE enrollment_id = ?", (passage,)).fetchall()
            if any(mate[1] != "j" for mate in mates):
                self._later(token, now + 30 * DAY)
                return
            self.db.executemany("DELETE FROM token WHERE id = ?", [(mate,) for mate, _ in mates if mate != token])
            self._leave(row, "joined", "e", now)
        else:
            self.db.execute("INSERT INTO step (token_id, node, seq, at, port) VALUES (?, ?, ?, ?, 'end')",
                            (token, node, seq, now))
            self.db.execute("UPDATE enrollment SET status = 'finished' WHERE id = ?", (passage,))
            self.db.execute("DELETE FROM token WHERE id = ?", (token,))
            self._count()

    def _send(self, row: Row, now: int) -> None:
        found = self.db.execute("SELECT status FROM message WHERE token_id = ? AND seq = ? AND node = ?",
                                (row[0], row[5], row[3])).fetchone()
        if found is None:
            self.db.execute("INSERT INTO message (contact_id, token_id, seq, node, status) VALUES (?, ?, ?, ?, 'queued')",
                            (row[2], row[0], row[5], row[3]))
            self._later(row[0], now + DAY)
        elif found[0] == "sent":
            self._leave(row, "sent", SENDS[row[3]], now, now + DAY if row[3] == "m1" else None)

    def _later(self, token: int, due_at: int) -> None:
        self.db.execute("UPDATE token SET due_at = ? WHERE id = ?", (due_at, token))
