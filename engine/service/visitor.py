"""Try it as me: the visitor becomes a contact of the demo, gets its welcome mail, and watches her own dot move."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from html import unescape

from ..access import Actor
from ..audience import lifecycle
from ..config import Config
from ..errors import BadInput, Conflict
from ..journeys import enrolling, versions
from ..loop.tick import Loop
from ..outreach import messages
from ..people import consent, contacts
from ..store import Store
from . import demo

JOURNEY = "Welcome series"
SOURCE = "try it as me"  # what the demo's made-up behavior leaves alone
BY = Actor("visitor", "admin")
_TRIES, _PAUSE_S = 20, 0.25


@dataclass(frozen=True)
class Visit:
    """A visitor on her way: her contact, her passage, and the mail she was sent first."""

    contact_id: int
    email: str
    enrollment_id: int
    message_id: int


@dataclass(frozen=True)
class Link:
    """A link of the mail: the address that counts the click, and where it leads."""

    tracked_url: str
    url: str


@dataclass(frozen=True)
class Mail:
    """What was captured. html: its links lead where their author meant, so that looking at it counts nothing."""

    subject: str
    html: str
    text: str
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Place:
    """Where she stands. node: its key, None when she has left; status: active, finished or exited; path: (node, port) of
    each step so far."""

    journey: str
    version_id: int
    node: str | None
    status: str
    path: tuple[tuple[str, str], ...]


def begin(store: Store, config: Config, name: str, email: str, *, now: int) -> Visit:
    """Make the visitor a contact who has agreed to mail, enroll her, and tick until her mail is captured.

    now: the clock on the wall. Whoever is under way already goes on where she is.
    Raises Conflict: no demo; or she has been through. BadInput: no address.
    """
    demo.get(store)
    moment = demo.now(store, now)
    contact_id = _contact(store, name, email, moment)
    found = _find(store, contact_id)
    if found is None:
        enrolling.enroll(store, contacts.normalize_email(email), JOURNEY, by=BY, now=moment)
        found = _wait(store, config, contact_id, moment)
    return found


def mail(store: Store, visit: Visit) -> Mail:
    """The mail she was sent first, with the links that count. Raises Conflict: it is gone, the demo has started again."""
    copy = messages.find_copy(store, visit.message_id)
    if copy is None:
        raise Conflict("this mail is gone: the demo has started again since; begin anew")
    plain = copy.untracked()
    links = tuple(Link(tracked, unescape(url)) for tracked, url in copy.links.items())
    return Mail(copy.subject or "", plain.html or "", plain.text or "", links)


def where(store: Store, visit: Visit) -> Place:
    """Where her token stands now. Raises Conflict: she is gone, the demo has started again."""
    found = store.row("""SELECT j.name, r.version_id, r.status, n.key FROM enrollment r JOIN journey j ON j.id = r.journey_id
        LEFT JOIN token t ON t.id = r.id * 64 LEFT JOIN node n ON n.id = t.node_id
        WHERE r.id = :id AND r.contact_id = :contact""", id=visit.enrollment_id, contact=visit.contact_id)
    if found is None:
        raise Conflict("this visit is gone: the demo has started again since; begin anew")
    steps = store.rows("SELECT n.key, s.port FROM step s JOIN node n ON n.id = s.node_id WHERE s.token_id = :token "
                       "AND s.port IS NOT NULL ORDER BY s.seq", token=visit.enrollment_id * 64)
    return Place(found[0], found[1], found[3], found[2], tuple((key, port) for key, port in steps))


def step_on(store: Store, config: Config, *, now: int) -> None:
    """One tick of the demo, for when no runner is at work. now: the clock on the wall. Raises Conflict: no demo."""
    demo.get(store)
    Loop(store, replace(config, smtp_url=None)).tick(demo.now(store, now))


# ------------------------------------------------------------ how it is done


def _contact(store: Store, name: str, email: str, moment: int) -> int:
    """The visitor as a contact, with a row of consent."""
    first, _, last = " ".join(name.split()).partition(" ")
    if not first:
        raise BadInput("name: write what the mail is to call you")
    values = {"email": contacts.normalize_email(email), "first_name": first, "last_name": last, "stage": "subscriber"}
    known = contacts.find(store, values["email"])
    if known is not None:
        if store.one("SELECT c.source FROM contact c WHERE c.id = :id", id=known) != SOURCE:
            raise Conflict(f"{values['email']} belongs to somebody of the demo company: take another address")
        return known
    with store.transaction():
        saved = contacts.save(store, {**values, "source": SOURCE}, by=BY, now=moment, source=SOURCE)
        lifecycle.catch_up(store, [saved.id], now=moment, source=SOURCE, live=False)
        consent.record(store, [saved.id], "email", "subscribed", basis="consent", source=SOURCE, by=BY, now=moment,
                       text_shown="Try it as me: create me in the demo and show me the mail.")
    return saved.id


def _find(store: Store, contact_id: int) -> Visit | None:
    """Her passage with its first mail, once there is one. Raises Conflict: it has ended."""
    found = store.row("""SELECT c.id, c.email, r.id, m.id, r.status FROM contact c JOIN enrollment r ON r.contact_id = c.id
        AND r.journey_id = :journey JOIN message m ON m.contact_id = c.id AND m.enrollment_id = r.id
        AND m.status = 'sent'
        WHERE c.id = :id ORDER BY r.id DESC, m.id LIMIT 1""", id=contact_id, journey=versions.find_journey(store, JOURNEY))
    if found is None:
        return None
    if found[4] != "active":
        raise Conflict(f"{found[1]} has been through the {JOURNEY.lower()} already: take another address, or start again")
    return Visit(*found[:4])


def _wait(store: Store, config: Config, contact_id: int, moment: int) -> Visit:
    """Tick until the mail is there. Beside a runner it may be that one who sends it."""
    loop = Loop(store, replace(config, smtp_url=None))
    for _ in range(_TRIES):
        loop.tick(moment)
        found = _find(store, contact_id)
        if found is not None:
            return found
        time.sleep(_PAUSE_S)
    raise Conflict("the mail has not been captured: look at the demo's messages for the reason")
