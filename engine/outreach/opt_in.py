"""Double opt-in: somebody is asked by mail whether they mean it, and nothing else is written to them until they say yes.

unconfirmed (consent `pending`) → confirmed (`subscribed`) | unsubscribed | lapsed. The mail is an ordinary transactional
message from a template that the team may edit. Its link opens a page; only the button on the page confirms, since mail
scanners follow links. The link of any other message (a last question before somebody is let go) works the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .. import audit
from ..access import RUNNER, Actor, require
from ..activity.events import INTERNAL
from ..clock import DAY, iso
from ..content import templates
from ..errors import BadInput, Conflict, NotFound
from ..people import consent, contacts
from ..store import CHUNK, Store
from . import messages

TEMPLATE = "Please confirm"
VALID_S, LAPSES_S = 7 * DAY, 30 * DAY  # how long a link confirms; after how long without an answer nobody waits any longer
MOST_MAILS = 3  # the first one and two more
RECIPIENT = Actor("recipient", "admin")  # whoever holds the signed link of a message
State = Literal["open", "expired", "confirmed", "unsubscribed"]
PRIORITY = 100  # before everything else that waits for the same person


@dataclass(frozen=True)
class Asked:
    """A question under way. mails: how often it was sent; made: the contact came to be by it."""

    contact_id: int
    message_id: int
    mails: int
    expires_at: int
    made: bool


@dataclass(frozen=True)
class Question:
    """What the link of a message asks, and where that stands. id None: a message of another kind."""

    id: int | None
    message_id: int
    contact_id: int
    channel: str
    topic: str
    text_shown: str
    address: str | None
    state: State


def sign_up(store: Store, email: str, *, text_shown: str, source: str, ip: str | None = None, topic: str = "",
            themselves: bool = False, by: Actor, now: int) -> Asked:
    """Ask the holder of an address, who becomes a contact where nobody has it. The same rules as for `ask`."""
    require(by, "sell")
    with store.transaction():
        found = contacts.find(store, email)
        if found is None:
            if "@" not in email:
                raise NotFound(f"there is no contact {email!r}: name one by email address")
            made = contacts.save(store, {"email": email}, by=by, now=now, source=source).id
            return ask(store, made, text_shown=text_shown, source=source, ip=ip, topic=topic, made=True, by=by, now=now)
        return ask(store, found, text_shown=text_shown, source=source, ip=ip, topic=topic, themselves=themselves, by=by,
                   now=now)


def ask(store: Store, contact_id: int, *, text_shown: str, source: str, ip: str | None = None, topic: str = "",
        themselves: bool = False, made: bool = False, by: Actor, now: int) -> Asked:
    """Send the question, or send it again: two more times at most.

    themselves: they asked for mail just now, so that an earlier refusal is no obstacle.
    Raises  BadInput: no text or source, no address.  Conflict: subscribed already, asked often enough, or refused before.
    """
    require(by, "sell")
    if not text_shown.strip() or not source.strip():
        raise BadInput("say what text they agreed to, and where: both are kept as the proof")
    with store.transaction():
        store.serialize("contact")
        if not store.one("SELECT c.email FROM contact c WHERE c.id = :id", id=contact_id):
            raise BadInput("this contact has no email address to send the question to")
        _refuse(consent.state(store, contact_id, "email"), themselves)
        return _send(store, contact_id, text_shown.strip(), source.strip(), ip, topic, made, by, now)


def _refuse(status: str | None, themselves: bool) -> None:
    if status == "subscribed":
        raise Conflict("subscribed already: there is nothing to confirm")
    if status in consent.REFUSING and not themselves:
        raise Conflict(f"said no before ({status}): only they themselves can sign up again")


def _send(store: Store, contact_id: int, text_shown: str, source: str, ip: str | None, topic: str, made: bool, by: Actor,
          now: int) -> Asked:
    held = store.row("SELECT q.id, q.mails, q.made FROM confirmation q WHERE q.contact_id = :id AND q.channel = 'email' "
                     "AND q.topic = :topic AND q.ended_at IS NULL", id=contact_id, topic=topic)
    if held and held[1] >= MOST_MAILS:
        raise Conflict(f"asked {held[1]} times already: wait for the answer")
    message_id = messages.queue_one(store, contact_id, template(store, now=now), topic=topic, message_class="transactional",
                                    priority=PRIORITY, now=now)
    expires_at = now + VALID_S
    if held:
        store.run("UPDATE confirmation SET mails = mails + 1, message_id = :message, expires_at = :expires, "
                  "text_shown = :text, source = :source, ip = COALESCE(:ip, ip) WHERE id = :id", id=held[0], message=message_id,
                  expires=expires_at, text=text_shown, source=source, ip=ip)
    else:
        store.insert_many("confirmation", [{
            "contact_id": contact_id, "channel": "email", "topic": topic, "text_shown": text_shown, "source": source, "ip": ip,
            "made": int(made), "mails": 1, "message_id": message_id, "asked_at": now, "expires_at": expires_at}])
    consent.record(store, [contact_id], "email", "pending", topic=topic, basis="double opt-in", source=source, by=by, now=now,
                   text_shown=text_shown, ip=ip)
    audit.record(store, by, "asked to confirm", f"contact {contact_id}", now=now, message=message_id)
    return Asked(contact_id, message_id, (held[1] if held else 0) + 1, expires_at, bool(held[2]) if held else made)


def template(store: Store, *, now: int) -> int:
    """The template of the question, made where the team has none of this name."""
    found = templates.find(store, TEMPLATE)
    if found is None:
        written = (Path(__file__).parent / "please_confirm.html").read_text(encoding="utf-8")
        found = templates.save(store, TEMPLATE, html=written, by=RUNNER, now=now)
    return found.id


# ------------------------------------------------------------ the answer


def find_question(store: Store, message_id: int, *, now: int) -> Question | None:
    """What the link of a message asks; None when the message, or whom it went to, is no longer known."""
    row = store.row("""SELECT q.id, m.contact_id, m.channel, COALESCE(q.topic, m.topic), q.text_shown, COALESCE(m.address,
            c.email), COALESCE(q.expires_at, COALESCE(m.sent_at, m.created_at) + :valid), q.ended_as
        FROM message m JOIN contact c ON c.id = m.contact_id LEFT JOIN confirmation q ON q.contact_id = m.contact_id
            AND q.id = (SELECT MAX(n.id) FROM confirmation n WHERE n.contact_id = m.contact_id AND n.channel = m.channel
                AND n.topic = m.topic AND m.template_id = :template)
        WHERE m.id = :id""", id=message_id, valid=VALID_S, template=_template_id(store))
    if row is None:
        return None
    number, who, channel, topic, text, address, expires_at, ended_as = row
    said = consent.state(store, who, channel, topic)
    state: State = "expired" if ended_as == "lapsed" or now > expires_at else "open"
    if said == "subscribed" or (said == "unsubscribed" and ended_as == "unsubscribed"):
        state = "confirmed" if said == "subscribed" else "unsubscribed"
    return Question(number, message_id, who, channel, topic, text or "Yes, keep writing to me.", address, state)


def _template_id(store: Store) -> int:
    found = templates.find(store, TEMPLATE)
    return found.id if found else 0


def confirm(store: Store, question: Question, *, ip: str | None, now: int) -> bool:
    """They said yes: the ledger gets the text, the address and the moment. False when they had said so before.

    Raises Conflict: the link has expired.
    """
    if question.state == "confirmed":
        return False
    if question.state == "expired":
        raise Conflict("this link has expired: sign up again")
    with store.transaction(durable=True):
        store.serialize("contact")
        for topic in dict.fromkeys(("", question.topic)):
            consent.record(store, [question.contact_id], question.channel, "subscribed", topic=topic, basis="double opt-in",
                           source=f"confirm link of message {question.message_id}", by=RECIPIENT, now=now,
                           text_shown=question.text_shown, ip=ip)
        if question.address:
            consent.resubscribe(store, question.address, channel=question.channel, by=RECIPIENT, now=now)
        _end(store, question.id, "confirmed", now)
    return True


def decline(store: Store, question: Question, *, ip: str | None, now: int) -> bool:
    """They said no: nothing more is asked, and nothing written. False when they had said so before."""
    if question.state == "unsubscribed":
        return False
    with store.transaction(durable=True):
        store.serialize("contact")
        consent.record(store, [question.contact_id], question.channel, "unsubscribed", topic=question.topic, basis="withdrawn",
                       source=f"confirm link of message {question.message_id}", by=RECIPIENT, now=now,
                       text_shown="No, I did not ask for this.", ip=ip)
        if question.address and not question.topic:
            consent.suppress(store, question.address, channel=question.channel, reason="unsubscribed",
                             evidence=f"message {question.message_id}", by=RECIPIENT, now=now)
        _end(store, question.id, "unsubscribed", now)
    return True


def _end(store: Store, number: int | None, how: str, now: int) -> None:
    store.run("UPDATE confirmation SET ended_at = :now, ended_as = :how WHERE id = :id AND ended_at IS NULL", id=number,
              how=how, now=now)


# ------------------------------------------------------------ nobody answered


@dataclass(frozen=True)
class Lapsed:
    """Questions that nobody answered: how many ended, and how many contacts went with them."""

    questions: int
    removed: int


_ALONE = f"""q.made = 1 AND NOT EXISTS (SELECT 1 FROM event e WHERE e.contact_id = q.contact_id AND e.message_id IS NULL
        AND e.name NOT IN ({', '.join(map(repr, sorted(INTERNAL)))}))
    AND NOT EXISTS (SELECT 1 FROM message m WHERE m.contact_id = q.contact_id AND m.template_id <> :template)
    AND NOT EXISTS (SELECT 1 FROM enrollment r WHERE r.contact_id = q.contact_id)
    AND NOT EXISTS (SELECT 1 FROM deal_contact d WHERE d.contact_id = q.contact_id)
    AND NOT EXISTS (SELECT 1 FROM contact_merge g WHERE g.keeper_id = q.contact_id)
    AND NOT EXISTS (SELECT 1 FROM consent s WHERE s.contact_id = q.contact_id AND s.status <> 'pending')"""


def purge(store: Store, *, by: Actor, now: int) -> Lapsed:
    """End questions without an answer for 30 days; a contact that came to be by one, and of whom nothing else is known, goes
    without a trace (the address may sign up again)."""
    done = Lapsed(0, 0)
    while rows := store.rows(f"SELECT q.id, q.contact_id, CASE WHEN {_ALONE} THEN 1 ELSE 0 END FROM confirmation q WHERE "
                             "q.ended_at IS NULL AND q.asked_at <= :then ORDER BY q.id LIMIT :most", then=now - LAPSES_S,
                             template=_template_id(store), most=CHUNK):
        gone = [who for _, who, alone in rows if alone]
        with store.transaction():
            store.serialize("contact")
            store.run_many("UPDATE confirmation SET ended_at = :now, ended_as = 'lapsed' WHERE id = :id",
                           [{"id": number, "now": now} for number, _, _ in rows])
            _remove(store, gone)
            audit.record(store, by, "unconfirmed lapsed", "workspace", now=now, questions=len(rows), removed=len(gone))
        done = Lapsed(done.questions + len(rows), done.removed + len(gone))
    return done


def _remove(store: Store, contact_ids: Sequence[int]) -> None:
    messages.forget_copies(store, contact_ids)
    contacts.remove(store, contact_ids)


def waiting_words(asked: Asked) -> str:
    """One sentence for whoever asked."""
    return (f"asked by mail ({asked.mails} of at most {MOST_MAILS} times); the link confirms until {iso(asked.expires_at)}, "
            "and nothing else is written before")
