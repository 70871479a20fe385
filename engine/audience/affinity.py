"""Topic affinity: what people have shown interest in by clicking and reading content that carries a topic.

A topic is carried by pages, links and templates. Every click and visit that no machine did counts 1 and halves with the
half-life of the topic, opens never. Of each contact and topic one number is kept, kappa = at + h · log2(value), which stays
the same while nothing happens. It is worked out anew from the events, never carried on, so that late events, mergers,
erasures and verdicts can not make it wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import log2, pow

from .. import audit
from ..access import Actor, require
from ..activity import events
from ..clock import DAY
from ..errors import BadInput, NotFound, listing
from ..people import dirty
from ..people.lookups import rows_in
from ..schema import set_watermark, watermark
from ..sql import fold
from ..store import Store
from .rules import Named, find, known
from .rules.filters import HUMAN
from .rules.interest import NAMES, SHOWS, WORTH

CONSUMER = "affinity"
HALF_LIFE_DAYS, LONGEST_HALF_LIFE = 30, 730
LONGEST_NAME, LONGEST_VALUE, MOST_TOPICS, MOST_CONTENT = 60, 500, 100, 200
PERIOD_DAYS = 30
STEP = 1_000  # contacts per transaction
_SAME_S = 0.01  # kappa differs by less where only the arithmetic does
_WORTH = f"""SELECT e.contact_id, t.id, SUM({WORTH.format(half_life="t.half_life_s")})
    FROM event e VIA(event_contact) JOIN contact c ON c.id = e.contact_id
        JOIN affinity_topic t ON {SHOWS.format(topic="t.id")}
    WHERE t.id BETWEEN :first AND :last AND e.contact_id IN ({{values}}) AND e.name IN {NAMES} AND {HUMAN.format(e="e")}
    GROUP BY e.contact_id, t.id"""
# Whoever has done something new (a short range of ids), and whose facts changed: a merger, a verdict, an erased event.
_DUE = f"""SELECT DISTINCT q.contact_id FROM (
        SELECT e.contact_id FROM event e WHERE e.id > :low AND e.id <= :upto AND (e.name || '') IN {NAMES}
        UNION ALL SELECT d.contact_id FROM dirty_contact d WHERE EXISTS
            (SELECT 1 FROM affinity a WHERE a.contact_id = d.contact_id) OR EXISTS
            (SELECT 1 FROM event e WHERE e.contact_id = d.contact_id AND e.name IN {NAMES})) q ORDER BY q.contact_id"""


@dataclass(frozen=True)
class Topic:
    """pages: paths; links: addresses that messages point to; both with whatever stands below them. mails: templates."""

    id: int
    name: str
    half_life_days: int
    pages: tuple[str, ...]
    links: tuple[str, ...]
    mails: tuple[str, ...]


@dataclass(frozen=True)
class Shown:
    """A topic in the report. interested: people whose affinity is at least 1 now; people and times: who clicked or read in
    the period, and how often; before: the people of the period of the same length before it."""

    topic: str
    interested: int
    people: int
    times: int
    before: int

    @property
    def trend(self) -> float | None:
        """Change of the people against the period before, 0.5 for half as many again; None where there were none."""
        return self.people / self.before - 1 if self.before else None


# ------------------------------------------------------------ topics


def list_topics(store: Store) -> list[Topic]:
    """All of them, by name."""
    carried = store.rows("SELECT k.topic_id, k.kind, k.value FROM affinity_content k ORDER BY k.value")

    def of(topic: int, kind: str) -> tuple[str, ...]:
        return tuple(value for number, what, value in carried if (number, what) == (topic, kind))

    rows = store.rows("SELECT t.id, t.name, t.half_life_s FROM affinity_topic t ORDER BY t.key")
    return [Topic(number, name, half_life // DAY, of(number, "page"), of(number, "link"), of(number, "template"))
            for number, name, half_life in rows]


def save(store: Store, name: str, *, pages: Iterable[str] = (), links: Iterable[str] = (), mails: Iterable[str] = (),
         half_life_days: int = HALF_LIFE_DAYS, by: Actor, now: int) -> Topic:
    """Make a topic or say anew what carries it; everybody's affinity to it is worked out from all there is, imported events
    too. Raises BadInput; NotFound: no such template."""
    require(by, "market")
    trimmed = " ".join(name.split())
    if not trimmed or len(trimmed) > LONGEST_NAME:
        raise BadInput(f"topic {name[:40]!r}: a name has 1 to {LONGEST_NAME} characters")
    if not 1 <= half_life_days <= LONGEST_HALF_LIFE:
        raise BadInput(f"half-life {half_life_days}: 1 to {LONGEST_HALF_LIFE} days")
    rows: list[tuple[str, str, int | None]] = [("page", _page(one), None) for one in pages]
    rows += [("link", _link(one), None) for one in links]
    rows += [("template", found.name, found.id) for found in map(_template_finder(store), mails)]
    rows = list(dict.fromkeys(rows))
    if not 0 < len(rows) <= MOST_CONTENT:
        raise BadInput(f"topic {trimmed!r}: name 1 to {MOST_CONTENT} pages, links or templates that carry it")
    there, key = list_topics(store), fold(trimmed)
    old = next((one for one in there if fold(one.name) == key), None)
    if old is None and len(there) >= MOST_TOPICS:
        raise BadInput(f"{MOST_TOPICS} topics are there already: remove one first")
    with store.transaction():
        number = old.id if old else store.new_ids("affinity_topic", 1)[0]
        store.upsert_many("affinity_topic", [{"id": number, "key": key, "name": old.name if old else trimmed,
                                              "half_life_s": half_life_days * DAY, "updated_at": now}], key=("id",))
        store.run("DELETE FROM affinity_content WHERE topic_id = :id", id=number)
        store.insert_many("affinity_content", [{"topic_id": number, "kind": kind, "value": value, "template_id": template}
                                               for kind, value, template in rows])
        if not there:  # from here on the tick listens
            set_watermark(store, CONSUMER, events.last_id(store), now)
        audit.record(store, by, "topic saved", trimmed, now=now, half_life_days=half_life_days,
                     content=[value for _, value, _ in rows])
    for part in store.stream(f"""SELECT DISTINCT q.contact_id FROM (SELECT e.contact_id FROM event e WHERE e.name IN {NAMES}
            UNION ALL SELECT a.contact_id FROM affinity a WHERE a.topic_id = :id) q ORDER BY q.contact_id""", size=STEP,
                             id=number):
        _settle(store, [row[0] for row in part], now=now, topic=number)
    return next(one for one in list_topics(store) if one.id == number)


def remove(store: Store, name: str, *, by: Actor, now: int) -> None:
    """Forget a topic and what is kept of it; a rule that asks for it is broken from then on. Raises NotFound."""
    require(by, "market")
    gone = _get(store, name)
    with store.transaction():
        store.run("DELETE FROM affinity WHERE topic_id = :id", id=gone.id)
        store.run("DELETE FROM affinity_content WHERE topic_id = :id", id=gone.id)
        store.run("DELETE FROM affinity_topic WHERE id = :id", id=gone.id)
        audit.record(store, by, "topic removed", gone.name, now=now)


def _get(store: Store, name: str) -> Topic:
    there = list_topics(store)
    found = next((one for one in there if fold(one.name) == fold(" ".join(name.split()))), None)
    if found is None:
        raise NotFound(f"no topic {name!r}; there are {listing([one.name for one in there])}")
    return found


def _template_finder(store: Store) -> Callable[[str], Named]:
    there = known(store).templates

    def named(name: str) -> Named:
        if found := find(there, name):
            return found
        raise NotFound(f"no template {name!r}; there are {listing([one.name for one in there.values()])}")

    return named


def _page(typed: str) -> str:
    path = fold(typed.strip())
    if not path.startswith("/") or len(path) > LONGEST_VALUE:
        raise BadInput(f"page {typed[:60]!r}: write a path that begins with /, such as /guides")
    return path.rstrip("/") or "/"


def _link(typed: str) -> str:
    address = fold(typed.strip())
    if not address.startswith(("http://", "https://")) or len(address) > LONGEST_VALUE:
        raise BadInput(f"link {typed[:60]!r}: write an address that begins with https://, as the message has it")
    return address.rstrip("/")


# ------------------------------------------------------------ kept by the tick


def refresh(store: Store, *, now: int, upto: int) -> int:
    """Take in events up to the id `upto`, and whoever changed; how many contacts' affinity is another one. They are marked
    for the watch."""
    if not store.one("SELECT EXISTS (SELECT 1 FROM affinity_topic)"):
        return 0
    low, _ = watermark(store, CONSUMER)
    due = [row[0] for row in store.rows(_DUE, low=low, upto=upto)]
    changed = sum(_settle(store, due[at:at + STEP], now=now) for at in range(0, len(due), STEP))
    if upto > low:
        with store.transaction():
            set_watermark(store, CONSUMER, upto, now)
    return changed


def _settle(store: Store, contact_ids: Sequence[int], *, now: int, topic: int | None = None) -> int:
    """Make what is kept of these contacts (of all topics, or one) what their events say; of how many it was something else."""
    which = {"first": 0, "last": 2**62} if topic is None else {"first": topic, "last": topic}
    with store.transaction():
        half_lives: dict[int, int] = dict(store.rows("SELECT t.id, t.half_life_s FROM affinity_topic t"))
        true = {(who, about): now + half_lives[about] * log2(worth)
                for who, about, worth in rows_in(store, _WORTH, contact_ids, now=now, **which)}
        kept = {(who, about): kappa for who, about, kappa in rows_in(
            store, "SELECT a.contact_id, a.topic_id, a.kappa FROM affinity a WHERE a.contact_id IN ({values}) "
                   "AND a.topic_id BETWEEN :first AND :last", contact_ids, **which)}
        new = {pair: kappa for pair, kappa in true.items() if abs(kept.get(pair, -1e18) - kappa) > _SAME_S}
        gone = [pair for pair in kept if pair not in true]
        store.upsert_many("affinity", [{"contact_id": who, "topic_id": about, "kappa": kappa}
                                       for (who, about), kappa in new.items()], key=("contact_id", "topic_id"))
        store.run_many("DELETE FROM affinity WHERE contact_id = :who AND topic_id = :about",
                       [{"who": who, "about": about} for who, about in gone])
        changed = sorted({who for who, _ in (*new, *gone)})
        dirty.mark(store, changed)
    return len(changed)


# ------------------------------------------------------------ asked


def of_contact(store: Store, contact_id: int, *, now: int) -> list[tuple[str, float]]:
    """Topics somebody has an affinity to now, of 0.1 at least, the strongest first."""
    found = [(name, pow(2, min((kappa - now) / half_life, 60))) for name, kappa, half_life in store.rows(
        "SELECT t.name, a.kappa, t.half_life_s FROM affinity a JOIN affinity_topic t ON t.id = a.topic_id "
        "WHERE a.contact_id = :id", id=contact_id)]
    return sorted(((name, round(worth, 2)) for name, worth in found if worth >= 0.1), key=lambda one: (-one[1], one[0]))


def of_contacts(store: Store, contact_ids: Iterable[int], *, now: int) -> dict[int, list[str]]:
    """The topics that people are interested in now (an affinity of 1 at least), the strongest first; who has none is absent."""
    held: dict[int, list[tuple[float, str]]] = {}
    for who, topic, halvings in rows_in(
            store, "SELECT a.contact_id, t.name, (:now - a.kappa) / t.half_life_s FROM affinity a JOIN affinity_topic t "
            "ON t.id = a.topic_id WHERE a.contact_id IN ({values}) AND a.kappa >= :now", contact_ids, now=now):
        held.setdefault(who, []).append((halvings, topic))
    return {who: [topic for _, topic in sorted(topics)] for who, topics in held.items()}


def report(store: Store, *, days: int = PERIOD_DAYS, now: int) -> list[Shown]:
    """Every topic: who is interested now, and who showed it in the last days against as many days before. The topic that
    most people showed comes first. Raises BadInput."""
    if not 1 <= days <= 366:
        raise BadInput(f"{days} days: 1 to 366")
    topics = list_topics(store)
    shown = {topic: counts for topic, *counts in store.rows(
        f"""SELECT t.id, COUNT(DISTINCT CASE WHEN e.occurred_at > :then THEN e.contact_id END),
            COUNT(CASE WHEN e.occurred_at > :then THEN 1 END),
            COUNT(DISTINCT CASE WHEN e.occurred_at <= :then THEN e.contact_id END)
        FROM event e JOIN contact c ON c.id = e.contact_id JOIN affinity_topic t ON {SHOWS.format(topic="t.id")}
        WHERE e.name IN {NAMES} AND e.occurred_at > :before AND e.occurred_at <= :now AND {HUMAN.format(e="e")}
            AND c.anonymous = 0 GROUP BY t.id""", now=now, then=now - days * DAY, before=now - 2 * days * DAY)}
    interested: dict[int, int] = dict(store.rows("""SELECT a.topic_id, COUNT(*) FROM affinity a
        JOIN contact c ON c.id = a.contact_id WHERE a.kappa >= :now AND c.anonymous = 0 GROUP BY a.topic_id""", now=now))
    found = [Shown(one.name, interested.get(one.id, 0), *shown.get(one.id, (0, 0, 0))) for one in topics]
    return sorted(found, key=lambda one: (-one.people, -one.interested, one.topic))
