"""The journey of the runner's benchmark with SQLAlchemy's objects, one by one."""

from __future__ import annotations

from pathlib import Path

from same_journey import COMMIT_EVERY, DAY, HISTORY, LOCALES, SENDS, happened, run
from sqlalchemy import Index, UniqueConstraint, create_engine, event, func, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    """The classes of the ORM loop."""


class Contact(Base):
    __tablename__ = "contact"
    id: Mapped[int] = mapped_column(primary_key=True)
    locale: Mapped[str]
    fit_score: Mapped[int]
    engagement_score: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None]


class Event(Base):
    __tablename__ = "event"
    __table_args__ = (Index("event_contact", "contact_id", "name", "occurred_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int]
    name: Mapped[str]
    occurred_at: Mapped[int]


class Enrollment(Base):
    __tablename__ = "enrollment"
    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(index=True)
    status: Mapped[str] = mapped_column(default="active")


class Token(Base):
    __tablename__ = "token"
    __table_args__ = (Index("token_due", "node", "due_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    enrollment_id: Mapped[int] = mapped_column(index=True)
    contact_id: Mapped[int]
    node: Mapped[str]
    due_at: Mapped[int]
    arrived_at: Mapped[int]
    seq: Mapped[int] = mapped_column(default=0)


class Step(Base):
    __tablename__ = "step"
    id: Mapped[int] = mapped_column(primary_key=True)
    token_id: Mapped[int] = mapped_column(index=True)
    node: Mapped[str]
    seq: Mapped[int]
    at: Mapped[int]
    port: Mapped[str]


class Message(Base):
    __tablename__ = "message"
    __table_args__ = (UniqueConstraint("token_id", "seq", "node"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(index=True)
    token_id: Mapped[int]
    seq: Mapped[int]
    node: Mapped[str]
    status: Mapped[str] = mapped_column(default="queued", index=True)


class Score(Base):
    __tablename__ = "score_entry"
    __table_args__ = (UniqueConstraint("token_id", "seq", "node"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(index=True)
    token_id: Mapped[int]
    seq: Mapped[int]
    node: Mapped[str]
    points: Mapped[int]


class Change(Base):
    __tablename__ = "contact_change"
    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(index=True)
    name: Mapped[str]
    old: Mapped[str | None]
    new: Mapped[str]


class Tag(Base):
    __tablename__ = "contact_tag"
    contact_id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)


def orm_loop(path: Path, people: int) -> float:
    """Objects, one by one, each flushed as it changes; node-steps per second of the processor."""
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", lambda connection, _: connection.executescript(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL"))
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Contact(id=i, locale=LOCALES[i % 4], fit_score=i * 7919 % 100) for i in range(1, people + 1)])
        session.add_all([Event(contact_id=i, name=name, occurred_at=at) for i in range(1, people + 1)
                         for name, at in (happened(i, n) for n in range(HISTORY))])
        session.commit()
        loop = _OrmLoop(session, people)
        taken, used = run(loop.step_all, loop.deliver, loop.open_mail)
        assert session.scalar(select(func.count()).select_from(Token)) == 0, "somebody is left"
    engine.dispose()
    return taken / used


class _OrmLoop:
    def __init__(self, session: Session, people: int) -> None:
        self.session, self.people, self.taken, self.entered = session, people, 0, False

    def step_all(self, now: int) -> int:
        """Everything that is due, until nothing is."""
        before = self.taken
        if not self.entered:
            self.entered = True
            for contact in range(1, self.people + 1):
                passage = Enrollment(contact_id=contact)
                self.session.add(passage)
                self.session.flush()
                self.session.add(Token(enrollment_id=passage.id, contact_id=contact, node="m1", due_at=now, arrived_at=now))
                self.session.flush()
        while due := self.session.scalars(select(Token.id).where(Token.due_at <= now).order_by(Token.due_at, Token.id)).all():
            for token_id in due:
                token = self.session.get(Token, token_id)
                if token is not None:
                    self._step(token, now)
        self.session.commit()
        return self.taken - before

    def deliver(self, _: int) -> int:
        """Everything queued is sent, and whoever waits for it is due."""
        sent = self.session.scalars(select(Message.token_id).where(Message.status == "queued")).all()
        self.session.execute(update(Message).where(Message.status == "queued").values(status="sent"))
        self.session.execute(update(Token).where(Token.node.in_(SENDS)).values(due_at=0))
        self.session.commit()
        return len(sent)

    def open_mail(self, at: int) -> None:
        """Two of five open."""
        opened = [i for i in range(1, self.people + 1) if i % 5 < 2]
        self.session.add_all([Event(contact_id=i, name="email_opened", occurred_at=at) for i in opened])
        self.session.flush()
        self.session.execute(update(Token).where(Token.node == "o", Token.contact_id.in_(
            select(Event.contact_id).where(Event.name == "email_opened", Event.occurred_at == at))).values(due_at=at))
        self.session.commit()

    def _leave(self, token: Token, port: str, to: str, now: int, due_at: int | None = None) -> None:
        self.session.add(Step(token_id=token.id, node=token.node, seq=token.seq, at=now, port=port))
        token.node, token.seq, token.arrived_at = to, token.seq + 1, now
        token.due_at = now if due_at is None else due_at
        self.session.flush()
        self._count()

    def _count(self) -> None:
        self.taken += 1
        if self.taken % COMMIT_EVERY == 0:
            self.session.commit()

    def _step(self, token: Token, now: int) -> None:
        node, contact = token.node, self.session.get_one(Contact, token.contact_id)
        if node in SENDS:
            self._send(token, now)
        elif node == "w":
            self._leave(token, "next", "c", now)
        elif node == "c":
            booked = self.session.scalar(select(Event.id).where(
                Event.contact_id == contact.id, Event.name == "demo_booked").limit(1))
            yes = (contact.fit_score >= 50 or contact.locale == "de") and booked is None
            self._leave(token, "yes" if yes else "no", "s" if yes else "x", now)
        elif node == "s":
            self.session.add(Score(contact_id=contact.id, token_id=token.id, seq=token.seq, node=node, points=10))
            contact.engagement_score += 10
            self._leave(token, "next", "x", now)
        elif node == "x":
            arm = "a" if contact.id * 7919 % 2 else "b"
            self._leave(token, arm, "m2" if arm == "a" else "o", now)
        elif node == "o":
            self._wait_for(token, now)
        elif node == "g":
            self.session.merge(Tag(contact_id=contact.id, name="engaged"))
            self._leave(token, "next", "f", now)
        elif node == "f":
            self.session.add(Token(enrollment_id=token.enrollment_id, contact_id=contact.id, node="st", due_at=now,
                                   arrived_at=now, seq=token.seq + 1))
            self._leave(token, "p", "m4", now)
        elif node == "st":
            if contact.owner != "sam":
                self.session.add(Change(contact_id=contact.id, name="owner", old=contact.owner, new="sam"))
                contact.owner = "sam"
            self._leave(token, "next", "j", now)
        elif node == "j":
            self._join(token, now)
        else:
            self.session.add(Step(token_id=token.id, node=node, seq=token.seq, at=now, port="end"))
            self.session.get_one(Enrollment, token.enrollment_id).status = "finished"
            self.session.delete(token)
            self.session.flush()
            self._count()

    def _send(self, token: Token, now: int) -> None:
        found = self.session.scalar(select(Message).where(
            Message.token_id == token.id, Message.seq == token.seq, Message.node == token.node))
        if found is None:
            self.session.add(Message(contact_id=token.contact_id, token_id=token.id, seq=token.seq, node=token.node))
            token.due_at = now + DAY
            self.session.flush()
        elif found.status == "sent":
            self._leave(token, "sent", SENDS[token.node], now, now + DAY if token.node == "m1" else None)

    def _wait_for(self, token: Token, now: int) -> None:
        opened = self.session.scalar(select(Event.id).where(
            Event.contact_id == token.contact_id, Event.name == "email_opened", Event.occurred_at > token.arrived_at).limit(1))
        if opened is not None:
            self._leave(token, "happened", "g", now)
        elif now >= token.arrived_at + 3 * DAY:
            self._leave(token, "timeout", "m3", now)
        else:
            token.due_at = token.arrived_at + 3 * DAY
            self.session.flush()

    def _join(self, token: Token, now: int) -> None:
        mates = self.session.scalars(select(Token).where(Token.enrollment_id == token.enrollment_id)).all()
        if any(mate.node != "j" for mate in mates):
            token.due_at = now + 30 * DAY
            self.session.flush()
            return
        for mate in mates:
            if mate is not token:
                self.session.delete(mate)
        self._leave(token, "joined", "e", now)
